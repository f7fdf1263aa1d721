"""Bivariate distributions given by a table of cell probabilities, whose information is a sum.

With probabilities p_ij, the density that is constant in each cell has exactly
I = sum_ij p_ij log(p_ij / (p_i. p_.j)), whatever the increasing map of each margin. The same holds
where one side, or both, are categories in place of intervals.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.categorical import entropy
from skmist._training.families.fields import (
    centres,
    random_field,
    random_margins,
    smooth_line,
)
from skmist._training.families.margins import margin
from skmist._training.random import Rng

SIZES = (48, 64, 96)
FEW_CLASSES, MOST_CLASSES = 12, 128
FEW_CODES, MOST_CODES = 20, 64  # of each side of a table
N_BINS = 128  # intervals of the continuous side beside categories


def table_mi(p: Tensor) -> Tensor:
    """Return the mutual information of tables (B, k, m) of probabilities, in nats, shape (B,)."""
    cells = p.flatten(1)
    joint = (cells * torch.log(cells.clamp_min(1e-37))).sum(1)  # much faster here than entr
    return (joint + entropy(p.sum(2)) + entropy(p.sum(1))).clamp_min(0)


def draw_cells(rng: Rng, p: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Draw n cells of each table (B, k, m); return their rows and columns, (B, n) each."""
    total = p.flatten(1).cumsum(1)
    u = rng.uniform(p.shape[0], n) * total[:, -1:]
    cell = torch.searchsorted(total, u, right=True).clamp_max(total.shape[1] - 1)
    return cell // p.shape[2], cell % p.shape[2]


def normalised(log_p: Tensor) -> Tensor:
    """Return tables (B, k, m) of probabilities."""
    return torch.softmax(log_p.flatten(1), 1).view_as(log_p)


def tempered(rng: Rng, log_p: Tensor, margins: Tensor) -> Tensor:
    """Turn fields (B, k, m) into tables of probabilities of widely spread information.

    Most fields are raised to a power that brings their information towards a random target (for
    weak dependence it grows with the square of the power). Some tables are mixed with the product
    of their margins, which lowers it.

    Parameters
    ----------
    rng : Rng
    log_p : Tensor of shape (B, k, m)
    margins : Tensor that broadcasts to (B, k, m)
        Log of a product of margins, which keeps its power.
    """
    b = log_p.shape[0]
    p = normalised(log_p + margins)
    target = rng.log_uniform(b, low=0.02, high=10.0)
    power = (target / table_mi(p).clamp_min(1e-4)).sqrt().clamp(0.3, 10.0)
    power = torch.where(rng.uniform(b) < 0.8, power, torch.ones_like(power))
    p = normalised(log_p * power.view(b, 1, 1) + margins)
    kept = rng.log_uniform(b, 1, 1, low=0.15, high=1.0)
    kept = torch.where(rng.uniform(b, 1, 1) < 0.2, kept, torch.ones_like(kept))
    product = p.sum(2, keepdim=True) * p.sum(1, keepdim=True)
    return torch.lerp(product, p, kept)


def continuous(rng: Rng, cell: Tensor, g: int) -> Tensor:
    """Draw a point of each of g cells and map it to a random margin, shape (B, n, 1)."""
    return margin(rng, (cell + rng.uniform(*cell.shape)) / g).unsqueeze(-1)


FEWEST_LEVELS, MOST_LEVELS = 3, 60


def joined(rng: Rng, p: Tensor) -> Tensor:
    """Join neighbouring columns of tables (B, k, m) at random: intervals become whole numbers."""
    levels = rng.host_log_integer(FEWEST_LEVELS, MOST_LEVELS)
    skew = rng.log_uniform(1, low=0.5, high=2.0)
    cuts = (rng.uniform(levels - 1) ** skew).sort().values
    level = torch.searchsorted(cuts, centres(rng, p.shape[2]))
    return p @ torch.nn.functional.one_hot(level, levels).to(p)


def sample(rng: Rng, batch: int, n: int) -> Draw:
    """Draw pairs of continuous columns from random fields.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1).
    """
    g = rng.choose(SIZES, (4, 2, 0.7))
    p = tempered(rng, random_field(rng, batch, g), random_margins(rng, batch, g))
    i, j = draw_cells(rng, p, n)
    return Draw(continuous(rng, i, g), continuous(rng, j, g), table_mi(p))


def sample_censored(rng: Rng, batch: int, n: int) -> Draw:
    """Draw pairs of columns from random fields; beyond a cut, y has one value only."""
    g = rng.choose(SIZES, (4, 2, 0.7))
    p = tempered(rng, random_field(rng, batch, g), random_margins(rng, batch, g))
    below = p.sum(1).mean(0).cumsum(0).cpu()
    share = 0.3 + 0.67 * torch.rand(1, generator=rng.host)
    cut = min(max(int(torch.searchsorted(below, share)), 1), g - 1)
    p = torch.cat([p[..., :cut], p[..., cut:].sum(2, keepdim=True)], 2)
    i, j = draw_cells(rng, p, n)
    inside = torch.where(j == cut, 0.5, rng.uniform(*j.shape))
    y = margin(rng, (j + inside) / g).unsqueeze(-1)
    return Draw(continuous(rng, i, g), y if rng.coin(0.5) else -y, table_mi(p))


def class_fields(rng: Rng, batch: int, k: int, g: int) -> Tensor:
    """Draw log densities of k classes on g intervals, (batch, k, g): alike to nearly separate."""
    kind = rng.choose(("smooth", "location", "bumps", "blocks", "pieces"), (3, 4, 1.5, 1, 1))
    t = centres(rng, g)
    if kind == "smooth":
        log_p = smooth_line(rng, batch, k, g) * rng.log_uniform(batch, 1, 1, low=0.1, high=8.0)
    elif kind == "location":
        place = rng.normal(batch, k, 1) if rng.coin(0.6) else rng.uniform(batch, k, 1).cumsum(1)
        place = place - place.mean(1, keepdim=True)
        place = place / place.abs().amax(1, keepdim=True).clamp_min(1e-3)
        size = rng.log_uniform(batch, 1, 1, low=0.02, high=0.3)
        apart = rng.log_uniform(batch, 1, 1, low=0.1, high=20.0) * size
        apart = torch.where(rng.uniform(batch, 1, 1) < 0.15, torch.zeros_like(apart), apart)
        spread = rng.uniform(batch, 1, 1) * rng.normal(batch, k, 1)
        size = (size * torch.exp(spread)).clamp_min(1.0 / g)
        d = (t - 0.5 - apart.clamp_max(0.45) * place) / size
        log_p = -0.5 * d.square() if rng.coin(0.7) else -d.abs()
        log_p = torch.log_softmax(log_p, -1)
    elif kind == "bumps":
        m = rng.host_integer(2, 3)
        place = rng.uniform(batch, k, m, 1)
        size = rng.log_uniform(batch, 1, 1, 1, low=0.01, high=0.3)
        floor = rng.log_uniform(batch, 1, 1, low=1e-5, high=0.5)
        log_p = torch.log(torch.exp(-0.5 * ((t - place) / size).square()).sum(2) + floor)
    elif kind == "pieces":  # each class has one interval, or a few
        cuts = rng.uniform(batch, k * rng.host_integer(1, 3) - 1).sort(1).values
        piece = torch.searchsorted(cuts, t.expand(batch, g).contiguous())  # (batch, g)
        order = rng.uniform(batch, cuts.shape[1] + 1).argsort(1) % k
        owner = order.gather(1, piece).unsqueeze(1)
        mine = owner == torch.arange(k, device=rng.device).view(1, k, 1)
        log_p = mine * rng.log_uniform(batch, 1, 1, low=0.3, high=12.0)
    else:
        m = rng.host_integer(2, 12)
        value = rng.log_uniform(batch, 1, 1, low=0.1, high=6.0) * rng.normal(batch, k, m)
        log_p = value[..., (t * m).long()]
    if rng.coin(0.5):
        shared = smooth_line(rng, batch, 1, g)
        log_p = log_p + shared * rng.log_uniform(batch, 1, 1, low=0.1, high=2.0)
    return torch.log_softmax(log_p, -1)


def sample_classes(rng: Rng, batch: int, n: int, n_classes: int | None = None) -> Draw:
    """Draw a number x, continuous or at times whole, beside a categorical y.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int
    n_classes : int, optional
        Number of classes, at random from 2 to 128 by default, mostly up to 12; some are rare.

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1); y holds codes from 0.
    """
    k = n_classes or few_or_many(rng, FEW_CLASSES, MOST_CLASSES)
    share = rng.uniform(batch, 1, 1, high=1.5) * rng.normal(batch, k, 1)
    p = tempered(rng, class_fields(rng, batch, k, N_BINS), share)
    whole = rng.coin(0.3)
    p = joined(rng, p) if whole else p
    j, i = draw_cells(rng, p, n)
    x = i.unsqueeze(-1).float() if whole else continuous(rng, i, N_BINS)
    return Draw(x, j.unsqueeze(-1).float(), table_mi(p))


def class_tables(rng: Rng, batch: int, k: int, m: int) -> Tensor:
    """Draw tables (batch, k, m) of log probabilities: of several kinds."""
    matched = 2 if max(k, m) > FEW_CODES else 0
    kind = rng.choose(("random", "rule", "matched", "banded", "groups"), (2, 1.5, matched, 2, 1))
    if kind == "random":
        return rng.log_uniform(batch, 1, 1, low=0.05, high=5.0) * rng.normal(batch, k, m)
    if kind == "rule":
        target = rng.integer(batch, k, 1, low=0, high=m - 1)
        hit = torch.arange(m, device=rng.device) == target
        return hit * rng.log_uniform(batch, 1, 1, low=0.2, high=9.0)
    if kind == "matched":  # each row has a column of its own, as labels and predictions have
        order = torch.randperm(m, generator=rng.host) if rng.coin(0.5) else torch.arange(m)
        hit = (torch.arange(k).unsqueeze(1) % m == order).to(rng.device)
        gain = rng.log_uniform(batch, 1, 1, low=0.3, high=8.0)
        gain = gain * torch.exp(rng.uniform(batch, 1, 1, high=0.5) * rng.normal(batch, k, 1))
        return hit * gain + rng.uniform(batch, 1, 1, high=1.5) * rng.normal(batch, k, m)
    if kind == "banded":
        gap = centres(rng, k).unsqueeze(1) - random_order(rng, centres(rng, m))
        width = rng.log_uniform(batch, 1, 1, low=0.04, high=1.5)
        log_p = -0.5 * (gap / width).square()
        return torch.log_softmax(log_p, 2) if rng.coin(0.6) else log_p
    r = rng.host_integer(2, 4)
    sharp = rng.log_uniform(batch, 1, 1, low=0.3, high=4.0)
    left, right = (torch.softmax(sharp * rng.normal(batch, r, s), 2) for s in (k, m))
    return torch.log((left.transpose(1, 2) @ right).clamp_min(1e-12))


def random_order(rng: Rng, values: Tensor) -> Tensor:
    """Return values as they are or in reverse."""
    return values if rng.coin(0.5) else values.flip(0)


def few_or_many(rng: Rng, few: int, many: int) -> int:
    """Draw a number of categories: in two of three cases from 2 to the first number."""
    low, high = (2, few) if many == few or rng.coin(2 / 3) else (few + 1, many)
    return rng.host_log_integer(low, high)


def sample_table(rng: Rng, batch: int, n: int, most: int = FEW_CODES) -> Draw:
    """Draw pairs of categories or ranks, 2 to 20 of each, or up to ``most``.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int
    most : int

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1), codes from 0.
    """
    k, m = (few_or_many(rng, FEW_CODES, most) for _ in range(2))
    log_p = class_tables(rng, batch, k, m)
    rows = rng.normal(batch, k, 1) * rng.uniform(batch, 1, 1, high=1.2)
    columns = rng.normal(batch, 1, m) * rng.uniform(batch, 1, 1, high=1.2)
    p = tempered(rng, log_p, rows + columns)
    i, j = draw_cells(rng, p, n)
    return Draw(i.unsqueeze(-1).float(), j.unsqueeze(-1).float(), table_mi(p))
