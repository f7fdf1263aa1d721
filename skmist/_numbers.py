"""Whole numbers of 64 bits in double precision, which holds them exactly up to 2^53 only."""

from __future__ import annotations

from typing import Any

import numpy as np

EXACT = 2**53


def exact(values: np.ndarray) -> np.ndarray:
    """Return numbers that remain distinct, and in order, in double precision.

    Columns of whole numbers too large for it, such as identifiers or times in nanoseconds, are
    counted from their smallest value; where they reach too far for that, their ranks stand for
    them. Everything else is returned as it is.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, d)
        Numbers of any type.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:
        return values
    columns = values.reshape(len(values), -1)
    lows, highs = columns.min(axis=0), columns.max(axis=0)
    large = np.flatnonzero((lows < -EXACT) | (highs > EXACT))
    if not len(large):
        return values
    out = columns.astype(np.float64)
    for j in large:
        near = int(highs[j]) - int(lows[j]) <= EXACT
        column = columns[:, j]
        out[:, j] = column - lows[j] if near else np.unique(column, return_inverse=True)[1]
    return out.reshape(values.shape)


def of_frame(frame: Any, as_it_is: bool) -> np.ndarray:
    """Return the numbers of a pandas frame whose columns are of plain numeric types.

    Parameters
    ----------
    frame : DataFrame
    as_it_is : bool
        Whether the array may be of the type of the columns, which is one and the same; it then
        comes without a copy where it can. Else it is of double precision.
    """
    if as_it_is:
        return frame.to_numpy()
    values = frame.to_numpy(dtype=np.float64)
    whole = [j for j, dtype in enumerate(frame.dtypes) if dtype.kind in "iu"]
    large = [j for j in whole if (abs(values[:, j]) >= EXACT).any()]
    if large:
        values = np.array(values)
    for j in large:
        values[:, j] = exact(frame.iloc[:, j].to_numpy())
    return values


def of_nullable(series: Any) -> np.ndarray:
    """Return the numbers of a series of a nullable type of pandas, missing ones as NaN."""
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    there = ~np.isnan(values)
    if series.dtype.kind in "iu" and (abs(values[there]) >= EXACT).any():
        whole = np.uint64 if series.dtype.kind == "u" else np.int64
        values[there] = exact(series[there].to_numpy(dtype=whole))
    return values


def of_objects(values: np.ndarray) -> np.ndarray:
    """Return numbers held as objects; whole ones of any size remain distinct."""
    doubles = values.astype(np.float64)
    if (abs(doubles) < EXACT).all() or not all(isinstance(v, int | np.integer) for v in values):
        return doubles
    return np.unique(values, return_inverse=True)[1].astype(np.float64)
