"""MISTFeatureSelector: feature selection by mutual information, as a transformer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skmist._information import Settings, columnwise
from skmist._parameters import SHARED_CONSTRAINTS, issue
from skmist._progress import watched
from skmist._selection.columns import Answers, Columns, complete_columns
from skmist._selection.decoys import check_combinations, shuffled_reference
from skmist._selection.frames import FrameSelectorMixin
from skmist._selection.restore import unchanged_on_error
from skmist._selection.rule import Rule, from_the_best
from skmist._selection.search import backward, forward
from skmist._selection.testing import discoveries
from skmist._validation import Notes, Table, read_pair


class MISTFeatureSelector(FrameSelectorMixin, BaseEstimator):
    """Select features by their mutual information with the target.

    Parameters
    ----------
    strategy : {"relevance", "mrmr", "jmi", "joint"}, default="relevance"
        How features are judged.

        - "relevance": by I(X_j; y), the mutual information of each one with y. Copies of an
          informative feature all score high.
        - "mrmr": one after the other, by I(X_j; y) less the mean of I(X_j; X_k) over the X_k
          already chosen [1]_.
        - "jmi": one after the other, by the mean over the chosen X_k of I(X_j, X_k; y) - I(X_k; y)
          [2]_ [3]_.
        - "joint": one after the other, by I(S, X_j; y) - I(S; y), S all features chosen. Sees what
          features tell only together.
    direction : {"forward", "backward"}, default="forward"
        Whether "joint" starts from no feature and adds, or from all of them and leaves out. The
        others go forward.
    n_features_to_select : int, float, "auto" or None, default=None
        Number of features to keep, or the share of them if a float between 0 and 1. "auto" keeps
        features as long as they gain more than shuffled copies would, see Notes. None keeps all
        that pass `threshold` and `alpha`; without these, half of the features.
    threshold : float or None, default=None
        Smallest score ("relevance") or gain of what is kept, in `units`; backward, one always is.
    alpha : float or None, default=None
        Keep, or search among, only those features that tell something about y by themselves: a test
        of each one, with at most this share of false discoveries expected (Benjamini and Hochberg
        [4]_). Where it takes permutations, a single discovery among p features takes about
        ``p / alpha`` of them. With "joint", whose features need not tell anything by
        themselves, the search ends at the first step with a p-value above `alpha`, see Notes;
        going forward only.
    pvalues : bool, default=False
        Whether to test each feature; `alpha` does so too, except with "joint".
    n_permutations : int, default=199
        Largest number of permutations of the test, as in :class:`MISTScore`, where it takes any. A
        joint search with `alpha` always needs them, at least ``2 / alpha - 1``.
    random_state : int, RandomState instance or None, default=0
        Seed of the permutations and of the shuffled copies; nothing else is random.
    x_types, y_type : str, array-like of str or dict, default="auto"
        Types of the columns of X and of y, as in :class:`MISTEstimator`.
    missing : {"error", "pairwise"}, default="error"
        Raise an error, or leave out, for each feature, the rows where it or y is missing.
    point : {"median", "mean"} or float, default="median"
        Point estimate: the median or the mean of the distribution, or the quantile at this level.
        A low quantile prefers features that are informative beyond doubt.
    level : float, default=0.9
        Probability with which an interval holds the true value, at most 0.99.
    units : {"nats", "bits"}, default="nats"
        Units of all results.
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

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        Point estimates of I(X_j; y), in `units` ("jmi" and "joint" read numbers by rank only).
    intervals_ : ndarray of shape (n_features, 2)
        Central intervals of probability `level`, in `units`; upper ends may be infinite.
    pvalues_ : ndarray of shape (n_features,)
        P-values of independence; only with ``pvalues=True`` or `alpha`. After a joint search with
        `alpha`, those of the steps at which features were chosen, NaN for the others.
    support_ : ndarray of bool of shape (n_features,)
        Which features are kept.
    ranking_ : ndarray of int of shape (n_features,)
        Rank of each feature; 1 is the best. A search ranks features in the order of choice, then
        the others by their last gain, then copies of chosen features.
    path_ : structured ndarray of shape (n_steps,)
        Steps of the search; not with "relevance". Fields: ``step`` from 1 up, ``feature`` added
        (left out, if backward), ``gain`` (backward, the change: mostly negative), ``mi``, ``low``,
        ``high``: estimate and interval of the information that all features of that step have
        together, in `units` (forward, NaN beyond 50 features or 128 columns, one for each
        category), and ``pvalue`` (of joint steps with `alpha`, else NaN).
    feature_types_ : ndarray of str objects of shape (n_features,)
        Types of the columns of X, given or inferred.
    target_types_ : ndarray of str objects of shape (n_targets,)
        Types of the columns of y, given or inferred.
    n_samples_used_ : ndarray of int of shape (n_features,)
        Number of samples that each score rests on.
    in_domain_ : ndarray of bool of shape (n_features,)
        Whether the data lie inside the range that the network was trained on.
    domain_scores_ : ndarray of shape (n_features,)
        How far each feature and y lie from the training data, as in :class:`MISTEstimator`.
    n_features_in_ : int
        Number of features seen during :term:`fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`, if X has feature names that are all strings.

    See Also
    --------
    MISTScore : The same scores for SelectKBest, SelectFdr and their kin.
    MISTEstimator : Mutual information of all features together.
    MutualInfoDisplay : Pictures of scores and search.

    Notes
    -----
    A **copy** of a chosen feature is never chosen while another feature is left. Copies are found
    by exact comparison on the samples where both are present: strictly monotone functions of each
    other; for columns that are not continuous, also values that belong to each other one to one.

    Where "auto" ends: the best of many uninformative features looks informative, and so does the
    best of as many copies of them with **shuffled rows**. A gain counts if it lies beyond the
    interval from 0 that holds the largest gain of all shuffled copies with probability `level`:
    if it is larger than all of them in nine shuffles (``level=0.9``; at most 1,000 copies in all
    are looked at, so that with more than some hundred features the probability is lower). Backward,
    a loss counts if no shuffled copy in the place of the feature tells as much as the feature; that
    is lenient, and useless features often stay.

    Where the lower end of the best gain is below that of a shuffled copy, "joint" looks at
    **pairs** of columns too, until that finds nothing once: up to 5,000 pairs of the columns with
    the largest gains by themselves. So two columns of which only the exclusive or tells about y
    are found among up to 100. The lower end of the interval of a pair has to exceed all estimates
    of shuffled pairs.

    With `alpha`, "joint" compares the largest gain of each step with the largest gain of all
    candidates after their rows were shuffled, all in one order, `n_permutations` times: (b + 1) /
    (B + 1), with b of B at least as large [5]_. If the remaining features tell nothing about y, nor
    about the chosen features, one is added with probability `alpha`; so nothing is chosen from a
    table that tells nothing with probability 1 - `alpha`. Features that only repeat chosen ones, in
    part, may come out a little more often. Where a single candidate does not pass, pairs are tested
    in the same way, with the fewest permutations that reach `alpha` and at most 50,000 shuffled
    pairs in all; both p-values are doubled for that. Each step that adds a feature costs
    `n_permutations` estimates for each candidate, a step that adds a pair ``2 / alpha`` for each
    pair; a test that fails ends early.

    With ``missing="pairwise"`` each estimate rests on all samples that are complete for it, a gain
    ("jmi", "joint") on those that have the feature and what it is added to. Of a joint search over
    columns with gaps, fewer and fewer samples are left with each step.

    References
    ----------
    .. [1] H. Peng, F. Long, C. Ding, "Feature selection based on mutual information: criteria of
       max-dependency, max-relevance, and min-redundancy", IEEE TPAMI 27(8), 2005.
    .. [2] H. Yang, J. Moody, "Data visualization and feature selection: new algorithms for
       nongaussian data", NIPS 1999.
    .. [3] G. Brown, A. Pocock, M.-J. Zhao, M. Luján, "Conditional likelihood maximisation: a
       unifying framework for information theoretic feature selection", JMLR 13, 2012.
    .. [4] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", JRSS B 57(1), 1995.
    .. [5] P. Westfall, S. Young, "Resampling-based multiple testing", Wiley, 1993 (the maximum
       statistic).

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

    A copy of a feature is not chosen beside it:

    >>> X["copy"] = X["bmi"]
    >>> selector = MISTFeatureSelector(strategy="jmi", n_features_to_select=4).fit(X, y)
    >>> bool({"bmi", "copy"} <= set(selector.get_feature_names_out()))
    False
    """

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "strategy": [StrOptions({"relevance", "mrmr", "jmi", "joint"})],
        "direction": [StrOptions({"forward", "backward"})],
        "n_features_to_select": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "alpha": [Interval(Real, 0, 1, closed="neither"), None],
        "pvalues": ["boolean"],
    }

    def __init__(
        self,
        *,
        strategy: str = "relevance",
        direction: str = "forward",
        n_features_to_select: int | float | str | None = None,
        threshold: float | None = None,
        alpha: float | None = None,
        pvalues: bool = False,
        n_permutations: int = 199,
        random_state: Any = 0,
        x_types: str | ArrayLike | dict = "auto",
        y_type: str | ArrayLike | dict = "auto",
        missing: str = "error",
        point: str | float = "median",
        level: float = 0.9,
        units: str = "nats",
        checkpoint: Any = None,
        device: Any = None,
        n_jobs: int | None = None,
        verbose: bool | int | str = "auto",
    ):
        self.strategy = strategy
        self.direction = direction
        self.n_features_to_select = n_features_to_select
        self.threshold = threshold
        self.alpha = alpha
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
            ``missing="error"``; if shapes or dtypes cannot be used; or if ``strategy`` does not go
            with ``direction="backward"``; or if a joint search with ``alpha`` goes backward, with
            ``pvalues=True``, or with too few permutations.
        TypeError, CheckpointError
            As in :class:`MISTEstimator`.
        """
        check_combinations(
            self.strategy, self.direction, self.alpha, self.pvalues, self.n_permutations
        )
        settings, seed = self._settings()
        notes = Notes()
        left, right = read_pair(X, y, caller=settings.caller, missing=self.missing)
        rule = Rule(
            self._count(left.n_columns), self._auto, self.threshold, self.level, seed,
            self.alpha if self._tests_steps else None, self.n_permutations,
        )  # fmt: skip
        with unchanged_on_error(self):
            validate_data(self, X, y, skip_check_array=True)
            with watched(settings, left.n_columns) as settings:
                kept, order = self._score_and_search(left, right, settings, rule, notes)
            issue(notes)
        self.ranking_ = np.empty(len(order), dtype=np.int64)
        self.ranking_[order] = np.arange(1, len(order) + 1)
        self.support_ = np.zeros(len(order), dtype=bool)
        self.support_[kept] = True
        return self

    def _score_and_search(
        self, left: Table, right: Table, settings: Settings, rule: Rule, notes: Notes
    ) -> tuple[list[int] | np.ndarray, list[int] | np.ndarray]:
        """Score each feature, then return those to keep, and all of them in order."""
        found = columnwise(left, right, settings, notes)
        estimates, self.feature_types_, self.target_types_ = found
        self.scores_, self.intervals_ = estimates.values, estimates.intervals
        for name in {"pvalues_", "path_"} & vars(self).keys():  # of an earlier fit
            delattr(self, name)
        if estimates.pvalues is not None:
            self.pvalues_ = estimates.pvalues
        self.n_samples_used_ = estimates.n_used
        self.in_domain_ = estimates.in_domain
        self.domain_scores_ = estimates.domain_scores
        passed = np.arange(len(self.scores_))
        if self.alpha is not None and not self._tests_steps:
            passed = discoveries(self.pvalues_, self.alpha, self.n_permutations, notes)
        columns = partial(  # of X there may have to be a copy
            complete_columns, left, self.feature_types_, right, self.target_types_, settings, notes
        )
        return self._search(columns, passed, rule)

    @property
    def _tests_steps(self) -> bool:
        """Whether alpha is for the steps of the search rather than for each feature."""
        return self.strategy == "joint" and self.alpha is not None

    @property
    def _auto(self) -> bool:
        return isinstance(self.n_features_to_select, str)

    def _settings(self) -> tuple[Settings, int]:
        """Return how to ask, and the seed of the shuffled copies."""
        tested = self.pvalues or (self.alpha is not None and not self._tests_steps)
        # the other strategies compare sets of columns
        of = partial(Settings.of, self, both_readings=self.strategy in ("relevance", "mrmr"))
        forward_joint = self.strategy == "joint" and self.direction == "forward"
        if tested or not (self._auto or forward_joint):
            return (settings := of(tested)), settings.seed
        # of the caller's generator no number is drawn unless something is shuffled
        generator = check_random_state(self.random_state)
        return of(False), int(generator.randint(np.iinfo(np.int32).max))

    def _search(
        self, read: Callable[[], Columns], passed: np.ndarray, rule: Rule
    ) -> tuple[list[int] | np.ndarray, list[int] | np.ndarray]:
        """Return the features to keep, and all of them in order, the best first."""
        relevance = Answers(self.scores_, *self.intervals_.T)
        order = from_the_best(self.scores_)
        if self.strategy == "relevance":
            keep = np.isin(order, passed)
            if rule.threshold is not None:
                keep &= self.scores_[order] >= rule.threshold
            if rule.auto:
                keep &= self.scores_[order] > shuffled_reference(read(), rule)
            return order[keep][: rule.count], order
        columns = read()
        ranked = order[np.isin(order, passed)]  # of equal gains, the first one counts
        search = backward if self.direction == "backward" else partial(forward, self.strategy)
        found = search(columns, relevance, ranked, rule)
        columns.note_outside()
        self.path_ = found.path
        if rule.alpha is not None:
            self.pvalues_ = np.full(len(order), np.nan)
            self.pvalues_[found.path["feature"]] = found.path["pvalue"]
        others = order[~np.isin(order, passed)].tolist()
        return found.kept, found.kept + found.rest + others

    def _count(self, p: int) -> int:
        """Return the largest number of features to keep; the smallest one, if backward."""
        wanted = self.n_features_to_select
        if self._auto or (
            wanted is None and (self.threshold is not None or self.alpha is not None)
        ):
            return 1 if self.direction == "backward" else p
        if wanted is None:
            return max(1, p // 2)
        if isinstance(wanted, Integral):
            if wanted > p:
                warnings.warn(
                    f"n_features_to_select={wanted} is greater than the number of features, {p}: "
                    "all of them are kept.",
                    stacklevel=4,
                )
            return min(int(wanted), p)
        return max(1, int(p * wanted + 1e-9))

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
