"""From what a user passes to a checked table of numbers: arrays, frames, limits, error texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from skmist import _numbers
from skmist._columns import NUMBER, is_categorical, read_series, read_values

MIN_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Table:
    """One side of the question, as numbers.

    Attributes
    ----------
    values : ndarray or csc_array of shape (n_samples, n_columns)
        Numbers; labels are coded 0, 1, ... in sorted order. Missing values are NaN. Of X and of
        what is given, they may be the caller's own array, of any real dtype, which may be larger
        than the memory: :meth:`block` copies some columns as float64.
    kinds : ndarray of str of shape (n_columns,)
        What the dtype says: "number", "ordered" or "labels".
    names : sequence of str
        Names of the columns, for messages and for types given by name.
    role : str
        "X" or "y", for messages.
    """

    values: Any
    kinds: np.ndarray
    names: Sequence[str]
    role: str

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.values.shape[0]

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.values.shape[1]

    def describe(self, column: int) -> str:
        """Return a column's name and side, for messages."""
        name = self.names[column]
        return name if name == self.role else f"{name!r} of {self.role}"

    def block(self, columns: slice | Sequence[int] | np.ndarray) -> Table:
        """Return some of the columns, as a dense table of float64 of its own."""
        values = self.values[:, columns]
        if sp.issparse(values):
            values = values.toarray()
        elif isinstance(columns, slice):
            values = np.array(_numbers.exact(values), dtype=np.float64)
        else:  # a copy already
            values = np.asarray(_numbers.exact(values), dtype=np.float64)
        names = _Picked(self.names, np.arange(self.n_columns)[columns])
        return Table(values, self.kinds[columns], names, self.role)

    def rows(self, mask: np.ndarray) -> Table:
        """Return the rows where the mask is true."""
        if mask.all():
            return self
        return Table(self.values[np.flatnonzero(mask)], self.kinds, self.names, self.role)

    def complete_rows(self) -> np.ndarray:
        """Return the mask of rows without a missing value."""
        if not sp.issparse(self.values):
            return ~np.isnan(self.values).any(axis=1)
        mask = np.ones(self.n_rows, dtype=bool)
        mask[self.values.indices[np.isnan(self.values.data)]] = False
        return mask


class _Picked(Sequence):
    """A lazy selection from a sequence of names."""

    def __init__(self, names: Sequence[str], index: np.ndarray):
        self._names, self._index = names, index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i):
        return self._names[int(self._index[i])]


class _Numbered(Sequence):
    """The names x0, x1, ... of columns without a name."""

    def __init__(self, role: str, n: int):
        self._role, self._n = role, n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, i):
        if not -self._n <= i < self._n:
            raise IndexError(i)
        return "y" if self._role == "y" and self._n == 1 else f"{self._role.lower()}{i % self._n}"


@dataclass
class Notes:
    """Warnings collected on the way, so that the public layer issues each of them once."""

    items: list[tuple[type[Warning], str]] = field(default_factory=list)

    def add(self, text: str, category: type[Warning] = UserWarning) -> None:
        """Add a warning, unless the same one is there already."""
        if (category, text) not in self.items:
            self.items.append((category, text))


def note_unseen(what: str, names: Sequence[str], notes: Notes) -> None:
    """Note that something varies, but not on the rows where these columns are not missing."""
    if names:
        columns = "column" if len(names) == 1 else "columns"
        notes.add(
            f"{what} is constant on the rows where {columns} {listing(names)} is not missing: the "
            "estimate of 0 says nothing."
        )


def listing(names: Iterable[str], limit: int = 5) -> str:
    """Return the first names of a list in words, with the number of the others."""
    names = list(names)
    text = ", ".join(repr(str(name)) for name in names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


def samples(n: int) -> str:
    """Return a number of samples in words."""
    return "1 sample" if n == 1 else f"{n} samples"


def read_pair(
    X: Any, y: Any, *, caller: str, missing: str, one_d: bool = False
) -> tuple[Table, Table]:
    """Read and check both sides.

    Parameters
    ----------
    X, y : array-like, sparse matrix (X only) or frame
        The two sides.
    caller : str
        Name of the estimator or function, for messages.
    missing : {"error", "pairwise"}
        Whether missing values are an error.
    one_d : bool, default=False
        Whether X may be one-dimensional; y always may.
    """
    left = read_table(X, role="X", caller=caller, one_d=one_d)
    right = read_table(y, role="y", caller=caller, one_d=True)
    if left.n_rows != right.n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {left.n_rows}, y has {right.n_rows}."
        )
    check_samples(left.n_rows, caller, f" (shape={left.values.shape})")
    for table in (left, right):
        check_finite(table, caller=caller, missing=missing)
    return left, right


def check_samples(n: int, caller: str, where: str = "") -> None:
    """Raise ValueError if there are too few samples."""
    if n < MIN_SAMPLES:
        raise ValueError(
            f"Found array with {samples(n)}{where} while a minimum of {MIN_SAMPLES} is required "
            f"by {caller}."
        )


def check_finite(table: Table, *, caller: str, missing: str) -> None:
    """Raise ValueError for infinities, and for missing values unless these may be dropped."""
    sparse = sp.issparse(table.values)
    data = table.values.data if sparse else table.values
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(data.sum()):
            return

    def first_column(bad: np.ndarray) -> str:
        if sparse:
            column = int(np.searchsorted(table.values.indptr, np.flatnonzero(bad)[0], "right")) - 1
        else:
            column = int(np.flatnonzero(bad.any(axis=0))[0])
        return f"{int(bad.sum())} in all, the first in column {table.names[column]!r}"

    if (infinite := np.isinf(data)).any():
        raise ValueError(
            f"Input {table.role} contains infinity ({first_column(infinite)}); {caller} takes "
            "finite values only."
        )
    if missing == "error" and (absent := np.isnan(data)).any():
        raise ValueError(
            f"Input {table.role} contains NaN ({first_column(absent)}); {caller} leaves out such "
            "rows with missing='pairwise'."
        )


def read_table(data: Any, *, role: str, caller: str, one_d: bool) -> Table:
    """Read one side: shape, dtypes, codes for labels; see :class:`Table`."""
    if data is None:
        what = "the target y" if role == "y" else role
        raise ValueError(f"{caller} requires {role} to be passed, but {what} is None.")
    if hasattr(data, "collect_schema") and not hasattr(data, "shape"):
        raise TypeError(f"{caller} reads frames in memory: pass {role}.collect() for {role}.")
    if hasattr(data, "compute") and hasattr(data, "dask"):
        raise TypeError(f"{caller} reads data in memory: pass {role}.compute() for {role}.")
    if _is_frame(data):
        table = _read_frame(data, role)
    elif hasattr(data, "to_numpy") and (hasattr(data, "name") or is_categorical(data)):  # a series
        name = getattr(data, "name", None)
        values, kind = read_series(data, repr(role if name in (None, "") else name))
        name = role if name in (None, "") else str(name)
        table = Table(values.reshape(-1, 1), np.array([kind]), (name,), role)
        _check_shape(values.shape, role, caller, one_d, f"{role}.to_frame()")
    else:
        table = _read_array(data, role, caller, one_d)
    n, d = table.values.shape
    if d == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={(n, d)}) while a minimum of 1 is required by "
            f"{caller}."
        )
    return table


def _is_frame(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "dtypes") and hasattr(data, "shape")


def _check_shape(
    shape: tuple[int, ...], role: str, caller: str, one_d: bool, reshaped: str | None = None
) -> None:
    allowed = (1, 2) if one_d else (2,)
    if len(shape) in allowed:
        return
    expected = "1D or 2D array" if one_d else "2D array"
    reshaped = reshaped or f"{role}.reshape(-1, 1)"
    hint = f"; reshape a single feature with {reshaped}" if len(shape) == 1 else ""
    raise ValueError(
        f"{caller} expected {role} to be a {expected} of shape (n_samples, n_features), got "
        f"{len(shape)}D array of shape {shape}{hint}."
    )


def _read_array(data: Any, role: str, caller: str, one_d: bool) -> Table:
    if sp.issparse(data):
        if role == "y":
            raise TypeError(f"{caller} takes a dense y, got a sparse {type(data).__name__}.")
        _check_shape(data.shape, role, caller, one_d=False)
        _check_real(data.dtype, role, caller)
        values = check_array(
            _numbers.of_sparse(data.tocsc()), accept_sparse="csc", dtype=np.float64,
            ensure_all_finite=False, ensure_min_samples=0, ensure_min_features=0, input_name=role,
        )  # fmt: skip
        n, d = values.shape
        return Table(sp.csc_array(values), np.full(d, NUMBER), _Numbered(role, d), role)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"{caller} expected {role} to be a rectangular array, got rows of unequal lengths."
        ) from error
    if array.dtype.kind in "US" and not hasattr(data, "dtype"):
        array = np.asarray(data, dtype=object)  # lists of numbers and strings: do not mix them
    if array.ndim == 0 and array.dtype.kind == "O":  # a dict, a set, a generator
        raise TypeError(
            f"{caller} expected {role} to be an array or a frame, got a {type(data).__name__}."
        )
    if array.dtype.names:
        raise TypeError(
            f"{caller} expected {role} to be a plain array or a frame, got a structured array: "
            "make it a frame first."
        )
    _check_shape(array.shape, role, caller, one_d)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):  # masked values are missing
        absent = np.ma.getmaskarray(data)
        if array.dtype.kind in "iufb":
            flat = array.reshape(len(array), -1), absent.reshape(len(array), -1)
            array = _numbers.of_masked(*flat).reshape(array.shape)
        else:
            array = array.astype(object)  # a copy
            array[absent] = None
    _check_real(array.dtype, role, caller)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # too large ones become infinite
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    array = array[:, None] if array.ndim == 1 else array
    names = _Numbered(role, array.shape[1])
    if array.dtype.kind in "iufb":
        array = _numbers.exact(array).astype(np.float64) if role == "y" else array
        return Table(array, np.full(array.shape[1], NUMBER), names, role)
    columns = [read_values(array[:, j], repr(names[j])) for j in range(array.shape[1])]
    return _assemble(columns, len(array), names, role)


def _check_real(dtype: np.dtype, role: str, caller: str) -> None:
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {caller} expected real numbers in {role}, got dtype "
            f"{dtype}."
        )


def _read_frame(frame: Any, role: str) -> Table:
    names = tuple(str(name) for name in frame.columns)
    n = frame.shape[0]
    dtypes = list(frame.dtypes)
    if hasattr(frame, "iloc"):
        if all(isinstance(t, np.dtype) and t.kind in "iufb" for t in dtypes):
            values = _numbers.of_frame(frame, role != "y" and len(set(dtypes)) == 1)
            return Table(values, np.full(len(names), NUMBER), names, role)
        series = (frame.iloc[:, j] for j in range(len(names)))
    else:
        series = (frame[:, j] for j in range(len(names)))
    columns = [read_series(s, repr(name)) for s, name in zip(series, names, strict=True)]
    return _assemble(columns, n, names, role)


def _assemble(columns: list[tuple[np.ndarray, str]], n: int, names, role: str) -> Table:
    values = np.column_stack([c[0] for c in columns]) if columns else np.empty((n, 0))
    return Table(values, np.array([c[1] for c in columns], dtype=str), names, role)
