"""A batch of samples with their exact mutual information."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """Shape of a batch of data sets."""

    batch: int
    n: int
    dx: int
    dy: int


@dataclass
class Draw:
    """A batch of data sets of one shape.

    Attributes
    ----------
    x : Tensor of shape (B, n, dx)
    y : Tensor of shape (B, n, dy)
    mi : Tensor of shape (B,)
        True I(X; y) of the distribution that each data set comes from, in nats.
    labels : tuple of bool
        Whether X and y are single columns of labels, coded from 0, whose order means nothing.
    """

    x: Tensor
    y: Tensor
    mi: Tensor
    labels: tuple[bool, bool] = (False, False)

    def __len__(self) -> int:
        return self.mi.shape[0]


def gaussian_mi(cov: Tensor, dx: int) -> Tensor:
    """Return I(X; y) of Gaussian vectors with covariance (B, d, d), X first, in nats.

    I = 1/2 log(det S_x det S_y / det S) (Cover and Thomas, "Elements of Information Theory", 8.6).
    """
    cov = cov.double()
    parts = torch.linalg.slogdet(cov[:, :dx, :dx])[1] + torch.linalg.slogdet(cov[:, dx:, dx:])[1]
    return (0.5 * (parts - torch.linalg.slogdet(cov)[1])).clamp_min(0).float()


def beside(draws: list[Draw]) -> Draw:
    """Put independent draws side by side: their mutual informations add."""
    return Draw(
        torch.cat([d.x for d in draws], -1),
        torch.cat([d.y for d in draws], -1),
        torch.stack([d.mi for d in draws]).sum(0),
    )


def stack(draws: list[Draw]) -> Draw:
    """Join draws of equal shape and kind along the batch."""
    return Draw(
        torch.cat([d.x for d in draws]),
        torch.cat([d.y for d in draws]),
        torch.cat([d.mi for d in draws]),
        draws[0].labels,
    )
