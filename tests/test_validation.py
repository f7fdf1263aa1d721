"""Reading of arrays and frames: numbers, kinds, names, error texts."""

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skmist import MISTEstimator, MISTFeatureSelector, OutOfDomainWarning, mutual_info
from skmist._columns import LABELS, NUMBER, ORDERED, read_series
from skmist._validation import (
    Notes,
    check_finite,
    listing,
    read_pair,
    read_table,
)


def read(data, role="X", one_d=False):
    return read_table(data, role=role, caller="Caller", one_d=one_d)


def columns():
    return {
        "float": [1.5, 2.0, np.nan],
        "int": [3, 1, 2],
        "bool": [True, False, True],
        "text": ["b", "a", None],
    }


EXPECTED = [[1.5, 3, 1, 1], [2.0, 1, 0, 0], [np.nan, 2, 1, np.nan]]


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="needs numpy 2")
def test_strings_of_numpy_with_a_missing_one():
    values = np.array(["b", "a", np.nan], dtype=np.dtypes.StringDType(na_object=np.nan))
    assert_array_equal(read(values, one_d=True).values, [[1], [0], [np.nan]])


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda c: pl.DataFrame(c, nan_to_null=True)])
def test_frames(frame):
    table = read(frame(columns()))
    assert_array_equal(table.values, EXPECTED)
    assert table.values.dtype == np.float64
    assert list(table.kinds) == [NUMBER, NUMBER, NUMBER, LABELS]
    assert list(table.names) == ["float", "int", "bool", "text"]


def test_object_array_of_mixed_columns():
    rows = list(zip(*columns().values(), strict=True))
    for data in (np.array(rows, dtype=object), rows):
        table = read(data)
        assert_array_equal(table.values, EXPECTED)
        assert list(table.kinds) == [NUMBER, NUMBER, NUMBER, LABELS]
        assert list(table.names) == ["x0", "x1", "x2", "x3"]


def test_pandas_extension_dtypes():
    frame = pd.DataFrame(
        {
            "int": pd.array([3, None, 2], dtype="Int64"),
            "float": pd.array([0.5, None, 2], dtype="Float32"),
            "bool": pd.array([True, None, False], dtype="boolean"),
            "string": pd.array(["u", None, "v"], dtype="string"),
            "category": pd.Categorical(["v", None, "u"]),
            "ordered": pd.Categorical(["lo", None, "hi"], categories=["lo", "hi"], ordered=True),
            "codes": pd.Categorical([20, None, 10]),
        }
    )
    table = read(frame)
    nan = np.nan
    assert_array_equal(
        table.values,
        [[3, 0.5, 1, 0, 1, 0, 1], [nan] * 7, [2, 2, 0, 1, 0, 1, 0]],
    )
    assert list(table.kinds) == [NUMBER, NUMBER, NUMBER, LABELS, LABELS, ORDERED, LABELS]


def test_polars_categories():
    frame = pl.DataFrame(
        {
            "category": pl.Series(["v", None, "u"], dtype=pl.Categorical),
            "enum": pl.Series(["v", None, "u"], dtype=pl.Enum(["never", "v", "u"])),
            "int": pl.Series([3, None, 1], dtype=pl.Int8),
        }
    )
    table = read(frame)
    assert_array_equal(table.values, [[1, 1, 3], [np.nan] * 3, [0, 2, 1]])
    assert list(table.kinds) == [LABELS, ORDERED, NUMBER]
    y = read(pl.Series("y", ["v", "u", "v"], dtype=pl.Enum(["v", "u"])), "y", True)
    assert_array_equal(y.values[:, 0], [0, 1, 0])  # no gap to turn them into floats
    assert (list(y.kinds), list(y.names)) == ([ORDERED], ["y"])


@pytest.mark.parametrize("make", [pd.Series, pl.Series, list, np.array])
@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], ["a", "b", "c"]])
def test_one_dimensional_y(make, values):
    table = read(make(values), role="y", one_d=True)
    assert table.values.shape == (3, 1)
    assert table.kinds[0] == (LABELS if isinstance(values[0], str) else NUMBER)
    assert list(table.names) == ["y"]


def test_name_of_a_series():
    assert list(read(pd.Series([1.0, 2.0], name="age"), "y", True).names) == ["age"]


def test_numbers_as_objects():
    values = np.array([[1, True], [Decimal("2.5"), False], [np.float32(3), True]], dtype=object)
    table = read(values)
    assert_array_equal(table.values, [[1, 1], [2.5, 0], [3, 1]])
    assert list(table.kinds) == [NUMBER, NUMBER]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint64, bool])
def test_dtypes(dtype):
    values = np.array([[0, 1], [1, 0]]).astype(dtype)
    assert_array_equal(read(values).values, values.astype(float))


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array, sp.coo_array])
def test_sparse(make):
    dense = np.array([[0, 1.5, 0], [2, 0, 0]])
    table = read(make(dense))
    assert sp.issparse(table.values)
    assert_array_equal(table.block(slice(1, 3)).values, dense[:, 1:])
    assert list(table.block([2]).names) == ["x2"]
    assert_array_equal(table.complete_rows(), [True, True])


def test_missing_values_in_sparse_data():
    dense = np.ones((10, 3))
    dense[4, 1] = np.nan
    table = read(sp.csr_array(dense))
    assert_array_equal(table.complete_rows(), np.arange(10) != 4)
    with pytest.raises(ValueError, match="contains NaN .1 in all, the first in column 'x1'"):
        check_finite(table, caller="Caller", missing="error")


ERRORS = [
    (None, ValueError, "Caller requires X to be passed, but X is None"),
    (np.zeros((3, 2, 2)), ValueError, r"expected X to be a 2D array .* got 3D .* \(3, 2, 2\)"),
    (np.zeros(5), ValueError, r"got 1D array of shape \(5,\); .* X.reshape\(-1, 1\)"),
    (pd.Series([1.0, 2.0]), ValueError, r"got 1D array of shape \(2,\)"),
    (3.0, ValueError, "got 0D array"),
    ("abc", TypeError, "got a str"),
    ([[1, 2], [3]], ValueError, "rows of unequal lengths"),
    (np.zeros((5, 0)), ValueError, r"0 feature\(s\) \(shape=\(5, 0\)\) while a minimum of 1"),
    (pd.DataFrame(index=range(4)), ValueError, r"0 feature\(s\)"),
    (np.ones((3, 1)) * 1j, ValueError, "Complex data not supported: .* dtype complex128"),
    (np.array([[1j], [2]], dtype=object), ValueError, "Complex data not supported"),
    (pd.DataFrame({"z": [1j, 2.0]}), ValueError, "Complex data not supported: column 'z'"),
    (np.array([[{}], [1]], dtype=object), TypeError, "value of type dict; .* string or a real"),
    (pd.DataFrame({"a": [1, "u"]}), TypeError, "Column 'a' mixes strings with values of type int"),
    (pd.DataFrame({"a": [1.0, "u"]}), TypeError, "mixes strings with values of type float"),
    (pd.DataFrame({"t": pd.date_range("2020", periods=3)}), TypeError, "'t' has dtype datetime64"),
    (np.array([["2020"]], dtype="datetime64[D]"), TypeError, "convert dates to numbers first"),
    (pl.DataFrame({"l": [[1, 2], [3]]}), TypeError, "Column 'l'"),
]


@pytest.mark.parametrize(("data", "error", "text"), ERRORS)
def test_errors_are_one_line_and_say_what_was_received(data, error, text):
    with pytest.raises(error, match=text) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_sparse_y_is_refused():
    with pytest.raises(TypeError, match="takes a dense y, got a sparse csr_array"):
        read(sp.csr_array(np.eye(3)), role="y", one_d=True)


def pair(X, y, missing="error"):
    return read_pair(X, y, caller="Caller", missing=missing)


def test_lengths():
    with pytest.raises(ValueError, match="inconsistent numbers of samples: X has 10, y has 9"):
        pair(np.zeros((10, 2)), np.zeros(9))


@pytest.mark.parametrize(("n", "text"), [(1, "1 sample "), (7, "7 samples "), (0, "0 samples ")])
def test_too_few_samples(n, text):
    expected = rf"Found array with {text}\(shape=\({n}, 2\)\) while a minimum of 8 is required"
    with pytest.raises(ValueError, match=expected):
        pair(np.zeros((n, 2)), np.zeros(n))


@pytest.mark.parametrize("role", ["X", "y"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(role, value):
    sides = {"X": np.zeros((10, 2)), "y": np.zeros((10, 2))}
    sides[role][3, 1] = value
    word = "NaN" if np.isnan(value) else "infinity"
    text = rf"Input {role} contains {word} \(1 in all, the first in column '{role.lower()}1'\)"
    with pytest.raises(ValueError, match=text):
        pair(**sides)
    if word == "infinity":
        with pytest.raises(ValueError, match=text):
            pair(**sides, missing="pairwise")
    else:
        pair(**sides, missing="pairwise")


def test_huge_finite_values_are_fine():
    values = np.full((10, 2), 1e308)
    assert_array_equal(pair(values, np.arange(10))[0].values, values)


def test_listing():
    assert listing("ab") == "'a', 'b'"
    assert listing(range(9), limit=2) == "'0', '1' and 7 more"


def test_notes_keep_each_text_once():
    notes = Notes()
    for text in ("a", "b", "a"):
        notes.add(text)
    assert [text for _, text in notes.items] == ["a", "b"]


def test_a_mapped_file_is_not_read_whole(tmp_path, rng):
    data = rng.normal(size=(30, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", data)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for given in (mapped, pd.DataFrame(data), data.astype(np.int16)):
        table = read(given)
        if not hasattr(given, "iloc"):
            assert np.shares_memory(table.values, given)
        for columns in (slice(2, 5), [2, 3, 4]):
            block = table.block(columns)
            assert block.values.dtype == np.float64
            assert type(block.values) is np.ndarray
            assert not np.shares_memory(block.values, given)
            assert_array_equal(block.values, np.asarray(given)[:, 2:5])
            assert list(block.names)[0] == table.names[2]


@pytest.mark.parametrize("dtype", [float, int, object])
def test_masked_values_are_missing(dtype):
    values = np.ma.masked_equal(np.array([[1, 9], [9, 2], [3, 4]], dtype=dtype), 9)
    assert_array_equal(read(values).values, [[1, np.nan], [np.nan, 2], [3, 4]])
    words = np.ma.MaskedArray(["u", "v", "w"], mask=[False, True, False])
    table = read(words, "y", True)
    assert_array_equal(table.values[:, 0], [0, np.nan, 1])
    assert list(table.kinds) == [LABELS]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.date_range("2020", periods=2, tz="UTC"), "Timestamp"),
        (pd.period_range("2020", periods=2), "Period"),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "date"),
    ],
)
def test_dates_in_any_form_are_refused(column, kind):
    with pytest.raises(TypeError, match=f"'when' holds a value of type {kind}.*convert dates"):
        read(pd.DataFrame({"when": column}))


@pytest.mark.parametrize("make", [pd.Series, pd.CategoricalIndex, lambda c: c])
def test_categoricals_without_a_frame(make):
    values = pd.Categorical(["lo", None, "hi"], categories=["lo", "hi"], ordered=True)
    for ordered, kind in ((True, ORDERED), (False, LABELS)):
        table = read(make(values if ordered else values.as_unordered()), "y", True)
        assert_array_equal(table.values[:, 0], [0, np.nan, 1])
        assert (list(table.kinds), list(table.names)) == ([kind], ["y"])


def test_what_is_no_table_in_memory():
    for data in ({"a": [1.0, 2.0]}, {1.0, 2.0}, (v for v in [1.0, 2.0])):
        with pytest.raises(TypeError, match=f"got a {type(data).__name__}"):
            read(data)
    with pytest.raises(TypeError, match=r"pass X\.collect\(\)"):
        read(pl.DataFrame({"a": [1.0, 2.0]}).lazy())
    with pytest.raises(TypeError, match="structured array"):
        read(np.zeros(3, dtype=[("a", float), ("b", int)]))
    for series in (pd.Series([1.0, 2.0]), pl.Series([1.0, 2.0])):
        with pytest.raises(ValueError, match=r"X\.to_frame\(\)"):
            read(series)


@pytest.mark.parametrize("X", [{"a": [1.0] * 20}, []])
@pytest.mark.parametrize("call", ["fit", "score", "select"])
def test_what_is_no_table_is_named(call, X):
    selector, estimator = MISTFeatureSelector(), MISTEstimator()
    calls = {"fit": estimator.fit, "score": estimator.score, "select": selector.fit}
    with pytest.raises((TypeError, ValueError), match="expected X to be a"):
        calls[call](X, [0.0, 1.0] * 10)


def test_wide_integers_of_polars():
    wide = pl.Series("a", [1, None, 2**100] * 5, dtype=pl.Int128)
    values, kind = read_series(wide, "'a'")
    assert kind == NUMBER
    assert_array_equal(np.isnan(values), [False, True, False] * 5)
    assert values[2] - values[0] > 0


def test_nested_columns_of_polars():
    pairs = np.random.default_rng(0).normal(size=(50, 2))
    array = pl.Series("a", pairs.tolist(), dtype=pl.Array(pl.Float64, 2))
    struct = pl.Series("a", [{"q": v} for v in pairs[:, 0]])
    for column in (array, struct):
        with pytest.raises(TypeError, match="one value in each row"):
            mutual_info(np.arange(50.0), column)
        with pytest.raises(TypeError, match="one value in each row"):
            mutual_info(pl.DataFrame({"a": column}), np.arange(50.0))


def test_a_warning_made_an_error_leaves_the_earlier_fit(rng):
    x = rng.normal(size=(50, 1))
    estimator = MISTEstimator().fit(x, x[:, 0] + rng.normal(size=50))
    before = dict(vars(estimator))
    with warnings.catch_warnings():
        warnings.simplefilter("error", OutOfDomainWarning)
        with pytest.raises(OutOfDomainWarning):
            estimator.fit(np.c_[x, x], x[:, 0])
    assert vars(estimator) == before
