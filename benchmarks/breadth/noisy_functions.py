"""One column that is a function of X plus noise, or times noise, of kinds that training lacks.

With Y = g(X) + E, I(X; Y) = h(Y) - h(E); the density of Y is the mean of that of the noise over the
law of g(X), which is one-dimensional.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import beta, chi, laplace, logistic, norm, triang

from benchmarks.breadth.integrals import midpoints, sum_entropy, volatility_entropy
from benchmarks.suite import Task

FAMILY = "functions"
LEVELS = midpoints(1500)


def _additive(
    name: str,
    dx: int,
    draw_x: Callable,
    signal: Callable,
    values: np.ndarray,
    noise,
    link: Callable = np.asarray,
) -> Task:
    """Return a task with y = link(signal(x) + noise).

    Parameters
    ----------
    name : str
        Name in the tables.
    dx : int
        Columns of X.
    draw_x : callable
        Takes a generator and a shape.
    signal : callable
        Takes (n, dx) and returns (n,).
    values : ndarray
        Equally probable values that stand for the law of the signal.
    noise : frozen distribution of scipy.stats
        Noise with a continuous density.
    link : callable, optional
        Strictly monotone map of y.
    """

    def sample(rng, n):
        x = draw_x(rng, (n, dx))
        return x, link(signal(x) + noise.rvs(size=n, random_state=rng))[:, None]

    low, high = noise.ppf([1e-9, 1 - 1e-9])
    mi = sum_entropy(values, noise.pdf, values.min() + low, values.max() + high) - noise.entropy()
    return Task(name, dx, 1, float(mi), sample, FAMILY)


def _uniform(rng, shape):
    return rng.uniform(size=shape)


def _normal(rng, shape):
    return rng.standard_normal(shape)


def _logistic_map(x: np.ndarray) -> np.ndarray:
    x = 4 * x * (1 - x)
    return 4 * x * (1 - x)


def _scale(d: int, tau: float) -> Task:
    """Return y normal, with a log-normal scale that depends on the sum of X."""

    def sample(rng, n):
        x = rng.standard_normal((n, d))
        scale = np.exp(tau * x.sum(axis=1) / np.sqrt(d))
        return x, (scale * rng.standard_normal(n))[:, None]

    mi = volatility_entropy(1, tau) - 0.5 * np.log(2 * np.pi * np.e)
    return Task(f"Scale of the noise {d}x1", d, 1, float(mi), sample, FAMILY)


def tasks() -> list[Task]:
    """Return the tasks of this file."""
    arcsine = np.sin(np.pi * LEVELS / 2) ** 2  # invariant under the logistic map
    return [
        _additive(
            "Sawtooth, beta noise 1x1",
            1,
            _uniform,
            lambda x: 3 * x[:, 0] % 1,
            LEVELS,
            beta(2, 2, loc=-0.1, scale=0.2),
        ),
        _additive(
            "Logistic map, triangular noise 1x1",
            1,
            lambda rng, shape: rng.beta(0.5, 0.5, size=shape),
            lambda x: _logistic_map(x[:, 0]),
            arcsine,
            triang(0.3, loc=-0.1, scale=0.25),
        ),
        _additive(
            "1 + x², multiplicative noise 1x1",
            1,
            _normal,
            lambda x: np.log1p(x[:, 0] ** 2),
            np.log1p(norm.ppf(LEVELS) ** 2),
            logistic(scale=0.15),
            link=np.exp,
        ),
        _additive(
            "Maximum, triangular noise 5x1",
            5,
            _uniform,
            lambda x: x.max(axis=1),
            LEVELS ** (1 / 5),
            triang(0.5, loc=-0.1, scale=0.2),
        ),
        _additive(
            "Length, Laplace noise 8x1",
            8,
            _normal,
            lambda x: np.linalg.norm(x, axis=1),
            chi(8).ppf(LEVELS),
            laplace(scale=0.2),
        ),
        _additive(
            "Length of 3 of the columns 50x1",
            50,
            _normal,
            lambda x: np.linalg.norm(x[:, :3], axis=1),
            chi(3).ppf(LEVELS),
            logistic(scale=0.1),
        ),
        _scale(4, 1.0),
    ]
