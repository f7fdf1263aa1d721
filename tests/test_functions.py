"""mutual_info and mutual_info_matrix."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import MISTEstimator, MutualInformation, OutOfDomainWarning, mutual_info
from skmist import mutual_info_matrix as matrix_of


def test_result_is_that_of_the_estimator(data, checkpoint):
    X, y = data
    result = mutual_info(X, y, checkpoint=checkpoint, level=0.8, pvalue=True, n_permutations=9)
    fitted = MISTEstimator(checkpoint=checkpoint, level=0.8, pvalue=True, n_permutations=9).fit(
        X, y
    )
    assert isinstance(result, MutualInformation)
    assert float(result) == result.value == fitted.mi_
    assert result.interval == tuple(fitted.interval_)
    assert result.pvalue == fitted.pvalue_
    assert (result.level, result.units, result.n_samples_used) == (0.8, "nats", 120)
    assert result.in_domain


def test_text(data, checkpoint):
    result = mutual_info(*data, checkpoint=checkpoint)
    low, high = result.interval
    assert str(result) == f"{result.value:.3f} nats (90%: {low:.3f} to {high:.3f})"
    assert result.pvalue is None
    tested = mutual_info(*data, checkpoint=checkpoint, pvalue=True, n_permutations=9)
    assert f", p = {tested.pvalue:.3g})" in str(tested)


@pytest.mark.parametrize("make", [np.asarray, list, pd.Series, pl.Series])
def test_one_dimensional_sides(data, checkpoint, make):
    X, y = data
    expected = float(mutual_info(X[:, [0]], y, checkpoint=checkpoint))
    assert float(mutual_info(make(X[:, 0]), make(y), checkpoint=checkpoint)) == expected


def test_options_are_checked(data):
    with pytest.raises(ValueError, match="The 'units' parameter of mutual_info "):
        mutual_info(*data, units="hartley")
    with pytest.raises(ValueError, match="The 'types' parameter of mutual_info_matrix "):
        matrix_of(data[0], types=3)


def test_errors_name_the_function(data):
    X, y = data
    with pytest.raises(ValueError, match="5 samples .* required by mutual_info"):
        mutual_info(X[:5], y[:5])
    with pytest.raises(ValueError, match="5 samples .* required by mutual_info_matrix"):
        matrix_of(X[:5])


@pytest.fixture
def frame(rng):
    x = rng.normal(size=150)
    return pd.DataFrame(
        {
            "x": x,
            "z": x + rng.normal(size=150),
            "k": rng.integers(0, 4, 150),
            "s": np.where(x > 0, "up", "down"),
        }
    )


def test_matrix_of_one_column(checkpoint, frame):
    assert np.isnan(matrix_of(frame[["x"]], checkpoint=checkpoint)).all(axis=None)


def test_matrix_names_its_own_parameter(frame):
    with pytest.raises(ValueError, match="^types should hold 'auto'"):
        matrix_of(frame, types=["auto", "auto", "auto", "text"])


def test_many_pairs_are_asked_for_in_parts(frame, checkpoint, monkeypatch):
    whole = matrix_of(frame, checkpoint=checkpoint)
    monkeypatch.setattr("skmist._matrix.PAIRS", 2)
    np.testing.assert_allclose(matrix_of(frame, checkpoint=checkpoint), whole, atol=1e-5)


def test_matrix_with_gaps_is_asked_for_in_parts(frame, checkpoint, monkeypatch):
    frame = frame.drop(columns="s")
    frame.iloc[:9, 0] = np.nan
    whole = matrix_of(frame, missing="pairwise", checkpoint=checkpoint)
    monkeypatch.setattr("skmist._information.BLOCK_CELLS", 2 * len(frame))
    parts = matrix_of(frame, missing="pairwise", checkpoint=checkpoint)
    assert_array_equal(parts, whole)


def test_matrix(frame, checkpoint):
    matrix = matrix_of(frame, checkpoint=checkpoint)
    assert list(matrix.index) == list(matrix.columns) == list(frame.columns)
    values = matrix.to_numpy()
    assert_array_equal(values, values.T)
    for i, j in [("x", "z"), ("z", "k"), ("k", "s")]:
        alone = float(mutual_info(frame[[i]], frame[[j]], checkpoint=checkpoint))
        assert_allclose(matrix.loc[i, j], alone, rtol=1e-4)


def test_diagonal(frame, checkpoint):
    diagonal = np.diag(matrix_of(frame, checkpoint=checkpoint, units="bits"))
    assert np.isnan(diagonal[:2]).all()
    for value, name in zip(diagonal[2:], ["k", "s"], strict=True):
        p = frame[name].value_counts(normalize=True)
        assert_allclose(value, -(p * np.log2(p)).sum())


def test_matrix_of_arrays_and_single_columns(frame, checkpoint):
    values = frame[["x", "z"]].to_numpy()
    matrix = matrix_of(values, checkpoint=checkpoint)
    assert isinstance(matrix, np.ndarray)
    expected = matrix_of(frame[["x", "z"]], checkpoint=checkpoint).to_numpy()
    assert_array_equal(matrix, expected)
    assert_array_equal(matrix_of(values[:, :1], checkpoint=checkpoint), [[np.nan]])


def test_matrix_with_missing_values(frame, checkpoint):
    frame.loc[:9, "x"] = np.nan
    frame.loc[5:29, "z"] = np.nan
    frame.loc[3, "s"] = None
    with pytest.raises(ValueError, match="Input X contains NaN"):
        matrix_of(frame, checkpoint=checkpoint)
    matrix = matrix_of(frame, missing="pairwise", checkpoint=checkpoint)
    rest = frame.iloc[30:]
    alone = float(mutual_info(rest[["x"]], rest[["z"]], checkpoint=checkpoint))
    assert_allclose(matrix.loc["x", "z"], alone, rtol=1e-4)


def test_matrix_warns_of_constants_and_of_copies(frame, checkpoint):
    frame = frame.assign(flat=1.0, copy=2 * frame["x"])
    with (
        pytest.warns(UserWarning, match="Column 'flat' of X is constant"),
        pytest.warns(OutOfDomainWarning, match=r"1 of 15 pairs \('x and copy'\) .* exactly"),
    ):
        matrix = matrix_of(frame, checkpoint=checkpoint)
    assert_array_equal(matrix["flat"].drop("flat"), 0)
    assert np.isfinite(matrix.loc["x", "copy"])


class Recorded(pd.DataFrame):
    """A frame whose constructor takes less than that of pandas."""

    def __init__(self, data):
        super().__init__(data)


def test_matrix_of_a_subclass_of_pandas_frames(rng):
    plain = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    found = matrix_of(Recorded(plain))
    pd.testing.assert_frame_equal(pd.DataFrame(found), matrix_of(plain))


def test_strong_estimates_are_told_by_the_number_returned(rng):
    x = rng.normal(size=400)
    with pytest.warns(OutOfDomainWarning, match="an estimate of") as caught:
        value = mutual_info(x, x + 0.01 * rng.normal(size=400)).value
    assert f"an estimate of {value:.3g} nats" in str(caught[0].message)
