"""Moments of basis functions between all pairs of columns, made invariant to sign flips."""

from __future__ import annotations

import torch
from torch import Tensor

from skmist.core.scores import N_EVEN, N_ODD

SIZES = (N_ODD**2, N_EVEN**2, N_ODD * N_EVEN, N_ODD * N_EVEN)
N_PAIR = N_EVEN**2 + 2 * N_ODD**2 + 2 * N_ODD * N_EVEN + 6


def pair_moments(phi: Tensor) -> Tensor:
    """Return the correlations (B, d, d, K, K) of basis functions phi (B, d, K, n)."""
    b, d, k, n = phi.shape
    flat = phi.reshape(b, d * k, n)
    block = flat @ flat.transpose(1, 2) / n
    return block.view(b, d, k, d, k).transpose(2, 3)


def pair_features(moments: Tensor, n: int, n_told: int) -> Tensor:
    """Return features of every ordered pair of columns, invariant to sign flips of columns.

    Parameters
    ----------
    moments : Tensor of shape (B, d, d, K, K)
        Correlations of basis functions, odd functions first.
    n : int
        Number of rows.
    n_told : int
        Number of rows that measures of significance are scaled with.

    Returns
    -------
    Tensor of shape (B, d, d, N_PAIR)
    """
    lead = moments[..., 0, 0]
    sign = lead * (lead.square() + 1 / n).rsqrt()
    odd = moments[..., :N_ODD, :N_ODD]
    even = moments[..., N_ODD:, N_ODD:]
    mixed = moments[..., :N_ODD, N_ODD:]
    mixed_t = moments[..., N_ODD:, :N_ODD]
    energies = [part.square().sum((-1, -2)) for part in (odd, even, mixed, mixed_t)]
    tests = [torch.log1p(n_told * e / s) / 3 for e, s in zip(energies, SIZES, strict=True)]
    tests.append(torch.log1p(n_told * lead.square()) / 3)
    tests.append(-0.5 * torch.log1p(-lead.square().clamp_max(0.9999)))
    return torch.cat(
        [
            even.flatten(-2),
            (odd * sign[..., None, None]).flatten(-2),
            odd.abs().flatten(-2),
            mixed.abs().flatten(-2),
            mixed_t.abs().flatten(-2),
            torch.stack(tests, -1),
        ],
        -1,
    )
