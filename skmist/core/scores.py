"""Ranks of columns, and functions of the ranks: normal scores, Student scores, a basis.

Letters in shapes: B data sets, n rows, d columns, K basis functions.
Ranks are mid-ranks, kept doubled and centred as integers, so that everything built on them is
exactly invariant to increasing maps of a column and exactly odd or even under a sign flip.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

N_ODD, N_EVEN = 4, 2
N_BASIS = N_ODD + N_EVEN  # odd functions first


def doubled_ranks(x: Tensor) -> tuple[Tensor, bool]:
    """Rank the values of every column among its rows.

    Parameters
    ----------
    x : Tensor of shape (B, d, n)
        Values; contiguous along rows.

    Returns
    -------
    ranks : LongTensor of shape (B, d, n)
        Twice the mid-rank, from 0 to 2 (n - 1).
    tied : bool
        Whether any column holds equal values.
    """
    n = x.shape[-1]
    ordered, order = torch.sort(x, dim=-1)
    position = torch.arange(n, device=x.device)
    same = ordered[..., 1:] == ordered[..., :-1]
    tied = bool(same.any())
    if tied:
        edge = torch.zeros_like(ordered[..., :1], dtype=torch.bool)
        first = torch.where(torch.cat([edge, same], -1), 0, position).cummax(-1).values
        last = torch.where(torch.cat([same, edge], -1), n - 1, position)
        last = last.flip(-1).cummin(-1).values.flip(-1)
        doubled = first + last
    else:
        doubled = (2 * position).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, doubled), tied


def _uniform_grid(n: int, device) -> Tensor:
    """Return the uniform scores, in float64, of the 2 n - 1 possible doubled ranks."""
    grid = torch.arange(2 * n - 1, device=device, dtype=torch.float64)
    return (grid + 1) / (2 * n)


def normal_table(n: int, device=None) -> Tensor:
    """Return the normal score of every doubled rank, shape (2 n - 1,), float64."""
    half = torch.special.ndtri(_uniform_grid(n, device))
    return (half - half.flip(0)) / 2  # exactly odd


def student_table(n: int, df: float, device=None) -> Tensor:
    """Return the Student quantile (df = 1, 2 or 4) of every doubled rank, shape (2 n - 1,).

    Closed forms: Shaw, "Sampling Student's T distribution", J. Comp. Finance 9 (2006).
    """
    u = _uniform_grid(n, device)
    if df == 1:
        q = torch.tan(math.pi * (u - 0.5))
    elif df == 2:
        q = (2 * u - 1) / torch.sqrt(2 * u * (1 - u))
    elif df == 4:
        a = 4 * u * (1 - u)
        root = torch.sqrt(a)
        q = (
            torch.sign(u - 0.5)
            * 2
            * torch.sqrt((torch.cos(torch.arccos(root) / 3) / root - 1).clamp_min(0))
        )
    else:
        raise ValueError(f"No closed form is used for df={df}.")
    return (q - q.flip(0)) / 2


def basis_table(n: int, device=None) -> Tensor:
    """Return the basis functions of every doubled rank, shape (K, 2 n - 1), float64.

    Odd: Hermite 1 and 3 of the normal score, cosines 3 and 5 of the uniform one; even: Hermite 2,
    cosine 4. Each has mean 0 and variance 1 over the ranks of a column without ties.
    """
    u, z = _uniform_grid(n, device), normal_table(n, device)
    odd = [z, z**3 - 3 * z] + [torch.cos(math.pi * k * u) for k in (3, 5)]
    even = [z**2 - 1] + [torch.cos(math.pi * 4 * u)]
    odd = torch.stack(odd)
    even = torch.stack(even)
    table = torch.cat([(odd - odd.flip(1)) / 2, (even + even.flip(1)) / 2])
    ranks = table[:, ::2]
    return (table - ranks.mean(1, keepdim=True)) / ranks.std(1, correction=0, keepdim=True)


def standardise(phi: Tensor) -> Tensor:
    """Centre and scale along the last axis; what does not vary becomes 0."""
    phi = phi - phi.mean(-1, keepdim=True)
    variance = phi.square().mean(-1, keepdim=True)
    return phi * torch.where(variance > 1e-4, variance.clamp_min(1e-4).rsqrt(), 0.0)


def subsample_rows(ranks: Tensor, size: int) -> Tensor:
    """Choose rows pseudo-randomly, by a hash of their ranks.

    The choice does not depend on the order of rows or columns, nor on sign flips, and is made in
    integers, so that it is exact.

    Parameters
    ----------
    ranks : LongTensor of shape (B, d, n)
        Doubled ranks.
    size : int
        Number of rows wanted, at most n.

    Returns
    -------
    LongTensor of shape (B, size)
    """
    n = ranks.shape[-1]
    if size >= n:
        return torch.arange(n, device=ranks.device).expand(ranks.shape[0], n)
    key = (2 * ranks - 2 * (n - 1)).abs() + 1  # sign flips leave it as it is
    key = key * 0x2545F4914F6CDD1D
    key = (key ^ (key >> 29)) * 0x1B03738712FAD5C9
    key = (key ^ (key >> 32)).sum(1)
    key = key * 0x2545F4914F6CDD1D
    return torch.topk(key ^ (key >> 31), size, dim=-1).indices
