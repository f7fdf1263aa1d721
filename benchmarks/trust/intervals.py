"""The suite intervals: the network's 90% interval against percentile bootstraps.

The bootstrap resamples rows with replacement, so that every resample holds equal rows. Neighbour
distances of 0 make KSG read far too high there (each copy predicts the other); that is a known
fault of the combination, which is nevertheless in use, and it is shown as it is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks import bmi40, mtest
from benchmarks.distributions import stream
from benchmarks.estimators import MAX_BATCH_PAIRS, MAX_BATCH_VALUES, mist_estimates
from benchmarks.metrics import number, table
from benchmarks.suite import Problem
from benchmarks.trust import common
from skmist.baselines import gaussian_mi, ksg_mi

RESAMPLES = 100
MTEST_EVERY = 20
BMI40_EVERY = {200: 1, 500: 1, 2000: 4}  # n, and every so many-th task
ENDS = (0.05, 0.95)
PEERS: dict[str, Callable] = {"ksg5": partial(ksg_mi, n_neighbors=5), "cca": gaussian_mi}
TITLES = {
    "mist": "scikit-mist, its own quantiles",
    "boot_mist": "bootstrap of scikit-mist",
    "boot_ksg5": "bootstrap of KSG, k = 5",
    "boot_cca": "bootstrap of CCA",
}


def problems(quick: bool) -> list[tuple[str, Problem]]:
    """Return the subset of mtest and bmi40, each problem with the name of its column."""
    found = [(f"mtest, {p.group}", p) for p in mtest.problems(0)[::MTEST_EVERY]]
    tasks = {n: [p for p in bmi40.problems(0) if p.n == n] for n in BMI40_EVERY}
    for n, every in BMI40_EVERY.items():
        found += [(f"bmi40, n = {n:,}", p) for p in tasks[n][::every]]
    return found[::15] if quick else found


def _own(x: np.ndarray, y: np.ndarray, checkpoint: str | None) -> tuple[float, float]:
    row = mist_estimates([(x, y)], checkpoint)[0]
    return row["q0.05"], row["q0.95"]


def _resamples(problem: Problem, x: np.ndarray, y: np.ndarray, count: int):
    rng = stream("intervals", problem.task, problem.n, problem.index)
    for _ in range(count):
        rows = rng.integers(0, len(x), len(x))
        yield x[rows], y[rows]


def _bootstrap(
    name: str, problem: Problem, x: np.ndarray, y: np.ndarray, checkpoint: str | None, count: int
) -> tuple[float, float]:
    """Return the ends of a percentile interval; infinite or NaN where the estimates are."""
    samples = _resamples(problem, x, y, count)
    if name == "boot_mist":
        d = problem.dx + problem.dy
        size = max(1, min(MAX_BATCH_VALUES // (problem.n * d), MAX_BATCH_PAIRS // d**2, 64))
        pairs = list(samples)
        batches = [pairs[i : i + size] for i in range(0, count, size)]
        values = [row["estimate"] for b in batches for row in mist_estimates(b, checkpoint)]
    else:
        values = [PEERS[name.removeprefix("boot_")](a, b) for a, b in samples]
    ordered = np.sort(values)
    if not np.isfinite(ordered).all():  # fewer rows than columns: no finite interval can be had
        return float(ordered[int(ENDS[0] * count)]), float("inf")
    low, high = np.quantile(ordered, ENDS)
    return float(low), float(high)


def _row(
    name: str, group: str, problem: Problem, checkpoint: str | None, count: int
) -> dict[str, object]:
    common.blas_on_one_thread()
    x, y = problem.draw()
    if name == "mist":
        _own(x, y, checkpoint)  # the first call of a process loads the weights
    start = time.perf_counter()
    try:
        if name == "mist":
            low, high = _own(x, y, checkpoint)
        else:
            low, high = _bootstrap(name, problem, x, y, checkpoint, count)
    except ValueError:  # fewer rows than neighbours
        low = high = float("nan")
    seconds = time.perf_counter() - start
    row = {"group": group, "index": problem.index, "task": problem.task, "n": problem.n}
    row |= {"resamples": 0 if name == "mist" else count}
    return {**row, "mi": problem.mi, "low": low, "high": high, "seconds": seconds}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--peers", action="store_true", help="run the peers anew too")


def run(args: argparse.Namespace, folder: Path) -> None:
    """Write the intervals of all methods; those of peers are kept from an earlier run."""
    note = common.weights_note(args.checkpoint)
    todo = problems(args.quick)
    count = 20 if args.quick else RESAMPLES
    for name in TITLES:
        path = folder / f"{name}.csv"
        ours = "mist" in name
        if path.exists() and not (ours or args.peers):
            continue
        print(f"intervals: {name}, {len(todo)} data sets", file=sys.stderr)
        rows = Parallel(n_jobs=args.jobs)(
            delayed(_row)(name, group, p, args.checkpoint, count) for group, p in todo
        )
        common.write_raw(path, rows, note if ours else "")


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return coverage, mean width and time of each method."""
    records = []
    for name in TITLES:
        if not (folder / f"{name}.csv").exists():
            continue
        frame = common.read_raw(folder / f"{name}.csv")
        for group, part in frame.groupby("group", sort=False):
            inside = part["mi"].between(part["low"] - 1e-9, part["high"] + 1e-9)
            record = {"method": name, "group": group, "datasets": len(part)}
            record["resamples"] = int(part["resamples"].max())
            record |= {"coverage": float(inside.mean()), "refused": int(part["low"].isna().sum())}
            record["width"] = float((part["high"] - part["low"]).mean())
            record["seconds"] = float(part["seconds"].mean())
            records.append(record)
    summary = pd.DataFrame(records)
    cells = summary.set_index(["method", "group"])
    groups = list(summary["group"].unique())
    rows = []
    for name in summary["method"].unique():
        found = [cells.loc[(name, g)] for g in groups]
        coverage = [f"{c['coverage']:.2f}" for c in found]
        widths = [number(c["width"]) for c in found]
        seconds = summary.loc[summary["method"] == name, ["seconds", "datasets"]]
        mean = float(np.average(seconds["seconds"], weights=seconds["datasets"]))
        rows.append([TITLES[name], *coverage, *widths, number(mean)])
    sizes = ", ".join(f"{g}: {int(cells.loc[('mist', g)]['datasets'])}" for g in groups)
    header = ["", *(f"coverage, {g}" for g in groups), *(f"width, {g}" for g in groups), "s"]
    text = (
        "### intervals: 90% intervals against the bootstrap\n\n"
        f"Share of data sets whose MI lies in the interval, mean width in nats, and mean seconds "
        f"for one data set on one core. Data sets ({sizes}): every {MTEST_EVERY}th of mtest; all "
        "tasks of bmi40 at n = 200 and 500, every fourth at 2,000, seed 0. Bootstraps: percentiles "
        f"of {summary['resamples'].max()} resamples of rows. ∞: the estimate is infinite "
        "on some resamples (no more different rows than columns). Resamples hold equal rows, on "
        "which KSG reads far too high.\n\n" + table(header, rows)
    )
    return text + common.note_of(folder / "mist.csv"), summary


SUITE = common.Suite(
    "intervals", "coverage and width of intervals against the bootstrap", run, describe, options
)
