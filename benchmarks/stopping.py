"""Parts of the suite ``tables``: where searches for features stop, where the answer is known."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.distributions import stream
from benchmarks.metrics import mean_and_error
from skmist import MISTFeatureSelector

ROWS, COLUMNS = 200, 8
INFORMATIVE = (1, 4, 6)
ALPHA = 0.1  # and 1 - level of "auto": how often noise may be chosen
RULES = {
    **{
        f"{strategy}, auto": {"strategy": strategy, "n_features_to_select": "auto"}
        for strategy in ("relevance", "mrmr", "jmi", "joint")
    },
    "joint backward, auto": {
        "strategy": "joint", "direction": "backward", "n_features_to_select": "auto",
    },
    "joint, alpha": {"strategy": "joint", "alpha": ALPHA, "n_permutations": 19},
}  # fmt: skip


def noise(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw columns that tell nothing about y."""
    rng = stream("tables-stopping", "noise", i)
    return rng.normal(size=(ROWS, COLUMNS)), rng.normal(size=ROWS)


def additive(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw columns three of which make up y, with weights 1, 0.8 and 0.6 beside noise of 0.6."""
    rng = stream("tables-stopping", "additive", i)
    X = rng.normal(size=(ROWS, COLUMNS))
    return X, X[:, INFORMATIVE] @ [1.0, 0.8, 0.6] + 0.6 * rng.normal(size=ROWS)


def interacting(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw columns two of which tell something by their signs together, and a third by itself."""
    rng = stream("tables-stopping", "interacting", i)
    X = rng.normal(size=(ROWS, COLUMNS))
    a, b, c = X[:, INFORMATIVE].T
    return X, np.sign(a * b) + 0.8 * c + 0.3 * rng.normal(size=ROWS)


def _supports(draw, params: dict, checkpoint: str | None, repeats: int) -> np.ndarray:
    selector = MISTFeatureSelector(checkpoint=checkpoint, **params)
    return np.array([selector.set_params(random_state=i).fit(*draw(i)).support_
                     for i in range(repeats)])  # fmt: skip


def stopping(checkpoint: str | None, repeats: int) -> Iterator[tuple]:
    """Yield how often noise is chosen, and how often a search stops too early or too late.

    Going backward, one feature is always kept, so that pure noise is not drawn for it.
    """
    others = np.setdiff1d(np.arange(COLUMNS), INFORMATIVE)
    for rule, params in RULES.items():
        start = time.perf_counter()
        if "direction" not in params:
            found = _supports(noise, params, checkpoint, repeats).any(axis=1)
            yield _row("noise", "noise", rule, found, start)
        for draw in (additive, interacting):
            start = time.perf_counter()
            found = _supports(draw, params, checkpoint, repeats)
            early = ~found[:, INFORMATIVE].all(axis=1)
            yield _row("early", draw.__name__, rule, early, start)
            yield _row("late", draw.__name__, rule, found[:, others].any(axis=1), start)


def _row(part: str, data: str, rule: str, values: np.ndarray, start: float) -> tuple:
    mean, error = mean_and_error(pd.Series(values.astype(float)))
    return part, data, rule, mean, error, len(values), time.perf_counter() - start
