"""Ranks of columns, and functions of the ranks: normal scores, Student scores, a basis.

Letters in shapes: B data sets, n rows, d columns, K basis functions.
Ranks are mid-ranks, kept doubled and centred as integers, so that everything built on them is
exactly invariant to increasing maps of a column and exactly odd or even under a sign flip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps

import torch
from torch import Tensor

N_ODD, N_EVEN = 4, 2
N_BASIS = N_ODD + N_EVEN  # odd functions first


def doubled_ranks(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rank the values of every column among its rows.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Values; contiguous along rows.

    Returns
    -------
    ranks : LongTensor of shape (..., n)
        Twice the mid-rank, from 0 to 2 (n - 1).
    ties : Tensor of shape (...)
        Share of values that equal the next larger one; 0 without ties.
    order : LongTensor of shape (..., n)
        Rows in increasing order.
    """
    n = x.shape[-1]
    order = argsort(x)
    ordered = x.gather(-1, order)
    same = ordered[..., 1:] == ordered[..., :-1]
    tied = bool(same.any())
    if tied:  # the same order on every machine
        ordered, order = torch.sort(x, dim=-1, stable=True)
        same = ordered[..., 1:] == ordered[..., :-1]
    position = torch.arange(n, device=x.device)
    ties = same.float().mean(-1)
    doubled = sum(tie_blocks(same)) if tied else (2 * position).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, doubled), ties, order


def tie_blocks(same: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the block of equal values around every value starts and ends, each (..., n).

    Parameters
    ----------
    same : Tensor of bool of shape (..., n - 1)
        Whether a sorted value equals the one before.
    """
    n = same.shape[-1] + 1
    position = torch.arange(n, device=same.device)
    edge = torch.zeros_like(same[..., :1])
    first = torch.where(torch.cat([edge, same], -1), 0, position).cummax(-1).values
    last = torch.where(torch.cat([same, edge], -1), n - 1, position)
    return first, last.flip(-1).cummin(-1).values.flip(-1)


PairValues = Callable[[int], list[Tensor]]


class Ranks:
    """Doubled ranks of columns, with all that is read at them.

    Parameters
    ----------
    doubled : LongTensor of shape (..., n)
    """

    def __init__(self, doubled: Tensor):
        self.doubled = doubled

    def reordered(self, rows: Tensor, columns: Tensor) -> Ranks:
        """Return the ranks, of shape (B, d, n), with rows (B, n) and columns (B, d) in an order."""
        return Ranks(reordered(self.doubled, rows, columns))

    def look_up(self, table: Tensor) -> Tensor:
        """Look the ranks up in a table of shape (2 n - 1,)."""
        return table.index_select(0, self.doubled.reshape(-1)).view(self.doubled.shape)

    def tangent(self, table: Tensor) -> Tensor | None:
        """Return zeros with the gradient of what stands in a table; None as there is none."""
        return None

    def numbers(self) -> Tensor:
        """Return the ranks as numbers to reckon with."""
        return self.doubled

    def means_over_pairs(self, values: PairValues, lag: int, order: Tensor) -> list[Tensor]:
        """Return means over the pairs of rows that lie some steps apart, each of shape (B,).

        Parameters
        ----------
        values : callable
            Gives lists of values (B, n - lag) of the pairs that lie ``lag`` steps apart.
        lag : int
            Number of steps.
        order : LongTensor of shape (B, n)
            Rows in increasing order.
        """
        return [part.mean(1) for part in values(lag)]


def reordered(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return values (B, d, n) with their rows (B, n) and columns (B, d) in another order."""
    values = values.gather(1, columns.unsqueeze(2).expand_as(values))
    return values.gather(2, rows.unsqueeze(1).expand_as(values))


def argsort(x: Tensor) -> Tensor:
    """Return the places of values in increasing order; equal ones come in any order."""
    if x.device.type != "cpu":
        return x.argsort(-1)
    # NumPy's is vectorised, three times as fast
    return torch.from_numpy(x.detach().numpy().argsort(axis=-1))


def in_order(x: Tensor) -> Tensor:
    """Return the values of the last axis in increasing order."""
    if x.requires_grad or x.device.type != "cpu":
        return x.sort(-1).values
    x = x.clone()
    x.numpy().sort(axis=-1)  # vectorised, ten times as fast
    return x


FEW_ROWS = 4096  # up to which tables are kept
KEPT = 8  # tables of a kind


def _kept(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Keep the tables of few rows on the CPU, which many samples of one shape read."""

    @lru_cache(KEPT)
    def keep(*key) -> Tensor:
        with torch.inference_mode(False):  # so that autograd can use them later
            return make(*key)

    @wraps(make)
    def table(n: int, *rest, device=None) -> Tensor:
        if n <= FEW_ROWS and torch.device(device or "cpu").type == "cpu":
            return keep(n, *rest)
        return make(n, *rest, device=device)

    return table


def _uniform_grid(n: int, device) -> Tensor:
    """Return the uniform scores, in float64, of the 2 n - 1 possible doubled ranks."""
    grid = torch.arange(2 * n - 1, device=device, dtype=torch.float64)
    return (grid + 1) / (2 * n)


@_kept
def normal_table(n: int, device=None) -> Tensor:
    """Return the normal score of every doubled rank, shape (2 n - 1,), float64."""
    half = torch.special.ndtri(_uniform_grid(n, device))
    return (half - half.flip(0)) / 2  # exactly odd


@_kept
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


@_kept
def basis_table(n: int, device=None) -> Tensor:
    """Return the basis functions of every doubled rank, shape (K, 2 n - 1), float64.

    Odd: Hermite 1 and 3 of the normal score, cosines 3 and 5 of the uniform one; even: Hermite 2,
    cosine 4. Each has mean 0 and variance 1 over the ranks of a column without ties.
    """
    table = basis_of(_uniform_grid(n, device), normal_table(n, device=device))
    ranks = table[:, ::2]
    return (table - ranks.mean(1, keepdim=True)) / ranks.std(1, correction=0, keepdim=True)


def basis_of(u: Tensor, z: Tensor) -> Tensor:
    """Return the basis functions (K, m) at points symmetric around the middle, with exact parity.

    Parameters
    ----------
    u, z : Tensor of shape (m,)
        Uniform and normal scores.
    """
    odd = [z, z**3 - 3 * z] + [torch.cos(math.pi * k * u) for k in (3, 5)]
    even = [z**2 - 1] + [torch.cos(math.pi * 4 * u)]
    odd = torch.stack(odd)
    even = torch.stack(even)
    return torch.cat([(odd - odd.flip(1)) / 2, (even + even.flip(1)) / 2])


def standardise(phi: Tensor) -> Tensor:
    """Centre and scale along the last axis; what does not vary becomes 0."""
    phi = phi - phi.mean(-1, keepdim=True)
    variance = phi.square().mean(-1, keepdim=True)
    return phi * torch.where(variance > 1e-4, variance.clamp_min(1e-4).rsqrt(), 0.0)


def _mix(key: Tensor) -> Tensor:
    """Scramble 64-bit integers."""
    key = key * 0x2545F4914F6CDD1D
    key = (key ^ (key >> 29)) * 0x1B03738712FAD5C9
    key = (key ^ (key >> 32)) * 0x2545F4914F6CDD1D
    return key ^ (key >> 31)


def own_order(ranks: Tensor, dx: int) -> tuple[Tensor, Tensor]:
    """Return a pseudo-random order of the rows and of the columns: those of hashes of their ranks.

    The order does not depend on the order in which rows or columns were given, nor on sign flips,
    and is found in integers, so that it is exact: the first rows are a random subsample, and the
    first half of them a random half. A first hash of rows, of the distances from the middle, gives
    every column a name and a direction of its own; the names order the columns, and a second hash
    of the ranks in that direction, by column, the rows. Where columns hold each other's ranks on
    rows that do so too, names and hashes are equal; then both are told apart by the same once more,
    with names that know the others on their side and hashes that know these names. Columns that may
    be exchanged together with some rows, such as those of labels that occur once, stay in any
    order, and these rows follow it.

    Parameters
    ----------
    ranks : LongTensor of shape (B, d, n)
        Doubled ranks.
    dx : int
        Number of columns of the first side; columns stay on their side.

    Returns
    -------
    rows : LongTensor of shape (B, n)
    columns : LongTensor of shape (B, d)
    """
    centred = ranks - (ranks.shape[-1] - 1)
    first = _mix(_mix(centred.abs() + 1).sum(1, keepdim=True)) & 0xFFFF  # (B, 1, n)
    direction = torch.where((first * centred).sum(2, keepdim=True) < 0, -1, 1)
    name = _mix((first * centred.abs()).sum(2, keepdim=True) + 1)
    hashes = _mix(_mix(centred * direction + name).sum(1))
    rows, again = hashes.argsort(-1), None
    ordered = hashes.gather(1, rows)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        sides = [part.sum(1, keepdim=True).expand_as(part) for part in (name[:, :dx], name[:, dx:])]
        directed = centred * direction
        known = _mix(name + _mix(torch.cat(sides, 1)))
        known = _mix(_mix(directed + known).sum(1, keepdim=True)) & 0xFFFF
        again = _mix((known * directed).sum(2, keepdim=True).abs() + name)
    columns = []
    for part in (slice(dx), slice(dx, None)):
        names = name[:, part, 0]
        columns.append(names.argsort(1) if again is None else _by(names, again[:, part, 0]))
    columns = torch.cat([columns[0], dx + columns[1]], 1)
    if again is not None:
        place = columns.argsort(1).unsqueeze(2)
        keys = (_mix(_mix(directed + own).sum(1)) for own in (again, _mix(place + 1)))
        rows = _by(hashes, *keys)
    return rows, columns


def _by(*keys: Tensor) -> Tensor:
    """Return the order of the last axis by a first key and, where it is equal, by the others."""
    order = keys[-1].argsort(-1)
    for key in keys[-2::-1]:
        order = order.gather(-1, key.gather(-1, order).argsort(dim=-1, stable=True))
    return order
