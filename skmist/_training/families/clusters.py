"""Classes of clusters: X is a Gaussian mixture, and y the class that its component belongs to.

I(X; y) = H(mean of p(. | X)) - mean of H(p(. | X)), over a large reference sample of X, with the
exact probabilities of the components given X. Some labels may be replaced at random.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.categorical import columns_of, entropy
from skmist._training.random import Rng

N_REFERENCE = 4096
MOST_COMPONENTS = 40


def sample(rng: Rng, batch: int, n: int, dx: int, n_classes: int, one_hot: bool) -> Draw:
    """Draw X of dx columns and a y of n_classes, coded or as indicators (one column if binary)."""
    each = rng.host_integer(2, 4) if rng.coin(0.3) else 1
    m = max(n_classes, min(n_classes * each, MOST_COMPONENTS))
    active = dx if rng.coin(0.5) else rng.host_integer(1, dx)
    rank = active if rng.coin(0.5) else rng.host_integer(1, active)
    mean = rng.normal(batch, m, rank) @ rng.normal(batch, rank, active) / (rank * active) ** 0.5
    mean = mean * rng.log_uniform(batch, 1, 1, low=0.2, high=8.0)
    mean = torch.cat([mean, mean.new_zeros(batch, m, dx - active)], 2)
    scale = mean.new_ones(batch, m, dx)
    if rng.coin(0.4):  # components differ in size, and at times in shape
        columns = dx if rng.coin(0.5) else 1
        spread = rng.log_uniform(batch, 1, 1, low=0.05, high=0.7)
        scale = scale * torch.exp(spread * rng.normal(batch, m, columns))
    log_weight = torch.log_softmax(rng.normal(batch, m) * rng.uniform(batch, 1), 1)
    flipped = rng.uniform(batch, 1, 1, high=0.4) * float(rng.coin(0.3))

    total = n + N_REFERENCE
    component = torch.multinomial(log_weight.exp(), total, True, generator=rng.generator)
    index = component.unsqueeze(-1).expand(-1, -1, dx)
    x = mean.gather(1, index) + scale.gather(1, index) * rng.normal(batch, total, dx)
    labels = torch.arange(m, device=rng.device) % n_classes
    label = labels[component[:, :n]]
    other = rng.integer(batch, n, low=0, high=n_classes - 1)
    label = torch.where(rng.uniform(batch, n) < flipped.squeeze(2), other, label)

    p = torch.softmax(log_weight.unsqueeze(1) + log_densities(x[:, n:], mean, scale), 2)
    p = p @ torch.nn.functional.one_hot(labels, n_classes).to(p)
    p = (1 - flipped) * p + flipped / n_classes
    mi = entropy(p.mean(1)) - entropy(p).mean(1)
    return Draw(x[:, :n], columns_of(label, n_classes, one_hot), mi.clamp_min(0))


def log_densities(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return log densities (B, n, m) of rows (B, n, d) under m Gaussians of independent columns."""
    precision = scale.square().reciprocal()
    squares = x.square() @ precision.transpose(1, 2) - 2 * x @ (mean * precision).transpose(1, 2)
    squares = squares + (mean.square() * precision).sum(2).unsqueeze(1)
    constant = scale.log().sum(2) + 0.5 * x.shape[2] * math.log(2 * math.pi)
    return -squares / 2 - constant.unsqueeze(1)
