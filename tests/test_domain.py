"""What counts as outside the trained range, and which rows are read when there are too many."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmist import _domain
from skmist._domain import is_perfect, range_reasons, rows_to_use, strength_reasons
from skmist._encoding import encode, infer_types, requested_types
from skmist._validation import Notes, read_table
from skmist.core import CoreConfig

CONFIG = CoreConfig(n_min=8, n_max=500, d_max=16, mi_max=10.0)


def side(values):
    table = read_table(values, role="X", caller="Caller", one_d=True)
    return encode(table, infer_types(table, requested_types("auto", table)), Notes())


@pytest.mark.parametrize(
    ("shape", "texts"),
    [
        ((8, 1, 1), []),
        ((500, 16, 16), []),
        ((501, 1, 1), ["501 samples, trained on 8 to 500"]),
        ((100, 1, 17), [r"1 \+ 17 columns"]),
        ((1000, 40, 40), ["1000 samples", r"40 \+ 40 columns .* up to 16 \+ 16"]),
    ],
)
def test_range(shape, texts):
    import re

    reasons = range_reasons(CONFIG, *shape)
    assert len(reasons) == len(texts)
    assert all(re.match(text, reason) for text, reason in zip(texts, reasons, strict=True))


def test_strength():
    assert strength_reasons(CONFIG, 8.9, 10) == []
    (reason,) = strength_reasons(CONFIG, 9.1, 10)
    assert reason.startswith("an estimate of 9.1 nats, hardly trained beyond 9 with 10 columns")
    assert strength_reasons(CONFIG, 3.7, 1) == []
    (reason,) = strength_reasons(CONFIG, 4.2, 1)
    assert reason.startswith("an estimate of 4.2 nats, hardly trained beyond 3.8 with 1 column on")


@pytest.mark.parametrize("n", [8, 20, 300])
@pytest.mark.parametrize("f", [lambda x: x, np.exp, lambda x: -(x**3), lambda x: 5 - 1e-3 * x])
def test_monotone_functions_are_perfect(rng, n, f):
    x = rng.normal(size=n)
    assert is_perfect(side(x), side(f(x)))


def test_noise_is_not_perfect(rng):
    x = rng.normal(size=300)
    assert not is_perfect(side(x), side(x + 1e-3 * rng.normal(size=300)))
    swapped = x.copy()
    swapped[[200, 250]] = swapped[[250, 200]]
    assert not is_perfect(side(x), side(swapped))


def test_a_column_on_both_sides(rng):
    X, Y = rng.normal(size=(200, 5)), rng.normal(size=(200, 3))
    assert not is_perfect(side(X), side(Y))
    Y[:, 1] = np.sinh(-X[:, 3])
    assert is_perfect(side(X), side(Y))


def test_linear_combinations(rng):
    X = rng.normal(size=(200, 5))
    w = rng.normal(size=(5, 2))
    assert is_perfect(side(X), side(X @ w))
    assert is_perfect(side(X), side((X @ w)[:, 0]))
    assert not is_perfect(side(X), side(X @ w + 0.01 * rng.normal(size=(200, 2))))


def test_with_more_columns_than_rows_a_linear_relation_means_nothing(rng):
    assert not is_perfect(side(rng.normal(size=(20, 30))), side(rng.normal(size=20)))


def test_relations_that_the_first_rows_do_not_show(rng):
    X = rng.normal(size=(500, 3))
    X[:400, 0] = 0.0
    assert is_perfect(side(X), side(np.c_[X[:, 0], rng.normal(size=500)]))


def test_discrete_sides_are_never_perfect():
    codes = np.arange(60) % 3
    assert not is_perfect(side(codes), side(codes))


def test_rows_left_out_do_not_depend_on_the_order(monkeypatch, rng):
    monkeypatch.setattr(_domain, "MAX_CELLS", 300)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 1))
    rows = rows_to_use(x, y)
    assert len(rows) == 100
    order = rng.permutation(200)
    again = rows_to_use(x[order][:, ::-1], y[order])
    assert_array_equal(np.sort(order[again]), rows)
    assert_array_equal(rows_to_use(y, x), rows)
    assert rows_to_use(x[:100], y[:100]) is None
