"""MISTEstimator: the mutual information of X and y, all columns together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from skmist._information import Estimates, Settings, joint
from skmist._parameters import SHARED_CONSTRAINTS, issue
from skmist._validation import Notes, read_pair


class MISTEstimator(BaseEstimator):
    """Mutual information of X and y, estimated by a pretrained network in one pass.

    The network reads the sample and returns the distribution of I(X; y) given that sample, as a
    quantile function: a point estimate and intervals come from one forward pass, without an
    optimisation and without randomness. Both sides may have several columns, of any type.

    Parameters
    ----------
    x_types, y_type : str, array-like of str or dict, default="auto"
        Types of the columns of X and of y: one for all columns, one for each, or a dict by column
        name or position. Possible are

        - "continuous": read by rank. Beside another lone column, up to 128 numbers that repeat are
          read as labels too, and count as such where these almost certainly tell more;
        - "discrete": few distinct numbers. Alone on its side such a column is read as class
          labels (with more than ten values if they repeat), else as ordered numbers;
        - "ordinal": discrete, and always read as ordered numbers;
        - "category": labels without an order;
        - "auto": strings and categories are "category", ordered categories of pandas and Enum of
          polars "ordinal"; numbers and booleans are "discrete" if there are at most 20 distinct
          values and no more than half as many as samples, or up to 32 with a hundred samples for
          each on average; else "continuous".
    missing : {"error", "pairwise"}, default="error"
        What to do about missing values: raise an error, or leave out the rows that have one.
    point : {"median", "mean"} or float, default="median"
        Point estimate: the median or the mean of the distribution, or the quantile at this level.
    level : float, default=0.9
        Probability with which the interval holds the true value, at most 0.99.
    units : {"nats", "bits"}, default="nats"
        Units of all results.
    pvalue : bool, default=False
        Whether `fit` also tests for independence.
    n_permutations : int, default=199
        Largest number of permutations of the test. None are needed for one continuous column on
        each side, both without ties and of up to 10,000 samples: their null distribution comes with
        the weights.
    random_state : int, RandomState instance or None, default=0
        Seed of the permutations; nothing else is random.
    checkpoint : path-like, default=None
        File of weights; by default those that come with the package.
    device : str or torch.device, default=None
        Torch device that the network runs on, such as "cuda" or "cuda:1"; by default the CPU. It
        needs float64, which Apple's "mps" lacks. Results equal those of the CPU but for rounding.
    n_jobs : int, default=None
        Number of batches (of permutations) that run at once, as in joblib. Results do not depend on
        it.
    verbose : bool, int or "auto", default="auto"
        Whether to show a progress bar; "auto" shows one on work of more than three seconds, in
        terminals and notebooks only.

    Attributes
    ----------
    mi_ : float
        Point estimate of I(X; y), in `units`.
    interval_ : ndarray of shape (2,)
        Central interval of probability `level`, in `units`, calibrated on held-out data. Its
        upper end is infinite if one side determines the other exactly, or nearly so, or if the
        estimate is stronger than training held (from 3.8 nats for each column of the narrower side,
        at most 31.5); it is widened if rows do not look like independent draws (see the user
        guide).
    quantiles_ : ndarray of shape (n_levels,)
        Quantiles of I(X; y) at `quantile_levels_`, in `units`.
    quantile_levels_ : ndarray of shape (n_levels,)
        Levels of the quantiles.
    pvalue_ : float
        P-value of the test of independence; only with ``pvalue=True``. Its statistic is the mean of
        the distribution, whatever `point` is, plus what is unusual in cheap statistics of
        dependence, see Notes.
    feature_types_ : ndarray of str objects of shape (n_features,)
        Types of the columns of X, given or inferred.
    target_types_ : ndarray of str objects of shape (n_targets,)
        Types of the columns of y, given or inferred.
    n_samples_used_ : int
        Number of samples that the estimate rests on.
    in_domain_ : bool
        Whether the data lie inside the range that the network was trained on.
    domain_score_ : float
        How far the sample lies from the training data: near 0 is typical of them, and only 0.5% of
        them score above 1, where `in_domain_` is False. NaN if the weights come without a
        calibration.
    n_features_in_ : int
        Number of features seen during :term:`fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`, if X has feature names that are all strings.

    See Also
    --------
    mutual_info : The same as a function, with one-dimensional X too.
    MISTFeatureSelector : Feature selection by mutual information.
    MISTScore : Score function for SelectKBest and its kin.

    Notes
    -----
    Mutual information does not change under invertible maps of X and of y. Under strictly monotone
    maps of single columns the estimate does not change either, but for rounding; nor does it depend
    on the order of the samples, on the order of the columns inside X and y, or on which of both is
    called X. The estimate never exceeds the plug-in entropy of a discrete side, and equals it where
    two discrete sides determine each other. The interval reaches up to what the true entropy may
    be, and down to what a chance agreement of two sides leaves possible.

    The test of independence counts how many permuted samples have a statistic as large as that of
    the sample, (b + 1) / (l + 1). The statistic is the mean of the distribution and, in units in
    which all spread alike, what is unusual in cheap statistics of normal scores that find weak
    dependence of simple kinds: canonical correlations, squares, products, local means. So combined,
    permutation tests stay exact, see Pesarin and Salmaso. A test ends before all permutations have
    been read, l < ``n_permutations``, once its p-value will be above about 0.1.

    Constant columns are left out, with a warning that names them. Data outside the trained range
    cause an :class:`~skmist.OutOfDomainWarning` with the reason.

    References
    ----------
    G. Gritsai, M. Richards, M. Méloux, K. Cho, M. Peyrard, "MIST: Mutual Information Estimation via
    Supervised Training", arXiv:2511.18945, 2025.

    Y. Romano, E. Patterson, E. Candès, "Conformalized Quantile Regression", NeurIPS 2019.

    F. Pesarin, L. Salmaso, "Permutation Tests for Complex Data", Wiley, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skmist import MISTEstimator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3))
    >>> y = X[:, 0] + rng.normal(size=300)
    >>> estimator = MISTEstimator().fit(X, y)
    >>> bool(estimator.interval_[0] <= estimator.mi_ <= estimator.interval_[1])
    True
    >>> estimator.score(X, y) == estimator.mi_
    True
    """

    _parameter_constraints: dict = {**SHARED_CONSTRAINTS, "pvalue": ["boolean"]}

    def __init__(
        self,
        *,
        x_types: str | ArrayLike | dict = "auto",
        y_type: str | ArrayLike | dict = "auto",
        missing: str = "error",
        point: str | float = "median",
        level: float = 0.9,
        units: str = "nats",
        pvalue: bool = False,
        n_permutations: int = 199,
        random_state: Any = 0,
        checkpoint: Any = None,
        device: Any = None,
        n_jobs: int | None = None,
        verbose: bool | int | str = "auto",
    ):
        self.x_types = x_types
        self.y_type = y_type
        self.missing = missing
        self.point = point
        self.level = level
        self.units = units
        self.pvalue = pvalue
        self.n_permutations = n_permutations
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> MISTEstimator:
        """Estimate the mutual information of X and y.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            One side.
        y : array-like or frame of shape (n_samples,) or (n_samples, n_targets)
            The other side.

        Returns
        -------
        self : MISTEstimator
            The estimator, with the results as attributes.

        Raises
        ------
        ValueError
            If there are fewer than 8 samples, infinities, or missing values with
            ``missing="error"``; or if shapes or values cannot be used.
        TypeError
            If X or y is no table of numbers, strings or categories, such as one of dates, or if y
            is a sparse matrix.
        CheckpointError
            If the file of weights is damaged or not one of this package.
        """
        estimates, x_types, y_types = self._estimate(X, y, self.pvalue)
        validate_data(self, X, y, skip_check_array=True)
        self.feature_types_, self.target_types_ = x_types, y_types
        self.mi_ = float(estimates.values[0])
        self.interval_ = estimates.intervals[0]
        self.quantiles_ = estimates.quantiles[0]
        self.quantile_levels_ = estimates.levels
        if estimates.pvalues is not None:
            self.pvalue_ = float(estimates.pvalues[0])
        elif hasattr(self, "pvalue_"):
            del self.pvalue_  # of an earlier fit
        self.n_samples_used_ = int(estimates.n_used[0])
        self.in_domain_ = bool(estimates.in_domain[0])
        self.domain_score_ = float(estimates.domain_scores[0])
        return self

    def score(self, X: Any, y: Any) -> float:
        """Return the mutual information of X and y; no fit is needed.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            One side. Of a fitted estimator, number and names of the features are checked.
        y : array-like or frame of shape (n_samples,) or (n_samples, n_targets)
            The other side.

        Returns
        -------
        float
            Point estimate of I(X; y), in `units`.

        Raises
        ------
        ValueError, TypeError, CheckpointError
            As for :meth:`fit`; of a fitted estimator also if X has other features.
        """
        self._validate_params()
        fitted = hasattr(self, "n_features_in_")
        return float(self._estimate(X, y, pvalue=False, fitted=fitted)[0].values[0])

    def quantile(self, p: float | ArrayLike) -> float | np.ndarray:
        """Return quantiles of I(X; y) for the data seen in fit.

        Parameters
        ----------
        p : float or array-like
            Levels between 0 and 1. The quantile function is linear between the levels of
            `quantile_levels_` and flat beyond the outermost ones.

        Returns
        -------
        float or ndarray of the shape of p
            Quantiles, in the units of the fit.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        ValueError
            If a level is not between 0 and 1.
        """
        check_is_fitted(self, "quantiles_")
        p = np.asarray(p, dtype=np.float64)
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"Levels of quantiles should lie between 0 and 1, got {p}.")
        out = np.interp(p, self.quantile_levels_, self.quantiles_)
        return float(out) if p.ndim == 0 else out

    def _estimate(
        self, X: Any, y: Any, pvalue: bool, fitted: bool = False
    ) -> tuple[Estimates, np.ndarray, np.ndarray]:
        settings = Settings.of(self, pvalue)
        notes = Notes()
        table = hasattr(X, "shape")  # else it may be no table at all, which is to be said first
        if fitted and table:
            validate_data(self, X, y, reset=False, skip_check_array=True)
        left, right = read_pair(X, y, caller=settings.caller, missing=self.missing)
        if fitted and not table:
            validate_data(self, X, y, reset=False, skip_check_array=True)
        results = joint(left, right, settings, notes)
        issue(notes)
        return results

    def __sklearn_tags__(self):
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing == "pairwise"
        return tags
