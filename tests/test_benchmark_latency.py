"""The benchmark latency: what it measures, and its table from made-up figures."""

import numpy as np
import pandas as pd

from benchmarks import latency


def test_single_estimates_are_timed():
    frame = latency.measure(None, ((60, 3, 30.0), (60, 1, None)), threads=1, calls=3)
    assert list(frame["d"]) == [3, 1]
    assert (frame["smallest"] <= frame["median"]).all()
    assert (frame[["smallest", "processor"]] > 0).all(axis=None)
    assert frame["reference"][0] == 30 and np.isnan(frame["reference"][1])


def test_batches_are_timed_for_each_data_set():
    cases = ((60, 3, 30.0), (60, 1, None))
    frame = latency.measure_batches(None, cases, processes=2, calls=3, size=3)
    assert list(frame["d"]) == [3] and list(frame["batch"]) == [3]
    assert 0 < frame["smallest"][0] <= frame["median"][0]


def test_table():
    frame = pd.DataFrame(
        {
            "n": [500, 10_000], "d": [32, 5], "threads": [2, 2], "batch": [1, 16],
            "median": [21.0, 70.0], "smallest": [18.0, 60.0], "q90": [24.0, 88.0],
            "processor": [30.0, np.nan], "reference": [30.0, np.nan],
        }
    )  # fmt: skip
    text = latency.write(frame, "2 CPU cores", 0.1)
    assert "30 calls" in text and "for each (5 times;" in text
    assert "2 CPU cores. Other work" in text
    assert "| 500 | 32 + 32 | 1 | 2 | 21 | 18 | 24 | 30 | 30 |" in text
    assert "| 10,000 | 5 + 5 | 16 | 2 | 70 | 60 | 88 | – | – |" in text
