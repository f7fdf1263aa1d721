"""What a held-out family returns: a distribution that can be sampled, with its information."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Law:
    """A joint distribution of X and y.

    Attributes
    ----------
    mi : float
        I(X; y) in nats.
    sample : callable
        Takes a generator and n; returns arrays of shapes (n, dx) and (n, dy).
    """

    mi: float
    sample: Sampler


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw one log-uniform number."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def columns(rng: np.random.Generator, most: int) -> int:
    """Draw a number of columns, log-uniform from 1 to ``most``."""
    return min(most, int(log_uniform(rng, 1, most + 1)))


def entropy(log_p: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """Return the entropy of a density at nodes with quadrature weights, given its logarithm."""
    return float(-(np.exp(log_p) * np.where(log_p > -700, log_p, 0.0) * weights).sum())


def table_mi(p: np.ndarray) -> float:
    """Return the mutual information of a table of joint probabilities."""
    x, y, both = (entr(v).sum() for v in (p.sum(axis=1), p.sum(axis=0), p))
    return float(x + y - both)


def mixing(rng: np.random.Generator, d: int) -> np.ndarray:
    """Draw a matrix (d, d) of moderate condition: an invertible map inside one side."""
    q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return q * np.exp(rng.uniform(-0.7, 0.7, size=d))
