"""Distributions with exact mutual information, in numpy, for the benchmark suites.

They are written apart from the samplers that train the network, so that each can check the other.
All information is in nats.
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy.special import gammaln, ndtr, psi


def stream(*key: str | int) -> np.random.Generator:
    """Return the random stream of a key, such as ``("mtest", seed, index)``.

    Training draws from torch, and calibration and validation on held-out families from numpy with
    seeds that are hashes of other names, so test data and those never meet.
    """
    numbers = [zlib.crc32(k.encode()) if isinstance(k, str) else int(k) for k in key]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))


# Covariance and dispersion matrices ---------------------------------------------------------------


def equicorrelation(dim: int, rho: float) -> np.ndarray:
    """Return the (dim, dim) matrix with 1 on the diagonal and rho elsewhere."""
    return np.full((dim, dim), float(rho)) + (1 - rho) * np.eye(dim)


def latent_correlation(
    dx: int,
    dy: int,
    n_pairs: int,
    strength: float,
    *,
    shared: float = 0.0,
    within: float = 0.0,
    extra: float | None = None,
) -> np.ndarray:
    """Return the correlation matrix of a linear model with standard normal latents.

    X_i and Y_i have a latent of weight ``strength`` in common for i < n_pairs; every column has
    noise of weight 1; the columns beyond the pairs have further noise of weight ``extra``; all
    columns share a latent of weight ``shared``; those of X share one of weight ``within``, and so
    do those of Y.

    Parameters
    ----------
    dx, dy : int
        Numbers of columns.
    n_pairs : int
        Number of interacting pairs, at most min(dx, dy).
    strength, shared, within : float
        Weights of the latents.
    extra : float, optional
        Weight of the further noise; ``strength`` when not given, so that variances are equal.

    Returns
    -------
    ndarray of shape (dx + dy, dx + dy)

    References
    ----------
    .. [1] P. Czyż, F. Grabowski, J. E. Vogt, N. Beerenwinkel, A. Marx, "Beyond Normal: On the
       evaluation of mutual information estimators", NeurIPS 2023, section 2.3.
    """
    extra = strength if extra is None else extra
    cov = np.full((dx + dy, dx + dy), shared**2)
    cov[:dx, :dx] += within**2
    cov[dx:, dx:] += within**2
    x, y = np.arange(n_pairs), dx + np.arange(n_pairs)
    cov[x, y] += strength**2
    cov[y, x] += strength**2
    own = np.ones(dx + dy)
    own[:n_pairs] += strength**2
    own[n_pairs:dx] += extra**2
    own[dx : dx + n_pairs] += strength**2
    own[dx + n_pairs :] += extra**2
    cov += np.diag(own)
    spread = np.sqrt(np.diag(cov))
    return cov / np.outer(spread, spread)


# Mutual information -------------------------------------------------------------------------------


def normal_mi(cov: np.ndarray, dx: int) -> float:
    """Return I of a normal vector (first dx columns: X), half a log ratio of determinants."""
    log_det = [np.linalg.slogdet(c)[1] for c in (cov[:dx, :dx], cov[dx:, dx:], cov)]
    return max(0.0, 0.5 * float(log_det[0] + log_det[1] - log_det[2]))


def student_entropy(dim: int, df: float) -> float:
    """Return the differential entropy of the standard multivariate Student distribution.

    Arellano-Valle, Contreras-Reyes, Genton, Scandinavian Journal of Statistics 40 (2013), eq. 7.
    """
    half = 0.5 * (df + dim)
    log_norm = gammaln(0.5 * df) - gammaln(half) + 0.5 * dim * np.log(df * np.pi)
    return float(log_norm + half * (psi(half) - psi(0.5 * df)))


def student_mi(dispersion: np.ndarray, dx: int, df: float) -> float:
    """Return I of a Student vector: that of the normal plus what the shared scale tells."""
    dim = len(dispersion)
    tails = student_entropy(dx, df) + student_entropy(dim - dx, df) - student_entropy(dim, df)
    return normal_mi(dispersion, dx) + tails


def additive_uniform_mi(eps: np.ndarray | float) -> float:
    """Return the sum of I(X; X + U(-eps, eps)) over independent pairs with X uniform on (0, 1)."""
    eps = np.atleast_1d(np.asarray(eps, dtype=float))
    return float(np.where(eps <= 0.5, eps - np.log(2 * eps), 0.25 / eps).sum())


# Samples ------------------------------------------------------------------------------------------


def sample_normal(rng: np.random.Generator, cov: np.ndarray, n: int) -> np.ndarray:
    """Draw n rows of a centred normal vector, shape (n, dim)."""
    return rng.standard_normal((n, len(cov))) @ np.linalg.cholesky(cov).T


def sample_student(
    rng: np.random.Generator, dispersion: np.ndarray, df: float, n: int
) -> np.ndarray:
    """Draw n rows of a centred multivariate Student vector, shape (n, dim)."""
    scale = np.sqrt(df / rng.chisquare(df, size=(n, 1)))
    return sample_normal(rng, dispersion, n) * scale


def sample_additive_uniform(
    rng: np.random.Generator, eps: np.ndarray | float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n rows of X uniform on (0, 1) and Y = X + U(-eps, eps), each of shape (n, len(eps))."""
    eps = np.atleast_1d(np.asarray(eps, dtype=float))
    x = rng.uniform(size=(n, len(eps)))
    return x, x + eps * rng.uniform(-1, 1, size=x.shape)


# Invertible maps: they change nothing in I --------------------------------------------------------


def half_cube(z: np.ndarray) -> np.ndarray:
    """Return z times the root of its absolute value."""
    return z * np.sqrt(np.abs(z))


def wiggly_x(z: np.ndarray) -> np.ndarray:
    """Return the increasing, wiggling map that is applied to columns of X."""
    return z + 0.4 * np.sin(z) + 0.2 * np.sin(1.7 * z + 1) + 0.03 * np.sin(3.3 * z - 2.5)


def wiggly_y(z: np.ndarray) -> np.ndarray:
    """Return the increasing, wiggling map that is applied to columns of Y."""
    return z - 0.4 * np.sin(0.4 * z) + 0.17 * np.sin(1.3 * z + 3.5) + 0.02 * np.sin(4.3 * z - 2.5)


def identity(z: np.ndarray) -> np.ndarray:
    """Return z."""
    return z


MONOTONE = {
    "base": (identity, identity),
    "asinh": (np.arcsinh, np.arcsinh),
    "halfcube": (half_cube, half_cube),
    "wiggly": (wiggly_x, wiggly_y),
    "uniform": (ndtr, ndtr),
}


def spiral(z: np.ndarray, i: int, j: int, speed: float) -> np.ndarray:
    """Rotate every row in the plane of columns i and j by speed times its squared length."""
    angle = speed * (z**2).sum(axis=1)
    cos, sin = np.cos(angle), np.sin(angle)
    out = z.copy()
    out[:, i] = cos * z[:, i] - sin * z[:, j]
    out[:, j] = sin * z[:, i] + cos * z[:, j]
    return out


def swiss_roll(u: np.ndarray) -> np.ndarray:
    """Roll a column of values in (0, 1) up into the plane, shape (n, 2)."""
    t = 1.5 * np.pi * (1 + 2 * u[:, 0])
    return np.column_stack([t * np.cos(t), t * np.sin(t)]) / 21


def normal_mixture_quantile(u: np.ndarray, weights, means) -> np.ndarray:
    """Return quantiles of a mixture of unit-variance normals, by bisection."""
    low = np.full(u.shape, min(means) - 12.0)
    high = np.full(u.shape, max(means) + 12.0)
    for _ in range(60):
        middle = (low + high) / 2
        below = sum(w * ndtr(middle - m) for w, m in zip(weights, means, strict=True)) < u
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
