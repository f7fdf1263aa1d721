"""Pairs with an atom at zero on one side or both, as in counts, rain and expression levels.

Let A and B tell whether x and y differ from zero, and let (x, y) where both do follow a base
distribution with information I_base; where only one does, it follows the margin of the base. Then
I(x; y) = I(A; B) + P(A = B = 1) I_base.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist._training import compose
from skmist._training.draw import Draw
from skmist._training.families import copulas, elliptical, grid
from skmist._training.random import Rng

BASES = (elliptical.bivariate, copulas.sample, grid.sample)


def presence(rng: Rng, batch: int) -> Tensor:
    """Draw the probabilities of (A, B), shape (batch, 2, 2), index 1 for a value off zero."""
    kind = rng.choose(("both", "one", "random"), (1, 1, 2))
    zero = rng.uniform(batch, low=0.05, high=0.9)
    p = torch.zeros(batch, 2, 2, device=rng.device)
    if kind == "both":
        p[:, 0, 0], p[:, 1, 1] = zero, 1 - zero
    elif kind == "one":
        p[:, 0, 1], p[:, 1, 1] = zero, 1 - zero
    else:
        log_p = rng.normal(batch, 4)
        log_p[:, 3] += 1
        p = torch.softmax(log_p, 1).view(batch, 2, 2)
        product = p.sum(2, keepdim=True) * p.sum(1, keepdim=True)
        return torch.lerp(product, p, rng.uniform(batch, 1, 1))
    return p.transpose(1, 2) if rng.coin(0.5) else p


def positive(rng: Rng, x: Tensor) -> Tensor:
    """Map values to positive ones, increasing, with probability 1/2 of the call."""
    return compose.exp_asinh(x) if rng.coin(0.5) else x


def sample(rng: Rng, batch: int, n: int) -> Draw:
    """Draw pairs with atoms at zero.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1).
    """
    base = rng.choose(BASES)(rng, batch, n)
    p = presence(rng, batch)
    a, b = grid.draw_cells(rng, p, n)
    x = positive(rng, base.x) * a.unsqueeze(-1)
    y = positive(rng, base.y) * b.unsqueeze(-1)
    return Draw(x, y, grid.table_mi(p) + p[:, 1, 1] * base.mi)
