"""y = f(X) + noise with two random functions f of the same columns.

I(X; y) = h(y) - h(noise). The density of y in the plane is that of f(X), counted on a fine grid
over a large reference sample, convolved with the known density of the noise. The plane may be
turned, so that the two columns of noise go along with each other.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.columns import column_sampler, random_function
from skmist._training.families.functions import (
    N_REFERENCE,
    NOISE_ENTROPY,
    REACH,
    draw_noise,
    noise_density,
)
from skmist._training.random import Rng

N_GRID = 256  # cells of a side; twice as many where the density of the noise has jumps
MOST_REFERENCE = 2 * N_REFERENCE
BOUND = 3.0  # of values, in standard deviations


def entropy_of_sums(f: Tensor, sigma: Tensor, kind: str) -> Tensor:
    """Return h(f + sigma noise) in nats, shape (B,).

    Parameters
    ----------
    f : Tensor of shape (B, m, 2)
        Reference sample of the noiseless values.
    sigma : Tensor of shape (B, 2)
        Standard deviations of the noise, whose columns are independent.
    kind : str
        Shape of the noise.

    Notes
    -----
    Jumps are smeared over a cell, which adds an error in proportion to the width of cells. That of
    an exponential density is taken off by Richardson's extrapolation.
    """
    if kind == "exponential":
        return 2 * _on_grid(f, sigma, kind, 2 * N_GRID) - _on_grid(f, sigma, kind, N_GRID)
    return _on_grid(f, sigma, kind, 2 * N_GRID if kind == "uniform" else N_GRID)


def _on_grid(f: Tensor, sigma: Tensor, kind: str, cells: int) -> Tensor:
    """Return the entropy of the sums from their density in so many cells on a side."""
    b, m, _ = f.shape
    reach = REACH[kind] * sigma
    low, high = f.amin(1) - reach, f.amax(1) + reach
    step = (high - low) / (cells - 1)
    place = (f - low.unsqueeze(1)) / step.unsqueeze(1)
    left = place.floor().clamp(0, cells - 2)
    share = place - left
    left = left.long()
    counts = f.new_zeros(b, cells * cells)
    for i in range(2):
        for j in range(2):
            cell = (left[..., 0] + i) * cells + left[..., 1] + j
            sides = [s if up else 1 - s for s, up in zip(share.unbind(-1), (i, j), strict=True)]
            counts.scatter_add_(1, cell, sides[0] * sides[1] / m)
    t = torch.arange(cells, device=f.device)
    t = torch.where(t < cells // 2, t, t - cells)
    waves = []
    for axis in range(2):
        kernel = noise_density(kind, t * step[:, axis, None] / sigma[:, axis, None])
        waves.append(torch.fft.fft(kernel / kernel.sum(1, keepdim=True)))
    waves = waves[0].unsqueeze(2) * waves[1].unsqueeze(1)[..., : cells // 2 + 1]
    grid = torch.fft.rfft2(counts.view(b, cells, cells)) * waves
    p = torch.fft.irfft2(grid, s=(cells, cells)).clamp_min(0)
    p = p / p.sum((1, 2), keepdim=True)
    return torch.special.entr(p).sum((1, 2)) + step.log().sum(1)


def sample(rng: Rng, batch: int, n: int, dx: int) -> Draw:
    """Draw X of dx columns and two columns y."""
    m = min(max(n, N_REFERENCE), MOST_REFERENCE)
    x = column_sampler(rng, batch, dx)(n + m)
    if rng.coin(0.5):
        value = random_function(rng, batch, dx, 2)(x)
    else:
        value = torch.cat([random_function(rng, batch, dx, 1)(x) for _ in range(2)], -1)
    reference = value[:, n:]
    value = (value - reference.mean(1, keepdim=True)) / (reference.std(1, keepdim=True) + 1e-3)
    value = BOUND * torch.tanh(value / BOUND)
    kind = rng.choose(tuple(NOISE_ENTROPY), (6, 1, 1, 0.5))
    sigma = rng.log_uniform(batch, 1, low=0.1, high=2.0).expand(-1, 2)
    if rng.coin(0.5):
        sigma = sigma * rng.log_uniform(batch, 2, low=0.7, high=1.4)
    noise = torch.cat([draw_noise(rng, kind, batch, n) for _ in range(2)], -1)
    y = value[:, :n] + sigma.unsqueeze(1) * noise
    total = entropy_of_sums(value[:, n:], sigma, kind)
    mi = total - 2 * NOISE_ENTROPY[kind] - sigma.log().sum(1)
    turn = rng.uniform(batch, 1, high=2 * math.pi if rng.coin(0.5) else 0.0)
    cos, sin = torch.cos(turn), torch.sin(turn)
    y = torch.stack([cos * y[..., 0] - sin * y[..., 1], sin * y[..., 0] + cos * y[..., 1]], -1)
    return Draw(x[:, :n], y, mi.clamp_min(0))
