"""Cheap statistics of dependence for permutation tests, and how they join the estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmist._linear import UPPER, factor, in_orders, normal_scores

MOST_CROSSED = 16  # columns of a side up to which products of two of them are looked at
N_PARTS = 4
START = 0.8  # quantile from which they count
WEIGHT = 1.5  # of what lies above it
WIDTH = 0.25  # squared kernel width, in units of the median squared distance
MOST_ROWS = 2000  # up to which kernels are looked at
SNAP = 1e-6  # what is rounding, in units of the usual size of a statistic of independent sides
ROUGH = 100.0  # times as much where single precision is used


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

    @cached_property
    def kernel(self) -> np.ndarray | None:
        """Gaussian kernel (n, n) of the scores, without what rows and columns have in common.

        None where there are too many rows.
        """
        scores = self.values[: self.n_columns]
        n = scores.shape[1]
        if n > MOST_ROWS:
            return None
        squares = np.square(scores).sum(0)
        distances = np.maximum(squares[:, None] + squares - 2 * scores.T @ scores, 0)
        inner = distances[~np.eye(n, dtype=bool)]
        kernel = np.exp(distances / (-WIDTH * (np.median(inner) or inner.mean())))
        np.fill_diagonal(kernel, 0)
        kernel -= kernel.sum(0) / (n - 1)
        kernel -= kernel.mean(1, keepdims=True)
        np.fill_diagonal(kernel, 0)
        return kernel.astype(np.float32)

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
    - The products of the scores of the first side at two rows, times a narrow kernel of the second
      side, summed over all pairs of rows; it finds whatever makes the mean of a column differ from
      place to place (as in A. Gretton et al., "Measuring statistical dependence with
      Hilbert-Schmidt norms", ALT 2005, with a linear and a Gaussian kernel).

    Parameters
    ----------
    a, b : Terms
        Both sides; the rows of the first are permuted.
    draws, order
        As for :func:`~skmist._linear.in_orders`.

    Returns
    -------
    ndarray of shape (N_PARTS, 1 + draws)
        The observed statistics first.
    """
    found = [_parts(a, b, a.values[:, None])]
    found += [_parts(a, b, moved) for moved in in_orders(a.values, draws, order)]
    return np.concatenate(found, axis=1)


def _parts(a: Terms, b: Terms, moved: np.ndarray) -> np.ndarray:
    """Return the statistics (N_PARTS, size) of the terms of a in some orders (d + m, size, n)."""
    da, db = a.n_columns, b.n_columns
    cross = (moved @ b.values.T).transpose(1, 0, 2)
    linear = cross[:, :da, :db]
    white = np.linalg.solve(a.factor, linear).transpose(0, 2, 1)
    white = np.linalg.solve(b.factor, white)
    fourth = [(c**4).sum((1, 2)) for c in (cross[:, :da, db:], cross[:, da:, :db])]
    found = [np.square(white).sum((1, 2)), np.square(linear).sum((1, 2)), sum(fourth)]
    n = moved.shape[-1]
    found.append(_local(moved[:da], b.kernel))
    local = 0.0 if b.kernel is None else float(np.linalg.norm(b.kernel)) / n
    return _snapped(np.stack(found), np.array([1 / n, 1 / n, 1 / n**2, ROUGH * local]))


def _snapped(statistics: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return statistics (N_PARTS, size) that are equal where they differ by rounding only.

    Rare labels have few different tables, each of which most permutations share: which of equal
    ones comes first must not depend on the order of additions.
    """
    unit = SNAP * scale[:, None]
    return np.round(statistics / np.where(unit > 0, unit, 1.0)) * unit


def _local(scores: np.ndarray, kernel: np.ndarray | None) -> np.ndarray:
    """Return the sums of products of scores (d, size, n) at two rows, weighted by a kernel."""
    if kernel is None:
        return np.zeros(scores.shape[1])
    scores = scores.astype(np.float32)
    return np.einsum("dsn,dsn->s", scores @ kernel, scores, dtype=np.float64)


def excess(statistics: np.ndarray, start: float = START, weight: float = WEIGHT) -> np.ndarray:
    """Return how far statistics exceed an upper quantile, each in units of its spread.

    Summed over the statistics, and weighted. Where all are below, it is 0, so that
    dependence that only the estimate sees is found nearly as often as by the estimate alone.

    Parameters
    ----------
    statistics : ndarray of shape (n_statistics, n_samples)
        Of samples that are mostly independent; their order does not matter.
    start : float
        Which quantile.
    weight : float
        What the sum is multiplied by.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    start = np.quantile(statistics, start, axis=1, keepdims=True)
    spread = spreads(statistics)[:, None]
    above = np.maximum(statistics - start, 0) / np.where(spread > 0, spread, np.inf)
    return weight * above.sum(0)


def spreads(statistics: np.ndarray) -> np.ndarray:
    """Return the differences between upper 10% points and medians, of statistics (..., n).

    Where they are 0, those between maxima and medians.
    """
    middle, upper = np.quantile(statistics, (0.5, UPPER), axis=-1)
    return np.where(upper > middle, upper, statistics.max(axis=-1)) - middle
