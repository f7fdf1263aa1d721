"""Classical estimators of mutual information, behind one interface.

Every estimator takes ``(X, y)``, of any number of columns each unless it says otherwise, and
returns one float in nats; ``normal_scores`` is the transform that some of them use. They are here
to be compared with, and as a second opinion on data outside the range that the network was trained
on.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.linalg import qr, svdvals
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma, ndtri
from scipy.stats import rankdata
from sklearn.covariance import ledoit_wolf
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from skmist._ranks import repeats

__all__ = ["gaussian_mi", "ksg_mi", "normal_scores", "sklearn_mi"]

DIRECT_ABOVE = 6  # columns in all, from which trees no longer pay


def normal_scores(X):
    """Replace every column by the normal scores of its mid-ranks.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Values; ties share a score.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Standard normal quantiles of (rank - 1/2) / n_samples.

    Examples
    --------
    >>> from skmist.baselines import normal_scores
    >>> normal_scores([[1.0], [10.0], [100.0]]).round(3).ravel().tolist()
    [-0.967, 0.0, 0.967]
    """
    X = check_array(X, dtype=np.float64)
    return ndtri((rankdata(X, axis=0) - 0.5) / X.shape[0])


def _two_matrices(X, y, min_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return X and y as float64 matrices with equally many rows."""
    X = check_array(
        X, dtype=np.float64, ensure_2d=False, ensure_min_samples=min_samples, input_name="X"
    )
    y = check_array(
        y, dtype=np.float64, ensure_2d=False, ensure_min_samples=min_samples, input_name="y"
    )
    check_consistent_length(X, y)
    return X.reshape(len(X), -1), y.reshape(len(y), -1)


def _rescale(z: np.ndarray, scores: str) -> np.ndarray:
    """Put the columns on one scale: standardised, normal scores, or as they are."""
    if scores == "rank":
        return normal_scores(z)
    if scores == "raw":
        return z
    z = z / np.maximum(np.abs(z).max(axis=0), 1e-300)  # squares neither overflow nor vanish
    spread = z.std(axis=0)
    return (z - z.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _count_within(z: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Count the rows closer than each row's radius in the maximum norm, itself included."""
    if z.shape[1] == 1:
        z = z[:, 0]
        ordered = np.sort(z)
        # z + radius rounds; without a margin the neighbour at the radius itself may be counted.
        radius = np.maximum(radius - 2 * np.spacing(np.abs(z) + radius), 0)
        high = np.searchsorted(ordered, z + radius, side="right")
        return np.maximum(high - np.searchsorted(ordered, z - radius, side="left"), 1)
    return cKDTree(z).query_ball_point(z, np.nextafter(radius, 0), p=np.inf, return_length=True)


def _counts_by_tree(X: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Count in X and in y the rows, itself included, closer than the k-th neighbour in both."""
    joint = np.hstack([X, y])
    distance, _ = cKDTree(joint).query(joint, k=[k + 1], p=np.inf)
    return _count_within(X, distance[:, 0]), _count_within(y, distance[:, 0])


def _counts_direct(X: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Count as ``_counts_by_tree`` does, from all distances; faster with many columns."""
    n = len(X)
    n_x, n_y = np.empty(n), np.empty(n)
    step = max(1, 1_000_000 // n)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        in_x = cdist(X[rows], X, "chebyshev")
        in_y = cdist(y[rows], y, "chebyshev")
        radius = np.partition(np.maximum(in_x, in_y), k, axis=1)[:, k : k + 1]
        n_x[rows] = (in_x < radius).sum(axis=1)
        n_y[rows] = (in_y < radius).sum(axis=1)
    return np.maximum(n_x, 1), np.maximum(n_y, 1)


@validate_params(
    {
        "X": ["array-like"],
        "y": ["array-like"],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "scores": [StrOptions({"standard", "rank", "raw"})],
    },
    prefer_skip_nested_validation=True,
)
def ksg_mi(X, y, *, n_neighbors=3, scores="standard"):
    r"""Estimate mutual information from nearest neighbours, in any dimension.

    The first estimator of Kraskov, Stögbauer and Grassberger [1]_: with :math:`\epsilon_i` the
    distance of row i to its k-th neighbour in (X, y), and :math:`n_x, n_y` the numbers of other
    rows strictly closer than that in X alone and in y alone,

    .. math:: I = \psi(k) + \psi(n) - \langle \psi(n_x + 1) + \psi(n_y + 1) \rangle .

    Parameters
    ----------
    X : array-like of shape (n_samples,) or (n_samples, n_features)
        First variable; continuous columns.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Second variable; continuous columns. Values may repeat on one side, such as labels.
    n_neighbors : int, default=3
        Number k of neighbours. More of them lower the variance and raise the bias.
    scores : {"standard", "rank", "raw"}, default="standard"
        What distances are measured on: columns scaled to unit variance, normal scores of their
        ranks, or the columns as they are.

    Returns
    -------
    float
        Estimate in nats. It may be negative.

    Raises
    ------
    ValueError
        If there are no more samples than neighbours, if X and y are of different lengths, or if
        they hold something else than finite numbers.

    See Also
    --------
    gaussian_mi : Estimate from canonical correlations.
    sklearn_mi : scikit-learn's estimators, for one column against one.

    Notes
    -----
    Rounded values, counts, codes and columns with many zeros have rows at equal distances. With
    such columns on both sides the estimate is far too low (below 0, even of a strong dependence) or
    too high; where values repeat in more than a tenth of the rows there, there is a warning.
    :func:`sklearn_mi` takes discrete columns.

    Distances use the maximum norm, also within X and within y. Neighbours are found with
    :class:`scipy.spatial.cKDTree`; beyond six columns in all, where trees no longer pay, all
    distances are computed, in blocks of bounded memory.

    References
    ----------
    .. [1] A. Kraskov, H. Stögbauer, P. Grassberger, "Estimating mutual information", Physical
       Review E 69, 066138 (2004), equation 8.

    Examples
    --------
    >>> import numpy as np
    >>> from skmist.baselines import ksg_mi
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> round(ksg_mi(X, X.sum(axis=1) + rng.normal(size=500)), 2)
    0.53
    """
    X, y = _two_matrices(X, y, min_samples=n_neighbors + 1)
    if all(repeats(z) for z in (X, y)):
        text = "Values repeat on both sides: ksg_mi takes continuous ones, and may be far off here."
        warnings.warn(text, stacklevel=3)
    X, y = _rescale(X, scores), _rescale(y, scores)
    count = _counts_direct if X.shape[1] + y.shape[1] > DIRECT_ABOVE else _counts_by_tree
    n_x, n_y = count(X, y, n_neighbors)
    marginal = digamma(n_x) + digamma(n_y)
    return float(digamma(n_neighbors) + digamma(len(X)) - marginal.mean())


def _log_det_bias(dim: int, n_samples: int) -> float:
    """Return E log det of a sample covariance minus log det of the covariance, for normal data."""
    df = n_samples - 1
    return float(digamma((df - np.arange(dim)) / 2).sum() + dim * np.log(2 / df))


@validate_params(
    {
        "X": ["array-like"],
        "y": ["array-like"],
        "scores": [StrOptions({"raw", "rank"})],
        "correct_bias": ["boolean"],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"ledoit-wolf"}), None],
    },
    prefer_skip_nested_validation=True,
)
def gaussian_mi(X, y, *, scores="raw", correct_bias=False, shrinkage=None):
    r"""Estimate mutual information as if (X, y) were jointly normal.

    With :math:`\rho_i` the canonical correlations of X and y [1]_,

    .. math:: I = -\tfrac12 \sum_i \ln(1 - \rho_i^2) .

    Parameters
    ----------
    X : array-like of shape (n_samples,) or (n_samples, n_features)
        First variable.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Second variable.
    scores : {"raw", "rank"}, default="raw"
        Whether to replace columns by the normal scores of their ranks first. That makes it the
        estimator of a Gaussian copula with any marginals.
    correct_bias : bool, default=False
        Whether to subtract the bias that the logarithms of the determinants have for normal data.
        Together with ``scores="rank"`` this is Gaussian-copula mutual information [2]_.
        Not defined together with ``shrinkage``.
    shrinkage : float in [0, 1], "ledoit-wolf" or None, default=None
        Weight of the identity in the covariance of the standardised columns; "ledoit-wolf" chooses
        it from the data [3]_.

    Returns
    -------
    float
        Estimate in nats. Infinite where a canonical correlation is 1, as it is without
        shrinkage when ``n_samples <= n_features + n_targets`` (columns that depend linearly on
        others left out); negative only after ``correct_bias``.

    Raises
    ------
    ValueError
        If ``correct_bias`` is asked for together with ``shrinkage``, if X and y are of different
        lengths, or if they hold something else than finite numbers.

    See Also
    --------
    ksg_mi : Estimate from nearest neighbours.

    References
    ----------
    .. [1] T. M. Cover, J. A. Thomas, "Elements of Information Theory", section 8.5.
    .. [2] R. A. A. Ince et al., "A statistical framework for neuroimaging data analysis based on
       mutual information estimated via a Gaussian copula", Human Brain Mapping 38 (2017).
    .. [3] O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", Journal of Multivariate Analysis 88 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from skmist.baselines import gaussian_mi
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> round(gaussian_mi(X, X.sum(axis=1) + rng.normal(size=500)), 2)
    0.53
    """
    if correct_bias and shrinkage is not None:
        raise ValueError("correct_bias=True needs shrinkage=None.")
    X, y = _two_matrices(X, y, min_samples=2)
    X, y = (_rescale(z, "rank" if scores == "rank" else "standard") for z in (X, y))
    if shrinkage is not None and shrinkage != 0:
        return _shrunk_gaussian_mi(X, y, shrinkage)
    bases = _orthonormal(X), _orthonormal(y)
    n_samples, dx, dy = len(X), bases[0].shape[1], bases[1].shape[1]  # what depends on others: out
    if n_samples <= dx + dy:
        return float("inf")
    rho = svdvals(bases[0].T @ bases[1])
    rho = np.where(rho > 1 - 16 * np.finfo(float).eps, 1.0, rho)  # 1, but for rounding
    with np.errstate(divide="ignore"):
        mi = -0.5 * float(np.log1p(-(rho**2)).sum())
    if correct_bias:
        mi -= 0.5 * (
            _log_det_bias(dx, n_samples)
            + _log_det_bias(dy, n_samples)
            - _log_det_bias(dx + dy, n_samples)
        )
    return mi


def _orthonormal(z: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span of the centred columns."""
    q, r, _ = qr(z - z.mean(axis=0), mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    return q[:, size > 1e-10 * max(size[0], 1e-300)]


def _shrunk_gaussian_mi(X: np.ndarray, y: np.ndarray, shrinkage: float | str) -> float:
    """Return the Gaussian mutual information of a covariance shrunk towards the identity."""
    X, y = (z[:, z.any(axis=0)] for z in (X, y))  # constant columns tell nothing
    if not X.shape[1] or not y.shape[1]:
        return 0.0
    joint = np.hstack([X, y])
    if shrinkage == "ledoit-wolf":
        cov, _ = ledoit_wolf(joint)
    else:
        cov = np.atleast_2d(np.cov(joint.T, bias=True))
        cov = (1 - shrinkage) * cov + shrinkage * np.eye(len(cov))
    dx = X.shape[1]
    parts = [np.linalg.slogdet(c)[1] for c in (cov[:dx, :dx], cov[dx:, dx:], cov)]
    return max(0.0, 0.5 * float(parts[0] + parts[1] - parts[2]))


@validate_params(
    {
        "X": ["array-like"],
        "y": ["array-like"],
        "discrete_features": ["boolean"],
        "discrete_target": ["boolean"],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sklearn_mi(
    X, y, *, discrete_features=False, discrete_target=False, n_neighbors=3, random_state=0
):
    """Estimate the mutual information of one column with another by scikit-learn [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples,) or (n_samples, 1)
        First variable.
    y : array-like of shape (n_samples,) or (n_samples, 1)
        Second variable; any labels if ``discrete_target``.
    discrete_features : bool, default=False
        Whether X is discrete.
    discrete_target : bool, default=False
        Whether y is discrete.
    n_neighbors : int, default=3
        Number of neighbours.
    random_state : int, RandomState instance or None, default=0
        Seed of the noise that scikit-learn adds to continuous columns to break ties.

    Returns
    -------
    float
        Estimate in nats, clipped at 0.

    Raises
    ------
    ValueError
        If one of both has several columns, if there are no more samples than neighbours, or if X
        and y are of different lengths.

    See Also
    --------
    sklearn.feature_selection.mutual_info_regression : Used for a continuous y.
    sklearn.feature_selection.mutual_info_classif : Used for a discrete y.

    References
    ----------
    .. [1] B. C. Ross, "Mutual information between discrete and continuous data sets", PLoS ONE 9
       (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from skmist.baselines import sklearn_mi
    >>> x = np.arange(200) % 4
    >>> round(sklearn_mi(x, x, discrete_features=True, discrete_target=True), 3)
    1.386
    """
    X = check_array(X, ensure_2d=False, ensure_min_samples=n_neighbors + 1, input_name="X")
    y = check_array(
        y,
        dtype=None if discrete_target else "numeric",
        ensure_2d=False,
        ensure_min_samples=n_neighbors + 1,
        input_name="y",
    )
    check_consistent_length(X, y)
    if X.size != len(X) or y.size != len(y):
        raise ValueError(
            "scikit-learn's estimators take one column against one, got "
            f"X of shape {X.shape} and y of shape {y.shape}; see ksg_mi."
        )
    function = mutual_info_classif if discrete_target else mutual_info_regression
    return float(
        function(
            X.reshape(-1, 1),
            y.reshape(-1),
            discrete_features=discrete_features,
            n_neighbors=n_neighbors,
            random_state=random_state,
        )[0]
    )
