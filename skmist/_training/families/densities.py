"""Random densities of three or four columns: regions, shells, sheets, curves and clouds of points.

As with a table of cells in two dimensions (:mod:`skmist._training.families.grid`): the density is
constant in each cell of a grid over the unit cube, so that with cell probabilities p(a, b), a over
the cells of X and b over those of y, exactly I = sum p(a, b) log(p(a, b) / (p(a) p(b))).

Shapes are made of smooth functions h of all columns, waves or quadratic forms: near a level set of
h lies a surface, open or closed, and near those of two functions a curve.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.fields import with_background
from skmist._training.families.grid import draw_cells, table_mi, tempered
from skmist._training.families.margins import margin
from skmist._training.random import Rng

CELLS = 30_000  # of the whole grid, at most
WAVES = 8  # of a smooth function
KINDS = {
    "smooth": 1.5,
    "surface": 3.0,
    "curve": 1.5,
    "region": 1.0,
    "function": 3.0,
    "clouds": 2.0,
}


def centres(rng: Rng, sizes: list[int]) -> Tensor:
    """Return the centres of a grid of cells of (-1, 1)^d, shape (cells, d)."""
    lines = [(2 * torch.arange(g, device=rng.device) + 1) / g - 1 for g in sizes]
    return torch.cartesian_prod(*lines).view(-1, len(sizes))


def smooth_function(rng: Rng, batch: int, x: Tensor, y: Tensor) -> Tensor:
    """Draw a function of points of X (p, dx) and of y (q, dy), standardised, (batch, p, q).

    A sum of waves of random direction and length, or a quadratic form; columns weigh in unequally,
    and some hardly at all.
    """
    weight = [rng.log_uniform(batch, 1, v.shape[1], low=0.2, high=1.0) for v in (x, y)]
    if rng.coin(0.5):
        length = rng.log_uniform(batch, 1, 1, low=0.25, high=1.5)
        a, b = (
            (rng.normal(batch, WAVES, w.shape[2]) * w / length) @ v.T
            for v, w in zip((x, y), weight, strict=True)
        )
        a = a + rng.uniform(batch, WAVES, 1, high=2 * math.pi)
        size = rng.normal(batch, WAVES, 1)
        # cos(a + b), summed over waves, as a product of matrices
        left = torch.cat([size * torch.cos(a), -size * torch.sin(a)], 1)
        h = left.transpose(1, 2) @ torch.cat([torch.cos(b), torch.sin(b)], 1)
    else:
        a, b = (
            (v - 0.5 * rng.normal(batch, 1, v.shape[1])) * w
            for v, w in zip((x, y), weight, strict=True)
        )
        left, right = (_squares(rng, v) for v in (a, b))
        h = a @ rng.normal(batch, a.shape[2], b.shape[2]) @ b.transpose(1, 2)
        h = rng.choose((0.0, 1.0)) * h + left.unsqueeze(2) + right.unsqueeze(1)
    h = h - h.mean((1, 2), keepdim=True)
    return h / h.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-3)


def _squares(rng: Rng, v: Tensor) -> Tensor:
    """Return a sum of squares of the columns of v (batch, p, d), of signs alike or not."""
    size = rng.uniform(v.shape[0], 1, v.shape[2], low=0.3, high=1.5)
    if rng.coin(0.4):
        size = size * torch.where(rng.uniform(*size.shape) < 0.5, -1.0, 1.0)
    return (size * v.square()).sum(2)


def _width(rng: Rng, batch: int) -> Tensor:
    return rng.log_uniform(batch, 1, 1, low=0.04, high=0.4)


def log_density(rng: Rng, batch: int, x: Tensor, y: Tensor) -> Tensor:
    """Draw unnormalised log densities of a random kind at points of X (p, dx) and y (q, dy)."""
    kind = rng.choose(list(KINDS), list(KINDS.values()))
    if kind == "clouds":
        return _clouds(rng, batch, x, y)
    h = smooth_function(rng, batch, x, y)
    if kind == "smooth":
        return rng.log_uniform(batch, 1, 1, low=0.1, high=4.0) * h
    if kind == "region":
        height = rng.log_uniform(batch, 1, 1, low=0.5, high=12.0)
        return height * torch.tanh((h - 0.7 * rng.normal(batch, 1, 1)) / _width(rng, batch))
    if kind == "function":
        square = torch.zeros_like(h)
        for j in range(y.shape[1]):
            f = smooth_function(rng, batch, x, torch.zeros_like(y[:1]))
            square += (0.8 * torch.tanh(0.7 * f) - y[:, j]).square()
        width = _width(rng, batch)
        if rng.coin(0.4):
            spread = smooth_function(rng, batch, x, torch.zeros_like(y[:1]))
            width = width * torch.exp(0.6 * spread).clamp_max(4.0)
        log_p = -0.5 * square / width.clamp_min(0.04).square()
        return with_background(rng, log_p.clamp_min(-60.0).exp())
    square = (h - 0.7 * rng.normal(batch, 1, 1)).square()
    if kind == "curve":
        other = smooth_function(rng, batch, x, y)
        square = square + (other - 0.7 * rng.normal(batch, 1, 1)).square()
    log_p = -0.5 * square / _width(rng, batch).square()
    return with_background(rng, log_p.clamp_min(-60.0).exp())


def _clouds(rng: Rng, batch: int, x: Tensor, y: Tensor) -> Tensor:
    """Draw a mixture of 2 to 16 Gaussians with axes along the columns."""
    k = rng.host_log_integer(2, 16)
    size = rng.log_uniform(batch, 1, 1, low=0.08, high=0.6)
    logs = []
    for v in (x, y):
        d = v.shape[1]
        mean = rng.uniform(batch, k, d, low=-1.0, high=1.0)
        narrow = 1 / (size * rng.log_uniform(batch, k, d, low=0.5, high=2.0)).square()
        square = narrow @ v.square().T - 2 * (narrow * mean) @ v.T
        square = square + (narrow * mean.square()).sum(2, keepdim=True)
        logs.append(torch.exp((-0.5 * square).clamp(-60.0, 0.0)))
    weight = rng.log_uniform(batch, k, 1, low=0.2, high=1.0)
    return with_background(rng, (weight * logs[0]).transpose(1, 2) @ logs[1])


def sizes(rng: Rng, dx: int, dy: int, levels: int | None) -> tuple[list[int], list[int]]:
    """Choose the number of cells of every column; ``levels`` is that of a discrete y."""
    left = CELLS if levels is None else CELLS / levels
    g = int(left ** (1 / (dx if levels else dx + dy)))
    g = min(g, 32)
    return [g] * dx, [g] * dy if levels is None else [levels]


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw X of dx and y of dy columns, three or four in all; a single y is at times a level.

    Parameters
    ----------
    rng : Rng
    batch, n, dx, dy : int

    Returns
    -------
    Draw
    """
    levels = rng.host_log_integer(2, 12) if dy == 1 and rng.coin(0.25) else None
    gx, gy = sizes(rng, dx, dy, levels)
    x, y = centres(rng, gx), centres(rng, gy)
    log_p = log_density(rng, batch, x, y)
    if rng.coin(0.25):
        other = log_density(rng, batch, x, y)
        log_p = torch.logaddexp(log_p, other) if rng.coin(0.5) else log_p + 0.5 * other
    margins = torch.zeros(batch, 1, 1, device=rng.device)
    if rng.coin(0.4):
        for v, axis in ((x, 2), (y, 1)):
            line = smooth_function(rng, batch, v, torch.zeros(1, 1, device=rng.device)).squeeze(2)
            margins = margins + rng.uniform(batch, 1, 1, high=1.5) * line.unsqueeze(axis)
    p = tempered(rng, log_p, margins)
    a, b = draw_cells(rng, p, n)
    columns = [_columns(rng, a, gx), _columns(rng, b, gy, discrete=levels is not None)]
    return Draw(*columns, table_mi(p))


def _columns(rng: Rng, cell: Tensor, sizes: list[int], discrete: bool = False) -> Tensor:
    """Draw a point of each cell, its columns mapped to random margins, (B, n, d)."""
    columns = []
    for g in reversed(sizes):
        place = cell % g
        cell = cell // g
        columns.append(
            place.float() if discrete else margin(rng, (place + rng.uniform(*place.shape)) / g)
        )
    return torch.stack(columns[::-1], 2)
