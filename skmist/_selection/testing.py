"""Many tests at once: the false discovery rate."""

from __future__ import annotations

import math

import numpy as np

from skmist._permutation import MAX_POOL
from skmist._validation import Notes


def discoveries(pvalues: np.ndarray, alpha: float, n_permutations: int, notes: Notes) -> np.ndarray:
    """Return the indices of the discoveries; note where permutations are too few for a single one.

    P-values are (b + 1) / (l + 1), with l permutations or up to ``MAX_POOL`` times as many.
    """
    found = benjamini_hochberg(pvalues, alpha)
    floors = 1 / (n_permutations * np.arange(1, MAX_POOL + 1) + 1)
    lowest = np.isclose(pvalues[:, None], floors, rtol=1e-9, atol=0).any(axis=1)
    if not found.any() and lowest.any():
        enough = math.ceil(len(pvalues) / alpha)
        notes.add(
            f"No feature passes alpha={alpha}, but a p-value of {pvalues[lowest].min():.2g} is as "
            f"small as n_permutations={n_permutations} allows. A single discovery among "
            f"{len(pvalues)} features takes {enough} permutations."
        )
    return np.flatnonzero(found)


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
