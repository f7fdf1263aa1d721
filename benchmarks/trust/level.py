"""The suite level: how often independence is rejected at 0.05 although it holds.

A permutation test rejects at 0.05 with probability exactly 0.05 only if 0.05 (B + 1) is an integer.
B = 19 is the least such number, and as exact as a larger one. One continuous column against one
takes no permutations.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks.distributions import equicorrelation, sample_normal, stream
from benchmarks.metrics import table
from benchmarks.trust import common

SIZES = (20, 100, 1000)
DATASETS = 2000
PERMUTATIONS = 19
BOUNDS = (0.035, 0.065)
CHUNK = 50


def _continuous(dx: int, dy: int) -> Callable:
    def draw(rng, n):
        """Return correlated columns within each side, one side with heavy tails."""
        x = sample_normal(rng, equicorrelation(dx, 0.5), n)
        return x, np.sinh(sample_normal(rng, equicorrelation(dy, 0.5), n))

    return draw


def _discrete_y(rng, n):
    return rng.normal(size=(n, 1)), rng.choice(3, size=n, p=(0.6, 0.3, 0.1))


def _tied_x(rng, n):
    """Return a column of which half the rows share one value, the others being rounded."""
    return np.maximum(rng.normal(size=(n, 1)), 0).round(1), rng.normal(size=n)


SETTINGS = {
    "1 + 1 columns": _continuous(1, 1),
    "5 + 1 columns": _continuous(5, 1),
    "5 + 5 columns": _continuous(5, 5),
    "discrete y": _discrete_y,
    "heavily tied X": _tied_x,
}


def _pvalues(setting: str, n: int, indices: range, checkpoint: str | None) -> list[dict]:
    from skmist import MISTEstimator

    common.blas_on_one_thread()
    rows = []
    for index in indices:
        X, y = SETTINGS[setting](stream("level", setting, n, index), n)
        estimator = MISTEstimator(
            pvalue=True, n_permutations=PERMUTATIONS, random_state=index, checkpoint=checkpoint
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pvalue = estimator.fit(X, y).pvalue_
        rows.append({"setting": setting, "n": n, "index": index, "pvalue": pvalue})
    return rows


def run(args: argparse.Namespace, folder: Path) -> None:
    """Test data sets of independent columns, and write their p-values."""
    note = common.weights_note(args.checkpoint)
    parts = []
    for n in sorted(SIZES, reverse=True):
        for setting in SETTINGS:
            datasets = 20 if args.quick else DATASETS
            parts += [
                delayed(_pvalues)(setting, n, range(i, min(i + CHUNK, datasets)), args.checkpoint)
                for i in range(0, datasets, CHUNK)
            ]
    results = Parallel(n_jobs=args.jobs)(parts)
    common.write_raw(folder / "mist.csv", (row for part in results for row in part), note)


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return rejection rates with their standard errors."""
    frame = common.read_raw(folder / "mist.csv")
    records = []
    for (setting, n), part in frame.groupby(["setting", "n"], sort=False):
        rate = float((part["pvalue"] <= 0.05 + 1e-12).mean())
        error = common.share_error(0.05, len(part))
        records.append(
            {"setting": setting, "n": n, "datasets": len(part), "rate": rate, "error": error}
        )
    summary = pd.DataFrame(records)
    cells = summary.set_index(["setting", "n"])["rate"]
    rows = [
        [setting, *(f"{cells[(setting, n)]:.4f}" for n in SIZES)]
        for setting in SETTINGS
        if setting in set(summary["setting"])
    ]
    inside = summary["rate"].between(*BOUNDS).sum()
    text = (
        "### level: rejection rate at 0.05 under independence\n\n"
        f"{summary['datasets'].min():,} data sets in each cell; standard error of a rate of 0.05: "
        f"{summary['error'].max():.4f}. {inside} of {len(summary)} rates lie between {BOUNDS[0]} "
        f"and {BOUNDS[1]}. One continuous column against one: tabulated null distribution; all "
        f"others: up to {PERMUTATIONS} permutations, the fewest with which 0.05 is attained "
        "exactly.\n\n" + table(["", *(f"n = {n:,}" for n in SIZES)], rows)
    )
    return text + common.note_of(folder / "mist.csv"), summary


SUITE = common.Suite("level", "rejection rate of the test under independence", run, describe)
