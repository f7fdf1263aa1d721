"""Compositions that keep mutual information known: blocks, noise columns, maps, independence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.random import Rng


def independent(rng: Rng, draw: Draw) -> Draw:
    """Pair every y with a row of X chosen at random: same margins, no dependence."""
    order = rng.uniform(*draw.y.shape[:2]).argsort(1).unsqueeze(-1).expand_as(draw.y)
    return Draw(draw.x, draw.y.gather(1, order), torch.zeros_like(draw.mi))


def noise_columns(rng: Rng, batch: int, n: int, d: int) -> Tensor:
    """Draw d columns of noise, with a factor in common or without."""
    z = rng.normal(batch, n, d)
    if d > 1 and rng.coin(0.3):
        z = z + rng.uniform(batch, 1, d, high=1.5) * rng.normal(batch, n, 1)
    return z


def unit_scale(x: Tensor) -> Tensor:
    """Centre and scale columns by median and median absolute deviation, then pull tails in."""
    centre = x.median(1, keepdim=True).values
    spread = (x - centre).abs().median(1, keepdim=True).values.clamp_min(1e-3)
    return torch.asinh((x - centre) / spread)


def rotate(rng: Rng, x: Tensor) -> Tensor:
    """Apply a random orthogonal matrix to the columns."""
    d = x.shape[-1]
    q, _ = torch.linalg.qr(rng.normal(x.shape[0], d, d))
    return unit_scale(x) @ q


def spiral(rng: Rng, x: Tensor) -> Tensor:
    """Rotate one pair of columns by an angle that depends on the radius of the whole row."""
    d = x.shape[-1]
    x = unit_scale(x)
    i, j = torch.randperm(d, generator=rng.host)[:2].tolist()
    angle = rng.uniform(x.shape[0], 1, low=-1.0, high=1.0) * x.square().sum(-1) / d**0.5 * 2
    a, b = x[..., i], x[..., j]
    out = x.clone()
    out[..., i] = torch.cos(angle) * a - torch.sin(angle) * b
    out[..., j] = torch.sin(angle) * a + torch.cos(angle) * b
    return out


def coupling(rng: Rng, x: Tensor) -> Tensor:
    """Shift one half of the columns by a function of the other half (an invertible coupling)."""
    d = x.shape[-1]
    x = unit_scale(x)
    order = torch.randperm(d, generator=rng.host).to(x.device)
    half = rng.host_integer(1, d - 1)
    kept, moved = x[..., order[:half]], x[..., order[half:]]
    weight = rng.normal(x.shape[0], half, d - half) / half**0.5
    weight = weight * rng.log_uniform(x.shape[0], 1, 1, low=0.3, high=3.0)
    moved = moved + torch.sin(kept @ weight + rng.normal(x.shape[0], 1, d - half)) * rng.uniform(
        x.shape[0], 1, 1, high=2.5
    )
    return torch.cat([kept, moved], -1)


def map_side(rng: Rng, x: Tensor, p: float = 0.3) -> Tensor:
    """Apply an invertible map to the columns of one side, with probability p."""
    if x.shape[-1] < 2 or not rng.coin(p):
        return x
    return rng.choose((rotate, spiral, coupling))(rng, x)


def curve(rng: Rng, x: Tensor) -> Tensor:
    """Roll one column into two: u -> (t cos wt, t sin wt), injective in u."""
    u = unit_scale(x[..., :1])
    t = 1.5 + torch.tanh(u)
    w = rng.log_uniform(x.shape[0], 1, 1, low=1.0, high=6.0) * math.pi / 2
    return torch.cat([t * torch.cos(w * t), t * torch.sin(w * t)], -1)


def redundant(rng: Rng, x: Tensor, extra: int) -> Tensor:
    """Append copies of columns, or sums of two: they add no information."""
    d = x.shape[-1]
    pick = rng.integer(extra, 2, low=0, high=d - 1)
    more = x[..., pick[:, 0]]
    if rng.coin(0.5):
        more = unit_scale(more) + unit_scale(x[..., pick[:, 1]]) * rng.uniform(1, 1, extra)
    return torch.cat([x, more], -1)


def swap(draw: Draw) -> Draw:
    """Exchange X and y."""
    return Draw(draw.y, draw.x, draw.mi)


ROUNDABLE = 1.2  # nats per pair of columns, up to which fine rounding loses next to nothing


def rounded(rng: Rng, draw: Draw) -> Draw:
    """Round X, y or both as recorded data are: steps of 2 to 15% of a column's spread.

    A step w costs about (w / s)^2 / 24 of information, s the conditional spread: less than 1% up to
    ``ROUNDABLE``; data sets of stronger dependence are left as they are.
    """
    weak = draw.mi <= ROUNDABLE * min(draw.x.shape[-1], draw.y.shape[-1])

    def one(x: Tensor) -> Tensor:
        centre = x.median(1, keepdim=True).values
        spread = 1.5 * (x - centre).abs().median(1, keepdim=True).values.clamp_min(1e-3)
        step = spread * rng.log_uniform(x.shape[0], 1, x.shape[-1], low=0.02, high=0.15)
        return torch.where(weak.view(-1, 1, 1), torch.round(x / step) * step, x)

    which = rng.choose(("x", "y", "both"))
    x = draw.x if which == "y" else one(draw.x)
    y = draw.y if which == "x" else one(draw.y)
    return Draw(x, y, draw.mi)
