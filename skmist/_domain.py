"""Is a question inside the range that the network was trained on? If not, why not."""

from __future__ import annotations

import numpy as np

from skmist._encoding import Side
from skmist._ranks import column_ranks
from skmist.core import CoreConfig

NEAR_MAXIMUM = 0.9  # share of the largest mutual information of training
STRONG_PAIR = 3.8  # nats
MAX_CELLS = 20_000_000  # rows times columns of one question; beyond, rows are left out
MAX_WIDTH = 1000  # columns of one question, indicators included
LOW = 0.3  # nats; estimates below are not looked through for perfect dependence
UNUSUAL = 0.35  # domain score, of at most 1 inside, that calls for a closer look
_PROBE = 64  # rows on which a perfect dependence has to show before all are looked at
_PROBES = 2048  # where it is one of many columns
_TOLERANCE = 1e-10
_INDEPENDENT = 1e-6  # share of a column that the ones before do not give, at least

CANNOT_SEE = (
    "most distinct values of a discrete side occur once, which hides its entropy; group rare "
    "values, or, if they are numbers, say that the column is continuous"
)
UNLIKE = "a sample unlike those of training"
PERFECT = (
    "one side determines the other exactly on all rows; unless few rows do so by chance, the true "
    "value is infinite, or of rounded values their entropy; see whether a column is a copy of "
    "another one"
)


def range_reasons(config: CoreConfig, n: int, dx: int, dy: int, single: bool = False) -> list[str]:
    """Return why a sample of this shape lies outside the trained range, if it does.

    ``single`` tells that one column stands against one.
    """
    reasons = []
    largest = config.n_max_bivariate if single else config.n_max
    if not config.n_min <= n <= largest:
        reasons.append(
            f"{n} samples, trained on {config.n_min} to {largest}; compare with skmist.baselines"
        )
    if max(dx, dy) > config.d_max:
        reasons.append(
            f"{dx} + {dy} columns (indicators of categories included), trained on up to "
            f"{config.d_max} + {config.d_max}; ask about fewer columns at a time"
        )
    return reasons


def strength_reasons(config: CoreConfig, value: float, columns: int) -> list[str]:
    """Return a reason if the estimate, in nats, is close to or above the largest of training.

    ``columns`` is the number of columns of the narrower side: one pair of columns of the training
    data seldom has more than ``STRONG_PAIR`` nats.
    """
    largest = min(NEAR_MAXIMUM * config.mi_max, STRONG_PAIR * columns)
    if value < largest:
        return []
    return [
        f"an estimate of {value:.3g} nats, hardly trained beyond {largest:.3g} with {columns} "
        f"column{'s' * (columns > 1)} on the narrower side; take it as strong, not as exact"
    ]


def unlike_reasons(score: float) -> list[str]:
    """Return a reason if the sample lies further from the training data than nearly all of it."""
    if not score > 1:
        return []
    return [
        f"{UNLIKE} (domain score {score:.2g}, at most 1 inside); look at the data for what may be "
        "special in them, and compare with skmist.baselines.ksg_mi"
    ]


def is_perfect(a: Side, b: Side) -> bool:
    """Tell whether continuous columns of both sides determine each other exactly.

    Found are linear relations between the sides or between their ranks, and monotone ones of one
    column with some column of the other side.
    """
    x, y = a.smooth, b.smooth
    if not x.shape[1] or not y.shape[1]:
        return False
    if x.shape[1] == y.shape[1] == 1:
        return _monotone(x[:, 0], y[:, 0])
    many, one = (x, y) if y.shape[1] == 1 else (y, x)
    if one.shape[1] == 1 and any(_monotone(many[:, j], one[:, 0]) for j in _rising(many, one)):
        return True
    probe = max(_PROBE, 2 * (x.shape[1] + y.shape[1]))
    for transform in (lambda v: v, column_ranks):
        if len(x) > probe and _linear(transform(x[:probe]), transform(y[:probe])) is False:
            continue
        if _linear(transform(x), transform(y)):
            return True
    return False


def _rising(columns: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return which columns rise, or fall, with another one (n, 1) on the first rows."""
    found = np.arange(columns.shape[1])
    for rows in (slice(_PROBE), slice(_PROBES)):
        values, other = columns[rows, found], by[rows]
        ties = [np.broadcast_to(sign * other, values.shape) for sign in (1, -1)]
        up, down = (np.diff(other[np.lexsort((tie, values), axis=0), 0], axis=0) for tie in ties)
        found = found[(up >= 0).all(axis=0) | (down <= 0).all(axis=0)]
    return found


def _monotone(x: np.ndarray, y: np.ndarray) -> bool:
    """Tell whether x rises, or falls, with y all along."""
    for rows in (slice(_PROBE), slice(None)):
        v, by = x[rows], y[rows]
        rises = (np.diff(v[np.lexsort((v, by))]) >= 0).all()
        if not rises and not (np.diff(v[np.lexsort((-v, by))]) <= 0).all():
            return False
    return True


def _linear(x: np.ndarray, y: np.ndarray) -> bool | None:
    """Tell whether some linear combination of x equals one of y, beyond what chance allows.

    The answer is None, unknown, if there is none but some columns do not vary freely on these rows.
    """
    bases = [_basis(x), _basis(y)]
    ranks = [basis.shape[1] for basis in bases]
    if all(ranks) and len(x) > sum(ranks) + 1:  # with fewer rows there always is one
        canonical = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
        if canonical[0] > 1 - _TOLERANCE:
            return True
    return None if ranks != [x.shape[1], y.shape[1]] else False


def _basis(v: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the centred columns."""
    v = v / np.maximum(np.abs(v).max(axis=0), 1e-300)  # sums of large numbers stay finite
    v = v - v.mean(axis=0)
    scale = np.abs(v).max(axis=0)
    v = v / np.where(scale > 0, scale, 1.0)
    if len(v) > v.shape[1]:  # mostly the columns are independent, and this is faster
        q, r = np.linalg.qr(v)
        size = np.abs(np.diagonal(r))
        if size.min() > _INDEPENDENT * size.max():
            return q
    u, s, _ = np.linalg.svd(v, full_matrices=False)
    return u[:, s > 1e-9 * max(s[0], 1e-300)]


def rows_to_use(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Choose rows if there are too many cells for the memory; None if all can be used.

    The choice depends on the values of rows alone, not on their order or that of the columns. Of
    rows with the same values, each is as likely to be chosen as if they differed.
    """
    n, d = len(a), a.shape[1] + b.shape[1]
    size = MAX_CELLS // d
    if n <= size:
        return None
    keys, rows = np.zeros((2, n), dtype=np.uint64)  # the same in any order of columns; of rows
    for side in (a, b):
        for j in range(side.shape[1]):
            bits = _mix(np.ascontiguousarray(side[:, j] + 0.0).view(np.uint64))
            keys += bits
            rows = _mix(rows + bits)
    order = np.argsort(rows, kind="stable")
    place = np.arange(n, dtype=np.uint64)
    starts = np.r_[True, np.diff(rows[order]) != 0]
    number = place - np.maximum.accumulate(np.where(starts, place, 0))  # among equal rows
    keys = _mix(keys)
    again = number > 0
    keys[order[again]] = _mix(keys[order[again]] + number[again] * np.uint64(0x9E3779B97F4A7C15))
    return np.flatnonzero(keys < np.partition(keys, size)[size])


def _mix(k: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers (the finalizer of SplitMix64)."""
    k = (k ^ (k >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    k = (k ^ (k >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return k ^ (k >> np.uint64(31))
