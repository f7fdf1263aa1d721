"""Turn the CSV files of estimates into tables, plots and the model card's section."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks import headline, tables, tables_breadth, tables_pairs
from benchmarks.accuracy import RESULTS, SUITES, results_folder
from benchmarks.estimators import MEAN, TITLES
from benchmarks.trust import commands as trust

MODEL_CARD = Path(__file__).parents[1] / "doc" / "model_card.md"
TABLES = {
    "mtest": tables.mtest,
    "bmi40": tables.bmi40,
    "breadth": tables_breadth.breadth,
    "interactions": tables_breadth.interactions,
    "regression": tables_breadth.regression,
    "classes": tables_breadth.classes,
    "idle": tables_breadth.idle,
    "multioutput": tables_breadth.multioutput,
    "gaussian": tables_pairs.gaussian,
}
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def load(suite: str, every: int = 1) -> pd.DataFrame:
    """Return all estimates on file for a suite, the network's median and mean as two estimators."""
    frames = []
    for name in TITLES:
        for path in sorted((results_folder(every) / "raw" / suite).glob(f"{name}-seed*.csv")):
            frame = pd.read_csv(path, comment="#")
            frame["seed"] = int(path.stem.split("-seed")[1])
            frame["estimator"] = name
            frames.append(frame)
            if name == "mist":
                frames.append(frame.assign(estimator="mist_mean", estimate=frame[MEAN]))
    if not frames:
        raise SystemExit(f"No results of {suite} on file; run python -m benchmarks {suite}.")
    return pd.concat(frames, ignore_index=True)


def weights_line(suite: str, every: int = 1) -> str:
    """Return the line that says which weights gave the network's estimates."""
    lines = []
    for path in sorted((results_folder(every) / "raw" / suite).glob("mist-seed*.csv")):
        first = path.open().readline().strip("# \n")
        if first.startswith("weights=") and first not in lines:
            lines.append(first)
    return "; ".join(lines)


def write(suite: str, every: int = 1) -> Path:
    """Write the tables of a suite, as Markdown and CSV, and its plot.

    Returns
    -------
    Path
        The Markdown file.
    """
    frame = load(suite, every)
    folder = results_folder(every)
    text, summary = TABLES[suite](frame)
    if line := weights_line(suite, every):
        text += f"\n`{line}`\n"
    summary.to_csv(folder / f"{suite}.csv", index=False, float_format="%.5g")
    path = folder / f"{suite}.md"
    path.write_text(text)
    _plot(suite, frame, folder)
    return path


def _plot(suite: str, frame: pd.DataFrame, folder: Path) -> None:
    """Draw the suite's picture where matplotlib is installed."""
    try:
        from benchmarks import plots
    except ImportError:
        return
    if hasattr(plots, suite):
        getattr(plots, suite)(tables.beside_peers(frame), folder / f"{suite}.png")


def main() -> None:
    """Write every table that has results on file, and the model card's section."""
    parts = []
    for suite in SUITES:
        if (RESULTS / "raw" / suite).is_dir():
            parts.append(write(suite).read_text())
    parts += trust.sections()
    for name in ("calibration", "tables", "speed", "latency", "large"):
        if (RESULTS / f"{name}.md").exists():
            parts.append((RESULTS / f"{name}.md").read_text())
    print("\n".join(parts))
    if MODEL_CARD.exists():
        card = MODEL_CARD.read_text()
        if BEGIN in card and END in card:
            head, rest = card.split(BEGIN, 1)
            tail = rest.split(END, 1)[1]
            section = "\n".join(parts)
            MODEL_CARD.write_text(f"{head}{BEGIN}\n\n{section}\n{END}{tail}")
            print(f"wrote the tables into {MODEL_CARD}")
        else:
            print(f"{MODEL_CARD} has no lines {BEGIN} and {END}: left as it is")
    if headline.write(RESULTS):
        print(f"wrote a few figures into {headline.README}")
