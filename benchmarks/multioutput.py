"""The suite multioutput: linear maps of many columns, and pairs of columns side by side.

Linear maps of normal columns plus normal noise, of low and full rank, from white or correlated
columns to as many, more or fewer: I(X; y) is half a log ratio of determinants. Pairs of columns
that have nothing to do with each other: curves plus normal noise, steps, scales, copulas, bounded
noise; the information is the sum of that of the pairs. Cases like these were looked at when linear
maps and pairs all of one law came to training, and are not blind.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.stats import norm

from benchmarks.breadth.integrals import channel_mi, legendre, midpoints
from benchmarks.distributions import (
    additive_uniform_mi,
    normal_mi,
    sample_additive_uniform,
    sample_normal,
    sample_student,
    stream,
    student_mi,
)
from benchmarks.idle import Pair, noisy_function
from benchmarks.suite import Problem, Task, grid

SIZES = (200, 1000, 5000)
LINEAR, PAIRS = "linear maps", "pairs side by side"
NODES = norm.ppf(midpoints(3000))  # equally probable values of a standard normal
MOVED = 0.3  # half the width of bounded noise
CLAYTON = 2.0


# Linear maps --------------------------------------------------------------------------------------


def serial(d: int, rate: float) -> np.ndarray:
    """Return the correlations of d values of an autoregression, one after another."""
    return rate ** np.abs(np.subtract.outer(np.arange(d), np.arange(d)))


def _normal(name: str, cov: np.ndarray, dx: int) -> Task:
    def sample(rng, n):
        z = sample_normal(rng, cov, n)
        return z[:, :dx], z[:, dx:]

    dy = len(cov) - dx
    return Task(f"{name} {dx}x{dy}", dx, dy, normal_mi(cov, dx), sample, LINEAR)


def _map(name: str, x: np.ndarray, weight: np.ndarray, noise: np.ndarray) -> Task:
    """Return y = W x + e, from the covariances of x and of e."""
    across = weight @ x
    cov = np.block([[x, across.T], [across, across @ weight.T + noise]])
    return _normal(name, cov, len(x))


def _linear() -> list[Task]:
    rng = stream("multioutput", "weights")
    eye = np.eye
    walk = np.minimum.outer(np.arange(1, 16), np.arange(1, 16)).astype(float)
    two = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 20)) / 4
    return [
        _map("two factors of white columns", eye(20), two, eye(20)),
        _map("two factors, told back", two @ two.T + eye(20), two.T / 8, eye(20)),
        _map(
            "one factor of many",
            eye(40),
            np.outer(rng.normal(size=40), rng.normal(size=40)) / 6,
            eye(40),
        ),
        _map("many to few", eye(60), rng.normal(size=(4, 60)) / 12, eye(4)),
        _map("few to many", eye(3), rng.normal(size=(20, 3)) / 4, eye(20)),
        _map("full rank", eye(10), rng.normal(size=(10, 10)) / 3, eye(10)),
        _map("full rank, strong", eye(8), 2 * rng.normal(size=(8, 8)), eye(8)),
        _map("serial columns", serial(20, 0.9), rng.normal(size=(5, 20)) / 8, eye(5)),
        _map("serial noise", eye(6), rng.normal(size=(25, 6)) / 4, serial(25, 0.8)),
        _normal("walk, past and future", walk, 10),
        _normal("autoregression, past and future", serial(60, 0.9), 30),
    ]


# Pairs --------------------------------------------------------------------------------------------


def _side_by_side(name: str, count: int, pair: Pair, mi: float) -> Task:
    def sample(rng, n):
        return tuple(
            np.column_stack(v) for v in zip(*(pair(rng, n) for _ in range(count)), strict=True)
        )

    return Task(f"{name} {count}x{count}", count, count, count * mi, sample, PAIRS)


def noisy_scale(rate: float) -> tuple[Pair, float]:
    """Return y = exp(rate x) e, x and e normal: I(x; y) is that of x and log |y|."""
    t, weights = legendre(-14, 8, 2000)
    density = 2 * norm.pdf(np.exp(t - rate * NODES[:, None])) * np.exp(t - rate * NODES[:, None])
    share = np.full(len(NODES), 1 / len(NODES))

    def sample(rng, n):
        x = rng.standard_normal(n)
        return x, np.exp(rate * x) * rng.standard_normal(n)

    return sample, channel_mi(share, density, weights)


def _clayton(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    u, w = rng.uniform(size=(2, n))
    return u, ((w ** (-CLAYTON / (1 + CLAYTON)) - 1) * u**-CLAYTON + 1) ** (-1 / CLAYTON)


def clayton_mi(theta: float) -> float:
    """Return I of a Clayton copula, in closed form.

    The mean of the logarithm of its density, with the law of the copula at its own sample (Genest
    and Rivest, J. Am. Stat. Assoc. 88, 1993): P(C <= t) = t + t (1 - t^theta) / theta.
    """
    return float(
        np.log1p(theta) + 2 * (1 + theta) - (2 + 1 / theta) * (1 + theta - 1 / (1 + theta))
    )


def _student(df: float, rho: float) -> tuple[Pair, float]:
    """Return two columns of a Student vector."""
    dispersion = np.array([[1, rho], [rho, 1]])

    def sample(rng, n):
        return tuple(sample_student(rng, dispersion, df, n).T)

    return sample, student_mi(dispersion, 1, df)


def _moved(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = sample_additive_uniform(rng, np.array([MOVED]), n)
    return x[:, 0], y[:, 0]


def pairs() -> dict[str, tuple[int, Pair, float]]:
    """Return how many pairs a task has, what draws one, and what it shares in nats."""
    return {
        "cubes": (5, *noisy_function(lambda x: x**3, 1.0, normal=True)),
        "squares": (2, *noisy_function(np.square, 0.7, normal=True)),
        "absolute values": (4, *noisy_function(np.abs, 0.5, normal=True)),
        "waves": (5, *noisy_function(lambda x: np.sin(2 * x), 0.5, normal=True)),
        "fast waves": (3, *noisy_function(lambda x: np.cos(4 * x), 0.4, normal=True)),
        "steps": (4, *noisy_function(np.sign, 0.5, normal=True)),
        "ramps": (4, *noisy_function(lambda x: np.maximum(x, 0), 0.4, normal=True)),
        "scales": (3, *noisy_scale(0.7)),
        "Student": (4, *_student(3.0, 0.5)),
        "Clayton": (5, _clayton, clayton_mi(CLAYTON)),
        "bounded noise": (6, _moved, float(additive_uniform_mi(np.array([MOVED])))),
    }


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 22 tasks."""
    return (*_linear(), *(_side_by_side(name, *pair) for name, pair in pairs().items()))


def problems(seed: int = 0) -> list[Problem]:
    """Return one problem for each task and number of rows."""
    return grid(tasks(), SIZES, "multioutput", seed)
