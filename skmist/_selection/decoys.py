"""Copies of the features with shuffled rows: what they bring, and whether a gain is more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from skmist._selection.columns import Answers, Columns
from skmist._selection.criteria import CRITERIA, Criterion, Joint
from skmist._selection.rule import Rule

MAX_PAIRS = 5000  # pairs of columns that one step of the joint search looks at
MAX_DECOYS = 1000  # shuffled copies that one step compares the best candidate with
MAX_TESTED = 50_000  # shuffled pairs that the test of one pair looks at
_ROUNDING = 1e-5  # smaller differences between estimates are none


class Step(NamedTuple):
    """What a step of a forward search adds: one feature, or a pair of them."""

    features: list[int]
    gains: list[float]
    pvalue: float = math.nan


class Decoys:
    """Gains of copies of the features in another order of rows, which know nothing of y."""

    def __init__(self, strategy: str, columns: Columns, rule: Rule, i: int):
        self._strategy = strategy
        self._columns = columns.shuffled(rule.seed, i)
        self._most = max(1, MAX_DECOYS // rule.n_orders)
        self._criterion: Criterion | None = None

    def reference(self, chosen: Sequence[int], pool: Sequence[int]) -> float:
        """Return the largest gain of the copies of the candidates, or 0."""
        if self._criterion is None:
            self._index = _spread(pool, self._most)
            relevance = np.full((3, self._columns.X.n_columns), np.nan)
            relevance[:, self._index] = self._columns.about_y([(j,) for j in self._index])
            self._criterion = CRITERIA[self._strategy](self._columns, Answers(*relevance))
        for j in chosen[len(self._criterion.chosen) :]:
            self._criterion.choose(j, self._index)
        left = set(pool)
        return _largest(self._criterion.gains([j for j in self._index if j in left]))

    def reference_of_pairs(self, pairs: Sequence[tuple[int, int]]) -> float:
        """Return the largest gain of pairs of copies, or 0."""
        return _largest(self._criterion.gains_of_sets(_spread(pairs, self._most)))


def shuffled_reference(columns: Columns, rule: Rule) -> float:
    """Return the largest estimate of I(X_j; y) for shuffled copies of all features."""
    index = _spread(range(columns.X.n_columns), max(1, MAX_DECOYS // rule.n_orders))
    sets = [(j,) for j in index]
    orders = range(rule.n_orders)
    return max(_largest(columns.shuffled(rule.seed, i).about_y(sets)) for i in orders)


def first_of_the_largest(values: np.ndarray) -> int:
    """Return the position of the largest value, of equal ones the first."""
    return int(np.flatnonzero(values >= np.nanmax(values) - _ROUNDING)[0])


def best_pair(
    criterion: Joint, decoys: Decoys, pool: Sequence[int], alone: np.ndarray
) -> Step | None:
    """Return the pair with the largest gain, the better column first, if beyond its interval."""
    pairs = _likely_pairs(criterion.columns, pool, alone, MAX_PAIRS)
    found = criterion.gains_of_sets(pairs) if pairs else None
    if found is None or np.isnan(found.value).all():
        return None
    best = first_of_the_largest(found.value)
    if not found.low[best] > decoys.reference_of_pairs(pairs):
        return None
    return _pair_step(pool, alone, pairs[best], found.value[best])


def tested_step(
    criterion: Joint, pool: Sequence[int], alone: np.ndarray, rule: Rule, with_pairs: bool
) -> Step | None:
    """Return the candidate, or else the pair, with the largest gain, if its p-value allows.

    The p-value compares the largest gain with the largest one of all candidates after shuffling
    their rows together, so that it holds for the best of many (the maximum statistic of Westfall
    and Young, "Resampling-based multiple testing", 1993). Where a pair may be tested after the
    single candidate, both p-values are doubled (Bonferroni).

    Parameters
    ----------
    criterion : Joint
        The search so far.
    pool : sequence of int
        Candidates.
    alone : ndarray of shape (n_candidates,)
        Their gains.
    rule : Rule
        Level, number of permutations and seed.
    with_pairs : bool
        Whether pairs may be added.
    """
    tests = 2 if with_pairs else 1
    level = rule.alpha / tests
    best = first_of_the_largest(alone)
    singles = [(j,) for j in pool]

    def of_singles(i: int) -> np.ndarray:
        return criterion.gains_of_sets(singles, seed=(rule.seed, i)).value

    p = _pvalue(alone[best], lambda i: _maximum(of_singles(i)), rule.n_permutations, level)
    if p <= level:
        return Step([pool[best]], [float(alone[best])], tests * p)
    if not with_pairs:
        return None
    n_orders = fewest_permutations(rule.alpha)
    most = min(MAX_PAIRS, MAX_TESTED // n_orders)
    pairs = _likely_pairs(criterion.columns, pool, alone, most)
    found = criterion.gains_of_sets(pairs).value if pairs else np.array([np.nan])
    if np.isnan(found).all():
        return None
    chooses = len(pairs) < len(pool) * (len(pool) - 1) // 2  # the copies have to do so too

    def of_pairs(i: int) -> float:
        some = pairs
        if chooses:
            some = _likely_pairs(criterion.columns, pool, of_singles(i), most)
        return _maximum(criterion.gains_of_sets(some, seed=(rule.seed, i)).value)

    best = first_of_the_largest(found)
    p = _pvalue(found[best], of_pairs, n_orders, level)
    if p > level:
        return None
    return _pair_step(pool, alone, pairs[best], found[best])._replace(pvalue=tests * p)


def fewest_permutations(alpha: float) -> int:
    """Return how many permutations a step of the joint search needs to reach alpha, pairs too."""
    return math.ceil(2 / alpha - 1e-9) - 1


def check_combinations(
    strategy: str, direction: str, alpha: float | None, pvalues: bool, n_permutations: int
) -> None:
    """Raise ValueError for parameters of a selector that exclude each other."""
    if direction == "backward" and strategy != "joint":
        raise ValueError(f'direction="backward" goes with strategy="joint" only, got {strategy!r}.')
    if strategy != "joint" or alpha is None:
        return
    if direction == "backward":
        raise ValueError(
            f'alpha={alpha} does not go with direction="backward", which would test only those '
            'features that proved the best; n_features_to_select="auto" does.'
        )
    if pvalues:
        raise ValueError(
            "pvalues=True tests each feature by itself, alpha with strategy='joint' each step: "
            "pvalues_ can hold one of both only."
        )
    if n_permutations < (fewest := fewest_permutations(alpha)):
        raise ValueError(
            f"alpha={alpha} with strategy='joint' takes n_permutations={fewest} or more, got "
            f"{n_permutations}."
        )


def _pvalue(observed: float, draw: Callable[[int], float], n: int, level: float) -> float:
    """Return (b + 1) / (n + 1), b of n draws at least as large as observed; 1 if beyond the level.

    It ends as soon as no draw that is left could bring the p-value down to the level.
    """
    reached = 0
    for i in range(n):
        reached += draw(i) >= observed - _ROUNDING
        if reached + 1 > level * (n + 1) + 1e-9:
            return 1.0
    return (reached + 1) / (n + 1)


def _likely_pairs(
    columns: Columns, pool: Sequence[int], alone: np.ndarray, most: int
) -> list[tuple[int, int]]:
    """Return at most so many pairs, of the columns with the largest gains; copies are no pair."""
    width = int((1 + np.sqrt(1 + 8 * most)) / 2)
    order = np.argsort(-np.nan_to_num(alone, nan=-np.inf), kind="stable")[:width]
    pairs = ((pool[i], pool[k]) for i, k in combinations(order, 2))
    return [pair for pair in pairs if not columns.are_copies(*pair)]


def _pair_step(pool: Sequence[int], alone: np.ndarray, pair: tuple[int, int], total: float) -> Step:
    """Return a pair as a step; its first column gains what it does alone, the second the rest."""
    first = float(alone[list(pool).index(pair[0])])
    return Step(list(pair), [first, float(total) - first])


def _largest(found: Answers) -> float:
    return max(0.0, _maximum(found.value))


def _maximum(values: np.ndarray) -> float:
    """Return the largest value that is not missing; minus infinity where there is none."""
    return float(np.max(values, initial=-np.inf, where=~np.isnan(values)))


def _spread(items: Sequence, count: int) -> list:
    """Return at most so many of the items, evenly spread."""
    if len(items) <= count:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, count).astype(int)]
