"""The tables of the suites mtest and bmi40, each as Markdown and as a data frame."""

from __future__ import annotations

import pandas as pd

from benchmarks.estimators import NEURAL, TITLES
from benchmarks.metrics import INTERVALS, coverage, mean_and_error, number, table, with_error

BINS = {"10–100": (10, 100), "30–100": (30, 100), "100–300": (100, 300), "300–500": (300, 500)}
GROUPS = {"in": "in distribution", "out": "out of distribution"}
# Mean squared errors published in arXiv 2511.18945, by group and bin.
PUBLISHED = {
    "MIST (published)": {
        "in": {"10–100": 3.1, "100–300": 0.34, "300–500": 0.28},
        "out": {"10–100": 8.0, "100–300": 7.3, "300–500": 8.8},
    },
    "MIST-QR (published)": {
        "in": {"10–100": 3.1, "100–300": 0.31, "300–500": 0.12},
        "out": {"10–100": 9.5, "100–300": 9.9, "300–500": 10},
    },
}
CLOSE = 0.1  # nats
OWN = ("mist", "mist_mean")  # the network's estimators


def present(frame: pd.DataFrame) -> list[str]:
    """Return the estimators that a frame holds, in the order of the tables."""
    found = set(frame["estimator"])
    return [name for name in TITLES if name in found]


def beside_peers(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out seeds that no peer has run: the network may have run more, for figures of its own.

    Where no peer is on file, all seeds stay.
    """
    peers = frame[~frame["estimator"].isin(OWN)]
    return frame[frame["seed"].isin(peers["seed"])] if len(peers) else frame


def mtest(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the tables of mtest: squared error by n, bias and coverage, error at each n."""
    frame = frame.assign(error=frame["estimate"] - frame["mi"])
    frame["squared"] = frame["error"] ** 2
    compared = beside_peers(frame)
    more = frame["seed"].nunique() > compared["seed"].nunique()
    records = []
    for name in present(frame):
        records += _mtest_records(compared, name)
        records += _mtest_records(frame, name) if more and name in OWN else []
    summary = pd.DataFrame(records)
    total = len(compared.drop_duplicates(["seed", "index"]))
    text = (
        "### mtest: the test set of the MIST paper\n\n"
        f"Mean squared error in nats², {total:,} data sets, ± standard error between draws of the "
        "dims; a dash: not defined (fewer rows than neighbours, or not published); ∞: the estimate "
        "is infinite (no more rows than columns)."
    )
    if more:
        text += " The whole set was drawn anew some times, for scikit-mist alone."
    text += "\n\n" + _mtest_errors(summary) + "\n" + _mtest_calibration(summary)
    return text + "\n" + _mtest_by_n(compared), summary


def _mtest_records(frame: pd.DataFrame, name: str) -> list[dict]:
    """Return the figures of one estimator, by group and number of rows."""
    frame, records = frame[frame["estimator"] == name], []
    for group in GROUPS:
        for label, (low, high) in BINS.items():
            part = frame[frame["n"].between(low, high) & (frame["group"] == group)]
            whole = part["estimate"].notna().all() and len(part) > 0
            clusters = part["task"] + part["n"].astype(str) + part["seed"].astype(str)
            nothing = (float("nan"), float("nan"))
            mse = mean_and_error(part["squared"], clusters) if whole else nothing
            bias = mean_and_error(part["error"], clusters) if whole else nothing
            record = {"estimator": name, "group": group, "n": label, "datasets": len(part)}
            record["draws"] = part["seed"].nunique()
            record |= {"mse": mse[0], "mse_se": mse[1], "bias": bias[0], "bias_se": bias[1]}
            record |= {f"coverage{level}": coverage(part, level) for level in INTERVALS}
            records.append(record)
    return records


def _title(name: str, draws: int) -> str:
    """Return the name of an estimator, and how often the set was drawn, if more than once."""
    return TITLES[name] + (f", {draws} draws of the set" if draws > 1 else "")


def _mtest_errors(summary: pd.DataFrame) -> str:
    header = ["", *(f"{g}: {b}" for g in GROUPS for b in BINS)]
    rows = []
    for (name, draws), part in summary.groupby(["estimator", "draws"], sort=False):
        cells = part.set_index(["group", "n"])
        row = [cells.loc[(g, b)] for g in GROUPS for b in BINS]
        rows.append([_title(name, draws), *(with_error((c["mse"], c["mse_se"])) for c in row)])
    for title, published in PUBLISHED.items():
        values = [published[g].get(b, float("nan")) for g in GROUPS for b in BINS]
        rows.append([title, *(number(v) for v in values)])
    return table(header, rows)


def _mtest_calibration(summary: pd.DataFrame) -> str:
    header = ["", "n", "bias", *(f"{level}% interval" for level in INTERVALS)]
    rows = []
    for name in ("mist", "prior"):
        for group, title in GROUPS.items():
            part = summary[(summary["estimator"] == name) & (summary["group"] == group)]
            for _, c in part[part["draws"] == part["draws"].max()].iterrows():
                cover = [number(c[f"coverage{level}"]) for level in INTERVALS]
                bias = with_error((c["bias"], c["bias_se"]))
                rows.append([f"{_title(name, c['draws'])}, {title}", c["n"], bias, *cover])
    return "Bias in nats, and coverage of the intervals:\n\n" + table(header, rows)


def _mtest_by_n(frame: pd.DataFrame) -> str:
    shown = [n for n in ("mist", "prior", "ksg5", "gcmi") if n in present(frame)]
    header = ["n", *(f"{TITLES[n]}, {g}" for g in GROUPS for n in shown)]
    mse = frame.groupby(["estimator", "group", "n"])["squared"].mean()
    rows = [
        [str(n), *(number(float(mse.get((e, g, n), float("nan")))) for g in GROUPS for e in shown)]
        for n in sorted(frame["n"].unique())
    ]
    return "Mean squared error at each n:\n\n" + table(header, rows)


def bmi40(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the tables of bmi40: mean absolute error by n, tasks within 0.1 nats, each task."""
    frame = frame.assign(error=frame["estimate"] - frame["mi"])
    frame["absolute"] = frame["error"].abs()
    frame["close"] = frame["absolute"] <= CLOSE
    every_seed = whole_seeds(frame)
    frame = beside_peers(every_seed)
    records = []
    for name in present(frame):
        for n, part in frame[frame["estimator"] == name].groupby("n"):
            by_seed = part.groupby("seed")["absolute"].mean()
            mae = mean_and_error(by_seed)
            small = part[(part["dx"] == 1) & (part["dy"] == 1)]
            record = {"estimator": name, "n": n, "seeds": len(by_seed)}
            record |= {"tasks": part["task"].nunique(), "mae": mae[0], "mae_se": mae[1]}
            record["close"] = part.groupby("seed")["close"].sum().mean()
            record["bias"] = part["error"].mean()
            record["mae_1x1"] = small["absolute"].mean()
            record |= {f"coverage{level}": coverage(part, level) for level in INTERVALS}
            whole = every_seed[(every_seed["estimator"] == name) & (every_seed["n"] == n)]
            record |= {"all_seeds": whole["seed"].nunique(), "mae_all": whole["absolute"].mean()}
            record["coverage90_all"] = coverage(whole, 90)
            records.append(record)
    summary = pd.DataFrame(records)
    sizes = sorted(summary["n"].unique())
    cells = summary.set_index(["estimator", "n"])
    full = summary["tasks"].max()
    rows, single = [], []
    for name in present(frame):
        found = [cells.loc[(name, n)] if (name, n) in cells.index else None for n in sizes]
        if all(c is None or c["tasks"] == full for c in found):
            maes = ["–" if c is None else _mae(c) for c in found]
            near = ["–" if c is None else f"{c['close']:.1f}" for c in found]
            rows.append([TITLES[name], *maes, *near])
        ones = ["–" if c is None else number(c["mae_1x1"]) for c in found]
        single.append([TITLES[name], *ones])
    header = ["", *(f"MAE, n = {n}" for n in sizes), *(f"within 0.1, n = {n}" for n in sizes)]
    text = (
        "### bmi40: the 40 tasks of Beyond Normal\n\n"
        f"Mean absolute error in nats over {full} tasks, mean of three seeds ± its standard error "
        "(where fewer seeds were run, their number in brackets), and the number of tasks with an "
        f"error of at most {CLOSE} nats.\n\n" + table(header, rows) + "\n"
        "The nine tasks of one column against one:\n\n"
        + table(["", *(f"MAE, n = {n}" for n in sizes)], single)
    )
    text += "\n" + calibration(every_seed) + "\n" + _bmi40_neural(frame)
    return text + errors_by_task(frame, sizes), summary


def _bmi40_neural(frame: pd.DataFrame) -> str:
    """Return all estimators on the data sets that the neural ones were run on."""
    neural = frame[frame["estimator"].isin(NEURAL)]
    if not len(neural):
        return ""
    keys = ["task", "n", "seed"]
    part = frame.merge(neural[keys].drop_duplicates(), on=keys)
    total = len(part.drop_duplicates(keys))
    rows = []
    for name in present(part):
        own = part[part["estimator"] == name]
        if len(own) == total:
            cells = [number(float(own["absolute"].mean())), str(int(own["close"].sum()))]
            rows.append([TITLES[name], *cells, number(float(own["absolute"].max()))])
    sizes = ", ".join(str(n) for n in sorted(part["n"].unique()))
    return (
        f"The neural estimators ran on {total} tasks (n = {sizes}, one seed). All estimators on "
        "these (for the time that they take see the suite speed):\n\n"
        + table(["", "MAE", f"within {CLOSE}", "largest error"], rows)
        + "\n"
    )


def whole_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out seeds of which an estimator has not run all tasks of a size."""
    run = frame.groupby(["estimator", "seed", "n"])["task"].transform("nunique")
    return frame[run == run.groupby(frame["estimator"]).transform("max")]


def _mae(cell: pd.Series) -> str:
    text = with_error((cell["mae"], cell["mae_se"]))
    return text if cell["seeds"] >= 3 else f"{text} [{int(cell['seeds'])}]"


def calibration(frame: pd.DataFrame) -> str:
    """Return error, bias and coverage of the network by size, over all seeds of a frame."""
    header = ["n", "seeds", "MAE", "bias", *(f"{level}% interval" for level in INTERVALS)]
    rows = []
    for n, part in frame[frame["estimator"] == "mist"].groupby("n"):
        by_seed = part.groupby("seed")["absolute"].mean()
        cover = [number(coverage(part, level)) for level in INTERVALS]
        figures = [with_error(mean_and_error(by_seed)), number(part["error"].mean()), *cover]
        rows.append([str(n), str(len(by_seed)), *figures])
    return (
        "Error and bias of scikit-mist, and coverage of its intervals, over all seeds that it has "
        "run:\n\n" + table(header, rows)
    )


def errors_by_task(frame: pd.DataFrame, sizes: list[int]) -> str:
    """Return the absolute error of the network and of the best peer on each task, and the bias."""
    error = frame.groupby(["estimator", "task", "n"])["error"].mean()
    absolute = frame.groupby(["estimator", "task", "n"])["absolute"].mean()
    peers = [n for n in present(frame) if not n.startswith("mist")]
    columns = ("n = {}", "best peer, {}", "bias, {}")
    header = ["task", "MI", *(c.format(n) for c in columns for n in sizes)]
    rows = []
    in_order = frame.sort_values(["seed", "index"], kind="stable")
    for task, part in in_order.groupby("task", sort=False):
        ours, bias = (
            [number(float(of.get(("mist", task, n), float("nan")))) for n in sizes]
            for of in (absolute, error)
        )
        best = []
        for n in sizes:
            values = [absolute.get((p, task, n), float("nan")) for p in peers]
            best.append(number(float(pd.Series(values, dtype=float).min())))
        rows.append([str(task), f"{part['mi'].iloc[0]:.2f}", *ours, *best, *bias])
    return (
        "Mean absolute error of scikit-mist on each task, beside it the least one that any of the "
        "peers has there, and the mean error (estimate less truth) of scikit-mist:\n\n"
        + table(header, rows)
    )
