"""The suite gaussian: bivariate normal pairs, the commonest case, from 50 to 100,000 rows."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks import distributions as D
from benchmarks.suite import Problem

RHOS = (0.0, 0.3, 0.6, 0.75, 0.9, 0.95, 0.99)
REPEATS = {
    50: 500,
    100: 500,
    200: 500,
    500: 500,
    1_000: 500,
    2_000: 200,
    10_000: 100,
    100_000: 40,
}


def _draw(seed: int, index: int, rho: float, n: int):
    xy = D.sample_normal(D.stream("gaussian", seed, index), D.equicorrelation(2, rho), n)
    return xy[:, :1], xy[:, 1:]


def problems(seed: int = 0) -> list[Problem]:
    """Return the problems: each size and each correlation, with the repeats of the size."""
    out = []
    for n, repeats in REPEATS.items():
        for rho in RHOS:
            mi = -0.5 * float(np.log1p(-(rho**2)))
            for _ in range(repeats):
                index = len(out)
                draw = partial(_draw, seed, index, rho, n)
                out.append(Problem(index, "normal 1x1", f"rho={rho}", n, 1, 1, mi, seed, draw))
    return out
