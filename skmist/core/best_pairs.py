"""Pairs of a column of X and one of y that share most: they are read as pairs by themselves.

What is fine in scale, such as waves of many periods, is lost between many columns, and found in one
column against one. Tables of ranks tell which pairs look most promising.

Letters in shapes: B data sets, n rows, K pairs of each, L quantile levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from skmist.core import grids
from skmist.core.bivariate import BivariateFeatures, bivariate_features
from skmist.core.heads import LARGEST_ANCHOR
from skmist.core.plugin import table_information
from skmist.core.scores import Ranks

MOST = 6  # pairs that are read
MOST_PAIRS = 100  # of columns; with more, none is read: one says little of the median then
ROWS_EACH = 4  # rows for each bin of a column, at least
SQUARE = 21  # bins of either column at most, in a table that is as fine in both
MARKED = 64  # rows that tell apart pairs whose tables say the same
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles that are told
N_ANCHORS = 3
N_EVIDENCE = MOST * (len(LEVELS) + 1) + 4


def best_pairs(
    ranks: Ranks, dx: int, n_told: int
) -> tuple[BivariateFeatures, Tensor] | tuple[None, None]:
    """Compute the features (B * K, ...) of the pairs that share most, and their places (B, K, 2).

    Both are None where pairs are many.

    Parameters
    ----------
    ranks : Ranks
        Of columns (B, d, n), in an order of rows that is their own.
    dx : int
        Number of columns of X, which are the first ones.
    n_told : int
        Number of rows that are read, the first ones.
    """
    d = ranks.doubled.shape[1]
    if dx * (d - dx) > MOST_PAIRS:
        return None, None
    place = choose(ranks.doubled, dx, n_told)
    values = ranks.numbers()[..., :n_told].double()
    x, y = (
        values.gather(1, own.unsqueeze(2).expand(-1, -1, n_told)).flatten(0, 1)
        for own in place.unbind(2)
    )
    return bivariate_features(x, y, (False, False), n_told), place


def choose(doubled: Tensor, dx: int, n_told: int) -> Tensor:
    """Return the places (B, K, 2) of pairs of columns that share most, as tables of ranks show.

    Parameters
    ----------
    doubled : LongTensor of shape (B, d, n)
        Doubled ranks.
    dx, n_told : int
        See :func:`best_pairs`.
    """
    b, dy, n = len(doubled), doubled.shape[1] - dx, doubled.shape[2]
    kept = min(MOST, dx * dy)
    if kept == dx * dy:
        place = torch.arange(kept, device=doubled.device).expand(b, -1)
    else:
        table = grids.cell_table(grids.place_table(n, "uniform", doubled.device))
        cells = Ranks(doubled[..., :n_told]).look_up(table)
        short = grids.SIZES[0]
        long = max(s for s in grids.SIZES if s * ROWS_EACH <= n_told or s == short)
        square = max(s for s in grids.SIZES if s * s <= min(n_told, SQUARE**2) or s == short)
        shapes = (long, short), (short, long), (square, square)
        tables = [_shared(cells[:, :dx], cells[:, dx:], *shape) for shape in shapes]
        marks = _marks(doubled[..., :MARKED] - (n - 1), dx)
        place = (torch.stack(tables).amax(0) + marks).topk(kept, 1).indices
    i = torch.div(place, dy, rounding_mode="floor")
    return torch.stack([i, dx + place % dy], 2)


def _shared(i: Tensor, j: Tensor, k: int, m: int) -> Tensor:
    """Return the information of tables of k times m cells less what chance gives, (B, dx * dy).

    Of columns whose rows lie in cells (B, dx, n) and (B, dy, n) of ``grids.SIZE`` each. In
    millionths of a nat, rounded, so that equal tables say the same in whichever order.
    """
    i, j = (torch.div(v, grids.SIZE // size, rounding_mode="floor") for v, size in ((i, k), (j, m)))
    return (1e6 * table_information(i, j, (k, m))).round()


def _marks(centred: Tensor, dx: int) -> Tensor:
    """Return numbers (B, dx * dy) in [0, 1) that tell pairs of columns apart.

    They do not depend on the order of columns, on which side is called X, or on signs.
    """
    squares = centred.square() + 1
    products = (squares[:, :dx].unsqueeze(2) * squares[:, dx:].unsqueeze(1)) * 0x2545F4914F6CDD1D
    mixed = ((products >> 31) ^ products) * 0x1B03738712FAD5C9
    return ((mixed >> 17).sum(3) & 0xFFFF).flatten(1) / 0x10000


def told(
    quantiles: Tensor,
    places: Tensor,
    levels: Sequence[float],
    gaussian: Tensor,
    n: int,
    dx: int,
    dy: int,
) -> tuple[Tensor, Tensor]:
    """Return what the quantiles of pairs tell of all columns.

    Parameters
    ----------
    quantiles : Tensor of shape (B, K, L)
        Of the mutual information of each pair, in nats, negative ones for 0.
    places : LongTensor of shape (B, K, 2)
        Columns of each pair.
    levels : sequence of float
        Their levels.
    gaussian : Tensor of shape (B,)
        Estimate of the mutual information of all columns by a Gaussian copula.
    n : int
        Number of rows.
    dx, dy : int
        Numbers of columns.

    Returns
    -------
    anchors : Tensor of shape (B, N_ANCHORS)
        A low quantile and the median of the best pair, and the sum of the medians of the best pairs
        without a common column, in nats.
    evidence : Tensor of shape (B, N_EVIDENCE)
        Quantiles of each pair, the best one first, and how far their medians lie from ``gaussian``;
        the same of that sum.
    """
    b, middle = len(quantiles), LEVELS.index(0.5)
    index = [min(range(len(levels)), key=lambda i: abs(levels[i] - p)) for p in LEVELS]
    q = quantiles[..., index].clamp(0, LARGEST_ANCHOR)
    # medians as they are: those below 0 would be equal, and places change when sides are swapped
    order = quantiles[..., index[middle]].argsort(1, descending=True)
    q = q.gather(1, order.unsqueeze(2).expand_as(q))
    apart = _apart(places.gather(1, order.unsqueeze(2).expand_as(places)), dx + dy)
    total = (q[..., middle] * apart).sum(1, keepdim=True).clamp_max(LARGEST_ANCHOR)

    def gap(values: Tensor) -> Tensor:
        return torch.asinh(math.sqrt(n) * (values - gaussian.unsqueeze(1))) / 2

    each = torch.cat([torch.log1p(q), gap(q[..., middle]).unsqueeze(2)], 2)
    each = torch.nn.functional.pad(each, (0, 0, 0, MOST - q.shape[1])).flatten(1)
    size = each.new_tensor([math.log(dx * dy) / 3, 1.0]).expand(b, -1)
    evidence = torch.cat([each, size, torch.log1p(total), gap(total)], 1)
    return torch.cat([q[:, 0, :1], q[:, 0, middle : middle + 1], total], 1), evidence


def _apart(places: Tensor, d: int) -> Tensor:
    """Return which pairs (B, K, 2) of d columns share none with those before that do so, (B, K)."""
    used = torch.zeros(len(places), d, dtype=torch.bool, device=places.device)
    apart = []
    for place in places.unbind(1):
        before = used.gather(1, place)
        apart.append(~before.any(1))
        used.scatter_(1, place, before | apart[-1].unsqueeze(1))
    return torch.stack(apart, 1)
