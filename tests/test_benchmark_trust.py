"""The suites on intervals and tests: settings are what they claim, tables follow from raw files."""

import argparse

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks.trust import (
    commands,
    common,
    consistency,
    domain,
    independence,
    intervals,
    level,
    power,
)
from skmist import MISTEstimator


@pytest.fixture
def args(checkpoint):
    return argparse.Namespace(
        checkpoint=str(checkpoint), quick=True, jobs=1, no_report=False, peers=False
    )


@pytest.mark.parametrize("setting", level.SETTINGS)
@pytest.mark.parametrize("n", [20, 100])
def test_level_settings(setting, n, rng):
    X, y = level.SETTINGS[setting](rng, n)
    assert len(X) == len(y) == n
    untied = all(len(np.unique(c)) == n for c in (*X.T, *np.reshape(y, (n, -1)).T))
    assert untied == ("columns" in setting)
    assert (level.PERMUTATIONS + 1) * 0.05 == pytest.approx(1)


def test_level(args, tmp_path, monkeypatch):
    monkeypatch.setattr(level, "SIZES", (20,))
    some = {k: level.SETTINGS[k] for k in ("1 + 1 columns", "discrete y")}
    monkeypatch.setattr(level, "SETTINGS", some)
    level.run(args, tmp_path)
    text, summary = level.describe(tmp_path)
    assert len(summary) == len(level.SETTINGS)
    assert summary["rate"].between(0, 1).all()
    assert text.count("\n| ") == 1 + len(level.SETTINGS)
    assert "weights=small.safetensors" in text


def test_level_counts_the_attainable_level_itself(tmp_path):
    rows = [{"setting": "discrete y", "n": n, "index": i, "pvalue": (i + 1) / 20}
            for n in level.SIZES for i in range(20)]  # fmt: skip
    common.write_raw(tmp_path / "mist.csv", rows)
    assert (level.describe(tmp_path)[1]["rate"] == 0.05).all()


def test_power_is_left_out_without_hyppo(args, tmp_path, capsys):
    args.hyppo = str(tmp_path / "no-such-python")
    power.run(args, tmp_path)
    assert "pip install hyppo" in capsys.readouterr().err
    assert "Not run" in power.describe(tmp_path)[0]


def test_power_table(tmp_path):
    ours = [{"setting": "linear", "d": d, "index": i, "pvalue": p, "seconds": 0.01}
            for d in (1, 3) for i, p in enumerate((0.01, 0.05, 0.2, 0.9))]  # fmt: skip
    common.write_raw(tmp_path / "mist.csv", ours, "weights=some")
    peers = [{"test": "Dcorr", "setting": "linear", "d": d, "repeats": 4, "power": 0.25,
              "seconds": 0.1} for d in (1, 3)]  # fmt: skip
    common.write_raw(tmp_path / "hyppo.csv", peers)
    text, summary = power.describe(tmp_path)
    assert summary.groupby("test")["power"].mean().to_dict() == {"Dcorr": 0.25, "scikit-mist": 0.5}
    assert "| scikit-mist | 0.500 | 0.500 | 10 | 10 |" in text


def test_intervals(args, tmp_path, monkeypatch):
    few = [(g, p) for g, p in intervals.problems(False) if p.n <= 200 and p.dx <= 3][:2]
    monkeypatch.setattr(intervals, "problems", lambda quick: few)
    intervals.run(args, tmp_path)
    _, summary = intervals.describe(tmp_path)
    assert set(summary["method"]) == set(intervals.TITLES)
    assert (summary["width"] > 0).all()
    kept = (tmp_path / "boot_cca.csv").stat().st_mtime_ns
    intervals.run(args, tmp_path)
    assert (tmp_path / "boot_cca.csv").stat().st_mtime_ns == kept


def test_intervals_subset():
    problems = intervals.problems(False)
    groups = pd.Series([g for g, _ in problems]).value_counts()
    assert groups.filter(like="mtest").sum() == 117
    assert groups["bmi40, n = 200"] == groups["bmi40, n = 500"] == 40
    assert groups["bmi40, n = 2,000"] == 10


def test_an_infinite_bootstrap_is_a_wide_interval():
    group, problem = next((g, p) for g, p in intervals.problems(False) if p.n <= p.dx)
    row = intervals._row("boot_cca", group, problem, None, 20)
    assert np.isnan(row["high"]) or row["high"] == np.inf


@pytest.mark.parametrize("data", consistency.DATA)
def test_consistency_of_exact_answers(data, rng):
    """An oracle that answers 1 whatever it is asked passes all that compares two answers."""
    checks = list(consistency.DATA[data](rng, lambda X, y: (1.0, 0.0, 2.0)))
    assert len(checks) > 12
    assert all(passed for _, passed, _ in checks)
    rising = iter(np.arange(1000.0))
    checks = list(consistency.DATA[data](rng, lambda X, y: (v := next(rising), v - 0.1, v + 0.1)))
    assert not all(passed for _, passed, _ in checks)


def test_consistency(args, tmp_path, monkeypatch):
    monkeypatch.setattr(consistency, "DATA", {"synthetic": consistency.synthetic})
    consistency.run(args, tmp_path)
    _, summary = consistency.describe(tmp_path)
    exact = summary["check"].isin(["monotone maps of columns", "swap of X and y"])
    assert exact.sum() == 2
    assert (summary.loc[exact, "passed"] == 1).all()


@pytest.mark.parametrize("name", domain.KINDS)
def test_domain_kinds(name, rng, checkpoint):
    X, y = domain.KINDS[name].draw(rng)
    assert len(X) == len(y)
    assert np.isfinite(X).all() and np.isfinite(y).all()


def test_domain_values():
    assert len(domain.KINDS) >= 10
    assert domain.KINDS["columns"].mi == pytest.approx(0.5 * np.log(2))
    assert domain.NORMAL == pytest.approx(0.4133, abs=1e-4)


def test_domain(args, tmp_path, monkeypatch):
    some = {k: domain.KINDS[k] for k in ("columns", "copies")}
    monkeypatch.setattr(domain, "KINDS", some)
    domain.run(args, tmp_path)
    text, summary = domain.describe(tmp_path)
    shares = summary.set_index("kind")["warned"]
    assert shares["columns"] == 1
    assert "false alarms: mtest, in" in text


def test_independence_draws():
    x, y, other = independence.draw_both("ten pairs, correlation 0.4", 500, 0)
    assert x.shape == y.shape == other.shape == (500, independence.COLUMNS)
    assert_allclose(np.sort(y, axis=0), np.sort(other, axis=0))
    rho = [[np.corrcoef(x[:, j], v[:, j])[0, 1] for j in range(20)] for v in (y, other)]
    assert_allclose(rho[0], 10 * [0.4] + 10 * [0.0], atol=0.2)
    assert_allclose(rho[1], 0, atol=0.2)
    x, y, _ = independence.draw_both("product of two", 500, 0)
    assert_allclose(y[:, 0], x[:, 0] * x[:, -1], atol=1.5)
    assert abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) < 0.2


def test_independence(args, tmp_path, monkeypatch):
    kind = "one pair, correlation 0.8"
    monkeypatch.setattr(independence, "KINDS", {kind: independence.KINDS[kind]})
    monkeypatch.setattr(independence, "COLUMNS", 2)
    independence.run(args, tmp_path)
    text, summary = independence.describe(tmp_path)
    auc = summary.set_index("estimator")["auc"]
    assert list(auc.index) == list(independence.NAMES)
    assert auc["ksg5"] == auc["cca_rank_lw"] == 1
    assert (summary["datasets"] == 4).all()
    assert f"| {kind} | scikit-mist |" in text


def test_commands(monkeypatch, tmp_path, args):
    assert list(commands.SUITES) == [
        "level", "power", "independence", "intervals", "domain", "consistency"
    ]  # fmt: skip
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers(dest="command"))
    parsed = parser.parse_args(["level", "--quick", "--checkpoint", args.checkpoint])
    monkeypatch.setattr(common, "QUICK", tmp_path)
    monkeypatch.setattr(level, "SIZES", (20,))
    monkeypatch.setattr(level, "SETTINGS", {"discrete y": level.SETTINGS["discrete y"]})
    commands.main(parsed)
    assert (tmp_path / "level.md").exists() and (tmp_path / "level.csv").exists()


def test_the_uniform_kind_of_pvalue_is_that_of_users(checkpoint, rng):
    """The suite asks the public class, with the data as users would pass them."""
    X, y = level.SETTINGS["heavily tied X"](level.stream("level", "heavily tied X", 20, 0), 20)
    rows = level._pvalues("heavily tied X", 20, range(1), str(checkpoint))
    fitted = MISTEstimator(
        pvalue=True, n_permutations=19, random_state=0, checkpoint=checkpoint
    ).fit(X, y)
    assert rows[0]["pvalue"] == fitted.pvalue_
