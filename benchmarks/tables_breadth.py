"""The tables of the suites breadth, regression, classes, idle, multioutput and interactions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from benchmarks.estimators import TITLES
from benchmarks.metrics import INTERVALS, coverage, mean_and_error, number, table, with_error
from benchmarks.tables import beside_peers, calibration, errors_by_task, present, whole_seeds

MARGIN = 0.03  # nats by which KSG has to be better to be named
KSG = ("ksg3", "ksg5", "ksg10", "ksg5_rank")
ALL = "all"


def _by_task(frame: pd.DataFrame, intro: str, ksg: bool = False) -> tuple[str, pd.DataFrame]:
    """Return the tables of a suite of tasks in families, and their summary.

    Peers are compared on the seeds that they have run, and coverage is over all seeds; ``intro``
    may name the numbers of ``tasks``, ``families`` and ``seeds`` compared.
    """
    frame = frame.assign(error=frame["estimate"] - frame["mi"])
    frame["absolute"] = frame["error"].abs()
    every_seed = whole_seeds(frame).sort_values(["seed", "index"], kind="stable")
    frame = beside_peers(every_seed)
    summary = _summary(frame)
    cells = summary.set_index(["estimator", "family", "n"])
    sizes = sorted(frame["n"].unique())
    text = intro.format(
        tasks=frame["task"].nunique(),
        families=frame["group"].nunique(),
        seeds=frame["seed"].nunique(),
    )
    text += _errors(frame, cells, sizes)
    text += (
        "\nMean absolute error by family, and that of the peer that is best on each task (chosen "
        "afresh for each, knowing the truth):\n\n" + _families(frame, cells, sizes)
    )
    if ksg:
        text += (
            "\nMean absolute error of scikit-mist less that of the best KSG (k = 3, 5, 10, and "
            "k = 5 on rank scores; the best is chosen afresh in each cell, knowing the truth); in "
            f"bold where KSG is better by more than {MARGIN} nats:\n\n"
            + _against_ksg(frame, cells, sizes)
        )
    return text + f"\n{calibration(every_seed)}\n" + errors_by_task(frame, sizes), summary


# Tables of error by n and by family, bias, coverage and each task; of breadth against KSG too.
breadth = partial(
    _by_task,
    intro="### breadth: tasks that no training preset holds\n\n"
    "{tasks} tasks in {families} families, {seeds} seeds; mixtures, flows, lengths and counts of a "
    "shared rate are akin to families of training, and errors on this suite were looked at in the "
    "course of the work. Mean absolute error in nats ± standard "
    "error between seeds (where fewer seeds were run, their number in brackets), over the tasks on "
    "which an estimator is defined, and beside it that of scikit-mist on the same data sets.\n\n",
    ksg=True,
)
regression = partial(
    _by_task,
    intro="### regression: known functions plus normal noise\n\n"
    "{tasks} tasks, {seeds} seeds, noise of 0.2 and 0.6 standard deviations of the function. Mean "
    "absolute error in nats ± standard error between seeds:\n\n",
)
classes = partial(
    _by_task,
    intro="### classes: labels told by several columns\n\n"
    "{tasks} tasks, {seeds} seeds, labels declared as categories; KSG and CCA see a column for "
    "each label. Mean absolute error in nats ± standard error between seeds:\n\n",
)
idle = partial(
    _by_task,
    intro="### idle: two columns share something, others beside them nothing\n\n"
    "{tasks} tasks, {seeds} seeds: eight pairs of columns, alone, and with idle columns in X, or "
    "in X and in y. Mean absolute error in nats ± standard error between seeds:\n\n",
)
multioutput = partial(
    _by_task,
    intro="### multioutput: linear maps of many columns, and pairs of columns side by side\n\n"
    "{tasks} tasks, {seeds} seeds. Mean absolute error in nats ± standard error between seeds:\n\n",
)


def _summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return error, bias and coverage for each estimator, family (and all together) and size."""
    records = []
    for name in present(frame):
        own = frame[frame["estimator"] == name]
        for family, rows in [(ALL, own), *own.groupby("group", sort=False)]:
            for n, part in rows.groupby("n"):
                mae = mean_and_error(part.groupby("seed")["absolute"].mean())
                record = {"estimator": name, "family": family, "n": n}
                record |= {"seeds": part["seed"].nunique(), "tasks": part["task"].nunique()}
                record |= {"mae": mae[0], "mae_se": mae[1], "bias": part["error"].mean()}
                record |= {f"coverage{level}": coverage(part, level) for level in INTERVALS}
                records.append(record)
    summary = pd.DataFrame(records)
    # a family's lead over KSG counts only where KSG is defined: labels on both sides are left out
    lead = {}
    for (family, n), part in _both_defined(frame).groupby(["group", "n"]):
        error = part.groupby("estimator")["absolute"].mean()
        if "mist" in error and error.index.isin(KSG).any():
            lead[family, n] = error["mist"] - error[error.index.isin(KSG)].min()
    summary["mist_less_ksg"] = [
        lead.get((row.family, row.n), np.nan) if row.estimator == "mist" else np.nan
        for row in summary.itertuples()
    ]
    return summary


def _both_defined(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of tasks and sizes on which KSG has run."""
    keys = ["task", "n"]
    ksg = frame.loc[frame["estimator"].isin(KSG) & frame["estimate"].notna(), keys]
    return frame.merge(ksg.drop_duplicates(), on=keys)


def _errors(frame: pd.DataFrame, cells: pd.DataFrame, sizes: list[int]) -> str:
    on = ["task", "n", "seed"]
    mist = frame.loc[frame["estimator"] == "mist", [*on, "absolute"]]
    rows = []
    for name in present(frame):
        own = frame[frame["estimator"] == name]
        beside = mist.merge(own.loc[own["absolute"].notna(), on], on=on)
        beside = beside.groupby(["n", "task"])["absolute"].mean().groupby("n").mean()
        maes, same = [], []
        for n in sizes:
            key = (name, ALL, n)
            maes.append(_mae(cells.loc[key]) if key in cells.index else "–")
            same.append(number(float(beside.get(n, np.nan))))
        rows.append([TITLES[name], str(own["task"].nunique()), *maes, *same])
    header = ["", "tasks", *(f"MAE, n = {n}" for n in sizes)]
    return table([*header, *(f"scikit-mist there, {n}" for n in sizes)], rows)


def _mae(cell: pd.Series) -> str:
    text = with_error((cell["mae"], cell["mae_se"]))
    return text if cell["seeds"] >= 3 else f"{text} [{int(cell['seeds'])}]"


def _families(frame: pd.DataFrame, cells: pd.DataFrame, sizes: list[int]) -> str:
    peers = frame[~frame["estimator"].str.startswith("mist")]
    error = peers.groupby(["group", "task", "n", "estimator"])["absolute"].mean()
    least = error.groupby(["group", "task", "n"]).min().groupby(["group", "n"]).mean()
    rows = []
    for family, part in frame.groupby("group", sort=False):
        ours = [float(cells["mae"].get(("mist", family, n), float("nan"))) for n in sizes]
        best = [float(least.get((family, n), float("nan"))) for n in sizes]
        rows.append([str(family), str(part["task"].nunique()), *map(number, [*ours, *best])])
    header = ["family", "tasks", *(f"scikit-mist, n = {n}" for n in sizes)]
    return table([*header, *(f"best peers, {n}" for n in sizes)], rows)


def _against_ksg(frame: pd.DataFrame, cells: pd.DataFrame, sizes: list[int]) -> str:
    rows = []
    for family in frame["group"].unique():
        row = []
        for n in sizes:
            lead = float(cells["mist_less_ksg"].get(("mist", family, n), float("nan")))
            text = "–" if np.isnan(lead) else f"{lead:+.3f}"
            row.append(f"**{text}**" if lead > MARGIN else text)
        rows.append([str(family), *row])
    return table(["family", *(f"n = {n}" for n in sizes)], rows)


def interactions(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the table of interactions: the share of the mutual information that is found."""
    frame = frame.assign(share=frame["estimate"] / frame["mi"]).sort_values(["seed", "index"])
    mi = frame.groupby("task", sort=False)["mi"].first()
    names = present(frame)
    shares = frame.groupby(["task", "estimator"])["share"].agg(["mean", "min", "max"])
    summary = shares.reset_index().rename(columns={"mean": "share"})
    summary.insert(1, "mi", summary["task"].map(mi))
    inside = frame.assign(inside=frame["mi"].between(frame["q0.05"], frame["q0.95"]))
    inside = inside[inside["estimator"] == "mist"].groupby("task")["inside"].mean()
    rows = []
    for task, value in mi.items():
        found = [shares["mean"].get((task, name), float("nan")) for name in names]
        cover = number(float(inside.get(task, float("nan"))))
        rows.append([task, number(value, 3), *(number(float(s)) for s in found), cover])
    means = [summary.loc[summary["estimator"] == name, "share"].mean() for name in names]
    rows.append(["mean", "", *(number(float(s)) for s in means), number(float(inside.mean()))])
    text = (
        "### interactions: columns that tell only together\n\n"
        f"n = {frame['n'].iloc[0]}, {frame['seed'].nunique()} seeds: XOR and parity of bits and "
        "of signs, products of numbers, of two and three columns. Mean estimate as a share of the "
        "true MI (1 is right; a dash: not defined), and the share of 90% intervals that hold the "
        "truth.\n\n"
        + table(["", "MI, nats", *(TITLES[name] for name in names), "90% interval"], rows)
    )
    return text, summary
