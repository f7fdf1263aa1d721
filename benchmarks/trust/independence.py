"""The suite independence: how well estimates tell dependent from independent wide vectors.

Each data set comes twice: as drawn, and with the rows of y in another order, so that margins are
the same and nothing is shared. Reported is the area under the ROC curve of the estimates, a test
bed of InfoAtlas (ICML 2026).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from benchmarks.distributions import stream
from benchmarks.estimators import PEERS, TITLES
from benchmarks.metrics import table
from benchmarks.trust import common

COLUMNS = 128  # of X, and of y
SIZES = (100, 200, 500, 1000)
DATASETS = 25  # of each kind and size, each of them twice
NAMES = ("mist", "ksg5", "ksg5_rank", "cca_rank_lw")

Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def _linear(count: int, rho: float) -> Draw:
    """Return draws in which the first columns of y are correlated with those of X."""

    def draw(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        y = rng.standard_normal(x.shape)
        y[:, :count] = rho * x[:, :count] + np.sqrt(1 - rho**2) * y[:, :count]
        return y

    return draw


def _function(function: Callable[[np.ndarray], np.ndarray], noise: float) -> Draw:
    """Return draws in which the first column of y is that of a function of X, and noise."""

    def draw(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        y = rng.standard_normal(x.shape)
        y[:, 0] = function(x)[:, 0] + noise * y[:, 0]
        return y

    return draw


KINDS: dict[str, Draw] = {
    "one pair, correlation 0.8": _linear(1, 0.8),
    "ten pairs, correlation 0.4": _linear(10, 0.4),
    "all pairs, correlation 0.15": _linear(COLUMNS, 0.15),
    "one sine": _function(lambda x: np.sin(2 * x), 0.3),
    "one square": _function(np.square, 0.5),
    "product of two": _function(lambda x: x * np.roll(x, 1, axis=1), 0.3),
    "length of all": _function(lambda x: np.square(x).sum(axis=1, keepdims=True) / 8, 0.3),
}


def draw_both(kind: str, n: int, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X, y that depends on it, and y in another order of rows."""
    rng = stream("independence", kind, n, index)
    x = rng.standard_normal((n, COLUMNS))
    y = KINDS[kind](rng, x)
    return x, y, y[rng.permutation(n)]


def _rows(kind: str, n: int, index: int, checkpoint: str | None) -> list[dict]:
    from skmist import MISTEstimator

    common.blas_on_one_thread()
    estimators = {name: PEERS[name] for name in NAMES if name != "mist"}
    estimators = {"mist": MISTEstimator(checkpoint=checkpoint).score} | estimators
    x, *both = draw_both(kind, n, index)
    rows = []
    for name, estimate in estimators.items():
        for dependent, y in zip((1, 0), both, strict=True):
            start = time.perf_counter()
            value = estimate(x, y)
            seconds = time.perf_counter() - start
            rows.append(
                {"kind": kind, "n": n, "index": index, "dependent": dependent}
                | {"estimator": name, "estimate": value, "seconds": seconds}
            )
    return rows


def run(args: argparse.Namespace, folder: Path) -> None:
    """Estimate on all data sets, and write the estimates."""
    note = common.weights_note(args.checkpoint)
    sizes, datasets = (SIZES[:1], 2) if args.quick else (SIZES, DATASETS)
    calls = [
        delayed(_rows)(kind, n, index, args.checkpoint)
        for kind in KINDS
        for n in sizes
        for index in range(datasets)
    ]
    rows = [row for part in Parallel(n_jobs=args.jobs)(calls) for row in part]
    common.write_raw(folder / "estimates.csv", rows, note)


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return the area under the ROC curve for each kind and size."""
    frame = common.read_raw(folder / "estimates.csv")
    records = [
        {
            "kind": kind,
            "n": n,
            "estimator": name,
            "auc": roc_auc_score(part["dependent"], part["estimate"]),
            "datasets": len(part),
            "seconds": part["seconds"].mean(),
        }
        for (kind, n, name), part in frame.groupby(["kind", "n", "estimator"], sort=False)
    ]
    summary = pd.DataFrame(records)
    cells = summary.set_index(["estimator", "kind", "n"])["auc"]
    kinds, sizes = summary["kind"].unique(), sorted(summary["n"].unique())
    names = summary["estimator"].unique()
    means = summary.groupby(["estimator", "n"])[["auc", "seconds"]].mean()
    rows = [
        [kind, TITLES[name], *(f"{cells[name, kind, n]:.2f}" for n in sizes)]
        for kind in kinds
        for name in names
    ]
    rows += [
        ["mean", TITLES[name], *(f"{means['auc'][name, n]:.2f}" for n in sizes)] for name in names
    ]
    rows += [
        ["milliseconds", TITLES[name], *(f"{1000 * means['seconds'][name, n]:.0f}" for n in sizes)]
        for name in names
    ]
    count = int(summary["datasets"].max())
    text = (
        f"### independence: {COLUMNS} + {COLUMNS} columns\n\n"
        f"Area under the ROC curve of estimates on {count} data sets of each kind and size, half "
        "of them with the rows of y in another order (0.5 is chance):\n\n"
        + table(["", "estimator", *(f"n = {n:,}" for n in sizes)], rows)
    )
    return text + common.note_of(folder / "estimates.csv"), summary


SUITE = common.Suite("independence", "dependent against independent, 128 columns", run, describe)
