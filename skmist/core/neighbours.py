"""Neighbourhoods of query rows, at several scales: a local log density ratio for each of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEIGHBOURS = (1, 3, 6, 12)
N_LOCAL = 3 * len(NEIGHBOURS)


def squared_distances(queries: Tensor, rows: Tensor) -> Tensor:
    """Return squared Euclidean distances (B, q, n) of queries (B, c, q) and rows (B, c, n)."""
    if rows.shape[1] == 1:
        return (queries.transpose(1, 2) - rows).square()
    cross = torch.baddbmm(
        rows.square().sum(1).unsqueeze(1), queries.transpose(1, 2), rows, alpha=-2
    )
    return (cross + queries.square().sum(1).unsqueeze(2)).clamp_min(0)


def neighbour_features(z: Tensor, index: Tensor, dx: int) -> tuple[Tensor, Tensor]:
    """Read the neighbourhoods of query rows.

    For the k-th neighbour in the larger of the two distances (in X, in y), count the rows that are
    closer in X alone and in y alone (Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69, 2004,
    with Euclidean distances inside X and inside y).

    Parameters
    ----------
    z : Tensor of shape (B, d, n)
        Normal scores.
    index : LongTensor of shape (B, q)
        Query rows.
    dx : int
        Number of columns of X.

    Returns
    -------
    local : Tensor of shape (B, q, 3 * len(NEIGHBOURS))
        Log fractions of rows in both marginal neighbourhoods (smaller and larger), and the local
        log density ratio, at each scale.
    anchors : Tensor of shape (B, len(NEIGHBOURS))
        Estimates of the mutual information, in nats, non-negative.
    """
    n = z.shape[-1]
    queries = z.gather(2, index.unsqueeze(1).expand(-1, z.shape[1], -1))
    in_x = squared_distances(queries[:, :dx], z[:, :dx])
    in_y = squared_distances(queries[:, dx:], z[:, dx:])
    in_x.scatter_(2, index.unsqueeze(2), -1.0)  # the query itself comes first, always
    in_y.scatter_(2, index.unsqueeze(2), -1.0)
    largest = min(max(NEIGHBOURS), n - 1)
    nearest = torch.topk(torch.maximum(in_x, in_y), largest + 1, largest=False).values
    local, anchors = [], []
    for k in NEIGHBOURS:
        k = min(k, largest)
        radius = nearest[..., k : k + 1]
        # tied distances: count what lies within, as for discrete data (Gao et al., NeurIPS 2017)
        tied = radius <= 1e-10
        within = torch.where(tied, radius + 1e-10, radius)
        count_x = (in_x < within).sum(-1).clamp_min(1).to(z.dtype)
        count_y = (in_y < within).sum(-1).clamp_min(1).to(z.dtype)
        if bool(tied.any()):
            both = ((in_x < within) & (in_y < within)).sum(-1).clamp_min(1).to(z.dtype)
            kk = torch.where(tied.squeeze(-1), both, float(k))
        else:
            kk = torch.full_like(count_x, float(k))
        ratio = torch.digamma(kk) + math.log(n) - torch.digamma(count_x) - torch.digamma(count_y)
        log_x, log_y = torch.log(count_x / n), torch.log(count_y / n)
        local += [torch.minimum(log_x, log_y), torch.maximum(log_x, log_y), ratio]
        anchors.append(ratio.mean(-1).clamp_min(0))
    return torch.stack(local, -1), torch.stack(anchors, -1)
