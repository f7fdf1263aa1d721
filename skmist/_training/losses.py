"""Losses: pinball over all quantile levels, and a squared error of the mean."""

from __future__ import annotations

import torch
from torch import Tensor

from skmist.core.distribution import MIDistribution


def compress(mi: Tensor) -> Tensor:
    """Map nats to the scale on which errors are compared: 2 sqrt(mi + 0.1), increasing.

    Quantiles of a mapped value are the mapped quantiles, so this weighs small against large mutual
    information without moving any quantile.
    """
    return 2 * torch.sqrt(mi + 0.1)


def pinball(dist: MIDistribution, mi: Tensor) -> Tensor:
    """Return the pinball loss of every data set, averaged over levels, shape (B,).

    Where a quantile equals the truth the subgradient is that of a quantile above it, so that a
    quantile at 0 is not raised by a truth of 0.
    """
    error = compress(mi).unsqueeze(1) - compress(dist.values)
    levels = dist.levels.to(error)
    return torch.where(error > 0, levels * error, (levels - 1) * error).mean(1)


def mean_error(dist: MIDistribution, mi: Tensor) -> Tensor:
    """Return the squared error of the mean in units of the predicted spread, capped, shape (B,)."""
    spread = (dist.quantile(0.9) - dist.quantile(0.1)).detach() / 2.56
    z = (dist.mean() - mi) / (spread + 0.02)
    return torch.nn.functional.huber_loss(z, torch.zeros_like(z), reduction="none", delta=3.0)


def weight(n: int, columns: int) -> float:
    """Return the weight of a data set in training.

    What can be known of the mutual information sharpens with the square root of the number of
    rows n; with the weight following it, many rows do not vanish beside few. For vectors it is
    followed most of the way.
    """
    return min(max(n / 200, 0.1), 100.0) ** (0.5 if columns == 2 else 0.4)


def total(dist: MIDistribution, mi: Tensor) -> Tensor:
    """Return the loss of every data set before weighting, shape (B,)."""
    return pinball(dist, mi) + 0.02 * mean_error(dist, mi)
