"""What elliptical models (Gaussian and Student copulas) say of a sample: estimates, fit, radii.

All quantities are functions of the columns' ranks, bounded by shrinkage of the scatter matrix
towards its diagonal, so that no number of columns against rows makes them explode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

SHRINKAGE = (0.02, 0.2, 1.0)  # strengths, in units of columns per row
DEGREES = (1.0, 2.0, 4.0)  # degrees of freedom of the Student models
SMALLEST_SHRINKAGE = 1e-5
LARGEST_BLOCK = 48  # columns of triangular matrices that are inverted as a whole
ALIGNED = 16  # blocks are multiples of it, so that matrices of a batch are multiplied alike
FEW_ENTRIES = 20_000  # of all matrices, up to which they are too
FEW_CELLS = 1_000_000  # of scores, up to which all Student models are fitted at once
CACHED = 256  # numbers that are kept, since many samples have the same shape


@dataclass
class EllipticalFeatures:
    """Features from elliptical models.

    Attributes
    ----------
    anchors : Tensor of shape (B, A)
        Estimates of the mutual information, in nats, non-negative and bounded.
    evidence : Tensor of shape (B, E)
        Mean log copula density per column under each model.
    rows : Tensor of shape (B, n, R)
        What the models say of every row: radii of X, y and both, log density ratios.
    corr : Tensor of shape (B, d, d)
        Correlations of the normal scores.
    """

    anchors: Tensor
    evidence: Tensor
    rows: Tensor
    corr: Tensor


def shrink(scatter: Tensor, weight: float) -> Tensor:
    """Shrink a scatter matrix towards its diagonal, and scale the diagonal to 1."""
    d = scatter.shape[-1]
    scale = scatter.diagonal(dim1=-2, dim2=-1).clamp_min(1e-12).rsqrt()
    corr = scatter * scale.unsqueeze(-1) * scale.unsqueeze(-2)
    eye = torch.eye(d, dtype=scatter.dtype, device=scatter.device)
    return corr * (1 - weight) * (1 - eye) + eye


def _log_det(chol: Tensor) -> Tensor:
    """Return the log-determinant from a Cholesky factor."""
    return 2 * chol.diagonal(dim1=-2, dim2=-1).clamp_min(1e-12).log().sum(-1)


def cholesky(matrix: Tensor) -> Tensor:
    """Return the Cholesky factor, with a little more shrinkage where rounding spoilt it."""
    chol, info = torch.linalg.cholesky_ex(matrix)
    if bool((info > 0).any()):
        eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        bad = (info > 0)[:, None, None]
        chol, _ = torch.linalg.cholesky_ex(torch.where(bad, 0.99 * matrix + 0.01 * eye, matrix))
    return chol


def inverse_factor(chol: Tensor) -> Tensor:
    """Return the inverse of a Cholesky factor (B, m, m), with which rows are whitened.

    Large ones by halves: the blocks on the diagonal together, and that below by products, which
    are faster.
    """
    m = chol.shape[-1]
    if m <= LARGEST_BLOCK or len(chol) * m**2 <= FEW_ENTRIES:
        eye = torch.eye(m, dtype=chol.dtype, device=chol.device)
        return torch.linalg.solve_triangular(chol, eye.expand_as(chol), upper=False)
    h = ALIGNED * -(-m // (2 * ALIGNED))
    blocks = [chol[:, :h, :h], chol[:, h:, h:]]
    if m == 2 * h:
        upper, lower = inverse_factor(torch.cat(blocks)).chunk(2)
    else:
        upper, lower = map(inverse_factor, blocks)
    below = -lower @ (chol[:, h:, :h] @ upper)
    return torch.cat([F.pad(upper, (0, m - h)), torch.cat([below, lower], 2)], 1)


class Scatter:
    """A scatter matrix of (X, y) with its log-determinants and Mahalanobis radii.

    Factors are of double precision: where a side holds all indicators of a category, the matrix is
    singular but for its shrinkage, and rounding would depend on which side comes first.
    """

    def __init__(self, corr: Tensor, dx: int):
        self.dx, self.dtype = dx, corr.dtype
        corr = corr.double()
        self.chol = cholesky(corr)
        self.chol_y = cholesky(corr[:, dx:, dx:])

    @cached_property
    def white(self) -> Tensor:
        """What whitens rows of X and y, shape (B, d, d)."""
        return inverse_factor(self.chol).to(self.dtype)

    @cached_property
    def mutual_information(self) -> Tensor:
        """Gaussian mutual information, shape (B,), in nats."""
        parts = _log_det(self.chol[:, : self.dx, : self.dx]) + _log_det(self.chol_y)
        return 0.5 * (parts - _log_det(self.chol)).clamp_min(0).to(self.dtype)

    @cached_property
    def log_det(self) -> Tensor:
        """Log-determinant of the whole matrix, shape (B,)."""
        return _log_det(self.chol).to(self.dtype)

    def radii(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return squared radii of X, y and both, each (B, n), for rows z of shape (B, d, n)."""
        white = (self.white @ z).square()
        white_y = inverse_factor(self.chol_y).to(self.dtype) @ z[:, self.dx :]
        x = white[:, : self.dx].sum(1)
        return x, white_y.square().sum(1), x + white[:, self.dx :].sum(1)


@lru_cache(CACHED)
def gaussian_bias(n: int, dx: int, dy: int) -> float:
    """Return the bias of the plug-in Gaussian estimate, in nats.

    E log det of a Wishart matrix with n - 1 degrees of freedom (Anderson, "An Introduction to
    Multivariate Statistical Analysis", 2003, section 7.5); half-degrees are held at 1/2 or more,
    so that the value stays finite where n < dx + dy.
    """

    def expectation(d: int) -> float:
        half = (n - torch.arange(1, d + 1, dtype=torch.float64)) / 2
        return float((torch.digamma(half.clamp_min(0.5)) - math.log((n - 1) / 2)).sum())

    return 0.5 * (expectation(dx) + expectation(dy) - expectation(dx + dy))


def student_constant(df: float, d: int) -> float:
    """Return log of Gamma((df + d) / 2) / Gamma(df / 2) / (df pi)^(d / 2)."""
    return math.lgamma((df + d) / 2) - math.lgamma(df / 2) - d / 2 * math.log(df * math.pi)


@lru_cache(CACHED)
def student_excess(df: float, dx: int, dy: int) -> float:
    """Return the mutual information of a Student distribution beyond its normal part, in nats.

    Source: Arellano-Valle, Contreras-Reyes and Genton, Scand. J. Stat. 40 (2013), equation 14.
    """

    def entropy(d: int) -> float:
        half = torch.tensor([(df + d) / 2, df / 2], dtype=torch.float64)
        psi = torch.digamma(half)
        return -student_constant(df, d) + (df + d) / 2 * float(psi[0] - psi[1])

    return entropy(dx) + entropy(dy) - entropy(dx + dy)


@dataclass
class _Student:
    """A Student copula, of (X, y) or of what it says of every row."""

    degrees: float
    excess: float  # nats
    normal_part: Tensor  # (B,), nats
    density: Tensor  # (B,), mean log copula density
    ratio: Tensor  # (B, n), log density ratios
    radii: list[Tensor]  # of X, y and both, (B, n) each


def _student_models(
    x: Tensor, degrees: tuple[float, ...], white: Tensor, weight: float, dx: int
) -> list[_Student]:
    """Fit Student copulas to scores x (M, B, d, n), M models at once; whitened by (B, d, d)."""
    m, _, d, n = x.shape
    sizes = (dx, d - dx, d)
    df = x.new_tensor(degrees).view(-1, 1, 1)
    start = (white @ x).square().sum(2)
    weighted = x * ((df + d) / (df + start)).unsqueeze(2)
    scatter = (weighted @ x.transpose(2, 3)).flatten(0, 1) / n
    model = Scatter(shrink(scatter, weight), dx)
    r = [v.view_as(start) for v in model.radii(x.flatten(0, 1))]
    normal_part, log_det = (v.view(m, -1, 1) for v in (model.mutual_information, model.log_det))
    logs = [(df + k) / 2 * torch.log1p(v / df) for v, k in zip(r, sizes, strict=True)]
    single = (df + 1) / 2 * torch.log1p(x.square() / df.unsqueeze(3)).sum(2)
    const = [[student_constant(v, k) for k in (*sizes, 1)] for v in degrees]
    of_density = x.new_tensor([both - d * one for *_, both, one in const]).view(-1, 1, 1)
    of_ratio = x.new_tensor([both - a - b for a, b, both, _ in const]).view(-1, 1, 1)
    density = of_density - 0.5 * log_det - logs[2] + single
    ratio = of_ratio + logs[0] + logs[1] - logs[2] + normal_part
    normal_part, density = normal_part.squeeze(2), density.mean(2)
    return [
        _Student(
            v, student_excess(v, dx, d - dx), normal_part[i], density[i], ratio[i],
            [radius[i] for radius in r],
        )
        for i, v in enumerate(degrees)
    ]  # fmt: skip


def _symmetric_radii(radii, sizes, log_ratio: float) -> list[Tensor]:
    """Describe the radii of a row in X, in y and in both, without telling X and y apart."""
    x, y, both = (torch.log(r / k + 0.05) for r, k in zip(radii, sizes, strict=True))
    return [both, x + y, (x - y).abs(), (x - y) * log_ratio]


def elliptical_features(z: Tensor, student: list[Tensor], dx: int) -> EllipticalFeatures:
    """Compute the features.

    Parameters
    ----------
    z : Tensor of shape (B, d, n)
        Normal scores of the columns, X first; constant columns are 0.
    student : list of Tensor of shape (B, d, n)
        Student scores, one for each of ``DEGREES``.
    dx : int
        Number of columns of X.
    """
    _, d, n = z.shape
    dy = d - dx
    corr = shrink(z @ z.transpose(1, 2) / n, 0.0)
    load = d / n
    weights = [max(c * load / (1 + c * load), SMALLEST_SHRINKAGE) for c in SHRINKAGE]
    models = [Scatter(shrink(corr, w), dx) for w in weights]
    anchors = [m.mutual_information for m in models]
    bias = gaussian_bias(n, dx, dy)
    anchors.append((anchors[0] - bias).clamp_min(0))
    radii = [models[0].radii(z), models[1].radii(z)]
    z2 = z.square()
    evidence = [(-0.5 * (models[0].log_det + (radii[0][2] - z2.sum(1)).mean(-1))) / d]

    sizes = (dx, dy, d)
    log_ratio = math.log(dx / dy)
    rows = _symmetric_radii(radii[0], sizes, log_ratio)
    rows += _symmetric_radii((z2[:, :dx].sum(1), z2[:, dx:].sum(1), z2.sum(1)), sizes, log_ratio)
    for model, (rx, ry, rxy) in zip(models, radii, strict=False):
        rows.append(torch.asinh(model.mutual_information.unsqueeze(1) + 0.5 * (rx + ry - rxy)))

    at_once = len(DEGREES) if z.numel() <= FEW_CELLS else 1
    for i in range(0, len(DEGREES), at_once):
        degrees = DEGREES[i : i + at_once]
        x = torch.stack(student[i : i + at_once])
        for found in _student_models(x, degrees, models[0].white, weights[0], dx):
            anchors += [found.normal_part + found.excess]
            anchors += [(found.normal_part - bias).clamp_min(0) + found.excess]
            evidence.append(found.density / d)
            rows.append(torch.asinh(found.ratio))
            if found.degrees == 2:
                rows += _symmetric_radii(found.radii, sizes, log_ratio)
    return EllipticalFeatures(
        torch.stack(anchors, 1), torch.stack(evidence, 1).clamp(-5, 5), torch.stack(rows, -1), corr
    )


GAUSSIAN_ANCHOR = len(SHRINKAGE)  # the one without bias
N_ANCHORS = len(SHRINKAGE) + 1 + 2 * len(DEGREES)
N_EVIDENCE = 1 + len(DEGREES)
N_ROW_FEATURES = 3 * 4 + 2 + len(DEGREES)
