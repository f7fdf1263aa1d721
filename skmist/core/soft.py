"""Ranks that keep their values and have a gradient: how ranks change when values move.

Ranks are step functions. Their population version is not: where the values x of a column move at
velocities v, the normal scores z of their ranks move at

    (v - E[v | x]) dz/dx,

since a row passes the others as far as it moves otherwise than they do. Both the slope dz/dx of the
score and the expectation are estimated from the neighbours in the order of the column, the latter
by local linear regression, in time n log n. Nothing changes where all rows move together, and where
a smooth monotone map moves them. To the hard ranks this gradient is added "straight through"
(Bengio, Leonard and Courville, arXiv 1308.3432, 2013). Soft ranks as sums of sigmoids (Qin, Liu and
Li, Inf. Retr. 13, 2010) are a kernel estimate of the same thing, whose values are not the ranks;
other soft ranks: Blondel, Teboul, Berthet and Djolonga, ICML 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist.core.scores import (
    PairValues,
    Ranks,
    doubled_ranks,
    normal_table,
    reordered,
    tie_blocks,
)

FEWEST = 3  # ranks to both sides that are looked at
SMALLEST_STEP = 1e-9  # of values, in standard deviations


def rank(x: Tensor) -> tuple[Ranks, Tensor, Tensor]:
    """Rank the values of every column; softly, if x has a gradient to receive.

    Returns
    -------
    ranks : Ranks
    ties : Tensor of shape (...)
        See :func:`~skmist.core.scores.doubled_ranks`.
    order : LongTensor of shape (..., n)
        Rows in increasing order.
    """
    doubled, ties, order = doubled_ranks(x.detach())
    if not x.requires_grad:
        return Ranks(doubled), ties, order
    return SoftRanks(doubled, score_steps(x, order)), ties, order


def straight_through(hard: Tensor, smooth: Tensor) -> Tensor:
    """Return the values of ``hard`` with the gradient of ``smooth``."""
    return hard + (smooth - smooth.detach())


class SoftRanks(Ranks):
    """Ranks with a gradient.

    Parameters
    ----------
    doubled : LongTensor of shape (..., n)
    steps : Tensor of shape (..., n), float64
        Zeros whose gradient is that of the normal scores of the ranks.
    """

    def __init__(self, doubled: Tensor, steps: Tensor):
        super().__init__(doubled)
        self.steps = steps

    def reordered(self, rows: Tensor, columns: Tensor) -> SoftRanks:
        """Return the ranks, of shape (B, d, n), with rows (B, n) and columns (B, d) in an order."""
        return SoftRanks(*(reordered(v, rows, columns) for v in (self.doubled, self.steps)))

    def tangent(self, table: Tensor) -> Tensor:
        """Return zeros with the gradient of what stands in a table of shape (2 n - 1,)."""
        z = normal_table(self.doubled.shape[-1], device=table.device)

        def change(t: Tensor) -> Tensor:
            return torch.cat([t[1:2] - t[:1], t[2:] - t[:-2], t[-1:] - t[-2:-1]])

        slope = change(table.double()) / change(z)
        return (super().look_up(slope) * self.steps).to(table.dtype)

    def look_up(self, table: Tensor) -> Tensor:
        """Look the ranks up in a table of shape (2 n - 1,)."""
        return super().look_up(table) + self.tangent(table)

    def numbers(self) -> Tensor:
        """Return the ranks as numbers to reckon with."""
        size = 2 * self.doubled.shape[-1] - 1
        device = self.doubled.device
        return self.look_up(torch.arange(size, dtype=torch.float64, device=device))

    def means_over_pairs(self, values: PairValues, lag: int, order: Tensor) -> list[Tensor]:
        """Return means over the pairs of rows that lie some steps apart, each of shape (B,).

        Which pairs do so changes too. A mean over all pairs at most twice as many steps apart loses
        those that leave: its gradient follows from the pairs at that distance.
        """
        near, lag = super().means_over_pairs(values, lag, order), min(2 * lag, order.shape[1] - 1)
        number = self.numbers().expand_as(order).gather(1, order)
        leaving = (number[:, lag:] - number[:, :-lag]) / 2
        out = []
        for mean, far in zip(near, values(lag), strict=True):
            far = far.detach()
            loss = ((far - far.mean(1, keepdim=True)) * leaving).mean(1) / lag
            out.append(mean - (loss - loss.detach()).to(mean.dtype))
        return out


def score_steps(x: Tensor, order: Tensor) -> Tensor:
    """Return zeros (..., n), float64, with the gradient of the normal scores of x.

    Parameters
    ----------
    x : Tensor of shape (..., n)
    order : LongTensor of shape (..., n)
        Rows in increasing order.
    """
    n = x.shape[-1]
    ordered = _standardised(x.double()).gather(-1, order)
    values = ordered.detach()
    blocks = tie_blocks(values[..., 1:] == values[..., :-1])
    z = normal_table(n, device=x.device)[sum(blocks)]
    low, high = _window(*blocks, n**0.5)
    rise, run = (t.gather(-1, high) - t.gather(-1, low) for t in (z, values))
    moved = rise / run.clamp_min(SMALLEST_STEP) * (ordered - values)
    own = moved - _local_mean(z, moved, *_window(*blocks, n**0.8 / 4))
    return torch.zeros_like(own).scatter(-1, order, own)


def _standardised(x: Tensor) -> Tensor:
    """Centre and scale along the last axis, so that shifts and scales get no gradient at all."""
    x = x - x.mean(-1, keepdim=True)
    largest = x.detach().abs().amax(-1, keepdim=True)
    x = x / torch.where(largest > 0, largest, 1.0)
    return x / x.square().mean(-1, keepdim=True).clamp_min(1e-20).sqrt()


def _window(first: Tensor, last: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Return the ends of windows around blocks of equal values; they hold whole blocks."""
    n = first.shape[-1]
    reach = max(FEWEST, round(reach))
    low, high = (first - reach).clamp_min(0), (last + reach).clamp_max(n - 1)
    return first.gather(-1, low), last.gather(-1, high)


def _local_mean(z: Tensor, v: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Regress v on z linearly within windows of sorted z, and return the values at z."""

    def mean(t: Tensor) -> Tensor:
        total = torch.nn.functional.pad(t.cumsum(-1), (1, 0))
        return (total.gather(-1, high + 1) - total.gather(-1, low)) / (high + 1 - low)

    centre, level = mean(z), mean(v)
    variance = (mean(z.square()) - centre.square()).clamp_min(1e-9)
    return level + (mean(z * v) - centre * level) / variance * (z - centre)
