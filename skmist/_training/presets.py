"""Named meta-distributions: which shapes and which families a training stream is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from skmist._training import compose
from skmist._training.blocks import alike, draw_block, has_ties, repeated, with_reference
from skmist._training.draw import Draw, Shape, beside, stack
from skmist._training.families import (
    categorical,
    clusters,
    codes,
    elliptical,
    frames,
    grid,
    latent,
    paper,
    totals,
)
from skmist._training.pairs import draw_alike, draw_lone_pairs, draw_pairs
from skmist._training.random import Rng
from skmist._training.surfaces import draw_closed, draw_polar, draw_surfaces


@dataclass(frozen=True)
class Preset:
    """A meta-distribution.

    Parameters
    ----------
    name : str
        Name on the command line.
    paper : float
        Share of batches from the paper's families with dx = dy uniform in 2..32 and n uniform in
        10..500; the others are compositions of all families with random shapes.
    additive : float
        Weight of additive noise among the families of the paper, where the others have 1.
    bivariate : float
        Share of batches of one column against one.
    few : float
        Share of the compositions that are drawn with ``FEW_COLUMNS`` columns at most.
    far : float
        Share of the batches, but the paper's, with ``n_common`` rows and more.
    far_times : int
        How often such a batch, which takes long to prepare, is taken for once of the others.
    d_max : int
        Largest number of columns of one side.
    n_max, n_max_bivariate : int
        Largest number of rows, and with one column against one.
    n_common : int
        Number of rows that most data sets stay below.
    cells_max : int
        Largest number of rows times columns.
    """

    name: str
    paper: float = 0.25
    additive: float = 2.5
    bivariate: float = 0.25
    few: float = 0.0
    far: float = 0.25
    far_times: int = 1
    d_max: int = 128
    n_max: int = 10_000
    n_max_bivariate: int = 100_000
    n_common: int = 2500
    cells_max: int = 600_000


PRESETS = {
    p.name: p
    for p in (
        Preset("paper", paper=1.0, additive=1.0, bivariate=0.0, d_max=32, n_max=500),
        Preset("general"),
        Preset("pairs", paper=0.0, bivariate=1.0),
        Preset("several", paper=0.33, bivariate=0.0, few=0.5, far=0.09, far_times=3),
    )
}


USUAL_BUDGET = 60.0  # of a batch, in milliseconds of a core; beyond, cheap data sets are more too


def cost(n: int, d: int) -> float:
    """Return the cost of a data set, in milliseconds of one core, as measured on the network."""
    if d == 2:
        return 0.25 + 0.0006 * n
    return 0.3 + 0.0035 * n + 0.0018 * d * d + 1.3e-4 * n * d


def draw_shape(preset: Preset, rng: Rng, budget: float) -> tuple[Shape, str]:
    """Draw the shape of a batch whose cost is near the budget, and its kind.

    The kind is ``"paper"``, ``"bivariate"`` or ``"composition"``.
    """
    others = 1 - preset.paper - preset.bivariate
    kind = rng.choose(
        ("paper", "bivariate", "composition"), (preset.paper, preset.bivariate, others)
    )
    if kind == "paper":
        n = rng.host_integer(10, 500) if rng.coin(0.5) else rng.host_log_integer(10, 100)
        n = rng.host_log_integer(10, 30) if rng.coin(0.2) else n
        dx = dy = rng.host_integer(2, 32)
    else:
        n = rng.host_log_integer(8, preset.n_common)
        far = rng.coin(preset.far)
    if kind == "bivariate":
        dx = dy = 1
        far = far or rng.coin(0.3)
        n = rng.host_log_integer(preset.n_common, preset.n_max_bivariate) if far else n
    elif kind == "composition":
        n = rng.host_log_integer(preset.n_common, preset.n_max) if far else n
        top = preset.d_max if rng.coin(0.25) else 12
        dx = dy = rng.host_log_integer(2, top)
        if preset.few and rng.coin(preset.few):
            dx = rng.host_integer(2, FEW_COLUMNS - 1)
            dy = rng.host_integer(1, FEW_COLUMNS - dx)
        elif rng.coin(0.6):
            dy = 1 if rng.coin(0.6) else rng.host_log_integer(1, top)
        n = max(8, min(n, preset.cells_max // (dx + dy)))
    largest = (128 if kind == "bivariate" else 48) * max(1.0, budget / USUAL_BUDGET)
    batch = int(min(largest, max(4, budget / cost(n, dx + dy))))
    return Shape(batch, n, dx, dy), kind


def draw_paper(rng: Rng, shape: Shape, additive: float) -> Draw:
    """Draw a batch from the training families of the paper."""
    weights = [additive if base == "additive" else 1.0 for base, *_ in paper.TRAIN]
    name = rng.choose(paper.TRAIN, weights)
    return paper.sample(rng, shape.batch, shape.n, shape.dx, shape.dy, name)


def draw_bivariate(rng: Rng, shape: Shape, labels: tuple[bool, bool]) -> Draw:
    """Draw pairs of columns; with labels, of the kinds asked for."""
    batch, n = shape.batch, shape.n
    if labels == (True, True):
        draw = grid.sample_table(rng, batch, n, grid.MOST_CODES)
    elif labels == (False, True):
        draw = with_reference(rng, "labels", batch, n, 1, 1)
    elif rng.coin(0.1):
        draw = codes.sample(rng, batch, n)
        draw = compose.swap(draw) if rng.coin(0.5) else draw
    else:
        draw = draw_block(rng, batch, n, 1, 1)
        draw = compose.rounded(rng, draw) if rng.coin(0.2) else draw
    draw = compose.independent(rng, draw) if rng.coin(0.2) else draw
    return Draw(draw.x, draw.y, draw.mi, labels)


def draw_composition(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch from the algebra: blocks side by side, noise and redundant columns, maps."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    if dx >= 2 and dy != 2 and rng.coin(0.15):
        return draw_classes(rng, shape)
    if rng.coin(0.15):
        family = elliptical.sample if rng.coin(0.75) else elliptical.sample_student
        return family(rng, batch, n, dx, dy)
    if dx >= 2 and rng.coin(0.12):
        return _finished(rng, draw_lone_pairs(rng, shape))
    if min(dx, dy) >= 2 and rng.coin(0.15):
        return _finished(rng, draw_alike(rng, shape))
    if dx >= 2 and rng.coin(0.25):
        return _finished(rng, draw_surfaces(rng, shape))
    if min(dx, dy) >= 2 and rng.coin(0.27):
        if rng.coin(0.7):
            return _finished(rng, draw_targets(rng, shape))
        return _finished(rng, compose.swap(draw_targets(rng, Shape(batch, n, dy, dx))))
    if dx >= 2 and dy == 1 and rng.coin(0.06):
        draw = totals.sample(rng, batch, n, dx)
        return compose.independent(rng, draw) if rng.coin(0.12) else draw
    if rng.coin(0.06):
        return draw_codes(rng, shape)
    if max(dx, dy) >= 2 and rng.coin(0.12):
        draw = draw_responses(rng, shape)
        return compose.independent(rng, draw) if rng.coin(0.12) else draw
    if dx >= 2 and dy != 2 and dy <= frames.MOST_TARGET and rng.coin(0.25):
        draw = frames.sample(rng, batch, n, dx, dy)
        return compose.independent(rng, draw) if rng.coin(0.12) else draw
    if dx >= 2 and rng.coin(0.5 if dx + dy <= FEW_COLUMNS else 0.25):
        return _finished(rng, draw_polar(rng, shape) if rng.coin(0.35) else draw_closed(rng, shape))
    if min(dx, dy) >= 2 and rng.coin(0.35):
        return _finished(rng, draw_pairs(rng, shape))
    blocks, left_x, left_y = [], dx, dy
    if rng.coin(0.35):  # several blocks
        while min(left_x, left_y) > 1 and len(blocks) < 3 and rng.coin(0.7):
            bx, by = rng.host_log_integer(1, left_x - 1), rng.host_log_integer(1, left_y - 1)
            blocks.append(draw_block(rng, batch, n, bx, by))
            left_x, left_y = left_x - bx, left_y - by
    idle_x, more_x = _idle(rng, left_x, 0.35)
    idle_y, more_y = _idle(rng, left_y, 0.2)
    blocks.append(draw_block(rng, batch, n, left_x - idle_x - more_x, left_y - idle_y - more_y))
    draw = beside(blocks)
    x, y = (_widened(rng, v, more) for v, more in ((draw.x, more_x), (draw.y, more_y)))
    x = compose.map_side(rng, x)
    y = y if dy > 1 and has_ties(y) else compose.map_side(rng, y)
    noise_x = compose.noise_columns(rng, batch, n, idle_x)
    noise_y = compose.noise_columns(rng, batch, n, idle_y)
    x, y = torch.cat([x, noise_x], -1), torch.cat([y, noise_y], -1)
    return _finished(rng, Draw(x, y, draw.mi))


MOST_LEVELS = 20
FEW_COLUMNS = 6  # of both sides together, in which lengths and closed surfaces are drawn more often


def draw_classes(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of rows in classes: y holds indicators, or one column of two or more codes."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    k = dy if dy > 1 else 2 if rng.coin(0.7) else rng.host_log_integer(3, MOST_LEVELS)
    idle = rng.host_integer(0, dx - 1) if rng.coin(0.25) else 0
    more = rng.host_integer(0, dx - idle - 1) if rng.coin(0.15) else 0
    family = clusters if rng.coin(0.65) else categorical
    draw = family.sample(rng, batch, n, dx - idle - more, k, one_hot=dy > 1)
    x = compose.map_side(rng, _widened(rng, draw.x, more))
    x = torch.cat([x, compose.noise_columns(rng, batch, n, idle)], 2)
    draw = Draw(x, draw.y, draw.mi)
    return compose.independent(rng, draw) if rng.coin(0.12) else draw


def draw_responses(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of many columns that a state decides upon, beside the state or columns like it.

    The state has columns beside it that tell nothing, or as much as it does.
    """
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    few, many = min(dx, dy), max(dx, dy)
    if few >= 2 and rng.coin(0.4):
        return with_reference(rng, "latent", batch, n, dx, dy)
    if few != 2 and few <= MOST_LEVELS and rng.coin(0.45):
        kind = "classes"
    else:
        kind = rng.choose(("number", "angle", "plane") if few >= 2 else ("number", "angle"))

    def responses(batch: int, n: int) -> Draw:
        return latent.sample_observed(rng, batch, n, many, kind, max(few, 2))

    draw = repeated(responses, batch, n)
    if kind != "classes":
        state = draw.y
        if kind == "angle" and few >= 2:
            state = torch.cat([torch.cos(2 * math.pi * state), torch.sin(2 * math.pi * state)], -1)
        spare = few - state.shape[2]
        more = rng.host_integer(0, spare) if rng.coin(0.5) else spare
        state = _widened(rng, state, more)
        idle = compose.noise_columns(rng, batch, n, spare - more)
        draw = Draw(draw.x, torch.cat([state, idle], -1), draw.mi)
    return compose.swap(draw) if draw.x.shape[2] != dx else draw


MOST_TARGETS = 8
MOST_TOLD_BY = 5  # columns of X that a block of targets is a function of


def draw_targets(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch in which y is a regression of several columns on X, at times mixed by maps.

    Blocks of one or two columns are functions of columns of X of their own, plus noise, at times
    several of one law; columns left over are functions of the others, or idle.
    """
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    left_x, left_y = dx, rng.host_integer(2, min(dy, MOST_TARGETS))
    idle_y, blocks = dy - left_y, []
    if rng.coin(0.25):
        count = min(left_x, rng.host_integer(2, left_y))
        wide = rng.host_integer(1, min(left_x // count, MOST_TOLD_BY))
        blocks.append(
            alike(
                lambda b, rows: with_reference(rng, "function", b, rows, wide, 1), batch, n, count
            )
        )
        left_x, left_y = left_x - wide * count, left_y - count
    while min(left_x, left_y) >= 1:
        pair = left_y >= 2 and left_x >= 2 and rng.coin(0.35)
        wide = rng.host_integer(1 + pair, min(left_x, MOST_TOLD_BY)) if rng.coin(0.6) else 1 + pair
        kind = "two functions" if pair else "function"
        blocks.append(with_reference(rng, kind, batch, n, wide, 1 + pair))
        left_x, left_y = left_x - wide, left_y - 1 - pair
    draw = beside(blocks)
    more = rng.host_integer(0, left_x) if left_x and rng.coin(0.4) else 0
    x, y = _widened(rng, draw.x, more), draw.y
    idle = [compose.noise_columns(rng, batch, n, d) for d in (left_x - more, left_y + idle_y)]
    x, y = torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1)
    if not has_ties(x) and rng.coin(0.4):
        x = compose.rotate(rng, x)
    return Draw(
        compose.map_side(rng, x, 0.2), y if has_ties(y) else compose.map_side(rng, y), draw.mi
    )


MOST_CODE_PAIRS = 8


def draw_codes(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of whole numbers only: pairs of codes, idle ones, and sums of columns."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    count = rng.host_integer(1, min(dx, dy, MOST_CODE_PAIRS))
    draw = beside([grid.sample_table(rng, batch, n) for _ in range(count)])
    sides = []
    for x, d in ((draw.x, dx), (draw.y, dy)):
        k = rng.host_log_integer(2, 12)
        idle = torch.floor(k * rng.uniform(batch, n, d - count) ** rng.uniform(1, low=0.5, high=2))
        x = torch.cat([x, idle], -1)
        sides.append(compose.add_up(rng, x) if d > 1 and rng.coin(0.5) else x)
    draw = Draw(*sides, draw.mi)
    return compose.independent(rng, draw) if rng.coin(0.12) else draw


def _finished(rng: Rng, draw: Draw) -> Draw:
    """Round some of the composed data sets, and make some independent."""
    if rng.coin(0.25):
        draw = compose.rounded(rng, draw)
    return compose.independent(rng, draw) if rng.coin(0.15) else draw


def _idle(rng: Rng, columns: int, p: float) -> tuple[int, int]:
    """Choose how many of some columns are noise, and how many are functions of the others."""
    spare = rng.host_integer(1, columns - 1) if columns > 1 and rng.coin(p) else 0
    more = rng.host_integer(1, spare) if spare and rng.coin(0.5) else 0
    if more and rng.coin(0.5):  # no noise beside them
        more = spare
    return spare - more, more


def _widened(rng: Rng, x: torch.Tensor, more: int) -> torch.Tensor:
    """Append functions of the columns, which add no information."""
    if not more:
        return x
    return (compose.redundant if rng.coin(0.4) else compose.embed)(rng, x, more)


LABELS = {(False, False): 0.58, (False, True): 0.22, (True, True): 0.2}  # of bivariate batches


def draw_batch(preset: Preset, rng: Rng, budget: float = 60.0) -> Draw:
    """Draw a batch of data sets of one shape, from several families."""
    shape, kind = draw_shape(preset, rng, budget)
    parts = min(8 if kind == "bivariate" else 4, max(1, shape.batch // 4))
    sizes = [shape.batch // parts + (i < shape.batch % parts) for i in range(parts)]
    shapes = [Shape(size, shape.n, shape.dx, shape.dy) for size in sizes]
    if kind == "paper":
        return stack([draw_paper(rng, s, preset.additive) for s in shapes])
    if kind == "bivariate":
        labels = rng.choose(list(LABELS), list(LABELS.values()))
        return stack([draw_bivariate(rng, s, labels) for s in shapes])
    return stack([draw_composition(rng, s) for s in shapes])
