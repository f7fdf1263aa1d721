r"""Ordered samples cut in two, bits with interactions, and labels of regions."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln, psi

from skmist._training.heldout.law import Law, columns, entropy, log_uniform, mixing, table_mi

CELLS = 200_000  # rows that probabilities of regions are counted on


def order_mi(k: int, m: int) -> float:
    """Return I of the k smallest and the m - k largest of m uniform values, in nats.

    Order statistics are a Markov chain, so that it is that of the k-th and the next one (Arnold,
    Balakrishnan and Nagaraja, "A First Course in Order Statistics", 1992, section 2.4), whose
    densities are products of powers.
    """

    def beta_entropy(a: float, b: float) -> float:
        inner = (a - 1) * psi(a) + (b - 1) * psi(b) - (a + b - 2) * psi(a + b)
        return float(betaln(a, b) - inner)

    log_constant = gammaln(m + 1) - gammaln(k) - gammaln(m - k)
    powers = (k - 1) * (psi(k) - psi(m + 1)) + (m - k - 1) * (psi(m - k) - psi(m + 1))
    joint = -(log_constant + powers)
    return beta_entropy(k, m - k + 1) + beta_entropy(k + 1, m - k) - float(joint)


def ordered(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw the smaller and the larger part of an ordered sample, each mixed or in order."""
    dims = dims or (columns(rng, 8), columns(rng, 8))
    k, m = dims[0], sum(dims)
    mixes = [mixing(rng, d) if rng.random() < 0.5 else np.eye(d) for d in dims]

    def sample(rng, n):
        u = np.sort(rng.uniform(size=(n, m)), axis=1)
        return u[:, :k] @ mixes[0], u[:, k:] @ mixes[1]

    return Law(order_mi(k, m), sample)


def spins(rng: np.random.Generator, dims: tuple[int, int] | None = None) -> Law:
    """Draw bits of a log-linear model with interactions of two and three, by enumeration."""
    dims = dims or (int(rng.integers(2, 7)), int(rng.integers(1, 4)))
    d = sum(dims)
    values = 2 * (np.arange(2**d)[:, None] >> np.arange(d) & 1) - 1
    pairs = np.triu(rng.normal(size=(d, d)), 1) * log_uniform(rng, 0.1, 1)
    triples = rng.normal(size=(d, d, d)) * log_uniform(rng, 0.02, 0.3)
    energy = np.einsum("sa,ab,sb->s", values, pairs, values)
    energy = energy + np.einsum("sa,sb,sc,abc->s", values, values, values, triples)
    p = np.exp(energy - energy.max())
    p /= p.sum()

    def sample(rng, n):
        v = values[rng.choice(len(p), size=n, p=p)].astype(float)
        return v[:, : dims[0]], v[:, dims[0] :]

    return Law(table_mi(p.reshape(2 ** dims[1], 2 ** dims[0])), sample)


def regions(rng: np.random.Generator, dx: int | None = None) -> Law:
    """Draw labels of the nearest of some centres, of which some are replaced at random.

    I = H(y) - H(y given the region), with the probabilities of regions counted.
    """
    dx = dx or 1 + columns(rng, 7)
    k, keep = int(rng.integers(3, 9)), rng.uniform(0.4, 0.98)
    centres = rng.normal(size=(k, dx))
    other = np.full((k, k), (1 - keep) / k) + keep * np.eye(k)

    def region(x):
        squares = (x**2).sum(1)[:, None] - 2 * x @ centres.T + (centres**2).sum(1)
        return squares.argmin(axis=1)

    def sample(rng, n):
        x = rng.logistic(scale=0.55, size=(n, dx))
        label = region(x)
        label = np.where(rng.random(n) < keep, label, rng.integers(k, size=n))
        return x, label.astype(float)[:, None]

    share = np.bincount(region(rng.logistic(scale=0.55, size=(CELLS, dx))), minlength=k) / CELLS
    mi = entropy(np.log(share @ other)) - entropy(np.log(other[0]))
    return Law(mi, sample)
