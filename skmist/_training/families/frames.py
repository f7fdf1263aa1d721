"""Tables as they come: categories as indicators, codes, booleans and numbers beside one target.

The target depends on some of the columns by effects of categories, effects of the combinations of
two, slopes of a number that differ between categories, or another random function. Its mutual
information with the table is that of :mod:`skmist._training.families.functions`, for a number, or
:mod:`skmist._training.families.categorical`, for labels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmist._training.draw import Draw
from skmist._training.families.categorical import with_labels
from skmist._training.families.columns import column_sampler, random_function
from skmist._training.families.functions import with_noise
from skmist._training.random import Rng

MOST_CATEGORIES = 64
MOST_TARGET = 20  # classes


def table_sampler(rng: Rng, batch: int, widths: list[int]) -> Callable[[int], Tensor]:
    """Return a function that draws n rows of a table, (batch, n, sum of widths).

    Parameters
    ----------
    rng : Rng
    batch : int
    widths : list of int
        How many columns each variable takes: 1 for a number, code or boolean, else one -1/1
        indicator for each category. Variables have factors in common, or not.
    """
    base = column_sampler(rng, batch, len(widths), discrete=0.5, group=0.0)
    laws = [
        (
            rng.normal(batch, 1, k) * rng.uniform(batch, 1, 1, high=1.2),
            rng.normal(batch, 1, k) * rng.uniform(batch, 1, 1, high=2.0) * float(rng.coin(0.5)),
        )
        for k in widths
    ]

    def draw(n: int) -> Tensor:
        parts = []
        for c, k, (share, slope) in zip(base(n).split(1, 2), widths, laws, strict=True):
            if k > 1:
                gumbel = -torch.log(-torch.log(rng.uniform(batch, n, k)))
                c = 2 * one_hot((share + slope * c + gumbel).argmax(2), k).to(c) - 1
            parts.append(c)
        return torch.cat(parts, 2)

    return draw


def effects(rng: Rng, batch: int, widths: list[int], n_out: int) -> Callable[[Tensor], Tensor]:
    """Return a random weighted sum of columns, with other weights for each category of one column.

    Parameters
    ----------
    rng : Rng
    batch : int
    widths : list of int
        As those of :func:`table_sampler`.
    n_out : int
        How many sums.

    Returns
    -------
    callable
        From tables (batch, n, d) to (batch, n, n_out).
    """
    active = rng.host_integer(1, len(widths))
    chosen = torch.rand(len(widths), generator=rng.host).argsort() < active
    on = chosen.repeat_interleave(torch.tensor(widths)).to(rng.device)
    weight = rng.normal(batch, len(on), n_out) * on.view(1, -1, 1)
    if rng.coin(0.6):
        return lambda x: x @ weight
    ends = torch.tensor(widths).cumsum(0).tolist()
    one, other = (
        slice(ends[j] - widths[j], ends[j])
        for j in (rng.host_integer(0, len(widths) - 1) for _ in range(2))
    )
    count = (one.stop - one.start) * (other.stop - other.start)
    both = rng.normal(batch, count, n_out)
    both = both * rng.log_uniform(batch, 1, 1, low=0.3, high=3.0)

    def function(x: Tensor) -> Tensor:
        products = (x[..., one, None] + 1) / 2 * x[..., None, other]
        return x @ weight + products.flatten(2) @ both

    return function


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int) -> Draw:
    """Draw a table of dx columns beside a number or labels.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int
    dx : int
    dy : int
        One for a number, two labels or codes of more; else as many classes, as indicators.
    """
    widths, left = [], dx
    while left:
        most = min(MOST_CATEGORIES, left)
        widths.append(rng.host_log_integer(3, most) if left >= 3 and rng.coin(0.45) else 1)
        left -= widths[-1]
    columns = table_sampler(rng, batch, widths)
    number = dy == 1 and rng.coin(0.65)
    k = 1 if number else dy if dy > 1 else 2
    if k == 2 and rng.coin(0.3):
        k = rng.host_log_integer(3, MOST_TARGET)
    f = effects(rng, batch, widths, k) if rng.coin(0.6) else random_function(rng, batch, dx, k)
    if number:
        return with_noise(rng, columns, f, n)
    return with_labels(rng, columns, f, n, dy > 1)
