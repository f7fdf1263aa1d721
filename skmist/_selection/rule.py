"""When a search for a set of features stops, and the order of single ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-6  # scores that differ by less are those of equal columns
SHARE = 2e-4  # of a score, where that is less still: those next to 0 are more exact


@dataclass(frozen=True)
class Rule:
    """When a search stops.

    Parameters
    ----------
    count : int
        Number of features to keep: at most in a forward search, at least in a backward one.
    auto : bool
        Whether to stop too where shuffled copies of the candidates bring as much.
    threshold : float or None
        Smallest gain of a feature that is kept.
    level : float
        Probability with which shuffled copies alone bring less, if features tell nothing.
    seed : int
        Seed of the shuffling.
    alpha : float or None
        Largest p-value of a step of the joint search.
    n_permutations : int
        Number of shufflings that such a p-value rests on.
    """

    count: int
    auto: bool
    threshold: float | None
    level: float
    seed: int
    alpha: float | None = None
    n_permutations: int = 0

    @property
    def n_orders(self) -> int:
        """How often candidates are shuffled: the largest of R + 1 equals is one of R by 1/(R+1)."""
        return min(99, math.ceil(self.level / (1 - self.level) - 1e-9))

    @property
    def copies(self) -> bool:
        """Whether copies of chosen features are taken when nothing else is left."""
        return not self.auto and self.threshold is None and self.alpha is None


def from_the_best(scores: np.ndarray) -> np.ndarray:
    """Return the order of scores (n_features,) from the largest one; equal ones stay in order.

    What a column gets depends on its place in a batch by rounding. Scores count as equal if they
    lie within ``ROUNDING``, or ``SHARE`` of them, of the largest one of their group, so that many
    columns form no chain. Those of columns that tell nothing are small and lie close together.
    """
    order = np.argsort(-scores, kind="stable")
    group, top, groups = 0, np.inf, []
    for score in scores[order].tolist():
        if top - score > min(ROUNDING, SHARE * score):
            group, top = group + 1, score
        groups.append(group)
    return order[np.lexsort((order, groups))]
