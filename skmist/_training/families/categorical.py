"""A categorical or ordinal y whose class probabilities are a random function of X.

I(X; y) = H(mean of p(. | X)) - mean of H(p(. | X)), over a large reference sample of X.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.columns import column_sampler, random_function
from skmist._training.random import Rng

N_REFERENCE = 4096
REPLACED = 0.15  # share of batches in which some labels are replaced at random
OWN_COLUMN = 0.08  # share in which every class has a column that tells of it


def entropy(p: Tensor) -> Tensor:
    """Return the entropy, in nats, of probabilities along the last axis."""
    return torch.special.entr(p).sum(-1)


def sample(
    rng: Rng, batch: int, n: int, dx: int, n_classes: int, one_hot: bool, discrete: float = 0.25
) -> Draw:
    """Draw X of dx columns and a y of n_classes, coded or one-hot (one column if binary)."""
    columns = column_sampler(rng, batch, dx, discrete)
    if dx >= n_classes and rng.coin(OWN_COLUMN):
        own = torch.randperm(dx, generator=rng.host)[:n_classes].to(rng.device)
        return with_labels(rng, columns, lambda x: x[..., own], n, one_hot)
    return with_labels(rng, columns, random_function(rng, batch, dx, n_classes), n, one_hot)


def with_labels(
    rng: Rng, columns: Callable[[int], Tensor], f: Callable[[Tensor], Tensor], n: int, one_hot: bool
) -> Draw:
    """Draw n rows of columns, and labels.

    Parameters
    ----------
    rng : Rng
    columns : callable
        Draws so many rows of X, (batch, rows, dx).
    f : callable
        Maps X to one value for each class, (batch, rows, n_classes).
    n : int
    one_hot : bool
        Whether y holds indicators (one column if there are two classes), else codes.
    """
    x = columns(n + N_REFERENCE)
    logits = f(x)
    batch, _, n_classes = logits.shape
    scale = logits[:, n:].std(1, keepdim=True) + 1e-2
    logits = (logits - logits[:, n:].mean(1, keepdim=True)) / scale
    logits = logits * rng.log_uniform(batch, 1, 1, low=0.2, high=12.0)
    logits = logits + rng.uniform(batch, 1, 1, high=1.5) * rng.normal(batch, 1, n_classes)
    p = torch.softmax(logits, -1)
    if rng.coin(REPLACED):
        p = torch.lerp(p, torch.full_like(p, 1 / n_classes), rng.uniform(batch, 1, 1, high=0.4))
    mi = entropy(p[:, n:].mean(1)) - entropy(p[:, n:]).mean(1)
    u = rng.uniform(batch, n, 1)
    label = (p[:, :n].cumsum(-1) < u).sum(-1).clamp_max(n_classes - 1)
    return Draw(x[:, :n], columns_of(label, n_classes, one_hot), mi.clamp_min(0))


def columns_of(label: Tensor, n_classes: int, one_hot: bool) -> Tensor:
    """Return labels (B, n) as indicators (B, n, n_classes); binary ones, or all, as one column."""
    if one_hot and n_classes > 2:
        return torch.nn.functional.one_hot(label, n_classes).float()
    return label.unsqueeze(-1).float()
