"""Pairs of columns from copulas that training does not hold.

Every copula is given by its conditional distribution function dC/du and its density, as in H. Joe,
"Dependence Modeling with Copulas" (2014), chapter 4. Rows are drawn by inverting the conditional
distribution; mutual information is the integral of the density times its logarithm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, xlogy
from scipy.stats import norm

from benchmarks.breadth.integrals import legendre
from benchmarks.suite import Task

Function = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class Copula:
    """A copula of one parameter: dC/du and density, functions of (u, v, theta)."""

    conditional: Function
    density: Function

    def sample(self, rng: np.random.Generator, theta: float, n: int):
        """Draw n pairs of uniform margins; v is found by bisection."""
        u, level = rng.uniform(1e-12, 1, size=(2, n))
        low, high = np.zeros(n), np.ones(n)
        for _ in range(50):
            v = (low + high) / 2
            below = self.conditional(u, v, theta) < level
            low, high = np.where(below, v, low), np.where(below, high, v)
        return u[:, None], ((low + high) / 2)[:, None]

    def mi(self, theta: float) -> float:
        """Return the mutual information, integrated over normal scores of u and v."""
        z, weights = legendre(-7.5, 7.5, 400)  # beyond, u rounds to 0 or 1
        p = np.maximum(self.density(ndtr(z)[:, None], ndtr(z), theta), 0)  # rounding, in corners
        weights = weights * norm.pdf(z)
        return float(weights @ xlogy(p, p) @ weights)


def _plackett(u, v, theta):
    eta = theta - 1
    s = 1 + eta * (u + v)
    return eta, s, np.sqrt(s**2 - 4 * theta * eta * u * v)


def _plackett_conditional(u, v, theta):
    _, s, root = _plackett(u, v, theta)
    return (1 - (s - 2 * theta * v) / root) / 2


def _plackett_density(u, v, theta):
    eta, _, root = _plackett(u, v, theta)
    return theta * (1 + eta * (u + v - 2 * u * v)) / root**3


def _amh_conditional(u, v, theta):
    return v * (1 - theta * (1 - v)) / (1 - theta * (1 - u) * (1 - v)) ** 2


def _amh_density(u, v, theta):
    a = 1 - theta * (1 - u) * (1 - v)
    slope = 2 * v * (1 - theta * (1 - v)) * theta * (1 - u)
    return (1 - theta + 2 * theta * v) / a**2 - slope / a**3


def _fgm_conditional(u, v, theta):
    return v * (1 + theta * (1 - 2 * u) * (1 - v))


def _fgm_density(u, v, theta):
    return 1 + theta * (1 - 2 * u) * (1 - 2 * v)


def _galambos(u, v, theta):
    """Return x = -ln u, y = -ln v and W, where C = exp(-x - y + W)."""
    x, y = -np.log(u), -np.log(v)
    return x, y, (x**-theta + y**-theta) ** (-1 / theta)


def _galambos_conditional(u, v, theta):
    x, y, w = _galambos(u, v, theta)
    return v * np.exp(w) * (1 - (w / x) ** (1 + theta))


def _galambos_density(u, v, theta):
    x, y, w = _galambos(u, v, theta)
    a, b = (w / x) ** (1 + theta), (w / y) ** (1 + theta)
    return np.exp(w) * ((1 - a) * (1 - b) + (1 + theta) * a * b / w)


def _huesler_reiss(u, v, theta):
    x, y = -np.log(u), -np.log(v)
    half = theta / 2 * np.log(x / y)
    return x, y, 1 / theta + half, 1 / theta - half


def _huesler_reiss_conditional(u, v, theta):
    x, y, a, b = _huesler_reiss(u, v, theta)
    return np.exp(-x * ndtr(a) - y * ndtr(b) + x) * ndtr(a)


def _huesler_reiss_density(u, v, theta):
    x, y, a, b = _huesler_reiss(u, v, theta)
    ratio = np.exp(-x * ndtr(a) - y * ndtr(b) + x + y)
    return ratio * (ndtr(a) * ndtr(b) + theta / (2 * y) * norm.pdf(a))


COPULAS = {
    "Plackett": (Copula(_plackett_conditional, _plackett_density), 20.0),
    "Ali-Mikhail-Haq": (Copula(_amh_conditional, _amh_density), 0.95),
    "Farlie-Gumbel-Morgenstern": (Copula(_fgm_conditional, _fgm_density), 1.0),
    "Galambos": (Copula(_galambos_conditional, _galambos_density), 1.5),
    "Hüsler-Reiss": (Copula(_huesler_reiss_conditional, _huesler_reiss_density), 2.5),
}


def _task(name: str) -> Task:
    copula, theta = COPULAS[name]

    def sample(rng, n):
        return copula.sample(rng, theta, n)

    return Task(f"{name} copula 1x1", 1, 1, copula.mi(theta), sample, "copulas")


def tasks() -> list[Task]:
    """Return a task for each copula."""
    return [_task(name) for name in COPULAS]
