"""Types of columns, indicators for labels, entropies, bijections."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import mutual_info
from skmist._encoding import (
    MAX_CATEGORIES,
    MAX_CODES,
    MAX_DISCRETE,
    MAX_LABELS,
    encode,
    infer_types,
    is_bijection,
    note_constants,
    plugin_entropy,
    requested_types,
)
from skmist._validation import Notes, read_table


def table_of(data, role="X"):
    return read_table(data, role=role, caller="Caller", one_d=True)


def types_of(data, types="auto"):
    table = table_of(data)
    return list(infer_types(table, requested_types(types, table)))


def side_of(data, types="auto"):
    table = table_of(data)
    kinds = infer_types(table, requested_types(types, table))
    return encode(table, kinds)


def test_types_by_dtype_and_cardinality():
    n = 100
    frame = pd.DataFrame(
        {
            "float": np.linspace(0, 1, n),
            "whole": np.arange(n) % 5 * 1.0,
            "grades": np.arange(n) % 5 / 10,
            "int": np.arange(n) % 7,
            "ids": np.arange(n),
            "flag": np.arange(n) % 2 == 0,
            "text": np.array(list("abcd"))[np.arange(n) % 4],
            "category": pd.Categorical(np.arange(n) % 3),
            "size": pd.Categorical(np.arange(n) % 3, ordered=True),
        }
    )
    assert types_of(frame) == [
        "continuous", "discrete", "discrete", "discrete", "continuous", "discrete", "category",
        "category", "ordinal",
    ]  # fmt: skip


@pytest.mark.parametrize("n", [10, 100, 5000])
@pytest.mark.parametrize("distinct", [1, 2, 3, 5, MAX_DISCRETE, MAX_DISCRETE + 1, 32, 33])
def test_the_rule_for_numbers(n, distinct):
    discrete = distinct <= min(MAX_DISCRETE, max(2, n // 2)) or distinct <= 32 <= n / 100
    expected = "discrete" if discrete else "continuous"
    assert types_of((np.arange(n) % distinct)[:, None]) == [expected]


def test_many_values_that_show_late():
    column = np.zeros(5000)
    column[4000:] = np.arange(1000)
    assert types_of(column[:, None]) == ["continuous"]


def test_missing_values_do_not_count_as_distinct():
    column = np.where(np.arange(50) % 2 == 0, np.nan, np.arange(50) % 3)
    assert types_of(column[:, None]) == ["discrete"]


def test_types_do_not_depend_on_dtype():
    values = np.arange(60) % 4
    for dtype in (np.int8, np.uint16, np.int64, np.float32, np.float64):
        assert types_of(values.astype(dtype)[:, None]) == ["discrete"]


def test_types_can_be_given():
    frame = pd.DataFrame({"a": np.arange(30) % 3, "b": np.arange(30.0), "c": list("xyz") * 10})
    assert types_of(frame[["a", "b"]], "ordinal") == ["ordinal", "ordinal"]
    assert types_of(frame, ["category", "auto", "auto"]) == ["category", "continuous", "category"]
    assert types_of(frame, {"b": "discrete"}) == ["discrete", "discrete", "category"]
    assert types_of(frame, {0: "continuous"}) == ["continuous", "continuous", "category"]
    assert types_of(frame, np.array(["auto"] * 3)) == ["discrete", "continuous", "category"]


@pytest.mark.parametrize(
    ("types", "text"),
    [
        (["auto"], "one type for each of the 2 columns of X, got 1"),
        ({"z": "category"}, "names the column 'z', but X has no such"),
        ({5: "category"}, "names the column 5, but X has no such"),
        (["auto", "nominal"], "one of .* got 'nominal'"),
        ("continuous", "Column 'b' of X holds labels: its type can only be 'category'"),
    ],
)
def test_types_that_cannot_be(types, text):
    with pytest.raises(ValueError, match=text):
        types_of(pd.DataFrame({"a": np.arange(30.0), "b": list("xyz") * 10}), types)


def test_two_categories_are_one_indicator():
    side = side_of(["u", "v"] * 10)
    assert_array_equal(side.values[:, 0], [0, 1] * 10)


@pytest.mark.parametrize("labels", [list("abc"), [1, 2, 3], [0.5, 7.0, 9.0]])
def test_a_lone_column_of_labels_or_codes_becomes_indicators(labels):
    side = side_of(labels * 10)
    assert_array_equal(side.values, np.tile(np.eye(3), (10, 1)))
    assert_allclose(side.entropy, np.log(3))


def test_ordered_numbers_stay_one_column():
    few, many = np.arange(60) % 3, np.arange(60) % (MAX_CODES + 1)
    assert side_of(few[:, None], "ordinal").width == 1
    assert side_of(many[:, None]).width == MAX_CODES + 1  # they repeat
    assert side_of(np.minimum(np.arange(60), MAX_CODES)[:, None]).width == 1  # they do not
    assert side_of(np.c_[few, many]).width == 2
    assert side_of(np.c_[few, many], ["category", "auto"]).width == 4


def test_a_constant_beside_it_does_not_change_how_a_column_is_read():
    few = np.arange(60) % 3
    assert_array_equal(side_of(np.c_[few, np.ones(60)]).values, side_of(few[:, None]).values)


def test_relabelling_permutes_the_indicators():
    codes = np.random.default_rng(0).integers(0, 5, 200)
    renamed = np.array(list("qaxcb"))[codes]
    first, second = side_of(codes[:, None]).values, side_of(renamed).values
    assert sorted(map(tuple, first.T)) == sorted(map(tuple, second.T))


def test_rare_categories_are_read_as_one():
    counts = np.r_[np.arange(40, 3, -1), [1] * 23]  # 37 frequent ones, 23 rare ones
    values = np.repeat([f"c{k:02}" for k in range(60)], counts)
    side = side_of(pd.DataFrame({"city": values}))
    assert side.width == MAX_CATEGORIES
    sizes = side.values.sum(axis=0)
    assert_array_equal(sizes[:-1], counts[: MAX_CATEGORIES - 1])
    assert sizes[-1] == counts[MAX_CATEGORIES - 1 :].sum()
    assert_allclose(side.entropy, plugin_entropy(np.repeat(np.arange(60), counts)))
    rest = counts[MAX_CATEGORIES - 1 :]
    within = plugin_entropy(np.repeat(np.arange(len(rest)), rest))
    hidden, text = side.merged[False]
    assert_allclose(hidden, rest.sum() / counts.sum() * within)
    assert text.startswith("60 categories, of which the 31 most frequent are told apart")
    beside = side_of(pd.DataFrame({"city": values, "x": np.arange(float(len(values)))}))
    assert beside.merged[False].text.startswith("60 categories of 'city' of X, of which the 31")


@pytest.mark.parametrize("k", [MAX_CATEGORIES, MAX_CATEGORIES + 1, MAX_LABELS, MAX_LABELS + 1])
def test_lone_columns_of_labels_keep_more_categories(k):
    side = side_of([f"c{j}" for j in np.arange(5 * k) % k])
    assert len(np.unique(side.column)) == min(k, MAX_LABELS)
    assert side.width == min(k, MAX_CATEGORIES)
    assert (side.merged[True].hidden > 0) == (k > MAX_LABELS)
    assert (side.merged[False].hidden > 0) == (k > MAX_CATEGORIES)


def test_constants_are_left_out_and_named():
    frame = pd.DataFrame({"a": np.ones(20), "b": np.arange(20.0), "c": ["x"] * 20})
    assert_array_equal(side_of(frame).values[:, 0], np.arange(20))
    assert side_of(frame[["a", "c"]]).width == 0
    notes = Notes()
    note_constants([table_of(frame), table_of(np.ones(20), role="y")], notes)
    assert [text for _, text in notes.items] == [
        "Columns 'a', 'c' of X are constant: the mutual information with a constant is 0.",
        "Column y is constant: the mutual information with a constant is 0.",
    ]


def test_plugin_entropy():
    assert plugin_entropy(np.zeros(5, dtype=int)) == 0
    assert_allclose(plugin_entropy(np.array([0, 0, 1, 2])), 1.5 * np.log(2))


def test_entropies_of_several_columns():
    bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5)
    assert_allclose(side_of(bits).entropy, np.log(4))
    assert_allclose(side_of(np.c_[bits, bits]).entropy, np.log(4))
    assert side_of(np.c_[bits, np.arange(20.0)]).entropy == np.inf
    # where most combinations occur once, the joint entropy cannot be seen
    wide = np.random.default_rng(0).integers(0, 2, size=(20, 15))
    side = side_of(wide)
    assert_allclose(side.entropy, sum(plugin_entropy(column) for column in wide.T))


def test_bijections():
    codes = np.arange(60) % 5
    names = np.array(list("hgfac"))[codes]
    assert is_bijection(side_of(codes[:, None]), side_of(names))
    assert is_bijection(side_of(np.c_[codes, codes > 2]), side_of(codes[:, None]))
    assert not is_bijection(side_of(codes[:, None]), side_of((codes > 2)[:, None]))
    assert not is_bijection(side_of(codes[:, None]), side_of(np.roll(codes[:, None] // 2, 1)))
    x = np.arange(60.0)[:, None]
    assert not is_bijection(side_of(x), side_of(x))


def test_untied():
    x = np.arange(30.0)
    assert side_of(x[:, None]).untied
    assert not side_of(np.r_[x[:-1], 0.0][:, None]).untied
    assert not side_of(np.c_[x, x**2]).untied
    assert not side_of((x % 3)[:, None]).untied


def test_few_combinations_of_discrete_columns_are_labels(rng):
    """All of a parity is seen, whichever columns stand beside it."""
    X = rng.integers(0, 2, size=(2000, 4)).astype(float)
    parity = (X[:, 0] + X[:, 1] + X[:, 2]) % 2
    y = np.where(rng.random(2000) < 0.1, 1 - parity, parity)
    truth = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    found = mutual_info(X, y)
    assert found.value == pytest.approx(truth, abs=0.05)
    assert found.interval[0] < truth < found.interval[1]
    assert found.in_domain
    words = np.array([["no", "yes"][int(v)] for v in X.ravel()], dtype=object).reshape(X.shape)
    assert mutual_info(words[:, ::-1], y).value == pytest.approx(found.value, abs=1e-6)


def test_many_combinations_stay_columns(rng):
    for n, columns, labels in ((2560, 7, True), (2559, 7, False), (2000, 6, True), (200, 4, False)):
        table = read_table(
            rng.integers(0, 2, size=(n, columns)), role="X", caller="test", one_d=False
        )
        side = encode(table, infer_types(table, requested_types("auto", table)))
        assert side.is_labels is labels
        assert (side.column is not None) is labels
        assert side.values.shape == (n, columns)


def test_types_by_name_or_position_are_never_of_another_column(rng):
    X = np.c_[rng.random(100) > 0.5, rng.random(100) > 0.5].astype(float)

    def asked(names, types):
        frame = pd.DataFrame(X, columns=names)
        table = read_table(frame, role="X", caller="test", one_d=False)
        return list(requested_types(types, table))

    assert asked(["a", "b"], {"b": "category"}) == ["auto", "category"]
    assert asked(["a", "b"], {-1: "category"}) == ["auto", "category"]
    assert asked([0, 1], {1: "category"}) == ["auto", "category"]
    with pytest.raises(ValueError, match="the name of one column of X and the position of another"):
        asked([1, 0], {1: "category"})
    with pytest.raises(ValueError, match="'a', of which X has 2"):
        asked(["a", "a"], {"a": "category"})
    with pytest.raises(ValueError, match="names the column True"):
        asked(["a", "b"], {True: "category"})


def test_the_numbering_of_repeated_codes_does_not_matter(rng):
    code = rng.integers(0, 20, 400)
    y = rng.normal(size=20)[code] + rng.normal(size=400)
    renamed = rng.permutation(20)[code]
    assert mutual_info(renamed, y).value == pytest.approx(mutual_info(code, y).value, abs=1e-4)
