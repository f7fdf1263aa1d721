"""The suite consistency: what must hold between estimates, on synthetic data and on images.

Images are scikit-learn's handwritten digits, 8 x 8 pixels with 17 grey levels. No true value is
needed: each check compares two answers on the same rows. An inequality fails only if the estimate
that should not be larger lies above the 90% interval of the other.
"""

from __future__ import annotations

import argparse
import functools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from benchmarks.distributions import equicorrelation, sample_normal, stream
from benchmarks.metrics import number, table
from benchmarks.trust import common

REPEATS = 20
ROWS = 600
EXACT = 1e-4  # nats; estimates that have to be equal
NOISE = (0.25, 0.5, 1.0, 2.0, 4.0)  # in standard deviations of what it is added to

Check = tuple[str, bool, float]  # its name, whether it is passed, by how much it is missed
Ask = Callable[[np.ndarray, np.ndarray], tuple[float, float, float]]


def _not_above(name: str, less: tuple, more: tuple) -> Check:
    """Check that one mutual information is not larger than another."""
    return name, less[0] <= more[2], less[0] - more[0]


def _equal(name: str, one: tuple, other: tuple) -> Check:
    """Check that two estimates are the same."""
    return name, abs(one[0] - other[0]) <= EXACT, abs(one[0] - other[0])


def _within(name: str, value: float, answer: tuple) -> Check:
    """Check that a number lies in an interval."""
    return name, answer[1] <= value <= answer[2], abs(value - answer[0])


def _falling(name: str, answers: list[tuple]) -> Iterator[Check]:
    """Check that estimates fall along a list, each step by itself."""
    for before, after in zip(answers[:-1], answers[1:], strict=True):
        yield _not_above(name, after, before)


def synthetic(rng: np.random.Generator, ask: Ask) -> Iterator[Check]:
    """Yield checks on a smooth nonlinear relation of four columns to two."""
    Z = sample_normal(rng, equicorrelation(4, rng.uniform(0, 0.6)), ROWS)
    mix = rng.normal(size=(4, 2))
    clean = Z @ mix + np.sin(2 * Z[:, :2])
    Y = clean + rng.uniform(0.3, 1.5) * clean.std(axis=0) * rng.normal(size=(ROWS, 2))
    whole = ask(Z, Y)
    for d in (1, 2, 3):
        yield _not_above("adding columns of X", ask(Z[:, :d], Y), ask(Z[:, : d + 1], Y))
    yield _not_above("adding a column of y", ask(Z, Y[:, :1]), whole)
    idle = np.c_[Z, rng.normal(size=(ROWS, 2))]
    yield _within("adding columns of noise", ask(idle, Y)[0], whole)
    yield _not_above("processing: squares", ask(Z**2, Y), whole)
    yield _not_above("processing: rounding", ask(Z.round(), Y), whole)
    yield _not_above("processing: projection", ask(Z @ rng.normal(size=(4, 2)), Y), whole)
    yield _equal("monotone maps of columns", ask(np.exp(Z), -(Y**3)), whole)
    yield _equal("swap of X and y", ask(Y, Z), whole)
    order, columns = rng.permutation(ROWS), rng.permutation(4)
    yield _equal("order of rows and columns", ask(Z[order][:, columns], Y[order]), whole)
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    yield _within("rotation of X", ask(Z @ turn, Y)[0], whole)
    other = rng.normal(size=(ROWS, 2))
    other = other, other + rng.uniform(0.3, 1.5) * rng.normal(size=(ROWS, 2))
    parts = whole[0] + ask(*other)[0]
    both = ask(np.c_[Z, other[0]], np.c_[Y, other[1]])
    yield _within("independent blocks add up", parts, both)
    noise = rng.normal(size=Y.shape) * clean.std(axis=0)
    yield from _falling("noise level", [ask(Z, clean + level * noise) for level in NOISE])


@functools.lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8), labels


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def _pooled(images: np.ndarray) -> np.ndarray:
    """Return the means of squares of 2 x 2 pixels."""
    n, height, width = images.shape
    return images.reshape(n, height // 2, 2, width // 2, 2).mean(axis=(2, 4))


def digits(rng: np.random.Generator, ask: Ask) -> Iterator[Check]:
    """Yield checks on halves and patches of images, and on their labels."""
    images, labels = _digits()
    rows = rng.choice(len(images), ROWS, replace=False)
    images, labels = images[rows], labels[rows]
    left, right = images[:, :, :4], images[:, :, 4:]
    # each half in squares of 2 x 2: 8 columns, so that the halves stay inside the trained range
    a, b = _flat(_pooled(left)), _flat(_pooled(right))
    halves = ask(a, b)
    for d in (2, 4):
        yield _not_above("larger patches", ask(a[:, :d], b), ask(a[:, : 2 * d], b))
    yield _not_above("larger patches", ask(_flat(left[:, 2:6]), labels), ask(_flat(left), labels))
    yield _not_above("processing: coarser pixels", ask(a, labels), ask(_flat(left), labels))
    yield _not_above("processing: black and white", ask((a > 8) + 0.0, b), halves)
    yield _not_above("processing: mean of a half", ask(a.mean(axis=1, keepdims=True), b), halves)
    yield _equal("negative and gamma", ask(16 - a, np.sqrt(b)), halves)
    mirrored = [_flat(_pooled(half)[:, :, ::-1]) for half in (right, left)]
    yield _equal("mirror image", ask(*mirrored), halves)
    order = rng.permutation(10)
    yield _equal("names of labels", ask(a, order[labels]), ask(a, labels))
    first, second = slice(None, ROWS // 2), slice(ROWS // 2, None)
    single = [ask(a[part], b[part])[0] for part in (first, second)]
    stacked = ask(np.c_[a[first], a[second]], np.c_[b[first], b[second]])
    yield _within("two independent images add up", sum(single), stacked)
    noise = rng.normal(size=a.shape) * a.std(axis=0)
    yield from _falling("noise level", [ask(a + level * noise, labels) for level in NOISE])


DATA = {"synthetic": synthetic, "digits": digits}


def _rows(data: str, index: int, checkpoint: str | None) -> list[dict]:
    from skmist import MISTEstimator

    common.blas_on_one_thread()
    estimator = MISTEstimator(checkpoint=checkpoint)

    def ask(X, y):
        fitted = estimator.fit(X, y)
        return fitted.mi_, *fitted.interval_

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            {"data": data, "check": name, "index": index, "passed": int(passed), "miss": miss}
            for name, passed, miss in DATA[data](stream("consistency", data, index), ask)
        ]


def run(args: argparse.Namespace, folder: Path) -> None:
    """Make all checks, and write which were passed."""
    note = common.weights_note(args.checkpoint)
    repeats = 2 if args.quick else REPEATS
    results = Parallel(n_jobs=args.jobs)(
        delayed(_rows)(data, index, args.checkpoint) for data in DATA for index in range(repeats)
    )
    common.write_raw(folder / "mist.csv", (row for part in results for row in part), note)


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return the share of checks passed."""
    frame = common.read_raw(folder / "mist.csv")
    records = []
    for (data, check), part in frame.groupby(["data", "check"], sort=False):
        record = {"data": data, "check": check, "checks": len(part)}
        record["passed"] = float(part["passed"].mean())
        records.append({**record, "miss": float(part["miss"].quantile(0.9))})
    summary = pd.DataFrame(records)
    rows = [
        [f"{r.data}: {r.check}", str(r.checks), f"{r.passed:.2f}", _signed(r.miss)]
        for r in summary.itertuples()
    ]
    text = (
        "### consistency: what must hold between estimates\n\n"
        f"{frame['passed'].sum()} of {len(frame)} checks are passed. An inequality is missed if "
        "the estimate that should not be larger lies above the other's 90% interval, a sum if it "
        f"lies outside the interval of the whole, an equality if estimates differ by more than "
        f"{EXACT:g} nats. Beside it the 90% quantile of the difference of the two estimates in "
        "nats (negative: the right way round).\n\n"
        + table(["", "checks", "passed", "difference"], rows)
    )
    return text + common.note_of(folder / "mist.csv"), summary


def _signed(value: float) -> str:
    return f"-{number(-value)}" if value <= -5e-5 else number(value)


SUITE = common.Suite("consistency", "what must hold between estimates", run, describe)
