"""The estimators that suites run: the pretrained network, its classical peers, and the prior."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import entr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import neural
from benchmarks.mtest import prior_sample
from benchmarks.suite import Problem
from skmist.baselines import gaussian_mi, ksg_mi, sklearn_mi

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
QUANTILES = tuple(f"q{level:g}" for level in LEVELS)
COLUMNS = ("estimate", *QUANTILES, "seconds")
MEAN = "mean"  # one column more of scikit-mist


def plugin_mi(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mutual information of the observed frequencies of rows of X and of y."""
    codes = (np.unique(z, axis=0, return_inverse=True)[1].ravel() for z in (x, y))
    return float(mutual_info_score(*codes))


FOLDS = 5


def logistic_mi(x: np.ndarray, y: np.ndarray) -> float:
    """Return what logistic regression tells of the classes y: H(y) less cross-validated log loss.

    Standardised columns; the strength of the penalty is chosen by cross-validation inside.
    """
    codes = np.unique(y, return_inverse=True)[1].ravel()
    share = np.bincount(codes) / len(codes)
    fewest = int(np.bincount(codes).min())
    if fewest < FOLDS:
        raise ValueError(f"Every class has to have {FOLDS} rows, got {fewest}.")
    strengths = {"logisticregression__C": np.logspace(-3, 2, 6)}
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model = GridSearchCV(model, strengths, scoring="neg_log_loss", cv=FOLDS - 1)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    p = cross_val_predict(model, x, codes, cv=folds, method="predict_proba")
    log_loss = -np.log(np.maximum(p[np.arange(len(codes)), codes], 1e-12)).mean()
    return float(entr(share).sum() - log_loss)


PEERS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "ksg3": partial(ksg_mi, n_neighbors=3),
    "ksg5": partial(ksg_mi, n_neighbors=5),
    "ksg10": partial(ksg_mi, n_neighbors=10),
    "ksg5_rank": partial(ksg_mi, n_neighbors=5, scores="rank"),
    "cca": gaussian_mi,
    "cca_rank": partial(gaussian_mi, scores="rank"),
    "gcmi": partial(gaussian_mi, scores="rank", correct_bias=True),
    "cca_rank_lw": partial(gaussian_mi, scores="rank", shrinkage="ledoit-wolf"),
    "sklearn": sklearn_mi,
    "plugin": plugin_mi,
    "logistic": logistic_mi,
}
NEURAL = {name: partial(neural.neural_mi, name=name) for name in ("mine", "infonce", "nwj")}
TITLES = {
    "mist": "scikit-mist",
    "mist_mean": "scikit-mist, mean in place of the median",
    "prior": "prior: a guess from n and dims",
    "ksg3": "KSG, k = 3",
    "ksg5": "KSG, k = 5",
    "ksg10": "KSG, k = 10",
    "ksg5_rank": "KSG, k = 5, rank scores",
    "cca": "CCA",
    "cca_rank": "CCA, rank scores",
    "gcmi": "CCA, rank scores, bias-corrected (GCMI)",
    "cca_rank_lw": "CCA, rank scores, Ledoit-Wolf",
    "sklearn": "scikit-learn mutual_info_regression, _classif",
    "plugin": "frequencies of the rows (mutual_info_score)",
    "logistic": "cross-validated logistic regression",
    "mine": "MINE",
    "infonce": "InfoNCE",
    "nwj": "NWJ",
}
NAMES = ("mist", "prior", *PEERS, *NEURAL)

Row = dict[str, float]
MAX_BATCH_VALUES = 400_000  # numbers in one batch of data sets
MAX_BATCH_PAIRS = 200_000  # column pairs in one batch of data sets


def columns(name: str) -> tuple[str, ...]:
    """Return the columns of an estimator's file, beside those that name the problem."""
    return (*COLUMNS, MEAN) if name == "mist" else COLUMNS


def indicators(y: np.ndarray) -> np.ndarray:
    """Return one column for each label in y (n, 1): the peers know no labels of several columns."""
    return (y == np.unique(y)).astype(float)


def applicable(name: str, suite: str, problem: Problem) -> bool:
    """Return whether an estimator is defined for a problem."""
    if name == "sklearn":
        return problem.dx == problem.dy == 1
    if name == "logistic":
        return suite == "classes"
    if name == "plugin":
        return all(problem.discrete)
    if name.startswith("ksg"):  # all distances between rows of labels are tied
        return not all(problem.discrete)
    if name in NEURAL:
        return suite == "bmi40" and problem.n in neural.SIZES and problem.task in neural.TASKS
    if name == "prior":
        return suite == "mtest"
    return True


def peer_rows(name: str, problems: Sequence[Problem]) -> Iterator[tuple[Problem, Row]]:
    """Yield the estimate of a peer for each problem; NaN where it refuses."""
    estimator = {**PEERS, **NEURAL}[name]
    for problem in problems:
        x, y = problem.draw()
        start = time.perf_counter()
        options = {}
        x_type, y_type = problem.types
        if y_type == "category" != x_type and name not in ("logistic", "plugin"):
            y = indicators(y)
        if name == "sklearn":
            options = dict(
                zip(("discrete_features", "discrete_target"), problem.discrete, strict=True)
            )
        try:
            estimate = estimator(x, y, **options)
        except ValueError:
            estimate = float("nan")
        yield problem, {"estimate": estimate, "seconds": time.perf_counter() - start}


def prior_rows(problems: Sequence[Problem]) -> Iterator[tuple[Problem, Row]]:
    """Yield mean and quantiles of the mutual information of the training families, given dims."""
    for problem in problems:
        values = prior_sample(problem.dx)
        row = dict(zip(QUANTILES, np.quantile(values, LEVELS).tolist(), strict=True))
        yield problem, {"estimate": float(values.mean()), **row, "seconds": 0.0}


def load_mist(checkpoint: str | None = None, device: str = "cpu"):
    """Load the released network, or the one of a checkpoint file, ready for inference."""
    from skmist._checkpoint import load_network

    return load_network(checkpoint, device)


def describe_weights(network, checkpoint: str | None = None) -> str:
    """Return a line that says which weights were used."""
    from skmist._checkpoint import tensors_sha256

    name = Path(checkpoint).name if checkpoint else "released"
    return f"weights={name} tensors_sha256={tensors_sha256(network)[:16]}"


def mist_rows(
    problems: Sequence[Problem], checkpoint: str | None = None, device: str = "cpu"
) -> Iterator[tuple[Problem, Row]]:
    """Yield median, mean and quantiles, as the public classes give them.

    Continuous data go through the network in batches of equal shape, others one by one through the
    public estimator, which is told which columns hold labels.
    """
    shapes: dict[tuple[int, int, int], list[Problem]] = {}
    for problem in problems:
        if any(problem.discrete):
            yield problem, public_row(problem, checkpoint, device)
            continue
        shapes.setdefault((problem.n, problem.dx, problem.dy), []).append(problem)
    for (n, dx, dy), group in shapes.items():
        d = dx + dy
        size = max(1, min(MAX_BATCH_VALUES // (n * d), MAX_BATCH_PAIRS // d**2, 64))
        for first in range(0, len(group), size):
            part = group[first : first + size]
            pairs = [problem.draw() for problem in part]
            start = time.perf_counter()
            rows = mist_estimates(pairs, checkpoint, device)
            seconds = (time.perf_counter() - start) / len(part)
            for problem, row in zip(part, rows, strict=True):
                yield problem, {**row, "seconds": seconds}


def public_row(problem: Problem, checkpoint: str | None, device: str) -> Row:
    """Return what the public estimator gives; only labels have their type declared."""
    from skmist import MISTEstimator

    x, y = problem.draw()
    x_types, y_type = ("category" if t == "category" else "auto" for t in problem.types)
    estimator = MISTEstimator(x_types=x_types, y_type=y_type, checkpoint=checkpoint, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of data outside the trained range
        mean = clone(estimator).set_params(point="mean").score(x, y)
        start = time.perf_counter()
        estimator.fit(x, y)
    seconds = time.perf_counter() - start
    values = estimator.quantile(LEVELS).tolist()
    return {
        "estimate": estimator.mi_,
        MEAN: mean,
        **dict(zip(QUANTILES, values, strict=True)),
        "seconds": seconds,
    }


def mist_estimates(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    checkpoint: str | None = None,
    device: str = "cpu",
) -> list[Row]:
    """Estimate data sets of numbers together, on the path of the public classes.

    Parameters
    ----------
    pairs : sequence of (x, y)
        Arrays of shapes (n, dx) and (n, dy).
    checkpoint : str, optional
        File of weights; by default the released one.
    device : str
        Where the network runs.

    Returns
    -------
    list of dict
        The median as ``estimate``, the mean, and the quantiles at ``LEVELS``, calibrated, in nats.
    """
    from skmist._encoding import encode, infer_types, requested_types
    from skmist._inference import Engine
    from skmist._information import Settings, ask
    from skmist._validation import read_pair

    class Points(Settings):
        def point_of(self, distribution):
            return np.stack([distribution.median().numpy(), distribution.mean().numpy()], 1)

    sides = []
    for x, y in pairs:
        tables = read_pair(x, y, caller="benchmark", missing="error")
        types = (infer_types(table, requested_types("auto", table)) for table in tables)
        sides.append(tuple(map(encode, tables, types)))
    found = ask(sides, Points("benchmark", engine=Engine(checkpoint, device)), [])
    rows = []
    for (median, mean), quantiles in zip(found.values, found.quantiles, strict=True):
        values = np.interp(LEVELS, found.levels, quantiles).tolist()
        rows.append({"estimate": float(median), MEAN: float(mean)})
        rows[-1] |= dict(zip(QUANTILES, values, strict=True))
    return rows
