"""Symmetries of mutual information, through the public layer, on data drawn by Hypothesis."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skmist import MISTEstimator, MISTScore

examples = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
seeds = st.integers(0, 2**32 - 1)
close = {"rtol": 1e-4, "atol": 1e-5}


@st.composite
def samples(draw, kinds=("continuous", "rounded", "mixed")):
    """Draw X and y of a few columns, dependent or not, with or without ties."""
    n, dx, dy = draw(st.integers(8, 60)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    kind = draw(st.sampled_from(kinds))
    rng = np.random.default_rng(draw(seeds))
    X = rng.normal(size=(n, dx))
    Y = rng.normal(size=(n, dy)) + draw(st.sampled_from([0, 1, 5])) * X[:, :1]
    if kind == "rounded":
        X, Y = np.round(X, 1), np.round(Y, 1)
    elif kind == "mixed":
        Y[:, 0] = np.digitize(Y[:, 0], [-0.5, 0.5])
    return X, Y, rng


def estimate(checkpoint, X, Y, **options):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some samples are constant or perfectly dependent
        return MISTEstimator(checkpoint=checkpoint, **options).fit(X, Y)


def assert_same(a, b):
    assert_allclose(a.mi_, b.mi_, **close)
    assert_allclose(a.quantiles_, b.quantiles_, **close)
    assert a.in_domain_ == b.in_domain_


@examples
@given(samples())
def test_order_of_samples(checkpoint, sample):
    X, Y, rng = sample
    order = rng.permutation(len(X))
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, X[order], Y[order]))


@examples
@given(samples())
def test_order_of_columns(checkpoint, sample):
    X, Y, rng = sample
    X2, Y2 = X[:, rng.permutation(X.shape[1])], Y[:, rng.permutation(Y.shape[1])]
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, X2, Y2))


@examples
@given(samples())
def test_swap(checkpoint, sample):
    X, Y, _ = sample
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, Y, X))


def test_swap_with_pairs_that_share_nothing(checkpoint):
    for seed in range(100, 112):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1000, 3000))
        X = rng.normal(size=(n, 3))
        Y = np.stack([X[:, 0] * X[:, 1], X[:, 2] ** 2], 1) + 0.3 * rng.normal(size=(n, 2))
        both = [estimate(checkpoint, *sides).mi_ for sides in ((X, Y), (Y, X))]
        assert_allclose(*both, rtol=1e-4)


def test_swap_beside_all_indicators_of_a_category(checkpoint):
    for seed in (0, 2, 4, 5):
        rng = np.random.default_rng(seed)
        w = rng.normal(size=1000)
        X = np.stack([w + rng.normal(size=1000), rng.normal(size=1000)], 1)
        edges = np.linspace(-4, 4, 5)[1:-1]  # both outer categories are rare
        codes = np.digitize(rng.normal(size=1000) + w, edges)
        Y = np.column_stack([rng.normal(size=1000) + w, np.eye(4)[codes]])
        both = [estimate(checkpoint, *sides).mi_ for sides in ((X, Y), (Y, X))]
        assert_allclose(*both, rtol=5e-5)


@examples
@given(samples(("continuous",)), st.sampled_from([np.sinh, np.cbrt, lambda v: 1e3 * v + 7]))
def test_increasing_maps_of_columns(checkpoint, sample, f):
    X, Y, _ = sample
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, f(X), f(Y)))


@examples
@given(samples())
def test_sign_flips(checkpoint, sample):
    X, Y, rng = sample
    signs = rng.choice([-1.0, 1.0], X.shape[1])
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, X * signs, Y))


@examples
@given(st.integers(2, 8), st.integers(20, 80), seeds)
def test_names_of_categories(checkpoint, k, n, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    X = rng.normal(size=(n, 2)) + codes[:, None]
    plain = estimate(checkpoint, X, codes, y_type="category")
    numbers = estimate(checkpoint, X, rng.permutation(50)[:k][codes], y_type="category")
    names = estimate(checkpoint, X, np.array(list("rbkxqazt"))[rng.permutation(8)][codes])
    assert_same(plain, numbers)
    assert_same(plain, names)


@examples
@given(st.integers(2, 8), st.integers(20, 80), seeds)
def test_numbers_of_classes(checkpoint, k, n, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    X = rng.normal(size=(n, 2)) + codes[:, None]
    assert_same(estimate(checkpoint, X, codes), estimate(checkpoint, X, rng.permutation(k)[codes]))


@examples
@given(samples())
def test_dtypes(checkpoint, sample):
    X, Y, _ = sample
    X, Y = X.astype(np.float32), Y.astype(np.float32)
    wide = X.astype(np.float64), Y.astype(np.float64)
    assert_same(estimate(checkpoint, X, Y), estimate(checkpoint, *wide))
    assert_same(estimate(checkpoint, np.asfortranarray(X), Y), estimate(checkpoint, *wide))


@examples
@given(samples(), st.integers(1, 20))
def test_one_or_many_at_a_time(checkpoint, sample, copies):
    X, Y, _ = sample
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = MISTScore(checkpoint=checkpoint)
        many, one = score(np.hstack([X] * copies), Y), score(X, Y)
    assert_allclose(many, np.tile(one, copies), **close)


@examples
@given(samples())
def test_quantiles_are_ordered_and_not_negative(checkpoint, sample):
    X, Y, _ = sample
    fitted = estimate(checkpoint, X, Y)
    assert (fitted.quantiles_ >= 0).all()
    assert (np.diff(fitted.quantiles_) >= 0).all()
    assert 0 <= fitted.interval_[0] <= fitted.interval_[1]
    assert np.isfinite(fitted.mi_)


@examples
@given(st.integers(2, 12), st.integers(8, 60), seeds)
def test_entropy_is_an_upper_bound(checkpoint, k, n, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    X = np.c_[codes + 0.01 * rng.normal(size=n), rng.normal(size=n)]
    p = np.bincount(codes) / n
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    fitted = estimate(checkpoint, X, codes, y_type="category")
    assert fitted.mi_ <= entropy + 1e-9
    middle = len(fitted.quantiles_) // 2
    assert fitted.quantiles_[middle] <= entropy + 1e-9
    occur = np.bincount(codes)
    if occur[occur > 0].min() > 1:
        assert fitted.quantiles_.max() <= np.log((occur > 0).sum()) + 1e-9
    assert_allclose(
        estimate(checkpoint, codes[:, None], codes, x_types="category", y_type="category").mi_,
        entropy,
        atol=1e-12,
    )


def test_order_of_samples_with_labels_that_occur_once(checkpoint):
    """Such labels can be exchanged together with their rows, whatever the order of these."""
    rng = np.random.default_rng(5)
    n = 50
    names = np.array([f"a{i}" for i in np.r_[np.arange(12), rng.integers(12, 18, n - 12)]])
    X = np.column_stack([names.astype(object), (rng.random(n) < 0.5).astype(float)])
    y = rng.integers(0, 11, n).astype(float)
    estimator = MISTEstimator(checkpoint=checkpoint, y_type="ordinal")
    orders = [rng.permutation(n) for _ in range(5)]
    values = {estimator.score(X[order], y[order]) for order in orders}
    assert np.ptp(list(values)) <= 1e-9
