"""What counts as outside the trained range, and which rows are read when there are too many."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import MISTEstimator, OutOfDomainWarning, _domain, mutual_info
from skmist._domain import is_perfect, range_reasons, rows_to_use, strength_reasons
from skmist._domain_rows import COPIES, EVEN, RowRules
from skmist._domain_serial import SERIAL
from skmist._domain_ties import HEAPED, REPEATED, SPARSE
from skmist._encoding import encode, infer_types, requested_types
from skmist._validation import read_table
from skmist.core import CoreConfig

CONFIG = CoreConfig(n_min=8, n_max=500, d_max=16, mi_max=10.0)


def side(values):
    table = read_table(values, role="X", caller="Caller", one_d=True)
    return encode(table, infer_types(table, requested_types("auto", table)))


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


def test_equal_rows_are_left_out_one_by_one(monkeypatch, rng):
    monkeypatch.setattr(_domain, "MAX_CELLS", 8000)
    x, y = rng.integers(0, 2, (2, 10_000, 1)).astype(float)
    rows = rows_to_use(x, y)
    assert len(rows) in (3999, 4000)
    code = (2 * x + y)[:, 0].astype(int)
    counts = np.bincount(code[rows])
    assert_allclose(counts, 0.4 * np.bincount(code), rtol=0.1)
    order = rng.permutation(10_000)
    again = rows_to_use(x[order], y[order])
    assert_array_equal(np.bincount(code[order][again]), counts)


def normal_pair(rng, n=500, rho=0.7):
    x = rng.normal(size=n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)


def repeated_rows(rng):
    x, y = normal_pair(rng, 60)
    rows = rng.integers(0, 60, 500)
    return x[rows], y[rows]


def walks(rng):
    return tuple(rng.normal(size=(2, 500)).cumsum(axis=1))


def copied(rng):
    x, y = normal_pair(rng)
    return np.c_[x, np.exp(x), -x, 2 * x, rng.normal(size=500)], y


def sobol_points(rng):
    from scipy.stats import qmc

    return tuple(qmc.Sobol(2, seed=rng).random(512).T)


def lattice(rng, n=211):
    """Return a lattice, which the cells of a grid show for some multiples only."""
    i = np.arange(n)
    return i, (int(rng.integers(15, n // 2)) * i) % n


def multiples_of_an_irrational(rng):
    i = np.arange(300)
    return i, (i * (np.sqrt(5) - 1) / 2 + rng.random()) % 1


def stated(rng):
    """Return heights of people in centimetres, many of which were stated in tens."""
    heights = 170 + 9 * np.c_[normal_pair(rng, 800)]
    rough = rng.random((800, 2)) < 0.6
    return tuple(np.where(rough, 10 * np.round(heights / 10), np.round(heights)).T)


def dry_weather(rng):
    x, y = normal_pair(rng, 400)
    wet = np.arange(400) % 16 == 0
    return x * wet, y * wet


PECULIAR = {
    "lattice": (lattice, EVEN),
    "multiples of an irrational number": (multiples_of_an_irrational, EVEN),
    "stated numbers": (stated, HEAPED),
    "dry weather": (dry_weather, SPARSE),
    "repeated rows": (repeated_rows, REPEATED),
    "random walks": (walks, SERIAL),
    "copies": (copied, COPIES),
    "quasi-random points": (sobol_points, EVEN),
}


@pytest.mark.parametrize("name", PECULIAR)
def test_each_rule_has_its_data(rng, name):
    draw, reason = PECULIAR[name]
    x, y = draw(rng)
    assert RowRules().reasons(side(x), side(y)) == [reason]
    assert RowRules().reasons(side(y), side(x)) == [reason]
    shuffled = rng.permutation(len(x))
    expected = [] if reason == SERIAL else [reason]
    assert RowRules().reasons(side(x[shuffled]), side(y[shuffled])) == expected


def rounded(rng):
    x, y = normal_pair(rng, rho=0.9)
    return np.round(8 * x), np.round(8 * y)


def rain(rng):
    x, y = normal_pair(rng)
    wet = rng.random(500) < 0.3
    return x * wet, y * wet


def sorted_table(rng):
    x, y = normal_pair(rng, rho=0.99)
    order = np.argsort(x)
    return x[order], y[order]


def sorted_by_a_third(rng):
    z = np.sort(rng.normal(size=500))
    return z + 0.3 * rng.normal(size=500), z + 0.3 * rng.normal(size=500)


def one_group_after_the_other(rng):
    shift = np.repeat([0.0, 5.0, 2.0], 170)
    return shift + rng.normal(size=510), shift + rng.normal(size=510)


def noisy_copies(rng):
    x, y = normal_pair(rng)
    return x[:, None] + 1e-3 * rng.normal(size=(500, 6)), y


def a_few_copies(rng):
    X, y = rng.normal(size=(500, 6)), rng.normal(size=500)
    X[:, 1] = X[:, 0]
    return X, y


def counts(rng):
    rate = rng.gamma(2.0, 6.0, size=(500, 1))
    return rng.poisson(rate * [1, 2]).T


def two_digits(rng):
    """Return two significant digits of numbers of several magnitudes."""
    z = np.exp(2 + 1.5 * np.c_[normal_pair(rng)])
    size = 10 ** (np.floor(np.log10(z)) - 1)
    return (np.round(z / size) * size).T


def prices(rng):
    return (np.round(3 * np.exp(np.c_[normal_pair(rng)])) - 0.01).T


def ages(rng):
    age = rng.integers(18, 80, 1000)
    return age, age - rng.integers(0, 18, 1000)


def censored(rng):
    return np.clip(np.c_[normal_pair(rng)], -0.5, 1.0).T


def mostly_dry(rng):
    x, y = normal_pair(rng, 1000)
    wet = rng.random(1000) < 0.12
    return x * wet, y * wet


def sparse_counts(rng):
    return rng.poisson(rng.gamma(0.2, 1.0, size=(300, 1)), size=(300, 2)).T


def flags(rng):
    return (rng.random((2, 300)) < 0.02).astype(float)


def days_of_visits(rng):
    """Return when visits were, in their order, and a measurement at each."""
    days = np.sort(rng.integers(0, 365, 500))
    return days, np.sin(days / 58) + rng.normal(size=500)


@pytest.mark.parametrize(
    "draw",
    [
        normal_pair, rounded, rain, sorted_table, sorted_by_a_third, one_group_after_the_other,
        noisy_copies, a_few_copies, counts, two_digits, prices, ages, censored, mostly_dry,
        sparse_counts, flags, days_of_visits,
    ],
)  # fmt: skip
def test_ordinary_data_pass(rng, draw):
    for _ in range(5):
        x, y = draw(rng)
        assert RowRules().reasons(side(x), side(y)) == []


@pytest.mark.parametrize("n", [8, 30, 100, 300, 1000])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.99])
def test_independent_draws_pass(rng, n, rho):
    for _ in range(100):
        x, y = normal_pair(rng, n, rho)
        assert RowRules().reasons(side(x), side(y)) == []


def test_real_tables_pass():
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

    for load in (load_diabetes, load_breast_cancer, load_wine, load_digits):
        X, y = load(return_X_y=True)
        X = X[:, (X != X[0]).any(axis=0)]
        sides, rules = [side(column) for column in X.T], RowRules()
        for k, a in enumerate(sides):
            assert rules.reasons(a, side(y)) == []
            assert not any(rules.reasons(a, b) for b in sides[:k])


def test_intervals_widen(rng):
    a, b = (side(column) for column in normal_pair(rng))
    given = np.array([0.2, 0.5])

    def widened(reasons, bound=np.inf):
        return RowRules().widened(given, reasons, bound, a, b)

    assert_array_equal(widened([_domain.PERFECT, HEAPED]), given)
    assert_array_equal(widened([REPEATED]), [0.0, 1.0])
    assert_array_equal(widened([SPARSE]), [0.0, 1.0])
    assert_array_equal(widened([COPIES], 0.7), [0.0, 0.7])
    assert_array_equal(widened([EVEN]), [0.0, np.inf])


def test_repeated_rows_widen_the_interval(rng):
    x, y = repeated_rows(rng)
    with pytest.warns(OutOfDomainWarning, match="occur twice or more, .* drop the dup"):
        fitted = MISTEstimator(units="bits").fit(x[:, None], y)
    assert fitted.in_domain_ is False
    assert fitted.interval_[0] == 0
    assert fitted.interval_[1] > 1.5 * fitted.mi_


def test_time_series_widen_the_interval_alone(rng):
    x, y = walks(rng)
    with pytest.warns(OutOfDomainWarning, match="as in time series"):
        fitted = MISTEstimator().fit(x[:, None], y)
    order = rng.permutation(len(x))
    again = MISTEstimator().fit(x[order, None], y[order])
    assert (fitted.in_domain_, again.in_domain_) == (False, True)
    np.testing.assert_allclose(again.mi_, fitted.mi_, rtol=1e-4)
    np.testing.assert_allclose(again.quantiles_, fitted.quantiles_, rtol=1e-3)
    assert fitted.interval_[0] == 0 < again.interval_[0]
    assert fitted.interval_[1] > again.interval_[1]


@pytest.mark.parametrize("n", [40, 100, 400])
def test_a_few_numbers_apart_from_a_point_mass_are_not_taken_for_labels(rng, n):
    x, y = rng.normal(size=(2, n))
    active = np.arange(n) < 8
    with pytest.warns(OutOfDomainWarning, match="more rows are needed"):
        fitted = MISTEstimator().fit((x * active)[:, None], y * active)
    p = 8 / n
    information = -p * np.log(p) - (1 - p) * np.log1p(-p)  # of which values are 0, and no more
    assert fitted.interval_[0] < information < fitted.interval_[1]


def test_a_step_function_of_one_column_among_others_is_perfect(rng):
    X = rng.uniform(size=(200, 3))
    with pytest.warns(OutOfDomainWarning, match="determines the other exactly"):
        found = mutual_info(X, np.floor(30 * X[:, 1]))
    assert found.interval[1] > np.log(30)


def repeated(rng, n=200):
    X, label = rng.normal(size=(n, 3)), rng.integers(0, 2, n)
    group = np.array(list("uvw"))[rng.integers(0, 3, n)]
    mixed = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "group": group})
    some = rng.choice(n, n // 3, replace=False)
    return {
        "twice, labels": (np.r_[X, X], np.r_[label, label]),
        "some, labels": (np.r_[X, X[some]], np.r_[label, label[some]]),
        "some, one column": (np.r_[X, X[some]][:, :1], np.r_[label, label[some]]),
        "twice, mixed": (pd.concat([mixed] * 2), np.r_[X[:, 2], X[:, 2]]),
        "some, mixed": (pd.concat([mixed, mixed.iloc[some]]), np.r_[X[:, 2], X[some, 2]]),
    }


@pytest.mark.parametrize("kind", repeated(np.random.default_rng(0)))
def test_rows_with_labels_that_repeat(rng, kind):
    with pytest.warns(OutOfDomainWarning, match="rows occur twice or more"):
        found = mutual_info(*repeated(rng)[kind])
    assert found.interval[0] == 0


def test_rounded_numbers_and_labels_are_no_repetition(rng):
    x, zero = rng.normal(size=1000), rng.random(1000) < 0.6
    counts = rng.negative_binomial(1, 0.02, 1000)
    some = np.where(zero, 0, x)
    group = np.array(list("abcde"))[rng.integers(0, 5, 1000)]
    pairs = [
        (np.round(x, 2), x > 0),
        (np.round(x, 1), x + rng.normal(size=1000) > 0),
        (np.log1p(counts), counts > 40),
        (some, zero),
        (pd.DataFrame({"a": some, "group": group}), np.where(zero, 0, x + rng.normal(size=1000))),
    ]
    for X, y in pairs:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mutual_info(X, y)


def test_rounded_copies_are_found_in_any_order_of_rows(rng):
    v = rng.normal(size=200)
    X = np.column_stack([np.round(v, 1), rng.normal(size=(200, 4))])
    for order in (np.arange(200), np.argsort(v), np.argsort(-v), rng.permutation(200)):
        for sign in (1, -1):
            assert is_perfect(side(sign * X[order]), side(v[order]))
            assert is_perfect(side(v[order]), side(sign * X[order]))
