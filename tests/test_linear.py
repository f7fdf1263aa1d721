"""The linear part of a dependence, and its blend with estimates."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import f_oneway, norm, rankdata

from skmist import _linear
from skmist._linear import Blend, linear_part, permuted_linear_parts, white_scores


def test_scores_are_white(rng):
    values = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 5))
    scores = white_scores(values)
    assert_allclose(scores @ scores.T, np.eye(5), atol=0.05)
    assert_allclose(scores.mean(1), 0, atol=1e-12)
    assert (np.square(scores).sum(1) <= 1).all()


def test_one_column_against_one_gives_the_squared_correlation(rng):
    n = 50
    x, y = np.round(rng.normal(size=n), 1), rng.normal(size=n)
    expected = np.corrcoef(*(norm.ppf((rankdata(v) - 0.5) / n) for v in (x, y)))[0, 1] ** 2
    found = linear_part(white_scores(x[:, None]), white_scores(np.exp(y)[:, None]))
    assert found == pytest.approx(expected / (1 + 1 / n) ** 2)


def test_classes_give_the_share_of_variance_between_them(rng):
    n = 3000
    labels = rng.integers(0, 3, n)
    y = rng.normal(size=n) + 0.3 * (labels == 1)
    z = norm.ppf((rankdata(y) - 0.5) / n)
    f = f_oneway(*(z[labels == k] for k in range(3))).statistic
    share = 2 * f / (2 * f + n - 3)
    found = linear_part(white_scores(np.eye(3)[labels]), white_scores(y[:, None]))
    assert found == pytest.approx(share, rel=0.01)


def test_columns_in_another_order_and_more_columns_than_rows(rng):
    x, y = rng.normal(size=(20, 30)), rng.normal(size=(20, 2))
    found = linear_part(white_scores(x), white_scores(y))
    assert 0 < found < 2
    assert linear_part(white_scores(x[:, ::-1]), white_scores(-y)) == pytest.approx(found)
    assert np.isfinite(white_scores(np.repeat(x, 2, axis=1))).all()


def test_permuted_parts_are_those_of_permuted_rows(rng, monkeypatch):
    monkeypatch.setattr(_linear, "CELLS", 200)  # several batches
    x, y = rng.normal(size=(15, 2)), rng.normal(size=(15, 4))
    orders = [rng.permutation(15) for _ in range(20)]
    found = permuted_linear_parts(white_scores(x), white_scores(y), 20, orders.__getitem__)
    expected = [linear_part(white_scores(x[order]), white_scores(y)) for order in orders]
    assert_allclose(found, expected)


def test_a_blend_adds_unusual_linear_parts_in_the_units_of_estimates(rng):
    estimates, linear = rng.gamma(2, 0.01, 2000), rng.chisquare(1, 2000)
    blend = Blend.of(estimates, linear)
    found = blend(estimates, linear)
    assert np.mean(found == estimates) == pytest.approx(0.9, abs=0.001)
    assert (found >= estimates).all()
    again = Blend.of(3 * estimates, linear / 7)
    assert_allclose(again(3 * estimates, linear / 7), 3 * found)


def test_a_blend_leaves_estimates_alone_where_linear_parts_do_not_vary(rng):
    estimates = rng.normal(size=20)
    assert_allclose(Blend.of(estimates, np.ones(20))(estimates, np.ones(20)), estimates)
