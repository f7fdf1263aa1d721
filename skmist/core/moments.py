"""Moments of basis functions between all pairs of columns, made invariant to sign flips."""

from __future__ import annotations

import torch
from torch import Tensor

from skmist.core.scores import N_EVEN, N_ODD

SIZES = (N_EVEN**2, N_ODD**2, N_ODD * N_EVEN, N_ODD * N_EVEN)
N_PAIR = N_EVEN**2 + 2 * N_ODD**2 + 2 * N_ODD * N_EVEN + 6
_PLACE = torch.arange((N_ODD + N_EVEN) ** 2).view(N_ODD + N_EVEN, -1)
# even functions of both columns, odd ones of both, odd of the first column, odd of the second
_ORDER = torch.cat(
    [
        part.flatten()
        for part in (
            _PLACE[N_ODD:, N_ODD:],
            _PLACE[:N_ODD, :N_ODD],
            _PLACE[:N_ODD, N_ODD:],
            _PLACE[N_ODD:, :N_ODD],
        )
    ]
)


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
    square = lead.square()
    sign = lead * (square + 1 / n).rsqrt()
    ordered = moments.flatten(-2).index_select(-1, _ORDER.to(moments.device))
    even, odd, mixed, mixed_t = (part.sum(-1) for part in ordered.square().split(SIZES, -1))
    energies = torch.stack([odd, even, mixed, mixed_t], -1)
    sizes = moments.new_tensor([SIZES[1], SIZES[0], *SIZES[2:]])
    return torch.cat(
        [
            ordered[..., : SIZES[0]],
            ordered[..., SIZES[0] : SIZES[0] + SIZES[1]] * sign.unsqueeze(-1),
            ordered[..., SIZES[0] :].abs(),
            torch.log1p(energies * (n_told / sizes)) / 3,
            torch.log1p(n_told * square).unsqueeze(-1) / 3,
            -0.5 * torch.log1p(-square.clamp_max(0.9999)).unsqueeze(-1),
        ],
        -1,
    )
