"""How many rows slow series count for, and intervals of them."""

import numpy as np
import pytest
from scipy.signal import lfilter
from test_domain import side

from skmist import MISTEstimator, OutOfDomainWarning
from skmist._domain_serial import effective_rows, slow_autocorrelations, spread


def autoregression(rng, n, memory, columns=1):
    draws = rng.normal(size=(n + 1000, columns))
    return lfilter([np.sqrt(1 - memory**2)], [1, -memory], draws, axis=0)[1000:]


@pytest.mark.parametrize("memory", [0.7, 0.9, 0.95])
def test_effective_rows_of_autoregressions(rng, memory):
    n = 20_000
    a, b = (slow_autocorrelations(side(autoregression(rng, n, memory))) for _ in range(2))
    expected = n * (1 - memory**2) / (1 + memory**2)
    assert effective_rows(a, b) == pytest.approx(expected, rel=0.2)


def test_effective_rows_stay_within_the_rows():
    n = 100
    assert effective_rows(np.ones(n), np.ones(n)) >= 1
    alternating = (-1.0) ** np.arange(n)
    assert effective_rows(np.ones(n), alternating) <= n


def test_white_noise_is_not_slow(rng):
    assert slow_autocorrelations(side(rng.normal(size=(300, 3)))) is None


def test_the_slowest_column_counts(rng):
    slow, fast = autoregression(rng, 500, 0.97), autoregression(rng, 500, 0.7)
    both = slow_autocorrelations(side(np.c_[fast, slow]))
    np.testing.assert_array_equal(both, slow_autocorrelations(side(slow)))


def test_spread():
    given = np.array([0.3, 0.5])
    np.testing.assert_allclose(spread(given, 10**9, 10**9, 1), given, atol=1e-6)
    half = spread(given, 10**7, 10**7 / 4, 1)
    z = np.arctanh(np.sqrt(1 - np.exp(-2 * np.r_[given, half])))
    assert z[3] - z[2] == pytest.approx(2 * (z[1] - z[0]), rel=1e-3)
    assert spread(given, 500, 100, 1)[0] > spread(given, 500, 100, 3)[0]
    assert spread(given, 500, 7, 1)[0] == 0
    np.testing.assert_array_equal(spread(np.array([2.0, np.inf]), 500, 50, 1), [0, np.inf])
    assert np.isfinite(spread(np.array([0.0, 30.0]), 500, 10, 1)).all()


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("memory", [0.8, 0.95])
@pytest.mark.parametrize("columns", [1, 3])
def test_intervals_of_series_hold_the_true_value(rng, rho, memory, columns):
    held, n = [], 400
    for _ in range(6):
        x, noise = autoregression(rng, n, memory, columns), autoregression(rng, n, memory)
        y = rho * x[:, 0] + np.sqrt(1 - rho**2) * noise[:, 0]
        with pytest.warns(OutOfDomainWarning):
            low, high = MISTEstimator().fit(x, y).interval_
        held.append(low <= -0.5 * np.log1p(-(rho**2)) <= high)
    assert sum(held) >= 5
