"""Figures of merit of estimates: errors with standard errors, bias, coverage of intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

INTERVALS = {50: ("q0.25", "q0.75"), 80: ("q0.1", "q0.9"), 90: ("q0.05", "q0.95")}
INTERVALS[95] = ("q0.025", "q0.975")


def mean_and_error(values: pd.Series, clusters: pd.Series | None = None) -> tuple[float, float]:
    """Return the mean and its standard error.

    Parameters
    ----------
    values : Series of shape (n,)
        One value for each data set.
    clusters : Series of shape (n,), optional
        Labels of groups of data sets that share a draw (the same dims, say), which are
        independent of each other; the standard error is then that between groups.

    Returns
    -------
    mean, error : float
        NaN where there is nothing, or one group only.
    """
    mean = float(values.mean()) if len(values) else float("nan")
    if not np.isfinite(mean):
        return mean, float("nan")
    if clusters is None:
        sums, count = values.to_numpy() - mean, len(values)
    else:
        sums = (values - mean).groupby(clusters.to_numpy()).sum().to_numpy()
        count = len(sums)
    if count < 2:
        return mean, float("nan")
    error = np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(values)
    return mean, float(error)


def coverage(frame: pd.DataFrame, level: int) -> float:
    """Return the share of data sets whose MI lies in the central interval of a level (percent)."""
    low, high = INTERVALS[level]
    if not len(frame) or frame[low].isna().any():
        return float("nan")
    return float(frame["mi"].between(frame[low] - 1e-9, frame[high] + 1e-9).mean())


def number(value: float, digits: int = 2) -> str:
    """Write a number with at least so many significant digits; a dash for NaN."""
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞"
    if abs(value) < 5e-5:
        return "0"
    places = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{min(places, 4)}f}"


def with_error(pair: tuple[float, float], digits: int = 2) -> str:
    """Write a mean and its standard error."""
    mean, error = pair
    text = number(mean, digits)
    return text if np.isnan(error) else f"{text} ± {number(error, 1)}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"
