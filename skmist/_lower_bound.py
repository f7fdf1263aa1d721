"""What single columns share: all columns together share no less.

The network for many columns is told of pairs of columns too (:mod:`skmist.core.best_pairs`), of the
rows that it reads and without labels; it weighs them, while this is a bound, from all rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from skmist._checkpoint import load_calibration
from skmist._encoding import Side, is_single
from skmist._inference import Engine, Question
from skmist._ranks import column_ranks
from skmist.core.best_pairs import MOST_PAIRS
from skmist.core.plugin import table_information

READ = 8  # pairs that the network is asked about
ROWS_READ = 100_000  # of these pairs together; one pair is read in any case
LOW = 0.05  # level of the quantile that a pair has to lie above, by a table of its ranks
BINS = ((64, 4), (4, 64), (16, 16))  # of such tables
ROWS_EACH = 4  # rows for each bin of a column, at least
CELLS = 2_000_000  # rows times pairs that are put into tables at a time
DEVIATIONS = 4.0  # standard deviations of what a table shows by chance
Column = tuple[np.ndarray, bool]


def bound_by_columns(
    pairs: Sequence[tuple[Side, Side]], quantiles: np.ndarray, levels: np.ndarray, engine: Engine
) -> np.ndarray:
    """Return what single columns tell, that quantiles of I(X; y) are to be raised to.

    I(X; y) is at least I(X_j; y_k) of any two columns (data processing inequality), and what is
    found in one column against one can be fine in scale, such as waves of many periods, which
    other columns beside it hide. Of m pairs, the quantile at level p is no less than that of the
    best one at level p / m (Bonferroni), which allows for the choice. Where that moves the median,
    a pair decides, and no quantile above it is less than that of the pair.

    Parameters
    ----------
    pairs : sequence of pairs of Side
    quantiles : ndarray of shape (n_questions, L)
        In nats, as calibrated.
    levels : ndarray of shape (L,)
        Their levels, increasing and symmetric around 1/2.
    engine : Engine

    Returns
    -------
    ndarray of shape (n_questions, L)
        In nats; -inf where nothing is known.
    """
    bounds = np.full(quantiles.shape, -np.inf)
    places: dict[tuple, int] = {}
    questions: list[Question] = []
    asked = []
    for i, (a, b) in enumerate(pairs):
        count = _n_columns(a) * _n_columns(b)
        if is_single(a, b) or not 0 < count <= MOST_PAIRS:
            continue
        left, right = _columns(a), _columns(b)
        most = max(1, min(READ, ROWS_READ // a.n_rows))
        low = float(np.interp(LOW, levels, quantiles[i]))
        for j, k in promising(left, right, low)[:most]:
            (x, y), labels = zip(left[j], right[k], strict=True)
            key = (hash(x.tobytes()), hash(y.tobytes()), labels)
            if key not in places:  # searches ask of many sets that share columns
                places[key] = len(questions)
                questions.append(Question(x, y, labels))
            asked.append((i, places[key], count))
    if not questions:
        return bounds
    found, scores = engine.judge(questions)
    latent = found.latent.numpy()
    if (calibration := load_calibration(engine.checkpoint)) is not None:
        n = np.array([len(question.x) for question in questions])
        latent = calibration.widen(latent, levels, scores, n, True)
    middle = len(levels) // 2
    for i, place, count in asked:
        own = np.interp(levels / count, levels, latent[place], left=-np.inf)
        if own[middle] > quantiles[i, middle]:
            own[middle + 1 :] = np.maximum(own[middle + 1 :], latent[place, middle + 1 :])
        bounds[i] = np.maximum(bounds[i], np.where(own > 0, own, -np.inf))
    return bounds


def _n_columns(side: Side) -> int:
    """Return how many columns :func:`_columns` makes of a side."""
    if side.column is not None:
        return 1
    return side.width - sum(p.stop - p.start for p, _ in side.groups) + len(side.groups)


def _columns(side: Side) -> list[Column]:
    """Return the columns of a side, each (n, 1), and whether it holds labels.

    A category is a column, and so is a side that can be read as one.
    """
    if side.column is not None:
        return [(side.column, side.is_labels)]
    single = np.ones(side.width, dtype=bool)
    for place, _ in side.groups:
        single[place] = False
    found = []
    for v in np.ascontiguousarray(side.values.T[single])[..., None]:
        high = v == v.max()
        two = bool((high | (v == v.min())).all())
        found.append((high.astype(np.float64), True) if two else (v, False))
    return found + [(codes[:, None].astype(np.float64), True) for _, codes in side.groups]


def promising(left: list[Column], right: list[Column], low: float) -> list[tuple[int, int]]:
    """Choose pairs of columns that share more than so many nats, as tables of them show.

    Parameters
    ----------
    left, right : list of (ndarray of shape (n, 1), bool)
        Columns, and whether they hold labels, which are codes from 0.
    low : float

    Returns
    -------
    list of pairs of int
        Positions on either side, those that share most first.
    """
    n = len(left[0][0])
    values = [np.hstack([v for v, _ in side]) for side in (left, right)]
    ranks = [column_ranks(v) for v in values]
    labels = [np.array([own for _, own in side]) for side in (left, right)]
    shared = np.full((len(left), len(right)), -np.inf)
    for sizes in BINS:
        bins = []
        for v, r, own, size in zip(values, ranks, labels, sizes, strict=True):
            size = min(size, max(2, n // ROWS_EACH))
            groups = np.minimum((r - 0.5) * size / n, size - 1)  # of equal frequency
            bins.append(np.where(own, v, groups).astype(np.int64))
        shared = np.maximum(shared, _shared(*bins))
    order = np.argsort(-shared, axis=None, kind="stable")
    return [divmod(int(i), len(right)) for i in order if shared.flat[i] > low]


def _shared(i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Return the information (d, e) of tables of codes (n, d) and (n, e), in nats, beyond chance.

    Codes are whole numbers from 0.
    """
    i, j = (torch.from_numpy(np.ascontiguousarray(v.T)) for v in (i, j))
    shape = int(i.max()) + 1, int(j.max()) + 1
    out = np.empty((len(i), len(j)))
    most = max(1, CELLS // i.shape[1])  # pairs at a time
    few = max(1, most // len(j))
    for s in range(0, len(i), few):
        for t in range(0, len(j), most):
            own = slice(s, s + few), slice(t, t + most)
            told = table_information(i[None, own[0]], j[None, own[1]], shape, DEVIATIONS)
            out[own] = told.view(len(i[own[0]]), -1).numpy()
    return out
