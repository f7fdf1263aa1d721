"""The suite idle: two columns share something, and columns beside them tell nothing.

I(X; y) does not depend on the idle columns, and neither should an estimate. The pairs are a line, a
parabola, a narrow bump, waves of two and of five periods with normal noise, a number and a copy of
it that moves by a bounded amount modulo one, a checkerboard, and clusters. Cases like these were
looked at when estimates came to be held to what single columns tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.stats import norm

from benchmarks.breadth.integrals import midpoints, sum_entropy, table_mi
from benchmarks.distributions import stream
from benchmarks.suite import Problem, Task, grid

SIZES = (200, 1000, 5000)
IDLE = {"no idle columns": (0, 0), "4 idle": (4, 0), "15 idle": (15, 0), "4 + 2 idle": (4, 2)}
CELLS = 6  # of the checkerboard, along each side
CLUSTERS, SPREAD = 20, 0.03
SHIFT = 0.1  # modulo one

Pair = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def noisy_function(f: Callable, sigma: float, normal: bool = False) -> tuple[Pair, float]:
    """Return y = f(x) + sigma noise, x uniform or normal, and I(x; y) = h(y) - h(noise)."""
    noise = norm(scale=sigma)
    values = midpoints(4000)
    signal = f(norm.ppf(values) if normal else values)
    ends = signal.min() - 8 * sigma, signal.max() + 8 * sigma

    def sample(rng, n):
        x = rng.standard_normal(n) if normal else rng.uniform(size=n)
        return x, f(x) + sigma * rng.standard_normal(n)

    return sample, sum_entropy(signal, noise.pdf, *ends) - float(noise.entropy())


def _shifted(rng, n):
    x = rng.uniform(size=n)
    return x, (x + SHIFT * rng.uniform(size=n)) % 1


def _checkerboard(rng, n):
    i, j = rng.integers(0, CELLS, size=n), rng.integers(0, CELLS // 2, size=n)
    return (i + rng.uniform(size=n)) / CELLS, (2 * j + i % 2 + rng.uniform(size=n)) / CELLS


def _clusters() -> tuple[Pair, float]:
    """Return normal clusters around random places of the unit square; a sum over a fine grid."""
    places = stream("idle", "clusters").uniform(size=(CLUSTERS, 2))
    t = np.linspace(-0.25, 1.25, 1201)
    x, y = (norm.pdf(t[:, None], loc=places[:, i], scale=SPREAD) for i in range(2))
    p = x @ y.T

    def sample(rng, n):
        chosen = places[rng.integers(0, CLUSTERS, size=n)]
        return tuple((chosen + SPREAD * rng.standard_normal((n, 2))).T)

    return sample, table_mi(p / p.sum())


def pairs() -> dict[str, tuple[Pair, float]]:
    """Return what draws the two columns, and what they share in nats."""
    return {
        "line": noisy_function(lambda x: x, 0.1),
        "parabola": noisy_function(lambda x: (2 * x - 1) ** 2, 0.15),
        "bump": noisy_function(lambda x: np.exp(-(((x - 0.5) / 0.05) ** 2)), 0.1),
        "2 waves": noisy_function(lambda x: np.sin(4 * np.pi * x), 0.3),
        "5 waves": noisy_function(lambda x: np.sin(10 * np.pi * x), 0.3),
        "shift modulo one": (_shifted, float(-np.log(SHIFT))),
        "checkerboard": (_checkerboard, float(np.log(2))),
        "clusters": _clusters(),
    }


def _beside(name: str, family: str, pair: Pair, mi: float, idle: tuple[int, int]) -> Task:
    def sample(rng, n):
        both = zip(pair(rng, n), idle, strict=True)
        return tuple(np.column_stack([v, rng.standard_normal((n, k))]) for v, k in both)

    dx, dy = (1 + k for k in idle)
    return Task(f"{name} {dx}x{dy}", dx, dy, mi, sample, family)


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 32 tasks."""
    found = pairs()
    return tuple(
        _beside(name, family, pair, mi, idle)
        for family, idle in IDLE.items()
        for name, (pair, mi) in found.items()
    )


def problems(seed: int = 0) -> list[Problem]:
    """Return one problem for each task and number of rows."""
    return grid(tasks(), SIZES, "idle", seed)
