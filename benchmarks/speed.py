"""Time and memory, against scikit-learn, KSG and neural estimators, in one run on one machine."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.feature_selection import (
    SelectKBest,
    mutual_info_classif,
    mutual_info_regression,
)
from threadpoolctl import threadpool_limits

from benchmarks import bmi40, neural, speed_tables
from benchmarks.accuracy import RESULTS, raw_path
from benchmarks.distributions import stream
from skmist import MISTEstimator, MISTScore
from skmist.baselines import ksg_mi

# Numbers of rows and features, and of the features that scikit-learn is timed on.
SELECT = (
    (100, 1000, 1000),
    (1000, 10, 10),
    (1000, 100, 100),
    (1000, 1000, 1000),
    (10_000, 100, 100),
    (100_000, 100, 10),
)
SELECT_QUICK = ((100, 100, 100), (1000, 10, 10), (1000, 20, 10))
CLASSES = 5
SINGLE = tuple((n, d) for n in (200, 1000, 5000, 20_000) for d in (1, 5, 25)) + ((10_000, 10),)
LARGE = (1_000_000, 10)
LARGE_QUICK = (20_000, 10)
NEURAL = ("mine", "infonce", "nwj")
RANKED = 1000  # features, of as many rows as neural estimators were given
FEW = 100  # rows of the call that loads what a first call has to load
MEMORY_FROM = 5000  # rows; below, memory is that of any process
LONG = 2.0  # seconds; what takes longer is run once


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """Return the median time of some calls, or of one that is long.

    Where calls are short, the first does not count.
    """
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
    """Return a field of this process's memory, in MiB (Linux).

    Not from getrusage: there a new process starts with the peak of the one that made it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")


def _growth(make: Callable[..., Callable], n: int, width: int, threads: int) -> tuple[float, float]:
    """Return the seconds of a call, and by how many MiB it raises this process's peak memory."""
    with limited(threads):
        make(FEW, width)()  # imports, weights, caches
        call = make(n, width)  # the data are held from here on, and so are not counted
        reset = Path("/proc/self/clear_refs")
        if reset.exists():
            reset.write_text("5")  # the peak is now what is held
        before = _memory("VmRSS") if reset.exists() else float("nan")
        start = time.perf_counter()
        call()
        taken = time.perf_counter() - start
    return taken, (_memory("VmHWM") if reset.exists() else float("nan")) - before


def in_fresh_process(
    make: Callable[..., Callable], n: int, width: int, threads: int
) -> tuple[float, float]:
    """Run one call in a process of its own, after one on a few rows.

    Parameters
    ----------
    make : callable
        Takes the numbers of rows and of columns, draws data and returns the call; importable.
    n, width : int
        Numbers of rows and of columns.
    threads : int
        Most threads of the numerical libraries.

    Returns
    -------
    seconds, mib : float
        Time of the call and peak memory above what the process held before it, its data
        included; the memory is NaN off Linux.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_growth, make, n, width, threads).result()


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let no numerical library use more threads than given, in the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


def extrapolated(call: Callable[[np.ndarray], object], X: np.ndarray, columns: int) -> float:
    """Return the seconds of a call on all columns, from a run on the first of them.

    Only for calls that treat each column by itself.
    """
    part = np.ascontiguousarray(X[:, :columns])
    return seconds(lambda: call(part)) * X.shape[1] / columns


def selection_data(n: int, p: int, classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Draw independent normal columns X of shape (n, p), and a y that five of them make up.

    With classes, y is cut into so many labels of equal frequency.
    """
    rng = stream("speed-select", n, p)
    X = rng.normal(size=(n, p))
    y = X[:, :5].sum(axis=1) + rng.normal(size=n)
    if classes is None:
        return X, y
    return X, np.searchsorted(np.quantile(y, np.arange(1, classes) / classes), y)


def _selection(checkpoint: str | None, n_jobs: int, n: int, p: int) -> Callable:
    """Return the selection of five features of a regression by MISTScore, ready to be run."""
    X, y = selection_data(n, p, None)
    score = MISTScore(checkpoint=checkpoint, n_jobs=n_jobs)
    return lambda: _select(score, X, y)


def _select(score: Callable, X: np.ndarray, y: np.ndarray) -> SelectKBest:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SelectKBest(score, k=5).fit(X, y)


def select_features(
    checkpoint: str | None, n_jobs: int, sizes: tuple, classes: int | None = None
) -> pd.DataFrame:
    """Time SelectKBest with MISTScore and with scikit-learn's score for numbers or for labels.

    Parameters
    ----------
    checkpoint : str or None
        Weights of the network.
    n_jobs : int
        For both sides.
    sizes : tuple of (int, int, int)
        Numbers of rows, of features, and of the features that scikit-learn is timed on.
    classes : int, optional
        Number of labels that y takes; y is a number when not given.
    """
    y_type = "continuous" if classes is None else "category"
    ours = MISTScore(checkpoint=checkpoint, n_jobs=n_jobs, y_type=y_type)
    peer = mutual_info_regression if classes is None else mutual_info_classif
    theirs = partial(peer, n_jobs=n_jobs, random_state=0)
    records = []
    for n, p, timed in sizes:
        X, y = selection_data(n, p, classes)
        _select(ours, X[:FEW], y[:FEW])  # loads the network
        record = {"target": peer.__name__, "n": n, "features": p, "timed": timed}
        record["mist"] = seconds(partial(_select, ours, X, y))
        record["sklearn"] = extrapolated(lambda part, y=y: _select(theirs, part, y), X, timed)
        records.append(record)
    return pd.DataFrame(records)


def _joint(side: str, checkpoint: str | None, n: int, d: int) -> Callable:
    """Return one joint estimate of d columns against d, ready to be made."""
    rng = stream("speed-single", n, d)
    X = rng.normal(size=(n, d))
    return _estimate(side, checkpoint, X, X + rng.normal(size=X.shape))


def _estimate(side: str, checkpoint: str | None, X: np.ndarray, y: np.ndarray) -> Callable:
    """Return one joint estimate, ready to be made."""

    def call():
        if side == "ksg":
            return ksg_mi(X, y, n_neighbors=5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MISTEstimator(checkpoint=checkpoint).score(X, y)

    return call


def single_estimates(checkpoint: str | None, threads: int, quick: bool) -> pd.DataFrame:
    """Time one joint estimate with MISTEstimator and with KSG, k = 5."""
    records = []
    for n, d in sorted(SINGLE):
        if quick and n > 1000:
            continue
        record = {"n": n, "d": d}
        for side in ("mist", "ksg"):
            make = partial(_joint, side, checkpoint)
            record[side] = seconds(make(n, d))
            mib = in_fresh_process(make, n, d, threads)[1] if n >= MEMORY_FROM else float("nan")
            record[f"{side}_mib"] = mib
        records.append(record)
    return pd.DataFrame(records)


def large(checkpoint: str | None, n_jobs: int, n: int, p: int) -> pd.DataFrame:
    """Measure time and memory of one selection from many rows, in a process of its own."""
    taken, mib = in_fresh_process(partial(_selection, checkpoint, n_jobs), n, p, n_jobs)
    record = {"n": n, "features": p, "mist": taken, "mist_mib": mib, "input_mib": n * p / 2**17}
    return pd.DataFrame([record])


def run_neural_peers(python: str, threads: int) -> None:
    """Run the neural estimators anew, one data set after another, which puts their seconds on file.

    ``python`` is an interpreter that has torch-mist, in an environment of its own.
    """
    command = [python, "-m", "benchmarks", "bmi40", "--estimators", ",".join(NEURAL)]
    command += ["--seeds", "0", "--force", "--no-report"]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, cwd=RESULTS.parents[1], env=environment)


def neural_peers(files: dict[str, Path], checkpoint: str | None, n_jobs: int) -> pd.DataFrame:
    """Put the seconds of neural estimators on file beside ours.

    For each of them, an estimate on the same data sets; and one on data sets of one column against
    one, beside a feature's share of the time in which `MISTScore` ranks ``RANKED`` of them.

    Parameters
    ----------
    files : dict of str to path
        CSV files of estimates on bmi40, seed 0, by estimator; one that does not exist is left out.
    checkpoint : str or None
        Weights of the network.
    n_jobs : int
        Of the ranking.

    Returns
    -------
    DataFrame
        For each estimator and both comparisons, the number of features ranked at a time, that of
        tasks, and the mean seconds of both sides.
    """
    problems = bmi40.problems(0)
    ranked = seconds(_selection(checkpoint, n_jobs, neural.SIZES[0], RANKED)) / RANKED
    known: dict[int, float] = {}
    records = []
    for name, path in files.items():
        if not path.exists():
            continue
        frame = pd.read_csv(path, comment="#")
        frame = frame[frame["n"].isin(neural.SIZES)]
        for index in frame["index"]:
            if index not in known:
                x, y = problems[index].draw()
                known[index] = seconds(_estimate("mist", checkpoint, x, y))
        pairs = frame[(frame["dx"] == 1) & (frame["dy"] == 1)]
        ours = frame["index"].map(known).mean()
        for at_a_time, part, mist in ((1, frame, ours), (RANKED, pairs, ranked)):
            record = {"estimator": name, "features": at_a_time, "tasks": len(part)}
            records.append(record | {"mist": mist, "neural": part["seconds"].mean()})
    return pd.DataFrame(records)


def main(args: argparse.Namespace) -> None:
    """Run all comparisons and write ``results/speed.md`` and a CSV file for each."""
    RESULTS.mkdir(exist_ok=True)
    start = time.perf_counter()
    sizes = SELECT_QUICK if args.quick else SELECT
    frames = {}
    with limited(args.n_jobs):
        numbers = select_features(args.checkpoint, args.n_jobs, sizes)
        labels = select_features(args.checkpoint, args.n_jobs, sizes, CLASSES)
        frames["select"] = pd.concat([numbers, labels], ignore_index=True)
        frames["single"] = single_estimates(args.checkpoint, args.n_jobs, args.quick)
        n, p = LARGE_QUICK if args.quick else LARGE
        frames["large"] = large(args.checkpoint, args.n_jobs, n, p)
        if args.neural:
            run_neural_peers(args.neural, args.n_jobs)
        files = {name: raw_path("bmi40", name, 0) for name in NEURAL}
        frames["neural"] = neural_peers(files, args.checkpoint, args.n_jobs)
    folder = RESULTS / "quick" if args.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"speed-{name}.csv", index=False, float_format="%.4g")
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()})"
    text = speed_tables.write(frames, machine, args.n_jobs, LONG, CLASSES, bool(args.neural))
    path = folder / "speed.md"
    path.write_text(text)
    print(f"{path}\n\n{text}\nThe whole took {time.perf_counter() - start:.0f} seconds.")
