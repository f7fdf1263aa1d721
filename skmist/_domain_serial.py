"""Rows that resemble those before, as in time series: how to tell, and how many they count for."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from skmist._encoding import Side
from skmist._ranks import column_ranks

SERIAL = (
    "consecutive rows resemble each other on both sides, as in time series, but rows are taken as "
    "independent draws; take rows far apart, or differences"
)

_CORRELATION = 0.5  # rank autocorrelation of consecutive rows
_DEVIATIONS = 6.0  # standard errors that the autocorrelation has to exceed
_STEPS = -0.25  # autocorrelation of differences: -1/2 for draws around any slow trend, 0 for a walk
_WINDOW = 5  # sums of autocorrelations end at so many correlation times
_FEWEST_ROWS = 8  # effective rows that can tell dependence from none
_BIAS = 8.0  # nats times rows: (5 - 1)^2 / 2, of a table of 5 x 5 cells


def slow_autocorrelations(side: Side) -> np.ndarray | None:
    """Return the autocorrelations of the slowest column, from lag 0; None if none moves slowly.

    A column moves slowly if rows resemble the ones before, and so do their differences. Draws
    sorted by another variable, or one group after the other, have an autocorrelation too, but
    their differences swing back. Tables sorted by one of the columns do not count.
    """
    v = side.smooth
    n = len(v)
    if not v.shape[1]:
        return None
    steps = np.diff(v, axis=0)
    if (steps >= 0).all(axis=0).any() or (steps <= 0).all(axis=0).any():
        return None
    ranks = column_ranks(v)
    slow = _lagged(ranks - ranks.mean(axis=0))
    walks = _lagged(np.diff(ranks, axis=0)) > _STEPS
    slow[~walks] = -1.0
    j = int(slow.argmax())
    if slow[j] <= max(_CORRELATION, _DEVIATIONS / np.sqrt(n)):
        return None
    size = next_fast_len(2 * n, real=True)
    spectrum = np.abs(rfft(ranks[:, j] - ranks[:, j].mean(), size)) ** 2
    correlations = irfft(spectrum, size)[:n]
    return correlations / correlations[0]


def _lagged(v: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of consecutive rows, of columns with mean 0."""
    return (v[1:] * v[:-1]).sum(axis=0) / np.maximum((v**2).sum(axis=0), 1e-300)


def effective_rows(a: np.ndarray, b: np.ndarray) -> float:
    """Return how many independent rows tell as much of the dependence of two slow series.

    The variance of a correlation of two series grows by the sum, over all lags, of the product of
    their autocorrelations (Bartlett 1935); the sum ends at a few correlation times (Sokal 1997).

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        Autocorrelations, from lag 0.

    Returns
    -------
    float
        From 1 to n.
    """
    times = 1 + 2 * np.cumsum(a[1:] * b[1:])
    ends = np.flatnonzero(np.arange(1, len(a)) >= _WINDOW * times)
    return float(len(a) / np.clip(times[ends[0] if len(ends) else -1], 1, len(a)))


def spread(interval: np.ndarray, n: int, rows: float, pairs: int) -> np.ndarray:
    """Widen an interval, in nats, from n independent rows to fewer effective ones.

    Around its middle, the interval grows as standard errors do. This is done on the scale of
    Fisher's z of the correlation that a normal pair of the same information has, on which errors
    hardly depend on the value. The lower end falls by the bias that series without dependence
    show, too: shapes that the rows draw in the plane by chance. It is inversely proportional to
    the number of effective rows, as that of counts in a table.

    Parameters
    ----------
    interval : ndarray of shape (2,)
        Nats.
    n : int
        Number of rows.
    rows : float
        Number of effective rows.
    pairs : int
        Number of pairs of columns.

    Returns
    -------
    ndarray of shape (2,)
        With a lower end of 0 where effective rows are a handful.
    """
    low, high = interval
    if not np.isfinite(high):
        return np.array([0.0, high])
    z = np.arccosh(np.exp(interval))  # -log(1 - tanh(z)^2) / 2 = log(cosh(z)) nats
    middle, half = z.mean(), np.diff(z)[0] / 2 * np.sqrt(n / rows)
    ends = np.maximum(middle + np.array([-half, half]), 0)
    wide = np.logaddexp(ends, -ends) - np.log(2)
    lower = wide[0] - _BIAS * pairs / rows if rows >= _FEWEST_ROWS else 0.0
    return np.array([min(low, max(0.0, lower)), max(high, wide[1])])
