"""Regressions taken off where both sides have several columns.

Each column of one side is predicted from the other one, as a single column is (see
:mod:`skmist.core.regression`), and I(X; Y) = h(Y) - h(Y - m(X)) + I(X; Y - m(X)). Entropies of
several columns are those of the single ones, and what a Gaussian copula says of how they hang
together. Where the regression is good, little is left for the last term; the estimates leave it
out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from skmist.core import elliptical, remainder
from skmist.core.bivariate import Column, grid_of
from skmist.core.grids import kernel_estimates
from skmist.core.heads import LARGEST_ANCHOR
from skmist.core.regression import NEIGHBOURS, by_neighbours, log_spacing
from skmist.core.ridge import (
    LEAST,
    RIDGES,
    ROUNDS,
    Model,
    Ridge,
    folds_of,
    gain,
    models_of,
    relevance,
    shares_of,
    weighed,
)
from skmist.core.scores import argsort
from skmist.core.soft import straight_through

SHRINKAGE = 0.3  # of correlations towards 0, in units of columns per row
BANDWIDTHS = (0.4, 0.8)  # of the estimates of one column and its prediction, see grids
MOST_CURVES = 16  # columns of a side up to which these are made, and a third model
FOLDS = 3
STEP = 1 / 4096  # between predictions that count as different
N_WAYS = 4
N_ANCHORS = 2 * (N_WAYS + 1) + len(NEIGHBOURS)
N_FIT = len(RIDGES) + 6
N_EACH = N_FIT + remainder.N_EVIDENCE + 1  # of the evidence, for each side
N_EVIDENCE = N_ANCHORS + 2 * N_WAYS + 2 + len(NEIGHBOURS) + 2 * N_EACH


@dataclass
class TargetFeatures:
    """Features from regressions of each side on the other one.

    Attributes
    ----------
    anchors : Tensor of shape (B, N_ANCHORS)
        Estimates of the mutual information, in nats: with the entropies of columns by spacings, by
        variances, with the information of columns and their predictions by kernels, and by spacings
        with what single columns still tell of the residuals; of each, the one of the side that
        gives more, and then those of the other side. Then what neighbourhoods of X and y find,
        with columns weighed by how much they count in the regression of the other side. Last, that
        by spacings with what residuals still hold (see :mod:`skmist.core.remainder`), of the side
        that gives more and of the other one.
    evidence : Tensor of shape (B, N_EVIDENCE)
    present : float
        1; or 0 where one side is a single column, and all else is 0.
    """

    anchors: Tensor
    evidence: Tensor
    present: float


def no_targets(batch: int, like: Tensor) -> TargetFeatures:
    """Return the features where one side is a single column."""
    return TargetFeatures(*(like.new_zeros(batch, k) for k in (N_ANCHORS, N_EVIDENCE)), 0.0)


def target_features(
    additive: list[Tensor],
    z: list[Tensor],
    ranks: list[Tensor],
    gaussian: Tensor,
    n_queries: int,
    tied: bool,
) -> TargetFeatures:
    """Predict each side from the other one, and compute the features.

    Parameters
    ----------
    additive : list of Tensor of shape (B, p, n)
        Functions of single columns of X and of y, of mean 0 and variance 1.
    z : list of Tensor of shape (B, d, n)
        Normal scores of the columns of X and of y, standardised.
    ranks : list of LongTensor of shape (B, d, n)
        Of the columns of X and of y.
    gaussian : Tensor of shape (B,)
        Estimate of the mutual information by a Gaussian copula.
    n_queries : int
        Rows whose neighbourhoods are read.
    tied : bool
        Whether values repeat.
    """
    n = z[0].shape[2]
    ways = list(_both_ways(additive, z, ranks, n_queries, tied))
    estimates, leverage, weights, apart = zip(*ways, strict=True)
    ahead = estimates[0][:, :1] - estimates[1][:, :1]
    first = (ahead.sign() + 1) / 2  # 1 where y is told more of, 0 where X is
    both = torch.stack(estimates).clamp(0, LARGEST_ANCHOR)
    high, low = both.amax(0), both.amin(0)
    apart = torch.lerp(*apart[::-1], first), torch.lerp(*apart, first)
    sides = [weighed(v, w) for v, w in zip(z, weights, strict=True)]
    near = by_neighbours(*sides, n_queries, tied)
    ends = [v[:, N_WAYS:] for v in (high, low)]
    high, low = high[:, :N_WAYS], low[:, :N_WAYS]
    anchors = torch.cat([high, low, near.clamp(0, LARGEST_ANCHOR)], 1)
    unit = math.sqrt(n)
    evidence = [
        torch.log1p(anchors),
        torch.asinh(unit * (high - gaussian.unsqueeze(1))) / 2,
        torch.asinh(unit * (high - low)) / 2,
        torch.asinh(unit * (high[:, 3:] - high[:, :1])) / 2,
        torch.stack(leverage, 1).mean(1, keepdim=True),
        torch.asinh(math.sqrt(n_queries) * (near - gaussian.unsqueeze(1))) / 2,
        torch.log1p(torch.cat(ends, 1)),
        *apart,
    ]
    return TargetFeatures(torch.cat([anchors, *ends], 1), torch.cat(evidence, 1), 1.0)


def _both_ways(
    additive: list[Tensor], z: list[Tensor], ranks: list[Tensor], n_queries: int, tied: bool
) -> Iterator[tuple[Tensor, ...]]:
    """Predict y from X, and X from y; yield what either way finds, see :class:`Regression`.

    Sides of equally many columns go through as one batch, which takes less time.
    """
    if z[0].shape == z[1].shape:
        way = Regression(*(torch.cat(v) for v in (additive, z, z[::-1], ranks)), n_queries, tied)
        yield from zip(*(v.chunk(2) for v in way.found), strict=True)
        return
    for i in range(2):
        yield Regression(additive[i], z[i], z[1 - i], ranks[i], n_queries, tied).found


class Regression:
    """Several columns predicted from the other side, every row without itself.

    For each column the best one of the models counts, or the best mean of two (see
    :func:`~skmist.core.ridge.models_of`).

    Parameters
    ----------
    additive : Tensor of shape (B, p, n)
        Functions of the columns that are predicted from.
    columns : Tensor of shape (B, d, n)
        These columns, standardised.
    targets : Tensor of shape (B, k, n)
    ranks : LongTensor of shape (B, d, n)
        Of the columns that are predicted from.
    n_queries : int
        Rows whose neighbourhoods are read.
    tied : bool
        Whether values repeat.

    Attributes
    ----------
    estimates : Tensor of shape (B, N_WAYS + 1)
        By how much the entropy falls, in nats; by spacings, with what residuals still hold, last.
    leverage : Tensor of shape (B,)
        Mean leverage of a row in the second model.
    weights : Tensor of shape (B, d, 1)
        How much each of the columns counts, see :func:`~skmist.core.ridge.relevance`.
    evidence : Tensor of shape (B, N_EACH)
        What is explained of the targets and of the sizes of residuals, how far these are from
        normal, and what they hold; 0 where columns are many.
    """

    def __init__(
        self,
        additive: Tensor,
        columns: Tensor,
        targets: Tensor,
        ranks: Tensor,
        n_queries: int,
        tied: bool,
    ):
        b, k, n = targets.shape
        variance = targets.square().mean(2).clamp_min(LEAST)
        few = max(k, columns.shape[1]) <= MOST_CURVES
        self.weights = relevance(columns, targets, ROUNDS if few else 1)
        curves = k <= MOST_CURVES
        folds = FOLDS if curves else 1
        models, validated = models_of(additive, columns, self.weights, targets, few, folds)
        fitted = [model.fit() for model in models]
        whole = fitted[1]
        residuals = torch.stack([ridge.residuals_of(targets) for ridge in fitted], 1)
        shares, errors = shares_of(residuals)
        shares = shares.unsqueeze(3)
        plain = (shares * residuals).sum(1)
        residual, sizes = _evened(plain, whole)
        log_size = sizes.predicted
        left = residual.square().mean(2).clamp_min(LEAST)
        by_variance = 0.5 * torch.log(variance / left) - log_size
        m = max(3, round(math.sqrt(n) / 2))
        (before, repeats), (after, _) = (
            log_spacing(v.reshape(b * k, n), m) for v in (targets, residual)
        )
        chance = math.log(m) - float(torch.special.digamma(torch.tensor(float(m))))
        by_spacing = (before - after).view(b, k) - chance - log_size
        by_spacing = torch.where(repeats.view(b, k), by_variance, by_spacing)
        together = _together(targets) - _together(residual)
        by_curve, still = by_variance, torch.zeros_like(by_variance)
        if curves:
            held_out = torch.stack([_held_out(model, targets) for model in models], 1)
            predicted = (shares * held_out).sum(1)
            by_curve = _curve_information(predicted, targets)
            still = _left_by_columns(residual, ranks)
        ways = torch.stack([by_spacing, by_variance, by_curve, by_spacing + still], 1)
        self.estimates = ways.sum(2) + together.unsqueeze(1)
        self.leverage = whole.leverage.mean(1)
        held = targets.new_zeros(b, 1)
        self.evidence = targets.new_zeros(b, N_EACH)
        if few:
            side = weighed(columns, self.weights)
            held, left_over = remainder.what_is_left(side, residual, sizes.left, n_queries, tied)
            offset = math.log(n + 1) - math.log(m) + chance
            bent = torch.where(repeats.view(b, k), 0.0, _bent(after.view(b, k), left, offset))
            best = plain.square().mean(2).clamp_min(LEAST)
            fit = [
                gain(variance.sum(1), validated),
                _log_ratio(variance, errors[:, 0]).mean(1, keepdim=True),
                _log_ratio(variance, best).mean(1, keepdim=True),
                sizes.gain.mean(1, keepdim=True),
                sizes.gain.amax(1, keepdim=True),
                bent.sum(1, keepdim=True),
                bent.amax(1, keepdim=True),
                left_over,
                bent.new_full((b, 1), math.log(k / columns.shape[1]) / 2),
            ]
            self.evidence = torch.cat(fit, 1).clamp(-4, 4)
        self.estimates = torch.cat([self.estimates, self.estimates[:, :1] + held], 1)

    @property
    def found(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Estimates, leverage, weights and evidence."""
        return self.estimates, self.leverage, self.weights, self.evidence


def _log_ratio(variance: Tensor, error: Tensor) -> Tensor:
    """Return half the logarithm of a variance (B, k) in units of an error."""
    return 0.5 * torch.log(variance / error).clamp_min(-1)


def _bent(spacing: Tensor, variance: Tensor, offset: float) -> Tensor:
    """Return by how much entropies (B, k), from logs of m-spacings, are below normal ones."""
    normal = 0.5 * (math.log(2 * math.pi * math.e) + torch.log(variance))
    return normal - (spacing + offset)


def _together(values: Tensor) -> Tensor:
    """Return half the log-determinant (B,) of the correlations of columns (B, k, n)."""
    load = SHRINKAGE * values.shape[1] / values.shape[2]
    scatter = values @ values.transpose(1, 2)
    corr = elliptical.shrink(scatter, max(load / (1 + load), elliptical.SMALLEST_SHRINKAGE))
    return elliptical.cholesky(corr).diagonal(dim1=1, dim2=2).clamp_min(1e-12).log().sum(1)


@dataclass
class Sizes:
    """Sizes of residuals, on a logarithmic scale.

    Attributes
    ----------
    predicted : Tensor of shape (B, k)
        Mean of what is predicted of them.
    left : Tensor of shape (B, k, n)
        What is not.
    gain : Tensor of shape (B, k)
        Half the logarithm of the ratio of their variance to its mean square.
    """

    predicted: Tensor
    left: Tensor
    gain: Tensor


def _evened(residual: Tensor, model: Ridge) -> tuple[Tensor, Sizes]:
    """Divide residuals (B, k, n) by their predicted size; return what is known of sizes too."""
    floor = 1e-2 * residual.square().mean(2, keepdim=True).clamp_min(LEAST)
    sizes = 0.5 * torch.log(residual.square() + floor)
    sizes = sizes - sizes.mean(2, keepdim=True)
    left = model.residuals_of(sizes)
    predicted = sizes - left
    square = predicted.square().sum(2, keepdim=True).clamp_min(1e-9)
    slope = ((predicted * sizes).sum(2, keepdim=True) / square).clamp(0, 1)
    log_size = (slope * predicted).clamp(-3, 3)
    explained = _log_ratio(*(v.square().mean(2).clamp_min(LEAST) for v in (sizes, left)))
    return residual * torch.exp(-log_size), Sizes(log_size.mean(2), left, explained)


def _held_out(model: Model, targets: Tensor) -> Tensor:
    """Return predictions (B, k, n) of the rows of each fold by a ridge regression on the others.

    In predictions that leave out one row at a time, the row itself could be read.
    """
    functions, n = model.functions, targets.shape[2]
    eye = torch.eye(functions.shape[1], dtype=targets.dtype, device=targets.device)
    every, product = model.products.sum(0), functions @ targets.transpose(1, 2)
    parts = []
    for own, rows in zip(model.products, folds_of(n, len(model.products)), strict=True):
        f, left = functions[..., rows], n - (rows.stop - rows.start)
        slopes = (product - f @ targets[..., rows].transpose(1, 2)) / left
        scatter = (every - own) / left + model.ridge * eye
        slopes = torch.cholesky_solve(slopes, elliptical.cholesky(scatter))
        parts.append(slopes.transpose(1, 2) @ f)
    return torch.cat(parts, 2)


def _curve_information(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the information (B, k) that columns and their predictions (B, k, n) share, in nats.

    Predictions of equal rows differ by rounding; they are made equal, so that they share a rank.
    """
    b, k, n = targets.shape
    predicted = straight_through(torch.round(predicted / STEP) * STEP, predicted)
    columns = [Column(v.reshape(b * k, n), False, b * k) for v in (predicted, targets)]
    found = kernel_estimates(grid_of(*columns, "normal", b * k), BANDWIDTHS)
    return found[:, : len(BANDWIDTHS)].amax(1).view(b, k)  # those without the row itself


def _left_by_columns(residual: Tensor, ranks: Tensor) -> Tensor:
    """Return by how much a single column still lowers the entropy of each residual, (B, k).

    Differences of residuals of neighbouring rows, in the order of the column, tell the variance of
    the noise around any smooth function of it (von Neumann, Ann. Math. Statist. 12, 1941). The
    column that lowers it most counts, less what the best of so many reaches by chance.

    Parameters
    ----------
    residual : Tensor of shape (B, k, n)
    ranks : LongTensor of shape (B, d, n)
        Of d columns; those with ties do not count.
    """
    (_, k, n), d = residual.shape, ranks.shape[1]
    orders = argsort(ranks)
    ordered = ranks.gather(2, orders)
    tied = (ordered[..., 1:] == ordered[..., :-1]).any(2)
    variance = residual.square().mean(2).clamp_min(LEAST)
    least = variance
    for rows, repeats in zip(orders.unbind(1), tied.unbind(1), strict=True):
        steps = residual.gather(2, rows.unsqueeze(1).expand(-1, k, -1)).diff(dim=2)
        around = steps.square().mean(2) / 2
        least = torch.where(repeats.unsqueeze(1), least, torch.minimum(least, around))
    chance = math.sqrt(math.log(2 * d) / (2 * n))
    return (0.5 * torch.log(variance / least.clamp_min(LEAST)) - chance).clamp_min(0)
