"""Is a sample such as independent draws give? If not, why not: rules on the continuous columns.

Every rule is exact and deterministic. All but the one on consecutive rows leave the order of rows
and of columns aside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from skmist._encoding import Side

MAX_ROWS = 50_000  # samples with more rows are not looked through
SERIAL = (
    "consecutive rows resemble each other on both sides, as in time series, but rows are taken as "
    "independent draws; take rows far apart, or differences"
)
REPEATED = (
    "more than 5% of the rows occur twice or more, which looks like dependence; drop the duplicates"
)
COPIES = "most columns of one side are monotone copies of others; keep one of each"
EVEN = (
    "rows are spread more evenly than independent draws are, as in a lattice or a quasi-random "
    "design; one side may determine the other in a way that cannot be seen"
)
WIDER = 2.0  # factor on the upper end of the interval

_CORRELATION = 0.5  # rank autocorrelation of consecutive rows
_DEVIATIONS = 6.0  # standard errors that the autocorrelation has to exceed
_STEPS = -0.25  # autocorrelation of differences: -1/2 for draws around any slow trend, 0 for a walk
_REPEATED = 0.05  # share of rows
_TRAINED_ATOMS = 2  # most frequent rows that count as point masses, not as repetitions
_PER_CELL = (5, 2)  # rows expected in each cell of square grids on two columns
_EVENNESS = -4.5  # standard errors of the chi-square statistic of these counts
_FEWEST_CELLS = 8  # on a side
_FEWEST_COLUMNS = 4
_PROBE = 64  # rows that copies have to agree on before all are looked at


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
        if self._of(_is_serial, few) and self._of(_is_serial, many):
            found.append(SERIAL)
        if self._repeated(few, many):
            found.append(REPEATED)
        if not (a.lone and b.lone) and (self._of(_has_copies, a) or self._of(_has_copies, b)):
            found.append(COPIES)
        if unusual:
            ranks = [self._of(_single_ranks, side) for side in (a, b)]
            if all(r is not None for r in ranks) and _is_even(*ranks):
                found.append(EVEN)
        return found

    def _repeated(self, a: Side, b: Side) -> bool:
        """Tell whether many whole rows repeat, where rounding does not explain it.

        Rounded columns have ties at rows of their own; where rows were repeated, ties of one side
        are ties of the other. The most frequent rows may be point masses and do not count.
        """
        codes = [self._of(_tied_rows, a)]
        if codes[0] is None:
            return False
        codes.append(self._of(_tied_rows, b))
        if codes[1] is None:
            return False
        both = codes[0] * (int(codes[1].max()) + 1) + codes[1]
        _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
        frequent = np.argsort(-counts, kind="stable")[:_TRAINED_ATOMS]
        counts[frequent] = 1
        if counts[counts > 1].sum() <= max(_REPEATED * len(both), 4):
            return False
        rest = ~np.isin(place, frequent)
        ties = [_ties(np.bincount(code[rest])) for code in codes]
        return 2 * _ties(np.bincount(place[rest])) > max(ties)


def widened(interval: np.ndarray, reasons: list[str], bound: float) -> np.ndarray:
    """Widen an interval, in nats, of a question to which rules apply.

    The lower end becomes 0; the upper end is doubled, but never exceeds ``bound``. Rows that are
    too even leave everything possible. The rule on consecutive rows is left out, as no number may
    depend on the order of rows.
    """
    if EVEN in reasons:
        return np.array([0.0, bound])
    if not set(reasons) & {REPEATED, COPIES}:
        return interval
    return np.array([0.0, min(WIDER * interval[1], bound)])


def _ties(counts: np.ndarray) -> int:
    """Return the number of pairs of equal rows, twice."""
    return int((counts * (counts - 1)).sum())


def _is_serial(side: Side) -> bool:
    """Tell whether some column moves slowly from row to row, in a table that is not sorted.

    Draws sorted by another variable, or one group after the other, have an autocorrelation too,
    but their differences swing back.
    """
    v = side.smooth
    n = len(v)
    if not v.shape[1]:
        return False
    steps = np.diff(v, axis=0)
    if (steps >= 0).all(axis=0).any() or (steps <= 0).all(axis=0).any():
        return False
    ranks = rankdata(v, axis=0)
    slow = _lagged(ranks - ranks.mean(axis=0))
    walks = _lagged(np.diff(ranks, axis=0)) > _STEPS
    return bool((walks & (slow > max(_CORRELATION, _DEVIATIONS / np.sqrt(n)))).any())


def _lagged(v: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of consecutive rows, of columns with mean 0."""
    return (v[1:] * v[:-1]).sum(axis=0) / np.maximum((v**2).sum(axis=0), 1e-300)


def _tied_rows(side: Side) -> np.ndarray | None:
    """Return one code for each distinct row of a continuous side, None if few rows repeat."""
    v = side.smooth
    if not v.shape[1] or v.shape[1] < side.width:
        return None
    code = np.zeros(len(v), dtype=np.int64)
    for column in v.T:
        place = np.unique(column, return_inverse=True)[1]
        code = np.unique(code * len(v) + place, return_inverse=True)[1]
        counts = np.bincount(code)
        if counts[counts > 1].sum() <= _REPEATED * len(v):
            return None
    return code


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
    ranks = rankdata(v, axis=0)
    return 2 * len(_patterns(2 * ranks - len(v) - 1)) < d


def _patterns(v: np.ndarray) -> set[bytes]:
    """Return the distinct columns, signs apart."""
    first = np.take_along_axis(v, (v != 0).argmax(axis=0)[None], axis=0)
    signed = np.ascontiguousarray((v * np.sign(first) + 0.0).T)
    return {row.tobytes() for row in signed}
