"""P-values of independence: from a table, or by permutations that go through in batches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np

from skmist._encoding import Side
from skmist._inference import Engine, Question
from skmist._null import ROUNDING, NullTable
from skmist.core import MIDistribution

_UNTIED = ("untied", "untied")
MAX_POOL = 10  # columns that pool their permutations when they share a null distribution


def permutation_pvalues(
    pairs: Sequence[tuple[Side, Side]],
    observed: np.ndarray,
    statistic: Callable[[MIDistribution], np.ndarray],
    engine: Engine,
    n_permutations: int,
    seed: int,
    table: NullTable | None = None,
) -> np.ndarray:
    """Return the p-value of each pair of sides, (b + 1) / (B + 1).

    B is the number of permutations, b that of the permutations whose estimate is at least as
    large as the observed one. Estimates depend on ranks only, so under independence all single
    continuous columns without ties have the same null distribution. It is read from the table of
    the weights; where there is none for these weights or this number of rows, it is drawn once for
    all such columns, with up to ten times ``n_permutations`` draws.

    Parameters
    ----------
    pairs : sequence of (Side, Side)
        Both sides of each question, not constant.
    observed : ndarray of shape (n_questions,)
        Statistics of the questions, in nats.
    statistic : callable
        Statistic of a distribution.
    engine : Engine
        Runs the network.
    n_permutations : int
        Number of permutations B.
    seed : int
        Seed of the permutations. The same ones serve all questions.
    table : NullTable, optional
        Null distribution of pairs of continuous columns without ties.

    Returns
    -------
    ndarray of shape (n_questions,)
    """
    nulls: dict[Hashable, list[int]] = {}
    for i, (a, b) in enumerate(pairs):
        nulls.setdefault(_null_key(i, a, b), []).append(i)
    pvalues = np.empty(len(pairs))
    questions: list[Question] = []
    spans: list[tuple[list[int], slice]] = []
    for key, members in nulls.items():
        a, b = pairs[members[0]]
        if table is not None and key == (a.n_rows, *_UNTIED) and table.covers(a.n_rows):
            pvalues[members] = table.pvalues(a.n_rows, observed[members])
            continue
        question = _representative(a, b)
        draws = n_permutations * min(len(members), MAX_POOL)
        spans.append((members, slice(len(questions), len(questions) + draws)))
        questions += [replace(question, seed=(seed, k)) for k in range(draws)]
    statistics = statistic(engine.run(questions)) if questions else np.empty(0)
    for members, span in spans:
        null = np.sort(statistics[span])
        reached = len(null) - np.searchsorted(null, observed[members] - ROUNDING)
        pvalues[members] = (reached + 1) / (len(null) + 1)
    return pvalues


def _null_key(i: int, a: Side, b: Side) -> Hashable:
    """Return what the null distribution depends on, beside the permutations."""
    keys = tuple("untied" if side.untied else id(side) for side in (a, b))
    return (a.n_rows, *keys) if "untied" in keys else i


def _representative(a: Side, b: Side) -> Question:
    """Return a question with the same null distribution; untied columns become ordered ranks."""
    question = Question.of(a, b)
    ranks = np.arange(float(a.n_rows))[:, None]
    return replace(
        question,
        x=ranks if a.untied else question.x,
        y=ranks if b.untied else question.y,
    )
