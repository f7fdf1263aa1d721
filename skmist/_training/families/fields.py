"""Random positive fields on the unit square: the shapes that a bivariate density may take.

Each kind is a function ``kind(rng, batch, g)`` that returns unnormalised log densities at the
centres of g x g cells, (batch, g, g).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.random import Rng


def centres(rng: Rng, g: int) -> Tensor:
    """Return the centres of g cells of (0, 1)."""
    return (torch.arange(g, device=rng.device) + 0.5) / g


def smooth_line(rng: Rng, batch: int, k: int, g: int, features: int = 6) -> Tensor:
    """Draw k smooth functions of unit size on (0, 1), shape (batch, k, g)."""
    frequency = rng.normal(batch, k, features) / rng.log_uniform(batch, 1, 1, low=0.08, high=0.8)
    phase = rng.uniform(batch, k, features, high=2 * math.pi)
    angle = frequency.unsqueeze(-1) * centres(rng, g) + phase.unsqueeze(-1)
    weight = rng.normal(batch, k, 1, features) * (2 / features) ** 0.5
    return (weight @ torch.cos(angle)).squeeze(2)


def smooth(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw a Gaussian field by random Fourier features, length scale and amplitude random."""
    features = 16
    t = centres(rng, g)
    length = rng.log_uniform(batch, 1, 2, low=0.06, high=0.8)
    frequency = rng.normal(batch, features, 2) / length
    phase = rng.uniform(batch, features, 1, high=2 * math.pi)
    a = frequency[..., :1] * t + phase  # (B, F, G)
    b = frequency[..., 1:] * t
    weight = rng.normal(batch, features, 1) * (2 / features) ** 0.5
    # cos(a + b), summed over features, as a product of matrices
    left = torch.cat([weight * torch.cos(a), -weight * torch.sin(a)], 1)
    right = torch.cat([torch.cos(b), torch.sin(b)], 1)
    return rng.log_uniform(batch, 1, 1, low=0.1, high=6.0) * (left.transpose(1, 2) @ right)


def with_background(rng: Rng, density: Tensor) -> Tensor:
    """Return the log of a density of peak near one, on a floor of random height."""
    floor = rng.log_uniform(density.shape[0], 1, 1, low=1e-6, high=0.2)
    return torch.log(density + floor)


def bumps(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw a mixture of 1 to 8 Gaussians with random covariances."""
    t = centres(rng, g)
    size = rng.log_uniform(batch, 1, low=0.03, high=0.3)
    density = torch.zeros(batch, g, g, device=rng.device)
    for _ in range(rng.host_log_integer(1, 8)):  # one at a time, which stays in cache
        mean = rng.uniform(batch, 2, 1, low=-0.05, high=1.05)
        scale = size * rng.log_uniform(batch, 2, low=0.5, high=2.0)
        rho = rng.uniform(batch, 1, low=-1.0, high=1.0)
        rho = rho.sign() * (1 - (1 - rho.abs()).square()) * 0.98
        weight = rng.log_uniform(batch, 1, low=0.2, high=1.0)
        x, y = ((t - mean) / scale.unsqueeze(-1)).unbind(1)
        # the quadratic form as a product of matrices: y given x has mean rho x, in units of scale
        narrow = 0.5 / (1 - rho.square())
        in_x = torch.log(weight) - x.square() * narrow
        left = torch.stack([in_x, 2 * rho * narrow * x, torch.ones_like(x)], 2)
        right = torch.stack([torch.ones_like(y), y, -narrow * y.square()], 1)
        density += torch.exp_((left @ right).clamp_min_(-60.0))  # denormal numbers are slow
    return with_background(rng, density)


def random_curve(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw y = f(x) at the centres, with values in (0, 1), shape (batch, g)."""
    t = centres(rng, g).expand(batch, g)
    kind = rng.choose(
        ("line", "polynomial", "sine", "steps", "bend", "triangle", "smooth", "sigmoid", "flat"),
        (2, 1.5, 2, 1, 1.5, 1, 2, 1, 0.5),
    )
    if kind == "line":
        f = t
    elif kind == "polynomial":
        s = 2 * t - 1
        powers = torch.stack([s, s.square(), s**3, s**4], 1)
        f = (rng.normal(batch, 1, 4) @ powers).squeeze(1)
    elif kind == "sine":
        frequency = rng.log_uniform(batch, 1, low=0.4, high=6.0) * 2 * math.pi
        f = torch.sin(frequency * t + rng.uniform(batch, 1, high=2 * math.pi))
    elif kind == "steps":
        k = rng.host_integer(2, 8)
        level = rng.normal(batch, k) if rng.coin(0.6) else rng.uniform(batch, k).cumsum(1)
        f = level.gather(1, (t * k).long().clamp_max(k - 1))
    elif kind == "bend":
        f = (t - rng.uniform(batch, 1, low=0.1, high=0.9)).abs()
        f = f ** rng.log_uniform(batch, 1, low=0.4, high=2.5)
    elif kind == "triangle":
        f = (t * rng.log_uniform(batch, 1, low=1.0, high=6.0) + rng.uniform(batch, 1)) % 1
        f = torch.where(rng.uniform(batch, 1) < 0.5, f, (f - 0.5).abs())  # teeth of a saw or roofs
    elif kind == "smooth":
        f = smooth_line(rng, batch, 1, g).squeeze(1)
    elif kind == "sigmoid":
        gain = rng.log_uniform(batch, 1, low=4.0, high=40.0)
        f = torch.sigmoid(gain * (t - rng.uniform(batch, 1, low=0.2, high=0.8)))
    else:
        return rng.uniform(batch, 1, low=0.2, high=0.8).expand(batch, g)
    low, high = f.amin(1, keepdim=True), f.amax(1, keepdim=True)
    f = (f - low) / (high - low).clamp_min(1e-3)
    f = torch.where(rng.uniform(batch, 1) < 0.5, f, 1 - f)
    edge = rng.uniform(batch, 1, high=0.3)
    return edge + (1 - 2 * edge) * f


def ridge(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw y = f(x) + noise whose width may vary with x, of several shapes."""
    f = random_curve(rng, batch, g).unsqueeze(-1)
    width = rng.log_uniform(batch, 1, 1, low=0.8 / g, high=0.4)
    if rng.coin(0.5):
        spread = rng.uniform(batch, 1, 1, high=1.3)
        width = width * torch.exp(spread * smooth_line(rng, batch, 1, g).transpose(1, 2))
    d = (centres(rng, g) - f) / width.clamp_min(0.4 / g)
    shape = rng.choose(("normal", "laplace", "box", "heavy", "one-sided"), (3, 1, 1, 1, 0.8))
    if shape == "normal":
        log_p = d.square_().mul_(-0.5)
    elif shape == "laplace":
        log_p = d.abs_().neg_()
    elif shape == "box":
        log_p = d.square_().square_().square_().clamp_max_(60.0).neg_()
    elif shape == "one-sided":
        log_p = torch.where(d < 0, -60.0, -d)
    else:
        log_p = -rng.uniform(batch, 1, 1, low=0.8, high=2.0) * torch.log1p(d.square())
    if rng.coin(0.6):  # x uniform, as in regression; otherwise x is likely where y is wide
        log_p = log_p - torch.logsumexp(log_p, 2, keepdim=True) + math.log(g / 4)
    if rng.coin(0.5):
        return with_background(rng, log_p.clamp_min_(-60.0).exp_())
    return log_p


def closed_curve(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw a neighbourhood of a plane curve: ellipse, Lissajous, spiral, cross, star, random."""
    points = 100
    s = torch.arange(points, device=rng.device) / points * 2 * math.pi
    kind = rng.choose(("ellipse", "lissajous", "spiral", "cross", "star", "random"))
    phase = rng.uniform(batch, 1, high=2 * math.pi)
    if kind == "ellipse":
        shift = phase + rng.uniform(batch, 1, low=0.4, high=2.7)
        a, b = torch.cos(s + phase), torch.cos(s + shift)
    elif kind == "lissajous":
        p, q = rng.choose(((1, 2), (1, 3), (2, 3), (3, 4), (2, 1), (3, 2)))
        a, b = torch.sin(p * s + phase), torch.sin(q * s).expand(batch, points)
    elif kind == "spiral":
        turns = rng.log_uniform(batch, 1, low=0.7, high=3.0)
        radius = s / (2 * math.pi)
        a, b = radius * torch.cos(turns * s + phase), radius * torch.sin(turns * s + phase)
    elif kind == "cross":
        half = points // 2
        t = torch.linspace(-1, 1, half, device=rng.device)
        slope = rng.uniform(batch, 2, 1, low=0.2, high=1.0)
        slope = slope * torch.tensor([1.0, -1.0], device=rng.device).view(1, 2, 1)
        a, b = torch.cat([t, t]).expand(batch, points), (slope * t).flatten(1)
    elif kind == "star":
        arms = rng.integer(batch, 1, low=2, high=6)
        radius = 1 + rng.uniform(batch, 1, low=0.2, high=0.9) * torch.cos(arms * s + phase)
        a, b = radius * torch.cos(s) / 2, radius * torch.sin(s) / 2
    else:
        k = torch.arange(1, 5, device=rng.device)
        angle = s * k.unsqueeze(1) + rng.uniform(batch, 2, 4, 1, high=2 * math.pi)
        weight = rng.normal(batch, 2, 1, 4) / k
        curve = (weight @ torch.cos(angle)).squeeze(2)
        curve = curve / curve.abs().amax(2, keepdim=True).clamp_min(1e-3)
        a, b = curve[:, 0], curve[:, 1]
    size = rng.uniform(batch, 2, 1, low=0.25, high=0.48)
    width = rng.log_uniform(batch, 1, 1, low=1.4 / g, high=0.1)
    # kernels that factorise in x and y, summed over points as a product of matrices
    curve = (0.5 + size * torch.stack([a, b], 1)) / width  # (B, 2, points)
    t = centres(rng, g).view(1, g, 1) / width
    left, right = (
        (t - curve[:, i : i + 1]).square_().mul_(-0.5).clamp_min_(-40.0).exp_() for i in range(2)
    )
    density = left @ right.transpose(1, 2)
    return with_background(rng, density / density.amax((1, 2), keepdim=True))


def checkerboard(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw waves in x times waves in y, soft or with hard edges."""
    t = centres(rng, g)
    waves = [
        torch.sin(
            math.pi * rng.uniform(batch, 1, low=1.0, high=7.0) * t
            + rng.uniform(batch, 1, high=2 * math.pi)
        )
        for _ in range(2)
    ]
    if rng.coin(0.5):
        waves = [w.sign() for w in waves]
    height = rng.log_uniform(batch, 1, 1, low=0.1, high=5.0)
    return height * waves[0].unsqueeze(2) * waves[1].unsqueeze(1)


def blocks(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw a coarse random table of 2..9 x 2..9 blocks, some of zero density."""
    k, m = rng.host_integer(2, 9), rng.host_integer(2, 9)
    value = rng.log_uniform(batch, 1, 1, low=0.1, high=4.0) * rng.normal(batch, k, m)
    if rng.coin(0.6):
        empty = rng.uniform(batch, k, m) < rng.uniform(batch, 1, 1, high=0.85)
        value = torch.where(empty, value - rng.choose((2.0, 6.0, 80.0)), value)
    edges = [rng.uniform(batch, size - 1).sort(1).values for size in (k, m)]
    t = centres(rng, g).expand(batch, g).contiguous()
    row, column = (torch.searchsorted(e, t) for e in edges)
    rows = value.gather(1, row.unsqueeze(-1).expand(-1, -1, m))
    return rows.gather(2, column.unsqueeze(1).expand(-1, g, -1))


KINDS = {
    smooth: 2.5,
    bumps: 2.0,
    ridge: 5.0,
    closed_curve: 2.5,
    checkerboard: 0.7,
    blocks: 1.0,
}


def random_field(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw a field of a random kind, or the union or product of two."""
    kinds, weights = list(KINDS), list(KINDS.values())
    one = rng.choose(kinds, weights)(rng, batch, g)
    if rng.coin(0.25):
        other = rng.choose(kinds, weights)(rng, batch, g)
        one = torch.logaddexp(one, other) if rng.coin(0.5) else one + 0.5 * other
    return one.transpose(1, 2) if rng.coin(0.5) else one


def random_margins(rng: Rng, batch: int, g: int) -> Tensor:
    """Draw the log of a product of two smooth margins, or of uniform ones."""
    if rng.coin(0.5):
        return torch.zeros(batch, 1, 1, device=rng.device)
    lines = smooth_line(rng, batch, 2, g) * rng.log_uniform(batch, 2, 1, low=0.1, high=2.0)
    return lines[:, 0].unsqueeze(2) + lines[:, 1].unsqueeze(1)
