"""Awkward data get a clear answer: an error, a warning with the reason, or a right number."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skmist import (
    MISTEstimator,
    MISTFeatureSelector,
    MISTScore,
    OutOfDomainWarning,
    mutual_info,
)
from skmist._encoding import plugin_entropy


@pytest.fixture(params=["fit", "score", "MISTScore", "selector", "mutual_info"])
def call(request, checkpoint):
    """Return each public way to ask, as a function of X, y and options."""

    def ask(X, y, **options):
        options["checkpoint"] = checkpoint
        if request.param == "fit":
            return MISTEstimator(**options).fit(X, y).mi_
        if request.param == "score":
            return MISTEstimator(**options).score(X, y)
        if request.param == "MISTScore":
            return MISTScore(**options)(X, y)
        if request.param == "selector":
            return MISTFeatureSelector(**options).fit(X, y).scores_
        return float(mutual_info(X, y, **options))

    return ask


def with_value(values, value):
    values = np.array(values, dtype=float)
    values[3] = value
    return values


BAD = [
    (lambda X, y: (with_value(X, np.nan), y), ValueError, "Input X contains NaN"),
    (lambda X, y: (X, with_value(y, np.nan)), ValueError, "Input y contains NaN"),
    (lambda X, y: (with_value(X, np.inf), y), ValueError, "Input X contains infinity"),
    (lambda X, y: (X, with_value(y, -np.inf)), ValueError, "Input y contains infinity"),
    (lambda X, y: (X[:1], y[:1]), ValueError, "1 sample .* minimum of 8 is required"),
    (lambda X, y: (X[:5], y[:5]), ValueError, "5 samples .* minimum of 8 is required"),
    (lambda X, y: (X[:0], y[:0]), ValueError, "0 samples .* minimum of 8 is required"),
    (lambda X, y: (X, y[:-1]), ValueError, "X has 120, y has 119"),
    (
        lambda X, y: (X[:, :, None], y),
        ValueError,
        r"2D array .* got 3D array of shape \(120, 4, 1\)",
    ),
    (lambda X, y: (X, y[:, None, None]), ValueError, r"got 3D array of shape \(120, 1, 1\)"),
    (lambda X, y: (X + 1j, y), ValueError, "Complex data not supported.* got dtype complex128"),
    (lambda X, y: (X, y + 1j), ValueError, "Complex data not supported"),
    (lambda X, y: (X, None), ValueError, "requires y to be passed, but"),
    (lambda X, y: (X[:, :0], y), ValueError, r"0 feature\(s\)"),
    (lambda X, y: ([[{"a": 1}]] * 120, y), TypeError, "value of type dict"),
    (lambda X, y: (X, [{"a": 1}] * 120), TypeError, "value of type dict"),
]


@pytest.mark.parametrize(("change", "error", "text"), BAD)
def test_bad_input_is_a_one_line_error(call, data, change, error, text):
    with pytest.raises(error, match=text) as caught:
        call(*change(*data))
    assert "\n" not in str(caught.value)


def test_constant_columns(call, data):
    X, y = data
    X = X.copy()
    X[:, 2] = 7.0
    with pytest.warns(UserWarning, match="'x2' of X is constant: .* is 0"):
        found = call(X, y)
    if np.ndim(found):
        assert found[2] == 0
    else:
        assert_allclose(found, call(X[:, [0, 1, 3]], y), rtol=1e-5)


@pytest.mark.parametrize("constant", [0.0, True, "same"])
def test_constant_target(call, data, constant):
    X, _ = data
    with pytest.warns(UserWarning, match="y is constant"):
        found = call(X, np.full(120, constant))
    assert_array_equal(found, 0)


def test_everything_constant(call):
    with pytest.warns(UserWarning, match="constant"):
        assert_array_equal(call(np.ones((20, 3)), np.ones(20)), 0)


def test_a_column_becomes_constant_when_rows_are_dropped(call, data):
    X, y = data
    X = X[:, :1].copy()
    X[:] = 1.0
    X[60:] = np.nan
    with pytest.warns(UserWarning, match="constant"):
        assert_array_equal(call(X, y, missing="pairwise"), 0)


def test_strings(call, data, rng):
    _, y = data
    frame = pd.DataFrame({"city": rng.choice(["Bern", "Oslo", "Rome"], 120)})
    as_category = call(frame.astype("category"), y)
    assert_allclose(call(frame, y), as_category, rtol=1e-5)
    assert_allclose(call(frame.to_numpy(), y), as_category, rtol=1e-5)
    assert_allclose(call(frame.to_numpy().astype(str), y), as_category, rtol=1e-5)


@pytest.mark.parametrize("levels", [2, 3, 7, 15])
@pytest.mark.parametrize("names", [False, True])
def test_a_discrete_variable_shares_its_entropy_with_itself(call, rng, levels, names):
    codes = np.r_[np.arange(levels), rng.integers(0, levels, 100)]
    p = np.bincount(codes) / len(codes)
    entropy = -(p * np.log(p)).sum()
    labels = np.array([f"n{(5 * k) % 17}" for k in range(levels)])
    other = labels[codes] if names else codes
    assert_allclose(call(codes[:, None], other), entropy, rtol=1e-12)


def test_no_estimate_exceeds_the_entropy_of_a_discrete_side(call, rng):
    x = rng.normal(size=(200, 1))
    rare = (x[:, 0] > 1.8).astype(int)
    p = rare.mean()
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert np.all(np.asarray(call(x, rare)) <= entropy + 1e-9)
    assert np.all(np.asarray(call(x, rare, point=0.99)) <= entropy + 1e-9)
    assert np.all(np.asarray(call(rare[:, None], x)) <= entropy + 1e-9)


def test_intervals_respect_the_entropy_too(rng):
    x = rng.normal(size=(100, 1))
    fitted = MISTEstimator().fit(x, x[:, 0] > 0)
    assert fitted.quantiles_.max() <= np.log(2) + 1e-9
    assert fitted.interval_[1] <= np.log(2) + 1e-9
    assert fitted.mi_ > 0.4


@pytest.mark.parametrize("f", [lambda x: x, np.exp, lambda x: -(x**3)])
def test_perfect_dependence(call, rng, f):
    x = rng.normal(size=(100, 1))
    with pytest.warns(OutOfDomainWarning, match="determines the other exactly"):
        found = call(x, f(x[:, 0]))
    assert np.isfinite(found).all()


def test_the_interval_of_a_perfect_dependence_is_open(rng):
    x = rng.normal(size=(300, 2))
    with pytest.warns(OutOfDomainWarning, match="determines the other exactly"):
        fitted = MISTEstimator().fit(x, x[:, 0])
    assert np.isfinite(fitted.mi_)
    assert fitted.mi_ > 1
    assert fitted.interval_[1] == np.inf
    assert fitted.in_domain_ is False


def test_very_many_columns_jointly(rng):
    with pytest.warns(OutOfDomainWarning, match=r"200 \+ 1 columns"):
        fitted = MISTEstimator().fit(rng.normal(size=(300, 200)), rng.normal(size=300))
    assert np.isfinite(fitted.mi_)
    assert not fitted.in_domain_
    with pytest.raises(ValueError, match=r"at most 1000 columns jointly .* got 3000 \+ 1"):
        MISTEstimator().fit(rng.normal(size=(20, 3000)), rng.normal(size=20))


def test_dependence_beyond_training_has_no_upper_end(rng):
    x = rng.normal(size=500)
    for y in (x + 1e-4 * rng.normal(size=500), x**2):
        with pytest.warns(OutOfDomainWarning, match="hardly trained beyond"):
            fitted = MISTEstimator().fit(x[:, None], y)
        assert np.isfinite(fitted.mi_) and fitted.mi_ > 3
        assert 0 < fitted.interval_[0] < fitted.interval_[1] == np.inf


def test_very_many_rows(rng):
    x = rng.normal(size=(120_000, 1))
    with pytest.warns(OutOfDomainWarning, match="120000 samples, trained on"):
        fitted = MISTEstimator().fit(x, 0.6 * x[:, 0] + 0.8 * rng.normal(size=120_000))
    assert fitted.n_samples_used_ == 120_000
    assert abs(fitted.mi_ + 0.5 * np.log(1 - 0.36)) < 0.1


def test_more_cells_than_fit_into_the_memory(rng, monkeypatch, checkpoint):
    monkeypatch.setattr("skmist._domain.MAX_CELLS", 300)
    X, y = rng.normal(size=(120, 4)), rng.normal(size=120)
    with pytest.warns(OutOfDomainWarning, match="only 60 of 120 samples fit into the memory"):
        fitted = MISTEstimator(checkpoint=checkpoint).fit(X, y)
    assert fitted.n_samples_used_ == 60
    order = rng.permutation(120)
    with pytest.warns(OutOfDomainWarning):
        again = MISTEstimator(checkpoint=checkpoint).score(X[order], y[order])
    assert_allclose(again, fitted.mi_, rtol=1e-4)


def test_what_grouped_categories_hide_has_room_in_the_interval():
    codes = np.random.default_rng(0).integers(0, 300, 900)
    with pytest.warns(OutOfDomainWarning, match="categories, of which the 127 most frequent"):
        found = mutual_info(codes.astype(str), (codes % 4).astype(str))
    truth = plugin_entropy(codes % 4)
    assert found.interval[0] < found.value < truth
    assert truth <= found.interval[1] <= np.log(4) + 1e-9
    assert not found.in_domain


def test_labels_that_occur_once(call, data):
    _, y = data
    names = pd.DataFrame({"id": [f"id{k}" for k in range(120)]})
    with pytest.warns(OutOfDomainWarning, match="occur once"):
        assert np.isfinite(call(names, y)).all()


def test_values_near_the_largest_float(data, checkpoint):
    X, y = data
    estimator = MISTEstimator(checkpoint=checkpoint)
    large = X / np.abs(X).max() * 1.7e308
    assert estimator.score(large, y) == estimator.score(X, y)


def test_one_warning_for_all_features_of_one_reason(rng, checkpoint):
    y = rng.normal(size=100_100)
    X = np.c_[y, y, y] + rng.normal(size=(100_100, 3))
    for j in range(3):
        X[: j + 1, j] = np.nan
    with pytest.warns(OutOfDomainWarning, match="All features lie outside") as caught:
        MISTScore(missing="pairwise", checkpoint=checkpoint)(X, y)
    assert len([w for w in caught if "samples, trained on" in str(w.message)]) == 1


def test_features_outside_are_named(data, checkpoint):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcd")).assign(copy=np.exp(y))
    with pytest.warns(OutOfDomainWarning, match=r"1 of 5 features \('copy'\) lie outside"):
        fitted = MISTFeatureSelector(checkpoint=checkpoint).fit(frame, y)
    assert_array_equal(fitted.in_domain_, [True] * 4 + [False])
    assert fitted.ranking_[4] >= 1


def test_inputs_are_not_changed(call, data):
    X, y = data
    before = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    call(X, y)
    assert_array_equal(X, before[0])
    assert_array_equal(y, before[1])


def test_integers_flags_and_floats_of_one_value_are_one_column(call, data):
    _, y = data
    flag = y > 0
    found = [call(v[:, None], y) for v in (flag, flag.astype(int), flag * 2.5, flag.astype("f4"))]
    assert_allclose(found, [found[0]] * 4, rtol=1e-12)


def test_complex_sparse_matrices_are_told_in_one_line(rng):
    X = sp.csr_array(rng.normal(size=(20, 2)).astype(complex))
    with pytest.raises(ValueError, match=r"expected real numbers in X, got dtype complex128\.$"):
        MISTEstimator().score(X, rng.normal(size=20))


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(float).max, reason="same type")
def test_numbers_beyond_double_precision_are_infinite(rng):
    x = rng.normal(size=(30, 1)).astype(np.longdouble)
    x[0] = np.longdouble("1e4000")
    with pytest.raises(ValueError, match="contains infinity"):
        MISTEstimator().score(x, rng.normal(size=30))
    with pytest.raises(ValueError, match="beyond 1.8e308"):
        MISTEstimator().score(np.array([[10**400], [0.5]] * 10, dtype=object), np.arange(20.0))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="no wider type here")
def test_frames_of_a_wider_type(rng):
    x = rng.normal(size=100).astype(np.longdouble)
    frame = pd.DataFrame({"x": x})
    assert float(mutual_info(frame, x.astype(float))) == float(mutual_info(x, x.astype(float)))
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="contains infinity"):
        mutual_info(frame * np.longdouble("1e1000"), x.astype(float))
