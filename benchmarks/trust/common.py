"""What the suites on trust share: the files of raw results, and from them to the tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import RESULTS
from benchmarks.estimators import describe_weights, load_mist

QUICK = RESULTS / "quick"  # small runs, compared with nothing


@dataclass(frozen=True)
class Suite:
    """A suite: how raw results are made, and what is said of them.

    Parameters
    ----------
    name, title : str
        Name of the command, and its line of help.
    run : callable
        Takes the options and the folder of raw results, and writes CSV files there.
    describe : callable
        Takes the folder; returns Markdown and the same as a data frame.
    options : callable, optional
        Adds further options to the parser.
    """

    name: str
    title: str
    run: Callable[[argparse.Namespace, Path], None]
    describe: Callable[[Path], tuple[str, pd.DataFrame]]
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that all suites have."""
    parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    parser.add_argument("--quick", action="store_true", help="a small size, into results/quick")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--no-report", action="store_true", help="write no tables")


def weights_note(checkpoint: str | None) -> str:
    """Return the line that says which weights are used."""
    note = describe_weights(load_mist(checkpoint), checkpoint)
    print(note, file=sys.stderr)
    return note


def write_raw(path: Path, rows: Iterable[dict], note: str = "") -> None:
    """Write raw results as CSV, under a comment on where they come from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = pd.DataFrame(list(rows)).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    path.write_text((f"# {note}\n" if note else "") + text)


def read_raw(path: Path) -> pd.DataFrame:
    """Read raw results."""
    return pd.read_csv(path, comment="#")


def note_of(path: Path) -> str:
    """Return the comment of a file of raw results, in Markdown; empty where there is none."""
    with path.open() as file:
        first = file.readline()
    return f"\n`{first[1:].strip()}`\n" if first.startswith("#") else ""


def share_error(share: float, count: int) -> float:
    """Return the standard error of a share."""
    return float(np.sqrt(share * (1 - share) / count))


def blas_on_one_thread() -> None:
    """Let torch use one thread in this process, so that processes do not fight for cores."""
    import torch

    torch.set_num_threads(1)
