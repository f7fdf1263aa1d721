"""Questions about sets of columns: what they tell together, about y or about each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from skmist._encoding import CATEGORY, CONTINUOUS, MAX_CATEGORIES, Side, encode
from skmist._information import BLOCK_CELLS, Settings, ask, note_outside
from skmist._validation import MIN_SAMPLES, Notes, Table

_PROBE = 64  # rows on which a copy has to show before all are looked at
_SHARED = 32  # rows that discrete columns with gaps share, to be copies: few agree by chance


class Answers(NamedTuple):
    """Estimates in the units of the settings; NaN where too few rows are complete."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Columns:
    """The features, with the target, ready for questions about any of them together.

    Rows where a column of the question is missing are left out, question by question.

    Parameters
    ----------
    X : Table
        Features, on the rows where y is complete.
    types : ndarray of str objects of shape (n_features,)
        Types of the features.
    y : Table
        Target, without missing values.
    y_types : ndarray of str objects of shape (n_targets,)
        Types of its columns.
    settings : Settings
        How to ask; nothing is tested here.
    notes : Notes
        Where warnings go.
    has_gaps : ndarray of bool of shape (n_features,)
        Which features have missing values.
    order : ndarray of int of shape (n_samples,) or None
        With it, the columns in question are read in this order of rows, as copies that know
        nothing of y; those given as `fixed` stay as they are, and so do rows with a gap.
    """

    X: Table
    types: np.ndarray
    y: Table
    y_types: np.ndarray
    settings: Settings
    notes: Notes
    has_gaps: np.ndarray
    order: np.ndarray | None = None
    reasons: dict[tuple[int, ...], list[str]] = field(default_factory=dict)
    kept: dict[tuple, Any] = field(default_factory=dict)  # for any order of rows

    def shuffled(self, *seed: int) -> Columns:
        """Return the same questions about copies of the columns with shuffled rows."""
        order = np.random.default_rng(seed).permutation(self.X.n_rows)
        return replace(self, order=order, reasons={})

    def about_y(
        self,
        sets: Sequence[Sequence[int]],
        fixed: Sequence[int] = (),
        present: Sequence[Sequence[int]] | None = None,
    ) -> Answers:
        """Estimate I(fixed and set; y) for each set of columns.

        With `present`, of as many sets: on the rows where those columns are not missing either.
        """

        def pair(i: int) -> tuple[Side, Side] | None:
            columns = [*fixed, *sets[i]]
            table, keep = self._block([*sets[i], *(present[i] if present else ())], fixed)
            if (count := int(keep.sum())) < MIN_SAMPLES:
                return None
            target = self._target if count == len(keep) else self._encode_y(self.y.rows(keep))
            kinds = self.types[np.array(columns, dtype=np.intp)]
            if present:
                table = table.block(slice(len(columns)))
            return encode(table.rows(keep), kinds), target

        return self._answers([(*fixed, *s) for s in sets], pair)

    def gains_about_y(
        self, sets: Sequence[Sequence[int]], fixed: Sequence[int], alone: float
    ) -> Answers:
        """Estimate I(fixed and set; y) - I(fixed; y) for each set, both on the same rows.

        No estimate exceeds the entropy of the set, no upper end what that may be.

        Parameters
        ----------
        sets : sequence of sequence of int
            Sets of columns.
        fixed : sequence of int
            Columns beside each of them.
        alone : float
            I(fixed; y), on all rows where the fixed columns are present.
        """
        base = np.full(len(sets), alone)
        if fixed:
            gaps = [i for i, s in enumerate(sets) if self.has_gaps[list(s)].any()]
            base[gaps] = self._alone(fixed, [tuple(sets[i]) for i in gaps])
        most, limit = np.array([self.bound(s, fixed) for s in sets]).reshape(-1, 2).T
        value, low, high = (part - base for part in self.about_y(sets, fixed))
        return Answers(np.minimum(value, most), np.minimum(low, most), np.minimum(high, limit))

    def about_column(self, columns: Sequence[int], other: int) -> Answers:
        """Estimate I(X_j; X_other) for each column j."""

        def pair(i: int) -> tuple[Side, Side] | None:
            table, keep = self._block([columns[i]], (other,))
            if int(keep.sum()) < MIN_SAMPLES:
                return None
            table = table.rows(keep)
            kinds = self.types[[other, columns[i]]]
            sides = [encode(table.block([i]), kinds[[i]]) for i in (1, 0)]
            return sides[0], sides[1]

        return self._answers([(other, int(j)) for j in columns], pair)

    def are_copies(self, j: int, k: int) -> bool:
        """Tell whether two columns are copies: each value of one belongs to one of the other.

        Continuous columns have to rise or fall with each other strictly; those of labels or of
        few numbers may be numbered anew. Columns with gaps have to share some rows, and vary there.
        """
        everywhere = self.X.block([j, k]).values
        values = everywhere[~np.isnan(everywhere).any(axis=1)]
        loose = CONTINUOUS not in (self.types[j], self.types[k])
        fewest = max(MIN_SAMPLES, min(_SHARED, len(everywhere) // 2) if loose else 0)
        if len(values) < fewest:
            return False
        if len(values) < len(everywhere) and (values == values[:1]).all(axis=0).any():
            return False  # constant on these rows, which says nothing
        return all(_copies(values[rows], loose) for rows in (slice(_PROBE), slice(None)))

    def note_outside(self) -> None:
        """Note which questions asked so far lie outside the trained range."""
        sets = list(self.reasons)

        def name(i: int) -> str:
            return " + ".join(str(self.X.names[j]) for j in sets[i])

        note_outside([self.reasons[s] for s in sets], name, "feature set", self.notes)

    def widths(self, features: Sequence[int]) -> np.ndarray:
        """Return how many columns the network reads of each feature beside others, about."""
        out = np.ones(len(features), dtype=int)
        for i, j in enumerate(features):
            if self.types[j] == CATEGORY:
                values = self.X.block([j]).values
                count = len(np.unique(values[~np.isnan(values)]))
                out[i] = min(count, MAX_CATEGORIES) if count > 2 else 1
        return out

    @cached_property
    def target_width(self) -> int:
        """Number of columns that the network reads of y."""
        return self._target.width

    def show(self, text: str) -> None:
        """Say on the progress bar, if there is one, how far a search is; nobody knows its end."""
        bar = self.settings.engine.bar
        if bar is not None:
            bar.total = None
            bar.set_description(text, refresh=False)

    def bound(self, columns: Sequence[int], fixed: Sequence[int] = ()) -> tuple[float, float]:
        """Return the entropy of columns and what it may be, where these and others are present.

        Infinite with a continuous one, and where too few rows are complete.
        """
        index, beside = list(columns), list(fixed)
        if CONTINUOUS in self.types[index]:
            return np.inf, np.inf
        key = "bound", tuple(index), tuple(beside) if self.has_gaps[index + beside].any() else ()
        if key not in self.kept:
            keep = self.X.block(index + list(key[2])).complete_rows()
            bound = np.full(2, np.inf)
            if int(keep.sum()) >= MIN_SAMPLES:
                side = encode(self.X.block(index).rows(keep), self.types[index])
                top = np.array([(1 + self.settings.level) / 2])
                bound = np.array([side.entropy, side.limits(top)[0]]) * self.settings.unit
            self.kept[key] = tuple(bound.tolist())
        return self.kept[key]

    def _alone(self, fixed: Sequence[int], sets: Sequence[tuple[int, ...]]) -> list[float]:
        """Estimate I(fixed; y) on the rows where each of the sets is present too."""
        keys = [("alone", tuple(fixed), s) for s in sets]
        new = [i for i, key in enumerate(keys) if key not in self.kept]
        found = self.about_y([()] * len(new), fixed, [sets[i] for i in new]).value
        self.kept.update({keys[i]: value for i, value in zip(new, found.tolist(), strict=True)})
        return [self.kept[key] for key in keys]

    @cached_property
    def _target(self) -> Side:
        return self._encode_y(self.y)

    def _encode_y(self, y: Table) -> Side:
        return encode(y, self.y_types)

    def _block(self, columns: Sequence[int], fixed: Sequence[int]) -> tuple[Table, np.ndarray]:
        """Return fixed columns and those in question, and the mask of the rows that are complete.

        Shuffled are the rows without a gap in the columns in question: which rows the others are,
        and so how much the fixed columns tell on the rest, does not change.
        """
        table = self.X.block(np.array([*fixed, *columns], dtype=np.intp))
        if self.order is not None:
            values = table.values.copy()
            moved = values[:, len(fixed) :]
            whole = ~np.isnan(moved).any(axis=1)
            moved[whole] = moved[self.order[whole[self.order]]]
            table = replace(table, values=values)
        return table, table.complete_rows()

    def _answers(
        self,
        sets: Sequence[tuple[int, ...]],
        pair: Callable[[int], tuple[Side, Side] | None],
    ) -> Answers:
        """Ask about pairs of sides, by their numbers; what is outside is noted by their sets."""
        out = np.full((3, len(sets)), np.nan)
        for start, stop in self._chunks(sets):
            asked = [(i, pair(i)) for i in range(start, stop)]
            asked = [(i, sides) for i, sides in asked if sides is not None]
            if not asked:
                continue
            reasons: list[list[str]] = []
            found = ask([sides for _, sides in asked], self.settings, reasons)
            index = [i for i, _ in asked]
            out[0, index] = found.values
            out[1:, index] = found.intervals.T
            for i, why in zip(index, reasons, strict=True):
                self.reasons[sets[i]] = why
        return Answers(*out)

    def _chunks(self, sets: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, int]]:
        """Yield spans of the sets whose values take a bounded part of the memory."""
        width = max((len(s) for s in sets), default=1)
        size = max(1, BLOCK_CELLS // max(1, width * self.X.n_rows))
        for start in range(0, len(sets), size):
            yield start, min(start + size, len(sets))


def complete_columns(
    X: Table, types: np.ndarray, y: Table, y_types: np.ndarray, settings: Settings, notes: Notes
) -> Columns:
    """Return the questions about a table, on the rows where y is complete."""
    keep = y.complete_rows()
    if sp.issparse(X.values) and not keep.all():
        X = replace(X, values=sp.csc_array(X.values[np.flatnonzero(keep)]))
    else:
        X = X.rows(keep)
    has_gaps = np.zeros(X.n_columns, dtype=bool)
    if settings.missing != "error":
        has_gaps = _gaps(X)
    settings = replace(settings, n_permutations=0)
    return Columns(X, types, y.rows(keep), y_types, settings, notes, has_gaps)


def _gaps(X: Table) -> np.ndarray:
    """Return the mask of the columns with missing values."""
    if sp.issparse(X.values):
        absent = np.flatnonzero(np.isnan(X.values.data))
        found = np.zeros(X.n_columns, dtype=bool)
        found[np.searchsorted(X.values.indptr, absent, side="right") - 1] = True
        return found
    width = max(1, BLOCK_CELLS // max(1, X.n_rows))
    parts = (X.block(slice(j, j + width)).values for j in range(0, X.n_columns, width))
    return np.concatenate([np.isnan(part).any(axis=0) for part in parts])


def _copies(values: np.ndarray, loose: bool) -> bool:
    """Tell whether two columns without missing values are copies of each other on these rows."""
    a, b = values.T
    order = np.argsort(a, kind="stable")
    steps_a, steps_b = np.diff(a[order]), np.diff(b[order])
    if np.array_equal(steps_a > 0, steps_b != 0):
        moved = steps_b[steps_b != 0]
        if (moved > 0).all() or (moved < 0).all():
            return True
    if not loose:
        return False
    codes = [np.unique(column, return_inverse=True)[1] for column in (a, b)]
    sizes = [int(code.max()) + 1 for code in codes]
    return sizes[0] == sizes[1] == len(np.unique(codes[0] * sizes[1] + codes[1]))
