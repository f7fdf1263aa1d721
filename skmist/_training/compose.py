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


def exp_asinh(x: Tensor) -> Tensor:
    """Return exp(asinh(x)) = x + sqrt(1 + x^2): positive, increasing, without overflow."""
    a = x.abs()
    a = a + (a.square() + 1).sqrt()
    return torch.where(x > 0, a, 1 / a)


def unit_scale(x: Tensor) -> Tensor:
    """Centre and scale columns by median and median absolute deviation, then pull tails in.

    Medians are those of the first 257 rows, which are as good as any.
    """
    first = x[:, :257]
    centre = first.median(1, keepdim=True).values
    spread = (first - centre).abs().median(1, keepdim=True).values.clamp_min(1e-3)
    z = (x - centre) / spread
    # asinh, by functions that are vectorised on every device
    a = z.abs()
    return torch.log1p(a + a.square() / (1 + (a.square() + 1).sqrt())).copysign(z)


def rotate(rng: Rng, x: Tensor) -> Tensor:
    """Apply a random orthogonal matrix to the columns."""
    d = x.shape[-1]
    q = rng.orthonormal(x.shape[0], d, d)
    return unit_scale(x) @ q


def spiral(rng: Rng, x: Tensor) -> Tensor:
    """Rotate rows in one plane by an angle that depends on the radius of the whole row.

    The plane is that of two columns, or a random one; the angle is quadratic, linear or a wave.
    """
    b, _, d = x.shape
    x = unit_scale(x)
    if rng.coin(0.5):
        i, j = torch.randperm(d, generator=rng.host)[:2].tolist()
        plane = torch.eye(d, device=x.device)[:, [i, j]].expand(b, d, 2)
    else:
        plane = rng.orthonormal(b, d, 2)
    square = x.square().sum(-1) / d
    rate = rng.uniform(b, 1, low=-1.0, high=1.0)
    kind = rng.choose(("quadratic", "linear", "wave"))
    if kind == "quadratic":
        angle = 2 * rate * square * d**0.5
    elif kind == "linear":
        angle = 5 * rate * square.sqrt() * d**0.5
    else:
        frequency = rng.uniform(b, 1, low=0.5, high=3.0)
        angle = 4 * rate * torch.sin(frequency * square.sqrt() * d**0.5)
    part = x @ plane  # (B, n, 2)
    cos, sin = torch.cos(angle), torch.sin(angle)
    turned = torch.stack(
        [cos * part[..., 0] - sin * part[..., 1], sin * part[..., 0] + cos * part[..., 1]], -1
    )
    return x + (turned - part) @ plane.transpose(1, 2)


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


def stretch(rng: Rng, x: Tensor) -> Tensor:
    """Multiply one half of the columns by a bounded function of the other half (invertible)."""
    b, _, d = x.shape
    x = unit_scale(x)
    order = torch.randperm(d, generator=rng.host).to(x.device)
    half = rng.host_integer(1, d - 1)
    kept, moved = x[..., order[:half]], x[..., order[half:]]
    weight = rng.normal(b, half, d - half) / half**0.5
    weight = weight * rng.log_uniform(b, 1, 1, low=0.3, high=3.0)
    log_scale = torch.sin(kept @ weight + rng.normal(b, 1, d - half))
    return torch.cat([kept, moved * torch.exp(rng.uniform(b, 1, 1, high=1.5) * log_scale)], -1)


def bend(rng: Rng, x: Tensor) -> Tensor:
    """Apply a strictly increasing map to every column: waves, a step, long or short tails."""
    b, _, d = x.shape
    x = unit_scale(x)
    kind = rng.choose(("waves", "step", "long", "skew"))
    if kind == "waves":
        frequency = rng.log_uniform(b, 1, d, low=0.7, high=4.0)
        slope = rng.uniform(b, 1, d, low=-0.9, high=0.9)
        return x + slope * torch.sin(frequency * x + rng.normal(b, 1, d)) / frequency
    if kind == "step":
        gain = rng.log_uniform(b, 1, d, low=1.0, high=6.0)
        height = rng.uniform(b, 1, d, high=2.0)
        return 0.3 * x + height * torch.tanh(gain * (x - 0.7 * rng.normal(b, 1, d)))
    rate = rng.uniform(b, 1, d, low=0.3, high=1.2)
    if kind == "long":
        return torch.sinh(rate * x) / rate
    return exp_asinh(2 * rate * x)


def mix(rng: Rng, x: Tensor) -> Tensor:
    """Mix skewed or long-tailed columns linearly: sums of curved functions tell them again."""
    b, _, d = x.shape
    x = unit_scale(x)
    rate = rng.uniform(b, 1, d, low=0.3, high=1.2)
    x = torch.sinh(rate * x) / rate if rng.coin(0.3) else exp_asinh(2 * rate * x)
    if rng.coin(0.5):
        q = rng.orthonormal(b, d, d)
        return x @ q
    total = (x * rng.uniform(b, 1, d, low=0.2, high=1.0)).sum(-1, keepdim=True)
    return x + total * rng.uniform(b, 1, d, high=1.0)


MOST_STEPS = 24  # of a random walk: the last one's spread is that of all steps together


def colour(rng: Rng, batch: int, d: int) -> Tensor:
    """Draw matrices (batch, d, d) that make columns of noise go along with each other.

    Like those of few large principal components, of factors in common, or of neighbours in time
    (autoregressive, or a random walk).
    """
    kind = rng.choose(("components", "factors", "serial"))
    if kind == "components":
        strength = rng.log_uniform(batch, 1, low=0.15, high=1.0)
        place = rng.uniform(batch, d) if rng.coin(0.5) else torch.arange(d, device=rng.device) / d
        return rng.orthonormal(batch, d, d) * (strength**place).unsqueeze(1)
    if kind == "factors":
        rank = rng.host_integer(1, min(d, 4))
        load = rng.normal(batch, d, rank) * rng.log_uniform(batch, 1, 1, low=0.3, high=1.5)
        load = load.abs() if rng.coin(0.3) else load
        eye = torch.eye(d, device=rng.device)
        return torch.linalg.cholesky(load @ load.transpose(1, 2) + eye)
    lag = torch.arange(d, device=rng.device)
    lag = lag.unsqueeze(1) - lag
    rate = rng.uniform(batch, 1, 1, low=0.3, high=0.97)
    if d <= MOST_STEPS and rng.coin(0.4):
        rate = torch.ones_like(rate)
    rate = -rate if rng.coin(0.1) else rate
    return torch.where(lag >= 0, rate ** lag.clamp_min(0), 0.0)


def correlate(rng: Rng, x: Tensor) -> Tensor:
    """Mix the columns such that they go along with each other (invertible)."""
    return unit_scale(x) @ colour(rng, x.shape[0], x.shape[-1]).transpose(1, 2)


def add_up(rng: Rng, x: Tensor) -> Tensor:
    """Add some columns to others, which can be undone by subtraction."""
    d = x.shape[-1]
    order = torch.randperm(d, generator=rng.host).to(x.device)
    x = x[..., order]
    for j in range(1, d):
        if rng.coin(0.5):
            x[..., j] += x[..., rng.host_integer(0, j - 1)]
    return x


def flow(rng: Rng, x: Tensor) -> Tensor:
    """Apply a random invertible map of the columns of one side, composed of 2 to 4 steps.

    Parameters
    ----------
    rng : Rng
    x : Tensor of shape (B, n, d)
        Columns of one side, d of 2 or more.

    Returns
    -------
    Tensor of shape (B, n, d)
    """
    for _ in range(rng.host_integer(2, 4)):
        x = rng.choose((rotate, spiral, coupling, stretch, bend))(rng, x)
    return x


def map_side(rng: Rng, x: Tensor, p: float = 0.35) -> Tensor:
    """Apply an invertible map to the columns of one side, with probability p."""
    if x.shape[-1] < 2 or not rng.coin(p):
        return x
    maps = {rotate: 1, spiral: 1.5, coupling: 0.7, flow: 0.8, mix: 0.8, correlate: 0.8}
    return rng.choose(list(maps), list(maps.values()))(rng, x)


def curve(rng: Rng, x: Tensor) -> Tensor:
    """Roll one column into two: u -> (t cos wt, t sin wt), injective in u."""
    u = unit_scale(x[..., :1])
    t = 1.5 + torch.tanh(u)
    w = rng.log_uniform(x.shape[0], 1, 1, low=1.0, high=6.0) * math.pi / 2
    return torch.cat([t * torch.cos(w * t), t * torch.sin(w * t)], -1)


def polar(rng: Rng, x: Tensor, columns: int) -> Tensor:
    """Make one column the length of rows whose direction is noise, shape (B, n, columns).

    The length is that of some norm, (sum |x_j|^p)^(1/p), which gives the column back: totals,
    radii, largest values and common scales hide in many columns that way.
    """
    u = unit_scale(x)
    rate = rng.log_uniform(x.shape[0], 1, 1, low=0.1, high=1.2)
    length = exp_asinh(rate * u) if rng.coin(0.5) else 0.05 + torch.sigmoid(2 * rate * u)
    w = noise_columns(rng, *x.shape[:2], columns)
    if rng.coin(0.5):
        w = w.abs() if rng.coin(0.5) else torch.exp(rng.uniform(1, low=0.3, high=1.5) * w)
    p = rng.choose((1.0, 2.0, float(rng.host_integer(3, 8))), (2, 2, 1))
    largest = w.abs().amax(-1, keepdim=True).clamp_min(1e-6)
    norm = largest * ((w / largest).abs() ** p).sum(-1, keepdim=True) ** (1 / p)
    return length * w / norm


def closed_up(rng: Rng, x: Tensor) -> Tensor:
    """Map d columns one to one to d + 1 on a sphere, or to d + 1 parts of a whole.

    By stereographic projection, or by the additive log-ratio of compositions (Aitchison, "The
    Statistical Analysis of Compositional Data", 1986).
    """
    z = rng.log_uniform(x.shape[0], 1, 1, low=0.3, high=1.5) * unit_scale(x)
    if rng.coin(0.5):
        square = z.square().sum(-1, keepdim=True)
        sphere = torch.cat([2 * z, square - 1], -1) / (square + 1)
        q = rng.orthonormal(x.shape[0], z.shape[-1] + 1, z.shape[-1] + 1)
        return sphere @ q if rng.coin(0.6) else sphere
    return torch.softmax(torch.cat([z, torch.zeros_like(z[..., :1])], -1), -1)


def redundant(rng: Rng, x: Tensor, extra: int) -> Tensor:
    """Append copies of columns, or sums of two: they add no information."""
    d = x.shape[-1]
    pick = rng.integer(extra, 2, low=0, high=d - 1)
    more = x[..., pick[:, 0]]
    if rng.coin(0.5):
        more = unit_scale(more) + unit_scale(x[..., pick[:, 1]]) * rng.uniform(1, 1, extra)
    return torch.cat([x, more], -1)


def surface(rng: Rng, x: Tensor, columns: int) -> Tensor:
    """Return smooth functions of the columns of x (B, n, d), shape (B, n, columns).

    Waves, bumps around points, a perceptron, or some of each; at times of columns closed to rings.
    More than 2 d generic ones determine the d columns (Whitney's embedding theorem), and more than
    d of them all but a set of measure zero, where the surface meets itself.
    """
    b, n, d = x.shape
    if rng.coin(0.3):
        angle = 2 * math.pi * (x.argsort(1).argsort(1) + 0.5) / n
        if d == 1:
            first, second = (
                torch.sin(k * angle + 2 * math.pi * rng.uniform(b, 1, columns)) for k in (1, 2)
            )
            return first + rng.uniform(b, 1, 1, high=0.5) * rng.uniform(b, 1, columns) * second
        x, d = torch.cat([torch.cos(angle), torch.sin(angle)], -1), 2 * d
    kind = rng.choose(("waves", "bumps", "perceptron", "mixed"))
    frequency = rng.log_uniform(b, 1, 1, low=0.15, high=2.5)
    inner = x @ (rng.normal(b, d, columns) * frequency / d**0.5) + 3 * rng.normal(b, 1, columns)
    if kind == "perceptron":
        return torch.tanh(inner) @ rng.normal(b, columns, columns)
    waves = torch.sin(inner)
    if kind == "waves":
        return waves
    centre = 1.2 * rng.normal(b, 1, d, columns)
    width = rng.log_uniform(b, 1, 1, low=0.5, high=1.5) * d**0.5
    distance = (x.unsqueeze(-1) - centre).square().sum(2) / width.square()
    bumps = 3 * torch.exp(-0.5 * distance.clamp_max(150))
    if kind == "mixed":
        return torch.where(rng.uniform(b, 1, columns) < 0.5, bumps, waves)
    return bumps


def embed(rng: Rng, x: Tensor, extra: int) -> Tensor:
    """Append smooth functions of the columns, which add no information, and mix all columns.

    The result lies on a curved surface of as many dimensions as there were columns. Half of the
    time, where the functions are enough to determine the columns, these are left out.
    """
    d = x.shape[-1]
    x = unit_scale(x)
    enough = 1 if d + extra <= 4 else 2 * d + 1
    if extra >= enough and rng.coin(0.5):
        whole = surface(rng, x, d + extra)
    else:
        whole = torch.cat([x, surface(rng, x, extra)], -1)
    return rotate(rng, whole) if rng.coin(0.5) else whole


def swap(draw: Draw) -> Draw:
    """Exchange X and y."""
    return Draw(draw.y, draw.x, draw.mi)


ROUNDABLE = 1.2  # nats up to which fine rounding loses next to nothing


def rounded(rng: Rng, draw: Draw) -> Draw:
    """Round X, y or both as recorded data are: steps of 1 to 8% of a column's spread.

    A step w costs about (w / s)^2 / 24 of information, s the conditional spread: less than 1% up to
    ``ROUNDABLE`` where y is a monotone function of X, plus noise. Steps are finer beyond, as if a
    single pair of columns held all information. Whole numbers are left as they are, and so are data
    sets of more than that on average of each pair.
    """
    weak = draw.mi <= ROUNDABLE * min(draw.x.shape[-1], draw.y.shape[-1])
    finer = torch.exp(-(draw.mi - ROUNDABLE).clamp_min(0)).view(-1, 1, 1)

    def one(x: Tensor) -> Tensor:
        centre = x.median(1, keepdim=True).values
        spread = 1.5 * (x - centre).abs().median(1, keepdim=True).values.clamp_min(1e-3)
        step = spread * rng.log_uniform(x.shape[0], 1, x.shape[-1], low=0.01, high=0.08) * finer
        whole = (x == x.round()).all(1, keepdim=True)
        return torch.where(weak.view(-1, 1, 1) & ~whole, torch.round(x / step) * step, x)

    which = rng.choose(("x", "y", "both"))
    x = draw.x if which == "y" else one(draw.x)
    y = draw.y if which == "x" else one(draw.y)
    return Draw(x, y, draw.mi)
