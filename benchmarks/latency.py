"""How long one estimate takes, beside a goal or the time of a peer."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings

import pandas as pd

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
            rng = stream("latency", n, d)
            X = rng.normal(size=(n, d))
            y = X + rng.normal(size=X.shape)
            for _ in range(2):  # loads the weights, fills caches
                estimator.score(X, y)
            wall, processor = [], time.process_time()
            for _ in range(calls):
                start = time.perf_counter()
                estimator.score(X, y)
                wall.append(1e3 * (time.perf_counter() - start))
            processor = 1e3 * (time.process_time() - processor) / calls
            wall.sort()
            record = {"n": n, "d": d, "threads": threads, "median": statistics.median(wall)}
            record |= {"smallest": wall[0], "q90": wall[int(0.9 * (calls - 1))]}
            records.append(record | {"processor": processor, "reference": reference})
    return pd.DataFrame(records).astype({"reference": float})


def write(frame: pd.DataFrame, machine: str, load: float, calls: int = CALLS) -> str:
    """Return the section latency.

    Parameters
    ----------
    frame : DataFrame
        As `measure` returns it.
    machine : str
        What the run was made on.
    load : float
        Mean number of other processes that wanted to run in the minute before.
    calls : int
    """
    rows = []
    for r in frame.itertuples():
        reference = "–" if r.reference != r.reference else number(r.reference)
        cells = (r.median, r.smallest, r.q90, r.processor)
        row = [f"{r.n:,}", f"{r.d} + {r.d}", str(r.threads)]
        rows.append([*row, *map(number, cells), reference])
    head = [
        "n",
        "columns",
        "threads",
        "median",
        "smallest",
        "90% of calls",
        "processor time",
        "goal or InfoAtlas",
    ]
    return (
        "### latency\n\n"
        f"Milliseconds of one estimate, `MISTEstimator().score`, {calls} calls one after another; "
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
    frame = pd.concat([measure(args.checkpoint, threads=count) for count in counts])
    frame.to_csv(RESULTS / "latency.csv", index=False, float_format="%.4g")
    text = write(frame, f"{os.cpu_count()} CPU cores ({platform.machine()})", load)
    path = RESULTS / "latency.md"
    path.write_text(text)
    print(f"{path}\n\n{text}")
