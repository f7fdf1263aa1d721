"""One block of columns, from one of the families that can have so many columns."""

from __future__ import annotations

from collections.abc import Callable

import torch

from skmist._training import compose
from skmist._training.draw import Draw, beside
from skmist._training.families import (
    categorical,
    channels,
    copulas,
    densities,
    elliptical,
    functions,
    grid,
    interactions,
    latent,
    mixtures,
    paper,
    two_functions,
    zero_inflated,
)
from skmist._training.random import Rng

REFERENCED = (
    "mixture",
    "function",
    "ordinal",
    "classes",
    "labels",
    "latent",
    "density",
    "two functions",
)  # costly to set up: MI from a reference sample, or a large table
PAIRS = {"grid": grid, "copula": copulas, "zero-inflated": zero_inflated, "channel": channels}
REPEATS = 3  # data sets drawn from each distribution of those


def draw_block(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw one block of exactly dx and dy columns."""
    options = {"gaussian": 3, "student": 3, "paper": 3, "bounded": 1.5}
    if dx + dy <= 24:
        options["mixture"] = 2.5
    if 3 <= dx + dy <= 100:
        options["latent"] = 2.5
    if dy == 1 or dx == 1:
        options["function"] = 8 if dx == dy else 20
        options["ordinal"] = 2
    if dx == dy == 1:
        options |= {
            "gaussian": 30,
            "grid": 12,
            "copula": 4,
            "zero-inflated": 1.5,
            "censored": 1.5,
            "table": 1,
            "channel": 1.5,
        }
    elif dy == 1 or dx == 1:
        options["interaction"] = 4 if dx + dy <= 9 else 1.5
    if 2 in (dx, dy):
        options["two functions"] = 3
    if 3 <= dx + dy <= 4:
        options["density"] = 16
    if 3 <= dy <= 8 or dy == 1:
        options["classes"] = 3
    if dx >= 2 and dy <= 2:
        options["curve"] = 0.7
    kind = rng.choose(list(options), list(options.values()))
    return with_reference(rng, kind, batch, n, dx, dy)


def with_reference(rng: Rng, kind: str, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw a block; several data sets from each distribution where one is costly to set up."""
    if kind in REFERENCED:
        return repeated(lambda b, rows: _of_kind(rng, kind, b, rows, dx, dy), batch, n)
    return _of_kind(rng, kind, batch, n, dx, dy)


def repeated(sample: Callable[[int, int], Draw], batch: int, n: int) -> Draw:
    """Draw a batch by a function of its size and rows, several data sets from each distribution."""
    if batch < 2 * REPEATS:
        return sample(batch, n)
    return _split(sample(-(-batch // REPEATS), n * REPEATS), batch, n)


MOST_ROWS_ALIKE = 60_000  # that are drawn of one law


def alike(sample: Callable[[int, int], Draw], batch: int, n: int, count: int) -> Draw:
    """Draw blocks of columns all of one law, side by side, by a function of batch size and rows.

    Their rows are independent draws, so that what they tell adds up: as strong in each of them.
    Where rows are very many, every block has a law of its own.
    """
    if n * count > MOST_ROWS_ALIKE:
        return beside([sample(batch, n) for _ in range(count)])
    draw = sample(batch, n * count)
    x, y = (v.unflatten(1, (count, n)).transpose(1, 2).flatten(2) for v in (draw.x, draw.y))
    return Draw(x, y, count * draw.mi)


def _split(draw: Draw, batch: int, n: int) -> Draw:
    """Cut every data set into several of n rows, which share a distribution."""
    x, y = (a.reshape(-1, n, a.shape[-1])[:batch] for a in (draw.x, draw.y))
    return Draw(x, y, draw.mi.repeat_interleave(draw.x.shape[1] // n)[:batch])


def _of_kind(rng: Rng, kind: str, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw a block from a named kind of family."""
    if kind == "gaussian":
        return elliptical.sample(rng, batch, n, dx, dy)
    if kind == "student":
        return elliptical.sample_student(rng, batch, n, dx, dy)
    if kind == "bounded":
        return paper.additive(rng, batch, n, dx, dy, wide=True)
    if kind in PAIRS:
        return PAIRS[kind].sample(rng, batch, n)
    if kind == "censored":
        return grid.sample_censored(rng, batch, n)
    if kind == "table":
        return grid.sample_table(rng, batch, n)
    if kind == "labels":
        if rng.coin(0.7):
            return grid.sample_classes(rng, batch, n)
        return categorical.sample(rng, batch, n, 1, rng.host_integer(2, 10), one_hot=False)
    if kind == "interaction":
        if dy == 1:
            return interactions.sample(rng, batch, n, dx)
        return compose.swap(interactions.sample(rng, batch, n, dy))
    if kind == "density":
        return densities.sample(rng, batch, n, dx, dy)
    if kind == "latent":
        return latent.sample(rng, batch, n, dx, dy)
    if kind == "mixture":
        return mixtures.sample(rng, batch, n, dx, dy)
    if kind == "function":
        if dy == 1:
            return functions.sample(rng, batch, n, dx)
        return compose.swap(functions.sample(rng, batch, n, dy))
    if kind == "two functions":
        if dy == 2:
            return two_functions.sample(rng, batch, n, dx)
        return compose.swap(two_functions.sample(rng, batch, n, dy))
    if kind == "ordinal":
        k = rng.host_log_integer(2, 20)
        if dy == 1:
            return categorical.sample(rng, batch, n, dx, k, one_hot=False)
        return compose.swap(categorical.sample(rng, batch, n, dy, k, one_hot=False))
    if kind == "classes":
        return categorical.sample(rng, batch, n, dx, max(dy, 2), one_hot=True)
    if kind == "curve":
        draw = draw_block(rng, batch, n, 1, dy)
        rolled = compose.curve(rng, draw.x)
        noise = compose.noise_columns(rng, batch, n, dx - 2)
        x = torch.cat([rolled, noise], -1)
        # a rolled column has to be continuous
        return draw_block(rng, batch, n, dx, dy) if has_ties(draw.x) else Draw(x, draw.y, draw.mi)
    names = [f for f in paper.TRAIN if min(dx, dy) > 1 or f[1] != "2pair"]
    return paper.sample(rng, batch, n, dx, dy, rng.choose(names))


MOST_EQUAL = 0.01  # share of rows next to an equal one; single precision makes some of many rows so


def has_ties(x: torch.Tensor) -> bool:
    """Tell whether any column (B, n, d) repeats values, more than rounding errors make it."""
    ordered = x.sort(1).values
    equal = (ordered[:, 1:] == ordered[:, :-1]).sum(1)
    return bool((equal > MOST_EQUAL * x.shape[1]).any())
