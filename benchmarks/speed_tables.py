"""The tables of the suite speed, from the frames that it measures."""

from __future__ import annotations

import pandas as pd

from benchmarks.estimators import TITLES
from benchmarks.metrics import number, table

PEERS = {
    "mutual_info_regression": "y a number",
    "mutual_info_classif": "y one of {classes} labels",
}


def write(
    frames: dict[str, pd.DataFrame],
    machine: str,
    n_jobs: int,
    long: float,
    classes: int,
    anew: bool = False,
) -> str:
    """Return the section speed.

    Parameters
    ----------
    frames : dict of str to DataFrame
        "select", "single", "large" and "neural", as `benchmarks.speed` measures them.
    machine : str
        What the run was made on.
    n_jobs : int
        Jobs, and threads, of each side.
    long : float
        Seconds above which a call was made once.
    classes : int
        Labels that y took where it was a label.
    anew : bool
        Whether the neural estimators were run in this run.
    """
    head = (
        "### speed\n\n"
        f"Seconds in one run, the median of three calls, or one call where it takes more than "
        f"{number(long, 1)} s; {machine}; n_jobs = {n_jobs}, and as many threads for torch and "
        "for linear algebra, so that both sides have equally many cores. A ratio above 1 means "
        "that scikit-mist is faster.\n\n"
    )
    parts = [_selections(frames["select"], classes), _joint(frames["single"])]
    parts += [_large(frames["large"]), _neural(frames["neural"], anew)]
    return head + "\n".join(part for part in parts if part)


def _selections(frame: pd.DataFrame, classes: int) -> str:
    parts = []
    for peer, part in frame.groupby("target", sort=False):
        rows = [
            [f"{r.n:,}", f"{r.features:,}", *_times(r.mist, r.sklearn, r.timed < r.features)]
            for r in part.itertuples()
        ]
        text = (
            f"All features against one target, {PEERS[peer].format(classes=classes)}: "
            f"`SelectKBest(MISTScore())` and `SelectKBest({peer})`:\n\n"
            + table(["n", "features", "scikit-mist", "scikit-learn", "ratio"], rows)
        )
        scaled = part[part["timed"] < part["features"]]
        if len(scaled):
            cases = "; ".join(
                f"at n = {r.n:,} on {r.timed} of the {r.features:,} features"
                for r in scaled.itertuples()
            )
            text += (
                "\n\\* scikit-learn, which treats each feature by itself, was timed "
                f"{cases}, and the seconds scaled up to all.\n"
            )
        parts.append(text)
    return "\n".join(parts)


def _joint(frame: pd.DataFrame) -> str:
    rows = [
        [f"{r.n:,}", str(r.d), *_times(r.mist, r.ksg), _mib(r.mist_mib), _mib(r.ksg_mib)]
        for r in frame.itertuples()
    ]
    return (
        "One joint estimate, d columns against d, `MISTEstimator().score` and "
        "`skmist.baselines.ksg_mi` with k = 5, and by how much each raises the peak memory of a "
        "fresh process above what it held, its data included (measured from n = 5,000):\n\n"
        + table(["n", "d", "scikit-mist", "KSG", "ratio", "scikit-mist, MiB", "KSG, MiB"], rows)
    )


def _large(frame: pd.DataFrame) -> str:
    rows = [
        [f"{r.n:,}", f"{r.features:,}", number(r.mist), _mib(r.input_mib), _mib(r.mist_mib)]
        for r in frame.itertuples()
    ]
    return (
        "Very many rows, `SelectKBest(MISTScore())` in a fresh process, and its peak memory above "
        "what the process held, its data included:\n\n"
        + table(["n", "features", "seconds", "X, MiB", "peak above, MiB"], rows)
    )


def _neural(frame: pd.DataFrame, anew: bool) -> str:
    if not len(frame):
        return ""
    rows = [
        [TITLES[r.estimator], _question(r.features), str(r.tasks), *_times(r.mist, r.neural)]
        for r in frame.itertuples()
    ]
    theirs = (
        "measured in this run" if anew else "on file in `results/raw/bmi40`, from an earlier run"
    )
    return (
        "Neural estimators, which fit a critic to each data set: mean seconds per estimate at n = "
        f"2,000. Theirs are of tasks of bmi40, {theirs}. Ours were measured in this run: one "
        "estimate after another on the same data sets; and for one column against one, a "
        "feature's share of the time in which `SelectKBest(MISTScore())` ranks many:\n\n"
        + table(["", "asked for", "tasks", "scikit-mist", "neural", "ratio"], rows)
    )


def _question(features: int) -> str:
    return "one estimate" if features == 1 else f"one of {features:,} features"


def _mib(value: float) -> str:
    return "–" if value != value else f"{value:,.0f}"


def _times(ours: float, theirs: float, scaled: bool = False) -> list[str]:
    ratio = number(float(f"{theirs / ours:.2g}"))
    return [number(ours), number(theirs) + "\\*" * scaled, f"{ratio}×"]
