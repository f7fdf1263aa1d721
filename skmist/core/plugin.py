"""Plug-in entropies of tied samples: how often whole rows repeat, in X, in y and in both."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist.core.scores import in_order, tie_blocks


def row_keys(ranks: Tensor) -> Tensor:
    """Return an integer for every row (B, n), equal where rows of ranks (B, d, n) are equal."""
    salt = torch.arange(1, ranks.shape[1] + 1, device=ranks.device) * 0x1B03738712FAD5C9
    salt = salt ^ (salt >> 31)
    mixed = (ranks + 1) * (2 * salt + 1)[:, None]
    mixed = (mixed ^ (mixed >> 29)) * 0x2545F4914F6CDD1D
    return (mixed ^ (mixed >> 32)).sum(1)


def entropy(keys: Tensor) -> Tensor:
    """Return the plug-in entropy (B,), in nats, of the values in the rows of keys (B, n)."""
    n = keys.shape[-1]
    ordered = in_order(keys)
    first, last = tie_blocks(ordered[:, 1:] == ordered[:, :-1])
    size = (last - first + 1).double()
    return math.log(n) - size.log().mean(-1)


def plugin_entropies(ranks: Tensor, dx: int, tied: bool) -> Tensor:
    """Return the entropies of X, of y and of both, shape (B, 3), in nats; log n without ties."""
    b, _, n = ranks.shape
    if not tied:
        return torch.full((b, 3), math.log(n), device=ranks.device)
    x, y = row_keys(ranks[:, :dx]), row_keys(ranks[:, dx:])
    both = x * 0x2545F4914F6CDD1D + (y ^ (y >> 27)) * 0x1B03738712FAD5C9
    return torch.stack([entropy(x), entropy(y), entropy(both)], 1).float()
