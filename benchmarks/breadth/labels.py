"""Counts, classes and ordered levels, against numbers or against each other."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, gammaln, ndtr
from scipy.stats import binom, gamma, norm, poisson, vonmises

from benchmarks.breadth.integrals import (
    channel_mi,
    entropy,
    legendre,
    midpoints,
    table_mi,
)
from benchmarks.suite import Task

FAMILY = "labels"
BOTH = ("discrete", "discrete")
LABELS = ("category", "category")
ONLY_X, ONLY_Y = ("category", "continuous"), ("continuous", "discrete")
SCORES = norm.ppf(midpoints(1000))  # equally probable values of a standard normal


def mean_channel_mi(p_y: np.ndarray) -> float:
    """Return I(X; Y) where the rows of p_y belong to equally probable values of X."""
    return channel_mi(np.full(len(p_y), 1 / len(p_y)), p_y)


def _bernoulli(agree: float) -> Task:
    def sample(rng, n):
        x = rng.integers(0, 2, size=(n, 1))
        flip = rng.uniform(size=(n, 1)) > agree
        return x.astype(float), (x ^ flip).astype(float)

    table = np.array([[agree, 1 - agree], [1 - agree, agree]]) / 2
    return Task("Bernoulli 1x1", 1, 1, table_mi(table), sample, FAMILY, BOTH)


def _common_poisson(common: float, own: float) -> Task:
    """Return counts X = P0 + P1, Y = P0 + P2 with independent Poisson parts."""

    def sample(rng, n):
        shared = rng.poisson(common, size=(n, 1))
        parts = rng.poisson(own, size=(2, n, 1))
        return (shared + parts[0]).astype(float), (shared + parts[1]).astype(float)

    k = np.arange(60)
    own_part = poisson.pmf(k[:, None] - k, own)  # row: count, column: shared part
    table = (own_part * poisson.pmf(k, common)) @ own_part.T
    return Task("Poisson with a common part 1x1", 1, 1, table_mi(table), sample, "counts", BOTH)


def _common_rate(d: int, shape: float, scale: float) -> Task:
    """Return Poisson counts, d in X and d in y, with one gamma rate.

    The sums of both sides hold all that they tell of the rate; they are negative multinomial.
    """

    def sample(rng, n):
        rate = rng.gamma(shape, scale, size=(n, 1))
        z = rng.poisson(rate, size=(n, 2 * d)).astype(float)
        return z[:, :d], z[:, d:]

    rate, k = d * scale, np.arange(600)
    x, y = k[:, None], k
    log_p = gammaln(shape + x + y) - gammaln(shape) - gammaln(x + 1) - gammaln(y + 1)
    log_p += (x + y) * np.log(rate) - (shape + x + y) * np.log1p(2 * rate)
    mi = table_mi(np.exp(log_p))
    return Task(f"Negative binomial counts {d}x{d}", d, d, mi, sample, "counts", BOTH)


def _random_rate(shape: float, scale: float) -> Task:
    """Return X gamma, y Poisson with mean X."""

    def sample(rng, n):
        x = rng.gamma(shape, scale, size=(n, 1))
        return x, rng.poisson(x).astype(float)

    rates = gamma(shape, scale=scale).ppf(midpoints(1000))
    mi = mean_channel_mi(poisson.pmf(np.arange(150), rates[:, None]))
    return Task("Poisson of a gamma rate 1x1", 1, 1, mi, sample, "counts", ONLY_Y)


def _binomial(trials: int, slope: float) -> Task:
    """Return y binomial, with the logit of its probability a contrast of three normal columns."""

    def sample(rng, n):
        x = rng.standard_normal((n, 3))
        contrast = x @ np.array([1.0, -1.0, 1.0]) / np.sqrt(3)
        return x, rng.binomial(trials, expit(slope * contrast))[:, None].astype(float)

    mi = mean_channel_mi(binom.pmf(np.arange(trials + 1), trials, expit(slope * SCORES)[:, None]))
    return Task("Binomial logit 3x1", 3, 1, mi, sample, "counts", ONLY_Y)


def _gamma_by_class() -> Task:
    """Return five classes, y gamma with a shape and a scale of each class."""
    shapes, scales = np.array([1.0, 2.0, 4.0, 8.0, 3.0]), np.array([1.0, 2.0, 0.5, 0.5, 4.0])

    def sample(rng, n):
        x = rng.integers(0, 5, size=n)
        y = rng.gamma(shapes[x], scales[x])
        return x[:, None].astype(float), y[:, None]

    y, weights = legendre(0, 90, 600)
    p_y = gamma.pdf(y, shapes[:, None], scale=scales[:, None])
    mi = channel_mi(np.full(5, 0.2), p_y, weights)
    return Task("Gamma by class (5 levels) 1x1", 1, 1, mi, sample, FAMILY, ONLY_X)


def _shifted_labels(levels: int, keep: float) -> Task:
    """Return labels in a circle: y is X, or some steps further with geometric probabilities."""
    p = keep * (1 - keep) ** np.arange(levels)
    p /= p.sum()

    def sample(rng, n):
        x = rng.integers(0, levels, size=(n, 1))
        y = (x + rng.choice(levels, size=(n, 1), p=p)) % levels
        return x.astype(float), y.astype(float)

    mi = np.log(levels) - entropy(p)
    return Task(f"Labels in a circle ({levels} levels) 1x1", 1, 1, mi, sample, FAMILY, LABELS)


def _ordinal(d: int, slope: float, cuts: tuple[float, ...]) -> Task:
    """Return ordered levels of y: a normal index of X with unit noise, cut."""

    def sample(rng, n):
        x = rng.standard_normal((n, d))
        latent = slope * x.sum(axis=1) / np.sqrt(d) + rng.standard_normal(n)
        return x, np.searchsorted(cuts, latent)[:, None].astype(float)

    below = ndtr(np.array([-np.inf, *cuts, np.inf]) - slope * SCORES[:, None])
    mi = mean_channel_mi(np.diff(below, axis=1))
    return Task(f"Ordinal probit {d}x1", d, 1, mi, sample, FAMILY, ONLY_Y)


def _ordinal_pair(rho: float) -> Task:
    """Return two ordered levels, six against four: a bivariate normal pair, both sides cut."""
    x_cuts, y_cuts = np.array([-1.5, -0.7, 0.0, 0.4, 1.2]), np.array([-0.8, 0.3, 1.0])

    def sample(rng, n):
        x = rng.standard_normal(n)
        y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
        levels = np.searchsorted(x_cuts, x), np.searchsorted(y_cuts, y)
        return levels[0][:, None].astype(float), levels[1][:, None].astype(float)

    rows = []
    edges, y_edges = np.array([-9, *x_cuts, 9]), np.array([-np.inf, *y_cuts, np.inf])
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        x, weights = legendre(low, high, 100)
        below = ndtr((y_edges - rho * x[:, None]) / np.sqrt(1 - rho**2))
        rows.append((weights * norm.pdf(x)) @ np.diff(below, axis=1))
    return Task("Ordinal pair 1x1", 1, 1, table_mi(np.array(rows)), sample, FAMILY, BOTH)


def _directions(levels: int, kappa: float) -> Task:
    """Return classes with a direction each; X is on the circle, there with von Mises noise."""
    centres = 2 * np.pi * np.arange(levels) / levels

    def sample(rng, n):
        y = rng.integers(0, levels, size=n)
        angle = rng.vonmises(centres[y], kappa)
        return np.column_stack([np.cos(angle), np.sin(angle)]), y[:, None].astype(float)

    angle = 2 * np.pi * midpoints(1000)
    p = vonmises.pdf(angle[:, None] - centres, kappa)
    mi = mean_channel_mi(p / p.sum(axis=1, keepdims=True))
    return Task(f"Directions of {levels} classes 2x1", 2, 1, mi, sample, FAMILY, ONLY_Y)


def tasks() -> list[Task]:
    """Return the tasks of this file."""
    return [
        _bernoulli(0.8),
        _shifted_labels(15, 0.6),
        _ordinal_pair(0.8),
        _gamma_by_class(),
        _ordinal(6, 1.5, (-1.2, -0.2, 0.6, 1.8)),
        _directions(8, 6.0),
        _common_poisson(3.0, 1.5),
        _common_rate(1, 1.5, 3.0),
        _common_rate(4, 1.5, 1.0),
        _random_rate(2.0, 2.0),
        _binomial(8, 1.2),
    ]
