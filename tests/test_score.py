"""MISTScore inside SelectKBest and its kin, in pipelines and in searches."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
)
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmist import MISTEstimator, MISTScore, _information


@pytest.fixture
def score(checkpoint):
    return MISTScore(checkpoint=checkpoint)


def test_scores_are_those_of_single_columns(score, data, checkpoint):
    X, y = data
    scores = score(X, y)
    assert scores.shape == (4,)
    assert scores.dtype == np.float64
    alone = [MISTEstimator(checkpoint=checkpoint).score(X[:, [j]], y) for j in range(4)]
    assert_allclose(scores, alone, rtol=1e-4)


def test_mixed_columns(score, data, checkpoint, rng):
    X, y = data
    frame = pd.DataFrame(
        {"x": X[:, 0], "k": rng.integers(0, 4, 120), "c": rng.choice(["u", "v"], 120)}
    )
    alone = [MISTEstimator(checkpoint=checkpoint).score(frame[[c]], y) for c in frame]
    assert_allclose(score(frame, y), alone, rtol=1e-4)


def test_several_targets_are_taken_together(score, data, checkpoint, rng):
    X, y = data
    Y = np.c_[y, rng.normal(size=120)]
    alone = MISTEstimator(checkpoint=checkpoint).score(X[:, [1]], Y)
    assert_allclose(score(X, Y)[1], alone, rtol=1e-4)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array, sp.coo_array])
def test_sparse(score, make, rng, monkeypatch):
    dense = np.where(rng.random((60, 12)) < 0.4, rng.normal(size=(60, 12)), 0.0)
    y = dense[:, 0] + rng.normal(size=60)
    expected = score(dense, y)
    assert_allclose(score(make(dense), y), expected, rtol=1e-5)
    monkeypatch.setattr(_information, "BLOCK_CELLS", 60 * 5)
    assert_allclose(score(make(dense), y), expected, rtol=1e-4)


def test_sparse_data_are_never_dense_as_a_whole(score, rng, monkeypatch):
    monkeypatch.setattr(_information, "BLOCK_CELLS", 60 * 5)
    widths = []
    block = _information.Table.block

    def watched(table, columns):
        out = block(table, columns)
        widths.append(out.n_columns)
        return out

    monkeypatch.setattr(_information.Table, "block", watched)
    score(sp.random(60, 23, 0.5, "csr", random_state=0), rng.normal(size=60))
    assert max(widths) == 5


def test_missing_values_are_dropped_column_by_column(data, checkpoint):
    X, y = data
    X = X.copy()
    X[:30, 1] = X[10:12, 2] = np.nan
    scores = MISTScore(missing="pairwise", checkpoint=checkpoint)(X, y)
    plain = MISTScore(checkpoint=checkpoint)
    assert_allclose(scores[0], plain(X[:, [0]], y)[0], rtol=1e-4)
    assert_allclose(scores[1], plain(X[30:, [1]], y[30:])[0], rtol=1e-4)
    X[:115, 3] = np.nan
    with pytest.raises(ValueError, match="5 samples not missing in column 'x3' .* minimum of 8"):
        MISTScore(missing="pairwise", checkpoint=checkpoint)(X, y)


def test_constant_columns_score_zero_and_are_named(score, data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcd")).assign(flat=3.0, same="x")
    with pytest.warns(UserWarning, match="Columns 'flat', 'same' of X are constant"):
        scores = score(frame, y)
    assert_array_equal(scores[4:], 0)
    assert (scores[:4] > 0).all()


def test_independent_columns_are_not_tied_at_zero(rng):
    scores = MISTScore()(rng.normal(size=(200, 60)), rng.normal(size=200))
    assert (scores > 0).all()
    assert len(np.unique(scores)) == 60


@pytest.mark.parametrize("options", [{"units": "hartley"}, {"pvalues": 3}, {"n_permutations": 0}])
def test_parameters_are_checked(data, options):
    with pytest.raises(ValueError, match=f"The '{next(iter(options))}' parameter of MISTScore"):
        MISTScore(**options)(*data)


def test_clone_repr_and_pickle(score, data):
    changed = clone(score).set_params(pvalues=True)
    assert "pvalues=True" in repr(changed)
    assert not score.pvalues
    assert len(pickle.dumps(score)) < 2000
    assert_array_equal(pickle.loads(pickle.dumps(score))(*data), score(*data))


def test_order_of_relevance_with_the_released_network():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    selector = SelectKBest(MISTScore(), k=3).set_output(transform="pandas")
    chosen = set(selector.fit_transform(X, y).columns)
    assert chosen >= {"bmi", "s5"}


def test_classes():
    X, y = load_iris(return_X_y=True)
    scores = MISTScore()(X, y)
    assert set(np.argsort(scores)[-2:]) == {2, 3}
    assert (scores <= np.log(3) + 1e-9).all()
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    assert_allclose(MISTScore()(X, names), scores, rtol=1e-4)


@pytest.mark.parametrize(
    "selector",
    [SelectKBest(k=2), SelectPercentile(percentile=50), GenericUnivariateSelect(param=60)],
)
def test_selectors_by_score(selector, data, score):
    X, y = data
    selector = clone(selector).set_params(score_func=score)
    assert selector.fit_transform(X, y).shape == (120, 2)
    assert_allclose(selector.scores_, score(X, y))


@pytest.mark.parametrize("selector", [SelectFdr, SelectFpr, SelectFwe])
def test_selectors_by_pvalue(selector, rng):
    X = rng.normal(size=(150, 5))
    y = X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=150)
    fitted = selector(MISTScore(pvalues=True, n_permutations=49), alpha=0.03).fit(X, y)
    assert fitted.get_support()[:2].all()
    assert fitted.pvalues_.shape == (5,)


def test_grid_search_over_k_and_over_the_score_function(data, checkpoint):
    X, y = data
    pipeline = make_pipeline(SelectKBest(MISTScore(checkpoint=checkpoint)), Ridge())
    grid = {
        "selectkbest__k": [1, 3],
        "selectkbest__score_func__point": ["mean", 0.1],
        "selectkbest__score_func__units": ["bits"],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_[0].score_func.units == "bits"


def test_results_do_not_depend_on_n_jobs(data, checkpoint):
    X, y = data
    alone = MISTScore(pvalues=True, n_permutations=9, checkpoint=checkpoint)(X, y)
    many = MISTScore(pvalues=True, n_permutations=9, checkpoint=checkpoint, n_jobs=2)(X, y)
    assert_allclose(many, alone, rtol=1e-5)
