"""The tables of the suite gaussian: pairs of columns from 50 to 100,000 rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.estimators import TITLES
from benchmarks.metrics import coverage, mean_and_error, number, table
from benchmarks.tables import present

KSG = ("ksg3", "ksg5", "ksg10", "sklearn")
LIKELIHOOD = "cca"  # for one column against one, -log(1 - r²) / 2: the maximum-likelihood estimate


def gaussian(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the tables of gaussian: error by correlation and rows, and as a ratio to the best."""
    frame = frame.assign(error=frame["estimate"] - frame["mi"])
    records = []
    for name in present(frame):
        own = frame[frame["estimator"] == name]
        for (n, group), part in own.groupby(["n", "group"]):
            bias = mean_and_error(part["error"])
            rmse = float(np.sqrt((part["error"] ** 2).mean()))
            record = {"estimator": name, "n": n, "group": group, "mi": part["mi"].iloc[0]}
            record |= {"datasets": len(part), "bias": bias[0], "bias_se": bias[1], "rmse": rmse}
            records.append(record | {"coverage90": coverage(part, 90)})
    summary = pd.DataFrame(records)
    keys = ["n", "group"]
    best = summary[summary["estimator"] == LIKELIHOOD].set_index(keys)["rmse"]
    of_best = pd.MultiIndex.from_frame(summary[keys])
    summary["ratio"] = summary["rmse"] / best.reindex(of_best).to_numpy()
    repeats = summary.groupby("n")["datasets"].max()
    numbers = ", ".join(f"{r} at {n:,}" for n, r in repeats.items())
    truth = ", ".join(f"{v:.3f}" for v in sorted(summary["mi"].unique()))
    text = (
        "### gaussian: one column against one, bivariate normal\n\n"
        f"Data sets for each correlation: {numbers} rows. True MI: {truth} nats. CCA is here the "
        "maximum-likelihood estimate of a normal pair, -½ ln(1 - r²): nothing that does not know "
        "that the data are normal can be much better.\n\n"
    )
    text += "Root mean squared error in nats, and 90% coverage of scikit-mist:\n\n" + _errors(
        summary
    )
    for n, part in summary.groupby("n"):
        text += f"\nn = {n:,}: bias ± standard error, in nats\n\n" + _bias(part)
    return text + "\n" + _verdict(summary) + _against_each(frame), summary


def _errors(summary: pd.DataFrame) -> str:
    """Return one row for each size and correlation, one column for each estimator."""
    names = present(summary)
    rmse = summary.pivot_table(index=["n", "group"], columns="estimator", values="rmse")
    rows = []
    cover = summary[summary["estimator"] == "mist"].set_index(["n", "group"])["coverage90"]
    for (n, group), row in rmse.iterrows():
        cells = [number(float(row[name])) for name in names]
        ratio = row["mist"] / row[LIKELIHOOD] if {"mist", LIKELIHOOD} <= set(names) else np.nan
        held = number(float(cover.get((n, group), np.nan)))
        rows.append([f"{n:,}", group.removeprefix("rho="), *cells, number(float(ratio)), held])
    header = ["n", "correlation", *(TITLES[name] for name in names)]
    return table([*header, "scikit-mist / CCA", "90% interval"], rows)


def _bias(part: pd.DataFrame) -> str:
    groups = sorted(part["group"].unique())
    cells = part.set_index(["estimator", "group"])
    rows = []
    for name in present(part):
        found = [cells.loc[(name, g)] for g in groups if (name, g) in cells.index]
        rows.append([TITLES[name], *(f"{c['bias']:+.3f} ± {c['bias_se']:.3f}" for c in found)])
    return table(["", *groups], rows)


def _verdict(summary: pd.DataFrame) -> str:
    """Return where scikit-mist is behind KSG, or behind 1.3 times the likelihood estimate."""
    rmse = summary.pivot_table(index=["n", "group"], columns="estimator", values="rmse")
    ksg = [name for name in KSG if name in rmse]
    if "mist" not in rmse or not ksg or LIKELIHOOD not in rmse:
        return ""
    to_ksg = rmse["mist"] / rmse[ksg].min(axis=1)
    to_best = rmse["mist"] / rmse[LIKELIHOOD]

    def counted(ratio: pd.Series, limit: float) -> str:
        n, group = ratio.idxmax()
        by_size = (ratio > limit).groupby("n").sum()
        sizes = ", ".join(f"{count} at {n:,}" for n, count in by_size.items() if count)
        worst = f"at most {ratio.max():.2f} times, {group} at {n:,}"
        return f"{(ratio > limit).sum()} ({sizes or 'none'} rows; {worst})"

    return (
        f"Of {len(rmse)} cells, the error of scikit-mist is above that of the best KSG in "
        f"{counted(to_ksg, 1.0)}, and above 1.3 times that of the maximum-likelihood estimate in "
        f"{counted(to_best, 1.3)}.\n"
    )


def _against_each(frame: pd.DataFrame) -> str:
    """Return in how many cells each KSG has the smaller error, and where that is beyond chance."""
    errors = frame.pivot_table(
        index=["n", "group", "seed", "index"], columns="estimator", values="error"
    )
    if "mist" not in errors:
        return ""
    found = []
    for name in (name for name in KSG if name in errors):
        more = errors["mist"] ** 2 - errors[name] ** 2
        cells = more.groupby(["n", "group"]).agg(["mean", "sem"])
        behind, beyond = cells["mean"] > 0, cells["mean"] > 2 * cells["sem"]
        found.append(f"{TITLES[name]}: {behind.sum()} ({beyond.sum()})")
    if not found:
        return ""
    return (
        "\nCells in which the error is above that of a single one of them, and in brackets those "
        "where the mean difference of the squared errors is more than two standard errors: "
        f"{'; '.join(found)}.\n"
    )
