"""Searches for sets of features: redundancy, interactions, stopping, paths, real tables."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import false_discovery_control

from skmist import MISTFeatureSelector, OutOfDomainWarning, mutual_info, mutual_info_matrix
from skmist._selection import search
from skmist._selection.testing import benjamini_hochberg

SEARCHES = ["mrmr", "jmi", "joint"]


def chosen(X, y, **params):
    return list(MISTFeatureSelector(**params).fit(X, y).get_support(indices=True))


@pytest.fixture
def redundant(rng):
    """Return X with copies of informative columns beside weaker and useless ones, and y."""
    a, b, noise = rng.normal(size=(3, 300))
    y = a + 0.7 * b + 0.5 * rng.normal(size=300)
    return np.c_[a, np.exp(a), -3 * a, b, b**3, noise], y


def test_backward_search_says_where_gaps_end_it(rng, checkpoint):
    X = rng.normal(size=(60, 8))
    X[rng.random(X.shape) < 0.5] = np.nan
    params = {"strategy": "joint", "direction": "backward", "n_features_to_select": 3}
    fitted = MISTFeatureSelector(missing="pairwise", checkpoint=checkpoint, **params)
    with pytest.warns(UserWarning, match="The search ends with 8 features: too few samples"):
        fitted.fit(X, rng.normal(size=60))
    assert fitted.support_.all()


@pytest.mark.parametrize("strategy", SEARCHES)
def test_copies_are_chosen_last(redundant, strategy):
    X, y = redundant
    fitted = MISTFeatureSelector(strategy=strategy, n_features_to_select=3).fit(X, y)
    assert_array_equal(fitted.get_support(indices=True), [0, 3, 5])
    assert_array_equal(fitted.ranking_[[0, 3, 5]], [1, 2, 3])
    more = MISTFeatureSelector(strategy=strategy, n_features_to_select=5).fit(X, y)
    assert more.support_.sum() == 5
    assert more.support_[[0, 3, 5]].all()
    assert_array_equal(more.path_["gain"][3:], 0)


def test_copies_are_left_out_first_going_backward(redundant):
    X, y = redundant
    params = {"strategy": "joint", "direction": "backward"}
    assert chosen(X, y, n_features_to_select=3, **params) == [0, 3, 5]
    fitted = MISTFeatureSelector(n_features_to_select=2, **params).fit(X, y)
    assert list(fitted.get_support(indices=True)) == [0, 3]
    assert list(fitted.path_["feature"]) == [5]
    assert sorted(fitted.ranking_) == [1, 2, 3, 4, 5, 6]
    auto = MISTFeatureSelector(n_features_to_select="auto", level=0.75, **params).fit(X, y)
    assert auto.support_[[0, 3]].all()


@pytest.mark.parametrize("strategy", SEARCHES)
def test_relabelled_copies_are_copies(rng, strategy):
    city = rng.choice(["u", "v", "w"], 200)
    other = rng.normal(size=200)
    y = (city == "u") + 0.3 * other + 0.3 * rng.normal(size=200)
    frame = pd.DataFrame({"city": city, "code": pd.Series(city).map({"u": 7, "v": 1, "w": 3})})
    frame["other"] = other
    assert chosen(frame, y, strategy=strategy, n_features_to_select=2) == [0, 2]


def test_coarser_columns_are_no_copies(rng):
    fine = rng.normal(size=300)
    y = fine + 0.1 * rng.normal(size=300)
    assert chosen(np.c_[np.round(fine), fine], y, strategy="joint", n_features_to_select=1) == [1]


def test_joint_finds_an_exclusive_or(rng):
    X = rng.integers(0, 2, size=(300, 10))
    y = X[:, 3] ^ X[:, 8]
    fitted = MISTFeatureSelector(strategy="joint", n_features_to_select=2).fit(X, y)
    assert_array_equal(fitted.get_support(indices=True), [3, 8])
    assert fitted.path_["mi"][1] > 0.6
    assert fitted.path_["gain"].sum() == pytest.approx(fitted.path_["mi"][1], abs=1e-4)
    assert chosen(X, y, n_features_to_select=2) != [3, 8]


@pytest.mark.parametrize("strategy", ["relevance", *SEARCHES])
def test_auto_keeps_what_is_informative_and_nothing_of_noise(rng, strategy):
    X = rng.normal(size=(150, 5))
    y = X[:, 1] + X[:, 4] + 0.4 * rng.normal(size=150)
    auto = MISTFeatureSelector(strategy=strategy, n_features_to_select="auto", level=0.75)
    assert auto.fit(X, y).support_[[1, 4]].all()
    assert auto.support_.sum() <= 4
    kept = [auto.fit(X, rng.normal(size=150)).support_.sum() for _ in range(2)]
    assert min(kept) == 0


@pytest.mark.parametrize("strategy", SEARCHES)
def test_threshold_is_the_smallest_gain(data, strategy):
    X, y = data
    fitted = MISTFeatureSelector(strategy=strategy, threshold=0.05).fit(X, y)
    assert (fitted.path_["gain"] >= 0.05).all()
    assert chosen(X, y, strategy=strategy, threshold=0.05, n_features_to_select=1) in ([0], [1])
    assert chosen(X, y, strategy=strategy, threshold=50.0) == []


def test_alpha_controls_false_discoveries(rng):
    X = rng.normal(size=(100, 10))
    y = X[:, 2] - X[:, 7] + 0.5 * rng.normal(size=100)
    params = {"alpha": 0.1, "n_permutations": 19}
    fitted = MISTFeatureSelector(**params).fit(X, y)
    assert fitted.support_[[2, 7]].all()
    assert_array_equal(fitted.support_, false_discovery_control(fitted.pvalues_) <= 0.1)
    search = MISTFeatureSelector(strategy="mrmr", n_features_to_select=8, **params).fit(X, y)
    assert_array_equal(search.support_, fitted.support_)
    assert sorted(search.ranking_) == list(range(1, 11))
    params["alpha"] = 1e-30  # below every p-value of so few rows
    nothing = MISTFeatureSelector(strategy="jmi", **params).fit(X, y)
    assert len(nothing.path_) == nothing.support_.sum() == 0


def test_too_few_permutations_for_a_discovery_are_warned_of(rng, checkpoint):
    X = rng.integers(0, 5, size=(100, 30)).astype(float)
    y = (X[:, 0] > 2).astype(int)
    params = {"alpha": 0.05, "checkpoint": checkpoint}
    with pytest.warns(UserWarning, match="takes 600 permutations"):
        fitted = MISTFeatureSelector(n_permutations=19, **params).fit(X, y)
    assert not fitted.support_.any()
    assert fitted.pvalues_.min() == 1 / 20
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        MISTFeatureSelector(n_permutations=600, **params).fit(X[:, 1:3], rng.permutation(y))
    assert MISTFeatureSelector(n_permutations=600, **params).fit(X, y).support_[0]


def test_benjamini_hochberg(rng):
    for p in [
        rng.uniform(size=30) ** 2,
        np.array([0.01, 0.02, 0.03]),
        np.ones(3),
        np.full(4, 0.04),
    ]:
        expected = false_discovery_control(p) <= 0.05 + 1e-12
        assert_array_equal(benjamini_hochberg(p, 0.05), expected)


def test_combinations_that_make_no_sense(data):
    with pytest.raises(ValueError, match='direction="backward" goes with strategy="joint" only'):
        MISTFeatureSelector(strategy="jmi", direction="backward").fit(*data)
    params = {"strategy": "joint", "alpha": 0.1}
    with pytest.raises(ValueError, match='alpha=0.1 does not go with direction="backward"'):
        MISTFeatureSelector(direction="backward", **params).fit(*data)
    with pytest.raises(ValueError, match="pvalues=True tests each feature by itself"):
        MISTFeatureSelector(pvalues=True, **params).fit(*data)
    with pytest.raises(ValueError, match="takes n_permutations=19 or more, got 18"):
        MISTFeatureSelector(n_permutations=18, **params).fit(*data)


@pytest.mark.parametrize("strategy", SEARCHES)
def test_path(data, checkpoint, strategy):
    X, y = data
    fitted = MISTFeatureSelector(
        strategy=strategy, n_features_to_select=3, checkpoint=checkpoint, units="bits"
    ).fit(X, y)
    path = fitted.path_
    assert list(path["step"]) == [1, 2, 3]
    assert_array_equal(fitted.ranking_[path["feature"]], [1, 2, 3])
    assert_array_equal(np.sort(path["feature"]), fitted.get_support(indices=True))
    first = mutual_info(X[:, path["feature"]], y, checkpoint=checkpoint, units="bits")
    assert_allclose(path["mi"][2], float(first), rtol=1e-5)
    assert_allclose([path["low"][2], path["high"][2]], first.interval, atol=1e-5)
    assert path["gain"][0] == pytest.approx(fitted.scores_.max(), rel=1e-5)
    fitted.set_params(strategy="relevance").fit(X, y)
    assert not hasattr(fitted, "path_")


def test_gains_by_hand(data, checkpoint):
    X, y = data

    def mi(columns, target=y):
        return float(mutual_info(X[:, columns], target, checkpoint=checkpoint))

    for strategy in SEARCHES:
        fitted = MISTFeatureSelector(
            strategy=strategy, n_features_to_select=3, checkpoint=checkpoint
        ).fit(X, y)
        a, b, c = fitted.path_["feature"]
        if strategy == "mrmr":
            expected = mi([c]) - (mi([c], X[:, a]) + mi([c], X[:, b])) / 2
        elif strategy == "jmi":
            expected = (mi([a, c]) - mi([a]) + mi([b, c]) - mi([b])) / 2
        else:
            expected = mi([a, b, c]) - mi([a, b])
        assert fitted.path_["gain"][2] == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def mixed(rng):
    """Return a frame of mixed columns, a fifth of the values missing, and the target."""
    n = 400
    x, z = rng.normal(size=(2, n))
    b, s = rng.integers(0, 2, n).astype(bool), rng.choice(["red", "green", "blue"], n)
    y = x + 1.5 * b + 2 * (s == "red") + 0.5 * rng.normal(size=n)
    frame = pd.DataFrame({"x": x, "z": z, "k": rng.integers(0, 4, n).astype(float)})
    frame["b"], frame["s"] = pd.array(b, dtype="boolean"), s
    frame["c"] = pd.Categorical(rng.choice(["lo", "hi"], n))
    for name in frame:
        frame.loc[rng.random(n) < 0.2, name] = None
    return frame, y


@pytest.mark.parametrize("strategy", ["relevance", *SEARCHES])
def test_mixed_table_with_missing_values(mixed, rng, strategy):
    frame, y = mixed
    params = {"strategy": strategy, "missing": "pairwise", "n_features_to_select": 3}
    fitted = MISTFeatureSelector(**params).fit(frame, y)
    assert set(fitted.get_feature_names_out()) == {"x", "b", "s"}
    kinds = ["continuous", "continuous", "discrete", "discrete", "category", "category"]
    assert list(fitted.feature_types_) == kinds
    assert_array_equal(fitted.n_samples_used_, frame.notna().sum())
    order = rng.permutation(frame.shape[1])
    again = MISTFeatureSelector(**params).fit(frame.iloc[:, order].add_prefix("new "), y)
    assert_array_equal(again.ranking_, fitted.ranking_[order])
    polars = pl.DataFrame({k: v.astype(object).where(v.notna(), None).tolist()
                           for k, v in frame.items()})  # fmt: skip
    assert_array_equal(MISTFeatureSelector(**params).fit(polars, y).ranking_, fitted.ranking_)
    out = fitted.set_output(transform="pandas").transform(frame)
    pd.testing.assert_frame_equal(out, frame[out.columns])


@pytest.fixture
def gappy(rng):
    """Return useful columns, one with gaps, noise with gaps, and y: numbers of 300 rows."""
    a, b, c, noise = rng.normal(size=(4, 300))
    y = a + b + c + 0.7 * rng.normal(size=300)
    X = np.c_[a, b, c, noise]
    X[rng.random(300) < 0.3, 2] = np.nan
    X[rng.random(300) < 0.5, 3] = np.nan
    return X, y


def test_gains_are_differences_on_the_same_rows(gappy):
    X, y = gappy

    def mi(columns, rows):
        return float(mutual_info(X[rows][:, columns], y[rows]))

    def gain(more, before):
        both = ~np.isnan(X[:, [more, *before]]).any(axis=1)
        return mi([*before, more], both) - mi(before, both)

    params = {"missing": "pairwise", "n_features_to_select": 4}
    joint = MISTFeatureSelector(strategy="joint", **params).fit(X, y)
    order = list(joint.path_["feature"])
    for step in (1, 2, 3):
        expected = gain(order[step], order[:step])
        assert joint.path_["gain"][step] == pytest.approx(expected, abs=1e-4)
    complete = ~np.isnan(X[:, order]).any(axis=1)
    assert joint.path_["mi"][3] == pytest.approx(mi(order, complete), abs=1e-4)
    jmi = MISTFeatureSelector(strategy="jmi", **params).fit(X, y)
    first, second, third = jmi.path_["feature"][:3]
    expected = np.mean([gain(third, [k]) for k in (first, second)])
    assert jmi.path_["gain"][2] == pytest.approx(expected, abs=1e-4)
    back = MISTFeatureSelector(
        strategy="joint", direction="backward", missing="pairwise", n_features_to_select=3
    ).fit(X, y)
    (step,) = back.path_
    others = [j for j in range(4) if j != step["feature"]]
    assert step["gain"] == pytest.approx(-gain(step["feature"], others), abs=1e-4)
    rows = ~np.isnan(X[:, others]).any(axis=1)
    assert step["mi"] == pytest.approx(mi(others, rows), abs=1e-4)


def test_inverse_transform(redundant):
    X, y = redundant
    fitted = MISTFeatureSelector(strategy="mrmr", n_features_to_select=2).fit(X, y)
    back = fitted.inverse_transform(fitted.transform(X))
    assert_array_equal(back[:, fitted.support_], X[:, fitted.support_])
    assert not back[:, ~fitted.support_].any()


def test_search_ends_where_rows_run_out(rng, checkpoint):
    X = np.full((40, 4), np.nan)
    for j in range(4):
        X[10 * j : 10 * j + 10, j] = rng.normal(size=10)
    selector = MISTFeatureSelector(
        strategy="joint", missing="pairwise", n_features_to_select=3, checkpoint=checkpoint
    )
    with pytest.warns(UserWarning, match="The search ends with 1 features: too few samples"):
        fitted = selector.fit(X, rng.normal(size=40))
    assert fitted.support_.sum() == 1


def test_random_state_matters_only_where_something_is_shuffled(data):
    generator = np.random.RandomState(0)
    before = generator.get_state()[2]
    MISTFeatureSelector(strategy="jmi", random_state=generator).fit(*data)
    assert generator.get_state()[2] == before
    MISTFeatureSelector(n_features_to_select="auto", random_state=generator).fit(*data)
    assert generator.get_state()[2] != before


def test_backward_down_to_one_feature(data):
    X, y = data
    params = {"strategy": "joint", "direction": "backward"}
    fitted = MISTFeatureSelector(n_features_to_select=1, **params).fit(X, y)
    assert fitted.support_.sum() == 1
    assert len(fitted.path_) == 3
    assert chosen(X[:, :1], y, n_features_to_select=1, **params) == [0]


def test_no_gain_exceeds_the_entropy_of_a_discrete_feature(rng):
    x, z, c = rng.integers(0, 2, 300), *rng.normal(size=(2, 300))
    y = np.c_[z + 0.5 * x + 0.01 * rng.normal(size=300), 2.5 * c + rng.normal(size=300)]
    for strategy in ("jmi", "joint"):
        path = (
            MISTFeatureSelector(strategy=strategy, n_features_to_select=3)
            .fit(np.c_[z, x, c], y)
            .path_
        )
        (gain,) = path["gain"][path["feature"] == 1]
        assert 0.3 < gain <= np.log(2)


def test_shuffled_copies_have_their_gaps_where_the_column_has_them(rng):
    n = 400
    k, b, other = rng.normal(size=(3, n))
    some = np.arange(n) < n // 3  # where nearly all of y is told, and noise was measured
    y = k + 0.5 * b + np.where(some, 0.1, 1.5) * rng.normal(size=n)
    X = np.c_[k, b, np.where(some, other, np.nan)]
    params = {"strategy": "joint", "missing": "pairwise", "n_features_to_select": "auto"}
    assert not MISTFeatureSelector(**params).fit(X, y).support_[2]


def test_information_of_very_many_columns_is_not_asked_for(rng, checkpoint, monkeypatch):
    X = pd.DataFrame({f"c{i}": [f"v{k}" for k in rng.integers(0, 26, 150)] for i in range(7)})
    y = rng.normal(size=150)
    params = {"n_features_to_select": 6, "checkpoint": checkpoint}
    monkeypatch.setattr(search, "MAX_WIDTH", 60)
    fitted = MISTFeatureSelector(strategy="mrmr", **params).fit(X, y)
    widths = np.cumsum([X.iloc[:, j].nunique() for j in fitted.path_["feature"]])
    assert_array_equal(np.isnan(fitted.path_["mi"]), widths > 128)
    with pytest.warns(UserWarning, match="Beside 2 features chosen, some others are left out"):
        fitted = MISTFeatureSelector(strategy="joint", **params).fit(X, y)
    assert fitted.support_.sum() == 2


def test_columns_that_are_constant_where_both_are_present_are_no_copies(rng):
    n = 400
    a, b = (rng.random((2, n)) < 0.15).astype(float)
    a[180:220] = b[180:220] = 0
    y = 2 * a + 2 * b + 0.3 * rng.normal(size=n)
    a[220:], b[:180] = np.nan, np.nan
    X = np.c_[a, b, rng.normal(size=n)]
    params = {"strategy": "mrmr", "missing": "pairwise", "n_features_to_select": 2}
    assert chosen(X, y, **params) == [0, 1]


def test_a_constant_target_beside_a_feature_with_gaps_is_warned_of(rng, checkpoint):
    a, other = rng.normal(size=(2, 60))
    y = rng.integers(0, 2, 60)
    y[:30], a[30:] = 0, np.nan
    selector = MISTFeatureSelector(missing="pairwise", checkpoint=checkpoint)
    with pytest.warns(UserWarning, match="y is constant on the rows where column 'x0' is not"):
        assert selector.fit(np.c_[a, other], y).scores_[0] == 0
    with pytest.warns(UserWarning, match="Column 'x1' is constant on the rows where column 'x0'"):
        matrix = mutual_info_matrix(np.c_[a, y], missing="pairwise", checkpoint=checkpoint)
    assert matrix[0, 1] == 0


def test_columns_that_share_no_rows(rng, checkpoint):
    X = rng.integers(0, 2, (60, 3)).astype(float)
    X[:30, 0] = X[30:, 1] = np.nan
    params = {"missing": "pairwise", "n_features_to_select": 2, "checkpoint": checkpoint}
    fitted = MISTFeatureSelector(strategy="joint", **params).fit(X, rng.normal(size=60))
    assert fitted.support_[2]


def test_categories_are_counted_as_they_are_read(rng, checkpoint):
    """Of 400 categories 32 columns are left, so that a thousand are far away."""
    X = pd.DataFrame({f"c{i}": rng.integers(0, 400, 500).astype(str) for i in range(4)})
    X["x"] = rng.normal(size=500)
    selector = MISTFeatureSelector(strategy="joint", n_features_to_select=5, checkpoint=checkpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", OutOfDomainWarning)
        path = selector.fit(X, rng.normal(size=500)).path_
    assert len(path) == 5
    widths = np.where(path["feature"] == 4, 1, 32).cumsum()
    assert_array_equal(np.isnan(path["mi"]), widths > 128)


def test_gaps_in_rows_all_alike_leave_copies_copies(rng):
    x, z = rng.normal(size=(2, 31))
    X = np.c_[x, np.exp(x), z]
    X[4] = np.nan
    y = x + 0.1 * z
    assert chosen(X, y, strategy="mrmr", missing="pairwise", n_features_to_select=2)[1] == 2


def test_backward_losses_are_no_more_than_entropies(rng):
    x, z = rng.integers(0, 2, 300), rng.normal(size=300)
    y = z + 0.5 * x + 0.01 * rng.normal(size=300)
    params = {"strategy": "joint", "direction": "backward", "n_features_to_select": 1}
    path = MISTFeatureSelector(**params).fit(np.c_[z, x], y).path_
    assert -np.log(2) <= path["gain"][0] < 0
