"""The suite ``tables``: feature scores and selection on real tables, beside scikit-learn's."""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.feature_selection import (
    SelectKBest,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import conditional, stopping
from benchmarks.accuracy import RESULTS
from benchmarks.distributions import stream
from benchmarks.metrics import mean_and_error, number, table, with_error
from skmist import MISTFeatureSelector, MISTScore

NAMES = ("diabetes", "breast_cancer", "wine", "digits")
SEARCHES = ("mrmr", "jmi", "joint")
KEPT = {"diabetes": 4, "breast_cancer": 5, "wine": 4, "digits": 16}
ALPHA = 0.1
RECORD = ("part", "data", "method", "value", "error", "count", "seconds")
Row = tuple[str, str, str, float, float, int, float]


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return features, without constant ones, and the target."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return X[:, X.std(axis=0) > 0], y


def scorers(name: str, checkpoint: str | None) -> dict[str, Callable]:
    """Return the score functions to compare on a data set."""
    regression = name == "diabetes"
    mi = mutual_info_regression if regression else mutual_info_classif
    return {
        "MISTScore": MISTScore(checkpoint=checkpoint),
        mi.__name__: partial(mi, random_state=0),
        (f_regression if regression else f_classif).__name__: (
            f_regression if regression else f_classif
        ),
    }


def _scores(score: Callable, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = score(X, y)
    return np.asarray(values[0] if isinstance(values, tuple) else values)


def shuffled_copies(checkpoint: str | None, repeats: int) -> Iterator[Row]:
    """Yield the AUC of real features against copies with shuffled rows."""
    for name in NAMES:
        X, y = load(name)
        for method, score in scorers(name, checkpoint).items():
            start = time.perf_counter()
            real = _scores(score, X, y)
            auc = []
            for i in range(repeats):
                copies = stream("tables", name, i).permuted(X, axis=0)
                fake = _scores(score, copies, y)
                labels = np.r_[np.ones(len(real)), np.zeros(len(fake))]
                auc.append(roc_auc_score(labels, np.r_[real, fake]))
            mean, error = mean_and_error(pd.Series(auc))
            yield "auc", name, method, mean, error, repeats, time.perf_counter() - start


def duplicates(checkpoint: str | None) -> Iterator[Row]:
    """Yield how often a feature was chosen beside its appended copy."""
    for name in NAMES:
        X, y = load(name)
        X = X[:, :20]  # so that the joint search on the widest table stays short
        p = X.shape[1]
        for strategy in SEARCHES:
            start = time.perf_counter()
            fitted = MISTFeatureSelector(
                strategy=strategy, n_features_to_select=6, checkpoint=checkpoint
            ).fit(np.hstack([X, X]), y)
            both = int((fitted.support_[:p] & fitted.support_[p:]).sum())
            yield "duplicates", name, strategy, both, np.nan, 6, time.perf_counter() - start


def false_discoveries(checkpoint: str | None, repeats: int) -> Iterator[Row]:
    """Yield the share of permuted targets with any discovery at the level ``ALPHA``."""
    for name in ("diabetes", "wine"):
        X, y = load(name)
        start = time.perf_counter()
        found = []
        for i in range(repeats):
            target = stream("tables-null", name, i).permutation(y)
            fitted = MISTFeatureSelector(alpha=ALPHA, random_state=i, checkpoint=checkpoint)
            found.append(float(fitted.fit(X, target).support_.any()))
        mean, error = mean_and_error(pd.Series(found))
        yield "fdr", name, "alpha", mean, error, repeats, time.perf_counter() - start


def downstream(checkpoint: str | None) -> Iterator[Row]:
    """Yield the accuracy (R2 for diabetes) of a linear model after selection, in 5 folds."""
    for name in NAMES:
        X, y = load(name)
        k = KEPT[name]
        steps = {"all features": "passthrough"}
        steps |= {m: SelectKBest(s, k=k) for m, s in scorers(name, checkpoint).items()}
        for strategy in ("mrmr", "jmi"):
            steps[f"MISTFeatureSelector, {strategy}"] = MISTFeatureSelector(
                strategy=strategy, n_features_to_select=k, checkpoint=checkpoint
            )
        model = RidgeCV() if name == "diabetes" else LogisticRegression(max_iter=2000)
        for method, step in steps.items():
            start = time.perf_counter()
            found = cross_val_score(make_pipeline(step, StandardScaler(), model), X, y, cv=5)
            mean, error = mean_and_error(pd.Series(found))
            count = X.shape[1] if method == "all features" else k
            yield "downstream", name, method, mean, error, count, time.perf_counter() - start


def exclusive_or(checkpoint: str | None, repeats: int) -> Iterator[Row]:
    """Yield how often the two columns of an exclusive or are found among 50, n = 1,000."""
    for strategy in ("joint", "relevance"):
        start = time.perf_counter()
        found = []
        for i in range(repeats):
            X = stream("tables-xor", "binary", i).integers(0, 2, size=(1000, 50))
            fitted = MISTFeatureSelector(
                strategy=strategy, n_features_to_select=2, checkpoint=checkpoint
            ).fit(X, X[:, 3] ^ X[:, 7])
            found.append(float(fitted.support_[[3, 7]].all()))
        yield "xor", "xor", strategy, np.mean(found), np.nan, repeats, time.perf_counter() - start


def mixed_frame(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return numbers, booleans, strings and categories, a fifth missing, and a target."""
    rng, n = stream("tables-mixed", "frame", seed), 500
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "noise"])
    frame["flag"] = pd.array(rng.random(n) < 0.4, dtype="boolean")
    frame["city"] = rng.choice(["north", "south", "west"], n)
    frame["grade"] = pd.Categorical(rng.choice(["low", "mid", "top"], n), ordered=True)
    frame["count"] = rng.poisson(3, n).astype(float)
    y = frame["a"] + 0.5 * frame["b"] ** 2 + frame["flag"].astype(float)
    y = y + 1.5 * (frame["city"] == "west") + 0.2 * frame["count"] + 0.5 * rng.normal(size=n)
    y = y.to_numpy(dtype=float)
    for name in frame:
        frame.loc[rng.random(n) < 0.2, name] = None
    return frame, y


def mixed(checkpoint: str | None) -> Iterator[Row]:
    """Yield whether the ranking stays when columns are renamed and put in another order."""
    for strategy in ("relevance", *SEARCHES):
        start = time.perf_counter()
        same = []
        for seed in range(3):
            frame, y = mixed_frame(seed)
            order = stream("tables-mixed", "order", seed).permutation(frame.shape[1])
            other = frame.iloc[:, order].rename(columns=lambda c: f"column {c}")
            selector = MISTFeatureSelector(
                strategy=strategy, missing="pairwise", n_features_to_select=4,
                checkpoint=checkpoint,
            )  # fmt: skip
            ranks = selector.fit(frame, y).ranking_[order]
            same.append(float((selector.fit(other, y).ranking_ == ranks).all()))
        seconds = time.perf_counter() - start
        yield "mixed", "mixed", strategy, np.mean(same), np.nan, len(same), seconds


TITLES = {
    "auc": "AUC of real features against copies of them with shuffled rows",
    "duplicates": "Features chosen together with their exact copy, of 6 chosen (first 20 columns)",
    "fdr": f"Permuted targets with any discovery, alpha = {ALPHA} (at most {ALPHA} expected)",
    "downstream": "Accuracy (R² for diabetes) of a linear model on the features kept, 5 folds",
    "xor": "Exclusive or of two columns of 50, n = 1,000: share of tables where both are found",
    "mixed": "Mixed table, 20% missing: share with the same ranking after columns are relabelled "
    "and shuffled",
    "noise": f"{stopping.COLUMNS} columns of noise, n = {stopping.ROWS}: share of tables from "
    f"which something is chosen (at most {stopping.ALPHA} expected)",
    "early": f"Three informative columns of {stopping.COLUMNS}, n = {stopping.ROWS}: share of "
    "tables where the search stops before all of them are chosen",
    "late": "Same tables: share where a useless column is chosen too",
    "cmi-held": "Conditional mutual information: share of tables whose true value (in brackets) "
    f"lies in the {conditional.LEVEL:.0%} interval",
    "cmi-width": "Same tables: mean width of the interval, in nats",
    "cmi-error": "Same tables: mean absolute error of the estimate, in nats",
}


def parts(checkpoint: str | None, quick: bool) -> dict[str, Iterator[Row]]:
    """Return what the suite measures, by name."""
    return {
        "auc": shuffled_copies(checkpoint, 3 if quick else 50),
        "duplicates": duplicates(checkpoint),
        "fdr": false_discoveries(checkpoint, 2 if quick else 400),
        "downstream": downstream(checkpoint),
        "xor": exclusive_or(checkpoint, 1 if quick else 3),
        "mixed": mixed(checkpoint),
        "stopping": stopping.stopping(checkpoint, 2 if quick else 50),
        "conditional": conditional.conditional(checkpoint, 2 if quick else 100),
    }


def to_markdown(frame: pd.DataFrame) -> str:
    """Return one table for each part."""
    text = "### tables: feature selection on real tables\n"
    for part, title in TITLES.items():
        rows = [
            [r.data, r.method, with_error((r.value, r.error), 3), str(r.count), number(r.seconds)]
            for r in frame[frame["part"] == part].itertuples()
        ]
        if rows:
            header = ["data", "method", "value", "repeats or features", "seconds"]
            text += f"\n{title}:\n\n" + table(header, rows)
    return text


def main(args: argparse.Namespace) -> None:
    """Run all parts, or those asked for; write ``results/tables.csv`` and ``results/tables.md``.

    Rows on file of parts that are not run stay.
    """
    generators = parts(args.checkpoint, args.quick)
    wanted = list(generators) if args.parts is None else args.parts.split(",")
    if unknown := set(wanted) - set(generators):
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; parts are {', '.join(generators)}")
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name in wanted:
            for row in generators[name]:
                print(*row, flush=True)
                rows.append(row)
    frame = pd.DataFrame(rows, columns=RECORD)
    folder = RESULTS / "quick" if args.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tables.csv"
    if args.parts is not None and path.exists():
        kept = pd.read_csv(path)
        frame = pd.concat([kept[~kept["part"].isin(frame["part"])], frame], ignore_index=True)
    frame.to_csv(path, index=False, float_format="%.5g")
    text = to_markdown(frame)
    (folder / "tables.md").write_text(text)
    print(text)
