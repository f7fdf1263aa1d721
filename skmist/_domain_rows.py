"""Why a sample is not such as independent draws give, if it is not, and a wider interval for it.

Every rule is exact and deterministic, and reads ranks and ties only. All but the one on
consecutive rows leave the order of rows and of columns aside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skmist._domain_serial import SERIAL, effective_rows, slow_autocorrelations, spread
from skmist._domain_ties import REPEATED, SPARSE, Tied, tie_reasons
from skmist._encoding import Side, is_single
from skmist._ranks import column_ranks

MAX_ROWS = 100_000  # samples with more rows, more than in training, are not looked through
COPIES = "most columns of one side are monotone copies of others; keep one of each"
EVEN = (
    "rows are spread more evenly than independent draws are, as in a lattice or a quasi-random "
    "design; one side may determine the other in a way that cannot be seen"
)
WIDER = 2.0  # factor on the upper end of the interval

_PER_CELL = (5, 2)  # rows expected in each cell of square grids on two columns
_EVENNESS = -4.5  # standard errors of the chi-square statistic of these counts
_FEWEST_CELLS = 8  # on a side
_STEPS = 8  # in a lattice, from rank to rank, at most
_SHORT = 3
_FEWEST_COLUMNS = 4
_PROBE = 64  # rows on which copies or steps have to show before all are looked at


class RowRules:
    """The rules, for questions that may share sides: what was found on a side is kept.

    The sides have to outlive the object.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Callable, int], object] = {}

    def _of(self, rule, side: Side):
        key = rule, id(side)
        if key not in self._found:
            self._found[key] = rule(side)
        return self._found[key]

    def reasons(self, a: Side, b: Side, unusual: bool = True) -> list[str]:
        """Return why the rows of two sides do not look like independent draws, if they do not.

        Parameters
        ----------
        a, b : Side
            The sides of a question, with the same rows.
        unusual : bool
            Whether to look for what shows in the domain score as well, which takes longer.

        Returns
        -------
        list of str
            One line for each rule that applies.
        """
        if a.n_rows > MAX_ROWS:
            return []
        few, many = (a, b) if b.smooth.shape[1] > a.smooth.shape[1] else (b, a)
        found = []
        if self._serial(few, many):
            found.append(SERIAL)
        found += self.ties(few, many)
        if not (a.lone and b.lone) and (self._of(_has_copies, a) or self._of(_has_copies, b)):
            found.append(COPIES)
        if unusual and all(side.lone and side.codes is None for side in (a, b)):
            ranks = [self._of(_single_ranks, side) for side in (a, b)]
            if all(r is not None for r in ranks) and (_is_even(*ranks) or _is_lattice(*ranks)):
                found.append(EVEN)
        return found

    def ties(self, a: Side, b: Side) -> list[str]:
        """Return what is peculiar in the ties of two sides."""
        if a.n_rows > MAX_ROWS or (one := self._of(Tied.of, a)) is None:
            return []
        return tie_reasons(a, b, (one, self._of(Tied.of, b)))

    def _serial(self, a: Side, b: Side) -> bool:
        return all(self._of(slow_autocorrelations, side) is not None for side in (a, b))

    def widened(
        self, interval: np.ndarray, reasons: list[str], bound: float, a: Side, b: Side
    ) -> np.ndarray:
        """Widen an interval, in nats, of a question to which rules apply.

        Slow series count for fewer rows than they have. Where rows or columns repeat, or where few
        are apart from a point mass, the lower end becomes 0 and the upper end is doubled. Rows
        that are too even leave everything possible. What categories that are read as one hide is
        added to the upper end: no more can be missing; what two sides of many labels seem to share
        by chance (half a nat, over n, for each degree of freedom) is taken off the lower end. No
        end exceeds ``bound``.
        """
        if EVEN in reasons:
            return np.array([0.0, bound])
        if SERIAL in reasons:
            rows = effective_rows(*(self._of(slow_autocorrelations, side) for side in (a, b)))
            interval = spread(interval, a.n_rows, rows, a.width * b.width)
        if set(reasons) & {REPEATED, COPIES, SPARSE}:
            interval = np.array([0.0, WIDER * interval[1]])
        single = is_single(a, b)
        if hidden := sum(side.merged[single].hidden for side in (a, b)):
            chance = (_n_values(a) - 1) * (_n_values(b) - 1) / (2 * a.n_rows)
            low = max(0.0, interval[0] - chance)
            interval = np.array([low, interval[1] + hidden])
        return np.minimum(interval, bound)


def merged_reasons(a: Side, b: Side) -> list[str]:
    """Return what is read as one of the categories of two sides, if anything is."""
    texts = [side.merged[is_single(a, b)].text for side in (a, b)]
    return [
        f"{text}, which hides what tells them apart; group those that belong together"
        for text in texts
        if text
    ]


def _n_values(side: Side) -> int:
    """Return how many values of a side are told apart, 1 if they are numbers."""
    return int(side.column.max()) + 1 if side.column is not None and side.is_labels else 1


def _is_even(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether columns, given as ranks from 0, fill the cells of a coarse or fine grid evenly.

    Dependence makes counts less even; for independent columns the chi-square statistic has a mean
    of (m - 1)^2, m cells on a side, and a variance of twice that.
    """
    n = len(a)
    for rows in _PER_CELL:
        m = int(np.sqrt(n / rows))
        if m < _FEWEST_CELLS:
            continue
        counts = np.bincount(a * m // n * m + b * m // n, minlength=m * m)
        expected = n / m**2
        statistic = np.square(counts - expected).sum() / expected
        if (statistic - (m - 1) ** 2) / (np.sqrt(2) * (m - 1)) < _EVENNESS:
            return True
    return False


def _is_lattice(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether from one rank of a column to the next, the other's ranks go by the same steps.

    Modulo the number of rows, a rank-1 lattice has one step, and multiples of an irrational number
    have a few. Short steps are those of a column that follows the other.
    """
    n = len(a)
    if n < _PROBE:
        return False
    for column, other in ((a, b), (b, a)):
        along = np.empty(n, dtype=np.int64)
        along[column] = other
        for rows in (slice(_PROBE), slice(None)):
            steps = np.diff(along[rows]) % n
            if min(steps.min(), n - steps.max()) < _SHORT or len(set(steps.tolist())) > _STEPS:
                return False
    return True


def _single_ranks(side: Side) -> np.ndarray | None:
    """Return the ranks of a column without ties, from 0; None for any other side."""
    if not (side.lone and side.untied):
        return None
    ranks = np.empty(side.n_rows, dtype=np.int64)
    ranks[np.argsort(side.smooth[:, 0])] = np.arange(side.n_rows)
    return ranks


def _has_copies(side: Side) -> bool:
    """Tell whether more than half of the columns order the rows as another one does."""
    v = side.smooth
    d = v.shape[1]
    if d < _FEWEST_COLUMNS:
        return False
    probes = _patterns(np.sign(np.diff(v[:_PROBE], axis=0)))
    if 2 * len(probes) >= d:
        return False
    ranks = column_ranks(v)
    return 2 * len(_patterns(2 * ranks - len(v) - 1)) < d


def _patterns(v: np.ndarray) -> set[bytes]:
    """Return the distinct columns, signs apart."""
    first = np.take_along_axis(v, (v != 0).argmax(axis=0)[None], axis=0)
    signed = np.ascontiguousarray((v * np.sign(first) + 0.0).T)
    return {row.tobytes() for row in signed}
