"""Continuous vectors that are neither normal nor Student: Dirichlet, Pareto, balls, volatility."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln, psi, xlogy
from scipy.stats import gamma

from benchmarks.breadth.integrals import legendre, log_ball, volatility_entropy
from benchmarks.suite import Task

FAMILY = "vectors"


def gamma_entropy(shape: float) -> float:
    """Return the entropy of a gamma variable of unit scale."""
    return float(shape + gammaln(shape) + (1 - shape) * psi(shape))


def beta_entropy(a: float, b: float) -> float:
    """Return the entropy of a beta variable."""
    inner = (a - 1) * psi(a) + (b - 1) * psi(b) - (a + b - 2) * psi(a + b)
    return float(betaln(a, b) - inner)


def dirichlet_entropy(alpha: np.ndarray) -> float:
    """Return the entropy of a Dirichlet vector without its last component."""
    total = alpha.sum()
    log_b = gammaln(alpha).sum() - gammaln(total)
    return float(log_b + (total - len(alpha)) * psi(total) - ((alpha - 1) * psi(alpha)).sum())


def pareto_entropy(dim: int, shape: float) -> float:
    """Return the entropy of the density prod_i (shape + i) / (1 + sum x)^(shape + dim)."""
    constant = np.log(shape + np.arange(dim)).sum()
    return float((shape + dim) * (psi(shape + dim) - psi(shape)) - constant)


def ball_entropy(dim: int, whole: int) -> float:
    """Return the entropy of dim coordinates of a point uniform in the unit ball of ``whole``."""
    rest = whole - dim
    mean_log = psi(rest / 2 + 1) - psi(whole / 2 + 1)
    return float(log_ball(whole) - log_ball(rest) - rest / 2 * mean_log)


def _mckay(a: float, b: float) -> Task:
    """Return X and X plus an independent variable, both gamma (McKay 1934)."""

    def sample(rng, n):
        x = rng.gamma(a, size=(n, 1))
        return x, x + rng.gamma(b, size=(n, 1))

    return Task("McKay gamma 1x1", 1, 1, gamma_entropy(a + b) - gamma_entropy(b), sample, FAMILY)


def _common_gamma() -> Task:
    """Return X = G0 + G1, Y = G0 + G2: G0 gamma of shape 2, G1 and G2 exponential (Cheriyan 1941).

    The joint density is exp(-x - y) ((m - 1) exp(m) + 1) with m = min(x, y).
    """

    def sample(rng, n):
        common = rng.gamma(2.0, size=(n, 1))
        return common + rng.exponential(size=(n, 1)), common + rng.exponential(size=(n, 1))

    low, weights = legendre(0, 45, 500)
    m, t = low[:, None], low  # the lesser of the two, and by how much the other is greater
    p = np.exp(-2 * m - t) * ((m - 1) * np.exp(m) + 1)
    q = gamma.logpdf(m, 3) + gamma.logpdf(m + t, 3)
    mi = 2 * float(weights @ (xlogy(p, p) - p * q) @ weights)
    return Task("Gamma with a common part 1x1", 1, 1, mi, sample, FAMILY)


def _beta(a: float, b: float, c: float) -> Task:
    """Return X beta, Y = X V with V beta, so that Y is beta as well."""

    def sample(rng, n):
        x = rng.beta(a + b, c, size=(n, 1))
        return x, x * rng.beta(a, b, size=(n, 1))

    mean_log_x = psi(a + b) - psi(a + b + c)
    mi = beta_entropy(a, b + c) - beta_entropy(a, b) - mean_log_x
    return Task("Beta product 1x1", 1, 1, float(mi), sample, FAMILY)


def _dirichlet(d: int, alpha: float) -> Task:
    """Return parts of one whole: two groups of d components; a remainder is left out."""
    shapes = np.full(2 * d + 1, alpha)
    shapes[:d] *= 1.5

    def marginal(part: np.ndarray) -> float:
        return dirichlet_entropy(np.append(part, shapes.sum() - part.sum()))

    def sample(rng, n):
        z = rng.dirichlet(shapes, size=n)
        return z[:, :d], z[:, d : 2 * d]

    mi = marginal(shapes[:d]) + marginal(shapes[d : 2 * d]) - dirichlet_entropy(shapes)
    return Task(f"Dirichlet {d}x{d}", d, d, mi, sample, FAMILY)


def sample_pareto(rng: np.random.Generator, dim: int, shape: float, n: int) -> np.ndarray:
    """Draw n rows of a multivariate Pareto vector of the second kind, shape (n, dim)."""
    return rng.exponential(size=(n, dim)) / rng.gamma(shape, size=(n, 1))


def _pareto(d: int, shape: float) -> Task:
    def sample(rng, n):
        z = sample_pareto(rng, 2 * d, shape, n)
        return z[:, :d], z[:, d:]

    mi = 2 * pareto_entropy(d, shape) - pareto_entropy(2 * d, shape)
    return Task(f"Multivariate Pareto {d}x{d}", d, d, mi, sample, FAMILY)


def _ball(d: int) -> Task:
    def sample(rng, n):
        z = rng.standard_normal((n, 2 * d))
        radius = rng.uniform(size=(n, 1)) ** (1 / (2 * d))
        z *= radius / np.linalg.norm(z, axis=1, keepdims=True)
        return z[:, :d], z[:, d:]

    mi = 2 * ball_entropy(d, 2 * d) - log_ball(2 * d)
    name = "Uniform in a disc 1x1" if d == 1 else f"Uniform in a ball {d}x{d}"
    return Task(name, d, d, mi, sample, FAMILY)


def _volatility(d: int, tau: float, absolute: bool) -> Task:
    """Return returns at two times with one log-normal volatility; signs are independent."""

    def sample(rng, n):
        z = rng.standard_normal((n, 2 * d)) * np.exp(tau * rng.standard_normal((n, 1)))
        z = np.abs(z) if absolute else z
        return z[:, :d], z[:, d:]

    mi = 2 * volatility_entropy(d, tau) - volatility_entropy(2 * d, tau)
    name = f"Stochastic volatility{', absolute' if absolute else ''} {d}x{d}"
    return Task(name, d, d, mi, sample, FAMILY)


def _independent(d: int) -> Task:
    """Return X and y each dependent inside, and independent of each other."""

    def sample(rng, n):
        return sample_pareto(rng, d, 1.0, n), rng.dirichlet(np.full(d + 1, 0.7), size=n)[:, :d]

    return Task(f"Pareto, and apart from it Dirichlet {d}x{d}", d, d, 0.0, sample, "independence")


def tasks() -> list[Task]:
    """Return the tasks of this file."""
    return [
        _mckay(3.0, 0.7),
        _common_gamma(),
        _beta(1.5, 2.0, 1.0),
        _ball(1),
        _ball(5),
        _dirichlet(3, 0.6),
        _dirichlet(16, 0.4),
        _pareto(4, 1.0),
        _volatility(1, 1.0, absolute=True),
        _volatility(3, 0.7, absolute=False),
        _independent(2),
        _independent(16),
    ]
