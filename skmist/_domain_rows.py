"""Is a sample such as independent draws give? If not, why not: rules on the continuous columns.

Every rule is exact and deterministic. All but the one on consecutive rows leave the order of rows
and of columns aside.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.stats import chi2, rankdata

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
    "rows are spread more evenly than independent draws are, as in a lattice or a designed "
    "experiment, which hides dependence"
)
WIDER = 2.0  # factor on the upper end of the interval

_CORRELATION = 0.5  # rank autocorrelation of consecutive rows
_DEVIATIONS = 6.0  # standard errors that the autocorrelation has to exceed
_STEPS = -0.25  # autocorrelation of differences: -1/2 for draws around any slow trend, 0 for a walk
_REPEATED = 0.05  # share of rows
_TRAINED_ATOMS = 2  # most frequent rows that count as point masses, not as repetitions
_FEWEST_COLUMNS = 4
_PROBE = 64  # rows that copies have to agree on before all are looked at
_FEWEST_ROWS = 100  # for the rule on evenness
_BLOCK, _QUARTERS = 20, 4  # rows of one column in which the quarters of the other are counted
_WINDOW = 200  # rows that are looked at first
_BLOCKS = _QUARTERS * (np.arange(_WINDOW) // _BLOCK)
_QUARTER_OF = {n: np.arange(n) * _QUARTERS // n for n in range(_BLOCK, _WINDOW + 1, _BLOCK)}
_COARSEST, _PER_CELL = 4, 5  # grids of ranks
_SELDOM, _IMPOSSIBLE = 1e-2, 1e-8  # tails of chi-square


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

    def reasons(self, a: Side, b: Side) -> list[str]:
        """Return why the rows of two sides do not look like independent draws, if they do not.

        Parameters
        ----------
        a, b : Side
            The sides of a question, with the same rows.

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
        if a.lone and b.lone and self._even(few, many):
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

    def _even(self, a: Side, b: Side) -> bool:
        """Tell whether two columns fill a grid of ranks too evenly, without ties to speak of.

        A look at the quarters of one column along the other clears most questions.
        """
        n = a.n_rows
        if n < _FEWEST_ROWS or a.codes is not None or b.codes is not None:
            return False
        rows = self._of(_window, a)
        freedom = (len(rows) // _BLOCK - 1) * (_QUARTERS - 1)
        found = _unevenness(rows, b)
        if found > _lower(
            1 - _SELDOM, freedom
        ):  # dependence that shows along one column may hide along the other
            found = _unevenness(self._of(_window, b), a)
        if found > _lower(_SELDOM, freedom):
            return False
        ranks = [rankdata(side.smooth[:, 0], method="ordinal") - 1 for side in (a, b)]
        for k in range(_COARSEST, int(np.sqrt(n / _PER_CELL)) + 1):
            x, y = (rank * k // n for rank in ranks)
            counts = np.bincount(x * k + y, minlength=k * k)
            if _spread(counts, n) < _lower(_IMPOSSIBLE, (k - 1) ** 2):
                return True
        return False


def widened(interval: np.ndarray, reasons: list[str], bound: float) -> np.ndarray:
    """Widen an interval, in nats, of a question to which rules apply.

    The lower end becomes 0; the upper end is doubled, or has no limit where evenly spread rows
    hide dependence, but never exceeds ``bound``. The rule on consecutive rows is left out, as no
    number may depend on the order of rows.
    """
    if not set(reasons) & {REPEATED, COPIES, EVEN}:
        return interval
    high = np.inf if EVEN in reasons else WIDER * interval[1]
    return np.array([0.0, min(high, bound)])


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


def _window(side: Side) -> np.ndarray:
    """Return the rows around the median of the first column, in its order."""
    n = side.n_rows
    size = min(n, _WINDOW) // _BLOCK * _BLOCK
    start = (n - size) // 2
    return np.argsort(side.smooth[:, 0], kind="stable")[start : start + size]


def _unevenness(rows: np.ndarray, side: Side) -> float:
    """Return chi-square of the quarters of the first column in blocks of rows."""
    n = len(rows)
    cells = _BLOCKS[np.argsort(side.smooth[rows, 0])] + _QUARTER_OF[n]
    return _spread(np.bincount(cells, minlength=_QUARTERS * n // _BLOCK), n)


def _spread(counts: np.ndarray, n: int) -> float:
    """Return chi-square of counts against equal ones."""
    return float(counts @ counts) * len(counts) / n - n


@lru_cache(maxsize=1024)
def _lower(tail: float, freedom: int) -> float:
    """Return the quantile of chi-square."""
    return float(chi2.ppf(tail, freedom))
