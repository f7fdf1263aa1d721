"""The suite regression: known functions of X plus normal noise, as in examples of regression.

One target: the three problems of Friedman [1]_, and others of four to ten columns. Several targets:
curves of single columns side by side, with idle columns, and turned. The noise is a fifth and three
fifths of the standard deviation of the function. The training preset has functions of such kinds,
drawn at random, and none of these; but the suite was looked at when those kinds were chosen, and is
not blind.

References
----------
.. [1] J. H. Friedman, "Multivariate adaptive regression splines", Ann. Statist. 19 (1991).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.stats import norm, ortho_group

from benchmarks.breadth.integrals import midpoints, sum_entropy
from benchmarks.distributions import stream
from benchmarks.suite import Problem, Task, grid

SIZES = (200, 500, 2000)
NOISES = (0.2, 0.6)  # standard deviations of the function
N_REFERENCE = 1 << 20
LEVELS = midpoints(3000)
REACH = 7  # standard deviations of the noise

Columns = Callable[[np.random.Generator, int], np.ndarray]
Function = Callable[[np.ndarray], np.ndarray]


def _normal(d: int) -> Columns:
    return lambda rng, n: rng.standard_normal((n, d))


def _uniform(d: int) -> Columns:
    return lambda rng, n: rng.uniform(size=(n, d))


def _friedman_ranges(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw the columns of Friedman's second and third problem."""
    low, high = np.array([[0, 40 * np.pi, 0, 1], [100, 560 * np.pi, 1, 11]])
    return rng.uniform(low, high, size=(n, 4))


def _friedman1(x: np.ndarray) -> np.ndarray:
    first = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    return first + 10 * x[:, 3] + 5 * x[:, 4]


def _reactance(x: np.ndarray) -> np.ndarray:
    return x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])


def _tree(x: np.ndarray) -> np.ndarray:
    left = np.where(x[:, 2] > 0.5, 0.0, 2.0)
    return np.where(x[:, 0] > 0, np.where(x[:, 1] > 0, 3.0, 1.0), left)


ONE_TARGET: dict[str, tuple[Columns, Function, int]] = {
    "Friedman 1": (_uniform(10), _friedman1, 10),
    "Friedman 2": (_friedman_ranges, lambda x: np.hypot(x[:, 0], _reactance(x)), 4),
    "Friedman 3": (_friedman_ranges, lambda x: np.arctan(_reactance(x) / x[:, 0]), 4),
    "sum": (_normal(8), lambda x: x.sum(1), 8),
    "logistic curve of a sum": (_normal(6), lambda x: 1 / (1 + np.exp(-x.sum(1))), 6),
    "sum of absolute values": (_normal(6), lambda x: np.abs(x).sum(1), 6),
    "largest one": (_normal(6), lambda x: x.max(1), 6),
    "exponential plus square": (_normal(6), lambda x: np.exp(x[:, 0]) + x[:, 1] ** 2, 6),
    "square beside idle columns": (_normal(6), lambda x: x[:, 0] ** 2, 6),
    "product beside idle columns": (_normal(8), lambda x: x[:, 0] * x[:, 1], 8),
    "product of two sums": (
        _normal(6),
        lambda x: (x[:, 0] + x[:, 1]) * (x[:, 2] + x[:, 3]),
        6,
    ),
    "tree of steps": (_normal(6), _tree, 6),
}
CURVES: tuple[Function, ...] = (
    lambda x: x,
    lambda x: np.sin(2 * x),
    np.square,
    lambda x: np.tanh(2 * x),
    lambda x: np.exp(0.7 * x),
)


def noisy_mi(values: np.ndarray, sigma: float) -> float:
    """Return I(X; f(X) + e) = h(f + e) - h(e) in nats, with e normal, from many values of f."""
    values, noise = np.quantile(values, LEVELS), norm(scale=sigma)
    low, high = values.min() - REACH * sigma, values.max() + REACH * sigma
    return sum_entropy(values, noise.pdf, low, high) - float(noise.entropy())


def _one(name: str, noise: float) -> Task:
    columns, function, d = ONE_TARGET[name]
    values = function(columns(stream("regression", name), N_REFERENCE))
    sigma = noise * values.std()

    def sample(rng, n):
        x = columns(rng, n)
        return x, (function(x) + sigma * rng.standard_normal(n))[:, None]

    mi = noisy_mi(values, sigma)
    return Task(f"{name}, noise {noise}, {d}x1", d, 1, mi, sample, "one target")


def _curves(k: int, idle: int, turned: bool, noise: float) -> Task:
    """Return a task of so many curves side by side, the columns of each side turned at times."""
    rng = stream("regression", "curves", k, idle)
    z = rng.standard_normal(N_REFERENCE)
    chosen = [CURVES[j % len(CURVES)] for j in range(k)]
    spread = np.array([f(z).std() for f in chosen])
    mi = sum(noisy_mi(f(z) / s, noise) for f, s in zip(chosen, spread, strict=True))
    maps = [ortho_group(d, seed=rng).rvs() if turned else np.eye(d) for d in (k + idle, k)]

    def sample(rng, n):
        x = rng.standard_normal((n, k + idle))
        y = np.stack([f(x[:, j]) / s for j, (f, s) in enumerate(zip(chosen, spread, strict=True))])
        y = y.T + noise * rng.standard_normal((n, k))
        return x @ maps[0], y @ maps[1]

    name = f"{k} curves" + (f" and {idle} idle" if idle else "") + (", turned" if turned else "")
    name += f", noise {noise}, {k + idle}x{k}"
    return Task(name, k + idle, k, mi, sample, "several targets")


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 36 tasks."""
    shapes = [(2, 0, False), (2, 0, True), (2, 3, False), (5, 0, False), (5, 0, True), (5, 3, True)]
    one = [_one(name, noise) for name in ONE_TARGET for noise in NOISES]
    return (*one, *(_curves(*shape, noise) for shape in shapes for noise in NOISES))


def problems(seed: int = 0) -> list[Problem]:
    """Return each task at each size."""
    return grid(tasks(), SIZES, "regression", seed)
