"""The suite domain: kinds of data that training did not hold, and how often a warning is given."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks import mtest
from benchmarks.distributions import equicorrelation, normal_mi, sample_normal, stream
from benchmarks.metrics import table
from benchmarks.trust import common

DATASETS = 50
UNKNOWN = float("nan")  # the true value has no closed form
RHO = 0.75
NORMAL = float(-0.5 * np.log1p(-(RHO**2)))  # nats


@dataclass(frozen=True)
class Kind:
    """A kind of data outside the training distribution.

    Parameters
    ----------
    title : str
        What it is.
    mi : float
        Mutual information of the variables in nats, infinite for noise-free relations, NaN where
        it is not known.
    draw : callable
        Returns X and y, given a random generator.
    """

    title: str
    mi: float
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def _normal_pair(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    xy = sample_normal(rng, equicorrelation(2, RHO), n)
    return xy[:, :1], xy[:, 1]


def _wide(rng):
    X = rng.normal(size=(500, 200))
    return X, X[:, 0] + rng.normal(size=500)


def _parabola(rng):
    x = rng.normal(size=(500, 1))
    return x, x[:, 0] ** 2


NEAR = 1e-4  # standard deviation of the noise of the near-deterministic pair


def _near(rng):
    x = rng.normal(size=(500, 1))
    return x, x[:, 0] + NEAR * rng.normal(size=500)


def _heaped(rng):
    """Return ages as people state them: whole years, most of them ending in 0 or 5."""
    x, y = _normal_pair(rng, 500)
    years = np.round(40 + 12 * np.c_[x, y])
    heaps = 5 * np.round(years / 5)
    stated = np.where(rng.random((500, 2)) < 0.8, heaps, years)
    return stated[:, :1], stated[:, 1]


def _walks(rng):
    xy = rng.normal(size=(500, 2)).cumsum(axis=0)
    return xy[:, :1], xy[:, 1]


def _repeated_rows(rng):
    x, y = _normal_pair(rng, 50)
    return np.repeat(x, 10, axis=0), np.repeat(y, 10)


def _point_masses(rng):
    """Return a pair of which nine rows in ten are (0, 0)."""
    x, y = _normal_pair(rng, 500)
    active = rng.random(500) < 0.1
    return x * active[:, None], y * active


def _lattice(rng):
    """Return a rank-1 lattice: y is a multiple of x modulo the number of rows."""
    n = 499  # a prime number
    i = np.arange(n)
    return i[:, None] + 0.0, (int(rng.integers(20, 200)) * i) % n + 0.0


def _one_column_often(rng):
    x, y = _normal_pair(rng, 500)
    return np.repeat(x, 50, axis=1), y


STRONG_NOISE = 1e-4


def _strong(rng):
    X = rng.normal(size=(1000, 5))
    return X, X + STRONG_NOISE * rng.normal(size=X.shape)


def _regimes(rng):
    """Return two regimes that a third column switches: a fast oscillation, and a parity."""
    X = rng.uniform(-1, 1, size=(1000, 4))
    fast = np.sin(60 * X[:, 0])
    parity = np.sign(X[:, 0] * X[:, 1] * X[:, 2])
    return X, np.where(X[:, 3] > 0, fast, 3 + parity) + 0.01 * rng.normal(size=1000)


KINDS = {
    "rows": Kind("120,000 rows", NORMAL, lambda rng: _normal_pair(rng, 120_000)),
    "columns": Kind(
        "200 + 1 columns",
        normal_mi(np.block([[np.eye(1), np.ones((1, 1))], [np.ones((1, 1)), 2 * np.eye(1)]]), 1),
        _wide,
    ),
    "parabola": Kind("y = x², no noise", np.inf, _parabola),
    "near": Kind("y = x and noise of 0.0001", float(0.5 * np.log1p(NEAR**-2)), _near),
    "heaped": Kind("heaped rounding", UNKNOWN, _heaped),
    "walks": Kind("independent random walks", 0.0, _walks),
    "repeated": Kind("50 rows, each ten times", NORMAL, _repeated_rows),
    "masses": Kind("nine rows in ten equal (0, 0)", UNKNOWN, _point_masses),
    "lattice": Kind("lattice, y = a x mod n", np.inf, _lattice),
    "copies": Kind("one column 50 times", NORMAL, _one_column_often),
    "strong": Kind("5 + 5 columns, 46 nats", float(2.5 * np.log1p(STRONG_NOISE**-2)), _strong),
    "regimes": Kind("switch between oscillation and parity", UNKNOWN, _regimes),
}


def _answer(X: np.ndarray, y: np.ndarray, checkpoint: str | None) -> dict[str, float]:
    from skmist import MISTEstimator

    common.blas_on_one_thread()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MISTEstimator(checkpoint=checkpoint).fit(X, y)
    low, high = fitted.interval_
    return {
        "warned": int(not fitted.in_domain_),
        "score": fitted.domain_score_,
        "estimate": fitted.mi_,
        "low": low,
        "high": high,
    }


def _kind_row(name: str, index: int, checkpoint: str | None) -> dict:
    kind = KINDS[name]
    answer = _answer(*kind.draw(stream("domain", name, index)), checkpoint)
    return {"kind": name, "index": index, "mi": kind.mi, **answer}


def _mtest_row(problem, checkpoint: str | None) -> dict:
    row = {"kind": f"mtest, {problem.group}", "index": problem.index, "mi": problem.mi}
    return row | _answer(*problem.draw(), checkpoint)


def run(args: argparse.Namespace, folder: Path) -> None:
    """Ask about all data sets, and write whether there was a warning."""
    note = common.weights_note(args.checkpoint)
    datasets, every = (3, 100) if args.quick else (DATASETS, 1)
    calls = [
        delayed(_kind_row)(name, index, args.checkpoint)
        for name in KINDS
        for index in range(datasets)
    ]
    calls += [delayed(_mtest_row)(p, args.checkpoint) for p in mtest.problems(0)[::every]]
    common.write_raw(folder / "mist.csv", Parallel(n_jobs=args.jobs)(calls), note)


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return the share of warnings and of intervals that hold the true value."""
    frame = common.read_raw(folder / "mist.csv")
    frame["covered"] = frame["mi"].between(frame["low"] - 1e-9, frame["high"] + 1e-9)
    records = []
    for name, part in frame.groupby("kind", sort=False):
        known = part["mi"].notna().all()
        record = {"kind": name, "datasets": len(part), "warned": float(part["warned"].mean())}
        record["covered"] = float(part["covered"].mean()) if known else float("nan")
        record["score"] = float(part["score"].median()) if "score" in part else float("nan")
        records.append({**record, "estimate": float(part["estimate"].median())})
    summary = pd.DataFrame(records)
    rows = []
    for row in summary.itertuples():
        title = KINDS[row.kind].title if row.kind in KINDS else f"false alarms: {row.kind}"
        truth = frame.loc[frame["kind"] == row.kind, "mi"]
        mi = "" if row.kind not in KINDS else _nats(truth.iloc[0])
        score = "–" if np.isnan(row.score) else f"{row.score:.2f}"
        covered = "–" if np.isnan(row.covered) else f"{row.covered:.2f}"
        rows.append(
            [
                title,
                str(row.datasets),
                f"{row.warned:.3f}",
                score,
                mi,
                f"{row.estimate:.2f}",
                covered,
            ]
        )
    caught = int((summary.loc[summary["kind"].isin(KINDS), "warned"] >= 0.95).sum())
    text = (
        "### domain: warnings outside the training distribution, and false alarms\n\n"
        f"{caught} of {len(KINDS)} kinds are warned of in 95% or more of their data sets. Share "
        "with `in_domain_` False, median `domain_score_` (a dash: weights without a calibration), "
        "true value in nats (a dash: not known), median estimate, "
        "and share of 90% intervals that hold the true value:\n\n"
        + table(["", "data sets", "warned", "score", "MI", "estimate", "90% interval"], rows)
    )
    return text + common.note_of(folder / "mist.csv"), summary


def _nats(value: float) -> str:
    if np.isnan(value):
        return "–"
    return "∞" if np.isinf(value) else f"{value:.2f}"


SUITE = common.Suite("domain", "warnings outside the training distribution", run, describe)
