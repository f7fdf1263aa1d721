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
    if as_it_is and frame.dtypes.iloc[0].itemsize <= 8:
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
    """Return numbers held as objects, NaN among them; whole ones of any size remain distinct."""
    whole = np.array([isinstance(v, int | np.integer) for v in values], dtype=bool)
    out = np.full(len(values), np.nan)
    out[~whole] = values[~whole].astype(np.float64)
    numbers = values[whole]
    if all(-EXACT < v < EXACT for v in numbers.tolist()) or not np.isnan(out[~whole]).all():
        try:
            out[whole] = numbers.astype(np.float64)
        except OverflowError as error:
            raise ValueError(
                "Whole numbers beyond 1.8e308 beside other numbers cannot be read: take logarithms."
            ) from error
    else:
        out[whole] = np.unique(numbers, return_inverse=True)[1]
    return out


def of_masked(values: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Return numbers (n, d) of any plain type as double precision, those that are absent as NaN."""
    out = np.full(values.shape, np.nan)
    for j, there in enumerate(~absent.T):
        out[there, j] = exact(values[there, j])
    return out


def of_sparse(values: Any) -> Any:
    """Return a sparse matrix of whole numbers whose columns fit into double precision.

    Raises
    ------
    ValueError
        If a number is too large: there is no smallest value to count from beside the zeros.
    """
    data = values.data
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8 and data.size:
        if int(data.max()) > EXACT or int(data.min()) < -EXACT:
            raise ValueError(
                "A sparse matrix of whole numbers beyond 2**53 would lose digits; pass it as a "
                "dense array."
            )
    return values
