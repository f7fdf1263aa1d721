"""The linear part of a dependence, and how a test adds it to an estimate of all dependence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from skmist._ranks import column_ranks

CELLS = 2_000_000  # numbers that are gathered at a time
UPPER = 0.9  # quantile from which a linear part counts, and up to which spread is measured


def white_scores(values: np.ndarray) -> np.ndarray:
    """Return uncorrelated linear combinations of the normal scores of columns.

    The scores are those of mid-ranks; of an indicator they are the indicator itself, standardised.
    The correlations that are whitened are shrunk by d / n, so that any number of columns will do.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Columns, none of them constant.

    Returns
    -------
    ndarray of shape (d, n)
        Rows of mean 0 and of norm 1 or less.
    """
    scores = normal_scores(values)
    return np.linalg.solve(factor(scores), scores)


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Return normal scores of columns (n, d) as rows (d, n), of norm 1 (constants: 0)."""
    scores = ndtri((column_ranks(values) - 0.5) / len(values)).T
    scores -= scores.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(scores).sum(axis=1, keepdims=True))
    return scores / np.where(norms > 0, norms, 1.0)


def factor(scores: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor (d, d) of the shrunk correlations of scores (d, n)."""
    d, n = scores.shape
    scatter = scores @ scores.T
    scatter[np.diag_indices(d)] += d / n
    return np.linalg.cholesky(scatter)


def linear_part(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of the squared canonical correlations of two sides, Pillai's trace.

    Source: K. C. S. Pillai, "Some new test criteria in multivariate analysis", Annals of
    Mathematical Statistics 26(1), 1955.

    Parameters
    ----------
    a, b : ndarray of shape (da, n) and (db, n)
        From :func:`white_scores`.
    """
    return float(np.square(a @ b.T).sum())


def in_orders(
    values: np.ndarray, draws: int, order: Callable[[int], np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield values with their rows permuted, some permutations at a time.

    Parameters
    ----------
    values : ndarray of shape (d, n)
        Columns of n rows.
    draws : int
        Number of permutations.
    order : callable
        Gives each permutation by its number.

    Yields
    ------
    ndarray of shape (d, size, n)
        With a size that bounds the memory.
    """
    size = max(1, CELLS // values.size)
    for start in range(0, draws, size):
        orders = [order(k) for k in range(start, min(start + size, draws))]
        yield values[:, np.stack(orders)]


def permuted_linear_parts(
    moved: np.ndarray, fixed: np.ndarray, draws: int, order: Callable[[int], np.ndarray]
) -> np.ndarray:
    """Return :func:`linear_part` after each of some permutations of the first, shape (draws,).

    Both are from :func:`white_scores`; for ``draws`` and ``order`` see :func:`in_orders`.
    """
    found = [np.square(rows @ fixed.T).sum((0, 2)) for rows in in_orders(moved, draws, order)]
    return np.concatenate([np.empty(0), *found])


@dataclass(frozen=True)
class Blend:
    """One statistic of two: the estimate, and what is unusual in the linear part.

    Estimates that look for everything find weak monotone dependence late. Most independent samples
    have a linear part below the threshold; they keep their estimate as it is, so that dependence of
    other kinds is found as before.

    Parameters
    ----------
    threshold : float
        Linear part from which it counts.
    multiple : float
        What the rest is multiplied by, in nats.
    """

    threshold: float
    multiple: float

    @classmethod
    def of(cls, estimates: np.ndarray, linear: np.ndarray) -> Blend:
        """Choose both: the upper 10% point, and what makes both statistics spread alike.

        Parameters
        ----------
        estimates, linear : ndarray of shape (n_samples,)
            Both statistics of samples, most of them independent. The order of the samples does not
            matter.
        """
        wide, narrow = (np.quantile(s, (0.5, UPPER)) for s in (estimates, linear))
        spread = narrow[1] - narrow[0]
        return cls(narrow[1], (wide[1] - wide[0]) / spread if spread > 0 else 0.0)

    def __call__(self, estimates: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """Return the statistics, in nats, of estimates (in nats) and linear parts."""
        return estimates + self.multiple * np.maximum(linear - self.threshold, 0)
