"""MISTFeatureSelector: what is kept, in which order, and what is known of each feature."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skmist import MISTFeatureSelector, MISTScore, OutOfDomainWarning
from skmist._selection.rule import ROUNDING, from_the_best


def selector(checkpoint, **params):
    return MISTFeatureSelector(checkpoint=checkpoint, **params)


def test_attributes(data, checkpoint):
    X, y = data
    fitted = selector(checkpoint, pvalues=True, n_permutations=9).fit(X, y)
    assert_array_equal(fitted.scores_, MISTScore(checkpoint=checkpoint)(X, y))
    assert fitted.intervals_.shape == (4, 2)
    assert (fitted.intervals_[:, 0] <= fitted.intervals_[:, 1]).all()
    assert fitted.pvalues_.shape == (4,)
    assert_array_equal(np.argsort(fitted.ranking_), np.argsort(-fitted.scores_))
    assert fitted.ranking_.min() == 1
    assert fitted.ranking_.max() == 4
    assert_array_equal(fitted.support_, fitted.ranking_ <= 2)
    assert_array_equal(fitted.get_support(), fitted.support_)
    assert list(fitted.feature_types_) == ["continuous"] * 4
    assert_array_equal(fitted.n_samples_used_, 120)
    assert fitted.in_domain_.all()
    fitted.set_params(pvalues=False).fit(X, y)
    assert not hasattr(fitted, "pvalues_")


@pytest.mark.parametrize(("wanted", "kept"), [(None, 2), (1, 1), (4, 4), (0.3, 1), (0.8, 3)])
def test_number_to_select(data, checkpoint, wanted, kept):
    X, y = data
    fitted = selector(checkpoint, n_features_to_select=wanted).fit(X, y)
    assert fitted.support_.sum() == kept
    assert_array_equal(fitted.support_, fitted.ranking_ <= kept)
    assert_array_equal(fitted.transform(X), X[:, fitted.support_])


def test_threshold(data, checkpoint):
    X, y = data
    scores = MISTScore(checkpoint=checkpoint)(X, y)
    threshold = float(np.sort(scores)[1])
    fitted = selector(checkpoint, threshold=threshold).fit(X, y)
    assert_array_equal(fitted.support_, scores >= threshold)
    both = selector(checkpoint, threshold=threshold, n_features_to_select=1).fit(X, y)
    assert both.support_.sum() == 1
    nothing = selector(checkpoint, threshold=100.0).fit(X, y)
    with pytest.warns(UserWarning, match="No features were selected"):
        assert nothing.transform(X).shape == (120, 0)


def test_more_features_wanted_than_there_are(data, checkpoint):
    with pytest.warns(UserWarning, match="n_features_to_select=9 is greater than .* 4") as caught:
        fitted = selector(checkpoint, n_features_to_select=9).fit(*data)
    assert fitted.support_.all()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "params",
    [
        {"strategy": "guess"},
        {"n_features_to_select": 0},
        {"n_features_to_select": 1.5},
        {"threshold": "mean"},
        {"level": 1.0},
    ],
)
def test_parameters_are_checked(data, params):
    name = next(iter(params))
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MISTFeatureSelector"):
        MISTFeatureSelector(**params).fit(*data)


def test_names_in_and_out(data, checkpoint):
    X, y = data
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    fitted = selector(checkpoint, n_features_to_select=2).fit(frame, pd.Series(y, name="t"))
    names = frame.columns[fitted.support_]
    assert_array_equal(fitted.get_feature_names_out(), names)
    out = fitted.set_output(transform="pandas").transform(frame)
    pd.testing.assert_frame_equal(out, frame[names])
    out = fitted.set_output(transform="polars").transform(pl.DataFrame(frame.to_dict("list")))
    assert out.columns == list(names)


def test_polars_frames_keep_their_dtypes(data, checkpoint):
    X, y = data
    frame = pl.DataFrame(
        {"x": X[:, 0], "s": ["u", "v", "w"] * 40, "i": np.round(3 * X[:, 1]).astype(int)}
    )
    fitted = selector(checkpoint, n_features_to_select=3).set_output(transform="polars")
    assert fitted.fit(frame, y).transform(frame).equals(frame)


def test_polars_frames_of_no_feature_keep_their_rows(data, checkpoint):
    X, y = data
    frame = pl.DataFrame(X, schema=["a", "b", "c", "d"])
    fitted = selector(checkpoint, threshold=99.0).set_output(transform="polars").fit(frame, y)
    with pytest.warns(UserWarning, match="No features were selected"):
        assert len(fitted.transform(frame)) == len(frame)


def test_a_fit_that_fails_leaves_what_was_found(data, checkpoint):
    X, y = data
    fresh = selector(checkpoint)
    fitted = clone(fresh).fit(X, y)
    before = {name: value for name, value in vars(fitted).items() if name.endswith("_")}
    with warnings.catch_warnings():
        warnings.simplefilter("error", OutOfDomainWarning)
        for model in (fresh, fitted):
            with pytest.raises(OutOfDomainWarning):
                model.fit(np.column_stack([X, y]), y)
    assert {name: value for name, value in vars(fitted).items() if name.endswith("_")} == before
    assert_array_equal(fitted.transform(X), X[:, fitted.support_])
    with pytest.raises(NotFittedError):
        fresh.transform(X)


def test_frames_with_strings(checkpoint, data, rng):
    X, y = data
    frame = pd.DataFrame({"x": X[:, 0], "city": rng.choice(["u", "v", "w"], 120)})
    fitted = selector(checkpoint, n_features_to_select=2).fit(frame, y)
    assert list(fitted.feature_types_) == ["continuous", "category"]
    out = fitted.set_output(transform="pandas").transform(frame)
    assert list(out["city"]) == list(frame["city"])


def test_missing_values(checkpoint, data):
    X, y = data
    X = X.copy()
    X[:20, 1] = np.nan
    fitted = selector(checkpoint, missing="pairwise", n_features_to_select=4).fit(X, y)
    assert_array_equal(fitted.n_samples_used_, [120, 100, 120, 120])
    assert_array_equal(np.isnan(fitted.transform(X)), np.isnan(X))


def test_sparse(checkpoint, data):
    X, y = data
    fitted = selector(checkpoint).fit(sp.csr_array(X), y)
    out = fitted.transform(sp.csr_array(X))
    assert sp.issparse(out)
    assert_allclose(out.toarray(), X[:, fitted.support_])


def test_ties_go_to_the_leftmost_column(checkpoint, data):
    X, y = data
    fitted = selector(checkpoint, n_features_to_select=1).fit(np.c_[X[:, 0], X[:, 0]], y)
    assert_array_equal(fitted.support_, [True, False])


def test_in_a_pipeline(rng):
    X = rng.normal(size=(200, 8))
    y = 2 * X[:, 2] - X[:, 5] + 0.5 * rng.normal(size=200)
    pipeline = make_pipeline(MISTFeatureSelector(n_features_to_select=2), Ridge()).fit(X, y)
    assert_array_equal(pipeline[0].get_support(indices=True), [2, 5])
    assert cross_val_score(pipeline, X, y, cv=3).min() > 0.7


def test_equal_columns_rank_in_their_order(rng):
    x = rng.normal(size=150)
    y = x + rng.normal(size=150)
    X = np.column_stack([rng.normal(size=150), x, x, np.exp(x), -x, *[x] * 8])
    selector = MISTFeatureSelector(n_features_to_select=1).fit(X, y)
    assert list(selector.get_support(indices=True)) == [1]
    assert list(selector.ranking_) == [13, *range(1, 13)]


def test_a_share_of_the_features_is_not_rounded_down_by_chance(rng):
    X, y = rng.normal(size=(60, 100)), rng.normal(size=60)
    assert MISTFeatureSelector(n_features_to_select=0.29).fit(X, y).get_support().sum() == 29


def test_many_scores_that_lie_close_are_ordered_all_the_same(rng):
    scores = rng.permutation(20_000) * ROUNDING / 2  # each one next to another
    order = from_the_best(scores)
    assert sorted(order) == list(range(20_000))
    assert (scores[order] >= np.sort(scores)[::-1] - 2 * ROUNDING).all()


def test_scores_next_to_zero_that_differ_are_not_taken_for_equal():
    assert list(from_the_best(np.array([6.543e-5, 6.554e-5, 0.2, 0.2 + 1e-7, 0, 0]))) == [
        2, 3, 1, 0, 4, 5,
    ]  # fmt: skip


@pytest.mark.parametrize("strategy", ["relevance", "mrmr"])
def test_the_order_of_columns_that_tell_nothing_is_not_that_of_their_places(strategy):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y, order = rng.normal(size=(300, 9)), rng.normal(size=300), rng.permutation(9)
        y = X[:, 0] + y
        selector = MISTFeatureSelector(strategy=strategy, n_features_to_select=8)
        ranks, other = (selector.fit(X[:, k], y).ranking_ for k in (range(9), order))
        assert np.array_equal(ranks[order], other)
