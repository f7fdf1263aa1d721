"""The cheap statistics of a permutation test, and how they are joined."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import _dependence, _linear
from skmist._dependence import N_PARTS, Terms, excess, parts, spreads
from skmist._linear import linear_part, normal_scores, white_scores


def both(x, y):
    return parts(Terms.of(x), Terms.of(y), 0, None)[:, 0]


def test_the_first_is_the_linear_part_and_the_second_the_sum_of_squared_correlations(rng):
    x = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    y = x[:, :2] + rng.normal(size=(60, 2))
    found = both(x, y)
    assert found[0] == pytest.approx(linear_part(white_scores(x), white_scores(y)))
    correlations = np.corrcoef(normal_scores(x), normal_scores(y))[:3, 3:]
    assert found[1] == pytest.approx(np.square(correlations).sum())


def test_the_third_sees_squares_and_products_in_both_directions(rng):
    x = rng.normal(size=(500, 3))
    noise = rng.normal(size=(500, 1))
    chance = both(x, noise)[2]
    for y in (x[:, :1] ** 2 + noise, 2 * x[:, :1] * x[:, 2:] + noise):
        assert both(x, y)[2] == pytest.approx(both(y, x)[2])
        assert both(x, y)[2] > 100 * chance
        assert both(x, y)[0] < 0.1


def test_permuted_parts_are_those_of_permuted_rows(rng, monkeypatch):
    monkeypatch.setattr(_linear, "CELLS", 300)  # several batches
    x, y = np.round(rng.normal(size=(15, 2))), rng.normal(size=(15, 3))
    orders = [rng.permutation(15) for _ in range(20)]
    found = parts(Terms.of(x), Terms.of(y), 20, orders.__getitem__)
    assert found.shape == (N_PARTS, 21)
    expected = [both(x[order], y) for order in [np.arange(15), *orders]]
    assert_allclose(found.T, expected, atol=1e-6)


def test_the_fourth_sees_means_that_differ_from_place_to_place(rng, monkeypatch):
    x = rng.uniform(-1, 1, size=(200, 2))
    y = np.sin(6 * x[:, :1]) + 0.3 * rng.normal(size=(200, 1))
    orders = [rng.permutation(200) for _ in range(50)]
    found = parts(Terms.of(y), Terms.of(x), 50, orders.__getitem__)[3]
    assert found[0] > 1.5 * found[1:].max()
    monkeypatch.setattr(_dependence, "MOST_ROWS", 100)
    assert_array_equal(parts(Terms.of(y), Terms.of(x), 50, orders.__getitem__)[3], np.zeros(51))


def test_indicators_and_many_columns(rng):
    labels = np.tile([0.0, 1.0], 20)[:, None]
    assert_array_equal(Terms.of(labels).values[1], np.zeros(40))  # their square is constant
    wide = Terms.of(rng.normal(size=(10, _dependence.MOST_CROSSED + 1)))
    assert wide.values.shape == (2 * wide.n_columns, 10)
    assert np.isfinite(both(labels, rng.normal(size=(40, 30)))).all()


def test_most_independent_samples_have_no_excess_of_two_statistics(rng):
    statistics = rng.chisquare(2, (2, 1000)) * [[1], [100]]
    found = excess(statistics)
    assert np.mean(found == 0) == pytest.approx(0.64, abs=0.03)
    assert_allclose(excess(statistics * [[3], [0.2]]), found)
    order = rng.permutation(1000)
    assert_array_equal(excess(statistics[:, order]), found[order])


def test_statistics_that_hardly_vary():
    assert_array_equal(excess(np.ones((2, 20))), np.zeros(20))
    rare = np.eye(1, 20)
    assert_allclose(excess(rare), _dependence.WEIGHT * rare[0])
    assert spreads(rare[0]) == 1
