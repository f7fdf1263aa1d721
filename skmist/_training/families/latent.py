"""Columns that depend on each other through a latent state alone: traits, classes, shared rates.

Given the state, of k possible ones, all columns of X and y are independent: counts (Poisson), sums
of answers (binomial) or measurements (Gaussian). Answers to a test, words of a text and repeated
counts are like that (latent class and latent trait models: Bartholomew, Knott and Moustaki, "Latent
Variable Models and Factor Analysis", 2011). I(X; y) is the Monte Carlo mean of the log density
ratio over an independent sample, each density a sum over the states.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.fields import smooth_line
from skmist._training.random import Rng

N_REFERENCE = 8192
KINDS = ("counts", "answers", "measurements")
LARGEST_RATE = 300.0


def state_values(rng: Rng, batch: int, d: int) -> tuple[Tensor, Tensor]:
    """Draw log-probabilities (B, k) of the states, and a value of each in each column (B, k, d).

    The states are either a grid on one trait, in which the columns are monotone or smooth, or
    classes of their own.
    """
    kind = rng.choose(("monotone", "smooth", "classes"))
    if kind == "classes":
        k = rng.host_integer(2, 10)
        return torch.log_softmax(0.7 * rng.normal(batch, k), -1), rng.normal(batch, k, d)
    k = rng.host_integer(12, 24)
    log_p = torch.zeros(batch, k, device=rng.device).log_softmax(-1)
    if kind == "smooth":
        return log_p, smooth_line(rng, batch, d, k).transpose(1, 2)
    trait = (torch.arange(k, device=rng.device) + 0.5) / k
    trait = torch.special.ndtri(trait) if rng.coin(0.6) else 3.46 * (trait - 0.5)
    sign = torch.where(rng.uniform(batch, 1, d) < 0.8, 1.0, -1.0)
    return log_p, trait.view(1, k, 1) * sign * rng.uniform(batch, 1, d, low=0.3, high=1.0)


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw X of dx and y of dy columns.

    Parameters
    ----------
    rng : Rng
    batch, n, dx, dy : int

    Returns
    -------
    Draw
    """
    d, total = dx + dy, n + N_REFERENCE
    log_p, value = state_values(rng, batch, d)
    value = value * rng.log_uniform(batch, 1, 1, low=0.5, high=6.0)
    state = torch.multinomial(log_p.exp(), total, True, generator=rng.generator)
    kind = rng.choose((*KINDS, "mixed"))
    kinds = [rng.choose(KINDS) if kind == "mixed" else kind for _ in range(d)]
    columns, weights, offsets = [], [], []
    for j, name in enumerate(kinds):
        column, (first, second, offset) = _column(rng, name, value[..., j], state)
        columns.append(column)
        weights.append((first, second))
        offsets.append(offset)
    z = torch.stack(columns, -1)
    # log-densities of an exponential family, but for what does not depend on the state
    statistics = torch.stack([z[:, n:], z[:, n:].square()], -1)  # (B, reference, d, 2)
    weight = torch.stack([torch.stack(w, -1) for w in weights], 2)  # (B, k, d, 2)
    offset = torch.stack(offsets, -1)  # (B, k, d)

    def log_density(side: slice) -> Tensor:
        given = statistics[:, :, side].flatten(2) @ weight[:, :, side].flatten(2).transpose(1, 2)
        given = given + (offset[..., side].sum(-1) + log_p).unsqueeze(1)
        return torch.logsumexp(given, -1)

    ratio = log_density(slice(d)) - log_density(slice(dx)) - log_density(slice(dx, d))
    return Draw(z[:, :n, :dx], z[:, :n, dx:], ratio.mean(1).clamp_min(0))


def _column(rng: Rng, kind: str, value: Tensor, state: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Draw a column given values (B, k) of the states and the state (B, n) of every row.

    Also returned are the weights of z and z^2 in the log-density given each state, and the rest
    that depends on the state, each (B, k).
    """
    b = value.shape[0]
    none = torch.zeros_like(value)
    if kind == "counts":
        rate = rng.log_uniform(b, 1, low=0.3, high=20.0) * torch.exp(0.7 * value)
        rate = rate.clamp(1e-3, LARGEST_RATE)
        drawn = torch.poisson(rate.gather(1, state), generator=rng.generator)
        return drawn, (rate.log(), none, -rate)
    if kind == "answers":
        m = rng.host_log_integer(1, 8)
        logit = (value + rng.normal(b, 1)).clamp(-12, 12)
        p = torch.sigmoid(logit).gather(1, state).unsqueeze(-1)
        drawn = (rng.uniform(*state.shape, m) < p).float().sum(-1)
        return drawn, (logit, none, -m * torch.nn.functional.softplus(logit))
    log_scale = rng.uniform(b, 1, low=-0.3, high=0.3) * value * float(rng.coin(0.5))
    inverse = torch.exp(-2 * log_scale.clamp(-2, 2))
    drawn = value.gather(1, state) + inverse.rsqrt().gather(1, state) * rng.normal(*state.shape)
    offset = 0.5 * torch.log(inverse) - 0.5 * value.square() * inverse
    return drawn, (value * inverse, -0.5 * inverse, offset)
