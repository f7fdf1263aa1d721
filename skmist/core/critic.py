"""A critic in closed form: the density ratio of rows, from functions of X and of y.

p(x, y) / p(x) p(y) - 1 = f(x)' M g(y), with f and g vectors of uncorrelated functions, has its
least-squares solution in M, the cross-correlation of f and g (Sugiyama, Suzuki and Kanamori,
"Density Ratio Estimation in Machine Learning", 2012, chapter 6). The singular values of M are
canonical correlations. The functions are either kernels at landmark rows, which see any smooth
dependence of few dimensions, or functions of single columns, whose sums are additive models of any
number of columns (Breiman and Friedman, J. Am. Stat. Assoc. 80, 1985). The rows are split in two
halves: products of the halves' cross-correlations are free of the upward bias that each by itself
has.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from skmist.core import elliptical

NARROW, WIDE = 0.05, 0.3  # squared kernel widths, in units of the mean squared distance
RIDGE = 0.01  # in units of the mean variance of a kernel function
LANDMARKS = 64
FLOOR = 0.1  # smallest density ratio of a row
N_POWERS = 3
N_CRITIC = N_POWERS + 5
N_CRITIC_ANCHORS = 3
N_CRITIC_ROWS = 2
ADDITIVE = (0, 1, 4)  # basis functions of the additive models: Hermite 1, 3 and 2
ADDITIVE_RIDGE = 0.3  # in units of functions per row
N_ADDITIVE = N_POWERS + 3
N_ADDITIVE_ANCHORS = 2


def landmarks(n: int) -> int:
    """Return the number of landmark rows for n rows."""
    return max(2, min(LANDMARKS, n // 2))


@dataclass
class CriticFeatures:
    """Features from the critic.

    Attributes
    ----------
    evidence : Tensor of shape (B, N_CRITIC)
        Canonical correlations free of bias, as roots of sums of powers, and likelihoods.
    anchors : Tensor of shape (B, N_CRITIC_ANCHORS)
        Estimates of the mutual information, in nats.
    rows : Tensor of shape (B, n, N_CRITIC_ROWS)
        Density ratio of every row by the critic of the other half of the rows.
    """

    evidence: Tensor
    anchors: Tensor
    rows: Tensor


class Kernels:
    """Kernel functions (B, m, n) of rows, and the factor (B, m, m) that makes them uncorrelated.

    Half of the landmarks have narrow kernels, half wide ones; each function is centred. Squared
    distances (B, m, n) of the landmark rows to all rows are given.
    """

    def __init__(self, distances: Tensor):
        m, n = distances.shape[1:]
        unit = distances.mean((1, 2), keepdim=True).clamp_min(1e-6)
        width = distances.new_tensor([NARROW, WIDE]).repeat((m + 1) // 2)[:m].unsqueeze(1)
        k = torch.exp_(distances / (unit * (-2 * width)))
        self.values = k - k.mean(2, keepdim=True)
        cov = self.values @ self.values.transpose(1, 2) / n
        ridge = RIDGE * cov.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-9)
        eye = torch.eye(m, dtype=k.dtype, device=k.device)
        chol = torch.linalg.cholesky_ex(cov + ridge[:, None, None] * eye)[0]
        self.whiten = elliptical.inverse_factor(chol)


class Cross:
    """Cross-correlations of uncorrelated functions of X and of y in each half of the rows.

    Attributes
    ----------
    first, second : Tensor of shape (B, p, q)
        Cross-correlations in the two halves; ``total`` is their mean, ``split`` half of their
        difference, as large as chance makes it.
    powers : list of Tensor of shape (B,)
        Sums of even powers of the canonical correlations, less the bias, brought to one scale.
    noise : Tensor of shape (B,)
        Sum of squares of ``split``.
    """

    def __init__(self, first: Tensor, second: Tensor):
        self.first, self.second = first, second
        self.total, self.split = (first + second) / 2, (first - second) / 2
        product = first @ second.transpose(1, 2)
        traces = []
        for _ in range(N_POWERS):
            traces.append(product.diagonal(dim1=1, dim2=2).sum(1))
            product = product @ product
        self.signal = traces[0].clamp_min(0)
        roots = [t.abs().clamp_min(1e-12) ** 0.5**k for k, t in enumerate(traces)]
        self.powers = [t.sign() * r for t, r in zip(traces, roots, strict=True)]
        self.noise = self.split.square().sum((1, 2))


def critic_features(x: Tensor, y: Tensor) -> CriticFeatures:
    """Compute the features.

    Parameters
    ----------
    x, y : Tensor of shape (B, m, n)
        Squared distances of the landmark rows to all rows, on both sides; the rows stand in an
        order that has nothing to do with their values, so that both halves are alike.
    """
    n = x.shape[2]
    halves = (slice(None, n // 2), slice(n // 2, None))
    kernels = Kernels(torch.cat([x, y]))
    f, g = kernels.values.chunk(2)
    parts = [(f[..., h], g[..., h]) for h in halves]
    left, right = kernels.whiten.chunk(2)
    right = right.transpose(1, 2)
    first, second = (left @ (a @ b.transpose(1, 2)) @ right / a.shape[2] for a, b in parts)
    cross = Cross(first, second)
    ratios = []
    for (a, b), other in zip(parts, (second, first), strict=True):
        inner = left.transpose(1, 2) @ other @ right.transpose(1, 2)
        ratios.append((a * (inner @ b)).sum(1))
    ratio = torch.cat(ratios, 1)  # less 1
    trust = cross.signal / (cross.signal + 2 * cross.noise + 1e-6)
    shrunk = 1 + trust.unsqueeze(1) * ratio
    lower = [torch.log(r.clamp_min(FLOOR)).mean(1) for r in (shrunk, 1 + ratio)]
    whole, chance = _log_det(torch.cat([cross.total, cross.split])).chunk(2)
    evidence = [*cross.powers, *lower, torch.log1p(cross.noise) / 2]
    evidence += [torch.log1p(whole), torch.log1p(chance)]
    anchors = torch.stack([*lower, whole - chance], 1)
    rows = torch.stack([shrunk, 1 + ratio], 2)
    return CriticFeatures(torch.stack(evidence, 1).clamp(-50, 50), anchors, rows)


def additive_features(phi: Tensor, dx: int) -> tuple[Tensor, Tensor]:
    """Compare additive functions of the columns of X with those of the columns of y.

    Parameters
    ----------
    phi : Tensor of shape (B, d, K, n)
        Basis functions of the columns, each of mean 0 and variance 1; rows in an order that has
        nothing to do with their values.
    dx : int
        Number of columns of X.

    Returns
    -------
    evidence : Tensor of shape (B, N_ADDITIVE)
    anchors : Tensor of shape (B, N_ADDITIVE_ANCHORS)
        Mutual information of Gaussian vectors of the same canonical correlations, in nats: less
        what two halves of the rows differ by, and less the bias that independent Gaussian
        functions would have.
    """
    b, d, _, n = phi.shape
    k = len(ADDITIVE)
    values = phi[:, :, ADDITIVE].reshape(b, d * k, n)
    p = dx * k
    load = ADDITIVE_RIDGE * d * k / n
    weight = max(load / (1 + load), 1e-4)
    blocks = [v @ v.transpose(1, 2) for v in (values[..., : n // 2], values[..., n // 2 :])]
    corr = elliptical.shrink((blocks[0] + blocks[1]) / n, weight)
    sides = [corr[:, :p, :p], corr[:, p:, p:]]
    if 2 * p == d * k:  # at once, which takes less time
        left, right = elliptical.inverse_factor(elliptical.cholesky(torch.cat(sides))).chunk(2)
    else:
        left, right = (elliptical.inverse_factor(elliptical.cholesky(c)) for c in sides)
    rows = (n // 2, n - n // 2)
    cross = Cross(
        *((1 - weight) / m * (left @ v[:, :p, p:] @ right.transpose(1, 2))
          for v, m in zip(blocks, rows, strict=True))
    )  # fmt: skip
    whole, chance = _log_det(torch.cat([cross.total, cross.split])).chunk(2)
    whole_cross = left @ corr[:, :p, p:] @ right.transpose(1, 2)
    eye = torch.eye(p, dtype=phi.dtype, device=phi.device)
    rest = elliptical.cholesky(eye - whole_cross @ whole_cross.transpose(1, 2))
    gaussian = -rest.diagonal(dim1=1, dim2=2).clamp_min(1e-4).log().sum(1)
    bias = elliptical.gaussian_bias(n, p, d * k - p)
    evidence = [
        *cross.powers,
        torch.log1p(cross.noise) / 2,
        torch.log1p(whole),
        torch.log1p(chance),
    ]
    anchors = [(whole - chance).clamp_min(0), (gaussian - bias).clamp_min(0)]
    return torch.stack(evidence, 1).clamp(-50, 50), torch.stack(anchors, 1)


def _log_det(m: Tensor) -> Tensor:
    """Return 1/2 log det(I + m m'), shape (B,): a sum over canonical correlations, bounded."""
    eye = torch.eye(m.shape[1], dtype=m.dtype, device=m.device)
    chol = torch.linalg.cholesky_ex(eye + m @ m.transpose(1, 2))[0]
    return chol.diagonal(dim1=1, dim2=2).clamp_min(1).log().sum(1)
