"""From one column of any dtype to numbers or codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmist import _numbers

NUMBER, ORDERED, LABELS = "number", "ordered", "labels"  # what the dtype of a column says
_DATES = ("date", "datetime", "time", "timedelta", "Period", "Timedelta", "Timestamp")


def is_categorical(data: Any) -> bool:
    """Tell whether something is a categorical of pandas: a series, an index or an array."""
    return hasattr(getattr(data, "dtype", None), "ordered")


def read_series(series: Any, name: str) -> tuple[np.ndarray, str]:
    """Read a column of a pandas or polars frame; return numbers or codes, and their kind."""
    dtype = series.dtype
    if is_categorical(series):
        codes = np.asarray(getattr(series, "cat", series).codes, dtype=np.float64)
        return np.where(codes < 0, np.nan, codes), ORDERED if dtype.ordered else LABELS
    if type(dtype).__name__ == "Enum" and hasattr(series, "to_physical"):  # polars, in its order
        codes = np.asarray(series.to_physical().to_numpy(), dtype=np.float64)
        return codes, ORDERED
    if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "iufb":  # pandas nullable
        return _numbers.of_nullable(series), NUMBER
    if str(dtype) in ("Int128", "UInt128"):  # of polars, which numpy does not have
        return read_values(np.array(series.to_list(), dtype=object), name)
    values = np.asarray(series.to_numpy())
    if values.ndim != 1 or type(dtype).__name__ == "Struct":
        raise TypeError(
            f"Column {name} has dtype {dtype}; expected numbers, strings, booleans or categories: "
            "one value in each row."
        )
    if hasattr(series, "null_count") and series.null_count() and _is_whole(dtype):  # polars
        there = np.asarray(series.is_not_null().to_numpy(), dtype=bool)
        out = np.full(len(there), np.nan)
        out[there] = _numbers.exact(series.drop_nulls().to_numpy())
        return out, NUMBER
    return read_values(values, name)


def _is_whole(dtype: Any) -> bool:
    """Tell whether a type of polars is one of whole numbers."""
    return bool(getattr(dtype, "is_integer", lambda: False)())


def read_values(values: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Read a column of an array of any dtype; return numbers or codes, and their kind."""
    kind = values.dtype.kind
    if kind in "iufb":
        return _numbers.exact(values).astype(np.float64), NUMBER
    if kind == "c":
        raise ValueError(f"Complex data not supported: column {name} has dtype {values.dtype}.")
    if kind in "mM":
        raise TypeError(
            f"Column {name} has dtype {values.dtype}; expected numbers, strings, booleans or "
            "categories: convert dates to numbers first."
        )
    if kind in "USa":
        return _code(values.astype(object), np.zeros(len(values), dtype=bool)), LABELS
    if kind not in "OT":  # T: strings that may have a missing value of their own
        raise TypeError(
            f"Column {name} has dtype {values.dtype}; expected numbers, strings, booleans or "
            "categories."
        )
    return _read_objects(values.astype(object, copy=False), name)


def _read_objects(values: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    types = {type(v) for v in values}
    absent = np.zeros(len(values), dtype=bool)
    missing_types = {t for t in types if t is type(None) or t.__name__ in ("NAType", "NaTType")}
    if missing_types:
        absent |= np.array([type(v) in missing_types for v in values])
    texts = {t for t in types if issubclass(t, str | bytes)}
    others = types - missing_types - texts
    if not texts:
        _check_numeric_objects(others, name)
        out = np.full(len(values), np.nan)
        out[~absent] = _numbers.of_objects(values[~absent])
        return out, NUMBER
    # beside strings, NaN stands for a missing one; any other number is a mistake
    floats = {t for t in others if issubclass(t, float | np.floating)}
    if floats:
        absent |= np.array([type(v) in floats and v != v for v in values])
        floats = {type(v) for v in values[~absent]} & floats
    if wrong := (others - {t for t in others if issubclass(t, float | np.floating)}) | floats:
        found = ", ".join(sorted(t.__name__ for t in wrong))
        raise TypeError(
            f"Column {name} mixes strings with values of type {found}; argument must be a column "
            "of strings or of real numbers."
        )
    return _code(values, absent), LABELS


def _check_numeric_objects(types: set[type], name: str) -> None:
    if any(issubclass(t, complex | np.complexfloating) for t in types):
        raise ValueError(f"Complex data not supported: column {name} holds complex numbers.")
    for t in types:
        # Decimal, Fraction and the like convert through __float__
        if not hasattr(t, "__float__") or (hasattr(t, "__len__") and not issubclass(t, np.generic)):
            date = t.__name__ in _DATES
            raise TypeError(
                f"Column {name} holds a value of type {t.__name__}; argument must be a string or a "
                f"real number{': convert dates to numbers first' if date else ''}."
            )


def _code(values: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Code labels 0, 1, ... in sorted order, NaN where absent."""
    out = np.full(len(values), np.nan)
    texts = [str(v) for v in values[~absent]]
    place = {text: i for i, text in enumerate(sorted(set(texts)))}
    out[~absent] = [place[text] for text in texts]
    return out
