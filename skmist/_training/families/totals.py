"""A total of codes: y = x_1 + ... + x_k, and at times another code that X does not hold.

Points, ratings, counts of parts beside their total are like that. Sums of independent codes have
the convolution of their probabilities, and I(X; y) = H(y) - H(y | X), of which the last is the
entropy of the code that X does not hold (Cover and Thomas, "Elements of Information Theory", 2.4).
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.categorical import entropy
from skmist._training.random import Rng

MOST_LEVELS = 40  # of a code
MOST_ADDED = 8  # columns


def convolved(parts: list[Tensor]) -> Tensor:
    """Return the probabilities (B, m) of sums of independent codes, of whose each is (B, k)."""
    length = sum(p.shape[1] - 1 for p in parts) + 1
    waves = [torch.fft.rfft(p.double(), length) for p in parts]
    total = torch.fft.irfft(torch.stack(waves).prod(0), length).clamp_min(0)
    return (total / total.sum(1, keepdim=True)).float()


def sample(rng: Rng, batch: int, n: int, dx: int) -> Draw:
    """Draw X of dx columns of codes, and the total of some or all of them.

    Parameters
    ----------
    rng : Rng
    batch, n, dx : int

    Returns
    -------
    Draw
        With y of shape (batch, n, 1).
    """
    added = rng.host_integer(1, min(dx, MOST_ADDED))
    size = rng.host_log_integer(2, MOST_LEVELS) if rng.coin(0.6) else None
    p = [_code(rng, batch, size) for _ in range(dx)]
    x = torch.stack([_drawn(rng, code, n) for code in p], 2)
    y, told = x[..., :added].sum(2), p[:added]
    unknown = torch.zeros(batch, device=rng.device)
    if added == 1 or rng.coin(0.5):
        other = _code(rng, batch, size)
        y, told, unknown = y + _drawn(rng, other, n), [*told, other], entropy(other)
    mi = (entropy(convolved(told)) - unknown).clamp_min(0)
    return Draw(x.float(), y.unsqueeze(2).float(), mi)


def _code(rng: Rng, batch: int, size: int | None) -> Tensor:
    """Draw probabilities (batch, levels): of any shape, or with one peak."""
    levels = size or rng.host_log_integer(2, MOST_LEVELS)
    if rng.coin(0.5):
        return torch.softmax(rng.uniform(batch, 1, high=1.2) * rng.normal(batch, levels), 1)
    place = torch.arange(levels, device=rng.device) / levels
    gap = (place - rng.uniform(batch, 1)) / rng.log_uniform(batch, 1, low=0.15, high=1.0)
    return torch.softmax(-0.5 * gap.square(), 1)


def _drawn(rng: Rng, p: Tensor, n: int) -> Tensor:
    """Draw n codes of each data set, (batch, n)."""
    return torch.multinomial(p, n, True, generator=rng.generator)
