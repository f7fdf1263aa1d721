"""Conditional mutual information, normalised matrices, orders of columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import cluster_order, mutual_info, mutual_info_matrix


def test_chain_rule(data, checkpoint):
    X, y = data
    result = mutual_info(X[:, :2], y, given=X[:, 2:], checkpoint=checkpoint)
    whole = mutual_info(X, y, checkpoint=checkpoint)
    part = mutual_info(X[:, 2:], y, checkpoint=checkpoint)
    expected = float(whole) - float(part)
    assert float(result) == pytest.approx(max(0.0, expected), abs=1e-6)
    down = np.hypot(float(whole) - whole.interval[0], part.interval[1] - float(part))
    up = np.hypot(whole.interval[1] - float(whole), float(part) - part.interval[0])
    assert result.interval[0] == pytest.approx(max(0.0, expected - down), abs=1e-6)
    assert result.interval[1] == pytest.approx(
        min(max(0.0, expected + up), whole.interval[1]), abs=1e-6
    )
    assert result.n_samples_used == 120
    assert result.pvalue is None
    bits = mutual_info(X[:, :2], y, given=X[:, 2:], checkpoint=checkpoint, units="bits")
    assert_allclose(bits.interval, np.array(result.interval) / np.log(2), rtol=1e-6)


@pytest.mark.parametrize("c", [0.0, 0.9])
def test_intervals_hold_the_truth_of_normal_variables(c):
    inside = 0
    for seed in range(8):
        z, u, v = np.random.default_rng(seed).normal(size=(3, 300))
        x = 0.7 * z + u
        result = mutual_info(x, z + c * x + v, given=z)
        low, high = result.interval
        assert 0 <= low <= float(result) <= high
        inside += low - 1e-3 <= np.log1p(c**2) / 2 <= high
    assert inside >= 7


@pytest.mark.parametrize("labels", [False, True])
def test_nothing_is_told_by_a_constant(rng, checkpoint, labels):
    y, z = rng.normal(size=(2, 120))
    with pytest.warns(UserWarning, match="'x0' of X is constant"):
        result = mutual_info(np.ones(120), y, given=z > 0 if labels else z, checkpoint=checkpoint)
    assert (float(result), result.interval) == (0, (0, 0))


def test_constant_columns_are_named_once(rng, recwarn):
    columns = dict(zip("abc", rng.normal(size=(3, 200)), strict=True))
    X = pd.DataFrame({"a": columns["a"], "same": 1.0})
    given = pd.DataFrame({"b": columns["b"], "equal": "all"})
    y = columns["a"] + columns["b"] + columns["c"]
    found = mutual_info(X, y, given=given)
    texts = [str(w.message) for w in recwarn]
    assert texts == [
        "Column 'same' of X is constant: the mutual information with a constant is 0.",
        "Constant columns of given tell nothing and are left out: 'equal'.",
    ]
    assert found.value == mutual_info(X[["a"]], y, given=given[["b"]]).value


def test_each_value_of_a_discrete_variable_by_itself(rng):
    z = np.repeat(["a", "b", "c"], [50, 60, 70])
    x, u = rng.normal(size=(2, 180))
    y = np.where(z == "a", x, 0) + np.where(z == "c", 3.0, 0) + 0.5 * u
    result = mutual_info(x, y, given=z)
    parts = [mutual_info(x[z == k], y[z == k]) for k in "abc"]
    weights = np.array([50, 60, 70]) / 180
    assert float(result) == pytest.approx(weights @ [float(p) for p in parts], abs=1e-6)
    assert_allclose(result.interval, weights @ [p.interval for p in parts], atol=1e-6)
    shuffled = rng.permutation(180)
    again = mutual_info(x[shuffled], y[shuffled], given=pd.Series(z[shuffled]))
    assert float(again) == pytest.approx(float(result), abs=1e-4)


def test_exclusive_or_given_one_half(rng):
    x, z = rng.integers(0, 2, (2, 200))
    assert float(mutual_info(x, x ^ z, given=z, units="bits")) == pytest.approx(1, abs=0.03)
    assert float(mutual_info(x, x ^ z, units="bits")) < 0.1


def test_missing_values_of_any_side_are_left_out(data, checkpoint):
    X, y = data
    X = X.copy()
    X[:5, 0], X[10:13, 2] = np.nan, np.nan
    with pytest.raises(ValueError, match="Input given contains NaN"):
        mutual_info(X[:, 1], y, given=X[:, 2])
    result = mutual_info(X[:, 0], y, given=X[:, 2], missing="pairwise", checkpoint=checkpoint)
    assert result.n_samples_used == 112


def test_errors(data):
    X, y = data
    with pytest.raises(ValueError, match="X and y have 120, given has 119"):
        mutual_info(X[:, 0], y, given=X[1:, 1])
    with pytest.raises(ValueError, match="pvalue=True does not go with given"):
        mutual_info(X[:, 0], y, given=X[:, 1], pvalue=True)
    with pytest.raises(ValueError, match="point=0.1 does not go with given"):
        mutual_info(X[:, 0], y, given=X[:, 1], point=0.1)
    with pytest.raises(ValueError, match="given_types names the column 'q', but given has no"):
        mutual_info(X[:, 0], y, given=X[:, 1], given_types={"q": "category"})


def test_normalized_matrix(rng, checkpoint):
    x = rng.normal(size=200)
    frame = pd.DataFrame({"x": x, "z": x + rng.normal(size=200), "s": np.where(x > 0, "u", "d")})
    frame["k"], frame["copy"] = rng.integers(0, 4, 200), frame["s"].map({"u": 1, "d": 5})
    raw = mutual_info_matrix(frame, checkpoint=checkpoint)
    matrix = mutual_info_matrix(frame, checkpoint=checkpoint, normalized=True, units="bits")
    assert_array_equal(np.diag(matrix), 1)
    assert_allclose(matrix.loc["x", "z"], np.sqrt(1 - np.exp(-2 * raw.loc["x", "z"])))
    assert_allclose(matrix.loc["x", "s"], raw.loc["x", "s"] / raw.loc["s", "s"])
    assert_allclose(matrix.loc["s", "k"], raw.loc["s", "k"] / raw.loc["s", "s"])
    assert matrix.loc["s", "copy"] == 1
    assert ((matrix >= 0) & (matrix <= 1)).all(axis=None)


def test_normalized_matrix_with_a_constant(rng, checkpoint):
    with pytest.warns(UserWarning, match="constant"):
        matrix = mutual_info_matrix(
            np.c_[rng.normal(size=50), np.ones(50)], checkpoint=checkpoint, normalized=True
        )
    assert_array_equal(matrix, [[1, 0], [0, 0]])


def test_cluster_order_puts_blocks_together(rng):
    matrix = 0.05 + 0.01 * rng.random((6, 6))
    for group in ([0, 3, 5], [1, 2, 4]):
        matrix[np.ix_(group, group)] = 0.8
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, np.nan)
    order = cluster_order(matrix)
    assert sorted(map(sorted, (order[:3].tolist(), order[3:].tolist()))) == [[0, 3, 5], [1, 2, 4]]
    assert_array_equal(cluster_order([[1, 0.5], [0.5, 1]]), [0, 1])
    assert sorted(cluster_order(np.zeros((4, 4)))) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "matrix", [np.ones(3), np.ones((2, 3)), [[0, 1], [2, 0]], -np.ones((3, 3))]
)
def test_cluster_order_checks_its_input(matrix):
    with pytest.raises(ValueError, match="cluster_order expected"):
        cluster_order(matrix)


def test_nothing_is_left_of_what_is_given(rng):
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)
    for given in (y, np.exp(y), np.c_[y, rng.normal(size=200)], np.c_[x + y, x - y], x):
        with pytest.warns(UserWarning, match="given determines . exactly"):
            found = mutual_info(x, y, given=given)
        assert (found.value, found.interval) == (0.0, (0.0, 0.0))
        assert found.in_domain and found.n_samples_used == 200
    assert mutual_info(x, y, given=np.round(y, 1)).interval[1] > 0  # tells nearly all
    with pytest.raises(ValueError, match="given_types are the types of what is given"):
        mutual_info(x, y, given_types=["category"])


def test_normalized_matrix_of_columns_with_gaps(rng):
    a = np.repeat([0.0, 1.0], 100)
    b = 1 - a
    a[:45], b[45:90] = np.nan, np.nan
    matrix = mutual_info_matrix(np.c_[a, b], missing="pairwise", normalized=True)
    assert_allclose(matrix, 1)


def test_a_column_without_a_value(rng):
    frame = pd.DataFrame({"a": rng.normal(size=50), "b": np.nan})
    with pytest.raises(ValueError, match="0 samples not missing in column 'b'"):
        mutual_info_matrix(frame, missing="pairwise")


def test_no_more_than_the_entropy_of_a_discrete_side(rng):
    x, z = rng.integers(0, 2, 200), rng.normal(size=200)
    y = z + 0.5 * x + 0.01 * rng.normal(size=200)
    result = mutual_info(x, y, given=z, units="bits")
    assert 0.5 < result.value <= 1
    assert result.interval[0] <= result.value <= result.interval[1] <= 1.01
    assert mutual_info(y, x, given=z, units="bits").value <= 1
