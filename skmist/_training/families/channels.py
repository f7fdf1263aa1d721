"""y = w(x) + noise, with x uniform on an interval or on a lattice, and noise from thin to wide.

I(X; y) = h(y) - h(noise), with the density of y known in closed form: a difference of distribution
functions of the noise, or a sum of its densities. The wave w goes up and down a number of times and
keeps x uniform, so that it changes nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.functions import NOISE_ENTROPY, REACH, draw_noise, noise_density
from skmist._training.random import Rng

N_GRID = 8192
MOST_LEVELS = 40


def noise_distribution(kind: str, t: Tensor) -> Tensor:
    """Return the distribution function at t of the noise of unit standard deviation."""
    if kind == "normal":
        return torch.special.ndtr(t)
    if kind == "uniform":
        return (t / (2 * math.sqrt(3)) + 0.5).clamp(0, 1)
    if kind == "exponential":
        return -torch.expm1(-t.clamp_min(0))
    tail = torch.exp(-math.sqrt(2) * t.abs()) / 2
    return torch.where(t < 0, tail, 1 - tail)


def channel_mi(kind: str, sigma: Tensor, levels: int | None) -> Tensor:
    """Return I(x; x + sigma noise) in nats, (B,), x uniform on (0, 1) or on that many levels.

    Parameters
    ----------
    kind : str
        Shape of the noise.
    sigma : Tensor of shape (B,)
        Its standard deviation.
    levels : int or None
        Values of x, from 0 to 1 in equal steps; None for all of (0, 1).
    """
    sigma = sigma.double().unsqueeze(1)
    low, high = -REACH[kind] * sigma, 1 + REACH[kind] * sigma
    step = (high - low) / N_GRID
    y = low + step * (torch.arange(N_GRID, device=sigma.device) + 0.5)
    if levels is None:
        p = noise_distribution(kind, y / sigma) - noise_distribution(kind, (y - 1) / sigma)
    else:
        p = torch.zeros_like(y)
        for value in torch.linspace(0, 1, levels).tolist():
            p += noise_density(kind, (y - value) / sigma)
    p = p / p.sum(1, keepdim=True)
    entropy = torch.special.entr(p).sum(1) + step.squeeze(1).log()
    return (entropy - NOISE_ENTROPY[kind] - sigma.squeeze(1).log()).clamp_min(0).float()


def sample(rng: Rng, batch: int, n: int) -> Draw:
    """Draw pairs of columns."""
    kind = rng.choose(tuple(NOISE_ENTROPY), (3, 2, 1, 0.7))
    levels = rng.host_log_integer(3, MOST_LEVELS) if rng.coin(0.4) else None
    x = rng.uniform(batch, n, 1)
    if levels is None:
        sigma = rng.log_uniform(batch, low=1e-4, high=0.3)
        turns = rng.host_integer(2, 6) if rng.coin(0.4) else 1
        signal = (turns * x) % 2
        signal = torch.where(signal > 1, 2 - signal, signal)
    else:
        sigma = rng.log_uniform(batch, low=0.1, high=3.0) / (levels - 1)
        signal = x = torch.floor(levels * x) / (levels - 1)
    y = signal + sigma.view(batch, 1, 1) * draw_noise(rng, kind, batch, n)
    return Draw(x, y, channel_mi(kind, sigma, levels))
