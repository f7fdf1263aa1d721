"""MISTEstimator: attributes, options, checks against a fit, pickles, known values."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError

from skmist import MISTEstimator, MISTScore, OutOfDomainWarning


@pytest.fixture
def estimator(checkpoint):
    return MISTEstimator(checkpoint=checkpoint)


def test_attributes(estimator, data):
    X, y = data
    assert estimator.fit(X, y) is estimator
    assert type(estimator.mi_) is float
    assert estimator.interval_.shape == (2,)
    assert estimator.quantiles_.shape == estimator.quantile_levels_.shape
    assert (np.diff(estimator.quantiles_) >= 0).all()
    assert (np.diff(estimator.quantile_levels_) > 0).all()
    assert estimator.n_features_in_ == 4
    assert list(estimator.feature_types_) == ["continuous"] * 4
    assert list(estimator.target_types_) == ["continuous"]
    assert estimator.n_samples_used_ == 120
    assert estimator.in_domain_ is True
    assert not hasattr(estimator, "feature_names_in_")
    assert not hasattr(estimator, "pvalue_")
    assert not hasattr(estimator, "predict")


def test_score_without_fit_is_what_fit_finds(estimator, data):
    X, y = data
    score = estimator.score(X, y)
    assert type(score) is float
    assert not hasattr(estimator, "n_features_in_")
    assert estimator.fit(X, y).mi_ == score == estimator.score(X, y)


def test_both_sides_may_be_matrices(estimator, data, rng):
    X, _ = data
    Y = np.c_[X[:, :2] + rng.normal(size=(120, 2)), rng.normal(size=(120, 3))]
    estimator.fit(X, Y)
    assert len(estimator.target_types_) == 5
    assert_allclose(MISTEstimator(checkpoint=estimator.checkpoint).score(Y, X), estimator.mi_, 1e-4)


def test_point_interval_and_quantiles_agree(data, checkpoint):
    X, y = data
    fitted = MISTEstimator(level=0.5, checkpoint=checkpoint).fit(X, y)
    assert_allclose(fitted.mi_, fitted.quantile(0.5), atol=1e-6)
    mean = MISTEstimator(point="mean", checkpoint=checkpoint).fit(X, y)
    assert_allclose(mean.mi_, np.mean(mean.quantile(np.linspace(0, 1, 20_001))), rtol=1e-3)
    assert_allclose(fitted.interval_, fitted.quantile([0.25, 0.75]))
    assert_allclose(fitted.quantile(fitted.quantile_levels_), fitted.quantiles_)
    assert fitted.quantile([[0.1], [0.2]]).shape == (2, 1)
    low = MISTEstimator(point=0.1, checkpoint=checkpoint).fit(X, y)
    assert_allclose(low.mi_, fitted.quantile(0.1))
    assert low.mi_ <= fitted.mi_
    wider = MISTEstimator(level=0.95, checkpoint=checkpoint).fit(X, y).interval_
    assert wider[0] <= fitted.interval_[0] < fitted.interval_[1] <= wider[1]


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, [0.5, 2.0]])
def test_levels_of_quantiles_are_checked(estimator, data, p):
    with pytest.raises(NotFittedError):
        estimator.quantile(0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        estimator.fit(*data).quantile(p)


def test_bits(data, checkpoint):
    nats = MISTEstimator(checkpoint=checkpoint).fit(*data)
    bits = MISTEstimator(units="bits", checkpoint=checkpoint).fit(*data)
    for name in ("mi_", "interval_", "quantiles_"):
        assert_allclose(getattr(bits, name) * np.log(2), getattr(nats, name))


def test_pvalue(data, checkpoint):
    options = {"pvalue": True, "n_permutations": 9, "checkpoint": checkpoint}
    first = MISTEstimator(**options).fit(*data)
    assert 0.1 - 1e-9 <= first.pvalue_ <= 1
    assert MISTEstimator(**options).fit(*data).pvalue_ == first.pvalue_
    generator = np.random.RandomState(0)
    assert MISTEstimator(random_state=generator, **options).fit(*data).pvalue_ == first.pvalue_


def test_a_fitted_estimator_checks_number_and_names_of_features(estimator, data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator.fit(frame, y)
    assert_array_equal(estimator.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="X has 3 features, but MISTEstimator is expecting 4"):
        estimator.score(X[:, :3], y)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.score(frame.rename(columns={"a": "z"}), y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        estimator.score(X, y)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_give_the_same_number_as_arrays(estimator, data, frame):
    X, y = data
    named = frame({f"c{j}": X[:, j] for j in range(4)})
    target = frame({"t": y})
    assert estimator.score(named, target["t"]) == estimator.score(X, y)
    assert estimator.score(named, target) == estimator.score(X, y)
    assert list(estimator.fit(named, target).feature_names_in_) == ["c0", "c1", "c2", "c3"]


def test_refit_forgets(estimator, data, checkpoint):
    X, y = data
    estimator.fit(pd.DataFrame(X, columns=list("abcd")), y)
    estimator.fit(X[:, :2], y)
    assert estimator.n_features_in_ == 2
    assert not hasattr(estimator, "feature_names_in_")
    estimator.set_params(pvalue=True, n_permutations=5).fit(X, y)
    estimator.set_params(pvalue=False).fit(X, y)
    assert not hasattr(estimator, "pvalue_")


def test_neither_pickles_nor_clones_hold_weights(estimator, data):
    estimator.fit(*data)
    blob = pickle.dumps(estimator)
    assert len(blob) < 5000
    again = pickle.loads(blob)
    assert again.mi_ == estimator.mi_
    assert again.score(*data) == estimator.mi_
    assert clone(estimator).get_params() == estimator.get_params()
    assert not any(isinstance(v, torch.nn.Module) for v in vars(estimator).values())


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_any_joblib_backend(estimator, data, backend, checkpoint):
    X, y = data
    expected = [estimator.score(X[:, [j]], y) for j in range(3)]
    calls = (delayed(estimator.score)(X[:, [j]], y) for j in range(3))
    assert_allclose(Parallel(n_jobs=2, backend=backend)(calls), expected, rtol=1e-5)
    with parallel_config(backend=backend):  # processes in which the package runs its batches
        frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "u", "v")})
        found = MISTScore(checkpoint=checkpoint, n_jobs=2)(frame, y)
    assert_allclose(found, MISTScore(checkpoint=checkpoint)(frame, y), rtol=1e-5)


def test_missing_values(estimator, data, checkpoint):
    X, y = data
    X, y = X.copy(), y.copy()
    X[3, 1] = X[5, 0] = y[7] = np.nan
    keep = ~np.isnan(np.c_[X, y]).any(axis=1)
    dropping = MISTEstimator(missing="pairwise", checkpoint=checkpoint).fit(X, y)
    assert dropping.n_samples_used_ == 117
    assert dropping.mi_ == estimator.score(X[keep], y[keep])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        estimator.fit(X, y)
    X[:113] = np.nan
    with pytest.raises(ValueError, match="7 samples without a missing value .* minimum of 8"):
        dropping.fit(X, y)


def test_types(data, checkpoint, rng):
    X, y = data
    frame = pd.DataFrame(X[:, :1], columns=["x"]).assign(
        city=rng.choice(["a", "b", "c"], 120), rooms=rng.integers(1, 5, 120)
    )
    fitted = MISTEstimator(checkpoint=checkpoint).fit(frame, y > 0)
    assert list(fitted.feature_types_) == ["continuous", "category", "discrete"]
    assert list(fitted.target_types_) == ["discrete"]
    chosen = MISTEstimator(x_types={"rooms": "category"}, checkpoint=checkpoint).fit(frame, y)
    assert list(chosen.feature_types_) == ["continuous", "category", "category"]


@pytest.mark.parametrize("name", ["fit", "score"])
@pytest.mark.parametrize(
    "params",
    [
        {"units": "hartley"},
        {"missing": "drop"},
        {"point": "mode"},
        {"point": 1.0},
        {"level": 0},
        {"level": 0.995},
        {"n_permutations": 0},
        {"x_types": "nominal"},
        {"pvalue": "yes"},
    ],
)
def test_parameters_are_checked_when_used(data, params, name):
    estimator = MISTEstimator(**params)
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of MISTEstimator"):
        getattr(estimator, name)(*data)


def test_warnings_point_at_the_caller(estimator, data):
    X, y = data
    for call in (estimator.fit, estimator.score):
        with pytest.warns(OutOfDomainWarning) as caught:
            call(np.c_[X, y], y)
        assert [w.filename for w in caught] == [__file__]


# with the released weights


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_bivariate_normal(rng, rho):
    truth = -0.5 * np.log(1 - rho**2)
    estimator = MISTEstimator()
    errors, inside = [], 0
    for _ in range(10):
        x = rng.normal(size=500)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=500)
        estimator.fit(x[:, None], y)
        errors.append(estimator.mi_ - truth)
        inside += estimator.interval_[0] <= truth <= estimator.interval_[1]
    assert abs(np.mean(errors)) <= max(0.04, 0.08 * truth)
    assert inside >= 6


def test_linear_maps_and_pairs_side_by_side(rng):
    """Half the logarithm of the determinant of identity plus signal over noise."""
    for mixing in (2 * np.eye(4), rng.normal(size=(6, 6)) / np.sqrt(6)):
        d = len(mixing)
        truth = 0.5 * np.linalg.slogdet(np.eye(d) + mixing @ mixing.T)[1]
        X = rng.normal(size=(1000, d))
        estimator = MISTEstimator().fit(X, X @ mixing.T + rng.normal(size=(1000, d)))
        assert estimator.mi_ == pytest.approx(truth, rel=0.06)
        assert np.diff(estimator.interval_) < 0.3 * truth


def test_irrelevant_columns_change_little(rng):
    X = rng.normal(size=(500, 6))
    y = X[:, 0] + rng.normal(size=500)
    alone, together = MISTEstimator().score(X[:, :1], y), MISTEstimator().score(X, y)
    assert abs(alone - together) < 0.1


def test_diabetes():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    fitted = MISTEstimator().fit(X, y)
    assert fitted.in_domain_
    assert 0.2 < fitted.mi_ < 0.8
    assert fitted.mi_ > MISTEstimator().score(X[["bmi"]], y)


def test_enums_of_polars_are_ordinal(checkpoint, rng):
    order = ["small", "medium", "large"]
    size = rng.integers(3, size=60)
    table = {"size": [order[k] for k in size], "x": size + rng.normal(size=60)}
    frame = pl.DataFrame(table, schema_overrides={"size": pl.Enum(order)})
    pandas = pd.DataFrame(table).astype({"size": pd.CategoricalDtype(order, ordered=True)})
    estimator = MISTEstimator(checkpoint=checkpoint)
    found, expected = (
        estimator.score(frame[["size"]], frame["x"]),
        estimator.score(pandas[["size"]], pandas["x"]),
    )
    assert found == expected
    assert found != estimator.score(frame[["size"]].cast(pl.Categorical), frame["x"])
    assert list(estimator.fit(frame, frame["size"]).feature_types_) == ["ordinal", "continuous"]
    assert list(estimator.target_types_) == ["ordinal"]


def test_the_estimate_lies_within_its_interval(rng):
    bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (2500, 1))
    pairs = [(bits[:, :1], bits[:, 1]), (rng.normal(size=(2000, 1)), rng.normal(size=2000))]
    for X, y in pairs:
        for level in (0.1, 0.5, 0.9):
            fitted = MISTEstimator(level=level).fit(X, y)
            assert fitted.interval_[0] <= fitted.mi_ <= fitted.interval_[1]
