"""y = f(X) + noise with a random f of many columns; y is one column.

I(X; y) = h(y) - h(y | X). The density of y is that of f(X), estimated on a fine grid from a large
reference sample, convolved with the known density of the noise; with two noise levels chosen by
another function of X the same holds for each level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.columns import column_sampler, random_function
from skmist._training.random import Rng

N_REFERENCE = 8192  # rows; as many as the sample has where these are more
MOST_REFERENCE = 65_536
HIDDEN_SIGN = 0.12  # share of normal noise beside which f(X) has a sign that nothing tells
CENSORED = 0.12  # share of the rest in which y has a largest or smallest value that many rows have
N_GRID = 2048
BOUNDS = (3.0, 10.0)  # of f(X), in its standard deviations


def noise_density(kind: str, t: Tensor) -> Tensor:
    """Return the density at t of the noise of unit standard deviation."""
    if kind == "normal":
        return torch.exp(-0.5 * t.square()) / math.sqrt(2 * math.pi)
    if kind == "uniform":
        return (t.abs() <= math.sqrt(3)).to(t.dtype) / (2 * math.sqrt(3))
    if kind == "exponential":
        return torch.exp(-t.clamp_min(0)) * (1 + t.sign()) / 2
    return torch.exp(-math.sqrt(2) * t.abs()) / math.sqrt(2)


def draw_noise(rng: Rng, kind: str, batch: int, n: int) -> Tensor:
    """Draw noise of unit standard deviation, shape (batch, n, 1)."""
    if kind == "normal":
        return rng.normal(batch, n, 1)
    u = rng.uniform(batch, n, 1, low=-1.0, high=1.0)
    if kind == "uniform":
        return u * math.sqrt(3)
    if kind == "exponential":
        return -torch.log((1 + u) / 2)
    return -u.sign() * torch.log1p(-u.abs()) / math.sqrt(2)


NOISE_ENTROPY = {
    "normal": 0.5 * math.log(2 * math.pi * math.e),
    "uniform": math.log(2 * math.sqrt(3)),
    "laplace": 1 + math.log(math.sqrt(2)),
    "exponential": 1.0,
}
FAR, CUTS = 16.0, 64_001  # standard deviations up to which noise is cut off, and at how many values
REACH = {"normal": 6, "uniform": 6, "laplace": 8, "exponential": 10}  # standard deviations


def entropy_of_sum(
    f: Tensor, level: Tensor, sigma: Tensor, kind: str, cut: Tensor | None = None
) -> Tensor:
    """Return h(f + sigma[level] noise) in nats, shape (B,).

    Of a censored sum, it is that of its density below the cut and of the probability of the cut.

    Parameters
    ----------
    f : Tensor of shape (B, m)
        Reference sample of the noiseless value.
    level : LongTensor of shape (B, m)
        Which noise level each row has.
    sigma : Tensor of shape (B, S)
        Standard deviation of each level.
    kind : str
        Shape of the noise.
    cut : Tensor of shape (B, 1), optional
        Value in place of which no larger ones are seen.
    """
    b, m = f.shape
    reach = REACH[kind] * sigma.amax(1)
    low, high = f.amin(1) - reach, f.amax(1) + reach
    step = (high - low) / (N_GRID - 1)
    place = (f - low[:, None]) / step[:, None]
    left = place.floor().clamp(0, N_GRID - 2)
    right_share = place - left
    t = torch.arange(2 * N_GRID, device=f.device)
    t = torch.where(t < N_GRID, t, t - 2 * N_GRID) * step[:, None]
    total = torch.zeros(b, 2 * N_GRID, device=f.device)
    for s in range(sigma.shape[1]):
        mine = (level == s).to(f.dtype) / m
        counts = torch.zeros(b, 2 * N_GRID, device=f.device)
        counts.scatter_add_(1, left.long(), mine * (1 - right_share))
        counts.scatter_add_(1, left.long() + 1, mine * right_share)
        kernel = noise_density(kind, t / sigma[:, s : s + 1])
        kernel = kernel / kernel.sum(1, keepdim=True)
        total += torch.fft.irfft(torch.fft.rfft(counts) * torch.fft.rfft(kernel), n=2 * N_GRID)
    p = total.clamp_min(1e-12)[:, :N_GRID]
    p = p / p.sum(1, keepdim=True)
    surprise = -p * torch.log(p / step[:, None])
    if cut is None:
        return surprise.sum(1)
    edges = low[:, None] + (torch.arange(N_GRID, device=f.device) - 0.5) * step[:, None]
    seen = ((cut - edges) / step[:, None]).clamp(0, 1)  # share of a cell below the cut
    return (seen * surprise).sum(1) + torch.special.entr(((1 - seen) * p).sum(1))


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int = 1) -> Draw:
    """Draw X of dx columns and one column y."""
    if dy != 1:
        raise ValueError(f"y has one column in this family, got dy={dy}.")
    return with_noise(rng, column_sampler(rng, batch, dx), random_function(rng, batch, dx, 1), n)


def with_noise(
    rng: Rng, columns: Callable[[int], Tensor], f: Callable[[Tensor], Tensor], n: int
) -> Draw:
    """Draw n rows of columns, and y = f(X) + noise.

    At times f(X) has a sign that nothing tells (a mixture of two regressions), or y is censored
    (Tobin, Econometrica 26, 1958).

    Parameters
    ----------
    rng : Rng
    columns : callable
        Draws so many rows of X, (batch, rows, dx).
    f : callable
        Maps X to values (batch, rows, 1).
    n : int
    """
    m = min(max(n, N_REFERENCE), MOST_REFERENCE)
    x = columns(n + m)
    batch, _, dx = x.shape
    kind = rng.choose(tuple(NOISE_ENTROPY), (3, 1, 1, 0.7))
    sigma = rng.log_uniform(batch, 1, low=0.15 if dx > 1 and rng.coin(0.6) else 0.03, high=3.0)
    if rng.coin(0.3 if dx == 1 else 0.2):
        sigma = torch.cat([sigma, sigma * rng.log_uniform(batch, 1, low=1.5, high=6.0)], 1)
        selector = random_function(rng, batch, dx, 1)
    else:
        selector = None
    value = f(x)
    reference = value[:, n:]
    value = (value - reference.mean(1, keepdim=True)) / (reference.std(1, keepdim=True) + 1e-3)
    bound = rng.choose(BOUNDS, (3, 1))
    value = bound * torch.tanh(value / bound)  # so that the grid resolves the noise
    if selector is None:
        level = torch.zeros(batch, n + m, dtype=torch.long, device=rng.device)
    else:
        s = selector(x).squeeze(-1)
        level = (s > s[:, n:].mean(1, keepdim=True)).long()
    spread = sigma.gather(1, level)
    noise = spread.unsqueeze(-1) * draw_noise(rng, kind, batch, n + m)
    conditional = NOISE_ENTROPY[kind] + torch.log(spread[:, n:]).mean(1)
    cut, sign = None, 1.0
    if kind == "normal" and rng.coin(HIDDEN_SIGN):
        share = rng.uniform(batch, 1, low=0.1, high=0.5)
        gap = value[:, n:, 0].abs() / spread[:, n:]
        conditional = conditional + sign_information(share, gap).mean(1)
        flipped = rng.uniform(batch, n + m) < share
        value = torch.where(flipped.unsqueeze(-1), -value, value)
    elif rng.coin(CENSORED):
        place = (rng.uniform(batch, 1, low=0.3, high=0.97) * m).long()
        cut = (value + noise)[:, n:, 0].sort(1).values.gather(1, place)
        gap = (cut - value[:, n:, 0]) / spread[:, n:]
        conditional = censored_entropy(kind, gap, spread[:, n:]).mean(1)
        sign = 1.0 if rng.coin(0.5) else -1.0
    y = (value + noise)[:, :n]
    y = y if cut is None else sign * torch.minimum(y, cut.unsqueeze(-1))
    total = entropy_of_sum(value[:, n:].squeeze(-1), level[:, n:], sigma, kind, cut)
    return Draw(x[:, :n], y, (total - conditional).clamp_min(0))


def sign_information(share: Tensor, gap: Tensor) -> Tensor:
    """Return I(s; s gap + normal noise) of a sign s, in nats, by quadrature.

    Parameters
    ----------
    share : Tensor of shape (B, 1)
        Probability that s is -1.
    gap : Tensor of shape (B, m)
        In standard deviations of the noise, at least 0.
    """
    top, points = 8.0, 129
    at = torch.linspace(0, top, points, device=gap.device).unsqueeze(1)
    t = torch.linspace(-top - 6, top + 6, 561, device=gap.device)
    p = share.unsqueeze(-1)
    plus, minus = noise_density("normal", t - at), noise_density("normal", t + at)
    known = torch.special.entr(1 - p) + torch.special.entr(p)
    total = (1 - p) * plus + p * minus
    left = torch.sigmoid(torch.log(p / (1 - p)) - 2 * at * t)
    unknown = total * (torch.special.entr(left) + torch.special.entr(1 - left))
    table = known.squeeze(-1) - torch.trapezoid(unknown, t, dim=-1)  # (B, points)
    place = gap.clamp_max(top - 1e-4) * (points - 1) / top
    i = place.long()
    return torch.lerp(table.gather(1, i), table.gather(1, i + 1), place - i)


@lru_cache
def _censored_table(kind: str) -> tuple[Tensor, Tensor]:
    """Return the distribution function of noise and the integral of -p log p below, on a grid."""
    t = torch.linspace(-FAR, FAR, CUTS, dtype=torch.float64)
    p = noise_density(kind, t)
    step = 2 * FAR / (CUTS - 1)
    below, surprise = (torch.cumulative_trapezoid(v, dx=step) for v in (p, torch.special.entr(p)))
    start = torch.zeros(1, dtype=torch.float64)
    below, surprise = (torch.cat([start, v]).float() for v in (below, surprise))
    return below.clamp_max(1.0), surprise


def censored_entropy(kind: str, gap: Tensor, scale: Tensor) -> Tensor:
    """Return the entropy of noise that is cut off at a value, which has a probability then.

    Parameters
    ----------
    kind : str
        Shape of the noise.
    gap : Tensor
        Where it is cut off, in standard deviations.
    scale : Tensor of the same shape
        Standard deviation.
    """
    below, surprise = (v.to(gap.device) for v in _censored_table(kind))
    place = (gap.clamp(-FAR + 1e-3, FAR - 1e-3) + FAR) * (CUTS - 1) / (2 * FAR)
    i = place.long()
    p, h = (torch.lerp(v[i], v[i + 1], place - i) for v in (below, surprise))
    return h + p * torch.log(scale) + torch.special.entr(1 - p)
