"""Entropies and mutual information by numerical integration, for densities known by formula."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, xlogy


def legendre(low: float, high: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss-Legendre quadrature on (low, high)."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights


def midpoints(order: int) -> np.ndarray:
    """Return the midpoints of equal parts of (0, 1): quantile levels of equal probability."""
    return (np.arange(order) + 0.5) / order


def entropy(p: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return the entropy of probabilities, or of a density at nodes with quadrature weights."""
    return float(-(xlogy(p, p) * weights).sum())


def table_mi(p: np.ndarray) -> float:
    """Return the mutual information of a table of joint probabilities."""
    return entropy(p.sum(axis=1)) + entropy(p.sum(axis=0)) - entropy(p)


def channel_mi(p_x: np.ndarray, p_y: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return I(X; Y) from the law of X and that of Y given X.

    Parameters
    ----------
    p_x : ndarray of shape (m,)
        Probabilities of the values (or of the quadrature nodes) of X.
    p_y : ndarray of shape (m, k)
        Probabilities of Y, or its density at k nodes, given each value of X.
    weights : ndarray of shape (k,), optional
        Quadrature weights of the nodes of Y.

    Returns
    -------
    float
        Entropy of Y less its mean entropy given X, in nats.
    """
    inner = -(xlogy(p_y, p_y) * weights).sum(axis=1)
    return entropy(p_x @ p_y, weights) - float(p_x @ inner)


def sum_entropy(signal: np.ndarray, density: Callable, low: float, high: float) -> float:
    """Return the entropy of signal plus noise.

    Parameters
    ----------
    signal : ndarray of shape (m,)
        Equally probable values that stand for the law of the signal.
    density : callable
        Density of the noise.
    low, high : float
        Ends of the range that holds the sum.
    """
    y = np.linspace(low, high, 3001)
    p = np.array([density(value - signal).mean() for value in y])
    return entropy(p, y[1] - y[0])


def log_sphere(dim: int) -> float:
    """Return the logarithm of the area of the unit sphere in so many dimensions."""
    return float(np.log(2) + dim / 2 * np.log(np.pi) - gammaln(dim / 2))


def log_ball(dim: int) -> float:
    """Return the logarithm of the volume of the unit ball in so many dimensions."""
    return float(dim / 2 * np.log(np.pi) - gammaln(dim / 2 + 1))


def volatility_entropy(dim: int, tau: float) -> float:
    """Return the entropy of exp(tau V) Z, with V standard normal and Z standard normal in dim.

    The density depends on the radius only; at each radius it is an integral over V, and the
    entropy is an integral over the logarithm of the radius.
    """
    v, w = legendre(-9, 9, 300)
    w = w * np.exp(-(v**2) / 2) / np.sqrt(2 * np.pi)
    log_r, step = np.linspace(-12 - 9 * tau, 5 + 9 * tau, 4001, retstep=True)
    r2 = np.exp(2 * (log_r[:, None] - tau * v))
    log_kernel = -dim * (tau * v + np.log(2 * np.pi) / 2) - r2 / 2
    p = np.exp(log_kernel) @ w
    area = np.exp(log_sphere(dim) + dim * log_r)
    return float(-(xlogy(p, p) * area).sum() * step)
