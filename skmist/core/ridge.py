"""Ridge regressions on functions of columns and on kernels of them.

Predictions of a row are those without the row itself (leaving out one row at a time: Hastie,
Tibshirani and Friedman, "The Elements of Statistical Learning", 2009, section 7.10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from skmist.core.critic import LANDMARKS, landmarks
from skmist.core.elliptical import cholesky, inverse_factor
from skmist.core.neighbours import squared_distances

ADDITIVE_RIDGE = 0.03  # of functions of single columns, in units of their variance
RIDGES = (0.02, 0.6, 20.0)  # of these and kernels, in units of functions per row
MIXTURES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0, 0.5), (0, 0.5, 0.5))  # of three models
LINEAR = 4.0  # scale of columns beside kernels of unit size
ROUNDS = 2  # of weighing columns
NARROW = 4.0  # scale of squared distances where kernels are narrow
ROWS_A_KERNEL = 16  # rows that make for one narrow kernel more, where they are many
MOST_KERNELS = 128  # for several targets and for classes
MOST_KERNELS_SINGLE = 256  # for a single target
EVEN = 0.05  # share of equal weights of columns
JITTER = 1e-3  # added to the products of kernels
CAUTION = 1.4  # by which degrees of freedom count more
LEAST = 1e-6  # smallest mean square of residuals
SPARE = 0.1  # of a row's prediction that others have to make up; else it does not count in full


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


def folds_of(n: int, folds: int) -> list[slice]:
    """Cut n rows into folds, one after the other."""
    edges = [n * i // folds for i in range(folds + 1)]
    return [slice(*pair) for pair in zip(edges[:-1], edges[1:], strict=True)]


def products_by_fold(a: Tensor, b: Tensor, folds: int) -> Tensor:
    """Return the sums of products of functions (B, m, n) and (B, k, n), (folds, B, m, k)."""
    rows = folds_of(a.shape[2], folds)
    return torch.stack([a[..., fold] @ b[..., fold].transpose(1, 2) for fold in rows])


@dataclass
class Model:
    """Which ridge regression is to be made.

    Attributes
    ----------
    functions : Tensor of shape (B, m, n)
        Of the rows, of mean 0.
    products : Tensor of shape (folds, B, m, m)
        Sums of their products, by fold.
    ridge : Tensor of shape (B, 1, 1)
    """

    functions: Tensor
    products: Tensor
    ridge: Tensor

    @property
    def gram(self) -> Tensor:
        """Mean products of the functions, (B, m, m)."""
        return self.products.sum(0) / self.functions.shape[2]

    def fit(self) -> Ridge:
        """Make the regression, of all rows."""
        return Ridge(self.functions, self.gram, self.ridge)


def with_kernels(additive: Tensor, kernels: Tensor) -> tuple[Tensor, Tensor]:
    """Return functions of single columns and kernels, these brought to a mean square of 1.

    Returns
    -------
    functions : Tensor of shape (B, p + m, n)
    size : Tensor of shape (B, 1, 1)
        Factor of the kernels.
    """
    size = kernels.square().mean((1, 2), keepdim=True).clamp_min(1e-9).rsqrt()
    return torch.cat([additive, size * kernels], 1), size


def choose_ridge(functions: Tensor, gram: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Choose the ridge of a regression of targets (B, k, n) by cross-validation.

    Returns
    -------
    ridge : Tensor of shape (B, 1, 1)
    errors : Tensor of shape (B, len(RIDGES))
        Those of each ridge.
    """
    n = targets.shape[2]
    variance = targets.square().mean(2).sum(1).clamp_min(LEAST)
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
    b, m, _ = gram.shape
    ridges = gram.new_tensor(_ridges(gram, n)).view(-1, 1, 1, 1)
    eye = torch.eye(m, dtype=gram.dtype, device=gram.device)
    inverse = inverse_factor(cholesky((gram + ridges * eye).flatten(0, 1))).view(-1, b, m, m)
    half = inverse @ product
    slopes = inverse.transpose(2, 3) @ half
    ridges = ridges.view(-1, 1)
    left = variance - half.square().sum((2, 3)) - ridges * slopes.square().sum((2, 3))
    degrees = m - ridges * inverse.square().sum((2, 3)) + 1
    spare = 1 - CAUTION * degrees / n
    errors = variance.lerp(left / spare.clamp_min(SPARE / 5).square(), _trust(spare))
    return errors.T.clamp_min(LEAST)


def best_of(errors: Tensor, n: int) -> Tensor:
    """Weigh models by their mean squared errors (B, K) on n rows, nearly all for the best one."""
    return torch.softmax(-0.5 * n * torch.log(errors), 1)


def shares_of(residuals: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much each model counts: the best one, or the best mean of two, nearly alone.

    Parameters
    ----------
    residuals : Tensor of shape (B, q, k, n)
        What each of q models leaves of k targets.

    Returns
    -------
    shares : Tensor of shape (B, q, k)
    errors : Tensor of shape (B, q, k)
        Mean squares of the residuals.
    """
    b, q, k, n = residuals.shape
    mixtures = residuals.new_tensor([m[:q] for m in MIXTURES if not any(m[q:])])
    errors = (mixtures @ residuals.flatten(2)).view(b, -1, k, n).square().mean(3)
    errors = errors.clamp_min(LEAST)
    return mixtures.T @ best_of(errors, n), errors[:, :q]


def models_of(
    additive: Tensor,
    columns: Tensor,
    weights: Tensor,
    targets: Tensor,
    third: bool = True,
    folds: int = 1,
    most: int = MOST_KERNELS,
) -> tuple[list[Model], Tensor]:
    """Return up to three models by which targets (B, k, n) are predicted.

    Functions of single columns; these and kernels; the columns and kernels. In the kernels, columns
    count by how relevant they are. What is made of products of all rows is made once.

    Parameters
    ----------
    additive : Tensor of shape (B, p, n)
        Of mean 0 and variance 1.
    columns : Tensor of shape (B, d, n)
        Of variance 1.
    weights : Tensor of shape (B, d, 1)
        Of the columns in the kernels, see :func:`relevance`.
    targets : Tensor of shape (B, k, n)
    third : bool
        Whether there is a third model.
    folds : int
        By which products are told apart.
    most : int
        Number of kernels that many rows have.

    Returns
    -------
    models : list of Model
    errors : Tensor of shape (B, len(RIDGES))
        Of the second model, with each ridge.
    """
    p, d = additive.shape[1], columns.shape[1]
    kernels = kernels_of(columns, weights, most)
    functions, size = with_kernels(additive, kernels)
    products = products_by_fold(functions, functions, folds)
    alone = additive.new_full((1, 1, 1), ADDITIVE_RIDGE)
    first = Model(additive, products[..., :p, :p], alone)
    second, errors = _chosen(functions, products, targets)
    if not third:
        return [first, second], errors
    linear, of_kernels = LINEAR * columns, products[..., p:, p:] / size.square()
    functions = torch.cat([linear, kernels], 1)
    edge = products_by_fold(linear, functions, folds)
    below = torch.cat([edge[..., d:].transpose(2, 3), of_kernels], 3)
    return [first, second, _chosen(functions, torch.cat([edge, below], 2), targets)[0]], errors


def _chosen(functions: Tensor, products: Tensor, targets: Tensor) -> tuple[Model, Tensor]:
    """Return the model with the ridge that suits targets, and the errors of each ridge."""
    gram = products.sum(0) / functions.shape[2]
    ridge, errors = choose_ridge(functions, gram, targets)
    return Model(functions, products, ridge), errors


def relevance(columns: Tensor, targets: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Return how much each column counts for targets: weights (B, d, 1) whose sum is 1.

    A regression on kernels is fitted, and the mean square of its slopes along a column is the
    weight of that column in the next one (Radhakrishnan, Beaglehole, Pandit and Belkin, Science
    383, 2024, with a diagonal matrix); in the first one weights are equal.

    Parameters
    ----------
    columns : Tensor of shape (B, d, n)
        Of variance 1.
    targets : Tensor of shape (B, k, n)
        Of mean 0.
    rounds : int
        Number of regressions.
    """
    b, d, _ = columns.shape
    equal = weights = columns.new_full((b, d, 1), 1 / d)
    for _ in range(rounds):
        squares = _square_slopes(columns, weights, targets)
        weights = squares / squares.sum(1, keepdim=True).clamp_min(1e-12)
        weights = torch.lerp(weights, equal, EVEN)
    return weights


def weighed(columns: Tensor, weights: Tensor) -> Tensor:
    """Return columns (B, d, n) on the scale of their weights (B, d, 1), whose sum is 1.

    Columns that count for more do so in distances too; with equal weights nothing changes.
    """
    return columns * (columns.shape[1] * weights).sqrt()


def numbers_of_kernels(n: int, most: int = MOST_KERNELS) -> tuple[int, int]:
    """Return how many kernels regressions on n rows have, up to the most, and how many are wide."""
    wide = landmarks(n)
    more = n // ROWS_A_KERNEL - LANDMARKS // 2
    return wide + max(0, min(more, most - wide)), wide


def kernels_of(
    columns: Tensor, weights: Tensor, most: int = MOST_KERNELS, halves: bool = False
) -> Tensor:
    """Return kernel functions (B, m, n) of columns, at m landmark rows.

    They are uncorrelated under a smooth prior, and of mean 0.

    Parameters
    ----------
    columns : Tensor of shape (B, d, n)
    weights : Tensor of shape (B, d, 1)
        Of the columns in squared distances.
    most : int
        Number of kernels that many rows have.
    halves : bool
        Whether half of the kernels are narrow; else those that many rows have more.
    """
    m, wide = numbers_of_kernels(columns.shape[2], most)
    if halves:
        wide = m // 2
    kernels = [_white(*_kernels(columns, weights, slice(wide)))]
    if wide < m:
        kernels.append(_white(*_kernels(columns, NARROW * weights, slice(wide, m))))
    return torch.cat(kernels, 1)


def _square_slopes(columns: Tensor, weights: Tensor, targets: Tensor) -> Tensor:
    """Return the sums (B, d, 1) of the squared slopes of a regression with weights (B, d, 1).

    Over targets and landmarks.
    """
    d, m = columns.shape[1], landmarks(columns.shape[2])
    values, factor = _kernels(columns, weights, slice(m))
    functions = torch.cat([_white(values, factor), LINEAR * columns], 1)
    gram = functions @ functions.transpose(1, 2) / columns.shape[2]
    ridge, _ = choose_ridge(functions, gram, targets)
    inverse = _factor(gram, ridge)
    product = functions @ targets.transpose(1, 2) / columns.shape[2]
    slopes = inverse.transpose(1, 2) @ (inverse @ product)
    marks, near = columns[..., :m], values[..., :m]
    pull = (factor.transpose(1, 2) @ slopes[:, :m]).transpose(1, 2)  # (B, k, m) of each landmark
    moved = (pull.unsqueeze(2) * marks.unsqueeze(1)).flatten(1, 2) @ near  # (B, k d, m)
    slope = moved.unflatten(1, (-1, d)) - (pull @ near).unsqueeze(2) * marks.unsqueeze(1)
    slope = slope * weights.unsqueeze(1) + LINEAR * slopes[:, m:].transpose(1, 2).unsqueeze(3)
    return slope.square().sum((1, 3)).unsqueeze(2)  # slope is of shape (B, k, d, m)


def _kernels(columns: Tensor, weights: Tensor, marks: slice) -> tuple[Tensor, Tensor]:
    """Return kernels (B, m, n) of weighed columns, and what makes them uncorrelated, (B, m, m).

    At m landmark rows.
    """
    scaled = columns * weights.sqrt()
    values = torch.exp(-0.5 * squared_distances(scaled[..., marks], scaled))
    m = values.shape[1]
    eye = torch.eye(m, dtype=values.dtype, device=values.device)
    return values, math.sqrt(m) * inverse_factor(cholesky(values[..., marks] + JITTER * eye))


def _white(values: Tensor, factor: Tensor) -> Tensor:
    """Return uncorrelated functions of mean 0."""
    white = factor @ values
    return white - white.mean(2, keepdim=True)


def mean_square(values: Tensor) -> Tensor:
    """Return the mean squares (B,) of values (B, n), none of them 0."""
    return values.square().mean(1).clamp_min(LEAST)


def gain(variance: Tensor, errors: Tensor) -> Tensor:
    """Return half the logarithms of the ratios of a variance (B,) to errors (B, K)."""
    return 0.5 * torch.log(variance.unsqueeze(1) / errors)
