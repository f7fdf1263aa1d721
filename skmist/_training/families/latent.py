"""Columns that depend on each other through a latent state alone: traits, classes, shared rates.

Given the state, of k possible ones, all columns of X and y are independent: counts (Poisson or
negative binomial), sums of answers (binomial), levels of agreement (partial credit model: Masters,
Psychometrika 47, 1982) or measurements (Gaussian). Answers to a test, words of a text and repeated
counts are like that (latent class and latent trait models: Bartholomew, Knott and Moustaki, "Latent
Variable Models and Factor Analysis", 2011). I(X; y) is the Monte Carlo mean of the log density
ratio over an independent sample, each density a sum over the states.

Where y is the state itself (a class of texts, or the stimulus that many neurons count spikes for),
it is the mean of the relative entropy of the states given X to the states at large. A number or
two are cut into cells then, in which the columns of X do not change.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.categorical import columns_of
from skmist._training.families.fields import smooth_line
from skmist._training.random import Rng

N_REFERENCE = 8192
N_REFERENCE_OBSERVED = 4096  # relative entropies vary less than log ratios do
KINDS = ("counts", "answers", "levels", "measurements")
LARGEST_RATE = 300.0
CELLS = 256  # of a number, an angle or two numbers that are the state


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
    log_p, value = state_values(rng, batch, dx + dy)
    value = value * rng.log_uniform(batch, 1, 1, low=0.5, high=6.0)
    state = torch.multinomial(log_p.exp(), n + N_REFERENCE, True, generator=rng.generator)
    z, log_density = _responses(rng, value, state, n)

    def log_mixture(side: slice) -> Tensor:
        return torch.logsumexp(log_density(side) + log_p.unsqueeze(1), -1)

    d = dx + dy
    ratio = log_mixture(slice(d)) - log_mixture(slice(dx)) - log_mixture(slice(dx, d))
    return Draw(z[:, :n, :dx], z[:, :n, dx:], ratio.mean(1).clamp_min(0))


def sample_observed(rng: Rng, batch: int, n: int, dx: int, kind: str, k: int = 2) -> Draw:
    """Draw X of dx columns that depend on y, the state, and on each other through it alone.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int
    dx : int
    kind : str
        "number" and "angle" for a y of one column, "plane" for two, "classes" for k indicators (one
        column where k is 2).
    k : int
        Number of classes.

    Returns
    -------
    Draw
    """
    log_p, value = _observed_values(rng, batch, dx, kind, k)
    value = value * rng.log_uniform(batch, 1, 1, low=0.2, high=4.0)
    value = value / dx**0.5 if rng.coin(0.85) else value
    total = n + N_REFERENCE_OBSERVED
    state = torch.multinomial(log_p.exp(), total, True, generator=rng.generator)
    z, log_density = _responses(rng, value, state, n)
    posterior = torch.log_softmax(log_density(slice(dx)) + log_p.unsqueeze(1), -1)
    mi = (posterior.exp() * (posterior - log_p.unsqueeze(1))).sum(-1).mean(1).clamp_min(0)
    state = state[:, :n]
    if kind == "classes":
        return Draw(z[:, :n], columns_of(state, k, True), mi)
    side = math.isqrt(CELLS)
    places = ((state // side, side), (state % side, side)) if kind == "plane" else ((state, CELLS),)
    y = torch.stack([(cell + rng.uniform(batch, n)) / m for cell, m in places], -1)
    return Draw(z[:, :n], y, mi)


def _observed_values(rng: Rng, batch: int, d: int, kind: str, k: int) -> tuple[Tensor, Tensor]:
    """Draw log-probabilities of the states, and a value of each in each column (B, states, d)."""
    if kind == "classes":
        return torch.log_softmax(0.7 * rng.normal(batch, k), -1), rng.normal(batch, k, d)
    log_p = torch.zeros(batch, CELLS, device=rng.device).log_softmax(-1)
    if kind == "number" and rng.coin(0.6):
        if rng.coin(0.5):
            return log_p, smooth_line(rng, batch, d, CELLS).transpose(1, 2)
        t = 3.46 * ((torch.arange(CELLS, device=rng.device) + 0.5) / CELLS - 0.5)
        return log_p, t.view(1, CELLS, 1) * rng.normal(batch, 1, d)
    # each column has a place that it responds to most
    cell = torch.arange(CELLS, device=rng.device)
    side = math.isqrt(CELLS)
    if kind == "plane":
        at = (torch.stack([cell // side, cell % side], -1) + 0.5) / side
    else:
        at = (cell.unsqueeze(-1) + 0.5) / CELLS
    gap = at.view(1, CELLS, 1, -1) - rng.uniform(batch, 1, d, at.shape[1])
    width = rng.log_uniform(batch, 1, 1, low=0.1, high=0.5)
    if kind == "angle":
        gap = torch.sin(math.pi * gap) / math.pi
    height = rng.log_uniform(batch, 1, d, low=0.5, high=1.5)
    return log_p, 3 * height * torch.exp(-0.5 * (gap.square().sum(-1) / width.square()))


def _responses(
    rng: Rng, value: Tensor, state: Tensor, n: int
) -> tuple[Tensor, Callable[[slice], Tensor]]:
    """Draw columns given values (B, k, d) of the states and the state (B, rows) of every row.

    Returned are the columns (B, rows, d), and a function that gives the log-density of some of them
    given each state, but for what does not depend on it, in the rows from n on, (B, rows - n, k).
    """
    kind = rng.choose((*KINDS, "mixed"))
    columns, terms = [], []
    for j in range(value.shape[2]):
        name = rng.choose(KINDS) if kind == "mixed" else kind
        column, term = _column(rng, name, value[..., j], state)
        columns.append(column)
        terms.append(term)
    z = torch.stack(columns, -1)
    first, second, offset = (torch.stack(t, -1) for t in zip(*terms, strict=True))  # (B, k, d)

    def log_density(side: slice) -> Tensor:
        known = z[:, n:, side]
        linear = known @ first[..., side].transpose(1, 2)
        square = known.square() @ second[..., side].transpose(1, 2)
        return linear + square + offset[..., side].sum(-1).unsqueeze(1)

    return z, log_density


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
        mine = rate.gather(1, state)
        if rng.coin(0.7):
            drawn = torch.poisson(mine, generator=rng.generator)
            return drawn, (rate.log(), none, -rate)
        size = rng.log_uniform(b, 1, low=0.5, high=20.0)
        mine = mine * rng.chi_square(2 * size, *state.shape) / (2 * size)
        drawn = torch.poisson(mine, generator=rng.generator)
        return drawn, (torch.log(rate / (rate + size)), none, -size * torch.log(rate + size))
    if kind == "answers":
        m = rng.host_log_integer(1, 8)
        logit = (value + rng.normal(b, 1)).clamp(-12, 12)
        p = torch.sigmoid(logit).gather(1, state).unsqueeze(-1)
        drawn = (rng.uniform(*state.shape, m) < p).float().sum(-1)
        return drawn, (logit, none, -m * torch.nn.functional.softplus(logit))
    if kind == "levels":
        m = rng.host_integer(3, 7)
        level = torch.arange(m, device=rng.device)
        slope = value / (0.5 * (m - 1))
        logit = slope.unsqueeze(-1) * (level - 0.5 * (m - 1)) + 0.7 * rng.normal(b, 1, m)
        cumulative = torch.softmax(logit, -1).cumsum(-1)[..., :-1]  # (B, k, m - 1)
        u = rng.uniform(*state.shape)
        drawn = torch.zeros_like(u)
        for part in cumulative.unbind(-1):
            drawn += part.gather(1, state) < u
        return drawn, (slope, none, -0.5 * (m - 1) * slope - torch.logsumexp(logit, -1))
    log_scale = rng.uniform(b, 1, low=-0.3, high=0.3) * value * float(rng.coin(0.5))
    inverse = torch.exp(-2 * log_scale.clamp(-2, 2))
    drawn = value.gather(1, state) + inverse.rsqrt().gather(1, state) * rng.normal(*state.shape)
    offset = 0.5 * torch.log(inverse) - 0.5 * value.square() * inverse
    return drawn, (value * inverse, -0.5 * inverse, offset)
