"""Ranks of columns, and how often their values repeat."""

from __future__ import annotations

import numpy as np
import torch

from skmist.core.scores import doubled_ranks


def column_ranks(values: np.ndarray) -> np.ndarray:
    """Return the mid-ranks of every column, from 1.

    The same as ``scipy.stats.rankdata(values, axis=0)``, in half of the time without ties.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Without missing values.

    Returns
    -------
    ndarray of shape (n, d), float64
    """
    columns = torch.tensor(np.ascontiguousarray(values.T))
    return (doubled_ranks(columns)[0].double() / 2 + 1).numpy().T


MOST_REPEATED = 0.1  # share of rows whose value repeats, of a column that counts as continuous
FEW_REPEATED = 8  # rows that may be such by chance or by rounding


def repeated_rows(values: np.ndarray) -> np.ndarray:
    """Return, for every column, in how many rows there is a value that another row has too.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Without missing values.

    Returns
    -------
    ndarray of int of shape (d,)
    """
    ordered = np.sort(values, axis=0)
    equal = np.zeros((len(values) + 1, values.shape[1]), dtype=bool)
    equal[1:-1] = ordered[1:] == ordered[:-1]
    return (equal[1:] | equal[:-1]).sum(axis=0)


def repeats(values: np.ndarray) -> bool:
    """Tell whether many values of a column (n, d) repeat; constant columns do not count."""
    count = repeated_rows(values[:, values.min(axis=0) < values.max(axis=0)])
    return bool((count > max(MOST_REPEATED * len(values), FEW_REPEATED)).any())
