"""Plug-in entropies: of tied samples, whose whole rows repeat, and of tables of two columns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist.core import grids
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


def table_information(
    i: Tensor, j: Tensor, shape: tuple[int, int], deviations: float = 0.0
) -> Tensor:
    """Return the information of tables of two columns less what chance gives, (B, d * e), in nats.

    Chance gives a quantity whose double, times the number of rows, is near chi-squared.

    Parameters
    ----------
    i, j : LongTensor of shape (B, d, n) and (B, e, n)
        Cells of rows along the first and along the second axis, from 0.
    shape : tuple of int
        Numbers of cells.
    deviations : float
        Standard deviations of what chance gives that are taken off besides its mean.
    """
    b, _, n = i.shape
    cells = (i.unsqueeze(2) * shape[1] + j.unsqueeze(1)).flatten(0, 2)
    table = grids.count(cells, shape).double()
    rows, columns = table.sum(2), table.sum(1)
    entropies = [torch.special.entr(v / n).sum(1) for v in (rows, columns, table.flatten(1))]
    free = ((rows > 0).sum(1) - 1) * ((columns > 0).sum(1) - 1)  # degrees of freedom
    chance = (free + deviations * torch.sqrt(2.0 * free)) / (2 * n)
    return (entropies[0] + entropies[1] - entropies[2] - chance).view(b, -1)
