"""y depends on X through an interaction of two or three columns only; the others are noise.

A single column tells little or nothing of y. The distribution of the noiseless value is taken over
a low-discrepancy reference sample, which gives the information by one dimension's integral.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.categorical import entropy
from skmist._training.families.functions import NOISE_ENTROPY, draw_noise, entropy_of_sum
from skmist._training.random import Rng

N_REFERENCE = 4096
KINDS = ("parity", "product", "difference", "waves", "radius", "angle", "order", "smaller")
WEIGHTS = (3, 3, 1.5, 1.5, 1.5, 1.5, 0.7, 0.7)


@lru_cache(maxsize=8)
def reference(m: int, device: torch.device) -> Tensor:
    """Return a fixed low-discrepancy sample of the unit cube, shape (N_REFERENCE, m)."""
    points = torch.quasirandom.SobolEngine(m, scramble=True, seed=0).draw(N_REFERENCE)
    return points.clamp(1e-5, 1 - 1e-5).to(device)


def column(kind: str, u: Tensor) -> Tensor:
    """Map uniform values to a symmetric margin of unit scale."""
    if kind == "bits":
        return torch.sign(u - 0.5)
    if kind == "uniform":
        return 3.46 * (u - 0.5)
    z = torch.special.ndtri(u)
    return z if kind == "normal" else torch.sinh(1.2 * z) / 2


def parameters(rng: Rng, batch: int) -> Tensor:
    """Draw the two parameters of an interaction, shape (2, batch, 1)."""
    return torch.stack([rng.log_uniform(batch, 1, low=0.7, high=4.0), rng.uniform(batch, 1)])


def interaction(kind: str, x: Tensor, free: Tensor) -> Tensor:
    """Return the noiseless value of rows (..., n, m), shape (B, n), of about unit scale.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    x : Tensor of shape (B, n, m) or (n, m)
    free : Tensor of shape (2, B, 1)
        Frequency and phase, where the interaction has them.
    """
    frequency, phase = free[0], free[1] * 2 * math.pi
    b = frequency.shape[0]
    if kind == "parity":
        value = torch.sign(x).prod(-1)
    elif kind == "product":
        value = x.prod(-1)
    elif kind == "difference":
        value = (x[..., 0] - x[..., 1:].sum(-1)).abs()
    elif kind == "waves":
        value = torch.sin(frequency * x.sum(-1) + phase)
    elif kind == "radius":
        value = x.square().sum(-1).sqrt()
    elif kind == "angle":
        turn = torch.atan2(x[..., 1], x[..., 0])
        value = torch.sin(turn * frequency.round() + phase)
    elif kind == "order":
        value = torch.sign(x[..., 0] - x[..., 1])
    else:
        value = x.amin(-1)
    return value.expand(b, x.shape[-2])


def sample(rng: Rng, batch: int, n: int, dx: int) -> Draw:
    """Draw X of dx columns and one column y, continuous or a binary label.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int
    dx : int
        Number of columns of X, at least 2.

    Returns
    -------
    Draw
        With x of shape (batch, n, dx) and y of shape (batch, n, 1).

    Raises
    ------
    ValueError
        If dx is below 2.
    """
    if dx < 2:
        raise ValueError(f"An interaction needs two columns or more, got dx={dx}.")
    m = 3 if dx > 2 and rng.coin(0.3) else 2
    kind = rng.choose(KINDS, WEIGHTS)
    bits = 1.2 if kind in ("parity", "difference", "smaller") else 0.0  # others would be constant
    margin = rng.choose(("normal", "uniform", "heavy", "bits"), (2, 2, 1, bits))
    free = parameters(rng, batch)
    x = column(margin, rng.uniform(batch, n, m))
    known = interaction(kind, column(margin, reference(m, rng.device)), free)
    value = interaction(kind, x, free)
    centre, scale = known.mean(1, keepdim=True), known.std(1, keepdim=True)
    value, known = (3 * torch.tanh((v - centre) / scale / 3) for v in (value, known))
    if rng.coin(0.4):
        y, mi = noisy_label(rng, value, known)
    else:
        y, mi = noisy_number(rng, value, known)
    noise = margin if margin == "bits" else rng.choose(("normal", "uniform", "heavy"), (2, 2, 1))
    noise = column(noise, rng.uniform(batch, n, dx - m))
    order = torch.randperm(dx, generator=rng.host).to(rng.device)
    return Draw(torch.cat([x, noise], -1)[..., order], y.unsqueeze(-1), mi.clamp_min(0))


def noisy_number(rng: Rng, value: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return value + noise (B, n) and the information, from the reference values (B, m)."""
    kind = rng.choose(("normal", "uniform", "laplace"), (3, 1, 1))
    sigma = rng.log_uniform(value.shape[0], 1, low=0.04, high=4.0)
    level = torch.zeros_like(known, dtype=torch.long)
    mi = entropy_of_sum(known, level, sigma, kind) - NOISE_ENTROPY[kind] - torch.log(sigma[:, 0])
    noise = draw_noise(rng, kind, *value.shape).squeeze(-1)
    return value + sigma * noise, mi


def noisy_label(rng: Rng, value: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels 0 and 1 of log odds linear in the value, and the information."""
    b = value.shape[0]
    gain = rng.log_uniform(b, 1, low=0.2, high=20.0)
    centre = 0.7 * rng.normal(b, 1)
    p = torch.sigmoid(gain * (known - centre))
    p = torch.stack([p, 1 - p], -1)
    label = rng.uniform(*value.shape) < torch.sigmoid(gain * (value - centre))
    return label.float(), entropy(p.mean(1)) - entropy(p).mean(1)
