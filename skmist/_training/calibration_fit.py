"""From answers to a calibration: coordinates, thresholds, and conformal factors on intervals.

There are two sources, a stream of the training distribution under a name of its own and the
held-out families. Sources are told apart by the domain score as far as they can be: where it is
below the stream's median, families count little, so that intervals cover on data like those of
training; elsewhere both count the same. For the number of rows see :func:`row_factors`.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from skmist._calibration import LARGEST, LEVELS, Part
from skmist._training.calibration_data import STREAM_NAME, Answers, joined
from skmist.core import MIDistribution

PROTOTYPES = {True: 600, False: 3000}  # of one column against one, and of other questions
DIRECTIONS = {True: 48, False: 64}  # coordinates, at most, that distances are taken in
FEWEST_BATCHES = 8  # of the stream, of each part
INSIDE = 0.995  # share of the stream whose score is below 1
FAMILIES, FEW_FAMILIES = 0.5, 0.1  # weight of the held-out families, of both sources
BINS = (0.0, 0.5, 0.8, 0.95, INSIDE, 1.0)  # of the scores, as shares of the stream
FEWEST = 40  # held-out data sets in a bin; with fewer, it is joined to the next one
ROWS = (0, 30, 60, 120, 250, 500, 1000, 1 << 62)  # bins of the number of rows
FAMILIES_FROM = 500  # rows from which families count in the factors by rows
# bins of thresholds; other questions are too few and too different for bins of their own
THRESHOLDS = {True: (0, 60, 250, 1000, 4000, 1 << 62), False: (0, 1 << 62)}


def first_half(stream: Answers) -> np.ndarray:
    """Tell which answers belong to every other batch, from the first one on."""
    return np.isin(stream.number, np.unique(stream.number)[::2])


def space(stream: Answers, single: bool) -> Part:
    """Return coordinates, prototypes and thresholds from a stream; factors are 1.

    Every other batch, from the first on, gives the coordinates (a Ledoit-Wolf covariance makes them
    white; where there are many, random orthogonal combinations of them keep distances, after
    Johnson and Lindenstrauss) and the prototypes; the others give the thresholds.
    """
    rng = np.random.default_rng(0)
    first = first_half(stream)
    if (count := len(np.unique(stream.number))) < FEWEST_BATCHES:
        raise ValueError(
            f"The calibration stream has {count} batches of a kind; at least {FEWEST_BATCHES} are "
            "needed: ask for more."
        )
    even = stream.signature[first]
    fitted = LedoitWolf().fit(even)
    values, vectors = np.linalg.eigh(fitted.covariance_)
    white = vectors / np.sqrt(np.maximum(values, 1e-9 * values[-1]))
    f = len(values)
    if f > (d := DIRECTIONS[single]):
        white = white @ np.linalg.qr(rng.normal(size=(f, d)))[0] * np.sqrt(f / d)
    chosen = rng.choice(len(even), size=min(PROTOTYPES[single], len(even)), replace=False)
    z = (even[np.sort(chosen)] - fitted.location_) @ white
    centre, white, z = (torch.tensor(v, dtype=torch.float32) for v in (fitted.location_, white, z))
    ones = torch.ones(1), torch.ones(1, len(LEVELS))
    part = Part(centre, white, z, torch.ones(1), torch.ones(1), *ones, *ones)
    knots, thresholds = _tensors(*_thresholds(part, stream[~first], THRESHOLDS[single]))
    return replace(part, threshold_knots=knots, thresholds=thresholds)


def _thresholds(part: Part, other: Answers, edges: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Return knots, logarithms of numbers of rows, and the distances that few go beyond there."""
    found, knots, out = distances(part, other), [], []
    for low, high in itertools.pairwise(edges):
        inside = (other.n >= low) & (other.n < high)
        if inside.sum() >= FEWEST:
            knots.append(np.median(np.log(other.n[inside])))
            out.append(np.quantile(found[inside], INSIDE))
    if not knots:
        return np.zeros(1), np.array([np.quantile(found, INSIDE)])
    return np.array(knots), np.array(out)


def distances(part: Part, answers: Answers) -> np.ndarray:
    """Return the scores of answers."""
    return part.scores_of(torch.from_numpy(answers.signature), answers.n).double().numpy()


def needed(latent: np.ndarray, levels: np.ndarray, mi: np.ndarray) -> np.ndarray:
    """Return the factors (N, len(LEVELS)) that bring the end of each central interval to the truth.

    A truth of 0 is held by an interval whose lower end is at 0 or below, before it is cut off.
    """
    middle = len(levels) // 2
    median = latent[:, middle]
    out = np.zeros((len(mi), len(LEVELS)))
    for k, level in enumerate(LEVELS):
        low, high = (_at(latent, levels, p) for p in ((1 - level) / 2, (1 + level) / 2))
        up = (mi - median) / np.maximum(high - median, 1e-9)
        down = (median - mi) / np.maximum(median - low, 1e-9)
        out[:, k] = np.where(mi > median, up, down)
        out[(mi <= 0) & (median <= 0), k] = 0.0
    return out


def _at(latent: np.ndarray, levels: np.ndarray, p: float) -> np.ndarray:
    """Return latent quantiles at a level."""
    right = int(np.clip(np.searchsorted(levels, p), 1, len(levels) - 1))
    t = (p - levels[right - 1]) / (levels[right] - levels[right - 1])
    return (1 - t) * latent[:, right - 1] + t * latent[:, right]


def weights_of(source: np.ndarray, families: float = FAMILIES) -> np.ndarray:
    """Return weights of data sets, of which those of the families add up to the share given."""
    stream = source == STREAM_NAME
    return np.where(
        stream, (1 - families) / max(1, stream.sum()), families / max(1, (~stream).sum())
    )


def conformal(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Return the weighted quantile that a new value lies below with at least this probability.

    The new value weighs as much as the others on average (Tibshirani, Barber, Candes and Ramdas,
    "Conformal Prediction under Covariate Shift", NeurIPS 2019).
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    position = np.searchsorted(total, level * (total[-1] + weights.mean()))
    return float(values[order[position]]) if position < len(values) else np.inf


def factors(
    scores: np.ndarray, found: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and factors: conformal in bins of the score, not falling with it.

    Parameters
    ----------
    scores : ndarray of shape (N,)
    found : ndarray of shape (N, len(LEVELS))
        What :func:`needed` returns.
    source : ndarray of str of shape (N,)
    """
    stream = source == STREAM_NAME
    edges = np.quantile(scores[stream], BINS)
    edges[0], edges[-2], edges[-1] = 0.0, min(1.0, edges[-2]), np.inf
    knots, rows, start = [], [], 0
    for stop in range(1, len(edges)):
        inside = (scores >= edges[start]) & (scores < edges[stop])
        if (inside & ~stream).sum() < FEWEST and stop < len(edges) - 1:
            continue
        weights = weights_of(source, FEW_FAMILIES if BINS[stop] <= 0.5 else FAMILIES)
        start = stop
        if not inside.any():
            continue
        knots.append(np.median(scores[inside]))
        rows.append(_asked_for(found, weights, stream, inside))
    return np.array(knots), np.maximum.accumulate(np.array(rows), axis=0)


def _asked_for(
    found: np.ndarray, weights: np.ndarray, stream: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Return conformal factors (len(LEVELS),) of the data sets inside a bin.

    They are for both sources together, but not below what the stream by itself asks for.
    """
    groups = [g for g in (inside, inside & stream) if g.sum() >= FEWEST]
    row = [
        max(conformal(found[g, k], weights[g], p) for g in groups or [inside])
        for k, p in enumerate(LEVELS)
    ]
    return np.clip(row, 0.5, LARGEST)


def row_factors(
    n: np.ndarray, found: np.ndarray, source: np.ndarray, more: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return knots, logarithms of numbers of rows, and factors: conformal in bins of n.

    Below ``FAMILIES_FROM`` rows the stream alone counts, so that intervals on data like those of
    training cover in each bin. Above, where errors are less those of the sample than those of the
    network, families count too, as the larger share of the data sets that they are.

    Parameters
    ----------
    n : ndarray of shape (N,)
    found : ndarray of shape (N, len(LEVELS))
        What :func:`needed` returns, in units of the factors that the scores ask for.
    source : ndarray of str of shape (N,)
    more : ndarray of bool of shape (N,), optional
        Those that the stream has more of in some bins; in each bin it weighs as much as without.
    """
    stream, usual = source == STREAM_NAME, np.full(len(n), True) if more is None else ~more
    weights, knots, rows = np.zeros(len(n)), [], []
    weights[usual] = weights_of(source[usual], FEW_FAMILIES)
    for low, high in itertools.pairwise(ROWS):
        inside = (n >= low) & (n < high) & (stream | (n >= FAMILIES_FROM))
        if (inside & stream).any():
            weights[inside & stream] = weights[inside & stream].mean()
        if inside.sum() >= FEWEST:
            knots.append(np.median(np.log(n[inside])))
            rows.append(_asked_for(found, weights, stream, inside))
    if not knots:
        return np.zeros(1), np.ones((1, len(LEVELS)))
    return np.array(knots), np.array(rows)


def fitted_part(
    part: Part, answers: Answers, levels: np.ndarray, more: Answers | None = None
) -> Part:
    """Return the part with factors learned from answers that did not make its coordinates.

    Factors by rows are learned from more answers of the stream too.
    """
    both, count = answers if more is None else joined([answers, more]), len(answers)
    found, scores = needed(both.latent, levels, both.mi), distances(part, both)
    knots, rows = _tensors(*factors(scores[:count], found[:count], answers.source))
    by_score = replace(
        part,
        knots=knots,
        factors=rows,
        row_knots=torch.zeros(1),
        row_factors=torch.ones(1, len(LEVELS)),
    )
    found = found / by_score.factors_at(scores, both.n)
    added = np.arange(len(both)) >= count
    knots, rows = _tensors(*row_factors(both.n, found, both.source, added))
    return replace(by_score, row_knots=knots, row_factors=rows)


def _tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.tensor(v, dtype=torch.float32) for v in arrays]


def excess_power(part: Part, wide: Answers, levels: np.ndarray, level: float = 0.9) -> float:
    """Return the power of the ratio of columns that makes intervals of wide questions cover."""
    k = LEVELS.index(level)
    given = part.factors_at(distances(part, wide), wide.n)[:, k]
    found = needed(wide.latent, levels, wide.mi)[:, k]
    powers = np.log(np.maximum(found, 1e-6) / given) / np.log(wide.ratio)
    return float(np.clip(conformal(powers, np.ones(len(powers)), level), 0.0, 3.0))


def coverage(latent: np.ndarray, levels: np.ndarray, mi: np.ndarray) -> np.ndarray:
    """Return the share of truths in the central intervals of ``LEVELS``."""
    dist = MIDistribution(torch.from_numpy(latent), torch.from_numpy(levels))
    ends = [dist.interval(level).numpy() for level in LEVELS]
    return np.array([((mi >= e[:, 0] - 1e-9) & (mi <= e[:, 1] + 1e-9)).mean() for e in ends])
