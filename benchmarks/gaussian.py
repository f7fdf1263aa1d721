"""The suite gaussian: bivariate normal pairs, 500 rows, the commonest case of all."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks import distributions as D
from benchmarks.suite import Problem

RHOS = (0.0, 0.3, 0.75, 0.95)
N = 500
REPEATS = 200


def _draw(seed: int, index: int, rho: float):
    xy = D.sample_normal(D.stream("gaussian", seed, index), D.equicorrelation(2, rho), N)
    return xy[:, :1], xy[:, 1:]


def problems(seed: int = 0) -> list[Problem]:
    """Return 200 problems for each correlation, 800 in all."""
    out = []
    for rho in RHOS:
        mi = -0.5 * float(np.log1p(-(rho**2)))
        for _ in range(REPEATS):
            index = len(out)
            draw = partial(_draw, seed, index, rho)
            out.append(Problem(index, "normal 1x1", f"rho={rho}", N, 1, 1, mi, seed, draw))
    return out
