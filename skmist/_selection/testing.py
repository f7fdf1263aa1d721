"""Many tests at once: the false discovery rate."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(pvalues: np.ndarray, alpha: float) -> np.ndarray:
    """Return the mask of the discoveries, of which at most a share alpha is expected to be false.

    Those are the k smallest p-values, k the largest number with p_(k) <= alpha k / m (Benjamini and
    Hochberg 1995, for m independent or positively dependent tests).
    """
    ordered = np.sort(pvalues)
    m = len(ordered)
    below = np.flatnonzero(ordered <= alpha * np.arange(1, m + 1) / m)
    if not len(below):
        return np.zeros(m, dtype=bool)
    return pvalues <= ordered[below[-1]]
