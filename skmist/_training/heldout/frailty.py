r"""Gamma variables that share a random rate: multivariate frailty, products and ratios of gammas.

With T_i = G_i / V, G_i gamma of shape a_i, the density of any set of the T_i is

    g_a(s) prod_i t_i^(a_i - 1) / Gamma(a_i),  g_a(s) = E[V^a exp(-s V)],

with a the sum of the shapes and s that of the t_i (Marshall and Olkin, J. Am. Stat. Assoc. 83,
1988; for shapes of 1 the copula is Archimedean). The products cancel in the mutual information,

    I = J(a_x + a_y) - J(a_x) - J(a_y),  J(a) = int s^(a - 1) / Gamma(a) g_a(s) log g_a(s) ds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, kve, logsumexp
from scipy.stats import geninvgauss

from skmist._training.heldout.law import Law, columns, log_uniform

LOGS = np.linspace(-60, 16, 12_000)  # nodes of the trapezoid rule, logarithms of s


def inner_product(log_g: Callable, a: float) -> float:
    """Return J(a)."""
    log_density = a * LOGS - gammaln(a) + (log_values := log_g(a, np.exp(LOGS)))
    values = np.exp(log_density) * np.where(np.isfinite(log_values), log_values, 0.0)
    return float(values.sum() * (LOGS[1] - LOGS[0]))


def shared_rate_mi(log_g: Callable, ax: float, ay: float) -> float:
    """Return the mutual information of two sides with these sums of shapes, in nats."""
    whole, x, y = (inner_product(log_g, a) for a in (ax + ay, ax, ay))
    return whole - x - y


def log_bessel(order: float, z: np.ndarray) -> np.ndarray:
    """Return log K_order(z)."""
    return np.log(kve(order, z)) - z


def inverse_gaussian(p: float, b: float) -> Callable:
    """Return log g for a generalised inverse Gaussian V, density prop. to v^(p-1) e^(-b(v+1/v)/2).

    The integral is that of the normalising constant (Jorgensen, "Statistical Properties of the
    Generalized Inverse Gaussian Distribution", 1982).
    """

    def log_g(a: float, s: np.ndarray) -> np.ndarray:
        rate = b + 2 * s
        return (
            log_bessel(p + a, np.sqrt(rate * b))
            + (p + a) / 2 * np.log(b / rate)
            - log_bessel(p, np.array(b))
        )

    return log_g


def states(rates: np.ndarray, weights: np.ndarray) -> Callable:
    """Return log g for a V of a few values."""

    def log_g(a: float, s: np.ndarray) -> np.ndarray:
        return logsumexp(np.log(weights) + a * np.log(rates) - s[:, None] * rates, axis=1)

    return log_g


def _law(log_g: Callable, draw_rate: Callable, shapes: np.ndarray, dx: int) -> Law:
    def sample(rng, n):
        t = rng.gamma(shapes, size=(n, len(shapes))) / draw_rate(rng, n)[:, None]
        return t[:, :dx], t[:, dx:]

    return Law(shared_rate_mi(log_g, shapes[:dx].sum(), shapes[dx:].sum()), sample)


def _shapes(rng: np.random.Generator, dims: tuple[int, int]) -> np.ndarray:
    shapes = log_uniform(rng, 0.5, 3) * np.exp(rng.uniform(-0.4, 0.4, size=sum(dims)))
    return shapes * min(1.0, 25 / shapes.sum())


def smooth_frailty(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw gamma vectors with a generalised inverse Gaussian rate."""
    dims = dims or (columns(rng, 8), columns(rng, 8))
    p, b = rng.uniform(-1.5, 1.0), log_uniform(rng, 0.3, 3)

    def rate(rng, n):
        return geninvgauss.rvs(p, b, size=n, random_state=rng)

    return _law(inverse_gaussian(p, b), rate, _shapes(rng, dims), dims[0])


def few_rates(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw gamma vectors whose rate has two to four values."""
    dims = dims or (columns(rng, 8), columns(rng, 8))
    k = rng.integers(2, 5)
    rates = np.exp(np.sort(rng.uniform(0, 4, size=k)))
    weights = rng.dirichlet(np.full(k, 3.0))

    def rate(rng, n):
        return rates[rng.choice(k, size=n, p=weights)]

    return _law(states(rates, weights), rate, _shapes(rng, dims), dims[0])
