"""Random columns of many kinds, and random functions of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from skmist._training.random import Rng

MOST_INDICATORS = 6
KINDS = ("normal", "uniform", "heavy", "mixture", "integer", "binary", "zero-inflated")


def column_sampler(
    rng: Rng, batch: int, d: int, discrete: float = 0.25, group: float = 0.15
) -> Callable[[int], Tensor]:
    """Return a function that draws n rows of d columns, (batch, n, d), each near unit scale.

    Kinds of columns, their correlation and their discreteness are fixed at the call. With
    probability ``group`` the first few columns are the indicators of one category.
    """
    weights = [3, 2, 1, 1, discrete * 2, discrete * 2, discrete * 2]
    if rng.coin(0.35):
        alike = [3, 2, 1, 1, discrete * 5, discrete * 5, discrete * 2]
        kinds = [rng.choose(KINDS, alike)] * d
    else:
        kinds = [rng.choose(KINDS, weights) for _ in range(d)]
    rank = rng.host_integer(0, 2) if d > 1 else 0
    load = rng.normal(batch, rank, d) * rng.uniform(batch, 1, 1, high=1.5) if rank else None
    bins = rng.integer(batch, 1, d, low=2, high=6).float()
    share = rng.uniform(batch, 1, d, low=0.1, high=0.9)
    gap = rng.uniform(batch, 1, d, low=1.0, high=4.0)
    few = min(d, MOST_INDICATORS)
    grouped = rng.host_integer(3, few) if d >= 3 and rng.coin(group) else 0
    skew = rng.log_uniform(batch, 1, low=0.5, high=2.0)

    def draw(n: int) -> Tensor:
        z = rng.normal(batch, n, d)
        if load is not None:
            z = z + rng.normal(batch, n, rank) @ load
            z = z / (1 + load.square().sum(1, keepdim=True)).sqrt()
        columns = []
        for j, kind in enumerate(kinds):
            c = z[..., j]
            u = torch.special.ndtr(c)
            p, k = share[..., j], bins[..., j]
            if kind == "uniform":
                c = 3.46 * (u - 0.5)
            elif kind == "heavy":
                c = torch.sinh(1.2 * c) / 2
            elif kind == "mixture":
                c = (0.5 * c + gap[..., j] * (rng.uniform(batch, n) < p)) / 1.5
            elif kind == "integer":
                c = torch.floor(u * k) / k * 3 - 1.5
            elif kind == "binary":
                c = 2.0 * (u < p) - 1
            elif kind == "zero-inflated":
                c = torch.where(rng.uniform(batch, n) < p, torch.zeros_like(c), c)
            columns.append(c)
        if grouped:
            code = (torch.special.ndtr(z[..., 0]) ** skew * grouped).long().clamp_max(grouped - 1)
            indicators = torch.nn.functional.one_hot(code, grouped).to(z)
            columns[:grouped] = (2 * indicators - 1).unbind(-1)
        return torch.stack(columns, -1)

    return draw


def random_function(rng: Rng, batch: int, d: int, n_out: int) -> Callable[[Tensor], Tensor]:
    """Return a random function of rows (batch, n, d) with values (batch, n, n_out).

    One hidden layer of mixed units (identity, tanh, sine, square, absolute value, sign, product),
    or, for one value, at times an additive model of many columns, a sum of a few terms, a weighted
    sum of columns, or a decision tree; of one column, at times a power.
    """
    if n_out == 1 and d > 1:
        families = (None, additive_function, sum_of_terms, linear_function, tree)
        family = rng.choose(families, (3, 3, 6, 4, 1.5))
        if family is not None:
            return family(rng, batch, d)
    if n_out == d == 1 and rng.coin(0.2):
        return power_function(rng, batch)
    hidden = 6
    active = rng.host_integer(1, d)
    weight = rng.normal(batch, d, hidden)
    order = rng.uniform(batch, d, 1).argsort(1)
    weight = weight * (order < active) / active**0.5
    single = rng.uniform(batch, 1, hidden) < 0.4  # units of one column only
    pick = torch.nn.functional.one_hot(rng.integer(batch, hidden, low=0, high=d - 1), d)
    weight = torch.where(single, pick.transpose(1, 2) * weight.abs().amax(1, keepdim=True), weight)
    # a rough function of several columns looks like noise, and is rare beside smooth ones
    weight = weight * rng.log_uniform(batch, 1, 1, low=0.3, high=4.0 if d == 1 else 2.5)
    shift = rng.normal(batch, 1, hidden)
    kind = rng.integer(batch, 1, hidden, low=0, high=5)
    units = max(1, rng.host_integer(1, hidden))
    out = (
        rng.normal(batch, hidden, n_out)
        * (torch.arange(hidden, device=rng.device) < units)[:, None]
    )
    product = rng.coin(0.25) and d > 1
    factors = rng.uniform(batch, d).argsort(1)[:, : rng.host_integer(2, min(3, d)) if d > 1 else 1]
    signs_only = rng.coin(0.5)

    def function(x: Tensor) -> Tensor:
        if product:
            part = x.gather(2, factors.unsqueeze(1).expand(-1, x.shape[1], -1))
            value = (torch.sign(part) if signs_only else part).prod(-1, keepdim=True)
            return value * out[:, :1].sign()
        a = x @ weight + shift
        h = torch.where(kind == 0, x @ weight, torch.tanh(a))
        h = torch.where(kind == 2, torch.sin(a), h)
        h = torch.where(kind == 3, a.square().clamp_max(30) / 2, h)
        h = torch.where(kind == 4, a.abs(), h)
        h = torch.where(kind == 5, torch.sign(a), h)
        return h @ out

    return function


def power_function(rng: Rng, batch: int) -> Callable[[Tensor], Tensor]:
    """Return a power of a column's size, with its sign or without, (batch, n, 1) to the same."""
    power = rng.log_uniform(batch, 1, 1, low=0.3, high=5.0)
    shift = 0.5 * rng.normal(batch, 1, 1) * float(rng.coin(0.3))
    signed = rng.uniform(batch, 1, 1) < 0.6

    def function(x: Tensor) -> Tensor:
        a = x - shift
        size = a.abs().clamp(1e-3, 10) ** power
        return torch.where(signed, size.copysign(a), size)

    return function


def linear_function(rng: Rng, batch: int, d: int) -> Callable[[Tensor], Tensor]:
    """Return a weighted sum of all columns or some, (batch, n, d) to (batch, n, 1).

    At times it goes through a curve (generalised linear models).
    """
    active = d if rng.coin(0.5) else rng.host_log_integer(1, d)
    order = rng.uniform(batch, 1, d).argsort(2)
    weight = rng.normal(batch, 1, d) if rng.coin(0.7) else 1.0
    weight = weight * (order < active)
    curve = rng.choose(("none", "log", "tanh", "exponential"), (6, 1, 1, 1))

    def function(x: Tensor) -> Tensor:
        total = (weight * x).sum(-1, keepdim=True) / active**0.5
        if curve == "log":
            return torch.asinh(4 * total)
        if curve == "exponential":
            return torch.exp(total.clamp(-4, 4))
        return torch.tanh(2 * total) if curve == "tanh" else total

    return function


MOST_CUTS = 4


def tree(rng: Rng, batch: int, d: int) -> Callable[[Tensor], Tensor]:
    """Return a decision tree of two to four cuts, (batch, n, d) to (batch, n, 1).

    Each leaf has a value of its own (Breiman, Friedman, Olshen and Stone, "Classification and
    Regression Trees", 1984); cuts are at places of their own in each part.
    """
    depth = rng.host_integer(2, MOST_CUTS)
    active = rng.host_integer(1, min(d, 5))
    order = rng.uniform(batch, d).argsort(1)[:, :active]
    nodes = 2**depth - 1
    column = order.gather(1, rng.integer(batch, nodes, low=0, high=active - 1))
    cut = 0.8 * rng.normal(batch, nodes)
    leaf = rng.normal(batch, 2**depth)

    def function(x: Tensor) -> Tensor:
        place = torch.zeros(x.shape[:2], dtype=torch.long, device=x.device)
        for level in range(depth):
            node = place + (2**level - 1)
            value = x.gather(2, column.gather(1, node).unsqueeze(2)).squeeze(2)
            place = 2 * place + (value > cut.gather(1, node)).long()
        return leaf.gather(1, place).unsqueeze(2)

    return function


def additive_function(rng: Rng, batch: int, d: int) -> Callable[[Tensor], Tensor]:
    """Return a sum of functions of single columns, (batch, n, d) to (batch, n, 1).

    All columns, or some of them, go in by one shape: a power, an exponential function, a wave, a
    threshold or tanh; at times the sum goes through a curve (generalised additive models: Hastie
    and Tibshirani, "Generalized Additive Models", 1990).
    """
    active = d if rng.coin(0.6) else rng.host_integer(2, d)
    order = rng.uniform(batch, 1, d).argsort(2)
    weight = (rng.uniform(batch, 1, d, low=0.3) if rng.coin(0.5) else 1.0) * (order < active)
    if rng.coin(0.4):
        weight = weight * torch.where(rng.uniform(batch, 1, d) < 0.5, -1.0, 1.0)
    shape = rng.choose(("power", "exponential", "wave", "threshold", "tanh"), (3, 2, 1, 1, 1))
    gain = rng.log_uniform(batch, 1, 1, low=0.5, high=4.0)
    shift = rng.uniform(batch, 1, 1, low=-1.0, high=1.0) * float(rng.coin(0.5))
    curve = rng.choose(("none", "log", "tanh", "root"), (4, 2, 2, 2))

    def function(x: Tensor) -> Tensor:
        a = x - shift
        if shape == "power":
            h = a.abs().clamp(1e-3, 10) ** (0.5 + gain / 2)
        elif shape == "exponential":
            h = torch.exp((gain * a).clamp(-15, 15))
        elif shape == "wave":
            h = torch.sin(gain * a)
        else:
            h = torch.sign(a) if shape == "threshold" else torch.tanh(gain * a)
        total = (weight * h).sum(-1, keepdim=True)
        if curve == "log":
            return torch.asinh(total)
        if curve == "root":
            return total.sign() * total.abs().sqrt()
        return torch.tanh(total / active**0.5) if curve == "tanh" else total

    return function


TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "linear": lambda a, b: a,
    "square": lambda a, b: a.square(),
    "absolute": lambda a, b: a.abs(),
    "exponential": lambda a, b: torch.exp(a.clamp(-4, 4)),
    "wave": lambda a, b: torch.sin(2 * a),
    "tanh": lambda a, b: torch.tanh(2 * a),
    "step": lambda a, b: (a > 0).to(a.dtype),
    "product": lambda a, b: a * b,
    "wave of a product": lambda a, b: torch.sin(a * b),
    "step of both": lambda a, b: ((a > 0) & (b > 0)).to(a.dtype),
    "larger one": torch.maximum,
    "length": lambda a, b: (a.square() + b.square()).sqrt(),
    "ratio": lambda a, b: torch.atan(a / (0.2 + b.abs())),
}
MOST_TERMS = 5


def sum_of_terms(rng: Rng, batch: int, d: int) -> Callable[[Tensor], Tensor]:
    """Return a sum of a few terms, each of one or two columns, (batch, n, d) to (batch, n, 1).

    Formulas that are written down for regression problems look like that (Friedman, "Multivariate
    adaptive regression splines", Ann. Statist. 19, 1991, section 4).
    """
    terms = []
    for _ in range(rng.host_log_integer(1, MOST_TERMS)):
        pick = rng.uniform(batch, 1, d).argsort(2)[..., :2]
        gain = rng.log_uniform(batch, 1, 2, low=0.5, high=1.5)
        shift = rng.normal(batch, 1, 2) * float(rng.coin(0.5))
        weight = rng.uniform(batch, 1, low=0.3, high=1.0)
        weight = torch.where(rng.uniform(batch, 1) < 0.5, -weight, weight)
        terms.append((TERMS[rng.choose(tuple(TERMS))], pick, gain, shift, weight))

    def function(x: Tensor) -> Tensor:
        total = x.new_zeros(x.shape[:2])
        for shape, pick, gain, shift, weight in terms:
            both = x.gather(2, pick.expand(-1, x.shape[1], -1))
            a, b = (gain * both - shift).unbind(2)
            h = shape(a, b)
            total = total + weight * h / (h.std(1, keepdim=True) + 1e-3)
        return total.unsqueeze(-1)

    return function
