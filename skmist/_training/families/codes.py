"""A number of another law for each of many codes, in no order, or for each of many intervals.

Store or item numbers beside sales, or a rough function: with probabilities p_ij of code i and of
interval j of y, in which the density is constant, exactly
I = sum_ij p_ij log(p_ij / (p_i. p_.j)), as in :mod:`skmist._training.families.grid`.
"""

from __future__ import annotations

from skmist._training.draw import Draw
from skmist._training.families.grid import (
    N_BINS,
    class_fields,
    continuous,
    draw_cells,
    joined,
    table_mi,
    tempered,
)
from skmist._training.families.margins import margin
from skmist._training.random import Rng

FEWEST, MOST = 8, 200  # codes


def sample(rng: Rng, batch: int, n: int) -> Draw:
    """Draw codes, or numbers of which each of many intervals has a law of its own, beside a number.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1); x is not marked as labels.
    """
    k = rng.host_log_integer(FEWEST, MOST)
    share = rng.uniform(batch, 1, 1, high=1.5) * rng.normal(batch, k, 1)
    p = tempered(rng, class_fields(rng, batch, k, N_BINS), share)
    whole = rng.coin(0.2)
    p = joined(rng, p) if whole else p
    i, j = draw_cells(rng, p, n)
    if rng.coin(0.35):
        x = continuous(rng, i, k)
    else:
        x = margin(rng, (i + 0.5) / k).unsqueeze(-1) if rng.coin(0.5) else i.unsqueeze(-1).float()
    y = j.unsqueeze(-1).float() if whole else continuous(rng, j, N_BINS)
    return Draw(x, y, table_mi(p))
