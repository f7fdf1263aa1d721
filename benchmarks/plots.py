"""Pictures of the accuracy suites."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from benchmarks.estimators import TITLES  # noqa: E402

SHOWN = ("mist", "prior", "ksg5", "cca_rank_lw", "gcmi")
GROUPS = {"in": "in distribution", "out": "out of distribution"}


def mtest(frame: pd.DataFrame, path: Path) -> None:
    """Draw the root mean squared error over n, in and out of distribution."""
    frame = frame.assign(squared=(frame["estimate"] - frame["mi"]) ** 2)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axis, (group, title) in zip(axes, GROUPS.items(), strict=True):
        for name in SHOWN:
            part = frame[(frame["estimator"] == name) & (frame["group"] == group)]
            if len(part):
                rmse = part.groupby("n")["squared"].mean() ** 0.5
                axis.plot(rmse.index, rmse, marker="o", ms=3, label=TITLES[name])
        axis.set(title=f"mtest, {title}", xlabel="rows", yscale="log")
    axes[0].set_ylabel("root mean squared error (nats)")
    axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def bmi40(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n."""
    frame = frame.assign(absolute=(frame["estimate"] - frame["mi"]).abs())
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for name in SHOWN:
        part = frame[frame["estimator"] == name]
        if len(part):
            mae = part.groupby("n")["absolute"].mean()
            axis.plot(mae.index, mae, marker="o", label=TITLES[name])
    axis.set(xscale="log", yscale="log", xlabel="rows", ylabel="mean absolute error (nats)")
    axis.set_title("bmi40")
    axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)
