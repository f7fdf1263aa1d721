"""Batches of pairs of columns side by side, or in the midst of columns that tell nothing."""

from __future__ import annotations

import torch

from skmist._training import compose
from skmist._training.blocks import alike, draw_block, has_ties, with_reference
from skmist._training.draw import Draw, Shape, beside
from skmist._training.random import Rng
from skmist._training.surfaces import draw_closed, draw_polar

MOST_OF_A_VECTOR = 6  # columns, where several lie side by side
MOST_PAIRS_BESIDE = 12  # of columns
ALIKE = ("zero-inflated", "censored", "table", "copula", "grid", "channel")  # kinds of such pairs


def draw_pairs(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of pairs of columns side by side, and idle ones; at times mixed by maps.

    Half of the time every column of y is a function of one to three columns of X, plus noise.
    Otherwise the pairs are of one kind, or of any.
    """
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    k = rng.host_integer(1, min(dx, dy, MOST_PAIRS_BESIDE))
    wide = 1
    if rng.coin(0.5):
        wide = rng.host_integer(1, min(3, dx // k))
        draw = _of_one_kind(rng, "function", batch, n, wide, k)
    elif rng.coin(0.5):
        draw = _of_one_kind(rng, rng.choose(ALIKE), batch, n, 1, k)
    else:
        draw = beside([draw_block(rng, batch, n, 1, 1) for _ in range(k)])
    idle = [compose.noise_columns(rng, batch, n, d) for d in (dx - k * wide, dy - k)]
    x, y = draw.x, draw.y
    if mixed := rng.coin(0.25):
        x, y = torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1)
    x = compose.map_side(rng, x)
    y = y if has_ties(y) else compose.map_side(rng, y)
    if not mixed:
        x, y = torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1)
    return Draw(x, y, draw.mi)


def _of_one_kind(rng: Rng, kind: str, batch: int, n: int, wide: int, count: int) -> Draw:
    """Draw blocks of some columns of X and one of y side by side, at times all of one law."""

    def block(b: int, rows: int) -> Draw:
        return with_reference(rng, kind, b, rows, wide, 1)

    if rng.coin(0.4):
        return alike(block, batch, n, count)
    return beside([block(batch, n) for _ in range(count)])


LONE = {"grid": 5, "channel": 3, "function": 2, "copula": 1, "table": 0.7, "zero-inflated": 0.7}
LONE |= {"censored": 0.7, "labels": 0.7, "ordinal": 0.7, "bounded": 0.7, "gaussian": 0.7}


def draw_lone_pairs(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of one to three pairs of columns, as they are, beside idle ones."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    k = 1 if rng.coin(0.7) else rng.host_integer(1, min(dx, dy, 3))
    kinds = [rng.choose(list(LONE), list(LONE.values())) for _ in range(k)]
    draw = beside([with_reference(rng, kind, batch, n, 1, 1) for kind in kinds])
    idle = [compose.noise_columns(rng, batch, n, d - k) for d in (dx, dy)]
    return Draw(torch.cat([draw.x, idle[0]], -1), torch.cat([draw.y, idle[1]], -1), draw.mi)


SEVERAL = {"function": 5, "grid": 2, "copula": 1.5, "gaussian": 1, "channel": 0.7, "bounded": 0.7}
SEVERAL |= {"censored": 0.5, "table": 0.5, "zero-inflated": 0.5}


def draw_alike(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of blocks of columns all of one law, beside idle ones; at times mixed by maps.

    Mostly pairs of columns; at times vectors, directions, parts of a whole or lengths.
    """
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    vectors = min(dx, dy) >= 4 and rng.coin(0.3)
    most = min(dx, dy) // 2 if vectors else min(dx, dy, MOST_PAIRS_BESIDE)
    k = most if rng.coin(0.5) else rng.host_integer(2, most)
    if vectors:
        wide, high = (rng.host_integer(2, min(d // k, MOST_OF_A_VECTOR)) for d in (dx, dy))
        made = rng.choose((draw_closed, draw_polar, None), (1, 1, 3))
    else:
        kind = rng.choose(list(SEVERAL), list(SEVERAL.values()))
        wide, high = 1, 1
        if kind == "function" and rng.coin(0.3):
            wide = rng.host_integer(1, min(3, dx // k))

    def block(b: int, rows: int) -> Draw:
        if not vectors:
            return with_reference(rng, kind, b, rows, wide, high)
        if made is None:
            return draw_block(rng, b, rows, wide, high)
        return made(rng, Shape(b, rows, wide, high))

    draw = alike(block, batch, n, k)
    x, y = (v if has_ties(v) else compose.map_side(rng, v, 0.25) for v in (draw.x, draw.y))
    idle = [compose.noise_columns(rng, batch, n, d) for d in (dx - k * wide, dy - k * high)]
    return Draw(torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1), draw.mi)
