"""From a table to what the network reads: types of columns, indicators for labels, entropies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from skmist._columns import LABELS, ORDERED
from skmist._entropy import Frequencies, information_error, no_narrower, plugin_entropy
from skmist._validation import Notes, Table, listing

CONTINUOUS, DISCRETE, ORDINAL, CATEGORY = "continuous", "discrete", "ordinal", "category"
TYPES = (CONTINUOUS, DISCRETE, ORDINAL, CATEGORY)

MAX_DISCRETE = 20  # a column with more distinct numbers is taken for continuous
MAX_CODES = 10  # a lone column with at most so many distinct numbers is read as class labels
ROWS_PER_CODE = 3  # beside the most frequent one, that it takes with more
MAX_CATEGORIES = 32  # read as indicators, labels beyond are merged; or of a discrete column
MAX_LABELS = 128  # of a side that is read as one column, of labels or of their combinations
MANY_ROWS = 100  # for each distinct number, on average, that this takes
ROWS_EACH = 20  # rows for each combination, on average, that this takes
_FIRST_PROBE, _PROBE = 64, 2048  # rows that mostly show that a column has many distinct values


def infer_types(table: Table, given: np.ndarray) -> np.ndarray:
    """Return the type of each column, as asked for or inferred.

    Strings and unordered categories are "category", ordered categories "ordinal". A column of
    numbers (whatever its dtype, booleans included) is "discrete" if it has at most 20 distinct
    values, and no more than half as many as there are samples, or up to 32 with a hundred samples
    for each on average; else "continuous".

    Parameters
    ----------
    table : Table
        A dense table.
    given : ndarray of str objects of shape (n_columns,)
        Types asked for; "auto" infers.

    Returns
    -------
    ndarray of str objects of shape (n_columns,)
    """
    out = np.where(given == "auto", CONTINUOUS, given).astype(object)
    auto = given == "auto"
    out[auto & (table.kinds == LABELS)] = CATEGORY
    out[auto & (table.kinds == ORDERED)] = ORDINAL
    numbers = np.flatnonzero(auto & ~np.isin(table.kinds, (LABELS, ORDERED)))
    out[numbers[_few_distinct(table.values[:, numbers])]] = DISCRETE
    wrong = np.flatnonzero((table.kinds == LABELS) & (out != CATEGORY))
    if len(wrong):
        raise ValueError(
            f"Column {table.describe(int(wrong[0]))} holds labels: its type can "
            f"only be 'category', got {out[wrong[0]]!r}."
        )
    return out


def requested_types(types: Any, table: Table, param: str | None = None) -> np.ndarray:
    """Return the types asked for, "auto" where none was, as an array of shape (n_columns,).

    ``types`` is one type for all columns, an array-like with one for each, or a dict by column
    name or position; ``param`` is the parameter that errors name, by default that of the side.
    """
    d = table.n_columns
    param = param or ("x_types" if table.role == "X" else "y_type")
    if isinstance(types, str):
        given = np.full(d, types, dtype=object)
    elif isinstance(types, Mapping):
        given = np.full(d, "auto", dtype=object)
        places: dict[str, list[int]] = {}
        for j, name in enumerate(table.names):
            places.setdefault(str(name), []).append(j)
        for key, value in types.items():
            given[_place(key, places, table, param)] = value
    else:
        given = np.array(list(types), dtype=object)
        if given.shape != (d,):
            raise ValueError(
                f"{param} should give one type for each of the {d} columns of {table.role}, got "
                f"{len(given)}."
            )
    for value in given:
        if value != "auto" and value not in TYPES:
            raise ValueError(f"{param} should hold 'auto' or one of {TYPES}, got {value!r}.")
    return given


def _place(key: Any, places: Mapping[str, list[int]], table: Table, param: str) -> int:
    """Return the position of the column that a key means: its name or, of an integer, its place.

    ``places`` are those of each name.
    """
    whole = isinstance(key, int | np.integer) and not isinstance(key, bool)
    if isinstance(key, str):
        found = places.get(key, [])
        if len(found) > 1:
            raise ValueError(
                f"{param} names the column {key!r}, of which {table.role} has {len(found)}; give "
                "positions, which are integers."
            )
        if found:
            return found[0]
    elif whole and -table.n_columns <= key < table.n_columns:
        if int(key) % table.n_columns not in places.get(str(key), [int(key) % table.n_columns]):
            raise ValueError(
                f"{param} has the key {key}, which is the name of one column of {table.role} and "
                "the position of another; give a list with one type for each column."
            )
        return int(key)
    place = "; integers are positions" if whole else ""
    raise ValueError(f"{param} names the column {key!r}, but {table.role} has no such{place}.")


def _few_distinct(values: np.ndarray) -> np.ndarray:
    """Tell which columns have few distinct values, missing ones apart."""
    n = len(values)

    def distinct(part: np.ndarray) -> np.ndarray:
        ordered = np.sort(part, axis=0)  # NaN comes last, and differs from everything
        with np.errstate(invalid="ignore"):
            steps = (ordered[1:] > ordered[:-1]).sum(axis=0)
        return steps + ~np.isnan(ordered[:1]).all(axis=0)

    out = np.ones(values.shape[1], dtype=bool)
    for rows in (_FIRST_PROBE, _PROBE, n):  # most columns show many values at once
        out[out] = distinct(values[:rows, out]) <= MAX_CATEGORIES
        if rows >= n:
            break
    few = np.flatnonzero(out)
    present = (~np.isnan(values[:, few])).sum(axis=0)
    counts = distinct(values[:, few])
    each = np.where(counts <= MAX_DISCRETE, 2, MANY_ROWS)
    out[few] = (counts <= 2) | (each * counts <= present)
    return out


class Merged(NamedTuple):
    """The categories that are read as one: their entropy in nats, given that, and what to say."""

    hidden: float = 0.0
    text: str = ""


@dataclass(frozen=True, eq=False)
class Side:
    """One side of one question, as the network reads it.

    Attributes
    ----------
    values : ndarray of shape (n_samples, width), float64
        Numbers and 0/1 indicators, without missing values and constant columns.
    codes : ndarray of int of shape (n_samples,) or None
        One code for each distinct row, if every column is discrete.
    marginal_entropy : float
        Sum of the plug-in entropies of the columns, in nats; infinite unless all are discrete.
    smooth : ndarray of shape (n_samples, n_continuous)
        The continuous columns.
    lone : bool
        Whether there is one column only.
    column : ndarray of shape (n_samples, 1) or None
        The side as one column, if it can be; of labels, and of few combinations of discrete
        columns, their codes from 0.
    is_labels : bool
        Whether the column holds codes whose order means nothing.
    merged : tuple of two Merged
        What is merged in ``values``, and what is in ``column``.
    groups : tuple of (slice, ndarray of int of shape (n_samples,))
        Columns of ``values`` that are indicators of a category, and its codes.
    """

    values: np.ndarray
    codes: np.ndarray | None
    marginal_entropy: float
    smooth: np.ndarray
    lone: bool
    column: np.ndarray | None
    is_labels: bool
    merged: tuple[Merged, Merged] = (Merged(), Merged())
    groups: tuple[tuple[slice, np.ndarray], ...] = ()

    @property
    def width(self) -> int:
        """Number of columns that the network reads; 0 if the side is constant."""
        return self.values.shape[1]

    @property
    def n_rows(self) -> int:
        """Number of samples."""
        return self.values.shape[0]

    def take(self, rows: np.ndarray) -> Side:
        """Return the side with some of its rows, without columns that are constant there."""
        parts = ("values", "codes", "smooth", "column")
        arrays = {name: getattr(self, name) for name in parts}
        groups = tuple((place, codes[rows]) for place, codes in self.groups)
        arrays = {k: v if v is None else v[rows] for k, v in arrays.items()}
        arrays["values"] = varying_columns(arrays["values"])
        whole = arrays["values"].shape[1] == self.width  # else their places are no more
        return replace(self, groups=groups if whole else (), **arrays)

    @cached_property
    def entropy(self) -> float:
        """An upper bound of estimates of the mutual information, in nats.

        The plug-in entropy of a discrete side. With several columns of which most combinations
        occur once, their joint entropy cannot be seen, and the sum over the columns stands in.
        """
        if self.codes is None:
            return float("inf")
        if self.frequencies is not None:
            return self.frequencies.entropy
        return plugin_entropy(self.codes) if self.lone else self.marginal_entropy

    @cached_property
    def frequencies(self) -> Frequencies | None:
        """Of the values of a discrete side whose entropy can be seen."""
        return Frequencies.of(self.codes) if self.repeats else None

    def limits(self, levels: np.ndarray) -> np.ndarray:
        """Return values that the entropy lies below with these probabilities, at least one half.

        Infinite where there is no saying; with several columns, the bound of estimates may be large
        enough.
        """
        if self.frequencies is not None:
            return self.frequencies.upper(levels)
        hidden = self.codes is None or self.lone
        return np.full(len(levels), np.inf if hidden else self.entropy)

    @property
    def repeats(self) -> bool:
        """Whether the distinct rows occur twice or more on average."""
        return self.codes is not None and 2 * (int(self.codes.max()) + 1) <= len(self.codes)

    @cached_property
    def untied(self) -> bool:
        """Whether this is a single continuous column without ties."""
        if self.width != 1 or self.codes is not None:
            return False
        return len(np.unique(self.values)) == self.n_rows


def varying_columns(values: np.ndarray) -> np.ndarray:
    """Return values (n, d) without the columns that are constant."""
    varying = (values != values[:1]).any(axis=0)
    return values if varying.all() else values[:, varying]


def is_single(a: Side, b: Side) -> bool:
    """Tell whether a question is read as one column against one."""
    return a.column is not None and b.column is not None


def is_bijection(a: Side, b: Side) -> bool:
    """Tell whether two discrete sides determine each other on this sample."""
    if a.codes is None or b.codes is None:
        return False
    if not ((a.lone or a.repeats) and (b.lone or b.repeats)):
        return False
    sizes = int(a.codes.max()) + 1, int(b.codes.max()) + 1
    if sizes[0] != sizes[1]:
        return False
    pairs = a.codes.astype(np.int64) * sizes[1] + b.codes
    return len(np.unique(pairs)) == sizes[0]


def as_wide_as_sampling(quantiles: np.ndarray, levels: np.ndarray, a: Side, b: Side) -> np.ndarray:
    """Return quantiles (L,) no nearer to the median than codes on both sides allow for."""
    if a.codes is None or b.codes is None:
        return quantiles
    return no_narrower(quantiles, levels, information_error(a.codes, b.codes))


def encode(table: Table, types: np.ndarray) -> Side:
    """Encode one side without missing values.

    Labels become one 0/1 column for each category (one column where there are two), numbers stay
    as they are. A discrete column that is alone on its side is read as labels too, unless it has
    more than ten values that hardly repeat: the estimate then does not depend on how classes are
    numbered. Constant
    columns are left out. A side of one column is kept as one column too, of values or of codes.
    Several discrete columns of few combinations, none of them ordinal, are one column of labels
    just as well: however the columns interact, as in a parity, nothing of it is hidden then.
    """
    values = table.values
    varying = np.flatnonzero((values != values[:1]).any(axis=0))
    lone = len(varying) == 1
    if lone and types[varying[0]] == CONTINUOUS:  # the most frequent case: one array for all
        column = values[:, varying].astype(np.float64, copy=False)
        return Side(column, None, float("inf"), column, True, column, False)
    parts, codes, entropy, groups = [], [], 0.0, []
    single, is_labels = None, False
    merged, merged_single = Merged(), Merged()
    for j in varying:
        column, kind = values[:, j], types[j]
        single = column
        if kind == CONTINUOUS:
            parts.append(column[:, None])
            continue
        distinct, code = np.unique(column, return_inverse=True)
        codes.append(code)
        entropy += plugin_entropy(code)
        as_labels = kind == CATEGORY or (kind == DISCRETE and lone and _are_codes(code))
        if len(distinct) == 2:
            parts.append(code[:, None])
            single, is_labels = code, True
        elif as_labels:
            name = "" if lone else f" of {table.describe(int(j))}"
            kept, more = _merge(code, MAX_CATEGORIES, name)
            text = "; ".join(filter(None, (merged.text, more.text)))
            merged = Merged(merged.hidden + more.hidden, text)
            start = sum(part.shape[1] for part in parts)
            parts.append(kept[:, None] == np.arange(kept.max() + 1))
            single, merged_single = _merge(code, MAX_LABELS, name)
            groups.append((slice(start, start + parts[-1].shape[1]), single))
            is_labels = True
        else:
            parts.append(column[:, None])
    smooth = varying[types[varying] == CONTINUOUS]
    discrete = not len(smooth)
    n = len(values)
    joint = _joint_codes(codes, n) if discrete else None
    if not lone:
        single, is_labels, merged_single = None, False, Merged()
        ordered = (types[varying] == ORDINAL).any()
        if len(codes) and discrete and not ordered and _are_few(joint):
            single, is_labels = joint, True
    return Side(
        values=np.hstack(parts).astype(np.float64) if parts else np.empty((n, 0)),
        codes=joint,
        marginal_entropy=entropy if discrete else float("inf"),
        smooth=values[:, smooth],
        lone=lone,
        column=None if single is None else single[:, None].astype(np.float64),
        is_labels=is_labels,
        merged=(merged, merged_single),
        groups=tuple(groups),
    )


def _are_codes(code: np.ndarray) -> bool:
    """Tell whether distinct numbers are few, or repeat as class labels do."""
    counts = np.bincount(code)
    others = len(counts) - 1
    return others < MAX_CODES or len(code) - int(counts.max()) >= ROWS_PER_CODE * others


def _are_few(codes: np.ndarray) -> bool:
    """Tell whether combinations are few, and each has many rows on average."""
    count = int(codes.max()) + 1
    return count <= MAX_LABELS and ROWS_EACH * count <= len(codes)


def _merge(code: np.ndarray, most: int, name: str) -> tuple[np.ndarray, Merged]:
    """Return codes of at most so many categories, the rarest read as one, and what that hides."""
    counts = np.bincount(code)
    if len(counts) <= most:
        return code, Merged()
    kept = np.argsort(-counts, kind="stable")[: most - 1]
    place = np.full(len(counts), most - 1)
    place[kept] = np.arange(len(kept))
    few = place[code]
    share = 1 - counts[kept].sum() / len(code)
    text = f"{len(counts)} categories{name}, of which the {len(kept)} most frequent are told apart"
    text += f" and the others ({share:.0%} of the samples) are read as one"
    return few, Merged(plugin_entropy(code) - plugin_entropy(few), text)


def _joint_codes(codes: list[np.ndarray], n: int) -> np.ndarray:
    """Return one code, from 0 up, for each distinct combination of codes."""
    joint = np.zeros(n, dtype=np.int64)
    for code in codes:
        joint = np.unique(joint * (int(code.max()) + 1) + code, return_inverse=True)[1]
    return joint


def constant_columns(table: Table) -> np.ndarray:
    """Return the positions of the columns that hold one value only, missing ones apart."""
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduce(table.values, axis=0)
        high = np.fmax.reduce(table.values, axis=0)
    return np.flatnonzero(~(low < high))


def note_constants(tables: Iterable[Table], notes: Notes) -> None:
    """Note the names of constant columns."""
    for table in tables:
        index = constant_columns(table)
        if len(index):
            if len(index) == 1:
                what = f"Column {table.describe(int(index[0]))} is"
            else:
                names = listing(table.names[int(j)] for j in index)
                what = f"Columns {names} of {table.role} are"
            notes.add(f"{what} constant: the mutual information with a constant is 0.")
