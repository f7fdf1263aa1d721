"""Forward selection and backward elimination of features, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skmist._domain import MAX_WIDTH
from skmist._selection.columns import Answers, Columns
from skmist._selection.criteria import CRITERIA
from skmist._selection.decoys import Decoys, Step, best_pair, first_of_the_largest, tested_step
from skmist._selection.rule import Rule

WIDEST_IN_PATH = 50  # features whose joint information is told
PATH = np.dtype(
    [("step", int), ("feature", int)]
    + [(name, float) for name in ("gain", "mi", "low", "high", "pvalue")]
)


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
    The lower end of the gain of a pair has to exceed all gains of shuffled pairs. With ``alpha``
    ("joint" only), each step has to pass a test, and pairs are tested where no single column does.
    """
    criterion = CRITERIA[strategy](columns, relevance)
    decoys = [Decoys(strategy, columns, rule, i) for i in range(rule.n_orders)]
    pool, copies, left_out = [int(j) for j in candidates], [], []
    gains: list[float] = []
    pvalues: list[float] = []
    try_pairs = strategy == "joint"
    last: dict[int, float] = {}
    while pool and len(criterion.chosen) < rule.count:
        columns.show(f"{len(criterion.chosen)} features chosen")
        room = MAX_WIDTH
        if strategy == "joint":  # all columns are asked about together
            room -= columns.target_width + columns.widths(criterion.chosen).sum()
            widths = columns.widths(pool)
            fitting = [j for j, w in zip(pool, widths, strict=True) if w <= room]
            if criterion.chosen and len(fitting) < len(pool):
                columns.notes.add(
                    f"Beside {len(criterion.chosen)} features chosen, some others are left out: "
                    f"with one of them there are more than {MAX_WIDTH} columns, counting one for "
                    "each category."
                )
                left_out += [j for j in pool if j not in fitting]
                pool = fitting
                if not pool:
                    break
            room -= np.sort(columns.widths(pool))[-2:].sum()
        found = criterion.gains(pool)
        last = dict(zip(pool, found.value.tolist(), strict=True))
        if np.isnan(found.value).all():
            columns.notes.add(
                f"The search ends with {len(criterion.chosen)} features: too few samples have "
                "neither these nor any other feature missing."
            )
            break
        best = first_of_the_largest(found.value)
        step: Step | None = Step([pool[best]], [float(found.value[best])])
        with_pairs = try_pairs and rule.count - len(criterion.chosen) > 1 < len(pool) and room >= 0
        if rule.alpha is not None:
            step = tested_step(criterion, pool, found.value, rule, with_pairs)
        elif with_pairs and found.low[best] <= decoys[0].reference(criterion.chosen, pool):
            pair = best_pair(criterion, decoys[0], pool, found.value)
            try_pairs = pair is not None
            step = pair or step
        if step is None:
            break
        if rule.auto and len(step.features) == 1:
            if any(step.gains[0] <= d.reference(criterion.chosen, pool) for d in decoys):
                break
        if rule.threshold is not None and sum(step.gains) < rule.threshold:
            break
        gains += step.gains
        pvalues += [step.pvalue] * len(step.features)
        for j in step.features:
            pool.remove(j)
            copied = [k for k in pool if columns.are_copies(j, k)]
            copies += copied
            pool = [k for k in pool if k not in set(copied)]
            more = len(criterion.chosen) + 1 < rule.count  # else nothing is asked of the pool again
            criterion.choose(j, pool if more else [])
    kept = criterion.chosen
    rest = sorted(pool + left_out, key=lambda j: -np.nan_to_num(last.get(j, 0.0), nan=-np.inf))
    copies.sort(key=lambda j: -relevance.value[j])
    if rule.copies and not pool:
        taken = copies[: max(0, rule.count - len(kept))]
        kept, copies, gains = kept + taken, copies[len(taken) :], gains + [0.0] * len(taken)
        pvalues += [np.nan] * len(taken)
    return Found(kept, rest + copies, _path(columns, kept, gains, pvalues))


def backward(columns: Columns, relevance: Answers, candidates: Sequence[int], rule: Rule) -> Found:
    """Leave out features one after the other, each time the one that is missed the least.

    Copies of features further to the front go first. With ``auto``, the search stops where putting
    shuffled copies in the place of the feature, often enough for the level, never tells as much.
    """
    kept, copies = [], []
    for j in map(int, candidates):
        (copies if any(columns.are_copies(k, j) for k in kept) else kept).append(j)
    copies.sort(key=lambda j: -relevance.value[j])
    if rule.copies and rule.count > len(kept):
        taken = rule.count - len(kept)
        again, copies = copies[:taken], copies[taken:]
        kept = [j for j in map(int, candidates) if j in {*kept, *again}]
    whole = columns.about_y([kept])
    before = float(whole.value[0])
    shuffled = [columns.shuffled(rule.seed, i) for i in range(rule.n_orders)]
    removed: list[int] = []
    records: list[tuple] = []
    losses = np.array([])
    while True:
        columns.show(f"{len(kept)} features left")
        without = columns.about_y(
            [[k for k in kept if k != j] for j in kept], present=[(j,) for j in kept]
        )
        most = [columns.bound([j], [k for k in kept if k != j])[0] for j in kept]
        losses = np.minimum(before - without.value, most)
        if len(kept) <= max(1, rule.count):
            break
        if np.isnan(losses).all():
            columns.notes.add(
                f"The search ends with {len(kept)} features: too few samples have none of them "
                "missing, which is what leaving out one of them is compared with."
            )
            break
        least = len(kept) - 1 - first_of_the_largest(-losses[::-1])  # of equals, the last
        others = [*kept[:least], *kept[least + 1 :]]
        after = [float(part[least]) for part in without]
        if columns.has_gaps[kept[least]]:  # there are more rows without it
            after = [float(part[0]) for part in columns.about_y([others])]
        if rule.auto and all(
            losses[least] > d.gains_about_y([(kept[least],)], others, after[0]).value[0]
            for d in shuffled
        ):
            break
        if rule.threshold is not None and losses[least] >= rule.threshold:
            break
        before = after[0]
        records.append((len(records) + 1, kept[least], -losses[least], *after, np.nan))
        removed.append(kept.pop(least))
    order = np.argsort(-np.nan_to_num(losses, nan=-np.inf), kind="stable")
    rest = removed[::-1] + copies
    return Found([kept[i] for i in order], rest, np.array(records, dtype=PATH))


def _path(
    columns: Columns, kept: Sequence[int], gains: Sequence[float], pvalues: Sequence[float]
) -> np.ndarray:
    """Return the steps of a forward search, with the joint information of the features so far.

    It is NaN for sets of more features than ``WIDEST_IN_PATH``, or of more columns than the network
    was trained on: the time that they take grows with the square of their number.
    """
    first = kept[:WIDEST_IN_PATH]
    trained = columns.settings.engine.config.d_max
    fitting = int((np.cumsum(columns.widths(first)) <= trained).sum())
    sets = [first[: i + 1] for i in range(fitting)]
    path = np.zeros(len(kept), dtype=PATH)
    path["step"] = np.arange(1, len(kept) + 1)
    path["feature"] = kept
    path["gain"] = gains
    path["pvalue"] = pvalues
    for name, part in zip(("mi", "low", "high"), columns.about_y(sets), strict=True):
        path[name] = np.nan
        path[name][: len(sets)] = part
    return path
