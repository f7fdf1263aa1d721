"""The suite interactions: XOR, parity and products, where no column of X alone tells of y.

Two or three columns, as bits and as numbers, with and without noise, with and without two idle
columns; 2,000 rows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import k0
from scipy.stats import norm

from benchmarks.breadth.integrals import entropy, legendre
from benchmarks.suite import Problem, Task, grid

SIZES = (2000,)
IDLE = 2  # columns beside, independent of everything


def flip_mi(flips: float) -> float:
    """Return I of a fair bit and its copy, of which a share is flipped: ln 2 less the entropy."""
    return float(np.log(2) - entropy(np.array([flips, 1 - flips])))


def product_mi(columns: int, sigma: float) -> float:
    """Return I(X; Y) for Y the product of two or three standard normals plus normal noise.

    Given all but one of the columns, with product q, Y is normal with variance q² + sigma². The
    density of q is normal, or that of a product of two normals, K0(abs(q)) / pi; the integral runs
    over the logarithm of abs(q), where the latter is smooth.
    """
    log_q, w = legendre(-25, 4, 600)
    q = np.exp(log_q)
    density = norm.pdf(q) if columns == 2 else k0(q) / np.pi
    w = 2 * w * q * density
    log_y, w_y = legendre(np.log(sigma) - 12, 6, 600)
    y = np.exp(log_y)
    p = w @ norm.pdf(y, scale=np.sqrt(q[:, None] ** 2 + sigma**2))
    return entropy(p, 2 * w_y * y) - float(norm(scale=sigma).entropy())


def _bits(columns: int, flips: float, idle: int) -> Task:
    def sample(rng, n):
        x = rng.integers(0, 2, size=(n, columns + idle))
        y = (x[:, :columns].sum(axis=1) + (rng.uniform(size=n) < flips)) % 2
        return x.astype(float), y[:, None].astype(float)

    name = _name(f"bits, {flips:.0%} flipped", columns, idle)
    mi = flip_mi(flips)
    return Task(name, columns + idle, 1, mi, sample, "parity of bits", ("discrete", "discrete"))


def _signs(columns: int, flips: float, idle: int) -> Task:
    """Return a task with y normal, its sign the product of the signs of uniform columns."""

    def sample(rng, n):
        x = rng.uniform(-1, 1, size=(n, columns + idle))
        sign = np.sign(x[:, :columns]).prod(axis=1) * np.where(rng.uniform(size=n) < flips, -1, 1)
        return x, (sign * np.abs(rng.standard_normal(n)))[:, None]

    name = _name(f"signs, {flips:.0%} flipped", columns, idle)
    return Task(name, columns + idle, 1, flip_mi(flips), sample, "parity of signs")


def _product(columns: int, sigma: float, idle: int) -> Task:
    def sample(rng, n):
        x = rng.standard_normal((n, columns + idle))
        y = x[:, :columns].prod(axis=1) + sigma * rng.standard_normal(n)
        return x, y[:, None]

    name = _name(f"product, noise {sigma}", columns, idle)
    return Task(name, columns + idle, 1, product_mi(columns, sigma), sample, "product")


def _name(kind: str, columns: int, idle: int) -> str:
    return f"{kind}, {columns} columns" + (f" and {idle} idle" if idle else "")


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 24 tasks."""
    kinds = ((_bits, (0.0, 0.1)), (_signs, (0.0, 0.1)), (_product, (0.2, 0.6)))
    return tuple(
        make(columns, noise, idle)
        for make, noises in kinds
        for columns in (2, 3)
        for noise in noises
        for idle in (0, IDLE)
    )


def problems(seed: int = 0) -> list[Problem]:
    """Return one problem for each task."""
    return grid(tasks(), SIZES, "interactions", seed)
