"""Neural estimators that fit a critic to each data set: MINE, InfoNCE and NWJ, by torch-mist.

The package torch-mist [1]_ needs NumPy below 2, so it lives in an environment of its own; see
README.md. Settings follow Czyż et al. [2]_: half of the rows train the critic, the other half says
when to stop and gives the estimate; the critic sees (x, y) together. It has two layers of 128
units, and at most 1,500 steps of 64 rows; `results/speed.md` has their seconds.

References
----------
.. [1] M. Federici, torch-mist 0.2, https://github.com/mfederici/torch-mist.
.. [2] P. Czyż et al., "Beyond Normal: On the evaluation of mutual information estimators",
   NeurIPS 2023, appendix E.
.. [3] MINE: M. I. Belghazi et al., "Mutual information neural estimation", ICML 2018.
.. [4] InfoNCE: A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive
   predictive coding", arXiv:1807.03748.
.. [5] NWJ: X. Nguyen, M. J. Wainwright, M. I. Jordan, "Estimating divergence functionals and the
   likelihood ratio by convex risk minimization", IEEE Trans. Information Theory 56 (2010).
"""

from __future__ import annotations

import contextlib
import io

import numpy as np

# What the neural estimators are run on: all kinds of tasks of bmi40, in a time that can be borne.
SIZES = (2000,)
TASKS = (
    "Bivariate normal 1x1",
    "Additive uniform 1x1 (eps=0.1)",
    "Half-cube @ bivariate normal 1x1",
    "Student 1x1 (df=1)",
    "Swiss roll 2x1",
    "Normal 3x3 (dense)",
    "Normal 25x25 (dense)",
    "Normal 5x5 (2-pair)",
    "Student 5x5 (df=2)",
    "Normal CDF @ Normal 5x5 (2-pair)",
    "Spiral @ Normal 3x3 (2-pair)",
    "Asinh @ Student 2x2 (df=1)",
)
HIDDEN = (128, 128)
BATCH = 64
STEPS = 1500
PATIENCE = 20  # epochs without a better estimate on the held-out half
LEARNING_RATE = 5e-4


def neural_mi(x: np.ndarray, y: np.ndarray, *, name: str, steps: int = STEPS) -> float:
    """Return a lower bound of the mutual information, fitted to half of the rows.

    Parameters
    ----------
    x, y : ndarray of shape (n, dx) and (n, dy)
        Independent rows.
    name : {"mine", "infonce", "nwj"}
        Bound and its estimator. InfoNCE never exceeds the logarithm of ``BATCH``.
    steps : int
        Most gradient steps.

    Returns
    -------
    float
        Estimate on the half of the rows that the critic was not fitted to, in nats; 0 where the
        bound is negative. The same data give the same number on one machine.

    Raises
    ------
    SystemExit
        If torch-mist is not installed.
    """
    import torch

    try:
        from torch_mist.utils import estimate_mi
    except ImportError as error:
        raise SystemExit(
            f"{name} needs the package torch-mist; benchmarks/README.md says how to install it."
        ) from error
    columns = [((z - z.mean(axis=0)) / z.std(axis=0)).astype(np.float32) for z in (x, y)]
    half = len(x) // 2
    train, held_out = (tuple(z[rows] for z in columns) for rows in (slice(half), slice(half, None)))
    with torch.random.fork_rng(), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(0)
        estimate = estimate_mi(
            data=train,
            valid_data=held_out,
            test_data=held_out,
            estimator=name,
            hidden_dims=list(HIDDEN),
            critic_type="joint",
            batch_size=BATCH,
            max_iterations=steps,
            patience=PATIENCE,
            optimizer_params={"lr": LEARNING_RATE},
            verbose=False,
            logger=False,
        )
    return max(0.0, float(estimate))
