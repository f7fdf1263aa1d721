"""One column in the order of another, window by window: estimates of the finest structure.

The rows of a window lie so close together in x that x is nearly a constant there: the gaps between
their sorted values of y measure the entropy of y given x, as spacings do (Vasicek, J. R. Stat. Soc.
B 38, 1976). Of ranks, it is the mutual information with its sign changed. Where y rises or falls
with x, a line fitted to the window takes that away, and wider windows serve.

Letters in shapes: B data sets, n rows, K windows, m rows of a window.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist.core.scores import in_order

SIZES = (16, 64, 256)  # rows of a window
FEWEST_ROWS = 1500  # of a data set; with fewer, windows are wide
MOST_ROWS = 131_072  # that are read
N_WAYS = 2 * len(SIZES)  # sizes, without and with a line
N_ESTIMATES = 2 * N_WAYS


def window_estimates(ordered: Tensor) -> Tensor:
    """Estimate the mutual information of a pair of columns from windows.

    What lies beyond the outermost values of a window is left out by the first half of the
    estimates, as if it were like the rest: too high where y has long tails. The second half takes
    it to be e^0.5 times as thin as the outermost gaps: too low where y is bounded.

    Parameters
    ----------
    ordered : Tensor of shape (B, n)
        Doubled ranks of y with the rows in the order of x, n at least ``FEWEST_ROWS``.

    Returns
    -------
    Tensor of shape (B, N_ESTIMATES)
        In nats.
    """
    n = ordered.shape[1]
    inner, whole = [], []
    for size in SIZES:
        plain = _windows(ordered.detach().float(), size)
        unit = math.log(2 * n) - sum(1 / i for i in range(1, size + 1))
        steps = torch.arange(size, device=ordered.device) - (size - 1) / 2
        line = (plain @ steps / steps.square().sum()).unsqueeze(2) * steps
        for window in (plain, plain - line):
            logs = torch.log(in_order(window).diff(dim=2) + 0.5)
            mean = logs.mean((1, 2))
            ends = (logs[..., 0] + logs[..., -1]).mean(1) / 2
            inner.append(unit - mean)
            whole.append(unit - ((size - 1) * mean + 2 * ends + 1) / (size + 1))
    return torch.stack(inner + whole, 1)


def _windows(ordered: Tensor, size: int) -> Tensor:
    """Return windows (B, K, m), symmetric around the middle, which may be left out."""
    batch, n = ordered.shape
    k = n // size // 2
    stride = -(-2 * k * size // MOST_ROWS)
    left = ordered[:, : k * size].view(batch, k, size)[:, ::stride]
    right = ordered[:, n - k * size :].reshape(batch, k, size).flip(1)[:, ::stride]
    return torch.cat([left, right], 1)
