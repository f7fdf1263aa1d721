"""What residuals of several columns still hold of the columns that they were predicted from.

Where a regression is good, residuals are noise, and its gain is the mutual information; where it is
not, they still depend on the other side. Rows that are near each other there tell both apart.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist.core.neighbours import smallest, squared_distances, values_at_a_time
from skmist.core.regression import NEIGHBOURS
from skmist.core.ridge import LEAST

N_SCALES = len(NEIGHBOURS)
N_EVIDENCE = 4 * N_SCALES
REACH = 1.5  # squared radius of a neighbourhood, in units of that of its last row
LARGEST_SHARE = 0.98  # of a variance that neighbours explain


def local_covariances(x: Tensor, values: Tensor, n_queries: int, tied: bool) -> Tensor:
    """Return how far values go along with their local means, which leave out the row itself.

    The mean over query rows of a value times the mean of those near it, weighed by
    1 - (distance / radius)^2 (Nadaraya, Theory Probab. Appl. 9, 1964, with the kernel of
    Epanechnikov). Its expectation is 0 where values do not depend on x, and near the variance of
    their conditional mean where this changes little within a neighbourhood.

    Parameters
    ----------
    x : Tensor of shape (B, d, n)
        Rows in an order that has nothing to do with their values.
    values : Tensor of shape (B, c, n)
        Of mean 0 and variance 1.
    n_queries : int
        Rows whose neighbourhoods are read, the first ones.
    tied : bool
        Whether values of x repeat.

    Returns
    -------
    Tensor of shape (B, N_SCALES, c)
        For neighbourhoods of as many rows as ``NEIGHBOURS`` says.
    """
    b, _, n = x.shape
    last = [min(k, n - 1) for k in NEIGHBOURS]
    at_a_time = values_at_a_time(x.device)
    step = max(1, at_a_time // (n_queries * n))
    block = max(1, at_a_time // n)
    total = []
    for i in range(0, b, step):
        side, own = x[i : i + step], values[i : i + step]
        sums = own.new_zeros(len(own), N_SCALES, own.shape[1])
        for j in range(0, n_queries, block):
            queries = slice(j, min(j + block, n_queries))
            distances = squared_distances(side[..., queries], side, exact=tied)
            distances[..., queries].diagonal(dim1=1, dim2=2).fill_(torch.inf)
            nearest = smallest(distances, last[-1])
            products = []
            for k in last:
                weights = (REACH * nearest[..., k - 1 : k] + 1e-6 - distances).clamp_min(0)
                share = weights.sum(2).clamp_min(1e-9).unsqueeze(1)
                means = own @ weights.transpose(1, 2) / share
                products.append((means * own[..., queries]).sum(2))
            sums = sums + torch.stack(products, 1)
        total.append(sums / n_queries)
    return torch.cat(total)


def what_is_left(
    x: Tensor, residuals: Tensor, sizes: Tensor, n_queries: int, tied: bool
) -> tuple[Tensor, Tensor]:
    """Return an estimate of what residuals hold, and the evidence for it.

    Parameters
    ----------
    x : Tensor of shape (B, d, n)
        Columns that the residuals were predicted from, weighed.
    residuals : Tensor of shape (B, k, n)
    sizes : Tensor of shape (B, k, n)
        Logarithms of their sizes, less what was predicted of them.
    n_queries, tied
        As for :func:`local_covariances`.

    Returns
    -------
    held : Tensor of shape (B, 1)
        By how much local means lower the entropies of the residuals, in nats.
    evidence : Tensor of shape (B, N_EVIDENCE)
    """
    k = residuals.shape[1]
    scaled, spread = _standardised(residuals), _standardised(sizes)
    both = torch.cat([scaled, spread], 1)
    covariances = local_covariances(x, both, n_queries, tied)
    of_means, of_sizes = covariances.split(k, 2)
    gains = -0.5 * torch.log1p(-of_means.clamp(0, LARGEST_SHARE))
    unit, every = math.sqrt(n_queries), math.sqrt(n_queries / k)
    evidence = [
        torch.asinh(every * of_means.sum(2)) / 2,
        torch.asinh(unit * of_means.amax(2)) / 2,
        torch.asinh(every * of_sizes.sum(2)) / 2,
        torch.log1p(gains.sum(2)),
    ]
    return gains[:, -1].sum(1, keepdim=True), torch.cat(evidence, 1)


def _standardised(values: Tensor) -> Tensor:
    """Return values (B, k, n) of mean 0 and variance 1."""
    values = values - values.mean(2, keepdim=True)
    return values * values.square().mean(2, keepdim=True).clamp_min(LEAST).rsqrt()
