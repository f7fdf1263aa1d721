"""All columns together share no less than two of them do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from frequencies import plug_in

import skmist._information as information
from skmist import MISTEstimator, mutual_info
from skmist._encoding import encode, infer_types, requested_types
from skmist._inference import Engine
from skmist._lower_bound import _columns, _n_columns, bound_by_columns, promising
from skmist._validation import read_pair, read_table
from skmist.core.best_pairs import MOST_PAIRS


def wave(n, seed, idle=4):
    """Return a wave of five periods in one column, idle ones beside it, and y with noise."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    y = np.sin(10 * np.pi * x) + 0.3 * rng.normal(size=n)
    return np.column_stack([rng.normal(size=(n, idle)), x]), y


def test_fine_waves_are_seen_beside_idle_columns():
    """0.862 nats, by a numerical integral."""
    est = MISTEstimator()
    for seed in range(3):
        X, y = wave(500, seed)
        est.fit(X, y)
        low, high = est.interval_
        assert low <= 0.862 <= high and est.mi_ == pytest.approx(0.862, abs=0.2)
        assert np.all(np.diff(est.quantiles_) >= 0)


def stripes(n, seed, idle=9):
    """Return a column, idle ones beside it, and in which of 60 intervals it lies, modulo four."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    y = np.array(list("abcd"), dtype=object)[(x * 60).astype(int) % 4]
    return np.column_stack([rng.normal(size=(n, idle)), x]), y


def test_nothing_is_lowered_and_most_stays(monkeypatch):
    rng = np.random.default_rng(0)
    cases = [stripes(3000, 1)]
    for d in (2, 3, 5):
        X = rng.normal(size=(200, d))
        cases.append((X, X @ rng.normal(size=(d, 2)) + rng.normal(size=(200, 2))))
    cases.append((rng.normal(size=(200, 3)), rng.normal(size=200)))
    est = MISTEstimator()
    raised = [est.fit(X, y).quantiles_ for X, y in cases]

    def nothing(pairs, quantiles, levels, engine):
        return np.full(quantiles.shape, -np.inf)

    monkeypatch.setattr(information, "bound_by_columns", nothing)
    alone = [est.fit(X, y).quantiles_ for X, y in cases]
    middle = len(est.quantile_levels_) // 2
    assert raised[0][middle] > alone[0][middle] + 0.3
    for a, b in zip(raised, alone, strict=True):
        assert (a >= b).all()
    for a, b in zip(raised[1:], alone[1:], strict=True):
        assert a[middle] == b[middle]


def test_columns_of_labels_and_waves_among_categories():
    """y tells in which of 24 intervals x lies, modulo two: log 2 nats."""
    rng = np.random.default_rng(3)
    x = rng.random(3000)
    y = np.array(["even", "odd"], dtype=object)[(x * 24).astype(int) % 2]
    X = np.column_stack([rng.normal(size=(3000, 3)), x])
    assert float(mutual_info(X, y)) == pytest.approx(np.log(2), abs=0.12)


def sides(X, y):
    tables = read_pair(X, y, caller="test", missing="error")
    return tuple(encode(t, np.full(t.n_columns, "continuous", dtype=object)) for t in tables)


def test_too_many_pairs_are_left_alone():
    rng = np.random.default_rng(0)
    X, y = wave(200, 0, idle=MOST_PAIRS)
    levels = np.array(Engine().config.levels)
    low = np.zeros((1, len(levels)))
    assert np.isneginf(bound_by_columns([sides(X, y)], low, levels, Engine())).all()
    one = sides(X[:, -1:], y)
    assert np.isneginf(bound_by_columns([one], low, levels, Engine())).all()  # is read as it is
    found = bound_by_columns([sides(X[:, -3:], y)], low, levels, Engine())
    assert found[0, -1] > 0.5 and (np.diff(found[0][np.isfinite(found[0])]) >= 0).all()
    independent = sides(rng.normal(size=(200, 3)), y)
    assert np.isneginf(bound_by_columns([independent], low + 1, levels, Engine())).all()


@pytest.mark.parametrize(
    ("names", "count"), [("a", 1), ("b", 1), ("c", 1), ("ad", 2), ("ab", 2), ("bc", 1), ("abcd", 4)]
)
def test_columns_are_counted_without_making_them(names, count, rng):
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=400),
            "b": rng.choice(list("uvwxyz"), 400),
            "c": rng.random(400) < 0.5,
            "d": rng.normal(size=400),
        }
    )
    table = read_table(frame[list(names)], role="X", caller="test", one_d=True)
    side = encode(table, infer_types(table, requested_types("auto", table)))
    assert _n_columns(side) == len(_columns(side)) == count


def test_sets_that_share_columns_are_asked_of_once(monkeypatch):
    X, y = wave(300, 2)
    levels = np.array(Engine().config.levels)
    asked = []
    judge = Engine.judge
    monkeypatch.setattr(Engine, "judge", lambda self, q: asked.append(len(q)) or judge(self, q))
    pairs = [sides(X[:, kept], y) for kept in ([3, 4], [2, 4], [0, 1, 4])]
    low = np.zeros((3, len(levels)))
    found = bound_by_columns(pairs, low, levels, Engine())
    assert (found[:, -1] > 0.5).all()
    for pair, row in zip(pairs, found, strict=True):
        np.testing.assert_allclose(
            bound_by_columns([pair], low[:1], levels, Engine())[0], row, rtol=1e-5
        )
    assert asked[0] <= sum(asked[1:]) - 2


def test_pairs_that_hang_together_are_chosen():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(800, 5)), rng.normal(size=(800, 4))
    y[:, 2] = np.sin(8 * x[:, 1]) + 0.2 * y[:, 2]
    y[:, 0] = x[:, 3] + y[:, 0]
    left, right = ([(column, False) for column in v.T[..., None]] for v in (x, y))
    assert set(promising(left, right, 0.0)) == {(1, 2), (3, 0)}
    assert promising(left, right, 5.0) == []
    assert promising(right, left, 0.2)[0] in ((2, 1), (0, 3))


def test_what_tables_show_is_the_plug_in_estimate_less_chance():
    from skmist._lower_bound import DEVIATIONS, _shared

    rng = np.random.default_rng(6)
    i, j = rng.integers(0, 5, size=(400, 2)), rng.integers(0, 3, size=(400, 1))
    j = np.hstack([j, (i[:, :1] + j) % 3])
    found = _shared(i, j)
    for a in range(2):
        for b in range(2):
            expected = plug_in(i[:, a], j[:, b]) - DEVIATIONS * np.sqrt(2 * 8) / 800
            assert found[a, b] == pytest.approx(expected, abs=1e-9)


def test_many_categories_are_seen_beside_idle_columns():
    """0.81 nats, by the density of a mixture; more categories than have indicators."""
    rng = np.random.default_rng(7)
    effect = 1.5 * rng.normal(size=60)
    code = rng.integers(0, 60, size=2000)
    y = effect[code] + 0.7 * rng.normal(size=2000)
    frame = pd.DataFrame(rng.normal(size=(2000, 3)), columns=list("abc"))
    frame["city"] = [f"c{k}" for k in code]
    gaps = (y[:, None] - effect) / 0.7
    density = np.exp(-(gaps**2) / 2).mean(axis=1)
    true = np.mean(-(gaps[np.arange(2000), code] ** 2) / 2 - np.log(density))
    est = MISTEstimator().fit(frame, y)
    low, high = est.interval_
    assert low <= true <= high and est.mi_ == pytest.approx(true, abs=0.12)
    names = rng.permutation(60)
    frame["city"] = [f"x{names[k]:02d}" for k in code]
    assert MISTEstimator().fit(frame, y).mi_ == pytest.approx(est.mi_, rel=1e-4)


def test_numbers_of_two_values_may_be_any():
    X, y = wave(400, 4, idle=2)
    flag = np.where(y > 0, 7.5, -3.2)
    X = np.column_stack([X, np.where(np.arange(400) % 3 == 0, -1.0, -8.0)])
    found = [
        MISTEstimator(x_types="continuous", y_type=t).score(X, flag) for t in ("auto", "continuous")
    ]
    assert min(found) > 0.3
