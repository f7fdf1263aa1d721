"""Gaussian and Student vectors with random low-rank-plus-noise structure, weak to very strong."""

from __future__ import annotations

import torch

from skmist._training.compose import colour
from skmist._training.draw import Draw, gaussian_mi
from skmist._training.families.paper import student_excess
from skmist._training.random import Rng


def canonical(rng: Rng, batch: int, dx: int, dy: int) -> torch.Tensor:
    """Draw covariances of random canonical correlations, both sides turned, shape (B, d, d)."""
    k = min(dx, dy)
    rank = k if rng.coin(0.5) else rng.host_integer(1, k)
    decay = rng.uniform(batch, 1) ** torch.arange(rank, device=rng.device)
    profile = decay if rng.coin(0.3) else rng.uniform(batch, rank) ** rng.uniform(batch, 1, high=2)
    rho = 0.999 * profile * torch.sqrt(-torch.expm1(-rng.log_uniform(batch, 1, low=0.03, high=4.0)))
    cross = torch.diag_embed(torch.nn.functional.pad(rho, (0, k - rank)))
    cross = torch.nn.functional.pad(cross, (0, dy - k, 0, dx - k))
    turns = [rng.orthonormal(batch, d, d) for d in (dx, dy)]
    cross = turns[0] @ cross @ turns[1].transpose(1, 2)
    eyes = [torch.eye(d, device=rng.device).expand(batch, d, d) for d in (dx, dy)]
    upper = torch.cat([eyes[0], cross], 2)
    return torch.cat([upper, torch.cat([cross.transpose(1, 2), eyes[1]], 2)], 1)


def coloured(rng: Rng, cov: torch.Tensor, dx: int) -> torch.Tensor:
    """Mix the columns of each side, at times of one alone: any canonical correlations, any sides.

    Of covariances (B, d, d), X first; mutual information stays the same.
    """
    batch, d, _ = cov.shape
    mixing = torch.eye(d, device=cov.device).repeat(batch, 1, 1)
    both = rng.coin(0.5)
    for side, columns in ((slice(dx), dx), (slice(dx, d), d - dx)):
        if both or rng.coin(0.5):
            mixing[:, side, side] = colour(rng, batch, columns)
    return mixing @ cov @ mixing.transpose(1, 2)


STRONGEST = 30.0  # variance of what X tells, in units of that of the noise


def responses(rng: Rng, batch: int, dx: int, dy: int) -> torch.Tensor:
    """Draw covariances of X and of y = X W + noise, W of random rank, shape (B, d, d).

    Columns of either may go along with each other, and the weights of some of X may be 0.
    """
    eyes = [torch.eye(d, device=rng.device).expand(batch, d, d) for d in (dx, dy)]
    mixing, noise = (colour(rng, batch, len(e[0])) if rng.coin(0.5) else e for e in eyes)
    rank = rng.host_log_integer(1, min(dx, dy))
    weight = rng.normal(batch, dx, rank) @ (
        rng.normal(batch, rank, dy) * rng.log_uniform(batch, rank, 1, low=0.2, high=1.0)
    )
    if rng.coin(0.4):
        keep = rng.uniform(batch, dx, 1) < rng.uniform(batch, 1, 1, low=1.0 / dx, high=1.0)
        weight = weight * keep
    noise = noise * rng.log_uniform(batch, dy, 1, low=0.7, high=1.4)
    cov = mixing @ mixing.transpose(1, 2)
    told = weight.transpose(1, 2) @ cov @ weight
    own = noise @ noise.transpose(1, 2)
    sizes = [v.diagonal(dim1=1, dim2=2).mean(1) for v in (told, own)]
    ratio = rng.log_uniform(batch, low=0.03, high=STRONGEST) * sizes[1] / sizes[0].clamp_min(1e-6)
    ratio = (ratio / rank**0.5).view(batch, 1, 1)
    across = ratio.sqrt() * (cov @ weight)
    upper = torch.cat([cov, across], 2)
    return torch.cat([upper, torch.cat([across.transpose(1, 2), ratio * told + own], 2)], 1)


def swapped(cov: torch.Tensor, dx: int) -> torch.Tensor:
    """Exchange the two sides of covariances (B, d, d), of which the first has dx columns."""
    return torch.roll(cov, (-dx, -dx), (1, 2))


def covariance(rng: Rng, batch: int, dx: int, dy: int) -> torch.Tensor:
    """Draw covariances L L' + D with random rank, sparsity and strength, shape (B, d, d).

    Or, at times, of random canonical correlations, or those of a linear regression.
    """
    d = dx + dy
    kind = rng.choose(("factors", "canonical", "regression"))
    if kind == "canonical":
        cov = canonical(rng, batch, dx, dy)
        return coloured(rng, cov, dx) if rng.coin(0.5) else cov
    if kind == "regression":
        if rng.coin(0.5):
            return responses(rng, batch, dx, dy)
        return swapped(responses(rng, batch, dy, dx), dy)
    rank = rng.host_integer(1, min(d, 12))
    load = rng.normal(batch, d, rank)
    keep = rng.uniform(batch, 1, 1) ** 0.7
    load = load * (rng.uniform(batch, d, rank) < keep.clamp_min(1.5 / d))
    load = load * rng.log_uniform(batch, 1, rank, low=0.3, high=1.5)
    if rng.coin(0.3):  # some columns carry nothing
        load = load * (rng.uniform(batch, d, 1) < rng.uniform(batch, 1, 1, low=0.2, high=1.0))
    noise = rng.log_uniform(batch, 1, low=0.05, high=10.0) * rng.log_uniform(
        batch, d, low=0.5, high=2.0
    )
    return load @ load.transpose(1, 2) + torch.diag_embed(noise)


USUAL_INFORMATION = 0.4  # mean, in nats, where it is exponential
MOST_INFORMATION = 5.0  # where its density falls to 0 in a straight line


def bivariate(rng: Rng, batch: int, n: int) -> Draw:
    """Bivariate normal: the correlation is such that MI is spread from 0 to 5 nats.

    Its density falls without a step. Where it has one, at 0.6 nats say, few rows are told to be on
    one side of it or the other, and errors beside it are larger than they have to be.
    """
    kind, tail = rng.uniform(batch), rng.uniform(batch)
    usual = -USUAL_INFORMATION * torch.log(tail)
    strong = MOST_INFORMATION * (1 - torch.sqrt(tail))
    weak = rng.log_uniform(batch, low=0.003, high=4.5)
    mi = torch.where(kind < 0.25, usual, torch.where(kind < 0.75, strong, weak))
    rho = torch.sqrt(-torch.expm1(-2 * mi)).view(batch, 1, 1)
    x = rng.normal(batch, n, 1)
    y = rho * x + torch.exp(-mi).view(batch, 1, 1) * rng.normal(batch, n, 1)
    return Draw(x, y, mi)


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw Gaussian vectors."""
    if dx == dy == 1:
        return bivariate(rng, batch, n)
    cov = covariance(rng, batch, dx, dy)
    chol = torch.linalg.cholesky(cov)
    z = rng.normal(batch, n, dx + dy) @ chol.transpose(1, 2)
    return Draw(z[..., :dx], z[..., dx:], gaussian_mi(cov, dx))


def sample_even(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw Gaussian vectors whose canonical correlations are all equal, both sides turned."""
    k = min(dx, dy)
    each = rng.log_uniform(batch, low=0.03, high=3.0)
    rho, rest = torch.sqrt(-torch.expm1(-2 * each)), torch.exp(-each)
    x, y = rng.normal(batch, n, dx), rng.normal(batch, n, dy)
    y[..., :k] = rho.view(-1, 1, 1) * x[..., :k] + rest.view(-1, 1, 1) * y[..., :k]
    return Draw(x @ rng.orthonormal(batch, dx, dx), y @ rng.orthonormal(batch, dy, dy), k * each)


def sample_student(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw Student vectors, degrees of freedom log-uniform from 1 to 20."""
    draw = sample(rng, batch, n, dx, dy)
    df = rng.log_uniform(batch, 1, low=1.0, high=20.0)
    scale = (df / rng.chi_square(df, batch, n)).sqrt().unsqueeze(-1)
    mi = draw.mi + student_excess(df.squeeze(1), dx, dy)
    return Draw(draw.x * scale, draw.y * scale, mi)
