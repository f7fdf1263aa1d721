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


def _tilted(error: Tensor, levels: Tensor) -> Tensor:
    """Return the tilted absolute errors, averaged over the levels, which are the last axis."""
    levels = levels.to(error)
    return torch.where(error > 0, levels * error, (levels - 1) * error).mean(-1)


def pinball(dist: MIDistribution, mi: Tensor) -> Tensor:
    """Return the pinball loss of every data set, averaged over levels, shape (B,).

    Where a quantile equals the truth the subgradient is that of a quantile above it, so that a
    quantile at 0 is not raised by a truth of 0.
    """
    return _tilted(compress(mi).unsqueeze(1) - compress(dist.values), dist.levels)


def taught(dist: MIDistribution, mi: Tensor, teacher: Tensor, share: float) -> Tensor:
    """Return the pinball loss of truths of which a share is drawn from a teacher, shape (B,).

    The mean over all that the teacher may draw is taken, which is less noisy than the truth itself
    (Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531,
    2015). Where the truth lies outside the teacher's quantiles, it alone counts.

    Parameters
    ----------
    dist : MIDistribution
    mi : Tensor of shape (B,)
        The truth, in nats.
    teacher : Tensor of shape (B, L)
        Quantiles at the levels of ``dist``, in nats.
    share : float
        From 0 to 1.
    """
    levels = dist.levels.to(teacher)
    between = (levels[1:] + levels[:-1]) / 2
    edge = between.new_tensor([0.0, 1.0])
    mass = torch.cat([edge[:1], between, edge[1:]]).diff()
    error = compress(teacher).unsqueeze(2) - compress(dist.values).unsqueeze(1)
    each = _tilted(error, levels)
    plausible = (teacher[:, 0] <= mi) & (mi <= teacher[:, -1])
    return torch.lerp(pinball(dist, mi), each @ mass, share * plausible.to(each))


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


def total(
    dist: MIDistribution, mi: Tensor, teacher: Tensor | None = None, share: float = 0.0
) -> Tensor:
    """Return the loss of every data set before weighting, shape (B,); see :func:`taught`."""
    levels = pinball(dist, mi) if teacher is None else taught(dist, mi, teacher, share)
    return levels + 0.02 * mean_error(dist, mi)
