"""The state of a training run on disk, written so that a kill at any moment is safe."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import torch

STATE = "state.pt"
LOG = "log.csv"
PARTS = {"weights": ("network", "average"), "optimiser": ("optimiser",)}  # a file for each


def _write(state: dict, path: Path) -> None:
    """Write a file beside the old one, then put it in its place in one step."""
    temporary = path.with_name(f"{path.name}.new")
    with open(temporary, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_state(directory: Path, state: dict) -> None:
    """Write the state in files of moderate size.

    The parts come first, under the number of the step; then the file that names them; then the
    parts that it named before are removed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = {part: f"{part}-{state['step']}.pt" for part in PARTS}
    for part, keys in PARTS.items():
        _write({key: state[key] for key in keys}, directory / names[part])
    divided = {key for keys in PARTS.values() for key in keys}
    rest = {key: value for key, value in state.items() if key not in divided}
    _write(rest | {"files": names}, directory / STATE)
    for part in PARTS:
        for path in directory.glob(f"{part}-*.pt*"):  # and what a kill left half written
            if path.name != names[part]:
                path.unlink()


def load_state(directory: Path) -> dict | None:
    """Read the state of a directory into the memory of the host; None where there is none.

    Modules and optimisers copy from there to their own device what belongs on it.
    """
    while (directory / STATE).exists():
        state = _read(directory / STATE)
        names = state.pop("files")
        try:
            for name in names.values():
                state |= _read(directory / name)
            return state
        except FileNotFoundError:  # another process has just put a later state in its place
            if _read(directory / STATE)["files"] == names:
                raise
    return None


def _read(path: Path) -> dict:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError, BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or not of a training run: {error}") from error
    if path.name == STATE and "files" not in found:
        raise ValueError(f"{path} is not of a training run.")
    return found


class CsvLog:
    """A CSV of the run; rows after the position of a resumed state are dropped."""

    def __init__(self, path: Path, columns: tuple[str, ...], position: int):
        self.path, self.columns = path, columns
        rows = [r for r in read_log(path) if int(r["step"]) <= position]
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)

    def write(self, **values) -> None:
        """Append one row."""
        row = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in values.items()}
        with open(self.path, "a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)


def read_log(path: Path) -> list[dict[str, str]]:
    """Read the rows of a log; an unfinished last line is left out."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [r for r in csv.DictReader(file) if None not in r.values() and None not in r]


def plot_log(directory: Path) -> Path | None:
    """Draw the loss over data sets seen; None where matplotlib is missing or nothing is logged."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    rows = read_log(directory / LOG)
    if len(rows) < 2:
        return None
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    seen = [float(r["datasets"]) for r in rows]
    axes.plot(seen, [float(r["loss"]) for r in rows], lw=0.7, label="training, running mean")
    valid = [
        (s, float(r["validation"])) for s, r in zip(seen, rows, strict=True) if r["validation"]
    ]
    if valid:
        axes.plot(*zip(*valid, strict=True), "o-", ms=4, label="validation, averaged weights")
    axes.set(xlabel="data sets seen", ylabel="loss", yscale="log")
    axes.legend()
    path = directory / "loss.png"
    figure.savefig(path, dpi=120)
    return path
