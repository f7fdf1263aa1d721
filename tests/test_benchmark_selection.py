"""The parts of the suite tables on stopping and on conditional information, and the suite large."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import conditional, realdata, speed_large, stopping


def test_normal_conditional_information_by_partial_correlation(rng):
    weights = rng.normal(size=(3, 3))
    precision = np.linalg.inv(weights @ weights.T)
    partial = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    case = conditional.normal_case("", weights, 1, 1)
    assert case.value == pytest.approx(-np.log(1 - partial**2) / 2)
    x, y, z = case.draw(rng, 10)
    assert x.shape == y.shape == z.shape == (10, 1)


def test_values_of_all_cases():
    values = {case.name: case.value for case in conditional.cases()}
    assert values["chain x, z, y"] == pytest.approx(0, abs=1e-12)
    assert values["common cause z"] == pytest.approx(0, abs=1e-12)
    # given z, y = x + e with var(x | z) = 1 - 0.36 / 1.61 and e ~ N(0, 1) as far as z leaves open
    x, y, z = [1, 0, 0, 0.6], [1, 1, 0, 0.6], [0, 0, 0.5, 1]
    cov = np.array([x, y, z]) @ np.array([x, y, z]).T
    rest = cov[:2, :2] - np.outer(cov[:2, 2], cov[2, :2]) / cov[2, 2]
    expected = -np.log(1 - rest[0, 1] ** 2 / (rest[0, 0] * rest[1, 1])) / 2
    assert values["common cause and direct effect"] == pytest.approx(expected)
    assert all(value >= 0 for value in values.values())


def test_discrete_cases_by_simulation(rng):
    cases = {case.name: case for case in conditional.cases()}
    coins = cases["exclusive or of coins"]
    x, y, z = coins.draw(rng, 200_000)
    table = np.histogramdd(np.c_[x, y, z], bins=(2, 2, 2))[0] / len(x)
    xz, yz, only_z = table.sum(1, keepdims=True), table.sum(0, keepdims=True), table.sum((0, 1))
    assert (table * np.log(table * only_z / (xz * yz))).sum() == pytest.approx(
        coins.value, abs=0.01
    )
    normal = cases["normal pair for each of 3 labels"]
    x, y, z = normal.draw(rng, 200_000)
    rho = [np.corrcoef(x[z == k], y[z == k])[0, 1] for k in range(3)]
    assert np.mean(-np.log(1 - np.square(rho)) / 2) == pytest.approx(normal.value, abs=0.01)


def test_rows_of_conditional_information(monkeypatch):
    monkeypatch.setattr(conditional, "SIZES", (60,))
    rows = list(conditional.conditional(None, 2))
    assert len(rows) == 3 * len(conditional.cases())
    assert {row[0] for row in rows} == {"cmi-held", "cmi-width", "cmi-error"}
    frame = pd.DataFrame(rows, columns=realdata.RECORD)
    assert frame.loc[frame["part"] == "cmi-held", "value"].isin([0, 0.5, 1]).all()
    assert (frame["value"] >= 0).all()


def test_rows_of_stopping(monkeypatch):
    some = ("relevance, auto", "joint backward, auto")
    monkeypatch.setattr(stopping, "RULES", {rule: stopping.RULES[rule] for rule in some})
    frame = pd.DataFrame(stopping.stopping(None, 1), columns=realdata.RECORD)
    assert list(frame["part"]) == ["noise", "early", "late", "early", "late"] + [
        "early", "late", "early", "late"
    ]  # fmt: skip
    relevance = frame[frame["method"] == some[0]].set_index(["part", "data"])["value"]
    assert relevance["early", "interacting"] == 1  # two columns tell something only together
    assert frame["value"].isin([0, 1]).all()


def test_some_parts_are_run_anew_and_the_others_stay(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(realdata, "RESULTS", tmp_path)
    rows = {"auc": [("auc", "wine", "a", 0.5, 0.1, 3, 1.0)],
            "mixed": [("mixed", "mixed", "b", 1.0, np.nan, 3, 1.0)]}  # fmt: skip
    monkeypatch.setattr(realdata, "parts", lambda checkpoint, quick: rows)
    args = Namespace(parts=None, quick=False, checkpoint=None)
    realdata.main(args)
    rows["auc"] = [("auc", "wine", "a", 0.75, 0.1, 3, 1.0)]
    rows["mixed"] = None
    args.parts = "auc"
    realdata.main(args)
    frame = pd.read_csv(tmp_path / "tables.csv").set_index("part")
    assert dict(frame["value"]) == {"auc": 0.75, "mixed": 1.0}
    assert "| wine | a | 0.750 ± 0.1 | 3 | 1.0 |" in (tmp_path / "tables.md").read_text()
    args.parts = "auk"
    with pytest.raises(SystemExit, match="no part auk; parts are auc, mixed"):
        realdata.main(args)


def test_every_part_has_a_title():
    assert set(realdata.parts(None, True)) == {"auc", "duplicates", "fdr", "downstream", "xor",
                                               "mixed", "stopping", "conditional"}  # fmt: skip
    assert {"noise", "early", "late", "cmi-held", "cmi-width", "cmi-error"} < set(realdata.TITLES)


def test_data_are_written_piece_by_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(speed_large, "CELLS", 21)
    x_path, y_path = speed_large.write_data(tmp_path, 50, 7)
    X, y = np.load(x_path, mmap_mode="r"), np.load(y_path)
    assert X.shape == (50, 7)
    assert X.dtype == y.dtype == np.float32
    assert X.std(axis=0).min() > 0.5
    residual = y - X[:, 0] - X[:, 1]
    assert 0.5 < residual.std() < 1.5
    assert len(np.unique(X)) == 350


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux only")
def test_peak_memory_leaves_out_mapped_files(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones(2**23))  # 64 MiB
    mapped = np.load(path, mmap_mode="r")
    with speed_large.PeakMemory() as memory:
        assert mapped.sum() == 2**23
    assert memory.mib < 20
    with speed_large.PeakMemory() as memory:
        for _ in range(20):
            assert (mapped + 1).sum() == 2**24
    assert 50 < memory.mib < 200


@pytest.mark.slow
def test_a_large_table_is_measured_in_a_process_of_its_own():
    n, p, first, seconds, input_mib, mib = speed_large.measure(None, 1, 2000, 150)
    assert (n, p, first) == (2000, 150, True)
    assert seconds > 0
    assert input_mib == pytest.approx(2000 * 150 * 4 / 2**20)
    frame = pd.DataFrame([[n, p, first, 1.5, input_mib, 12.0]], columns=speed_large.COLUMNS)
    assert "| 2,000 | 150 | yes | 1.5 | 1 | 12 |" in speed_large.to_markdown(frame, 1)
