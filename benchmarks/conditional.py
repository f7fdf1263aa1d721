"""A part of the suite ``tables``: conditional mutual information where its value is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.distributions import stream
from benchmarks.metrics import mean_and_error
from skmist import mutual_info

SIZES = (100, 300, 1000)
LEVEL = 0.9
FLIPPED = 0.1  # share of wrong labels in the exclusive or
CORRELATIONS = (0.0, 0.5, 0.9)  # of x and y for each value of a discrete z
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A joint distribution of x, y and z with known I(x; y | z).

    Parameters
    ----------
    name : str
        Name in the tables.
    value : float
        I(x; y | z) in nats.
    draw : callable
        Takes a generator and n; returns x, y, z.
    """

    name: str
    value: float
    draw: Callable[[np.random.Generator, int], Triple]


def normal_cmi(cov: np.ndarray, dx: int, dy: int) -> float:
    """Return I(x; y | z) of a normal vector (x, y, z), in nats.

    It is ln(det C_xz det C_yz / (det C_z det C)) / 2, C the covariance matrix, since I(x; y | z) =
    h(x, z) + h(y, z) - h(z) - h(x, y, z) with h = ln det(2 pi e C) / 2 (T. Cover, J. Thomas,
    "Elements of information theory", theorem 8.4.1).
    """
    x, y, z = np.split(np.arange(len(cov)), [dx, dx + dy])

    def logdet(*parts: np.ndarray) -> float:
        index = np.concatenate(parts)
        return float(np.linalg.slogdet(cov[np.ix_(index, index)])[1])

    return max(0.0, (logdet(x, z) + logdet(y, z) - logdet(z) - logdet(x, y, z)) / 2)


def normal_case(name: str, weights: np.ndarray, dx: int, dy: int) -> Case:
    """Return a normal vector (x, y, z) = weights @ (independent standard normals)."""
    weights = np.asarray(weights, dtype=float)

    def draw(rng: np.random.Generator, n: int) -> Triple:
        v = rng.normal(size=(n, weights.shape[1])) @ weights.T
        return v[:, :dx], v[:, dx : dx + dy], v[:, dx + dy :]

    return Case(name, normal_cmi(weights @ weights.T, dx, dy), draw)


def _by_class(rng: np.random.Generator, n: int) -> Triple:
    """Draw z of three values, and x and y whose means and correlation depend on it."""
    z = rng.integers(0, len(CORRELATIONS), n)
    rho = np.asarray(CORRELATIONS)[z]
    x, e = rng.normal(size=(2, n))
    return x + z, rho * x + np.sqrt(1 - rho**2) * e + z, z


def _exclusive_or(rng: np.random.Generator, n: int) -> Triple:
    """Draw coins x and z, and y their exclusive or with some labels flipped."""
    x, z = rng.integers(0, 2, size=(2, n))
    return x, x ^ z ^ (rng.random(n) < FLIPPED), z


def cases() -> list[Case]:
    """Return all distributions."""
    # rows: x, y, z; columns: independent standard normals
    chain = [[1, 0, 0], [0.8, 0.5, 0.5], [0.8, 0, 0.5]]  # x -> z -> y: y = z + noise
    common = [[1, 0, 1], [0, 1, 1], [0, 0, 1]]  # z is a cause of both
    direct = [[1, 0, 0, 0.6], [1, 1, 0, 0.6], [0, 0, 0.5, 1]]  # beside a common cause, x acts on y
    wide = np.zeros((6, 8))  # x and y of two columns, z of two
    wide[:, :6] = np.eye(6)
    wide[[0, 2, 4], 6] = 1.0
    wide[[1, 3], 7] = 1.5
    entropy = -(FLIPPED * np.log(FLIPPED) + (1 - FLIPPED) * np.log(1 - FLIPPED))
    within = -np.log(1 - np.square(CORRELATIONS)) / 2
    return [
        normal_case("chain x, z, y", chain, 1, 1),
        normal_case("common cause z", common, 1, 1),
        normal_case("common cause and direct effect", direct, 1, 1),
        normal_case("2 + 2 columns, 2 given", wide, 2, 2),
        Case("normal pair for each of 3 labels", float(within.mean()), _by_class),
        Case("exclusive or of coins", float(np.log(2) - entropy), _exclusive_or),
    ]


def conditional(checkpoint: str | None, repeats: int) -> Iterator[tuple]:
    """Yield coverage and width of the intervals of I(x; y | z), and the error of the estimates."""
    for case in cases():
        for n in SIZES:
            start = time.perf_counter()
            records = []
            for i in range(repeats):
                x, y, z = case.draw(stream("tables-conditional", case.name, n, i), n)
                found = mutual_info(x, y, given=z, level=LEVEL, checkpoint=checkpoint)
                low, high = found.interval
                inside = low - 1e-9 <= case.value <= high + 1e-9
                records.append((inside, high - low, abs(float(found) - case.value)))
            seconds = time.perf_counter() - start
            parts = ("cmi-held", "cmi-width", "cmi-error")
            for part, values in zip(parts, zip(*records, strict=True), strict=True):
                mean, error = mean_and_error(pd.Series(values, dtype=float))
                name = f"{case.name} ({case.value:.3f} nats)"
                yield part, name, f"n = {n}", mean, error, repeats, seconds
