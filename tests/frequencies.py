"""Mutual information from frequencies, against which that of the families is tested."""

from __future__ import annotations

import numpy as np
from scipy import stats


def plug_in(i, j):
    """Return the information of the empirical table of two label vectors, bias removed, in nats."""
    i, j = (np.unique(v, return_inverse=True)[1] for v in (i, j))
    table = np.zeros((i.max() + 1, j.max() + 1))
    np.add.at(table, (i, j), 1 / len(i))
    outer = table.sum(1, keepdims=True) * table.sum(0)
    on = table > 0
    return np.sum(table[on] * np.log(table[on] / outer[on])) - (
        (on.sum() - table.shape[0] - table.shape[1] + 1) / (2 * len(i))
    )


def bins(x, k=60):
    """Return which of k groups of equal frequency each value falls in, ties kept together."""
    return ((stats.rankdata(x, "min") - 1) * k // len(x)).astype(int)
