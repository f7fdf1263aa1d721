"""Named meta-distributions: which shapes and which families a training stream is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from skmist._training import compose
from skmist._training.blocks import draw_block, has_ties, with_reference
from skmist._training.draw import Draw, beside, stack
from skmist._training.families import categorical, clusters, codes, elliptical, frames, grid, paper
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
    additive : float
        Weight of additive noise among the families of the paper, where the others have 1.
    bivariate : float
        Share of batches of one column against one.
    few : float
        Share of the compositions that are drawn with ``FEW_COLUMNS`` columns at most.
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
        Preset("several", paper=0.33, bivariate=0.0, few=0.5),
    )
}


@dataclass(frozen=True)
class Shape:
    """Shape of a batch of data sets."""

    batch: int
    n: int
    dx: int
    dy: int


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
        far = rng.coin(0.25)
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
    if rng.coin(0.12):
        family = elliptical.sample if rng.coin(0.75) else elliptical.sample_student
        return family(rng, batch, n, dx, dy)
    if dx >= 2 and rng.coin(0.25):
        return _finished(rng, draw_surfaces(rng, shape))
    if rng.coin(0.06):
        return draw_codes(rng, shape)
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


MOST_PAIRS_BESIDE = 12  # of columns


def draw_pairs(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of pairs of columns side by side, and idle ones; at times mixed by maps.

    Half of the time every column of y is a function of one to three columns of X, plus noise.
    """
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    k = rng.host_integer(1, min(dx, dy, MOST_PAIRS_BESIDE))
    wide = 1
    if rng.coin(0.5):
        wide = rng.host_integer(1, min(3, dx // k))
        blocks = [with_reference(rng, "function", batch, n, wide, 1) for _ in range(k)]
    else:
        blocks = [draw_block(rng, batch, n, 1, 1) for _ in range(k)]
    draw = beside(blocks)
    idle = [compose.noise_columns(rng, batch, n, d) for d in (dx - k * wide, dy - k)]
    x, y = draw.x, draw.y
    if mixed := rng.coin(0.25):
        x, y = torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1)
    x = compose.map_side(rng, x)
    y = y if has_ties(y) else compose.map_side(rng, y)
    if not mixed:
        x, y = torch.cat([x, idle[0]], -1), torch.cat([y, idle[1]], -1)
    return Draw(x, y, draw.mi)


def draw_codes(rng: Rng, shape: Shape) -> Draw:
    """Draw a batch of whole numbers only: pairs of codes, idle ones, and sums of columns."""
    batch, n, dx, dy = shape.batch, shape.n, shape.dx, shape.dy
    pairs = [grid.sample_table(rng, batch, n) for _ in range(rng.host_integer(1, min(dx, dy, 4)))]
    draw = beside(pairs)
    sides = []
    for x, d in ((draw.x, dx), (draw.y, dy)):
        k = rng.host_log_integer(2, 12)
        idle = torch.floor(
            k * rng.uniform(batch, n, d - len(pairs)) ** rng.uniform(1, low=0.5, high=2)
        )
        x = torch.cat([x, idle], -1)
        sides.append(compose.add_up(rng, x) if d > 1 and rng.coin(0.5) else x)
    draw = Draw(*sides, draw.mi)
    return compose.independent(rng, draw) if rng.coin(0.12) else draw


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


LABELS = {(False, False): 0.68, (False, True): 0.22, (True, True): 0.1}  # of bivariate batches


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
