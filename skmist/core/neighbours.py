"""Neighbourhoods of query rows, at several scales: local log density ratios, local dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist.core.scores import in_order

NEIGHBOURS = (1, 3, 6, 12)
N_LOCAL = 3 * len(NEIGHBOURS)
N_DIMENSIONS = 3
FEW_QUERIES = 32  # that dimensions are read at
CACHED_VALUES = 200_000  # distances that are worked on at a time on the CPU
LARGE_VALUES = 50_000_000  # and on a device of much memory, which takes as long for few
CONTROL_RIDGE = 1e-3  # in units of the variance of a row's feature
MOST_PARTS = 64  # of very many rows
FEW_COLUMNS = 2  # whose exact distances are added up column by column
FEW_VALUES = 512  # that are sorted rather than searched for the smallest ones
EDGE = 1e-5  # of the squared radius, within which distances count as equal to it
SOFTNESS = 0.1  # of the edge of a neighbourhood, in units of its squared radius


def values_at_a_time(device: torch.device) -> int:
    """Return how many distances are worked on at a time."""
    return CACHED_VALUES if device.type == "cpu" else LARGE_VALUES


def squared_distances(queries: Tensor, rows: Tensor, exact: bool = False) -> Tensor:
    """Return squared Euclidean distances (B, q, n) of queries (B, c, q) and rows (B, c, n).

    With ``exact``, equal rows are at a distance below 1e-12, which the faster way does not grant.
    """
    if exact and rows.shape[1] > FEW_COLUMNS:
        return _in_double(queries, rows)
    if exact or rows.shape[1] == 1:
        total = (queries[:, 0, :, None] - rows[:, :1]).square()
        for j in range(1, rows.shape[1]):
            total += (queries[:, j, :, None] - rows[:, j : j + 1]).square()
        return total
    cross = torch.baddbmm(
        rows.square().sum(1).unsqueeze(1), queries.transpose(1, 2), rows, alpha=-2
    )
    return (cross + queries.square().sum(1).unsqueeze(2)).clamp_min(0)


def _in_double(queries: Tensor, rows: Tensor) -> Tensor:
    """Return squared distances as one product of matrices, |q|^2 + |r|^2 - 2 q'r, rounded last."""
    q, r = queries.double(), rows.double()
    squares = [v.square().sum(1, keepdim=True) for v in (q, r)]
    ones = [torch.ones_like(v) for v in squares]
    left = torch.cat([-2 * q, squares[0], ones[0]], 1).transpose(1, 2)
    return (left @ torch.cat([r, ones[1], squares[1]], 1)).to(rows.dtype).clamp_min(0)


def smallest(values: Tensor, k: int) -> Tensor:
    """Return the k smallest values along the last axis, in increasing order."""
    n = values.shape[-1]
    if values.requires_grad or values.device.type != "cpu" or n < 2 * k:
        return torch.topk(values, k, largest=False).values
    if n <= FEW_VALUES:
        return in_order(values)[..., :k]
    # they lie in the k groups that have the smallest minima
    groups = max(FEW_VALUES // 2, 2 * k)
    size = n // groups
    together = groups * size
    minima = values[..., :together].unflatten(-1, (size, groups)).amin(-2)
    chosen = (minima <= in_order(minima)[..., k - 1 : k]).nonzero()[:, -1]
    if len(chosen) != k * minima[..., 0].numel():  # equal minima
        return torch.topk(values, k, largest=False).values
    steps = torch.arange(0, together, groups)
    members = values.gather(-1, (chosen.unsqueeze(-1) + steps).view(*values.shape[:-1], -1))
    if together < n:
        members = torch.cat([members, values[..., together:]], -1)
    if members.shape[-1] <= n // 2:
        return smallest(members, k)
    return torch.topk(members, k, largest=False).values


def _holds(z: Tensor, place: Tensor, centre: Tensor, within: Tensor) -> Tensor:
    """Tell whether the value at a place of sorted z lies within a squared distance of centre."""
    inside = (place >= 0) & (place < z.shape[1])
    value = z.gather(1, place.clamp(0, z.shape[1] - 1))
    return inside & ((centre - value).square() < within)


class Side:
    """Distances of query rows to all rows on one side, and counts of rows nearer than a radius.

    Parameters
    ----------
    z : Tensor of shape (B, c, n)
        Normal scores.
    ordered : Tensor of shape (B, n) or None
        Those of a single column in increasing order; None where distances are compared instead.
    queries : slice
        The query rows.
    tied : bool
        Whether values repeat.
    """

    def __init__(self, z: Tensor, ordered: Tensor | None, queries: slice, tied: bool):
        self.distances = squared_distances(z[..., queries], z, exact=tied)
        # the query itself comes first, always
        self.distances[..., queries].diagonal(dim1=1, dim2=2).fill_(-1.0)
        self.ordered, self.centre = ordered, z[:, 0, queries]
        self.nearer: Tensor | None = None  # where comparisons go

    def nearest(self, k: int, few: int) -> Tensor:
        """Return squared distances of few queries to the k nearest rows but themselves."""
        return smallest(self.distances[:, :few], k + 1)[..., 1:]

    def count(self, within: Tensor) -> Tensor:
        """Count rows at squared distance below within (B, q, 1), the query among them, (B, q)."""
        if self.ordered is None:
            distances = self.distances.detach()
            if distances.device.type != "cpu":
                return (distances < within.detach()).sum(-1)
            # as floats: made and added up several times faster than booleans there
            if self.nearer is None:
                self.nearer = torch.empty_like(distances)
            return torch.lt(distances, within.detach(), out=self.nearer).sum(-1)
        # sorted values: look the bounds up, then settle by the same comparison as above
        z, v, w = self.ordered, self.centre, within.squeeze(-1)
        radius = w.sqrt()
        low = torch.searchsorted(z, (v - radius).contiguous())
        high = torch.searchsorted(z, (v + radius).contiguous(), right=True)
        low = low - _holds(z, low - 1, v, w).long() + (~_holds(z, low, v, w)).long()
        high = high + _holds(z, high, v, w).long() - (~_holds(z, high - 1, v, w)).long()
        return high - low


class SoftSide(Side):
    """The same with a gradient: of the logarithms of counts within edges that are soft."""

    def count(self, within: Tensor) -> Tensor:
        """Count as :class:`Side` does; in the type of the distances."""
        depth = (within - self.distances.clamp_min(0)) / (2 * SOFTNESS * within)
        log_count = torch.log(torch.sigmoid(depth).sum(-1))
        hard = super().count(within).to(log_count.dtype)
        return hard + hard * (log_count - log_count.detach())


def neighbour_features(
    z: Tensor,
    n_queries: int,
    dx: int,
    tied: bool = True,
    scales: tuple[int, ...] = NEIGHBOURS,
    few: int = FEW_QUERIES,
    edge: float = EDGE,
) -> tuple[Tensor, Tensor]:
    """Read the neighbourhoods of query rows, which are the first ones.

    For the k-th neighbour in the larger of the two distances (in X, in y), count the rows that are
    closer in X alone and in y alone (Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69, 2004,
    with Euclidean distances inside X and inside y).

    Parameters
    ----------
    z : Tensor of shape (B, d, n)
        Normal scores; where they have a gradient, so has everything that is returned.
    n_queries : int
        Number q of query rows, at most n.
    dx : int
        Number of columns of X.
    tied : bool
        Whether any column holds equal values.
    scales : tuple of int
        Which neighbours.
    few : int
        Queries that dimensions are read at, at least; 0 for no dimensions.
    edge : float
        Share of a squared radius by which distances that are equal may differ by rounding.

    Returns
    -------
    local : Tensor of shape (B, q, 3 * len(scales))
        Log fractions of rows in both marginal neighbourhoods (smaller and larger), and the local
        log density ratio, at each scale.
    dimensions : Tensor of shape (B, N_DIMENSIONS)
        Logarithms of the dimensions that the rows fill locally: the smaller and the larger one of
        X and y, and that of both.
    """
    b, _, n = z.shape
    values = values_at_a_time(z.device)
    step = max(1, values // (n_queries * n))
    block = max(few, 1, values // n)
    local, dimensions = [], []
    for i in range(0, b, step):
        sides = [_ordered(side, tied) for side in (z[i : i + step, :dx], z[i : i + step, dx:])]
        starts = range(0, n_queries, block)
        blocks = [slice(j, min(j + block, n_queries)) for j in starts]
        parts = [
            _local_features(sides, queries, tied, scales, few if queries.start == 0 else 0, edge)
            for queries in blocks
        ]
        local.append(torch.cat([part[0] for part in parts], 1))
        dimensions.append(parts[0][1])
    local = torch.cat(local)
    return local, torch.cat(dimensions)


def neighbours_in_parts(
    z: Tensor, n_queries: int, dx: int, tied: bool, most: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Read neighbourhoods among at most about ``most`` rows, in parts of the sample.

    So they have the sizes that they have in training however many rows there are, the time does not
    grow with the square of their number, and the queries come from all over the sample.

    Parameters
    ----------
    z, n_queries, dx, tied
        As for :func:`neighbour_features`; rows in an order that has nothing to do with their
        values.
    most : int
        Rows of a part, below twice as many: the sample is cut into n // most parts.

    Returns
    -------
    local : Tensor of shape (B, q, 3 * len(NEIGHBOURS))
        With q near ``n_queries``.
    dimensions : Tensor of shape (B, N_DIMENSIONS)
    place : LongTensor of shape (q,)
        Which rows the queries are.
    """
    n = z.shape[2]
    parts = max(1, n // most)
    size, kept = n // parts, min(parts, MOST_PARTS)
    each = n_queries if kept == 1 else min(size, max(FEW_QUERIES, n_queries // kept))
    starts = [i * (n // kept) for i in range(kept)]
    found = [neighbour_features(z[..., i : i + size], each, dx, tied) for i in starts]
    local, dimensions = (torch.stack(part) for part in zip(*found, strict=True))
    place = torch.cat([torch.arange(i, i + each, device=z.device) for i in starts])
    return local.transpose(0, 1).flatten(1, 2), dimensions.mean(0), place


def query_rows(n: int, n_queries: int) -> int:
    """Return the number of rows whose neighbourhoods are read: all few, a quarter of many.

    Their number limits the precision of what neighbourhoods tell; it stays bounded.
    """
    return min(n, max(n_queries, min(n // 4, 4 * n_queries)))


def mean_over_rows(ratios: Tensor, rows: Tensor, place: Tensor) -> Tensor:
    """Return the means of log density ratios, known for some rows, over all rows, (B, K).

    What other features say of all rows is used as control variates (Glasserman, "Monte Carlo
    Methods in Financial Engineering", 2003, section 4.1): the mean over the queries is corrected by
    a regression on these features. The correction is held within four standard errors.

    Parameters
    ----------
    ratios : Tensor of shape (B, q, K)
        Log density ratios of the queries.
    rows : Tensor of shape (B, n, F)
        Features of all rows.
    place : LongTensor of shape (q,)
        Which rows the queries are.
    """
    q = ratios.shape[1]
    mean = ratios.mean(1)
    if q == rows.shape[1]:
        return mean
    known = rows[:, place]
    lead = known.mean(1, keepdim=True)
    known, ratios = known - lead, ratios - mean.unsqueeze(1)
    gram = known.transpose(1, 2) @ known / q
    ridge = CONTROL_RIDGE * gram.diagonal(dim1=1, dim2=2) + 1e-6
    slopes = torch.linalg.solve(gram + torch.diag_embed(ridge), known.transpose(1, 2) @ ratios / q)
    correction = ((rows.mean(1, keepdim=True) - lead) @ slopes).squeeze(1)
    limit = 4 * (ratios.square().mean(1) / q).sqrt()
    return mean + correction.clamp(-limit, limit)


def _ordered(z: Tensor, tied: bool) -> tuple[Tensor, Tensor | None]:
    """Return a side (B, c, n), and its values in order where it is one column without ties."""
    return z, in_order(z[:, 0]) if z.shape[1] == 1 and not tied else None


def local_dimension(nearest: Tensor) -> Tensor:
    """Return the logarithm of the dimension that rows fill, shape (B,).

    Parameters
    ----------
    nearest : Tensor of shape (B, q, k)
        Squared distances of queries to their nearest rows, in increasing order.

    Notes
    -----
    Maximum likelihood under a Poisson process (Levina and Bickel, NeurIPS 2004), with the inverse
    dimensions of the queries averaged.
    """
    logs = torch.log(nearest.clamp_min(1e-10))
    inverse = 0.5 * (logs[..., -1:] - logs[..., :-1]).mean((1, 2))
    return -torch.log(inverse.clamp_min(1e-2))


def _local_features(
    sides: list[tuple[Tensor, Tensor | None]],
    queries: slice,
    tied: bool,
    scales: tuple[int, ...],
    few: int,
    edge: float,
) -> tuple[Tensor, Tensor]:
    """Return features and dimensions of queries whose distances fit into the cache."""
    n = sides[0][0].shape[-1]
    kind = SoftSide if sides[0][0].requires_grad else Side
    x, y = (kind(z, ordered, queries, tied) for z, ordered in sides)
    largest = min(max(scales), n - 1)
    nearest = torch.maximum(x.distances, y.distances)
    nearest = smallest(nearest, largest + 1)
    ks = [min(k, largest) for k in scales]
    radius = nearest[..., ks]  # (B, q, scales)
    # tied distances: count what lies within, as for discrete data (Gao et al., NeurIPS 2017)
    at_zero = radius <= 1e-10
    # a little less than the radius, so that rounding does not part equal distances
    within = torch.where(at_zero, radius + 1e-10, radius * (1 - edge))
    edges = within.split(1, -1)
    count_x, count_y = (
        torch.stack([side.count(e) for e in edges], -1).clamp_min(1).to(radius.dtype)
        for side in (x, y)
    )
    kk = radius.new_tensor(ks).expand_as(radius)
    if tied and bool(at_zero.any()):
        both = [((x.distances < e) & (y.distances < e)).sum(-1) for e in edges]
        kk = torch.where(at_zero, torch.stack(both, -1).clamp_min(1).to(radius.dtype), kk)
    ratio = torch.digamma(kk) + math.log(n) - torch.digamma(count_x) - torch.digamma(count_y)
    log_x, log_y = torch.log(count_x / n), torch.log(count_y / n)
    local = torch.stack([torch.minimum(log_x, log_y), torch.maximum(log_x, log_y), ratio], -1)
    local = local.flatten(2)  # three of each scale
    if not few:
        return local, x.distances.new_zeros(len(nearest), N_DIMENSIONS)
    alone = [local_dimension(side.nearest(largest, few)) for side in (x, y)]
    both = local_dimension(nearest[:, :few, 1:])
    dimensions = [torch.minimum(*alone), torch.maximum(*alone), both]
    return local, torch.stack(dimensions, 1)
