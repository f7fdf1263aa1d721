r"""y given X: random networks of several outputs, durations, and counts."""

from __future__ import annotations

import numpy as np
from scipy.special import entr, logsumexp
from scipy.stats import genlogistic, gumbel_r, nbinom, norm, skewnorm
from scipy.stats import t as student

from skmist._training.heldout.law import Law, columns, entropy, log_uniform

REFERENCE = 5000  # rows that the density of y is a mean over
QUERIES = 4000  # rows that the entropy of y is a mean over
NODES = norm.ppf((np.arange(500) + 0.5) / 500)  # equally probable values of a standard normal


def noisy_outputs_mi(
    rng: np.random.Generator, draw_x, function, sigma: float, references: int = REFERENCE
) -> float:
    """Return I(X; f(X) + sigma E), E standard normal, in nats.

    The entropy of y is a mean over rows of the logarithm of its density, itself a mean over other
    rows; that of the noise is known. The squares of the noise, whose mean is known too, serve as a
    control variate.
    """
    centres = function(draw_x(rng, references))
    f = function(draw_x(rng, QUERIES))
    y = f + sigma * rng.normal(size=f.shape)
    squares = (y**2).sum(1)[:, None] - 2 * y @ centres.T + (centres**2).sum(1)
    log_p = logsumexp(-squares / (2 * sigma**2), axis=1) - np.log(references)
    own = -((y - f) ** 2).sum(1) / (2 * sigma**2)
    slope = np.cov(log_p, own)[0, 1] / own.var()
    half = y.shape[1] / 2  # minus the mean of own
    return float((slope * (own + half) - log_p).mean() - half)


def networks(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw a random network of one hidden layer with two to four noisy outputs."""
    dims = dims or (columns(rng, 20), int(rng.integers(2, 5)))
    dx, dy = dims
    heavy, inner = rng.random() < 0.4, min(dx, int(rng.integers(1, 4)))
    first = rng.normal(size=(dx, inner)) / np.sqrt(dx)
    second = rng.normal(size=(inner, 12)) * log_uniform(rng, 0.5, 2.5)
    bias, third = rng.normal(size=12), rng.normal(size=(12, dy)) / np.sqrt(12)

    def draw_x(rng, n):
        return rng.standard_t(3, size=(n, dx)) if heavy else rng.uniform(-1.7, 1.7, size=(n, dx))

    def function(x):
        return np.tanh(x @ first @ second + bias) @ third

    sigma = log_uniform(rng, 0.1, 0.8)

    def sample(rng, n):
        x = draw_x(rng, n)
        return x, function(x) + sigma * rng.normal(size=(n, dy))

    return Law(noisy_outputs_mi(rng, draw_x, function, sigma), sample)


def sum_entropy(signal: np.ndarray, noise) -> float:
    """Return the entropy of a signal of equally probable values plus noise, in nats."""
    ends = noise.ppf([1e-7, 1 - 1e-7]) + np.array([signal.min(), signal.max()])
    grid = np.linspace(*ends, 4000)
    p = np.mean([noise.pdf(grid - s) for s in signal], axis=0)
    return entropy(np.log(np.maximum(p, 1e-300)), grid[1] - grid[0])


def durations(rng: np.random.Generator, dx: int | None = None) -> Law:
    """Draw a duration whose logarithm is a smooth function of an index, plus skewed noise.

    Accelerated failure times (Kalbfleisch and Prentice, "The Statistical Analysis of Failure Time
    Data", 2002, section 2.3): Weibull, Burr, skewed normal and Student.
    """
    dx = dx or columns(rng, 20)
    noise = (gumbel_r(), genlogistic(0.4), skewnorm(-5), student(2.5))[rng.integers(4)]
    weights = rng.normal(size=dx)
    weights *= log_uniform(rng, 0.3, 8) / np.linalg.norm(weights)
    scale = np.linalg.norm(weights)
    bend = rng.integers(3)

    def link(index):
        return (index, scale * np.sin(1.5 * index / scale), np.abs(index))[bend]

    def sample(rng, n):
        x = rng.normal(size=(n, dx))
        log_time = link(x @ weights) + noise.rvs(size=n, random_state=rng)
        return x, np.exp(np.clip(log_time / 3, -300, 300))[:, None]

    signal = link(scale * NODES)
    return Law(sum_entropy(signal, noise) - sum_entropy(np.zeros(1), noise), sample)


def count_mi(scale: float, size: float, base: float) -> float:
    """Return I of a normal index and a negative binomial count with log mean base + index."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    mean = np.exp(base + scale * nodes)[:, None]
    most = int(nbinom.ppf(1 - 1e-9, size, size / (size + np.exp(base + 5 * scale)))) + 1
    p = nbinom.pmf(np.arange(min(most, 20_000)), size, size / (size + mean))
    return float(entr(weights @ p).sum() - entr(p).sum(axis=1) @ weights)


def counts(rng: np.random.Generator, dx: int | None = None) -> Law:
    """Draw negative binomial counts, whose log mean is linear in X."""
    dx = dx or columns(rng, 12)
    scale, size, base = rng.uniform(0.3, 1.3), log_uniform(rng, 0.5, 8), rng.uniform(0, 2.2)
    weights = rng.normal(size=dx)
    weights *= scale / np.linalg.norm(weights)

    def sample(rng, n):
        x = rng.normal(size=(n, dx))
        mean = np.exp(base + x @ weights)
        return np.sinh(x), rng.negative_binomial(size, size / (size + mean)).astype(float)[:, None]

    return Law(count_mi(scale, size, base), sample)
