"""The state of a training run on disk, written so that a kill at any moment is safe."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from pathlib import Path

import torch

STATE = "state.pt"
LOG = "log.csv"
PARTS = {"weights": ("network", "average"), "optimiser": ("optimiser",)}  # a file for each


def _write(state: dict, path: Path) -> str:
    """Write a file beside the old one, put it in its place in one step, return its SHA-256."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    _replace(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with open(temporary, "wb") as file:
        file.write(content)
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
    digests = {
        names[part]: _write({key: state[key] for key in keys}, directory / names[part])
        for part, keys in PARTS.items()
    }
    divided = {key for keys in PARTS.values() for key in keys}
    rest = {key: value for key, value in state.items() if key not in divided}
    _write(rest | {"files": names, "digests": digests}, directory / STATE)
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
        names, digests = state.pop("files"), state.pop("digests", {})
        try:
            for name in names.values():
                state |= _read(directory / name, digests.get(name))
            return state
        except FileNotFoundError:  # another process has just put a later state in its place
            if _read(directory / STATE)["files"] == names:
                raise
    return None


def _read(path: Path, digest: str | None = None) -> dict:
    content = path.read_bytes()
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} is damaged: its SHA-256 is not that of what was written.")
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, by where the damage is
        raise ValueError(f"{path} is damaged, or not of a training run: {error!r}") from error
    if not isinstance(found, dict) or (path.name == STATE and "files" not in found):
        raise ValueError(f"{path} is not of a training run.")
    return found


class CsvLog:
    """A CSV of the run; rows after the position of a resumed state are dropped."""

    def __init__(self, path: Path, columns: tuple[str, ...], position: int):
        self.path, self.columns = path, columns
        path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        for row in read_log(path):
            step = row.get("step", "")
            if step.isdecimal() and int(step) <= position:
                writer.writerow(row)
        _replace(path, text.getvalue().encode())

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
