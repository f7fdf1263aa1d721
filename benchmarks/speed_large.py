"""The suite ``large``: very many columns or rows, read from a file that is mapped into memory."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import RESULTS
from benchmarks.distributions import stream
from benchmarks.metrics import number, table
from benchmarks.speed import FEW, limited
from skmist import MISTFeatureSelector

SIZES = ((200, 100_000), (1000, 100_000), (1_000_000, 3), (10_000_000, 3))  # rows, columns
SIZES_QUICK = ((100, 2000), (100_000, 3))
INFORMATIVE = 2  # columns that y is made of, the first ones
CELLS = 2**22  # cells that are drawn at a time
PAUSE = 0.005  # seconds between two looks at the memory
COLUMNS = ["n", "features", "first", "seconds", "input_mib", "peak_mib"]


def write_data(folder: Path, n: int, p: int) -> tuple[Path, Path]:
    """Write X of shape (n, p) and y of shape (n,), float32, without holding X in memory.

    X is normal; y is the sum of its first two columns and of noise.

    Returns
    -------
    x_path, y_path : Path
        Files for np.load.
    """
    x_path, y_path = folder / "x.npy", folder / "y.npy"
    rng = stream("speed-large", n, p)
    X = np.lib.format.open_memmap(x_path, mode="w+", dtype=np.float32, shape=(n, p))
    y = np.empty(n, dtype=np.float32)
    step = max(1, CELLS // p)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        part = rng.standard_normal(size=(rows.stop - start, p), dtype=np.float32)
        X[rows] = part
        y[rows] = part[:, :INFORMATIVE].sum(axis=1)
    X.flush()
    np.save(y_path, y + rng.standard_normal(n, dtype=np.float32))
    return x_path, y_path


def anonymous_memory() -> float:
    """Return the memory of this process that no file stands behind, in MiB; NaN off Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    return float("nan")


class PeakMemory:
    """A context that looks at the memory again and again; `mib` is the peak above the start.

    Pages of a mapped file do not count: the system takes them back when it needs the memory. The
    peak that the system itself keeps (VmHWM) counts them.
    """

    def __enter__(self) -> PeakMemory:
        self._before = self._peak = anonymous_memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.mib = self._peak - self._before

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self._peak = max(self._peak, anonymous_memory())


def _select(
    x_path: Path, y_path: Path, checkpoint: str | None, n_jobs: int
) -> tuple[bool, float, float]:
    """Select two columns; return whether they are the informative ones, seconds and peak MiB."""
    X, y = np.load(x_path, mmap_mode="r"), np.load(y_path)
    selector = MISTFeatureSelector(
        n_features_to_select=INFORMATIVE, checkpoint=checkpoint, n_jobs=n_jobs
    )
    with limited(n_jobs), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        selector.fit(np.array(X[:FEW, :FEW]), y[:FEW])  # imports, weights
        start = time.perf_counter()
        with PeakMemory() as memory:
            selector.fit(X, y)
        seconds = time.perf_counter() - start
    return bool(selector.support_[:INFORMATIVE].all()), seconds, memory.mib


def measure(checkpoint: str | None, n_jobs: int, n: int, p: int) -> list:
    """Return a row of the table: one selection in a process of its own, X from a mapped file."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_data(Path(folder), n, p)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
            first, seconds, mib = pool.submit(_select, *paths, checkpoint, n_jobs).result()
    return [n, p, first, seconds, n * p / 2**18, mib]


def to_markdown(frame: pd.DataFrame, n_jobs: int) -> str:
    """Return the section large."""
    rows = [
        [f"{r.n:,}", f"{r.features:,}", "yes" if r.first else "no", number(r.seconds)]
        + [f"{r.input_mib:,.0f}", f"{r.peak_mib:,.0f}"]
        for r in frame.itertuples()
    ]
    head = ["n", "features", "both found", "seconds", "X, MiB", "peak above, MiB"]
    return (
        "### large: very many columns or rows\n\n"
        f"`MISTFeatureSelector(n_features_to_select={INFORMATIVE}).fit(X, y)` in a fresh process, "
        f"n_jobs = {n_jobs}. X is a float32 file mapped into memory, y the sum of two of its "
        "columns and of noise. Memory is that of the process beyond what it held before, pages of "
        "the file apart, at its peak:\n\n" + table(head, rows)
    )


def main(args: argparse.Namespace) -> None:
    """Measure all sizes; write ``results/large.csv`` and ``results/large.md``."""
    sizes = SIZES_QUICK if args.quick else SIZES
    frame = pd.DataFrame(columns=COLUMNS)
    for n, p in sizes:
        frame.loc[len(frame)] = measure(args.checkpoint, args.n_jobs, n, p)
        print(*frame.iloc[-1], flush=True)
    folder = RESULTS / "quick" if args.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "large.csv", index=False, float_format="%.4g")
    text = to_markdown(frame, args.n_jobs)
    (folder / "large.md").write_text(text)
    print(f"{folder / 'large.md'}\n\n{text}")
