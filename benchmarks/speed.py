"""Time, against scikit-learn's mutual_info_regression and KSG in many dimensions, in one run."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from sklearn.feature_selection import SelectKBest, mutual_info_regression

from benchmarks.accuracy import RESULTS
from benchmarks.distributions import stream
from benchmarks.metrics import number, table
from skmist.baselines import ksg_mi

SELECT = ((100, 1000), (1000, 10), (1000, 100), (1000, 1000), (10000, 100))  # n, features
SINGLE_N = (200, 1000, 5000, 20000)
SINGLE_D = (1, 5, 25)
LONG = 10.0  # seconds; what takes longer is run once


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """Return the median time of some calls, after one that does not count where calls are short."""
    start = time.perf_counter()
    function()
    first = time.perf_counter() - start
    if first > LONG:
        return first
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _memory(field: str) -> float:
    """Return a field of this process's memory, in MiB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")


def _high_water() -> float:
    """Return the peak memory of this process in MiB (Linux).

    Not from getrusage: there a new process starts with the peak of the one that made it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _growth(make: Callable, arguments: tuple) -> float:
    """Return by how many MiB a call raises this process's peak memory, after a small call."""
    make(*arguments)(small=True)  # imports, weights, caches
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held
    before = _memory("VmRSS")
    make(*arguments)(small=False)
    return _memory("VmHWM") - before


def peak_mib(make: Callable, *arguments) -> float:
    """Return by how many MiB a call raises the peak of a fresh process's memory; NaN off Linux."""
    if not Path("/proc/self/clear_refs").exists():
        return float("nan")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_growth, make, arguments).result()


def _joint(side: str, n: int, d: int, checkpoint: str | None) -> Callable:
    """Return a function that makes one joint estimate, of n rows or of a few."""
    from skmist import MISTEstimator

    def call(small: bool = False):
        rng = stream("speed-single", n, d)
        X = rng.normal(size=(20 if small else n, d))
        y = X + rng.normal(size=X.shape)
        if side == "ksg":
            return ksg_mi(X, y, n_neighbors=5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MISTEstimator(checkpoint=checkpoint).score(X, y)

    return call


def select_features(checkpoint: str | None, n_jobs: int, quick: bool) -> pd.DataFrame:
    """Time SelectKBest with MISTScore and with mutual_info_regression."""
    from functools import partial

    from skmist import MISTScore

    ours = MISTScore(checkpoint=checkpoint, n_jobs=n_jobs)
    theirs = partial(mutual_info_regression, n_jobs=n_jobs, random_state=0)
    records = []
    for n, p in SELECT:
        if quick and n * p > 100_000:
            continue
        rng = stream("speed-select", n, p)
        X = rng.normal(size=(n, p))
        y = X[:, :5].sum(axis=1) + rng.normal(size=n)
        time_ours = seconds(lambda X=X, y=y: SelectKBest(ours, k=5).fit(X, y))
        time_theirs = seconds(lambda X=X, y=y: SelectKBest(theirs, k=5).fit(X, y))
        records.append({"n": n, "features": p, "mist": time_ours, "sklearn": time_theirs})
    return pd.DataFrame(records)


def single_estimates(checkpoint: str | None, quick: bool) -> pd.DataFrame:
    """Time one joint estimate with MISTEstimator and with KSG, k = 5."""
    records = []
    for n in SINGLE_N:
        for d in SINGLE_D:
            if quick and n > 1000:
                continue
            record = {"n": n, "d": d}
            for side in ("mist", "ksg"):
                record[side] = seconds(_joint(side, n, d, checkpoint))
                record[f"{side}_mib"] = peak_mib(_joint, side, n, d, checkpoint)
            records.append(record)
    return pd.DataFrame(records)


def main(args: argparse.Namespace) -> None:
    """Run both comparisons and write ``results/speed.md`` and two CSV files."""
    import torch

    RESULTS.mkdir(exist_ok=True)
    torch.set_num_threads(args.n_jobs)
    select = select_features(args.checkpoint, args.n_jobs, args.quick)
    single = single_estimates(args.checkpoint, args.quick)
    select.to_csv(RESULTS / "speed-select.csv", index=False, float_format="%.4g")
    single.to_csv(RESULTS / "speed-single.csv", index=False, float_format="%.4g")
    rows = [
        [f"{r.n:,}", f"{r.features:,}", *_times(r.mist, r.sklearn)] for r in select.itertuples()
    ]
    text = (
        "### speed\n\n"
        f"Seconds, median of three calls in one run; {os.cpu_count()} CPU cores "
        f"({platform.machine()}); n_jobs = {args.n_jobs}, and as many threads for torch, so that "
        "both sides have equally many cores.\n\n"
        "All features against one target, `SelectKBest(MISTScore())` and "
        "`SelectKBest(mutual_info_regression)`:\n\n"
        + table(["n", "features", "scikit-mist", "scikit-learn", "ratio"], rows)
        + "\nOne joint estimate, d columns against d, `MISTEstimator().score` and "
        "`skmist.baselines.ksg_mi` with k = 5, and by how much each raises the peak memory of a "
        "fresh process:\n\n"
        + table(
            ["n", "d", "scikit-mist", "KSG", "ratio", "scikit-mist, MiB", "KSG, MiB"],
            [
                [f"{r.n:,}", str(r.d), *_times(r.mist, r.ksg)]
                + [f"{r.mist_mib:.0f}", f"{r.ksg_mib:.0f}"]
                for r in single.itertuples()
            ],
        )
    )
    path = RESULTS / "speed.md"
    path.write_text(text)
    print(f"{path}\n\n{text}")


def _times(ours: float, theirs: float) -> list[str]:
    return [number(ours), number(theirs), f"{number(theirs / ours)}×"]
