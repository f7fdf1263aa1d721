"""mutual_info and mutual_info_matrix: the same estimates, and more, as plain functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import validate_params

from skmist._conditional import conditional, read_given
from skmist._estimator import MISTEstimator
from skmist._information import Engine, Settings, joint
from skmist._matrix import pairwise
from skmist._parameters import SHARED_CONSTRAINTS, issue
from skmist._validation import Notes, check_finite, check_samples, read_pair, read_table


@dataclass(frozen=True)
class MutualInformation:
    """An estimate of mutual information; ``float(result)`` is the point estimate.

    Attributes
    ----------
    value : float
        Point estimate, in `units`.
    interval : tuple of (float, float)
        Central interval of probability `level`, in `units`; its upper end may be infinite, as in
        :class:`MISTEstimator`.
    level : float
        Probability with which the interval holds the true value.
    pvalue : float or None
        P-value of independence, if it was asked for.
    units : {"nats", "bits"}
        Units.
    n_samples_used : int
        Number of samples that the estimate rests on.
    in_domain : bool
        Whether the data lie inside the range that the network was trained on.
    domain_score : float
        How far the sample lies from the training data, as in :class:`MISTEstimator`; of conditional
        mutual information, which rests on several estimates, the largest of theirs.
    """

    value: float
    interval: tuple[float, float]
    level: float
    pvalue: float | None
    units: str
    n_samples_used: int
    in_domain: bool
    domain_score: float = float("nan")

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        low, high = self.interval
        ends = f"{100 * self.level:.3g}%: {low:.3f} to {high:.3f}"
        tail = "" if self.pvalue is None else f", p = {self.pvalue:.3g}"
        return f"{self.value:.3f} {self.units} ({ends}{tail})"


_SHARED = SHARED_CONSTRAINTS


@validate_params(
    {**_SHARED, "given_types": _SHARED["x_types"], "pvalue": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def mutual_info(
    X: Any,
    y: Any,
    *,
    given: Any = None,
    x_types: str | ArrayLike | dict = "auto",
    y_type: str | ArrayLike | dict = "auto",
    given_types: str | ArrayLike | dict = "auto",
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
) -> MutualInformation:
    """Estimate the mutual information of X and y, or what X adds to variables that are given.

    Parameters
    ----------
    X : array-like, sparse matrix or frame of shape (n_samples,) or (n_samples, n_features)
        One side; several columns are taken together.
    y : array-like or frame of shape (n_samples,) or (n_samples, n_targets)
        The other side; several columns are taken together.
    given : array-like or frame of shape (n_samples,) or (n_samples, n_given), default=None
        Variables Z, for the conditional mutual information I(X; y | Z); or a sparse matrix.
    x_types, y_type, given_types : str, array-like of str or dict, default="auto"
        Types of the columns of X, of y and of Z, as in :class:`MISTEstimator`.
    missing : {"error", "pairwise"}, default="error"
        What to do about missing values: raise an error, or leave out the rows that have one.
    point : {"median", "mean"} or float, default="median"
        Point estimate: the median or the mean of the distribution, or the quantile at this level;
        with `given` the median or the mean.
    level : float, default=0.9
        Probability with which the interval holds the true value, at most 0.99.
    units : {"nats", "bits"}, default="nats"
        Units of all results.
    pvalue : bool, default=False
        Whether to test for independence, as :class:`MISTEstimator` does; not with `given`.
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
        Number of batches (of permutations) that run at once, as in joblib.
    verbose : bool, int or "auto", default="auto"
        Whether to show a progress bar; "auto" shows one on work of more than three seconds, in
        terminals and notebooks only.

    Returns
    -------
    MutualInformation
        Point estimate (also as ``float(result)``), interval, p-value if asked for.

    Raises
    ------
    ValueError
        If there are fewer than 8 samples, infinities, or missing values with ``missing="error"``;
        if shapes or values cannot be used; or if ``pvalue=True``, or a quantile as the point
        estimate, is asked for with `given`.
    TypeError
        If something is no table of numbers, strings or categories, such as one of dates, or if y is
        a sparse matrix.
    CheckpointError
        If the file of weights is missing, damaged or not one of this package.

    See Also
    --------
    MISTEstimator : The same as an estimator, with all quantiles.
    mutual_info_matrix : Mutual information of all pairs of columns.

    Notes
    -----
    Conditional mutual information is I(X, Z; y) - I(Z; y) (chain rule), on the rows where all of
    them are present: the difference of both point estimates, or 0 where it is negative, and at most
    the entropy of a discrete X or y. The interval takes the distances of the ends of both intervals
    from the estimates together as for independent errors, by their squares, and is cut at 0. Errors
    of two estimates from the same rows go the same way as a rule, so this interval is wider than it
    need be. Where all of Z is discrete, with at most 20 combinations of values and 40 rows or more
    of each, the estimates for each of them are averaged instead, and so are the ends of their
    intervals: with Z of three and four values, that has the smaller error. Where a single
    continuous X or y follows exactly from Z (linearly, or monotonely from one column), the result
    is 0, with a warning.

    Examples
    --------
    >>> import numpy as np
    >>> from skmist import mutual_info
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> result = mutual_info(x, x + rng.normal(size=200))
    >>> 0 < float(result) < result.interval[1]
    True

    What a second variable adds to the first:

    >>> z = x + rng.normal(size=200)
    >>> added = mutual_info(z, x, given=x + 0.1 * rng.normal(size=200))
    >>> float(added) < float(mutual_info(z, x))
    True

    A discrete variable shares its entropy with itself, here that of a fair coin:

    >>> round(float(mutual_info(["heads", "tails"] * 20, ["heads", "tails"] * 20, units="bits")), 6)
    1.0
    """
    estimator = MISTEstimator(
        x_types=x_types, y_type=y_type, missing=missing, point=point, level=level, units=units,
        n_permutations=n_permutations, random_state=random_state, checkpoint=checkpoint,
        device=device, n_jobs=n_jobs, verbose=verbose,
    )  # fmt: skip
    settings = Settings.of(estimator, pvalue, caller="mutual_info")
    notes = Notes()
    left, right = read_pair(X, y, caller=settings.caller, missing=missing, one_d=True)
    if given is not None:
        if pvalue:
            raise ValueError("pvalue=True does not go with given: there is no such test here.")
        if not isinstance(point, str) and point != 0.5:
            raise ValueError(
                f"point={point} does not go with given: the difference of two quantiles is no "
                "quantile of the difference; take 'median' or 'mean'."
            )
        third = read_given(given, left.n_rows, caller=settings.caller, missing=missing)
        value, interval, n_used, inside, score = conditional(
            left, right, third, given_types, settings, notes
        )
        issue(notes)
        return MutualInformation(value, interval, float(level), None, units, n_used, inside, score)
    if not isinstance(given_types, str) or given_types != "auto":
        raise ValueError("given_types are the types of what is given, and nothing is: pass given.")
    estimates, _, _ = joint(left, right, settings, notes)
    issue(notes)
    return MutualInformation(
        value=float(estimates.values[0]),
        interval=(float(estimates.intervals[0, 0]), float(estimates.intervals[0, 1])),
        level=float(level),
        pvalue=None if estimates.pvalues is None else float(estimates.pvalues[0]),
        units=units,
        n_samples_used=int(estimates.n_used[0]),
        in_domain=bool(estimates.in_domain[0]),
        domain_score=float(estimates.domain_scores[0]),
    )


@validate_params(
    {
        "types": _SHARED["x_types"],
        **{k: _SHARED[k] for k in ("missing", "point", "units", "checkpoint", "device")},
        **{k: _SHARED[k] for k in ("n_jobs", "verbose")},
        "normalized": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def mutual_info_matrix(
    X: Any,
    *,
    types: str | ArrayLike | dict = "auto",
    missing: str = "error",
    point: str | float = "median",
    units: str = "nats",
    normalized: bool = False,
    checkpoint: Any = None,
    device: Any = None,
    n_jobs: int | None = None,
    verbose: bool | int | str = "auto",
) -> Any:
    """Estimate the mutual information of all pairs of columns.

    Parameters
    ----------
    X : array-like, sparse matrix or frame of shape (n_samples, n_features)
        Columns of any type.
    types : str, array-like of str or dict, default="auto"
        Types of the columns, as in :class:`MISTEstimator`.
    missing : {"error", "pairwise"}, default="error"
        What to do about missing values: raise an error, or leave out, for each pair, the rows where
        one of both is missing.
    point : {"median", "mean"} or float, default="median"
        Point estimate: the median or the mean of the distribution, or the quantile at this level.
    units : {"nats", "bits"}, default="nats"
        Units of the result; without effect if it is normalized.
    normalized : bool, default=False
        Whether to map the information onto 0 (independent) to 1 (one determines the other): of two
        continuous columns sqrt(1 - exp(-2 I)), I in nats, the correlation that a normal pair with
        this information has [1]_; with a discrete column I / min(H_i, H_j), the smaller of the
        finite entropies. The diagonal is then 1, or 0 for constants.
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

    Returns
    -------
    ndarray or pandas.DataFrame of shape (n_features, n_features)
        Symmetric matrix of I(X_i; X_j); a pandas frame, named on both sides, if X is one. The
        diagonal holds the entropies of discrete columns; the information that a continuous column
        has about itself is infinite, and stands as NaN.

    Raises
    ------
    ValueError, TypeError, CheckpointError
        As for :func:`mutual_info`.

    See Also
    --------
    mutual_info : Mutual information of two sets of columns.
    cluster_order : An order in which columns that share information stand together.
    MutualInfoDisplay : A picture of the matrix.

    References
    ----------
    .. [1] E. H. Linfoot, "An informational measure of correlation", Information and Control 1(1),
       1957.

    Examples
    --------
    >>> import numpy as np
    >>> from skmist import mutual_info_matrix
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> matrix = mutual_info_matrix(X)
    >>> matrix.shape, bool(matrix[0, 1] == matrix[1, 0])
    ((3, 3), True)
    """
    settings = Settings(
        caller="mutual_info_matrix", x_types=types, missing=missing, point=point,
        units="nats" if normalized else units,
        engine=Engine(checkpoint, device, n_jobs, verbose),
    )  # fmt: skip
    notes = Notes()
    table = read_table(X, role="X", caller=settings.caller, one_d=False)
    check_samples(table.n_rows, settings.caller, f" (shape={table.values.shape})")
    check_finite(table, caller=settings.caller, missing=missing)
    matrix, bounds = pairwise(table, settings, notes)
    issue(notes)
    if normalized:
        matrix = _normalized(matrix, bounds)
    if hasattr(X, "iloc"):
        frame = getattr(X, "_constructor", type(X))  # subclasses may take other arguments
        return frame(matrix, index=X.columns, columns=X.columns)
    return np.asarray(matrix)


def _normalized(matrix: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Map a matrix in nats, with the entropies that bound it, onto 0 to 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(bound > 0, np.clip(matrix / bound, 0, 1), 0.0)
    out = np.where(np.isinf(bound), np.sqrt(-np.expm1(-2 * np.nan_to_num(matrix))), share)
    np.fill_diagonal(out, (np.diag(bound) > 0).astype(float))
    return out
