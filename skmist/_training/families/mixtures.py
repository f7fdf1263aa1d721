"""Mixtures of Gaussians in which X and y share the component and are correlated inside it.

At times components differ in the signs of these correlations only, so that neither side alone tells
of the component: a state that nobody sees turns y over, or some columns of it.

I(X; y) is the Monte Carlo mean of the exact log density ratio over an independent sample.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.random import Rng

N_REFERENCE = 8192
HIDDEN_STATES = 0.2  # share in which components differ in signs of correlations only


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw from a mixture of 2 to 8 components; the first min(dx, dy) columns are paired."""
    hidden = rng.coin(HIDDEN_STATES)
    k, m = rng.host_integer(2, 4 if hidden else 8), min(dx, dy)
    spread = rng.log_uniform(batch, 1, 1, low=0.3, high=6.0)
    mean = spread * rng.normal(batch, k, dx + dy) / (dx + dy) ** 0.5
    scale = rng.log_uniform(batch, k, dx + dy, low=0.4, high=1.5)
    rho = rng.uniform(batch, k, m, low=-0.95, high=0.95) * (rng.uniform(batch, 1, 1) < 0.5)
    if hidden:
        mean, scale = torch.zeros_like(mean), torch.ones_like(scale)
        rho = signed(rng, batch, k, m)
    uneven = rng.uniform(batch, 1, low=0.3, high=2.0)  # at times some components are rare
    log_weight = torch.log_softmax(uneven * rng.normal(batch, k), -1)

    total = n + N_REFERENCE
    component = torch.multinomial(log_weight.exp(), total, True, generator=rng.generator)
    index = component.unsqueeze(-1)
    e = rng.normal(batch, total, dx + dy)
    r = rho.gather(1, index.expand(-1, -1, m))
    e[..., dx : dx + m] = r * e[..., :m] + (1 - r.square()).sqrt() * e[..., dx : dx + m]
    wide = index.expand(-1, -1, dx + dy)
    z = mean.gather(1, wide) + scale.gather(1, wide) * e

    def log_densities(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        t = (rows.unsqueeze(2) - mean.unsqueeze(1)) / scale.unsqueeze(1)  # (B, n, k, d)
        single = -0.5 * t.square() - torch.log(scale).unsqueeze(1) - 0.5 * math.log(2 * math.pi)
        x, y = single[..., :dx].sum(-1), single[..., dx:].sum(-1)
        a, b, c = t[..., :m], t[..., dx : dx + m], rho.unsqueeze(1)
        gain = (a * b * c - 0.5 * c.square() * (a.square() + b.square())) / (1 - c.square())
        both = x + y + (gain - 0.5 * torch.log1p(-c.square())).sum(-1)
        w = log_weight.unsqueeze(1)
        return tuple(torch.logsumexp(v + w, -1) for v in (x, y, both))

    x, y, both = log_densities(z[:, n:])
    z = z[:, :n]
    return Draw(z[..., :dx], z[..., dx:], (both - x - y).mean(1).clamp_min(0))


def signed(rng: Rng, batch: int, k: int, m: int) -> Tensor:
    """Draw correlations (batch, k, m) of which components differ in the sign of some columns."""
    size = torch.sqrt(-torch.expm1(-2 * rng.log_uniform(batch, 1, m, low=0.05, high=2.0)))
    turned = rng.uniform(batch, 1, m) < (1.0 if rng.coin(0.5) else 0.5)
    sign = torch.where(rng.uniform(batch, k, 1 if rng.coin(0.5) else m) < 0.5, -1.0, 1.0)
    sign[:, 0].fill_(1.0)
    sign[:, 1].fill_(-1.0)
    return size * torch.where(turned, sign, torch.ones_like(sign))
