"""Run suites: one CSV of estimates per suite, estimator and seed, then the tables."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from benchmarks import (
    bmi40,
    breadth,
    classes,
    estimators,
    gaussian,
    idle,
    interactions,
    mtest,
    multioutput,
    regression,
)
from benchmarks.suite import Problem

SUITES = {
    "mtest": mtest.problems,
    "bmi40": bmi40.problems,
    "breadth": breadth.problems,
    "interactions": interactions.problems,
    "regression": regression.problems,
    "classes": classes.problems,
    "idle": idle.problems,
    "multioutput": multioutput.problems,
    "gaussian": gaussian.problems,
}
SEEDS = {suite: (0, 1, 2) for suite in SUITES} | {"mtest": (0,), "gaussian": (0,)}
MORE_SEEDS = {  # of the network alone
    "mtest": tuple(range(1, 5)),
    "bmi40": tuple(range(3, 10)),
    "breadth": tuple(range(3, 10)),
}
RESULTS = Path(__file__).parent / "results"
KEYS = ("index", "task", "group", "n", "dx", "dy", "mi")


def results_folder(every: int = 1) -> Path:
    """Return where results stand: those on a subset in a folder of their own."""
    return RESULTS if every == 1 else RESULTS / f"every{every}"


def raw_path(suite: str, name: str, seed: int, every: int = 1) -> Path:
    """Return the file of one estimator's estimates."""
    return results_folder(every) / "raw" / suite / f"{name}-seed{seed}.csv"


def _done(path: Path) -> set[int]:
    """Return the problems that a file already holds; an unfinished last line does not count."""
    if not path.exists():
        return set()
    text = path.read_text()
    if not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1])
    with path.open() as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        return {int(line["index"]) for line in lines}


def _rows(name: str, problems: list[Problem], device: str, checkpoint: str | None) -> Iterator:
    if name == "mist":
        return estimators.mist_rows(problems, checkpoint, device)
    if name == "prior":
        return estimators.prior_rows(problems)
    return estimators.peer_rows(name, problems)


def run(
    suite: str,
    name: str,
    seed: int,
    *,
    every: int = 1,
    max_n: int | None = None,
    force: bool = False,
    note: str = "",
    device: str = "cpu",
    checkpoint: str | None = None,
) -> Path:
    """Write the estimates of one estimator on one suite; go on where an earlier run stopped.

    Parameters
    ----------
    suite, name : str
        Keys of ``SUITES`` and of ``estimators.TITLES``.
    seed : int
        Seed of the suite.
    every : int
        Run every so many-th problem only.
    max_n : int, optional
        Leave out problems with more rows.
    force : bool
        Start anew even if the file exists; always so for the network.
    note, device, checkpoint
        For ``name="mist"``: a line about its weights, where they stand, and their file.

    Returns
    -------
    Path
        The CSV file.
    """
    path = raw_path(suite, name, seed, every)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = force or name == "mist" or not path.exists()
    target = path.with_suffix(f".{os.getpid()}.part") if fresh else path
    done = set() if fresh else _done(path)
    problems = [
        p
        for p in SUITES[suite](seed)[::every]
        if p.index not in done
        and (max_n is None or p.n <= max_n)
        and estimators.applicable(name, suite, p)
    ]
    if not problems:
        return path
    columns = estimators.columns(name)
    with target.open("w" if fresh else "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            if note:
                file.write(f"# {note}\n")
            writer.writerow((*KEYS, *columns))
            if name != "mist":
                file.flush()
                target.replace(path)
        bar = tqdm(
            _rows(name, problems, device, checkpoint),
            total=len(problems),
            desc=f"{suite} {name} seed {seed}",
            disable=None,
        )
        for p, row in bar:
            head = [p.index, p.task, p.group, p.n, p.dx, p.dy, f"{p.mi:.6g}"]
            values = [f"{row[c]:.6g}" if c in row else "" for c in columns]
            writer.writerow(head + values)
            file.flush()
    if fresh and name == "mist":
        target.replace(path)
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    parser.add_argument(
        "--estimators",
        default="mist",
        help=f"comma-separated: {', '.join(estimators.NAMES)}; or 'peers', 'neural', "
        "or 'all' (all but the neural ones)",
    )
    parser.add_argument(
        "--seeds",
        help="comma-separated (default: 0,1,2; of mtest and gaussian 0; scikit-mist runs more)",
    )
    parser.add_argument("--every", type=int, default=1, help="run every K-th problem only")
    parser.add_argument("--max-n", type=int, help="leave out problems with more rows")
    parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    parser.add_argument("--device", default="cpu", help="device of the network")
    parser.add_argument("--force", action="store_true", help="rerun what is on file")
    parser.add_argument("--no-report", action="store_true", help="write no tables")


def names_of(text: str) -> list[str]:
    """Return the estimators that an option names."""
    names: list[str] = []
    for part in text.split(","):
        groups = {"peers": ["prior", *estimators.PEERS], "neural": list(estimators.NEURAL)}
        groups["all"] = ["mist", *groups["peers"]]
        names += groups.get(part, [part])
    unknown = sorted(set(names) - set(estimators.NAMES))
    if unknown:
        raise SystemExit(f"unknown estimator: {', '.join(unknown)}")
    return names


def main(suites: list[str], args: argparse.Namespace) -> None:
    """Run suites with parsed options, then write their tables."""
    from benchmarks import report

    names = names_of(args.estimators)
    note = ""
    if "mist" in names:
        network = estimators.load_mist(args.checkpoint, args.device)
        note = estimators.describe_weights(network, args.checkpoint)
        print(note, file=sys.stderr)
    for suite in suites:
        chosen = tuple(int(s) for s in args.seeds.split(",")) if args.seeds else None
        for name in names:
            more = MORE_SEEDS.get(suite, ()) if name == "mist" else ()
            for seed in chosen or (*SEEDS[suite], *more):
                run(
                    suite,
                    name,
                    seed,
                    every=args.every,
                    max_n=args.max_n,
                    force=args.force,
                    note=note if name == "mist" else "",
                    device=args.device,
                    checkpoint=args.checkpoint,
                )
        if not args.no_report:
            path = report.write(suite, args.every)
            print(f"{path}\n\n{path.read_text()}")
