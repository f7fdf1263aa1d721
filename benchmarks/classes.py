"""The suite classes: which class a row of several columns belongs to, as in classification.

Clusters, logistic models, signs of products, distances, counts and bits by class, and columns that
tell nothing. The probability of each class given a row is known, so that I(X; y) is the entropy of
the classes less the mean entropy of these probabilities, over 262,144 rows. Training has clusters
and random functions of such kinds, none of these tasks; but it got them after cases like these were
looked at, and the suite is not blind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import entr, expit, softmax

from benchmarks.distributions import stream
from benchmarks.suite import Problem, Task, grid

SIZES = (100, 500, 2500)
N_REFERENCE = 1 << 18
TYPES, WHOLE = ("continuous", "category"), ("discrete", "category")

Rows = Callable[[np.random.Generator, int], np.ndarray]
Posterior = Callable[[np.ndarray], np.ndarray]


def _from_posterior(
    name: str, family: str, rows: Rows, posterior: Posterior, types: tuple[str, str] = TYPES
) -> Task:
    """Return a task in which rows are drawn first, and their classes by probabilities (n, k)."""
    p = posterior(rows(stream("classes", name), N_REFERENCE))

    def sample(rng, n):
        x = rows(rng, n)
        above = posterior(x).cumsum(1) < rng.uniform(size=(n, 1))
        return x, above.sum(1, keepdims=True).astype(float)

    dx = rows(stream("classes", name), 1).shape[1]
    mi = float(entr(p.mean(0)).sum() - entr(p).sum(1).mean())
    return Task(f"{name} {dx}x1", dx, 1, max(mi, 0.0), sample, family, types)


def _mixture(
    name: str,
    family: str,
    k: int,
    draw: Callable,
    log_density: Callable,
    types: tuple[str, str] = TYPES,
) -> Task:
    """Return a task of k equally frequent classes, rows drawn by class; log densities (n, k)."""

    def rows(rng, n):
        return draw(rng, rng.integers(0, k, size=n))

    return _from_posterior(name, family, rows, lambda x: softmax(log_density(x), axis=1), types)


def _clusters(d: int, k: int, spread: float) -> Task:
    """Return clusters of unit variance around centres of normal coordinates."""
    centres = spread * stream("classes", "centres", d, k).standard_normal((k, d))

    def draw(rng, c):
        return centres[c] + rng.standard_normal((len(c), d))

    def log_density(x):
        return x @ centres.T - (centres**2).sum(1) / 2

    return _mixture(f"{k} clusters", "clusters", k, draw, log_density)


def _variances(d: int) -> Task:
    """Return two classes of the same centre whose columns differ in variance."""
    scale = np.stack([np.ones(d), np.linspace(0.5, 2, d)])

    def draw(rng, c):
        return scale[c] * rng.standard_normal((len(c), d))

    def log_density(x):
        return -(x[:, None] ** 2 / scale**2).sum(2) / 2 - np.log(scale).sum(1)

    return _mixture("2 classes of other variances", "clusters", 2, draw, log_density)


def _counts(d: int, k: int) -> Task:
    """Return counts with a rate for each class and column."""
    rates = stream("classes", "rates", d, k).gamma(2.0, 1.0, size=(k, d))

    def draw(rng, c):
        return rng.poisson(rates[c]).astype(float)

    def log_density(x):
        return x @ np.log(rates).T - rates.sum(1)

    return _mixture(f"{k} classes of counts", "counts and bits", k, draw, log_density, WHOLE)


def _bits(d: int, k: int) -> Task:
    """Return bits with a probability for each class and column."""
    p = stream("classes", "bits", d, k).uniform(0.1, 0.9, size=(k, d))

    def draw(rng, c):
        return (rng.uniform(size=(len(c), d)) < p[c]).astype(float)

    def log_density(x):
        return x @ np.log(p / (1 - p)).T + np.log1p(-p).sum(1)

    return _mixture(f"{k} classes of bits", "counts and bits", k, draw, log_density, WHOLE)


def _logistic(d: int, active: int, slope: float) -> Task:
    """Return a logistic model of some normal columns."""

    def posterior(x):
        p = expit(slope / np.sqrt(active) * x[:, :active].sum(1))
        return np.stack([1 - p, p], 1)

    name = f"logistic model of {active} columns"
    return _from_posterior(name, "functions", _normal(d), posterior)


def _regions(name: str, d: int, k: int, region: Callable, replaced: float) -> Task:
    """Return regions of normal columns as classes; some are replaced by another one."""

    def posterior(x):
        other = replaced / (k - 1)
        return np.where(region(x)[:, None] == np.arange(k), 1 - replaced, other)

    return _from_posterior(name, "functions", _normal(d), posterior)


def _normal(d: int) -> Rows:
    return lambda rng, n: rng.standard_normal((n, d))


def _signs(x: np.ndarray) -> np.ndarray:
    return (x[:, 0] * x[:, 1] > 0).astype(int)


def _shells(x: np.ndarray) -> np.ndarray:
    return np.digitize((x[:, :4] ** 2).sum(1), [1.9, 3.4, 5.4])  # about a quarter of rows each


def _tree(x: np.ndarray) -> np.ndarray:
    left = np.where(x[:, 2] > 0.5, 0, 1)
    return np.where(x[:, 0] > 0, np.where(x[:, 1] > 0, 3, 2), left)


def _nothing(d: int, k: int) -> Task:
    return _from_posterior(
        f"{k} classes, independent",
        "independence",
        _normal(d),
        lambda x: np.full((len(x), k), 1 / k),
    )


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 20 tasks."""
    shapes = [(4, 3, 1.0), (10, 3, 0.5), (13, 3, 1.0), (30, 5, 0.3), (20, 10, 0.4), (5, 30, 1.0)]
    return (
        *(_clusters(*shape) for shape in shapes),
        _variances(8),
        *(_logistic(*shape) for shape in [(5, 5, 2.0), (20, 4, 3.0), (50, 10, 1.5)]),
        _regions("signs of a product", 2, 2, _signs, 0.1),
        _regions("signs of a product", 6, 2, _signs, 0.1),
        _regions("shells", 4, 4, _shells, 0.1),
        _regions("shells", 10, 4, _shells, 0.1),
        _regions("tree", 6, 4, _tree, 0.1),
        _counts(6, 3),
        _bits(8, 3),
        _bits(25, 5),
        _nothing(10, 4),
        _nothing(20, 2),
    )


def problems(seed: int = 0) -> list[Problem]:
    """Return each task at each size."""
    return grid(tasks(), SIZES, "classes", seed)
