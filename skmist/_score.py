"""MISTScore: mutual information as a score function for SelectKBest and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skmist._information import Settings, columnwise
from skmist._parameters import SHARED_CONSTRAINTS, issue
from skmist._progress import watched
from skmist._validation import Notes, read_pair


class MISTScore(BaseEstimator):
    """Score function: the mutual information of each feature with the target.

    Takes the place of `mutual_info_classif` and `mutual_info_regression` in
    :class:`~sklearn.feature_selection.SelectKBest` and its kin, for continuous and discrete targets
    alike. It has the interface of an estimator, so that its parameters can be searched over as
    ``selectkbest__score_func__...``.

    Parameters
    ----------
    pvalues : bool, default=False
        Whether to return p-values too, as `SelectFdr`, `SelectFpr` and `SelectFwe` need them.
    n_permutations : int, default=199
        Largest number of permutations of the test; features without ties share theirs, up to ten
        times as many. None are needed for continuous features without ties beside such a target, of
        up to 10,000 samples: their null distribution comes with the weights.
    random_state : int, RandomState instance or None, default=0
        Seed of the permutations; nothing else is random.
    x_types, y_type : str, array-like of str or dict, default="auto"
        Types of the columns of X and of y, as in :class:`MISTEstimator`.
    missing : {"error", "pairwise"}, default="error"
        What to do about missing values: raise an error, or leave out, for each feature, the rows
        where it or y is missing. `SelectKBest` and its kin refuse missing values and strings, and
        drop the names of columns, before they ask; :class:`MISTFeatureSelector` takes all of them.
    point : {"median", "mean"} or float, default="median"
        Point estimate: the median or the mean of the distribution, or the quantile at this level.
    units : {"nats", "bits"}, default="nats"
        Units of the scores.
    checkpoint : path-like, default=None
        File of weights; by default those that come with the package.
    device : str or torch.device, default=None
        Torch device that the network runs on, such as "cuda" or "cuda:1"; by default the CPU. It
        needs float64, which Apple's "mps" lacks. Results equal those of the CPU but for rounding.
    n_jobs : int, default=None
        Number of batches that run at once, as in joblib. Results do not depend on it.
    verbose : bool, int or "auto", default="auto"
        Whether to show a progress bar; "auto" shows one on work of more than three seconds, in
        terminals and notebooks only.

    See Also
    --------
    MISTFeatureSelector : Feature selection with intervals, names and more strategies.
    MISTEstimator : Mutual information of all features together.
    sklearn.feature_selection.mutual_info_regression : Nearest-neighbour estimate.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.feature_selection import SelectKBest
    >>> from skmist import MISTScore
    >>> X, y = load_diabetes(return_X_y=True)
    >>> SelectKBest(MISTScore(), k=4).fit_transform(X, y).shape
    (442, 4)
    """

    _parameter_constraints: dict = {
        name: constraint for name, constraint in SHARED_CONSTRAINTS.items() if name != "level"
    } | {"pvalues": ["boolean"]}

    def __init__(
        self,
        *,
        pvalues: bool = False,
        n_permutations: int = 199,
        random_state: Any = 0,
        x_types: str | ArrayLike | dict = "auto",
        y_type: str | ArrayLike | dict = "auto",
        missing: str = "error",
        point: str | float = "median",
        units: str = "nats",
        checkpoint: Any = None,
        device: Any = None,
        n_jobs: int | None = None,
        verbose: bool | int | str = "auto",
    ):
        self.pvalues = pvalues
        self.n_permutations = n_permutations
        self.random_state = random_state
        self.x_types = x_types
        self.y_type = y_type
        self.missing = missing
        self.point = point
        self.units = units
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __call__(self, X: Any, y: Any) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the mutual information of each column of X with y.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            Features. A sparse matrix is made dense a block of columns at a time.
        y : array-like or frame of shape (n_samples,) or (n_samples, n_targets)
            Target; several columns are taken together.

        Returns
        -------
        scores : ndarray of shape (n_features,)
            Point estimates of I(X_j; y), in `units`; 0 for constant features only, unless
            `point` is a quantile, which may be 0 for many.
        pvalues : ndarray of shape (n_features,)
            P-values of independence; only with ``pvalues=True``. They test the mean of the
            distribution, whatever `point` is, together with cheap statistics of dependence, as
            :class:`MISTEstimator` does.

        Raises
        ------
        ValueError, TypeError, CheckpointError
            As for :meth:`MISTEstimator.fit`.
        """
        self._validate_params()
        settings = Settings.of(self, self.pvalues)
        notes = Notes()
        left, right = read_pair(X, y, caller=settings.caller, missing=self.missing)
        with watched(settings, left.n_columns) as settings:
            estimates, _, _ = columnwise(left, right, settings, notes)
        issue(notes)
        return (estimates.values, estimates.pvalues) if self.pvalues else estimates.values

    def __sklearn_tags__(self):
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing == "pairwise"
        return tags
