"""Ties that independent draws, rounding or the point masses of training do not give."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmist._encoding import Side
from skmist._ranks import repeated_rows

REPEATED = (
    "more than 5% of the rows occur twice or more, which looks like dependence; drop the duplicates"
)
SPARSE = (
    "nearly all rows, or most of them and few values, are equal on both sides, and the few others "
    "have values of their own, which may be labels or measurements; more rows are needed"
)
HEAPED = (
    "values of both sides heap, as numbers do that are stated in tens or fives; the information is "
    "that of the numbers stated"
)

_REPEATED = 0.05  # share of rows
_TRAINED_ATOMS = 2  # most frequent rows that count as point masses, not as repetitions
_TRAINED_SHARE = 0.9  # of rows that are equal on both sides
_DEVIATIONS = 2.0  # standard errors that this share stays below the largest of training
_MASS_ROWS = 20  # that a value may have and not count as a point mass
_AGREE = 0.98  # of the pairs of rows with equal numbers
_FEW = 64  # rows apart from the most frequent one
_FEWEST_VALUES = 4  # apart from the most frequent one
_PEAK = 4  # times as frequent as both neighbours
_PEAK_ROWS = 8
_PEAKS = 4  # more than point masses
_PEAK_SHARE = 0.4  # of rows, in all peaks


@dataclass(frozen=True, eq=False)
class Tied:
    """The distinct rows of a side of which many occur more than once.

    Attributes
    ----------
    code : ndarray of int of shape (n_rows,)
        One code for each distinct row; of single columns, in the order of their values.
    counts : ndarray of int of shape (n_distinct,)
        How often each occurs.
    """

    code: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, side: Side) -> Tied | None:
        """Find the ties of a side; None if it is constant, or few rows repeat."""
        if side.codes is not None:
            return cls(side.codes, np.bincount(side.codes))
        v = side.smooth
        if not v.shape[1]:
            return None
        if repeated_rows(v[:, :1])[0] <= _REPEATED * len(v):  # mostly, and far sooner than by codes
            return None
        code, counts = None, None
        for column in (*v.T, *(side.values.T if v.shape[1] < side.width else ())):
            _, place = np.unique(column, return_inverse=True)
            code = place if code is None else _compact(code * len(v) + place)
            counts = np.bincount(code)
            if counts[counts > 1].sum() <= _REPEATED * len(v):
                return None
        return cls(code, counts)

    @cached_property
    def is_sparse(self) -> bool:
        """Whether values apart from the most frequent one mostly occur once."""
        others = len(self.counts) - 1
        rows = len(self.code) - int(self.counts.max())
        return others >= _FEWEST_VALUES and rows < 2 * others

    @cached_property
    def is_heaped(self) -> bool:
        """Whether some values are far more frequent than the next lower and higher ones.

        Of a column, whose law changes little from one value to the next.
        """
        c = self.counts
        inner = c[1:-1]
        peak = (inner >= _PEAK_ROWS) & (inner >= _PEAK * np.maximum(c[:-2], c[2:]))
        return bool(peak.sum() >= _PEAKS and inner[peak].sum() >= _PEAK_SHARE * len(self.code))


def _compact(code: np.ndarray) -> np.ndarray:
    return np.unique(code, return_inverse=True)[1]


def tie_reasons(a: Side, b: Side, ties: tuple[Tied | None, Tied | None]) -> list[str]:
    """Return what is peculiar in the ties of two sides, of which ``ties`` are those of each."""
    one, other = ties
    if one is None or other is None:
        return []
    smooth, lone = all(_is_smooth(side) for side in (a, b)), a.lone and b.lone
    sparse = lone and one.is_sparse and other.is_sparse
    found = [HEAPED] if smooth and lone and one.is_heaped and other.is_heaped else []
    numbers = a.codes is None or b.codes is None
    if not numbers and not sparse:
        return found
    both = one.code.astype(np.int64) * len(other.counts) + other.code
    if len(one.counts) * len(other.counts) > 8 * len(both):
        both = _compact(both)
    counts = np.bincount(both)
    if smooth and _repeated(one, other, both, counts):
        found.append(REPEATED)
    elif numbers and not smooth and _copied(a, b, ties, both, counts):
        found.append(REPEATED)
    if sparse and _is_mass(a, b, int(counts.max())):
        found.append(SPARSE)
    return found


def _repeated(one: Tied, other: Tied, both: np.ndarray, counts: np.ndarray) -> bool:
    """Tell whether many whole rows repeat, where rounding does not explain it.

    Rounded columns have ties at rows of their own; where rows were repeated, ties of one side
    are ties of the other. The most frequent rows may be point masses and do not count.
    """
    frequent = np.argsort(-counts, kind="stable")[:_TRAINED_ATOMS]
    rest = counts.copy()
    rest[frequent] = np.minimum(rest[frequent], 1)
    if rest[rest > 1].sum() <= max(_REPEATED * len(both), 4):
        return False
    rest[frequent] = 0
    kept = np.ones(len(both), dtype=bool)
    for k in frequent:
        kept &= both != k
    sides = [_pairs(np.bincount(side.code[kept])) for side in (one, other)]
    return 2 * _pairs(rest) > max(sides)


def _is_smooth(side: Side) -> bool:
    """Tell whether all columns of a side are continuous."""
    return 0 < side.width == side.smooth.shape[1]


def _copied(
    a: Side, b: Side, ties: tuple[Tied, Tied], both: np.ndarray, counts: np.ndarray
) -> bool:
    """Tell whether rows with labels among their columns repeat: their numbers, and labels too.

    Rows whose numbers agree then agree in all else, and the numbers are not rounded.
    """
    n = len(both)
    if counts[counts > 1].sum() <= max(_REPEATED * n, 4):
        return False
    columns = np.hstack([a.smooth, b.smooth])
    kept = np.ones(n, dtype=bool)
    for column in columns.T:  # point masses aside
        _, place, often = np.unique(column, return_inverse=True, return_counts=True)
        kept &= often[place] <= max(_MASS_ROWS, _REPEATED * n)
    rest = np.bincount(both[kept])
    if rest[rest > 1].sum() <= max(_REPEATED * n, 4):
        return False
    numbers = [t.code[kept] for t, side in zip(ties, (a, b), strict=True) if side.codes is None]
    if _pairs(rest) < _AGREE * min(_pairs(np.bincount(code)) for code in numbers):
        return False
    return any(_is_unrounded(column) for column in columns[kept].T)


def _is_unrounded(column: np.ndarray) -> bool:
    """Tell whether values that repeat lie as irregularly as others that do not.

    Rounded ones lie on a grid, or on a map of one, with neighbours at like distances.
    """
    values, counts = np.unique(column, return_counts=True)
    if (counts > 1).sum() < _PEAK_ROWS:
        return False
    gaps = np.diff(values)
    steps = gaps / gaps.min()
    if (np.abs(steps - np.round(steps)) < 0.05).mean() > 0.9:
        return False
    left, right = gaps[:-1], gaps[1:]
    alike = np.maximum(left, right) < 2.05 * np.minimum(left, right)
    tied = counts[1:-1] > 1
    return bool(alike[tied].mean() < 0.6)


def _pairs(counts: np.ndarray) -> int:
    """Return the number of pairs of equal rows, twice."""
    return int((counts * (counts - 1)).sum())


def _is_mass(a: Side, b: Side, most: int) -> bool:
    """Tell whether too few rows are apart from the most frequent one.

    Two columns of numbers with a point mass are read as labels if their distinct values are few,
    and then seem to determine each other.
    """
    n = a.n_rows
    if n - most >= _FEW:
        return False
    if a.codes is not None and b.codes is not None:
        return 2 * most >= n
    share = most / n
    return share + _DEVIATIONS * np.sqrt(share * (1 - share) / n) > _TRAINED_SHARE
