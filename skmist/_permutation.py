"""P-values of independence, by permutations that go through the network in batches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from skmist._encoding import Side
from skmist._inference import Engine, Question
from skmist.core import MIDistribution

MAX_POOL = 10  # columns that pool their permutations when they share a null distribution
_ROUNDING = 1e-6  # nats; smaller differences between estimates are none


def permutation_pvalues(
    pairs: Sequence[tuple[Side, Side]],
    observed: np.ndarray,
    point: Callable[[MIDistribution], np.ndarray],
    engine: Engine,
    n_permutations: int,
    seed: int,
) -> np.ndarray:
    """Return the p-value of each pair of sides, (b + 1) / (B + 1).

    B is the number of permutations, b that of the permutations whose estimate is at least as
    large as the observed one. Estimates depend on ranks only, so under independence all single
    continuous columns without ties have the same null distribution: it is drawn once for all of
    them, with up to ten times ``n_permutations`` draws.

    Parameters
    ----------
    pairs : sequence of (Side, Side)
        Both sides of each question, not constant.
    observed : ndarray of shape (n_questions,)
        Point estimates, in nats.
    point : callable
        Point estimate of a distribution, the statistic of the test.
    engine : Engine
        Runs the network.
    n_permutations : int
        Number of permutations B.
    seed : int
        Seed of the permutations. The same ones serve all questions.

    Returns
    -------
    ndarray of shape (n_questions,)
    """
    nulls: dict[Hashable, list[int]] = {}
    for i, (a, b) in enumerate(pairs):
        nulls.setdefault(_null_key(i, a, b), []).append(i)
    questions: list[Question] = []
    spans = []
    for members in nulls.values():
        x, y = (_representative(side) for side in pairs[members[0]])
        draws = n_permutations * min(len(members), MAX_POOL)
        spans.append(slice(len(questions), len(questions) + draws))
        questions += [Question(x, y, (seed, k)) for k in range(draws)]
    statistics = point(engine.run(questions))
    pvalues = np.empty(len(pairs))
    for members, span in zip(nulls.values(), spans, strict=True):
        null = np.sort(statistics[span])
        reached = len(null) - np.searchsorted(null, observed[members] - _ROUNDING)
        pvalues[members] = (reached + 1) / (len(null) + 1)
    return pvalues


def _null_key(i: int, a: Side, b: Side) -> Hashable:
    """Return what the null distribution depends on, beside the permutations."""
    keys = tuple("untied" if side.untied else id(side) for side in (a, b))
    return (a.n_rows, *keys) if "untied" in keys else i


def _representative(side: Side) -> np.ndarray:
    """Return values with the same null distribution; for an untied column its ranks, in order."""
    return np.arange(float(side.n_rows))[:, None] if side.untied else side.values
