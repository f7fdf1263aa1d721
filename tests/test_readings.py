"""Numbers that may be codes in no order are read both ways."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmist import MISTFeatureSelector, MISTScore, mutual_info, mutual_info_matrix
from skmist._readings import MANY_ROWS, ROWS_EACH, few_codes

CODES, ROWS = 60, 8


def information(effects, noise):
    """Return I(code; effect of the code + noise), of equally frequent codes, in nats."""
    grid = np.linspace(effects.min() - 6 * noise, effects.max() + 6 * noise, 4001)
    density = np.exp(-0.5 * ((grid[:, None] - effects) / noise) ** 2)
    density = (density / noise / np.sqrt(2 * np.pi)).mean(axis=1)
    entropy = -np.sum(density * np.log(density)) * (grid[1] - grid[0])
    return entropy - 0.5 * np.log(2 * np.pi * np.e * noise**2)


def shops(seed, ordered, rows=ROWS):
    rng = np.random.default_rng(seed)
    effects = np.linspace(-1.6, 1.6, CODES)
    effects = effects if ordered else rng.permutation(effects)
    code = rng.integers(0, CODES, CODES * rows)
    return code, effects[code] + 0.7 * rng.normal(size=len(code)), information(effects, 0.7)


def test_codes_in_no_order_are_read_as_labels():
    errors, held, by_rank = [], [], []
    for seed in range(12):
        code, y, truth = shops(seed, ordered=False)
        found = mutual_info(code, y)
        labels = mutual_info(code, y, x_types="category")
        ranks = mutual_info(code, y, x_types="ordinal")
        assert min(abs(found.value - labels.value), abs(found.value - ranks.value)) < 1e-6
        errors.append(found.value - truth)
        by_rank.append(ranks.value - truth)
        held.append(found.interval[0] <= truth <= found.interval[1])
        assert mutual_info(y, code).value == pytest.approx(found.value, rel=1e-4)
    assert np.mean(held) >= 0.75
    assert np.sqrt(np.mean(np.square(errors))) < 0.1
    assert np.sqrt(np.mean(np.square(errors))) < 0.7 * np.sqrt(np.mean(np.square(by_rank)))


def test_ordered_numbers_are_read_by_rank():
    for seed in range(12):
        code, y, _ = shops(seed, ordered=True)
        found = mutual_info(code, y)
        assert found.value == pytest.approx(mutual_info(code, y, x_types="ordinal").value, abs=1e-6)


@pytest.mark.parametrize("ordered", [False, True])
def test_with_many_rows_each_they_are_labels(ordered):
    code, y, truth = shops(0, ordered, MANY_ROWS)
    found = mutual_info(code, y)
    assert found.value == pytest.approx(mutual_info(code, y, x_types="category").value, abs=1e-6)
    assert found.value == pytest.approx(truth, abs=0.05)
    assert found.interval[0] <= truth <= found.interval[1]


def test_all_ways_to_ask_agree(rng):
    code, y, _ = shops(1, ordered=False)
    X = np.c_[code, rng.normal(size=len(code)), rng.permutation(code)]
    scores = MISTScore()(X, y)
    single = [mutual_info(column, y).value for column in X.T]
    np.testing.assert_allclose(scores, single, rtol=1e-5, atol=1e-7)
    matrix = mutual_info_matrix(np.c_[X, y])
    np.testing.assert_allclose(matrix[:3, 3], single, rtol=1e-5, atol=1e-7)


def test_pvalues_are_those_of_the_ranks():
    code, y, _ = shops(2, ordered=False)
    asked = {t: mutual_info(code, y, x_types=t, pvalue=True).pvalue for t in ("auto", "ordinal")}
    assert asked["auto"] == asked["ordinal"]


def test_few_repeated_values_have_codes(rng):
    values = rng.permutation(np.repeat(np.arange(50) ** 2 / 7, ROWS_EACH))
    code = few_codes(values)
    assert code.shape == (len(values), 1)
    assert_array_equal(np.unique(values)[code[:, 0].astype(int)], values)
    assert few_codes(values[1:]) is None  # less than that many rows each
    assert few_codes(rng.normal(size=1000)) is None
    many = np.repeat(np.arange(129.0), 10)
    assert few_codes(many) is None
    assert few_codes(many[:-10]) is not None


def test_what_columns_add_is_the_difference_of_one_reading(rng):
    for seed in range(4):
        code, y, _ = shops(seed, ordered=False)
        x = y + rng.normal(size=len(y))
        added = mutual_info(x, y, given=code, given_types="continuous")
        ordinal = mutual_info(x, y, given=code, given_types="ordinal")
        assert added.value == pytest.approx(ordinal.value, abs=1e-6)


def test_sets_of_columns_are_compared_in_one_reading(rng):
    code, y, _ = shops(3, ordered=False)
    X = np.c_[code, y + rng.normal(size=len(y)), rng.normal(size=len(y))]
    paths = []
    for types in ("continuous", "ordinal"):
        selector = MISTFeatureSelector(
            strategy="joint", n_features_to_select=2, x_types=[types, "continuous", "continuous"]
        ).fit(X, y)
        paths.append([(step["feature"], step["mi"]) for step in selector.path_])
    for (j, mi), (k, other) in zip(*paths, strict=True):
        assert j == k
        assert mi == pytest.approx(other, abs=1e-6)
