"""Forward selection and backward elimination of features, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from skmist._selection.columns import Answers, Columns
from skmist._selection.criteria import CRITERIA, Criterion, Joint

MAX_PAIRS = 5000  # pairs of columns that one step of the joint search looks at
MAX_DECOYS = 1000  # shuffled copies that one step compares the best candidate with
_ROUNDING = 1e-5  # smaller differences between estimates are none

PATH = np.dtype(
    [("step", int), ("feature", int), ("gain", float), ("mi", float), ("low", float)]
    + [("high", float)]
)


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
    """

    count: int
    auto: bool
    threshold: float | None
    level: float
    seed: int

    @property
    def n_orders(self) -> int:
        """How often candidates are shuffled: the largest of R + 1 equals is one of R by 1/(R+1)."""
        return min(99, math.ceil(self.level / (1 - self.level) - 1e-9))

    @property
    def copies(self) -> bool:
        """Whether copies of chosen features are taken when nothing else is left."""
        return not self.auto and self.threshold is None


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a search.

    Attributes
    ----------
    kept : list of int
        Features kept, the best first.
    rest : list of int
        The other features, the best first.
    path : ndarray of dtype PATH
        The steps.
    """

    kept: list[int]
    rest: list[int]
    path: np.ndarray


def forward(
    strategy: str, columns: Columns, relevance: Answers, candidates: Sequence[int], rule: Rule
) -> Found:
    """Choose features one after the other, each time the one with the largest gain.

    Copies of chosen features come last of all. With ``auto``, the search stops where the gain is no
    larger than all those of the candidates' shuffled copies: the best of many candidates looks
    informative by chance, and so does the best of as many copies. Where the lower end of the best
    gain is below what one shuffling brings, "joint" looks at pairs of columns too, until that
    finds nothing once: up to ``MAX_PAIRS``, of the columns with the largest gains by themselves.
    The lower end of the gain of a pair has to exceed all gains of shuffled pairs.
    """
    criterion = CRITERIA[strategy](columns, relevance)
    decoys = [_Decoys(strategy, columns, rule, i) for i in range(rule.n_orders)]
    pool, copies = [int(j) for j in candidates], []
    gains: list[float] = []
    try_pairs = strategy == "joint"
    last: dict[int, float] = {}
    while pool and len(criterion.chosen) < rule.count:
        found = criterion.gains(pool)
        last = dict(zip(pool, found.value.tolist(), strict=True))
        if np.isnan(found.value).all():
            columns.notes.add(
                f"The search ends with {len(criterion.chosen)} features: too few samples have "
                "neither these nor any other feature missing."
            )
            break
        best = _first_of_the_largest(found.value)
        chosen, gain = [pool[best]], [float(found.value[best])]
        paired = False
        if try_pairs and rule.count - len(criterion.chosen) > 1 < len(pool):
            if found.low[best] <= decoys[0].reference(criterion.chosen, pool):
                pair = _best_pair(criterion, decoys[0], pool, found.value)
                try_pairs = paired = pair is not None
                if pair is not None:
                    chosen, total = pair
                    gain = [last[chosen[0]], total - last[chosen[0]]]
        if rule.auto and not paired:
            if any(gain[0] <= d.reference(criterion.chosen, pool) for d in decoys):
                break
        if rule.threshold is not None and sum(gain) < rule.threshold:
            break
        gains += gain
        for j in chosen:
            pool.remove(j)
            copied = [k for k in pool if columns.are_copies(j, k)]
            copies += copied
            pool = [k for k in pool if k not in set(copied)]
            criterion.choose(j, pool)
    kept = criterion.chosen
    rest = sorted(pool, key=lambda j: -np.nan_to_num(last.get(j, 0.0), nan=-np.inf))
    copies.sort(key=lambda j: -relevance.value[j])
    if rule.copies and not pool:
        taken = copies[: max(0, rule.count - len(kept))]
        kept, copies, gains = kept + taken, copies[len(taken) :], gains + [0.0] * len(taken)
    return Found(kept, rest + copies, _path(columns, kept, gains))


class _Decoys:
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


def _first_of_the_largest(values: np.ndarray) -> int:
    """Return the position of the largest value, of equal ones the first."""
    return int(np.flatnonzero(values >= np.nanmax(values) - _ROUNDING)[0])


def _largest(found: Answers) -> float:
    values = found.value[~np.isnan(found.value)]
    return max(0.0, float(values.max())) if len(values) else 0.0


def _spread(items: Sequence, count: int) -> list:
    """Return at most so many of the items, evenly spread."""
    if len(items) <= count:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, count).astype(int)]


def _best_pair(
    criterion: Joint, decoys: _Decoys, pool: Sequence[int], alone: np.ndarray
) -> tuple[list[int], float] | None:
    """Return the pair with the largest gain, the better column first, if beyond its interval."""
    width = int((1 + np.sqrt(1 + 8 * MAX_PAIRS)) / 2)
    order = np.argsort(-np.nan_to_num(alone, nan=-np.inf), kind="stable")[:width]
    pairs = [(pool[i], pool[k]) for i, k in combinations(order, 2)]
    pairs = [p for p in pairs if not criterion.columns.are_copies(*p)]
    if not pairs:
        return None
    found = criterion.gains_of_sets(pairs)
    if np.isnan(found.value).all():
        return None
    best = _first_of_the_largest(found.value)
    if not found.low[best] > decoys.reference_of_pairs(pairs):
        return None
    return list(pairs[best]), float(found.value[best])


def backward(columns: Columns, relevance: Answers, candidates: Sequence[int], rule: Rule) -> Found:
    """Leave out features one after the other, each time the one that is missed the least.

    Copies of features further left go first. With ``auto``, the search stops where putting shuffled
    copies in the place of the feature, often enough for the level, never tells as much.
    """
    kept, copies = [], []
    for j in map(int, candidates):
        (copies if any(columns.are_copies(k, j) for k in kept) else kept).append(j)
    copies.sort(key=lambda j: -relevance.value[j])
    if rule.copies and rule.count > len(kept):
        taken = rule.count - len(kept)
        kept, copies = sorted(kept + copies[:taken]), copies[taken:]
    whole = columns.about_y([kept])
    before = float(whole.value[0])
    shuffled = [columns.shuffled(rule.seed, i) for i in range(rule.n_orders)]
    removed: list[int] = []
    records: list[tuple] = []
    losses = np.array([])
    while True:
        without = columns.about_y([[k for k in kept if k != j] for j in kept])
        losses = before - without.value
        if len(kept) <= max(1, rule.count) or np.isnan(losses).all():
            break
        least = len(kept) - 1 - _first_of_the_largest(-losses[::-1])  # of equals, the rightmost
        others = [*kept[:least], *kept[least + 1 :]]
        if rule.auto and all(
            before > d.about_y([kept[least : least + 1]], fixed=others).value[0] for d in shuffled
        ):
            break
        if rule.threshold is not None and losses[least] >= rule.threshold:
            break
        before = float(without.value[least])
        records.append(
            (len(records) + 1, kept[least], -losses[least], before)
            + (without.low[least], without.high[least])
        )
        removed.append(kept.pop(least))
    order = np.argsort(-np.nan_to_num(losses, nan=-np.inf), kind="stable")
    rest = removed[::-1] + copies
    return Found([kept[i] for i in order], rest, np.array(records, dtype=PATH))


def _path(columns: Columns, kept: Sequence[int], gains: Sequence[float]) -> np.ndarray:
    """Return the steps of a forward search, with the joint information of the features so far.

    It is NaN for sets of more columns than the network was trained on.
    """
    width = columns.settings.engine.config.d_max
    sets = [kept[: i + 1] for i in range(min(len(kept), width))]
    path = np.zeros(len(kept), dtype=PATH)
    path["step"] = np.arange(1, len(kept) + 1)
    path["feature"] = kept
    path["gain"] = gains
    for name, part in zip(("mi", "low", "high"), columns.about_y(sets), strict=True):
        path[name] = np.nan
        path[name][: len(sets)] = part
    return path
