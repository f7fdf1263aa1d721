"""How long one estimate takes, beside a goal or the time of a peer."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from benchmarks.accuracy import RESULTS
from benchmarks.distributions import stream
from benchmarks.metrics import number, table
from benchmarks.speed import limited
from skmist import MISTEstimator

# Numbers of rows and of columns on each side; milliseconds to compare with, where there are any.
# With 5 columns it is what InfoAtlas (ICML 2026) states for a pair, on one H200 in batches of 16.
CASES = ((500, 32, 30.0), (500, 1, None), (1000, 5, 39.0), (10_000, 5, 55.0), (50_000, 5, 106.0))
THREADS = 2
CALLS = 30
BATCH = 16  # data sets that are asked about together
BATCHES = 5


def measure(
    checkpoint: str | None, cases: tuple = CASES, threads: int = THREADS, calls: int = CALLS
) -> pd.DataFrame:
    """Time single estimates of d columns against d, `MISTEstimator().score`.

    Parameters
    ----------
    checkpoint : str or None
        Weights of the network.
    cases : tuple of (int, int, float or None)
        Rows, columns on each side, and milliseconds to compare with.
    threads : int
        Most threads of the numerical libraries.
    calls : int
        Calls that are timed, after two that are not.

    Returns
    -------
    DataFrame
        Median, smallest and 90% quantile of the milliseconds, and the processor time of a call.
    """
    records = []
    with limited(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MISTEstimator(checkpoint=checkpoint)
        for n, d, reference in cases:
            X, y = _sample(n, d)
            for _ in range(2):  # loads the weights, fills caches
                estimator.score(X, y)
            wall, processor = [], time.process_time()
            for _ in range(calls):
                start = time.perf_counter()
                estimator.score(X, y)
                wall.append(1e3 * (time.perf_counter() - start))
            processor = 1e3 * (time.process_time() - processor) / calls
            record = {"n": n, "d": d, "threads": threads, "batch": 1}
            record |= _summary(wall)
            records.append(record | {"processor": processor, "reference": reference})
    return pd.DataFrame(records).astype({"reference": float})


def measure_batches(
    checkpoint: str | None,
    cases: tuple = CASES,
    processes: int = THREADS,
    calls: int = BATCHES,
    size: int = BATCH,
) -> pd.DataFrame:
    """Time estimates of many data sets of several columns together, each in a process of its own.

    Parameters
    ----------
    checkpoint, cases
        As for `measure`; single columns are left out.
    processes : int
        Processes of one thread each.
    calls : int
        Batches that are timed, after one that is not.
    size : int
        Data sets of a batch.

    Returns
    -------
    DataFrame
        Median, smallest and 90% quantile of the milliseconds for each data set of a batch.
    """
    records = []
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        for n, d, reference in cases:
            if d == 1:
                continue
            samples = [_sample(n, d, number) for number in range(size)]
            wall = []
            for _ in range(calls + 1):
                start = time.perf_counter()
                Parallel()(delayed(_score)(checkpoint, X, y) for X, y in samples)
                wall.append(1e3 * (time.perf_counter() - start) / size)
            record = {"n": n, "d": d, "threads": processes, "batch": size}
            record |= _summary(wall[1:])  # the first one starts processes and loads the weights
            records.append(record | {"processor": np.nan, "reference": reference})
    return pd.DataFrame(records).astype({"reference": float})


def _sample(n: int, d: int, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = stream("latency", n, d, *([number] if number else []))
    X = rng.normal(size=(n, d))
    return X, X + rng.normal(size=X.shape)


def _summary(wall: list[float]) -> dict[str, float]:
    wall = sorted(wall)
    high = wall[int(0.9 * (len(wall) - 1))]
    return {"median": statistics.median(wall), "smallest": wall[0], "q90": high}


def _score(checkpoint: str | None, X: np.ndarray, y: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MISTEstimator(checkpoint=checkpoint).score(X, y)


def write(
    frame: pd.DataFrame, machine: str, load: float, calls: int = CALLS, batches: int = BATCHES
) -> str:
    """Return the section latency.

    Parameters
    ----------
    frame : DataFrame
        As `measure` and `measure_batches` return it.
    machine : str
        What the run was made on.
    load : float
        Mean number of other processes that wanted to run in the minute before.
    calls, batches : int
        How often single data sets, and several at once, were timed.
    """
    rows = []
    for r in frame.itertuples():
        figures = (r.median, r.smallest, r.q90, r.processor, r.reference)
        row = [f"{r.n:,}", f"{r.d} + {r.d}", str(r.batch), str(r.threads)]
        rows.append([*row, *("–" if v != v else number(v) for v in figures)])
    head = [
        "n",
        "columns",
        "at once",
        "threads",
        "median",
        "smallest",
        "90% of calls",
        "processor time",
        "goal or InfoAtlas",
    ]
    return (
        "### latency\n\n"
        f"Milliseconds of one estimate, `MISTEstimator().score`, {calls} calls one after another, "
        "and for each of several data sets at once, one thread of a process of its own for each "
        f"({batches} times; the wall time of all, divided by their number); "
        f"{machine}. Other work on the cores in the minute before: a load of {number(load)}; with "
        "much of it, threads wait for each other and the figures of more than one say little. "
        "30 ms at n = 500 is a goal of this project; with 5 + 5 columns stands the time that "
        "InfoAtlas (ICML 2026) states for its estimate of a pair, on one H200 in batches of 16.\n\n"
        + table(head, rows)
    )


def main(args: argparse.Namespace) -> None:
    """Time the estimates, on one thread and more; write ``results/latency.md`` and a CSV file."""
    RESULTS.mkdir(exist_ok=True)
    load = os.getloadavg()[0]
    counts = sorted({1, args.threads})
    frames = [measure(args.checkpoint, threads=count) for count in counts]
    frame = pd.concat([*frames, measure_batches(args.checkpoint, processes=args.threads)])
    frame.to_csv(RESULTS / "latency.csv", index=False, float_format="%.4g")
    text = write(frame, f"{os.cpu_count()} CPU cores ({platform.machine()})", load)
    path = RESULTS / "latency.md"
    path.write_text(text)
    print(f"{path}\n\n{text}")
