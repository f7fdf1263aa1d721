"""Cheap statistics of dependence for permutation tests, and how they join the estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skmist._linear import UPPER, factor, normal_scores

CELLS = 2_000_000  # numbers that are gathered at a time
MOST_CROSSED = 16  # columns of a side up to which products of two of them are looked at
N_PARTS = 3


@dataclass(frozen=True, eq=False)
class Terms:
    """Functions of the columns of one side, which :func:`parts` correlates with the other's.

    Attributes
    ----------
    values : ndarray of shape (d + m, n)
        Normal scores of the d columns; then their squares and their products by two. All rows have
        mean 0 and norm 1, or are 0 where a function is constant.
    factor : ndarray of shape (d, d)
        Cholesky factor of the correlations of the first d, shrunk.
    """

    values: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray) -> Terms:
        """Compute the terms of columns (n, d), none of them constant."""
        scores = normal_scores(columns)
        d, n = scores.shape
        pairs = np.triu_indices(d) if d <= MOST_CROSSED else 2 * (np.arange(d),)
        products = scores[pairs[0]] * scores[pairs[1]] * n
        products -= products.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.square(products).sum(axis=1, keepdims=True))
        products /= np.where(norms > 1e-6, norms, np.inf)
        return cls(np.concatenate([scores, products]), factor(scores))

    @property
    def n_columns(self) -> int:
        """Number d of columns."""
        return len(self.factor)


def parts(a: Terms, b: Terms, draws: int, order: Callable[[int], np.ndarray]) -> np.ndarray:
    """Return statistics of dependence as the sample is, and after each of some permutations.

    - Pillai's trace: the squared canonical correlations of the normal scores, summed; it finds a
      linear dependence best if it lies in directions in which the columns of a side vary little.
    - The squared correlations of the columns of one side with those of the other, summed; it finds
      best what lies in directions in which columns vary together.
    - The fourth powers of the correlations of the columns of each side with the squares and the
      products of the other's, summed; it finds U-shaped dependence and interactions of two.

    Parameters
    ----------
    a, b : Terms
        Both sides; the rows of the first are permuted.
    draws : int
        Number of permutations.
    order : callable
        Gives each permutation by its number.

    Returns
    -------
    ndarray of shape (N_PARTS, 1 + draws)
        The observed statistics first.
    """
    found = [_parts(a, b, a.values[:, None])]
    size = max(1, CELLS // a.values.size)
    for start in range(0, draws, size):
        orders = [order(k) for k in range(start, min(start + size, draws))]
        found.append(_parts(a, b, a.values[:, np.stack(orders)]))
    return np.concatenate(found, axis=1)


def _parts(a: Terms, b: Terms, moved: np.ndarray) -> np.ndarray:
    """Return the statistics (N_PARTS, size) of the terms of a in some orders (d + m, size, n)."""
    da, db = a.n_columns, b.n_columns
    cross = (moved @ b.values.T).transpose(1, 0, 2)
    linear = cross[:, :da, :db]
    white = np.linalg.solve(a.factor, linear).transpose(0, 2, 1)
    white = np.linalg.solve(b.factor, white)
    fourth = [(c**4).sum((1, 2)) for c in (cross[:, :da, db:], cross[:, da:, :db])]
    return np.stack([np.square(white).sum((1, 2)), np.square(linear).sum((1, 2)), sum(fourth)])


def excess(statistics: np.ndarray) -> np.ndarray:
    """Return how far statistics exceed their upper 10% point, each in units of its spread, summed.

    Most independent samples have 0, so that dependence that only the estimate sees is found as by
    the estimate alone.

    Parameters
    ----------
    statistics : ndarray of shape (n_statistics, n_samples)
        Of samples that are mostly independent; their order does not matter.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    start = np.quantile(statistics, UPPER, axis=1, keepdims=True)
    spread = spreads(statistics)[:, None]
    return np.maximum((statistics - start) / np.where(spread > 0, spread, np.inf), 0).sum(0)


def spreads(statistics: np.ndarray) -> np.ndarray:
    """Return the differences between upper 10% points and medians, of statistics (..., n).

    Where they are 0, those between maxima and medians.
    """
    middle, upper = np.quantile(statistics, (0.5, UPPER), axis=-1)
    return np.where(upper > middle, upper, statistics.max(axis=-1)) - middle
