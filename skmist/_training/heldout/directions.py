r"""Angles and directions: closed curves, tori and spheres, on which no column has a beginning."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, ive

from skmist._training.heldout.law import Law, columns, log_uniform, mixing, table_mi

GRID = 256  # angles along each side of the torus


def wrapped_cauchy_mi(rho: float) -> float:
    """Return I of a uniform angle and its sum with wrapped Cauchy noise, -log(1 - rho^2) nats.

    The noise has the entropy log(2 pi (1 - rho^2)) (Mardia and Jupp, "Directional Statistics",
    2000, section 3.5.7).
    """
    return float(-np.log1p(-(rho**2)))


def waves(rng: np.random.Generator, harmonics: tuple[int, int] | None = None) -> Law:
    """Draw signals of two phases at a number of sensors, one phase a noisy copy of the other."""
    many = harmonics or (columns(rng, 15), columns(rng, 4))
    rho = rng.uniform(0.3, 0.95)
    mixes = [mixing(rng, 2 * k) for k in many]
    decay = rng.uniform(0.3, 1.2)

    def signal(angle, k, mix):
        order = np.arange(1, k + 1)
        phase = angle[:, None] * order
        return np.hstack([np.cos(phase) / order**decay, np.sin(phase) / order**decay]) @ mix

    def sample(rng, n):
        angle = rng.uniform(-np.pi, np.pi, size=n)
        other = angle - np.log(rho) * rng.standard_cauchy(size=n)
        return tuple(signal(a, k, m) for a, k, m in zip((angle, other), many, mixes, strict=True))

    return Law(wrapped_cauchy_mi(rho), sample)


def sine_table(kappa: tuple[float, float], coupling: float) -> np.ndarray:
    """Return probabilities (GRID, GRID) of two angles under the sine model on the torus.

    Singh, Hnizdo and Demchuk, Biometrika 89, 2002: the log density is, up to a constant,
    kappa_1 cos a + kappa_2 cos b + coupling sin a sin b.
    """
    angle = 2 * np.pi * (np.arange(GRID) + 0.5) / GRID - np.pi
    log_p = kappa[0] * np.cos(angle)[:, None] + kappa[1] * np.cos(angle)
    log_p = log_p + coupling * np.outer(np.sin(angle), np.sin(angle))
    p = np.exp(log_p - log_p.max())
    return p / p.sum()


def torus(rng: np.random.Generator, embed: tuple[bool, bool] | None = None) -> Law:
    """Draw two angles of the sine model, as angles or as points of a circle."""
    embed = embed or (True, bool(rng.random() < 0.6))
    kappa = log_uniform(rng, 0.1, 3), log_uniform(rng, 0.1, 3)
    p = sine_table(kappa, log_uniform(rng, 0.5, 12) * rng.choice([-1, 1]))
    turns = rng.uniform(0, 2 * np.pi, size=2)
    width = 2 * np.pi / GRID

    def sample(rng, n):
        cells = np.divmod(rng.choice(p.size, size=n, p=p.ravel()), GRID)
        out = []
        for cell, turn, as_point in zip(cells, turns, embed, strict=True):
            angle = (width * (cell + rng.uniform(size=n)) + turn) % (2 * np.pi)
            pair = np.column_stack([np.cos(angle), np.sin(angle)])
            out.append(pair if as_point else angle[:, None])
        return out[0], out[1]

    return Law(table_mi(p), sample)


def von_mises_fisher_mi(d: int, kappa: float) -> float:
    """Return I of a uniform direction in d dimensions and its von Mises-Fisher copy, in nats.

    The entropy of the latter is -log C_d(kappa) - kappa A_d(kappa), A_d a ratio of Bessel
    functions (Mardia and Jupp 2000, section 10.3).
    """
    order = d / 2 - 1
    log_bessel = np.log(ive(order, kappa)) + kappa
    log_c = order * np.log(kappa) - d / 2 * np.log(2 * np.pi) - log_bessel
    mean = ive(order + 1, kappa) / ive(order, kappa)
    area = np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2)
    return float(area + log_c + kappa * mean)


def sphere(rng: np.random.Generator, d: int | None = None) -> Law:
    """Draw a direction and a noisy copy of it, in three to six dimensions, each side mixed."""
    d = d or int(rng.integers(3, 7))
    kappa = log_uniform(rng, 2, 60)
    mixes = mixing(rng, d), mixing(rng, d)

    def sample(rng, n):
        x, side = rng.normal(size=(2, n, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        w = _cosines(rng, n, d, kappa)[:, None]
        side -= (side * x).sum(axis=1, keepdims=True) * x
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        return x @ mixes[0], (w * x + np.sqrt(1 - w**2) * side) @ mixes[1]

    return Law(von_mises_fisher_mi(d, kappa), sample)


def _cosines(rng: np.random.Generator, n: int, d: int, kappa: float) -> np.ndarray:
    """Draw cosines of the angle to the mean direction, from their density on a grid."""
    edges = np.cos(np.linspace(0, np.pi, 8001))[::-1]
    middle = (edges[1:] + edges[:-1]) / 2
    p = np.exp(kappa * (middle - 1)) * (1 - middle**2) ** ((d - 3) / 2) * np.diff(edges)
    cell = rng.choice(len(p), size=n, p=p / p.sum())
    return edges[cell] + rng.uniform(size=n) * (edges[cell + 1] - edges[cell])
