"""Batches whose rows lie on surfaces of few dimensions, on spheres or in simplexes."""

from __future__ import annotations

from dataclasses import replace

import torch

from skmist._training import compose
from skmist._training.blocks import draw_block, has_ties
from skmist._training.draw import Draw, Shape, beside
from skmist._training.families import elliptical
from skmist._training.random import Rng


def draw_surfaces(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch in which X, and y if it has columns enough, lies on a surface of few dimensions.

    Pictures of few moving objects are like that, and measurements of a system of few states.
    """
    if shape.dx >= 5 and shape.dy >= 2 and rng.coin(0.25):
        return _side_by_side(rng, shape)
    noise_x, noise_y = (
        rng.host_integer(1, d // 2) if d >= 8 and rng.coin(0.15) else 0
        for d in (shape.dx, shape.dy)
    )
    dx, dy = shape.dx - noise_x, shape.dy - noise_y
    few_x, few_y = (_few(rng, d, d_always) for d, d_always in ((dx, 2), (dy, 4)))
    draw = _states(rng, shape.batch, shape.n, few_x, few_y)
    x = _on_surface(rng, draw.x, dx)
    y = _on_surface(rng, draw.y, dy) if dy > few_y else draw.y
    noise = (compose.noise_columns(rng, shape.batch, shape.n, k) for k in (noise_x, noise_y))
    x, y = (torch.cat(pair, -1) for pair in zip((x, y), noise, strict=True))
    return Draw(x, y, draw.mi)


MOST_PAIRS = 6  # of columns, side by side, that a surface holds
EVEN_STATES = 0.25  # share of the states of surfaces that are normal, as strong in each dimension
EVEN_CLOSED = 0.5  # that of closed ones


def _states(rng: Rng, batch: int, n: int, dx: int, dy: int, even: float = EVEN_STATES) -> Draw:
    """Draw what surfaces hold: a block, or pairs of columns; half of the time the stronger of two.

    Blocks by themselves are mostly of weak dependence, and surfaces are to show strong ones too, at
    times in all of their dimensions alike.
    """

    def one() -> Draw:
        if 1 < dx == dy <= MOST_PAIRS and rng.coin(0.5):
            return beside([draw_block(rng, batch, n, 1, 1) for _ in range(dx)])
        return draw_block(rng, batch, n, dx, dy)

    if rng.coin(even):
        return elliptical.sample_even(rng, batch, n, dx, dy)
    draws = [one() for _ in range(2 if rng.coin(0.5) else 1)]
    return max(draws, key=lambda draw: float(draw.mi.mean()))


def draw_polar(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch in which the length of the rows of X, and at times of y, is what tells."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    both = dy > 1 and rng.coin(0.6)
    draw = draw_block(rng, batch, n, 1, 1 if both else dy)
    if has_ties(draw.x) or (both and has_ties(draw.y)):  # lengths have to be continuous
        return draw_block(rng, batch, n, dx, dy)
    y = compose.polar(rng, draw.y, dy) if both else draw.y
    return Draw(compose.polar(rng, draw.x, dx), y, draw.mi)


def draw_closed(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch in which X, and at times y, are directions or parts of a whole."""
    both = shape.dy > 1 and rng.coin(0.65)
    draw = _states(rng, shape.batch, shape.n, shape.dx - 1, shape.dy - both, EVEN_CLOSED)
    y = compose.closed_up(rng, draw.y) if both else draw.y
    return Draw(compose.closed_up(rng, draw.x), y, draw.mi)


def _side_by_side(rng: Rng, shape: Shape) -> Draw:
    """Draw two such batches that have nothing to do with each other, side by side."""
    left = [rng.host_integer(-(-d // 3), d - -(-d // 3)) for d in (shape.dx, shape.dy)]
    right = [d - k for d, k in zip((shape.dx, shape.dy), left, strict=True)]
    return beside([draw_surfaces(rng, replace(shape, dx=dx, dy=dy)) for dx, dy in (left, right)])


def _few(rng: Rng, columns: int, always: int) -> int:
    """Choose the dimensions of a surface in so many columns; fewer only half of the time."""
    if columns < always and rng.coin(0.5):
        return columns
    return rng.host_integer(1, max(1, min(3, (columns - 1) // (2 if columns >= 4 else 1))))


def _on_surface(rng: Rng, x: torch.Tensor, columns: int) -> torch.Tensor:
    """Embed the columns, at times with others beside them that tell nothing, into more columns."""
    b, n, d = x.shape
    idle = rng.host_integer(0, max(0, min(3, (columns - 1) // 2 - d))) if rng.coin(0.5) else 0
    x = torch.cat([x, compose.noise_columns(rng, b, n, idle)], -1)
    return compose.embed(rng, x, columns - d - idle)
