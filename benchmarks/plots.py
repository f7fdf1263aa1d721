"""Pictures of the accuracy suites."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from benchmarks.estimators import TITLES  # noqa: E402

SHOWN = ("mist", "prior", "ksg5", "cca_rank_lw", "gcmi")
PAIRS = ("mist", "ksg3", "ksg5", "ksg10", "sklearn", "cca")
GROUPS = {"in": "in distribution", "out": "out of distribution"}


def _save(figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)


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
    _save(figure, path)


def bmi40(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n, and estimates against the truth."""
    _two_panels(frame, path, "bmi40")


def _two_panels(frame: pd.DataFrame, path: Path, title: str) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    _error_by_n(axes[0], frame)
    _against_truth(axes[1], frame)
    figure.suptitle(title)
    _save(figure, path)


def breadth(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n and by family, and estimates against the truth."""
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    _error_by_n(axes[0], frame)
    _error_by_family(axes[1], frame)
    _against_truth(axes[2], frame)
    figure.suptitle("breadth: families that no training preset holds")
    _save(figure, path)


def regression(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n, and estimates against the truth."""
    _two_panels(frame, path, "regression: known functions plus normal noise")


def classes(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n, and estimates against the truth."""
    _two_panels(frame, path, "classes: labels told by several columns")


def idle(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n, and estimates against the truth."""
    _two_panels(frame, path, "idle: two columns share something, others beside them nothing")


def multioutput(frame: pd.DataFrame, path: Path) -> None:
    """Draw the mean absolute error over n, and estimates against the truth."""
    _two_panels(frame, path, "multioutput: linear maps, and pairs of columns side by side")


def interactions(frame: pd.DataFrame, path: Path) -> None:
    """Draw the share of the mutual information that is found in each task."""
    shares = frame.assign(share=frame["estimate"] / frame["mi"])
    tasks = frame.sort_values(["seed", "index"], kind="stable")["task"].unique()
    figure, axis = plt.subplots(figsize=(8, 7), layout="constrained")
    for name, marker in zip(("mist", "ksg5", "cca"), "o^s", strict=True):
        part = shares[shares["estimator"] == name]
        if len(part):
            mean = part.groupby("task")["share"].mean().reindex(tasks)
            axis.plot(mean, np.arange(len(tasks)), marker, ms=5, label=TITLES[name])
    axis.axvline(1, color="0.5", lw=1)
    axis.set_yticks(np.arange(len(tasks)), tasks, fontsize="small")
    axis.invert_yaxis()
    axis.set(xlabel="estimate as a share of the true mutual information", title="interactions")
    axis.legend(fontsize="small")
    _save(figure, path)


def gaussian(frame: pd.DataFrame, path: Path) -> None:
    """Draw the root mean squared error over n, a panel for each correlation."""
    frame = frame.assign(squared=(frame["estimate"] - frame["mi"]) ** 2)
    groups = sorted(frame["group"].unique())
    columns = -(-len(groups) // 2)
    figure, axes = plt.subplots(
        2, columns, figsize=(3.4 * columns, 6.5), sharex=True, layout="constrained"
    )
    for axis, group in zip(axes.flat, groups, strict=False):
        for name in PAIRS:
            part = frame[(frame["estimator"] == name) & (frame["group"] == group)]
            if len(part):
                rmse = part.groupby("n")["squared"].mean() ** 0.5
                axis.plot(rmse.index, rmse, marker="o", ms=3, label=TITLES[name])
        axis.set(title=group.replace("rho=", "correlation "), xscale="log", yscale="log")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    for axis in axes.flat[len(groups) :]:
        axis.set_axis_off()
    axes.flat[-1].legend(handles, labels, fontsize="small", loc="center")
    figure.supxlabel("rows")
    figure.supylabel("root mean squared error (nats)")
    _save(figure, path)


def _error_by_n(axis, frame: pd.DataFrame) -> None:
    """Draw mean absolute errors over n, on the data sets that all estimators shown have run."""
    shown = [name for name in SHOWN if name in set(frame["estimator"])]
    frame = frame[frame["estimator"].isin(shown) & frame["estimate"].notna()]
    keys = ["task", "n", "seed"]
    full = frame.groupby(keys)["estimator"].transform("nunique") == len(shown)
    frame = frame[full].assign(absolute=(frame["estimate"] - frame["mi"]).abs())
    for name in shown:
        mae = frame[frame["estimator"] == name].groupby("n")["absolute"].mean()
        axis.plot(mae.index, mae, marker="o", label=TITLES[name])
    axis.set(xscale="log", yscale="log", xlabel="rows", ylabel="mean absolute error (nats)")
    axis.legend(fontsize="small")


def _error_by_family(axis, frame: pd.DataFrame) -> None:
    """Draw mean absolute errors by family, all sizes together."""
    families = frame.sort_values(["seed", "index"], kind="stable")["group"].unique()
    frame = frame.assign(absolute=(frame["estimate"] - frame["mi"]).abs())
    shown = [name for name in SHOWN if name in set(frame["estimator"])]
    height = 0.8 / max(1, len(shown))
    for i, name in enumerate(shown):
        part = frame[frame["estimator"] == name]
        mae = part.groupby("group")["absolute"].mean().reindex(families)
        axis.barh(np.arange(len(families)) + i * height, mae, height, label=TITLES[name])
    axis.set_yticks(np.arange(len(families)) + 0.4 - height / 2, families)
    axis.invert_yaxis()
    axis.set(xlabel="mean absolute error (nats), all sizes", xscale="log")
    axis.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _against_truth(axis, frame: pd.DataFrame) -> None:
    """Draw estimates of the network over the truth, one colour for each size, and KSG behind."""
    ksg = frame[frame["estimator"] == "ksg5"]
    axis.plot(ksg["mi"], ksg["estimate"], "x", ms=4, color="0.75", label=TITLES["ksg5"])
    mist = frame[frame["estimator"] == "mist"]
    for n, part in mist.groupby("n"):
        axis.plot(part["mi"], part["estimate"], ".", ms=6, alpha=0.7, label=f"scikit-mist, n = {n}")
    top = 1.15 * frame["mi"].max()
    axis.plot([0, top], [0, top], color="0.4", lw=1)
    highest = max(top, 1.05 * float(mist["estimate"].max())) if len(mist) else top
    axis.set(xlim=(-0.05, top), ylim=(-0.15, highest))
    axis.set(xlabel="true mutual information (nats)", ylabel="estimate (nats)")
    axis.legend(fontsize="small")
