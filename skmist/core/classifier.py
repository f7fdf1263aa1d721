"""Where one side holds classes: how well the other side tells them.

A classifier bounds mutual information from below: I(X; c) >= mean log p(c | X) / p(c), on rows
that it was not fitted on. Here it is multinomial logistic regression on functions of X, fitted on
three quarters of the rows and judged on the last one, four times. The curvature of its likelihood
is bounded by half of that of least squares (Boehning, Ann. Inst. Statist. Math. 44, 1992), so that
one factor serves all steps and all quarters; the steps are accelerated (Nesterov, 1983) and end
early, where the rows left out are told best. A side holds classes where few distinct rows of it
occur: one column of codes, indicators, a few bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from skmist.core.elliptical import cholesky, inverse_factor
from skmist.core.plugin import row_keys
from skmist.core.ridge import (
    LEAST,
    choose_ridge,
    gain,
    kernels_of,
    relevance,
    with_kernels,
)

MOST_CLASSES = 32
ROWS_EACH = 3  # fewest rows, on average, that make distinct rows classes
FOLDS = 4
STEPS = (1, 2, 4, 8, 16)
FLOOR = 0.02  # share of the frequencies of the classes in every prediction
N_ANCHORS = 4
N_EVIDENCE = N_ANCHORS + 7


@dataclass
class ClassFeatures:
    """Features from classes.

    Attributes
    ----------
    anchors : Tensor of shape (B, N_ANCHORS)
        Estimates of the mutual information, in nats: from functions of single columns, from these
        and kernels, from the mean of both predictions, and what this mean claims of itself.
    evidence : Tensor of shape (B, N_EVIDENCE)
    present : BoolTensor of shape (B, 1)
        Whether there are classes; where there are none, all else is 0.
    """

    anchors: Tensor
    evidence: Tensor
    present: Tensor


def classes_of(ranks: Tensor) -> tuple[Tensor, Tensor]:
    """Return a number for each distinct row of a side.

    Parameters
    ----------
    ranks : LongTensor of shape (B, d, n)

    Returns
    -------
    codes : LongTensor of shape (B, n)
        From 0 up.
    count : LongTensor of shape (B,)
        How many distinct rows there are.
    """
    keys = row_keys(ranks)
    ordered, order = keys.sort(1)
    new = (ordered[:, 1:] != ordered[:, :-1]).long().cumsum(1)
    place = F.pad(new, (1, 0))
    return torch.zeros_like(place).scatter(1, order, place), place[:, -1] + 1


def are_classes(count: Tensor, n: int) -> Tensor:
    """Tell whether so many distinct rows among n are classes."""
    return (count >= 2) & (count <= MOST_CLASSES) & (ROWS_EACH * count <= n)


def no_classes(batch: int, like: Tensor) -> ClassFeatures:
    """Return the features of data sets without classes."""
    zeros = (like.new_zeros(batch, k) for k in (N_ANCHORS, N_EVIDENCE))
    return ClassFeatures(*zeros, torch.zeros(batch, 1, dtype=torch.bool, device=like.device))


def log_probabilities(functions: Tensor, gram: Tensor, member: Tensor, ridge: Tensor) -> Tensor:
    """Return the log probability of every class for every row, fitted on other rows.

    Parameters
    ----------
    functions : Tensor of shape (B, m, n)
        Of mean 0.
    member : Tensor of shape (B, k, n)
        Indicators of k classes, of which some may be empty.
    ridge : Tensor of shape (B, 1, 1)
        Of the slopes, in units of the variance of a function.

    Returns
    -------
    Tensor of shape (B, k, n)
    """
    b, k, n = member.shape
    m = functions.shape[1]
    edges = [n * i // FOLDS for i in range(FOLDS + 1)]
    place = torch.arange(n, device=functions.device)
    held_out = torch.stack([(place >= edges[i]) & (place < edges[i + 1]) for i in range(FOLDS)])
    fitted = (~held_out).to(functions).unsqueeze(1)  # (FOLDS, 1, n)
    sizes = fitted @ member.transpose(1, 2).unsqueeze(1)  # (B, FOLDS, 1, k)
    frequent = torch.where(member.sum(2)[:, None, None] > 0, sizes + 0.5, 0.0).log().transpose(2, 3)
    weights = fitted / fitted.sum(2, keepdim=True)

    eye = torch.eye(m, dtype=functions.dtype, device=functions.device)
    factor = inverse_factor(cholesky(gram * (FOLDS / (FOLDS - 1) / 2) + ridge * eye))
    white = factor @ functions
    targets = member.unsqueeze(1)

    def log_p(slopes: Tensor) -> Tensor:
        logits = (slopes.transpose(1, 2) @ white).view(b, FOLDS, k, n)
        return torch.log_softmax(logits + frequent, 2)

    slopes = ahead = functions.new_zeros(b, m, FOLDS * k)
    found = []
    for step in range(max(STEPS)):
        left = (targets - log_p(ahead).exp()) * weights
        new = ahead + white @ left.reshape(b, FOLDS * k, n).transpose(1, 2)
        ahead = new + step / (step + 3) * (new - slopes)
        slopes = new
        if step + 1 in STEPS:
            found.append((log_p(slopes).exp() * held_out.unsqueeze(1)).sum(1))
    found = torch.stack(found, 1)  # (B, len(STEPS), k, n)
    merit = torch.stack([mean_log_ratio(p, member) for p in found.unbind(1)], 1)
    return (torch.softmax(n * merit, 1)[..., None, None] * found).sum(1)


def mean_log_ratio(probability: Tensor, member: Tensor) -> Tensor:
    """Return the mean logarithm (B,) of the probability (B, k, n) of the class to its frequency."""
    frequency = (member * member.mean(2, keepdim=True)).sum(1)
    ratio = (probability * member).sum(1) / frequency
    return torch.log((1 - FLOOR) * ratio + FLOOR).mean(1)


def entropy(share: Tensor) -> Tensor:
    """Return the entropy (B,) of probabilities (B, k), in nats."""
    return torch.special.entr(share).sum(1)


def class_features(
    additive: Tensor, columns: Tensor, codes: Tensor, count: Tensor
) -> ClassFeatures:
    """Predict classes from the other side, and compute the features.

    Parameters
    ----------
    additive : Tensor of shape (B, p, n)
        Functions of single columns of the other side, of mean 0 and variance 1.
    columns : Tensor of shape (B, d, n)
        Normal scores of the columns of the other side, standardised.
    codes : LongTensor of shape (B, n)
        Classes; rows in an order that has nothing to do with their values.
    count : LongTensor of shape (B,)
        Number of classes; data sets for which it is no number of classes have no features, and at
        least one has some.
    """
    n = codes.shape[1]
    present = are_classes(count, n)
    if not bool(present.all()):
        told = present.nonzero().squeeze(1)
        found = class_features(*(v[told] for v in (additive, columns, codes, count)))
        nothing = no_classes(len(codes), columns)
        parts = zip(vars(nothing).values(), vars(found).values(), strict=True)
        return ClassFeatures(*(whole.index_copy(0, told, part) for whole, part in parts))
    member = F.one_hot(codes, int(count.max())).transpose(1, 2).to(additive)
    share = member.mean(2)
    target = (member - share.unsqueeze(2)) * share.clamp_min(1 / n).rsqrt().unsqueeze(2)
    variance = target.square().sum(1).mean(1).clamp_min(LEAST)

    kernels = kernels_of(columns, relevance(columns, target), halves=True)
    whole, _ = with_kernels(additive, kernels)
    products = whole @ whole.transpose(1, 2) / n
    few = additive.shape[1]
    p, gains = [], []
    for functions, gram in ((additive, products[:, :few, :few]), (whole, products)):
        ridge, validated = choose_ridge(functions, gram, target)
        gains.append(gain(variance, validated).amax(1))
        p.append(log_probabilities(functions, gram, member, ridge))
    mean = (p[0] + p[1]) / 2
    distinct = entropy(share)
    claim = distinct - entropy(mean).mean(1)
    anchors = torch.stack([*(mean_log_ratio(v, member) for v in (*p, mean)), claim], 1)
    unit = math.sqrt(n)
    evidence = [
        asinh_of(unit, anchors[:, :1]),
        asinh_of(unit, anchors[:, 1:] - anchors[:, :1]),
        torch.stack(gains, 1).clamp_min(-1),
        torch.stack(
            [
                count.to(additive).log() / 3,
                distinct / 3,
                asinh_of(unit, distinct - anchors[:, 2]),
                share.amax(1),
                torch.ones_like(distinct),
            ],
            1,
        ),
    ]
    return ClassFeatures(anchors.clamp_min(0), torch.cat(evidence, 1), present.unsqueeze(1))


def asinh_of(unit: float, values: Tensor) -> Tensor:
    """Return values in a unit, large ones pulled in."""
    return torch.asinh(unit * values) / 2


def weigh(found: list[ClassFeatures], counts: tuple[Tensor, Tensor]) -> ClassFeatures:
    """Choose, for each data set, between the classes of X and those of y.

    Parameters
    ----------
    found : list of ClassFeatures
        Of X and of y.
    counts : tuple of LongTensor of shape (B,)
        Numbers of distinct rows of both.
    """
    x, y = found
    only = x.present ^ y.present
    fewer = torch.sign(counts[1] - counts[0]).unsqueeze(1).to(x.anchors)
    share = torch.where(only, x.present.to(fewer), (1 + fewer) / 2)  # 1 for the classes of X
    return ClassFeatures(
        y.anchors.lerp(x.anchors, share),
        y.evidence.lerp(x.evidence, share),
        x.present | y.present,
    )
