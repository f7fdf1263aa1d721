"""MISTFeatureSelector: feature selection by mutual information, as a transformer."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skmist._information import Settings, columnwise
from skmist._parameters import SHARED_CONSTRAINTS, issue
from skmist._validation import Notes, read_pair


class MISTFeatureSelector(SelectorMixin, BaseEstimator):
    """Select features by their mutual information with the target.

    Parameters
    ----------
    strategy : {"relevance"}, default="relevance"
        How features are judged. "relevance": by the mutual information of each one with y.
    n_features_to_select : int, float or None, default=None
        Number of features to keep, or the share of them if a float between 0 and 1. None keeps all
        that reach `threshold`; without a threshold, half of the features.
    threshold : float or None, default=None
        Smallest score of a feature that is kept, in `units`.
    pvalues : bool, default=False
        Whether to test each feature for independence of y, by permutations.
    n_permutations : int, default=199
        Number of permutations of the test. Continuous features without ties share one null
        distribution, with up to ten times as many.
    random_state : int, RandomState instance or None, default=0
        Seed of the permutations; nothing else is random.
    x_types, y_type : str, array-like of str or dict, default="auto"
        Types of the columns of X and of y, as in :class:`MISTEstimator`.
    missing : {"error", "pairwise"}, default="error"
        What to do about missing values: raise an error, or leave out, for each feature, the rows
        where it or y is missing.
    point : {"mean", "median"} or float, default="mean"
        Point estimate: the mean or the median of the distribution, or the quantile at this level.
        A low quantile prefers features that are informative beyond doubt.
    level : float, default=0.9
        Probability that the intervals hold.
    units : {"nats", "bits"}, default="nats"
        Units of all results.
    checkpoint : path-like, default=None
        File of weights; by default those that come with the package.
    device : str, default=None
        Torch device that the network runs on, such as "cuda"; by default the CPU.
    n_jobs : int, default=None
        Number of batches that run at once, as in joblib. Results do not depend on it.
    verbose : bool or int, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        Point estimates of I(X_j; y), in `units`.
    intervals_ : ndarray of shape (n_features, 2)
        Central intervals of probability `level`, in `units`.
    pvalues_ : ndarray of shape (n_features,)
        P-values of independence; only with ``pvalues=True``.
    support_ : ndarray of bool of shape (n_features,)
        Which features are kept.
    ranking_ : ndarray of int of shape (n_features,)
        Rank of each feature; 1 is the best.
    feature_types_ : ndarray of str objects of shape (n_features,)
        Types of the columns of X, given or inferred.
    target_types_ : ndarray of str objects of shape (n_targets,)
        Types of the columns of y, given or inferred.
    n_samples_used_ : ndarray of int of shape (n_features,)
        Number of samples that each score rests on.
    in_domain_ : ndarray of bool of shape (n_features,)
        Whether the data lie inside the range that the network was trained on.
    n_features_in_ : int
        Number of features seen during :term:`fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`, if X has feature names that are all strings.

    See Also
    --------
    MISTScore : The same scores for SelectKBest, SelectFdr and their kin.
    MISTEstimator : Mutual information of all features together.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmist import MISTFeatureSelector
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> selector = MISTFeatureSelector(n_features_to_select=3).fit(X, y)
    >>> selector.transform(X).shape
    (442, 3)
    >>> len(selector.get_feature_names_out())
    3
    """

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "strategy": [StrOptions({"relevance"})],
        "n_features_to_select": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            None,
        ],
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "pvalues": ["boolean"],
    }

    def __init__(
        self,
        *,
        strategy: str = "relevance",
        n_features_to_select: int | float | None = None,
        threshold: float | None = None,
        pvalues: bool = False,
        n_permutations: int = 199,
        random_state: Any = 0,
        x_types: str | ArrayLike | dict = "auto",
        y_type: str | ArrayLike | dict = "auto",
        missing: str = "error",
        point: str | float = "mean",
        level: float = 0.9,
        units: str = "nats",
        checkpoint: Any = None,
        device: str | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ):
        self.strategy = strategy
        self.n_features_to_select = n_features_to_select
        self.threshold = threshold
        self.pvalues = pvalues
        self.n_permutations = n_permutations
        self.random_state = random_state
        self.x_types = x_types
        self.y_type = y_type
        self.missing = missing
        self.point = point
        self.level = level
        self.units = units
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> MISTFeatureSelector:
        """Score the features and choose those to keep.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            Features. A sparse matrix is made dense a block of columns at a time.
        y : array-like or frame of shape (n_samples,) or (n_samples, n_targets)
            Target; several columns are taken together.

        Returns
        -------
        self : MISTFeatureSelector
            The fitted selector.

        Raises
        ------
        ValueError
            If there are fewer than 8 samples, infinities, or missing values with
            ``missing="error"``; or if shapes or dtypes cannot be used.
        """
        validate_data(self, X, y, skip_check_array=True)
        settings = Settings.of(self, self.pvalues)
        notes = Notes()
        left, right = read_pair(X, y, caller=settings.caller, missing=self.missing)
        estimates, self.feature_types_, self.target_types_ = columnwise(
            left, right, settings, notes
        )
        self.scores_ = estimates.values
        self.intervals_ = estimates.intervals
        if estimates.pvalues is not None:
            self.pvalues_ = estimates.pvalues
        elif hasattr(self, "pvalues_"):
            del self.pvalues_  # of an earlier fit
        self.n_samples_used_ = estimates.n_used
        self.in_domain_ = estimates.in_domain
        order = np.argsort(-self.scores_, kind="stable")
        self.ranking_ = np.empty(len(order), dtype=np.int64)
        self.ranking_[order] = np.arange(1, len(order) + 1)
        self.support_ = self._select(order)
        issue(notes)
        return self

    def _select(self, order: np.ndarray) -> np.ndarray:
        """Return the mask of the features to keep, given their order, the best first."""
        p, wanted = len(order), self.n_features_to_select
        if wanted is None:
            count = p if self.threshold is not None else max(1, p // 2)
        elif isinstance(wanted, Integral):
            if wanted > p:
                warnings.warn(
                    f"n_features_to_select={wanted} is greater than the number of features, {p}: "
                    "all of them are kept.",
                    stacklevel=4,
                )
            count = min(wanted, p)
        else:
            count = max(1, int(p * wanted))
        support = np.zeros(p, dtype=bool)
        support[order[:count]] = True
        if self.threshold is not None:
            support &= self.scores_ >= self.threshold
        return support

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self):
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing == "pairwise"
        return tags
