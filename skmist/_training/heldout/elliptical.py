r"""Elliptical vectors: power-exponential, variance-gamma and contaminated normal.

The vector is L z, z spherical with density g_d(r). Mutual information is that of a normal vector of
the same dispersion, and that of the uncorrelated parts of z,

    I = I_normal + h_p + h_q - h_(p+q),  h_d = -int A_d r^(d-1) g_d(r) log g_d(r) dr,

A_d being the area of the unit sphere (Fang, Kotz and Ng, "Symmetric Multivariate and Related
Distributions", 1990).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, logsumexp

from skmist._training.heldout.frailty import log_bessel
from skmist._training.heldout.law import Law, columns, log_uniform, mixing

LOG_R = np.linspace(-25, 7, 1200)  # nodes of the trapezoid rule, logarithms of the radius
STEP = LOG_R[1] - LOG_R[0]


def log_area(d: int) -> float:
    """Return the logarithm of the area of the unit sphere in d dimensions."""
    return float(np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2))


def radial_entropy(log_g: np.ndarray, d: int) -> float:
    """Return the entropy of a spherical density in d dimensions, log_g given at the nodes."""
    mass = np.exp(log_area(d) + d * LOG_R + log_g)
    return float(-(mass * np.where(np.isfinite(log_g), log_g, 0.0)).sum() * STEP)


def power_exponential(beta: float, whole: int) -> Callable:
    """Return d -> log g_d for the margins of exp(-r^(2 beta) / 2) in ``whole`` dimensions.

    Gomez, Gomez-Villegas and Marin, Communications in Statistics 27, 1998.
    """
    half = whole / (2 * beta)
    constant = -log_area(whole) - gammaln(half) - half * np.log(2) + np.log(2 * beta)

    def log_g(d: int) -> np.ndarray:
        if d == whole:
            return constant - np.exp(2 * beta * LOG_R) / 2
        rest = whole - d
        squares = np.exp(2 * LOG_R)
        inside = -((squares[:, None] + squares) ** beta) / 2 + rest * LOG_R
        return constant + log_area(rest) + logsumexp(inside, axis=1) + np.log(STEP)

    return log_g


def variance_gamma(shape: float) -> Callable:
    """Return d -> log g_d for sqrt(W) z, W gamma, z standard normal (Madan and Seneta 1990)."""

    def log_g(d: int) -> np.ndarray:
        r, order = np.exp(LOG_R), shape - d / 2
        bessel = log_bessel(abs(order), np.sqrt(2) * r) + order * np.log(r / np.sqrt(2))
        return np.log(2) + bessel - gammaln(shape) - d / 2 * np.log(2 * np.pi)

    return log_g


def contaminated(scales: np.ndarray, weights: np.ndarray) -> Callable:
    """Return d -> log g_d for a normal vector with one of a few scales (Tukey 1960)."""

    def log_g(d: int) -> np.ndarray:
        quadratic = -0.5 * (np.exp(LOG_R)[:, None] / scales) ** 2
        return logsumexp(np.log(weights) - d * np.log(scales) + quadratic, axis=1) - d / 2 * np.log(
            2 * np.pi
        )

    return log_g


def spherical_mi(log_g: Callable, p: int, q: int) -> float:
    """Return the information that uncorrelated parts of p and q coordinates share, in nats."""
    x, y, whole = (radial_entropy(log_g(d), d) for d in (p, q, p + q))
    return x + y - whole


def _dispersion(rng: np.random.Generator, d: int, dx: int) -> np.ndarray:
    """Draw a dispersion: columns that load on a few factors, and mixed inside each side."""
    loads = rng.normal(size=(d, 2)) * log_uniform(rng, 0.1, 1.5)
    cov = np.eye(d) + loads @ loads.T
    mix = np.zeros((d, d))
    mix[:dx, :dx], mix[dx:, dx:] = mixing(rng, dx), mixing(rng, d - dx)
    return mix @ cov @ mix.T


def normal_mi(cov: np.ndarray, dx: int) -> float:
    """Return I(X; y) of a normal vector, X first, in nats."""
    x, y, both = (np.linalg.slogdet(c)[1] for c in (cov[:dx, :dx], cov[dx:, dx:], cov))
    return float(x + y - both) / 2


def _law(rng, log_g: Callable, dims: tuple[int, int], draw_z: Callable) -> Law:
    dx, d = dims[0], sum(dims)
    cov = _dispersion(rng, d, dx)
    factor = np.linalg.cholesky(cov).T

    def sample(rng, n):
        v = draw_z(rng, n) @ factor
        return v[:, :dx], v[:, dx:]

    return Law(spherical_mi(log_g, *dims) + normal_mi(cov, dx), sample)


def power_vectors(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw a power-exponential vector, with lighter or heavier tails than a normal one."""
    dims = dims or (columns(rng, 8), columns(rng, 8))
    beta, d = log_uniform(rng, 0.4, 5), sum(dims)

    def draw(rng, n):
        radius = (2 * rng.gamma(d / (2 * beta), size=(n, 1))) ** (0.5 / beta)
        z = rng.normal(size=(n, d))
        return z * radius / np.linalg.norm(z, axis=1, keepdims=True)

    return _law(rng, power_exponential(beta, d), dims, draw)


def gamma_scale_vectors(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw a variance-gamma vector, or one of a few scales."""
    dims = dims or (columns(rng, 12), columns(rng, 12))
    if rng.random() < 0.5:
        shape = log_uniform(rng, 0.6, 4)

        def draw(rng, n):
            return rng.normal(size=(n, sum(dims))) * np.sqrt(rng.gamma(shape, size=(n, 1)))

        return _law(rng, variance_gamma(shape), dims, draw)
    scales = np.array([1.0, log_uniform(rng, 2, 12)])
    weights = np.array([(share := rng.uniform(0.05, 0.6)), 1 - share])[::-1]

    def draw_one(rng, n):
        return rng.normal(size=(n, sum(dims))) * rng.choice(scales, size=(n, 1), p=weights)

    return _law(rng, contaminated(scales, weights), dims, draw_one)
