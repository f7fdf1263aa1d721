"""P-values of independence: from a table, or by permutations that go through in batches."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skmist._dependence import Terms, excess, parts, spreads
from skmist._encoding import Side
from skmist._inference import Engine, Question
from skmist._linear import UPPER, linear_part, white_scores
from skmist._null import ROUNDING, NullTable
from skmist.core import MIDistribution

_UNTIED = ("untied", "untied")
MAX_POOL = 10  # columns that pool their permutations when they share a null distribution
KEPT = 8  # sides whose scores are kept; those of a target serve all features
SETTLED = 0.1  # p-value from which a test may end early
FIRST = 3  # permutations of the first stage, in units of those that end a test
GROWTH = 1.5  # of their number from stage to stage


def permutation_pvalues(
    pairs: Sequence[tuple[Side, Side]],
    observed: np.ndarray,
    statistic: Callable[[MIDistribution], np.ndarray],
    engine: Engine,
    n_permutations: int,
    seed: int,
    table: NullTable | None = None,
) -> np.ndarray:
    """Return the p-value of each pair of sides, (b + 1) / (l + 1).

    l permutations have been looked at, B if there is little doubt that the sides depend on each
    other, and b of them have a statistic at least as large as the observed one. The statistic joins
    the estimate with cheap statistics of dependence, see :func:`~skmist._dependence.parts`: what
    these look for is found earlier than by the estimate alone, which looks for everything. How they
    are joined is chosen from the permuted samples and the observed one, in a way that does not tell
    which is which. Under independence these are exchangeable, and so are their statistics: the test
    is exact (a combination of dependent permutation tests as in F. Pesarin, L. Salmaso,
    "Permutation tests for complex data", Wiley, 2010, chapter 4).

    The network, which takes nearly all of the time, reads the permutations in stages. A test ends
    early once b is ``SETTLED`` (B + 1) or more (as in J. Besag, P. Clifford, "Sequential Monte
    Carlo p-values", Biometrika 78(2), 1991). For any level a, let k be the first stage at which a
    p-value of a or less is possible. Then p <= a implies that (b + 1) / (l + 1) <= a at k, whether
    the test ended there or went on; l being fixed there, its probability is at most a.

    All statistics depend on ranks only, so under independence all single continuous columns without
    ties have the same null distribution. It is read from the table of the weights, of a
    :class:`~skmist._linear.Blend` of estimate and linear part; where there is none for these
    weights or this number of rows, it is drawn once for all such columns, with up to ten times
    ``n_permutations`` draws.

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
        Largest number of permutations B.
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
    scores, terms, ordered = (functools.lru_cache(KEPT)(f) for f in (_scores, _terms, _ordered))
    pvalues = np.empty(len(pairs))
    tests: list[_Test] = []
    for key, members in nulls.items():
        a, b = pairs[members[0]]
        if table is not None and key == (a.n_rows, *_UNTIED) and table.covers(a.n_rows):
            linear = np.array([linear_part(*map(scores, pairs[i])) for i in members])
            blended = table.blend(a.n_rows)(observed[members], linear)
            pvalues[members] = table.pvalues(a.n_rows, blended)
            continue
        draws = n_permutations * min(len(members), MAX_POOL)
        question = _representative(a, b)
        asked = [replace(question, seed=(seed, k)) for k in range(draws)]
        sides = [ordered(s.n_rows) if s.untied else terms(s) for s in (a, b)]
        null = _parts(sides, asked, question.moves_x)[:, 1:]
        for i in members:
            own = _parts([terms(s) for s in pairs[i]], [], question.moves_x)
            found = np.hstack([own, null])
            # without ties as where there is a table: the linear part alone, as a Blend adds it
            alike = key == (a.n_rows, *_UNTIED)
            others = excess(found[:1], UPPER, 1.0) if alike else excess(found)
            tests.append(_Test(i, observed[i], others, asked))
    _run(tests, statistic, engine, pvalues)
    return pvalues


@dataclass(eq=False)
class _Test:
    """A test that waits for estimates.

    Attributes
    ----------
    index : int
        Where its p-value goes.
    observed : float
        The estimate.
    others : ndarray of shape (B + 1,)
        What is added to estimates, in units of their spread: observed, and of all permutations.
    asked : list of Question
        The permutations; tests that share them share the list.
    """

    index: int
    observed: float
    others: np.ndarray
    asked: list[Question]


def _run(tests: list[_Test], statistic: Callable, engine: Engine, pvalues: np.ndarray) -> None:
    """Let the network read permutations, stage by stage, and fill in the p-values."""
    estimates: dict[int, np.ndarray] = {id(test.asked): np.empty(0) for test in tests}
    for stage in itertools.count():
        if not tests:
            return
        lists = {id(test.asked): test.asked for test in tests}
        spans = {
            key: asked[len(estimates[key]) : stages(len(asked))[stage]]
            for key, asked in lists.items()
        }
        found = statistic(engine.run([question for span in spans.values() for question in span]))
        ends = np.cumsum([len(span) for span in spans.values()])
        for key, new in zip(spans, np.split(found, ends[:-1]), strict=True):
            estimates[key] = np.r_[estimates[key], new]
        left = []
        for test in tests:
            done = estimates[id(test.asked)]
            place = rank(np.r_[test.observed, done], test.others[: 1 + len(done)])
            if len(done) == len(test.asked) or place > _enough(len(test.asked)):
                pvalues[test.index] = place / (len(done) + 1)
            else:
                left.append(test)
        tests = left


def _enough(draws: int) -> int:
    """Return the number of permutations, as good as the sample, after which a test ends."""
    return math.ceil(SETTLED * (draws + 1))


def stages(draws: int) -> list[int]:
    """Return the numbers of permutations after which a test may end, the last being all."""
    found, size = [], FIRST * _enough(draws)
    while size < draws:
        found.append(size)
        size = math.ceil(GROWTH * size)
    return [*found, draws]


def rank(estimates: np.ndarray, others: np.ndarray) -> int:
    """Return how many of some samples have a statistic no smaller than the first, itself included.

    If the samples are exchangeable, each place is as likely as any other, or less likely with ties.

    Parameters
    ----------
    estimates : ndarray of shape (l + 1,)
        Estimates in nats, the observed one first.
    others : ndarray of shape (l + 1,)
        What is added to them, in units of the spread of estimates.
    """
    spread = spreads(estimates)
    statistics = estimates + (spread if spread > ROUNDING else 1.0) * others
    return int(np.sum(statistics >= statistics[0] - ROUNDING))


def _scores(side: Side) -> np.ndarray:
    return white_scores(side.values)


def _terms(side: Side) -> Terms:
    return Terms.of(side.values)


def _parts(sides: Sequence[Terms], asked: Sequence[Question], moves_first: bool) -> np.ndarray:
    """Return the cheap statistics as the sample is, and after the permutations."""
    moved, fixed = sides if moves_first else sides[::-1]
    return parts(moved, fixed, len(asked), lambda k: asked[k].order())


def _ordered(n: int) -> Terms:
    """Return the terms of any column without ties, in the order of its ranks."""
    return Terms.of(np.arange(float(n))[:, None])


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
