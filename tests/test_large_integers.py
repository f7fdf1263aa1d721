"""Whole numbers that double precision does not hold are told apart nevertheless."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from skmist import MISTScore, mutual_info
from skmist._numbers import EXACT, exact

N = 300
rng = np.random.default_rng(0)
SMALL = rng.permutation(N)
NOISY = SMALL + 30 * rng.normal(size=N)
OTHER = rng.normal(size=N)
NEAR = SMALL + 2**60  # neighbours in double precision are 256 apart
FAR = np.where(SMALL < N // 2, SMALL, SMALL + 2**62)
UNSIGNED = NEAR.astype(np.uint64) + np.uint64(2**63)
LARGE = {"near": NEAR, "negative": -NEAR, "far": FAR, "unsigned": UNSIGNED}

AS_X = {
    "array": lambda v: np.column_stack([v, v]),
    "frame": lambda v: pd.DataFrame({"a": v, "b": v}),
    "frame beside floats": lambda v: pd.DataFrame({"a": v, "b": OTHER}),
    "frame beside strings": lambda v: pd.DataFrame({"a": v, "b": ["p", "q"] * (N // 2)}),
    "objects": lambda v: np.array([[int(i), int(i)] for i in v], dtype=object),
    "nullable": lambda v: pd.DataFrame({"a": pd.array(v), "b": OTHER}),
}


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("given", AS_X)
def test_scores_are_those_of_the_small_numbers(given, kind):
    sign = -1 if kind == "negative" else 1
    score = MISTScore()(AS_X[given](LARGE[kind]), NOISY)
    np.testing.assert_allclose(score, MISTScore()(AS_X[given](sign * SMALL), NOISY), atol=1e-6)
    assert score[0] > 0.5


@pytest.mark.parametrize("as_y", [np.asarray, list, pd.Series, lambda v: pd.DataFrame({"y": v})])
def test_so_they_are_in_y(as_y):
    expected = MISTScore()(OTHER[:, None] + SMALL[:, None] / 50, SMALL)
    found = MISTScore()(OTHER[:, None] + SMALL[:, None] / 50, as_y(NEAR))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_missing_ones_are_left_out():
    column = pd.array(NEAR).copy()
    column[:5] = None
    found = mutual_info(pd.DataFrame({"a": column}), NOISY, missing="pairwise")
    expected = mutual_info(SMALL[5:, None], NOISY[5:])
    assert found.value == pytest.approx(expected.value, abs=1e-6)


def test_few_large_values_are_classes():
    y = np.where(SMALL % 2 == 0, 2**60, 2**60 + 1)
    X = OTHER[:, None] + (SMALL % 2)[:, None]
    np.testing.assert_allclose(MISTScore()(X, y), MISTScore()(X, SMALL % 2), atol=1e-6)


def test_what_double_precision_holds_is_not_touched():
    for values in (SMALL, np.array([EXACT, -EXACT]), OTHER, np.arange(4, dtype=np.int8)):
        assert exact(values) is values
    empty = np.empty((0, 2), dtype=np.int64)
    assert exact(empty) is empty


def test_distances_are_kept_where_they_can_be():
    np.testing.assert_array_equal(np.diff(exact(NEAR)), np.diff(SMALL))
    limits = np.array([np.iinfo(np.int64).min, -1, 0, np.iinfo(np.int64).max])
    np.testing.assert_array_equal(exact(limits), [0, 1, 2, 3])
    beside = exact(np.column_stack([NEAR, SMALL]))
    np.testing.assert_array_equal(beside[:, 1], SMALL)


@pytest.mark.parametrize("convert", [Decimal, Fraction])
def test_other_numbers_held_as_objects(convert):
    X = np.array([[convert(int(v))] for v in SMALL], dtype=object)
    np.testing.assert_allclose(MISTScore()(X, NOISY), MISTScore()(SMALL[:, None], NOISY))


GAPS = {
    "nullable": lambda v: pd.Series([*v[:-1].tolist(), None], dtype="Int64"),
    "objects": lambda v: np.array([*v[:-1].tolist(), np.nan], dtype=object),
    "masked": lambda v: np.ma.masked_array(v, mask=np.arange(N) == N - 1),
}


@pytest.mark.parametrize("kind", GAPS)
def test_beside_a_missing_one(kind):
    expected = mutual_info(SMALL[:-1], NOISY[:-1]).value
    found = mutual_info(GAPS[kind](NEAR), NOISY, missing="pairwise").value
    assert found == pytest.approx(expected, abs=1e-6)
    found = mutual_info(NOISY, GAPS[kind](NEAR), missing="pairwise").value
    assert found == pytest.approx(expected, abs=1e-6)


def test_beside_a_null_of_polars():
    polars = pytest.importorskip("polars")
    series = polars.Series("a", [*NEAR[:-1].tolist(), None])
    expected = mutual_info(SMALL[:-1], NOISY[:-1]).value
    found = mutual_info(series, NOISY, missing="pairwise").value
    assert found == pytest.approx(expected, abs=1e-6)


def test_of_more_digits_than_any_type_of_numbers_holds():
    huge = np.array([10**400 + int(v) for v in SMALL], dtype=object)
    assert mutual_info(huge, NOISY).value == pytest.approx(
        mutual_info(SMALL, NOISY).value, abs=1e-6
    )


def test_sparse_ones_are_refused():
    from scipy.sparse import csc_array

    with pytest.raises(ValueError, match="would lose digits"):
        mutual_info(csc_array(NEAR[:, None]), NOISY)
