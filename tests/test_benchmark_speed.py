"""The suite speed: what its helpers measure, and its tables from made-up figures."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_info

from benchmarks import bmi40, speed, speed_tables


def test_time_of_all_columns_from_some():
    seen = []

    def call(part):
        seen.append(part.shape)
        time.sleep(0.002 * part.shape[1])

    assert 0.1 <= speed.extrapolated(call, np.zeros((3, 50)), 5) < 1
    assert set(seen) == {(3, 5)}


def test_a_long_call_is_made_once(monkeypatch):
    monkeypatch.setattr(speed, "LONG", 0.001)
    calls = []
    assert speed.seconds(lambda: (calls.append(0), time.sleep(0.002))) >= 0.002
    assert len(calls) == 1


def test_labels_are_equally_frequent_and_follow_the_number():
    X, number = speed.selection_data(1000, 6, None)
    again, label = speed.selection_data(1000, 6, 5)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(np.bincount(label), [200] * 5)
    assert (np.diff(label[np.argsort(number)]) >= 0).all()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_memory_counts_the_call_and_not_its_data():
    def make(n, width):
        held = np.ones((n, width))
        return lambda: (held + 1).sum()

    n, width = 2**17, 64  # 64 MiB
    taken, mib = speed._growth(make, n, width, 1)
    assert taken > 0
    assert 60 < mib < 80


def test_threads_are_limited_and_given_back():
    before = torch.get_num_threads()
    with speed.limited(1):
        assert torch.get_num_threads() == 1
        assert all(pool["num_threads"] == 1 for pool in threadpool_info())
    assert torch.get_num_threads() == before


def test_both_targets_are_timed():
    for classes, peer in ((None, "mutual_info_regression"), (5, "mutual_info_classif")):
        frame = speed.select_features(None, 1, ((60, 8, 6),), classes)
        assert list(frame["target"]) == [peer]
        assert (frame[["mist", "sklearn"]] > 0).all(axis=None)


def test_neural_peers_are_run_where_they_are_installed(monkeypatch):
    calls = []
    monkeypatch.setattr(
        speed.subprocess, "run", lambda *args, **kwargs: calls.append((args, kwargs))
    )
    speed.run_neural_peers("some/python", 2)
    ((command,), how) = calls[0]
    assert command[:4] == ["some/python", "-m", "benchmarks", "bmi40"]
    assert "mine,infonce,nwj" in command and "--force" in command
    assert how["check"] and how["env"]["OMP_NUM_THREADS"] == "2"
    assert (Path(how["cwd"]) / "benchmarks").is_dir()


def test_neural_peers_on_file_are_compared_on_their_own_data(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "RANKED", 3)
    problems = [p for p in bmi40.problems(0) if p.n == 2000][:2]
    small = next(p for p in bmi40.problems(0) if p.n == 200)
    wide = next(p for p in bmi40.problems(0) if p.n == 2000 and p.dx > 1)
    rows = [
        {"index": p.index, "n": p.n, "dx": p.dx, "dy": p.dy, "seconds": 10.0 * p.n * p.dx}
        for p in (*problems, wide, small)
    ]
    path = tmp_path / "mine.csv"
    path.write_text("# a note\n" + pd.DataFrame(rows).to_csv(index=False))
    frame = speed.neural_peers({"mine": path, "nwj": tmp_path / "none.csv"}, None, 1)
    assert list(frame["estimator"]) == ["mine", "mine"]
    assert list(frame["features"]) == [1, 3]
    assert list(frame["tasks"]) == [3, 2]  # pairs of columns alone are ranked
    assert_allclose(frame["neural"], [20_000 * (2 + wide.dx) / 3, 20_000])
    assert frame["mist"].between(0, 60, inclusive="neither").all()


def test_tables():
    select = {"target": ["mutual_info_regression", "mutual_info_classif"], "n": [1000, 100_000]}
    select |= {"features": [10, 100], "timed": [10, 10], "mist": [0.5, 2.0], "sklearn": [1.0, 7.0]}
    single = {"n": [200], "d": [5], "mist": [2.0], "ksg": [1.0]}
    single |= {"mist_mib": [np.nan], "ksg_mib": [31.4]}
    large = {"n": [1_000_000], "features": [10], "mist": [8.0], "mist_mib": [1642.0]}
    large |= {"input_mib": [76.3]}
    neural = {"estimator": ["mine"] * 2, "features": [1, 1000], "tasks": [12, 5]}
    neural |= {"mist": [0.02, 0.002], "neural": [44.0, 40.0]}
    frames = {"select": select, "single": single, "large": large, "neural": neural}
    frames = {name: pd.DataFrame(columns) for name, columns in frames.items()}
    text = speed_tables.write(frames, "2 CPU cores", 1, 2.0, 5)
    assert "| 1,000 | 10 | 0.50 | 1.0 | 2.0× |" in text
    assert "| 100,000 | 100 | 2.0 | 7.0\\* | 3.5× |" in text
    assert "timed at n = 100,000 on 10 of the 100 features" in text
    assert "| 200 | 5 | 2.0 | 1.0 | 0.50× | – | 31 |" in text
    assert "| 1,000,000 | 10 | 8.0 | 76 | 1,642 |" in text
    assert "| MINE | one estimate | 12 | 0.020 | 44 | 2200× |" in text
    assert "| MINE | one of 1,000 features | 5 | 0.0020 | 40 | 20000× |" in text
    assert "from an earlier run" in text
    assert "measured in this run. Ours" in speed_tables.write(frames, "2 cores", 1, 2.0, 5, True)
    frames["neural"] = frames["neural"].iloc[:0]
    assert "MINE" not in speed_tables.write(frames, "2 CPU cores", 1, 2.0, 5)
