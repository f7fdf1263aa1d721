"""Counts of a pair of columns on grids of their ranks, and what density estimates say of them.

Letters in shapes: B data sets, n rows, G cells along the first axis, H along the second one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from skmist.core.soft import straight_through

SIZE = 63  # odd, so that a sign flip maps cells to cells
REACH = 3.2  # normal scores beyond fall into the outermost cells
BANDWIDTHS = (0.2, 0.4, 0.8, 1.6)  # in units of n ** (-1 / 6), of normal scores
SIZES = (3, 9, 21, 63)  # of nested histograms with cells of equal probability, all odd
PSEUDO = 0.3  # rows that a kernel estimate adds to each margin, independent
N_ESTIMATES = 2 * len(BANDWIDTHS) + len(SIZES)
N_OCCUPIED = len(SIZES)


def centres(size: int, device=None) -> Tensor:
    """Return the centres of cells of equal width in the normal score, shape (size,), float64."""
    half = size // 2
    return torch.arange(-half, half + 1, device=device, dtype=torch.float64) * (REACH / half)


def place_table(n: int, spacing: str, device=None) -> Tensor:
    """Return where every doubled rank lies, in cells from the middle, shape (2 n - 1,), float64.

    Parameters
    ----------
    n : int
        Number of rows.
    spacing : {"normal", "uniform"}
        Cells of equal width in the normal score, or of equal probability.

    Notes
    -----
    Places are exactly odd around the middle.
    """
    middle = torch.arange(2 * n - 1, device=device, dtype=torch.float64) - (n - 1)
    if spacing == "normal":
        z = torch.special.ndtri(0.5 + middle.abs() / (2 * n)) * middle.sign()
        return z * ((SIZE // 2) / REACH)
    return middle * (SIZE / (2 * n))


def cell_table(place: Tensor) -> Tensor:
    """Return the cells of places, numbered from 0."""
    half = SIZE // 2
    return place.round().clamp(-half, half).long() + half


def count(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Count rows in the cells of a grid.

    Parameters
    ----------
    cells : LongTensor of shape (B, n)
        Cell of every row, numbered along the second axis first.
    shape : tuple of int
        Numbers of cells G and H.

    Returns
    -------
    Tensor of shape (B, G, H)
    """
    batch, size = len(cells), shape[0] * shape[1]
    offset = torch.arange(batch, device=cells.device).unsqueeze(1) * size
    counts = torch.bincount((cells + offset).reshape(-1), minlength=batch * size)
    return counts.view(batch, *shape).float()


@dataclass(frozen=True)
class Axis:
    """Where the rows lie along one axis of a grid.

    Parameters
    ----------
    cells : LongTensor of shape (B or 1, n)
        Cell of every row.
    size : int
        Number of cells.
    is_labels : bool
        Whether the cells are labels, which are never joined or smoothed over.
    steps : Tensor of shape (B or 1, n), optional
        Zeros with the gradient of places, in cells.
    """

    cells: Tensor
    size: int
    is_labels: bool = False
    steps: Tensor | None = None

    def joined(self, size: int) -> Axis:
        """Return the axis with neighbouring cells joined, so that so many remain."""
        factor = self.size // size
        cells = torch.div(self.cells, factor, rounding_mode="floor")
        steps = None if self.steps is None else self.steps / factor
        return Axis(cells, size, self.is_labels, steps)


class Grid:
    """Rows of pairs of columns, counted in the cells of a grid.

    Attributes
    ----------
    labels : tuple of bool
        Whether the axes hold labels.
    cells : LongTensor of shape (B, n)
        Cell of every row, numbered along the second axis first.
    counts : Tensor of shape (B, G, H)
    few : bool
        Whether there are so few rows that quantities are looked at where the rows are, not on the
        whole grid.
    """

    def __init__(self, a: Axis, b: Axis, batch: int):
        self.axes, self.shape = (a, b), (a.size, b.size)
        self.labels = a.is_labels, b.is_labels
        self.cells = (a.cells * b.size + b.cells).expand(batch, -1)
        self.counts = count(self.cells, self.shape)
        self.few = self.cells.shape[1] < a.size * b.size

    def joined(self, rows: int, columns: int) -> Tensor:
        """Return the counts (B, rows, columns) with neighbouring cells joined."""
        return _join(self.counts, rows, columns)


class SoftGrid(Grid):
    """Counts with a gradient: that of tent-shaped weights, averaged over places within a cell.

    A row that moves along an axis is taken from the cell before its own and given to the next one.
    """

    def __init__(self, a: Axis, b: Axis, batch: int):
        super().__init__(a, b, batch)
        self.hard = self.counts
        self.counts, self.few = self.hard + self._carried(self.axes), False

    def joined(self, rows: int, columns: int) -> Tensor:
        """Return the counts with neighbouring cells joined; rows move by thirds of these."""
        if (rows, columns) == self.shape:
            return self.counts
        axes = [
            axis if axis.is_labels or SIZE % (3 * size) else axis.joined(3 * size)
            for axis, size in zip(self.axes, (rows, columns), strict=True)
        ]
        return _join(self.hard, rows, columns) + _join(self._carried(axes), rows, columns)

    def _carried(self, axes: Sequence[Axis]) -> Tensor:
        """Return zeros (B, G, H) with the gradient of what moving rows carry between cells."""
        batch, (g, h) = len(self.cells), (axis.size for axis in axes)
        carried = self.hard.new_zeros(batch, g * h)
        for moving, axis in enumerate(axes):
            if axis.steps is None:
                continue
            half = (axis.steps / 2).to(carried.dtype).expand(batch, -1)
            for step in (1, -1):
                i, j = (
                    (other.cells + step * (k == moving)).clamp(0, other.size - 1)
                    for k, other in enumerate(axes)
                )
                carried = carried.scatter_add(1, (i * h + j).expand(batch, -1), step * half)
        return carried.view(batch, g, h)


def _join(counts: Tensor, rows: int, columns: int) -> Tensor:
    """Join neighbouring cells."""
    b, g, h = counts.shape
    if (rows, columns) == (g, h):
        return counts
    return counts.view(b, rows, g // rows, columns, h // columns).sum((2, 4))


@lru_cache(maxsize=64)
def _smoother(size: int, width: float, device: torch.device) -> Tensor:
    """Return the Gaussian kernel between cells, 1 at 0, with a last row and column of 0.

    Products of matrices of an even size are a third faster.
    """
    with torch.inference_mode(False):  # a kept tensor has to serve in any mode
        z = centres(size, device)
        kernel = torch.exp(-0.5 * ((z[:, None] - z) / width).square()).float()
        return functional.pad(kernel, (0, 1, 0, 1))


def kernel_estimates(grid: Grid, bandwidths: Sequence[float] = BANDWIDTHS) -> Tensor:
    """Return kernel estimates of the mutual information at several bandwidths.

    The density ratio is estimated on the grid of normal scores, as in the probit-transformation
    estimator of a copula density (Geenens, Charpentier and Paindaveine, Bernoulli 23, 2017), and
    averaged over the rows: without the row itself (too low on average), and with it (too high).

    Parameters
    ----------
    grid : Grid
        Rows on the grid of normal scores.
    bandwidths : sequence of float
        In units of n ** (-1 / 6), of normal scores.

    Returns
    -------
    Tensor of shape (B, 2 * len(bandwidths))
        First the estimates without the row itself, then those with it, in nats.
    """
    counts, cells, labels = grid.counts, grid.cells, grid.labels
    n = cells.shape[1]
    g, h = grid.shape
    without, with_it = [], []
    if grid.few:
        i, j = torch.div(cells, h, rounding_mode="floor"), cells % h
        wide = h + (not labels[1])
        places = i, j, i * wide + j
    padded = functional.pad(counts, (0, not labels[1], 0, not labels[0]))
    rows, columns = padded.sum(2), padded.sum(1)
    share = 0.3 / n**0.5  # of independence in the mixture, so that logarithms stay bounded

    def mean_log(ratio: Tensor) -> Tensor:
        if grid.few:
            return torch.log(ratio).mean(1)
        return (counts * torch.log(ratio)).sum((1, 2)) / n

    for factor in bandwidths:
        width = factor * n ** (-1 / 6)
        left, right = (
            None if exact else _smoother(size, width, counts.device)
            for size, exact in zip((g, h), labels, strict=True)
        )
        both = _smoothed(padded, right)
        both = both if left is None else left @ both
        a, c = _smoothed(rows, left), _smoothed(columns, right)
        if grid.few:
            a, c, both = (
                part.flatten(1).gather(1, place)
                for part, place in zip((a, c, both), places, strict=True)
            )
        else:
            both = both[:, :g, :h]
            a, c = a[:, :g].unsqueeze(2), c[:, :h].unsqueeze(1)
        ratio = (n * both).div_((a * c).clamp_min_(1e-9))
        with_it.append(mean_log(ratio.clamp_min_(1e-9)))
        product = ((a - (1 - PSEUDO)) * (c - (1 - PSEUDO))).clamp_min_(1e-9)
        ratio = (both - 1).mul_(n - 1).add_(PSEUDO**2).div_(product)
        less = mean_log(ratio.clamp_min_(0).mul_(1 - share).add_(share))
        if isinstance(grid, SoftGrid):  # rows that stand alone would have any gradient
            less = straight_through(less.detach(), with_it[-1])
        without.append(less)
    return torch.stack(without + with_it, 1)


def _smoothed(values: Tensor, kernel: Tensor | None) -> Tensor:
    """Smooth along the last axis."""
    if kernel is None:
        return values
    return (values.reshape(-1, values.shape[-1]) @ kernel).view(values.shape)


def _sum_log(counts: Tensor) -> Tensor:
    """Return the sums (B,) of c log c over counts (B, m)."""
    hard = torch.special.xlogy(counts, counts)
    if counts.requires_grad:  # what one more row would add, finite where there is none
        hard = straight_through(hard.detach(), (counts + 0.5) * torch.log(counts + 0.5))
    return hard.sum(1)


def _filled(counts: Tensor) -> Tensor:
    """Return how many of counts (B, m) are not 0, shape (B,)."""
    hard = (counts > 0).sum(1)
    if counts.requires_grad:
        return straight_through(hard, -torch.expm1(-counts).sum(1))
    return hard


def histogram_estimates(grid: Grid) -> tuple[Tensor, Tensor]:
    """Return histogram estimates at several sizes, corrected for their bias, and occupation.

    The correction is that of Miller, "Note on the bias of information estimates" (1955), with the
    numbers of occupied cells.

    Parameters
    ----------
    grid : Grid
        Rows on the finest grid of uniform scores.

    Returns
    -------
    estimates : Tensor of shape (B, len(SIZES))
        In nats.
    occupied : Tensor of shape (B, len(SIZES))
        Occupied cells per row of the sample, at most 1.
    """
    n = grid.cells.shape[1]
    estimates, occupied = [], []
    for size in SIZES:
        joined = grid.joined(*(a.size if a.is_labels else size for a in grid.axes))
        parts = [joined.sum(2), joined.sum(1), joined.flatten(1)]
        sums, filled = [_sum_log(p) for p in parts[:2]], [_filled(p) for p in parts[:2]]
        if joined is grid.counts and grid.few:  # as sums over the rows
            own = parts[2].gather(1, grid.cells)
            sums.append(torch.log(own).sum(1))
            filled.append((1 / own).sum(1).round())
        else:
            sums.append(_sum_log(parts[2]))
            filled.append(_filled(parts[2]))
        plug_in = math.log(n) + (sums[2] - sums[0] - sums[1]) / n
        estimates.append(plug_in - (filled[2] - filled[0] - filled[1] + 1) / (2 * n))
        occupied.append(filled[2] / n)
    return torch.stack(estimates, 1), torch.stack(occupied, 1)
