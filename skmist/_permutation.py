"""P-values of independence: from a table, or by permutations that go through in batches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np

from skmist._encoding import Side
from skmist._inference import Engine, Question
from skmist._linear import Blend, linear_part, permuted_linear_parts, white_scores
from skmist._null import ROUNDING, NullTable
from skmist.core import MIDistribution

_UNTIED = ("untied", "untied")
MAX_POOL = 10  # columns that pool their permutations when they share a null distribution
KEPT = 8  # sides whose scores are kept; those of a target serve all features


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

    The test statistic is a blend of the estimate and of the linear part of the dependence, see
    :class:`~skmist._linear.Blend`: weak monotone dependence is found where the estimate alone does
    not find it. How both are blended is chosen from the B permuted samples and the observed one, in
    a way that does not tell which is which. Under independence these B + 1 are exchangeable, and so
    are their statistics: the test is exact (a combination of dependent permutation tests as in
    F. Pesarin, L. Salmaso, "Permutation tests for complex data", Wiley, 2010, chapter 4). b of the
    permutations have a statistic at least as large as the observed one.

    Both statistics depend on ranks only, so under independence all single continuous columns
    without ties have the same null distribution. It is read from the table of the weights; where
    there is none for these weights or this number of rows, it is drawn once for all such columns,
    with up to ten times ``n_permutations`` draws.

    Parameters
    ----------
    pairs : sequence of (Side, Side)
        Both sides of each question, not constant.
    observed : ndarray of shape (n_questions,)
        Estimates, in nats.
    statistic : callable
        Estimate of a distribution.
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
    scores = functools.lru_cache(KEPT)(_scores)
    linear = np.array([linear_part(scores(a), scores(b)) for a, b in pairs])
    pvalues = np.empty(len(pairs))
    questions: list[Question] = []
    spans: list[tuple[list[int], slice, np.ndarray]] = []
    for key, members in nulls.items():
        a, b = pairs[members[0]]
        if table is not None and key == (a.n_rows, *_UNTIED) and table.covers(a.n_rows):
            blended = table.blend(a.n_rows)(observed[members], linear[members])
            pvalues[members] = table.pvalues(a.n_rows, blended)
            continue
        question = _representative(a, b)
        draws = n_permutations * min(len(members), MAX_POOL)
        asked = [replace(question, seed=(seed, k)) for k in range(draws)]
        left, right = (_ordered(s.n_rows) if s.untied else scores(s) for s in (a, b))
        sides = (left, right) if question.moves_x else (right, left)
        parts = permuted_linear_parts(*sides, draws, lambda k, asked=asked: asked[k].order())
        spans.append((members, slice(len(questions), len(questions) + draws), parts))
        questions += asked
    estimates = statistic(engine.run(questions)) if questions else np.empty(0)
    for members, span, parts in spans:
        for i in members:
            both = np.r_[observed[i], estimates[span]], np.r_[linear[i], parts]
            pvalues[i] = exact_pvalue(*both)
    return pvalues


def exact_pvalue(estimates: np.ndarray, linear: np.ndarray) -> float:
    """Return the p-value of the first of samples that are exchangeable under independence.

    Parameters
    ----------
    estimates, linear : ndarray of shape (B + 1,)
        Both statistics, the observed ones first.
    """
    statistics = Blend.of(estimates, linear)(estimates, linear)
    return float(np.mean(statistics >= statistics[0] - ROUNDING))


def _scores(side: Side) -> np.ndarray:
    return white_scores(side.values)


@functools.lru_cache(8)
def _ordered(n: int) -> np.ndarray:
    """Return the scores of any column without ties, in the order of its ranks."""
    return white_scores(np.arange(float(n))[:, None])


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
