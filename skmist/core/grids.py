"""Counts of a pair of columns on grids of their ranks, and what density estimates say of them.

Letters in shapes: B data sets, n rows, G cells along the first axis, H along the second one.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

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


def cell_table(n: int, spacing: str, device=None) -> Tensor:
    """Return the cell of every doubled rank, shape (2 n - 1,), exactly odd around the middle.

    Parameters
    ----------
    n : int
        Number of rows.
    spacing : {"normal", "uniform"}
        Cells of equal width in the normal score, or of equal probability.
    """
    middle = torch.arange(2 * n - 1, device=device, dtype=torch.float64) - (n - 1)
    half = SIZE // 2
    if spacing == "normal":
        z = torch.special.ndtri(0.5 + middle.abs() / (2 * n)) * middle.sign()
        place = z * (half / REACH)
    else:
        place = middle * (SIZE / (2 * n))
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


@lru_cache(maxsize=64)
def _smoother(size: int, width: float, device: torch.device) -> Tensor:
    """Return the Gaussian kernel between cells, 1 at 0, with a last row and column of 0.

    Products of matrices of an even size are a third faster.
    """
    with torch.inference_mode(False):  # a kept tensor has to serve in any mode
        z = centres(size, device)
        kernel = torch.exp(-0.5 * ((z[:, None] - z) / width).square()).float()
        return functional.pad(kernel, (0, 1, 0, 1))


def kernel_estimates(counts: Tensor, cells: Tensor, labels: tuple[bool, bool]) -> Tensor:
    """Return kernel estimates of the mutual information at several bandwidths.

    The density ratio is estimated on the grid of normal scores, as in the probit-transformation
    estimator of a copula density (Geenens, Charpentier and Paindaveine, Bernoulli 23, 2017), and
    averaged over the rows: without the row itself (too low on average), and with it (too high).

    Parameters
    ----------
    counts : Tensor of shape (B, G, H)
    cells : LongTensor of shape (B, n)
        Cell of every row.
    labels : tuple of bool
        Whether an axis holds labels, over which nothing is smoothed.

    Returns
    -------
    Tensor of shape (B, 2 * len(BANDWIDTHS))
        First the estimates without the row itself, then those with it, in nats.
    """
    n = cells.shape[1]
    g, h = counts.shape[1:]
    without, with_it = [], []
    few = n < g * h  # densities are then looked at where the rows are, not on the whole grid
    if few:
        i, j = torch.div(cells, h, rounding_mode="floor"), cells % h
        wide = h + (not labels[1])
        places = i, j, i * wide + j
    padded = functional.pad(counts, (0, not labels[1], 0, not labels[0]))
    rows, columns = padded.sum(2), padded.sum(1)
    share = 0.3 / n**0.5  # of independence in the mixture, so that logarithms stay bounded

    def mean_log(ratio: Tensor) -> Tensor:
        if few:
            return torch.log(ratio).mean(1)
        return (counts * torch.log(ratio)).sum((1, 2)) / n

    for factor in BANDWIDTHS:
        width = factor * n ** (-1 / 6)
        left, right = (
            None if exact else _smoother(size, width, counts.device)
            for size, exact in zip((g, h), labels, strict=True)
        )
        both = _smoothed(padded, right)
        both = both if left is None else left @ both
        a, c = _smoothed(rows, left), _smoothed(columns, right)
        if few:
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
        without.append(mean_log(ratio.clamp_min_(0).mul_(1 - share).add_(share)))
    return torch.stack(without + with_it, 1)


def _smoothed(values: Tensor, kernel: Tensor | None) -> Tensor:
    """Smooth along the last axis."""
    if kernel is None:
        return values
    return (values.reshape(-1, values.shape[-1]) @ kernel).view(values.shape)


def histogram_estimates(
    counts: Tensor, cells: Tensor, labels: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    """Return histogram estimates at several sizes, corrected for their bias, and occupation.

    The correction is that of Miller, "Note on the bias of information estimates" (1955), with the
    numbers of occupied cells.

    Parameters
    ----------
    counts : Tensor of shape (B, G, H)
        Counts on the finest grid.
    cells : LongTensor of shape (B, n)
        Cell of every row there.
    labels : tuple of bool
        Whether an axis holds labels, which are never joined.

    Returns
    -------
    estimates : Tensor of shape (B, len(SIZES))
        In nats.
    occupied : Tensor of shape (B, len(SIZES))
        Occupied cells per row of the sample, at most 1.
    """
    b, g, h = counts.shape
    n = cells.shape[1]
    estimates, occupied = [], []
    for size in SIZES:
        rows, columns = (s if one else size for s, one in zip((g, h), labels, strict=True))
        joined = counts
        if (rows, columns) != (g, h):
            joined = counts.view(b, rows, g // rows, columns, h // columns).sum((2, 4))
        parts = [joined.sum(2), joined.sum(1), joined.flatten(1)]
        sums = [torch.special.xlogy(p, p).sum(1) for p in parts[:2]]
        filled = [(p > 0).sum(1) for p in parts[:2]]
        if joined is counts and n < g * h:  # as sums over the rows
            own = parts[2].gather(1, cells)
            sums.append(torch.log(own).sum(1))
            filled.append((1 / own).sum(1).round())
        else:
            sums.append(torch.special.xlogy(parts[2], parts[2]).sum(1))
            filled.append((parts[2] > 0).sum(1))
        plug_in = math.log(n) + (sums[2] - sums[0] - sums[1]) / n
        estimates.append(plug_in - (filled[2] - filled[0] - filled[1] + 1) / (2 * n))
        occupied.append(filled[2] / n)
    return torch.stack(estimates, 1), torch.stack(occupied, 1)
