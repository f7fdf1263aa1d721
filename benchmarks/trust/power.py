"""The suite power: the 20 dependence settings of the package hyppo, beside its own tests.

hyppo lives in an environment of its own (``python -m venv ENV; ENV/bin/pip install hyppo``), whose
interpreter is named by ``--hyppo``. It draws the samples; they are exchanged as an .npz file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks.metrics import number, table
from benchmarks.trust import common

SCRIPT = Path(__file__).with_name("hyppo_power.py")
SAMPLES = Path(__file__).parents[2] / "outputs"  # not kept: hyppo draws the same ones again
REPEATS = 200
PERMUTATIONS = 99
DIMS = {1: "1 + 1", 3: "3 + 1"}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--hyppo", default=sys.executable, help="Python that has hyppo")
    parser.add_argument("--peers", action="store_true", help="run hyppo's tests anew too")


def _has_hyppo(python: str) -> bool:
    try:
        found = subprocess.run([python, "-c", "import hyppo"], capture_output=True)
    except OSError:
        return False
    return found.returncode == 0


def _ours(key: str, x: np.ndarray, y: np.ndarray, checkpoint: str | None) -> list[dict]:
    from skmist import MISTEstimator

    common.blas_on_one_thread()
    setting, d = key.split("/")
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, (a, b) in enumerate(zip(x, y, strict=True)):
            estimator = MISTEstimator(
                pvalue=True,
                n_permutations=PERMUTATIONS,
                random_state=index,
                checkpoint=checkpoint,
            )
            start = time.perf_counter()
            pvalue = estimator.fit(a, b).pvalue_
            seconds = time.perf_counter() - start
            row = {"setting": setting, "d": int(d), "index": index}
            rows.append({**row, "pvalue": pvalue, "seconds": seconds})
    return rows


def run(args: argparse.Namespace, folder: Path) -> None:
    """Let hyppo draw the samples, and test them; without hyppo, say so and do nothing."""
    if not _has_hyppo(args.hyppo):
        print(
            f"power: {args.hyppo} has no hyppo, left out. To run it: python -m venv ENV; "
            "ENV/bin/pip install hyppo; python -m benchmarks power --hyppo ENV/bin/python",
            file=sys.stderr,
        )
        return
    note = common.weights_note(args.checkpoint)
    repeats = 10 if args.quick else REPEATS
    SAMPLES.mkdir(exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    samples = SAMPLES / f"power-{repeats}.npz"
    command = [args.hyppo, str(SCRIPT)]
    subprocess.run([*command, "sample", str(samples), "--repeats", str(repeats)], check=True)
    if args.peers or not (folder / "hyppo.csv").exists():
        part = folder / "hyppo.part"
        subprocess.run([*command, "test", str(samples), str(part)], check=True)
        part.replace(folder / "hyppo.csv")
    with np.load(samples) as data:
        keys = sorted({key.rsplit("/", 1)[0] for key in data.files})
        results = Parallel(n_jobs=args.jobs)(
            delayed(_ours)(key, data[f"{key}/x"], data[f"{key}/y"], args.checkpoint) for key in keys
        )
    common.write_raw(folder / "mist.csv", (row for part in results for row in part), note)


def describe(folder: Path) -> tuple[str, pd.DataFrame]:
    """Return mean power and time of each test, and the power in each setting."""
    if not (folder / "mist.csv").exists():
        return "### power\n\nNot run: hyppo is not installed.\n", pd.DataFrame()
    ours = common.read_raw(folder / "mist.csv").groupby(["setting", "d"])
    mine = pd.DataFrame(
        {
            "repeats": ours.size(),
            "power": ours["pvalue"].apply(lambda p: float((p <= 0.05 + 1e-12).mean())),
            "seconds": ours["seconds"].median(),
        }
    ).reset_index()
    peers = common.read_raw(folder / "hyppo.csv")
    summary = pd.concat([mine.assign(test="scikit-mist"), peers], ignore_index=True)
    tests = ["scikit-mist", *peers["test"].unique()]
    means = summary.groupby(["test", "d"])[["power", "seconds"]].mean()
    rows = []
    for name in tests:
        cells = [means.loc[(name, d)] for d in DIMS]
        powers = [f"{c['power']:.3f}" for c in cells]
        rows.append([name, *powers, *(number(c["seconds"] * 1e3) for c in cells)])
    header = [*(f"mean power, {v}" for v in DIMS.values()), *(f"ms, {v}" for v in DIMS.values())]
    power = summary.pivot_table(index="setting", columns=["d", "test"], values="power")
    details = []
    for setting in power.index:
        cells = [power.loc[setting].get((d, t), np.nan) for d in DIMS for t in tests]
        details.append(
            [setting.replace("_", " "), *("–" if np.isnan(c) else f"{c:.2f}" for c in cells)]
        )
    counts = mine.groupby("d").size()
    text = (
        "### power: the dependence settings of hyppo\n\n"
        f"n = 100, level 0.05, {mine['repeats'].min()} samples of each setting, with the noise "
        f"that hyppo gives it: {counts[1]} settings in 1 + 1 columns, {counts[3]} in 3 + 1 (where "
        f"the setting has one y). scikit-mist: p-value of `MISTEstimator`, from the table in 1 + 1 "
        f"columns, from up to {PERMUTATIONS} permutations in 3 + 1. Peers: as in "
        "`hyppo.tools.power`, with the critical value from permuted samples of the same setting "
        "(one of the settings, multimodal independence, is the null hypothesis). "
        "Time of one test on one core in milliseconds, peers with 99 permutations; theirs are from "
        "the run that made their results, on a machine with other work, and rough; by default "
        "hyppo replaces the permutations of Dcorr and Hsic by an approximation, which is fast.\n\n"
        + table(["", *header], rows)
        + "\nPower in each setting:\n\n"
        + table(["", *(f"{t}, {v}" for v in DIMS.values() for t in tests)], details)
    )
    return text + common.note_of(folder / "mist.csv"), summary


SUITE = common.Suite(
    "power", "power of the test on hyppo's 20 dependence settings", run, describe, options
)
