"""Classical estimators: against formulas, scikit-learn and a direct computation."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from skmist import baselines
from skmist.baselines import gaussian_mi, ksg_mi, normal_scores, sklearn_mi


def bivariate(n, rho, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)


def direct_ksg(x, y, k):
    """KSG-1 by its definition, from full distance matrices."""
    dx = np.abs(x[:, None] - x[None]).max(-1)
    dy = np.abs(y[:, None] - y[None]).max(-1)
    joint = np.maximum(dx, dy)
    np.fill_diagonal(joint, np.inf)
    eps = np.sort(joint, axis=1)[:, k - 1 : k]
    nx, ny = (dx < eps).sum(1) - 1, (dy < eps).sum(1) - 1
    return digamma(k) + digamma(len(x)) - (digamma(nx + 1) + digamma(ny + 1)).mean()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 60),
    dx=st.integers(1, 5),
    dy=st.integers(1, 5),
    k=st.integers(1, 6),
)
def test_ksg_follows_its_definition(seed, n, dx, dy, k):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx))
    y = rng.normal(size=(n, dy)) + x[:, :1]
    got = ksg_mi(x, y, n_neighbors=k, scores="raw")
    assert got == pytest.approx(direct_ksg(x, y, k), abs=1e-10)


def test_ksg_counts_the_same_with_and_without_trees():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 700, 2))
    x[:100] = x[100:200]  # ties
    for a, b in zip(
        baselines._counts_by_tree(x, y, 3), baselines._counts_direct(x, y, 3), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("scores", ["standard", "rank", "raw"])
def test_ksg_of_a_bivariate_normal(rho, scores):
    got = ksg_mi(*bivariate(4000, rho), n_neighbors=5, scores=scores)
    assert got == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.05)


def test_ksg_agrees_with_sklearn_on_one_column():
    x, y = bivariate(500, 0.7)
    assert ksg_mi(x, y) == pytest.approx(sklearn_mi(x, y), abs=1e-6)


@pytest.mark.parametrize("spoil", [np.round, lambda x: np.maximum(x, 0)])
def test_ksg_warns_where_values_repeat(spoil):
    x, y = bivariate(300, 0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ksg_mi(x, y)
        ksg_mi(spoil(x), y)  # of one side alone they do no harm
        ksg_mi(np.zeros(300), spoil(x))
    for other in (spoil(y), np.column_stack([y, spoil(x)])):
        with pytest.warns(UserWarning, match="Values repeat on both sides"):
            ksg_mi(spoil(x), other)


@pytest.mark.parametrize("function", [ksg_mi, gaussian_mi])
def test_symmetric_in_x_and_y_and_in_the_order_of_rows(function):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
    y[:, 0] += x[:, 1]
    order = rng.permutation(200)
    assert function(x, y) == pytest.approx(function(y, x))
    assert function(x, y) == pytest.approx(function(x[order], y[order]))


@pytest.mark.parametrize("function", [ksg_mi, gaussian_mi])
def test_rank_scores_ignore_monotone_maps(function):
    x, y = bivariate(300, 0.6)
    assert function(x, y, scores="rank") == pytest.approx(
        function(np.exp(3 * x), y**3, scores="rank")
    )


def test_normal_scores_are_symmetric_and_share_ties():
    z = normal_scores(np.array([[3.0], [1.0], [1.0], [9.0]]))[:, 0]
    assert z[1] == z[2]
    assert normal_scores(np.arange(51.0)[:, None]).sum() == pytest.approx(0, abs=1e-9)


def test_gaussian_is_minus_half_log_one_minus_r_squared():
    x, y = bivariate(100, 0.6)
    r = np.corrcoef(x, y)[0, 1]
    assert gaussian_mi(x, y) == pytest.approx(-0.5 * np.log(1 - r**2))


def test_gaussian_is_the_log_determinant_of_the_covariance():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 3))
    y = x @ rng.normal(size=(3, 4)) + rng.normal(size=(120, 4))
    cov = np.cov(np.hstack([x, y]).T)
    want = 0.5 * (
        np.linalg.slogdet(cov[:3, :3])[1]
        + np.linalg.slogdet(cov[3:, 3:])[1]
        - np.linalg.slogdet(cov)[1]
    )
    assert gaussian_mi(x, y) == pytest.approx(want)
    assert gaussian_mi(x, y, shrinkage=0.0) == pytest.approx(want)
    assert gaussian_mi(x, y, shrinkage=1.0) == pytest.approx(0)
    assert 0 < gaussian_mi(x, y, shrinkage="ledoit-wolf") < want


def test_gaussian_bias_correction_is_right_on_average():
    rng = np.random.default_rng(3)
    values = [
        gaussian_mi(rng.normal(size=(20, 3)), rng.normal(size=(20, 2)), correct_bias=True)
        for _ in range(2000)
    ]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / np.sqrt(2000))
    plain = gaussian_mi(rng.normal(size=(20, 3)), rng.normal(size=(20, 2)))
    assert plain > 0


def test_gaussian_with_constant_repeated_or_too_many_columns():
    x, y = bivariate(50, 0.6)
    twice = np.column_stack([x, x, np.ones(50)])
    assert gaussian_mi(twice, y) == pytest.approx(gaussian_mi(x, y))
    assert gaussian_mi(x, np.ones(50)) == 0
    wide = np.random.default_rng(0).normal(size=(10, 12))
    assert gaussian_mi(wide, wide[:, ::-1] ** 3) == np.inf
    assert np.isfinite(gaussian_mi(wide, wide[:, ::-1] ** 3, shrinkage="ledoit-wolf"))


def test_sklearn_discrete_target_and_its_limits():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 3, size=300)
    x = 20 * label + rng.normal(size=300)
    names = np.array(["a", "b", "c"])[label]
    assert sklearn_mi(x, names, discrete_target=True) == pytest.approx(np.log(3), abs=0.05)
    with pytest.raises(ValueError, match="one column against one"):
        sklearn_mi(rng.normal(size=(300, 2)), x)


@pytest.mark.parametrize("function", [ksg_mi, gaussian_mi, sklearn_mi])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.arange(10.0), np.arange(9.0), "inconsistent numbers of samples"),
        (np.r_[np.nan, np.arange(9.0)], np.arange(10.0), "NaN"),
        (np.arange(10.0), np.r_[np.inf, np.arange(9.0)], "infinity"),
        (np.ones(1), np.ones(1), "minimum of"),
        (np.ones((9, 2, 2)), np.arange(9.0), "dim"),
    ],
)
def test_bad_input_is_refused(function, x, y, message):
    with pytest.raises(ValueError, match=message):
        function(x, y)


@pytest.mark.parametrize(
    ("function", "params"),
    [
        (ksg_mi, {"n_neighbors": 0}),
        (ksg_mi, {"scores": "uniform"}),
        (gaussian_mi, {"shrinkage": 2.0}),
        (gaussian_mi, {"correct_bias": True, "shrinkage": 0.1}),
        (sklearn_mi, {"n_neighbors": 1.5}),
    ],
)
def test_bad_parameters_are_refused(function, params):
    with pytest.raises(ValueError):
        function(np.arange(20.0), np.arange(20.0), **params)


def test_gaussian_of_columns_that_depend_on_each_other():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X[:, 0] + rng.normal(size=200)
    assert gaussian_mi(X, X @ [1, 2]) == np.inf
    once, often = (gaussian_mi(np.tile(X, k), y, correct_bias=True) for k in (1, 5))
    assert often == pytest.approx(once, rel=1e-9)
    constant = np.c_[X, np.ones(200)]
    assert gaussian_mi(constant, y, shrinkage=0.0) == pytest.approx(gaussian_mi(X, y), rel=1e-9)
    assert gaussian_mi(np.ones(200), y, shrinkage=0.5) == 0


@pytest.mark.parametrize("estimate", [ksg_mi, gaussian_mi])
@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
def test_scale_of_columns_does_not_matter(rng, estimate, scale):
    x = rng.normal(size=300)
    y = x + rng.normal(size=300)
    assert estimate(scale * x, y) == pytest.approx(estimate(x, y), abs=1e-9)


def test_no_shrinkage_of_columns_that_depend_on_each_other():
    x, y = bivariate(100, 0.6)
    twice = np.column_stack([x, x])
    assert gaussian_mi(twice, y, shrinkage=0.0) == pytest.approx(gaussian_mi(x, y))
    assert gaussian_mi(twice, twice, shrinkage=0.0) == np.inf
