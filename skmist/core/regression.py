"""A regression taken off: where one side is a single column, what is left once it is predicted.

For a column y and any function m, I(X; y) = h(y) - h(y - m(X)) + I(X; y - m(X)): the entropies of
two columns, which few rows tell well, and the information that the residual still holds, which is
little where m is a good regression. Neighbourhoods see little dependence in many columns far
better than much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from skmist.core import neighbours
from skmist.core.ridge import (
    ADDITIVE_RIDGE,
    LEAST,
    MOST_KERNELS_SINGLE,
    RIDGES,
    Ridge,
    gain,
    mean_square,
    models_of,
    relevance,
    shares_of,
    weighed,
)
from skmist.core.scores import in_order

N_MODELS = 2  # that are told apart
MOST_PRODUCTS = 8  # of functions of two columns that join the functions of single columns
NEIGHBOURS = (3, 12)
EDGE = 1e-3  # residuals of equal rows differ by rounding
N_SCALES = len(NEIGHBOURS)
N_ANCHORS = 2 * N_SCALES + 2
N_EVIDENCE = len(RIDGES) + 2 * N_MODELS + 2 * N_SCALES + 2


@dataclass
class RegressionFeatures:
    """Features from the regression.

    Attributes
    ----------
    anchors : Tensor of shape (B, N_ANCHORS)
        Estimates of the mutual information, in nats: with what neighbourhoods find between the
        residual and X, whose columns are weighed by how much they count in the regression, and
        between the residual and the prediction, at each scale; and without, by spacings and by
        variances.
    evidence : Tensor of shape (B, N_EVIDENCE)
        What is explained of the column and of the size of the residual, see :class:`Prediction`;
        mean leverage; what the residual still holds, in units of its error; and 1.
    """

    anchors: Tensor
    evidence: Tensor


def products(factors: Tensor, residual: Tensor) -> Tensor:
    """Return the products of functions of two columns that a residual goes along with most.

    A product counts if the square of its t statistic, in which the variance of the residual may
    depend on the product, is beyond what the largest one of so many reaches by chance.

    Parameters
    ----------
    factors : Tensor of shape (B, d, k, n)
        Functions of single columns, d k at least 3.
    residual : Tensor of shape (B, n)

    Returns
    -------
    Tensor of shape (B, MOST_PRODUCTS, n)
        Of mean 0 and variance 1; 0 in place of those that do not count.
    """
    _, d, k, n = factors.shape
    flat = factors.flatten(1, 2)
    with torch.no_grad():
        weighted = flat * residual.unsqueeze(1)
        sums = weighted @ flat.transpose(1, 2)
        spread = weighted.square() @ flat.square().transpose(1, 2)
        column = torch.arange(d, device=flat.device).repeat_interleave(k)
        later = column.unsqueeze(0) > column.unsqueeze(1)
        strength = torch.where(later, sums.square() / spread.clamp_min(1e-9), 0.0).flatten(1)
        strongest, place = strength.topk(MOST_PRODUCTS, 1)
        level = (2 * math.log(d * (d - 1) / 2 * k * k) + 4) * (1 + 20 / n)
        first, second = torch.div(place, d * k, rounding_mode="floor"), place % (d * k)
    pairs = [flat.gather(1, i.unsqueeze(2).expand(-1, -1, n)) for i in (first, second)]
    found = pairs[0] * pairs[1]
    found = found - found.mean(2, keepdim=True)
    found = found * found.square().mean(2, keepdim=True).clamp_min(1e-4).rsqrt()
    return found * (strongest > level).unsqueeze(2)


class Prediction:
    """A column, predicted from functions of the other side.

    The best of three models, or the best mean of two, counts (see
    :func:`~skmist.core.ridge.models_of`); to the functions of single columns come products of two.

    Attributes
    ----------
    residual : Tensor of shape (B, n)
        What is left of the column; every row is predicted without itself.
    explained : Tensor of shape (B, len(RIDGES) + N_MODELS)
        Half the logarithms of the ratios of its mean square to the errors of the second model with
        each ridge, of the first model, and of the prediction.
    unequal : Tensor of shape (B, N_MODELS)
        The same for the logarithm of the size of the residual, by the first model and by the better
        one of the others.
    leverage : Tensor of shape (B,)
        Its mean.
    weights : Tensor of shape (B, d, 1)
        How much each column of the other side counts, see :func:`~skmist.core.ridge.relevance`.
    """

    def __init__(self, additive: Tensor, factors: Tensor, columns: Tensor, target: Tensor):
        n = target.shape[1]
        alone = additive.new_full((1, 1, 1), ADDITIVE_RIDGE)
        gram = additive @ additive.transpose(1, 2) / n
        left = Ridge(additive, gram, alone).residuals(target)
        additive = torch.cat([additive, products(factors, left)], 1)
        variance = mean_square(target)
        self.weights = relevance(columns, target.unsqueeze(1))
        models, validated = models_of(
            additive, columns, self.weights, target.unsqueeze(1), most=MOST_KERNELS_SINGLE
        )
        models = [model.fit() for model in models]
        residuals = torch.stack([model.residuals(target) for model in models], 1)
        shares, errors = (v.squeeze(2) for v in shares_of(residuals.unsqueeze(2)))
        self.residual = (shares.unsqueeze(2) * residuals).sum(1)
        best = mean_square(self.residual).unsqueeze(1)
        self.explained = gain(variance, torch.cat([validated, errors[:, :1], best], 1))
        leverage = torch.stack([model.leverage.mean(1) for model in models], 1)
        self.leverage = (shares * leverage).sum(1)
        squares = self.residual.square()
        sizes = torch.log(squares + 1e-2 * best)
        sizes = sizes - sizes.mean(1, keepdim=True)
        left = torch.stack([mean_square(model.residuals(sizes)) for model in models], 1)
        left = torch.cat([left[:, :1], left[:, 1:].amin(1, keepdim=True)], 1)
        self.unequal = gain(mean_square(sizes), left)


def regression_features(
    additive: Tensor,
    factors: Tensor,
    z: Tensor,
    n_queries: int,
    single: int,
    tied: bool,
) -> RegressionFeatures:
    """Predict a single column from the other side, and compute the features.

    Parameters
    ----------
    additive : Tensor of shape (B, p, n)
        Functions of single columns of the other side, of mean 0 and variance 1.
    factors : Tensor of shape (B, d - 1, k, n)
        Those of them whose products are looked through.
    z : Tensor of shape (B, d, n)
        Normal scores of all columns, standardised; rows in an order that has nothing to do with
        their values.
    n_queries : int
        Rows whose neighbourhoods are read.
    single : int
        Which column is predicted: the first or the last one.
    tied : bool
        Whether values repeat.
    """
    n = z.shape[2]
    target = z[:, single]
    other = z[:, 1:] if single == 0 else z[:, :-1]
    found = Prediction(additive, factors, other, target)
    left = mean_square(found.residual)
    by_variance = gain(mean_square(target), left.unsqueeze(1)).squeeze(1)
    m = max(3, round(math.sqrt(n) / 2))
    spaced, repeats = log_spacing(target, m)
    by_spacing = torch.where(repeats, by_variance, spaced - log_spacing(found.residual, m)[0])

    fitted = target - found.residual
    sides = [weighed(other, found.weights)]
    sides.append((fitted * mean_square(fitted).rsqrt().unsqueeze(1)).unsqueeze(1))
    scaled = (found.residual * left.rsqrt().unsqueeze(1)).unsqueeze(1)
    held = torch.cat([by_neighbours(side, scaled, n_queries, tied) for side in sides], 1)
    anchors = [held + by_spacing.unsqueeze(1), torch.stack([by_spacing, by_variance], 1)]
    evidence = [
        found.explained.clamp_min(-1),
        found.unequal.clamp_min(-1),
        found.leverage.unsqueeze(1),
        torch.asinh(math.sqrt(n_queries) * held) / 2,
        torch.ones_like(left).unsqueeze(1),
    ]
    return RegressionFeatures(torch.cat(anchors, 1), torch.cat(evidence, 1))


def by_neighbours(x: Tensor, y: Tensor, n_queries: int, tied: bool) -> Tensor:
    """Return what neighbourhoods find between x (B, dx, n) and y (B, dy, n), in nats.

    Parameters
    ----------
    x, y : Tensor
        Rows in an order that has nothing to do with their values.
    n_queries : int
        Rows whose neighbourhoods are read.
    tied : bool
        Whether values repeat.

    Returns
    -------
    Tensor of shape (B, N_SCALES)
    """
    rows, dx = torch.cat([x, y], 1), x.shape[1]
    local, _ = neighbours.neighbour_features(rows, n_queries, dx, tied, NEIGHBOURS, 0, EDGE)
    return local[..., 2::3].mean(1)


def without_regression(nearest: Tensor) -> RegressionFeatures:
    """Return the features where both sides have several columns: nothing is predicted.

    Parameters
    ----------
    nearest : Tensor of shape (B, len(neighbours.NEIGHBOURS))
        Estimates from neighbourhoods of X and y.
    """
    nearest = nearest[:, [neighbours.NEIGHBOURS.index(k) for k in NEIGHBOURS]]
    zeros = torch.zeros_like(nearest[:, :1])
    anchors = torch.cat([nearest, nearest, zeros, zeros], 1)
    return RegressionFeatures(anchors, zeros.expand(-1, N_EVIDENCE))


def log_spacing(values: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """Return the mean logarithm of m-spacings, and where any of them is 0.

    Up to a constant it estimates the entropy (Vasicek, J. R. Stat. Soc. B 38, 1976).

    Parameters
    ----------
    values : Tensor of shape (B, n)
    m : int
        Steps between values in order; at most n - 1 are taken.
    """
    ordered = in_order(values)
    m = min(m, values.shape[1] - 1)
    gaps = ordered[:, m:] - ordered[:, :-m]
    return torch.log(gaps.clamp_min(LEAST)).mean(1), (gaps <= LEAST).any(1)
