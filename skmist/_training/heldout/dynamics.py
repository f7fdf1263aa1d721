r"""Hidden states behind both sides, and windows of a time series: its past against its future."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import gamma

from skmist._training.heldout.elliptical import normal_mi
from skmist._training.heldout.law import Law, columns, log_uniform

REFERENCE = 60_000  # draws of the Monte Carlo mean; its standard error is below 0.01 nats
TERMS = 600  # of the moving average that an autoregression is


class Emission:
    """Independent columns given a state: gamma or Laplace, location and scale by state."""

    def __init__(self, rng: np.random.Generator, states: int, d: int):
        self.is_gamma = rng.random(d) < 0.5
        self.scale = np.exp(rng.uniform(-0.8, 0.8, size=(states, d)))
        self.shape = np.exp(rng.uniform(-0.5, 2.0, size=(states, d)))
        self.place = rng.normal(size=(states, d)) * log_uniform(rng, 0.5, 3)

    def sample(self, rng: np.random.Generator, state: np.ndarray) -> np.ndarray:
        """Draw one row for each state, shape (n, d)."""
        scale = self.scale[state]
        return np.where(
            self.is_gamma,
            rng.gamma(self.shape[state]) * scale,
            rng.laplace(self.place[state], scale),
        )

    def log_density(self, v: np.ndarray) -> np.ndarray:
        """Return the log density of rows in each state, shape (n, states)."""
        out = np.zeros((len(v), len(self.scale)))
        for k, (scale, shape, place) in enumerate(
            zip(self.scale, self.shape, self.place, strict=True)
        ):
            laplace = -np.abs(v - place) / scale - np.log(2 * scale)
            positive = np.where(self.is_gamma, np.maximum(v, 1e-300), 1.0)
            parts = np.where(self.is_gamma, gamma.logpdf(positive, shape, scale=scale), laplace)
            out[:, k] = parts.sum(axis=1)
        return out


def hidden_mi(rng: np.random.Generator, table: np.ndarray, x: Emission, y: Emission) -> float:
    """Return the mean log density ratio over fresh draws, in nats."""
    states = np.divmod(rng.choice(table.size, size=REFERENCE, p=table.ravel()), table.shape[1])
    parts = (side.log_density(side.sample(rng, s)) for side, s in zip((x, y), states, strict=True))
    log_x, log_y = parts
    log_p = np.log(table)
    both = logsumexp(log_x[:, :, None] + log_y[:, None] + log_p, axis=(1, 2))
    left = logsumexp(log_x + np.log(table.sum(axis=1)), axis=1)
    right = logsumexp(log_y + np.log(table.sum(axis=0)), axis=1)
    return float((both - left - right).mean())


def hidden_states(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw two stages: a state of X and one of y that depends on it, and columns given each."""
    dims = dims or (columns(rng, 10), columns(rng, 5))
    sizes = rng.integers(2, 7, size=2)
    table = rng.dirichlet(np.full(sizes.prod(), log_uniform(rng, 0.05, 0.6))).reshape(sizes)
    table = (table + 1e-6) / (table + 1e-6).sum()
    x, y = (Emission(rng, k, d) for k, d in zip(sizes, dims, strict=True))

    def sample(rng, n):
        states = np.divmod(rng.choice(table.size, size=n, p=table.ravel()), table.shape[1])
        return x.sample(rng, states[0]), y.sample(rng, states[1])

    return Law(hidden_mi(rng, table, x, y), sample)


def autocovariance(root: complex, noise: float, lags: int) -> np.ndarray:
    """Return autocovariances of an AR(2) with a pair of complex roots, seen with white noise.

    The weights of the moving average are those of the impulse response (Brockwell and Davis, "Time
    Series: Theory and Methods", 1991, section 3.3).
    """
    weights = np.zeros(TERMS)
    weights[0], weights[1] = 1.0, 2 * root.real
    for k in range(2, TERMS):
        weights[k] = 2 * root.real * weights[k - 1] - abs(root) ** 2 * weights[k - 2]
    out = np.array([weights[: TERMS - h] @ weights[h:] for h in range(lags)])
    out /= out[0]
    out[0] += noise
    return out


def windows(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw windows of a noisy oscillation, past and future, each on a scale of its own."""
    dims = dims or (columns(rng, 12), columns(rng, 6))
    root = rng.uniform(0.5, 0.97) * np.exp(1j * rng.uniform(0.1, 3.0))
    gamma_h = autocovariance(root, log_uniform(rng, 0.02, 1), sum(dims))
    d, dx = sum(dims), dims[0]
    cov = gamma_h[np.abs(np.subtract.outer(np.arange(d), np.arange(d)))]
    factor = np.linalg.cholesky(cov).T
    summed = rng.random() < 0.5

    def sample(rng, n):
        v = rng.normal(size=(n, d)) @ factor
        x, y = v[:, :dx], v[:, dx:]
        return (x.cumsum(axis=1), np.exp(y)) if summed else (np.sinh(x), y)

    return Law(normal_mi(cov, dx), sample)
