"""Joint selection with alpha: a test of each step, of single columns and of pairs."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import binom

from skmist import MISTFeatureSelector
from skmist._selection import decoys
from skmist._selection.decoys import fewest_permutations


def joint(alpha, n_permutations, **params):
    return MISTFeatureSelector(
        strategy="joint", alpha=alpha, n_permutations=n_permutations, **params
    )


def test_an_exclusive_or_is_found(rng):
    X = rng.integers(0, 2, size=(200, 6))
    fitted = joint(0.1, 19).fit(X, X[:, 1] ^ X[:, 4])
    assert_array_equal(fitted.get_support(indices=True), [1, 4])
    # a pair is tested after single columns: twice the smallest p-value of 19 permutations
    assert_array_equal(fitted.pvalues_[fitted.support_], [0.1, 0.1])
    assert np.isnan(fitted.pvalues_[~fitted.support_]).all()
    assert_array_equal(fitted.path_["pvalue"], fitted.pvalues_[fitted.path_["feature"]])
    assert sorted(fitted.ranking_) == [1, 2, 3, 4, 5, 6]


def test_an_exclusive_or_is_found_among_some_of_the_pairs(rng, monkeypatch):
    monkeypatch.setattr(decoys, "MAX_TESTED", 3 * 19)
    X = rng.integers(0, 2, size=(200, 5)).astype(float)
    y = X[:, 0] != X[:, 3]
    X[:, 1] = np.where(rng.random(200) < 0.02, y, X[:, 1])  # no help at all, nearly
    fitted = joint(0.1, 19).fit(X[:, [0, 3, 1]], y)  # three columns, three pairs: all of them
    assert fitted.support_[:2].all()
    assert fitted.path_["gain"].sum() == pytest.approx(fitted.path_["mi"][-1], abs=1e-4)


def test_informative_columns_are_found_with_their_pvalues(rng):
    X = rng.normal(size=(150, 5))
    y = X[:, 1] + X[:, 4] + 0.4 * rng.normal(size=150)
    fitted = joint(0.1, 39).fit(X, y)
    assert fitted.support_[[1, 4]].all()
    assert (fitted.pvalues_[fitted.support_] <= 0.1).all()
    assert fitted.pvalues_[fitted.path_["feature"][0]] == pytest.approx(2 / 40)
    again = joint(0.1, 39, n_jobs=2).fit(X, y)
    assert_array_equal(again.pvalues_, fitted.pvalues_)
    one = joint(0.1, 39, n_features_to_select=1).fit(X, y)
    assert one.support_.sum() == 1
    assert np.nanmin(one.pvalues_) == pytest.approx(1 / 40)  # no pair could follow
    fitted.set_params(alpha=None, n_features_to_select=1).fit(X, y)
    assert not hasattr(fitted, "pvalues_")


def test_noise_is_chosen_with_probability_alpha(rng, checkpoint):
    # the test is exact whatever the weights are; these are random
    alpha, runs = 0.4, 30
    found = [
        joint(alpha, 4, random_state=i, checkpoint=checkpoint)
        .fit(rng.normal(size=(20, 3)), rng.normal(size=20))
        .support_.any()
        for i in range(runs)
    ]
    # two tests at alpha / 2, singles and pairs, that go together: between alpha / 2 and alpha
    assert binom.ppf(0.001, runs, alpha / 2) <= sum(found) <= binom.ppf(0.999, runs, alpha)


@pytest.mark.slow
def test_noise_is_chosen_with_probability_alpha_by_the_released_weights(rng):
    runs = 100
    found = [
        joint(0.2, 9, random_state=i)
        .fit(rng.normal(size=(60, 4)), rng.normal(size=60))
        .support_.any()
        for i in range(runs)
    ]
    assert binom.ppf(0.001, runs, 0.1) <= sum(found) <= binom.ppf(0.999, runs, 0.2)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.1, 0.3, 0.9])
def test_fewest_permutations_reach_alpha(alpha):
    n = fewest_permutations(alpha)
    assert 2 / (n + 1) <= alpha * (1 + 1e-9)
    assert 2 / n > alpha


def test_a_test_that_cannot_be_passed_any_more_ends():
    drawn = []

    def draw(value):
        def one(i):
            drawn.append(i)
            return value

        return one

    assert decoys._pvalue(1.0, draw(0.0), 19, 0.05) == pytest.approx(0.05)
    assert len(drawn) == 19
    assert decoys._pvalue(1.0, draw(1.0), 19, 0.05) == 1.0
    assert len(drawn) == 20
