"""Named meta-distributions: which shapes and which families a training stream is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skmist._training import compose
from skmist._training.draw import Draw, beside, stack
from skmist._training.families import categorical, elliptical, functions, mixtures, paper
from skmist._training.random import Rng


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
    scalar : float
        Share of one-dimensional pairs among the compositions.
    d_max : int
        Largest number of columns of one side.
    n_max : int
        Largest number of rows.
    n_common : int
        Number of rows that most data sets stay below.
    cells_max : int
        Largest number of rows times columns.
    """

    name: str
    paper: float = 0.4
    scalar: float = 0.3
    d_max: int = 50
    n_max: int = 10_000
    n_common: int = 2500
    cells_max: int = 500_000


PRESETS = {p.name: p for p in (Preset("paper", paper=1.0, d_max=32, n_max=500), Preset("general"))}


REFERENCED = ("mixture", "function", "ordinal", "classes")  # MI from a reference sample
REPEATS = 3  # data sets drawn from each distribution of those


@dataclass(frozen=True)
class Shape:
    """Shape of a batch of data sets."""

    batch: int
    n: int
    dx: int
    dy: int


def cost(n: int, d: int) -> float:
    """Return the cost of a data set, in milliseconds of one core, as measured on the network."""
    return 0.15 + 0.0027 * n + 0.0018 * d * d + 1.3e-4 * n * d


def draw_shape(preset: Preset, rng: Rng, budget: float, largest: int = 48) -> tuple[Shape, bool]:
    """Draw the shape of a batch whose cost is near the budget, and whether it is the paper's."""
    is_paper = rng.coin(preset.paper)
    if is_paper:
        n = rng.host_integer(10, 500)
        dx = dy = rng.host_integer(2, 32)
    else:
        n = rng.host_log_integer(8, preset.n_common)
        if rng.coin(0.12):
            n = rng.host_log_integer(preset.n_common, preset.n_max)
        if rng.coin(preset.scalar):
            dx = dy = 1
        else:
            top = preset.d_max if rng.coin(0.25) else 12
            dx = dy = rng.host_log_integer(1, top)
            if rng.coin(0.5):
                dy = 1 if rng.coin(0.4) else rng.host_log_integer(1, top)
        n = max(8, min(n, preset.cells_max // (dx + dy)))
    batch = int(min(largest, max(4, budget / cost(n, dx + dy))))
    return Shape(batch, n, dx, dy), is_paper


def draw_paper(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch from the training families of the paper."""
    name = rng.choose(paper.TRAIN)
    return paper.sample(rng, shape.batch, shape.n, shape.dx, shape.dy, name)


def draw_block(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw one block of exactly dx and dy columns."""
    options = {"gaussian": 3, "student": 3, "paper": 3, "bounded": 1.5}
    if dx + dy <= 10:
        options["mixture"] = 2
    if dy == 1 or dx == 1:
        options["function"] = 8
        options["ordinal"] = 2
    if 3 <= dy <= 8 or dy == 1:
        options["classes"] = 3
    if dx >= 2 and dy <= 2:
        options["curve"] = 0.7
    kind = rng.choose(list(options), list(options.values()))
    if kind in REFERENCED and batch >= 2 * REPEATS:
        draw = _of_kind(rng, kind, -(-batch // REPEATS), n * REPEATS, dx, dy)
        return _split(draw, batch, n)
    return _of_kind(rng, kind, batch, n, dx, dy)


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
    if kind == "mixture":
        return mixtures.sample(rng, batch, n, dx, dy)
    if kind == "function":
        if dy == 1:
            return functions.sample(rng, batch, n, dx)
        return compose.swap(functions.sample(rng, batch, n, dy))
    if kind == "ordinal":
        k = rng.host_integer(2, 8)
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
        return draw_block(rng, batch, n, dx, dy) if _has_ties(draw.x) else Draw(x, draw.y, draw.mi)
    names = [f for f in paper.TRAIN if min(dx, dy) > 1 or f[1] != "2pair"]
    return paper.sample(rng, batch, n, dx, dy, rng.choose(names))


def draw_composition(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch from the algebra: blocks side by side, noise and redundant columns, maps."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    blocks, left_x, left_y = [], dx, dy
    if rng.coin(0.35):  # several blocks
        while min(left_x, left_y) > 1 and len(blocks) < 3 and rng.coin(0.7):
            bx, by = rng.host_log_integer(1, left_x - 1), rng.host_log_integer(1, left_y - 1)
            blocks.append(draw_block(rng, batch, n, bx, by))
            left_x, left_y = left_x - bx, left_y - by
    idle_x = rng.host_integer(0, left_x - 1) if left_x > 1 and rng.coin(0.3) else 0
    idle_y = rng.host_integer(0, left_y - 1) if left_y > 1 and rng.coin(0.15) else 0
    copies = rng.host_integer(1, idle_x) if idle_x and rng.coin(0.3) else 0
    blocks.append(draw_block(rng, batch, n, left_x - idle_x, left_y - idle_y))
    draw = beside(blocks)
    x = compose.redundant(rng, draw.x, copies) if copies else draw.x
    x = compose.map_side(rng, x)
    y = draw.y if dy > 1 and _has_ties(draw.y) else compose.map_side(rng, draw.y)
    noise_x = compose.noise_columns(rng, batch, n, idle_x - copies)
    noise_y = compose.noise_columns(rng, batch, n, idle_y)
    draw = Draw(torch.cat([x, noise_x], -1), torch.cat([y, noise_y], -1), draw.mi)
    if rng.coin(0.25):
        draw = compose.rounded(rng, draw)
    return compose.independent(rng, draw) if rng.coin(0.07) else draw


def _has_ties(x: torch.Tensor) -> bool:
    """Tell whether any column repeats a value."""
    ordered = x.sort(1).values
    return bool((ordered[:, 1:] == ordered[:, :-1]).any())


def draw_batch(preset: Preset, rng: Rng, budget: float = 60.0) -> Draw:
    """Draw a batch of data sets of one shape, from up to four families."""
    shape, is_paper = draw_shape(preset, rng, budget)
    parts = min(4, max(1, shape.batch // 4))
    sizes = [shape.batch // parts + (i < shape.batch % parts) for i in range(parts)]
    one = draw_paper if is_paper else draw_composition
    draws = [one(rng, Shape(size, shape.n, shape.dx, shape.dy)) for size in sizes]
    return stack(draws)
