"""A regression taken off: where one side is a single column, what is left once it is predicted.

For a column y and any function m, I(X; y) = h(y) - h(y - m(X)) + I(X; y - m(X)): the entropies of
two columns, which few rows tell well, and the information that the residual still holds, which is
little where m is a good regression. Neighbourhoods see little dependence in many columns far
better than much. The regression is by ridge on functions of X, its residuals are those of leaving
out one row at a time (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
2009, section 7.10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from skmist.core import neighbours
from skmist.core.elliptical import cholesky, inverse_factor

ADDITIVE_RIDGE = 0.03  # of functions of single columns, in units of their variance
RIDGES = (0.02, 0.6, 20.0)  # of these and kernels, in units of functions per row
N_MODELS = 2
MOST_PRODUCTS = 8  # of functions of two columns that join the functions of single columns
CAUTION = 1.4  # by which degrees of freedom count more
LEAST = 1e-6  # smallest mean square of residuals
SPARE = 0.1  # of a row's prediction that others have to make up; else it does not count in full
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
        residual and X, and between the residual and the prediction, at each scale; and without,
        by spacings and by variances.
    evidence : Tensor of shape (B, N_EVIDENCE)
        What is explained by each ridge, and by the two models, of the column and of the size of
        the residual; mean leverage; what the residual still holds, in units of its error; and 1.
    """

    anchors: Tensor
    evidence: Tensor


class Ridge:
    """Ridge regression on functions (B, m, n) of the rows, of mean 0.

    Parameters
    ----------
    functions : Tensor of shape (B, m, n)
    gram : Tensor of shape (B, m, m)
        Their mean products.
    ridge : Tensor of shape (B, 1, 1)
    """

    def __init__(self, functions: Tensor, gram: Tensor, ridge: Tensor):
        self.white = _factor(gram, ridge) @ functions
        self.leverage = (self.white.square().sum(1) + 1) / functions.shape[2]

    def residuals(self, target: Tensor) -> Tensor:
        """Return what is left of a target (B, n) of mean 0, predicted without the row itself."""
        return self.residuals_of(target.unsqueeze(1)).squeeze(1)

    def residuals_of(self, targets: Tensor) -> Tensor:
        """Return what is left of several targets (B, k, n)."""
        slopes = self.white @ targets.transpose(1, 2) / targets.shape[2]
        fitted = slopes.transpose(1, 2) @ self.white
        spare = (1 - self.leverage).unsqueeze(1)
        return targets.lerp((targets - fitted) / spare.clamp_min(SPARE / 5), _trust(spare))


def _trust(spare: Tensor) -> Tensor:
    """Return how far a prediction counts that leaves so much to spare."""
    return (spare / SPARE).clamp(0, 1)


def _ridges(gram: Tensor, n: int) -> list[float]:
    """Return the ridges to choose from, in units of the variance of a function."""
    return [ridge * gram.shape[1] / n for ridge in RIDGES]


def with_kernels(additive: Tensor, kernels: Tensor) -> tuple[Tensor, Tensor]:
    """Return functions of single columns and kernels, scaled to unit size, and their products.

    Returns
    -------
    functions : Tensor of shape (B, p + m, n)
    gram : Tensor of shape (B, p + m, p + m)
        Their mean products.
    """
    size = kernels.square().mean((1, 2), keepdim=True).clamp_min(1e-9).rsqrt()
    functions = torch.cat([additive, size * kernels], 1)
    return functions, functions @ functions.transpose(1, 2) / kernels.shape[2]


def choose_ridge(
    functions: Tensor, gram: Tensor, targets: Tensor, variance: Tensor
) -> tuple[Tensor, Tensor]:
    """Choose the ridge of a regression of targets (B, k, n) by cross-validation.

    Returns
    -------
    ridge : Tensor of shape (B, 1, 1)
    errors : Tensor of shape (B, len(RIDGES))
        Those of each ridge.
    """
    n = targets.shape[2]
    errors = cross_validated(gram, functions @ targets.transpose(1, 2) / n, variance, n)
    choice = gram.new_tensor(_ridges(gram, n)).log()
    return (best_of(errors, n) * choice).sum(1).exp().view(-1, 1, 1), errors


def _factor(gram: Tensor, ridge: Tensor) -> Tensor:
    """Return the inverse Cholesky factor of gram + ridge I."""
    eye = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    return inverse_factor(cholesky(gram + ridge * eye))


def cross_validated(gram: Tensor, product: Tensor, variance: Tensor, n: int) -> Tensor:
    """Return the generalised cross-validation errors of a regression with each of the ridges.

    (Golub, Heath and Wahba, Technometrics 21, 1979; the degrees of freedom count more than once, as
    in Cummins, Filloon and Nychka, J. Am. Stat. Assoc. 96, 2001, so that the ridge is not too small
    where rows are few.)

    Parameters
    ----------
    gram : Tensor of shape (B, m, m)
        Mean products of the functions.
    product : Tensor of shape (B, m, k)
        Mean products of the functions and k targets.
    variance : Tensor of shape (B,)
        Sum of the mean squares of the targets.
    n : int
        Number of rows.

    Returns
    -------
    Tensor of shape (B, len(RIDGES))
    """
    errors = []
    for ridge in _ridges(gram, n):
        inverse = _factor(gram, gram.new_full((), ridge))
        half = inverse @ product
        slopes = inverse.transpose(1, 2) @ half
        left = variance - half.square().sum((1, 2)) - ridge * slopes.square().sum((1, 2))
        degrees = gram.shape[1] - ridge * inverse.square().sum((1, 2)) + 1
        spare = 1 - CAUTION * degrees / n
        errors.append(variance.lerp(left / spare.clamp_min(SPARE / 5).square(), _trust(spare)))
    return torch.stack(errors, 1).clamp_min(LEAST)


def best_of(errors: Tensor, n: int) -> Tensor:
    """Weigh models by their mean squared errors (B, K) on n rows, nearly all for the best one."""
    return torch.softmax(-0.5 * n * torch.log(errors), 1)


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
    """A column, predicted from functions of the other side; the better one of two models counts.

    Attributes
    ----------
    residual : Tensor of shape (B, n)
        What is left of the column; every row is predicted without itself.
    explained : Tensor of shape (B, len(RIDGES) + N_MODELS)
        Half the logarithms of the ratios of its mean square to the errors of each regression.
    unequal : Tensor of shape (B, N_MODELS)
        The same for the logarithm of the size of the residual.
    leverage : Tensor of shape (B,)
        Its mean.
    """

    def __init__(self, additive: Tensor, factors: Tensor, kernels: Tensor, target: Tensor):
        n = target.shape[1]
        alone = additive.new_full((1, 1, 1), ADDITIVE_RIDGE)
        gram = additive @ additive.transpose(1, 2) / n
        left = Ridge(additive, gram, alone).residuals(target)
        additive = torch.cat([additive, products(factors, left)], 1)
        functions, gram = with_kernels(additive, kernels)
        variance = _mean_square(target)
        ridge, validated = choose_ridge(functions, gram, target.unsqueeze(1), variance)
        p = additive.shape[1]
        models = [Ridge(additive, gram[:, :p, :p], alone), Ridge(functions, gram, ridge)]
        residuals = torch.stack([model.residuals(target) for model in models], 1)
        errors = residuals.square().mean(2).clamp_min(LEAST)
        weights = best_of(errors, n)
        self.residual = (weights.unsqueeze(2) * residuals).sum(1)
        self.explained = gain(variance, torch.cat([validated, errors], 1))
        leverage = torch.stack([model.leverage.mean(1) for model in models], 1)
        self.leverage = (weights * leverage).sum(1)
        squares = self.residual.square()
        sizes = torch.log(squares + 1e-2 * _mean_square(self.residual).unsqueeze(1))
        sizes = sizes - sizes.mean(1, keepdim=True)
        left = torch.stack([_mean_square(model.residuals(sizes)) for model in models], 1)
        self.unequal = gain(_mean_square(sizes), left)


def _mean_square(values: Tensor) -> Tensor:
    return values.square().mean(1).clamp_min(LEAST)


def gain(variance: Tensor, errors: Tensor) -> Tensor:
    """Return half the logarithms of the ratios of a variance (B,) to errors (B, K)."""
    return 0.5 * torch.log(variance.unsqueeze(1) / errors)


def regression_features(
    additive: Tensor,
    factors: Tensor,
    kernels: Tensor,
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
    kernels : Tensor of shape (B, m, n)
        Kernel functions of the other side, of mean 0.
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
    found = Prediction(additive, factors, kernels, target)
    left = _mean_square(found.residual)
    by_variance = gain(_mean_square(target), left.unsqueeze(1)).squeeze(1)
    m = max(3, round(math.sqrt(n) / 2))
    spaced, repeats = log_spacing(target, m)
    by_spacing = torch.where(repeats, by_variance, spaced - log_spacing(found.residual, m)[0])

    fitted = target - found.residual
    sides = [z[:, 1:] if single == 0 else z[:, :-1]]
    sides.append((fitted * _mean_square(fitted).rsqrt().unsqueeze(1)).unsqueeze(1))
    scaled = (found.residual * left.rsqrt().unsqueeze(1)).unsqueeze(1)
    held = []
    for side in sides:
        rows, dx = torch.cat([side, scaled], 1), side.shape[1]
        local, _ = neighbours.neighbour_features(rows, n_queries, dx, tied, NEIGHBOURS, 0, EDGE)
        held.append(local[..., 2::3].mean(1))  # (B, N_SCALES)
    held = torch.cat(held, 1)
    anchors = [held + by_spacing.unsqueeze(1), torch.stack([by_spacing, by_variance], 1)]
    evidence = [
        found.explained.clamp_min(-1),
        found.unequal.clamp_min(-1),
        found.leverage.unsqueeze(1),
        torch.asinh(math.sqrt(n_queries) * held) / 2,
        torch.ones_like(left).unsqueeze(1),
    ]
    return RegressionFeatures(torch.cat(anchors, 1), torch.cat(evidence, 1))


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
    ordered = values.sort(1).values
    m = min(m, values.shape[1] - 1)
    gaps = ordered[:, m:] - ordered[:, :-m]
    return torch.log(gaps.clamp_min(LEAST)).mean(1), (gaps <= LEAST).any(1)
