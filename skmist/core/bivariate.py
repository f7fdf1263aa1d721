"""One column against one: the empirical copula as a picture, read by estimators and a perceptron.

Letters in shapes: B data sets, n rows, G grid cells along one axis, K groups of a labelled side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from skmist.core import grids, windows
from skmist.core.config import CoreConfig
from skmist.core.elliptical import DEGREES, gaussian_bias, student_constant, student_excess
from skmist.core.heads import LARGEST_ANCHOR, QuantileHead
from skmist.core.layers import MLP
from skmist.core.moments import N_PAIR, pair_features
from skmist.core.plugin import entropy
from skmist.core.scores import N_ODD, Ranks, basis_of, normal_table, student_table
from skmist.core.soft import rank, straight_through

LAGS = (1, 2, 4, 8)
N_CONTEXT = 9
N_BLOCKS = 4
FEW_TIES = 0.01  # up to which the order among tied rows does not matter
N_COARSE = grids.N_ESTIMATES + 2 + len(DEGREES) + len(LAGS) + 2
N_ANCHORS = N_COARSE + windows.N_ESTIMATES
N_FINE = 3 * windows.N_ESTIMATES + windows.N_WAYS
N_INPUT = (
    N_CONTEXT + 3 * N_COARSE + 2 * len(DEGREES) + 4 * len(LAGS) + 2 * N_PAIR + grids.N_OCCUPIED + 4
)


@dataclass
class BivariateFeatures:
    """What is computed from pairs of columns before anything learned."""

    inputs: Tensor  # (B, N_INPUT)
    context: Tensor  # (B, N_CONTEXT)
    anchors: Tensor  # (B, N_ANCHORS), nats; of windows with many rows only, else 0
    n: int  # rows that the network is told
    fine: Tensor | None  # (B, N_FINE), of many rows


class Column:
    """One column of each data set: ranks or codes, and where they lie on the grids."""

    def __init__(self, values: Tensor, is_labels: bool, batch: int):
        n = values.shape[1]
        self.is_labels = is_labels
        if is_labels:
            values = values.detach()
            self.codes = values.long()
            self.n_groups = int(self.codes.max()) + 1
        self.ranks, ties, order = rank(values.contiguous())
        self.ties, self.order = ties.expand(batch), order.expand(batch, n)
        self.own = self.ranks.doubled  # (B or 1, n)

    def axis(self, spacing: str) -> grids.Axis:
        """Return where the rows lie on a grid."""
        if self.is_labels:
            return grids.Axis(self.codes, self.n_groups, True)
        places = grids.place_table(self.own.shape[1], spacing, self.own.device)
        cells = Ranks(self.own).look_up(grids.cell_table(places))
        return grids.Axis(cells, grids.SIZE, steps=self.ranks.tangent(places))


def bivariate_features(
    x: Tensor, y: Tensor, labels: tuple[bool, bool], n_told: int
) -> BivariateFeatures:
    """Compute the features of pairs of columns.

    Parameters
    ----------
    x, y : Tensor of shape (B or 1, n)
        Values, or codes from 0 of labels.
    labels : tuple of bool
        Whether x and y are labels.
    n_told : int
        Number of rows that the network is told.
    """
    batch, n = max(len(x), len(y)), x.shape[1]
    a, b = (Column(v, is_labels, batch) for v, is_labels in zip((x, y), labels, strict=True))
    if a.is_labels and not b.is_labels:  # labels come second, so that a question has one form
        a, b = b, a
    entropies = _entropies(a, b, batch)
    smaller, larger = entropies[:, :2].amin(1), entropies[:, :2].amax(1)
    plug_in = (entropies[:, 0] + entropies[:, 1] - entropies[:, 2]).clamp_min(0)

    normal = grid_of(a, b, "normal", batch)
    counts = normal.counts
    smooth = grids.kernel_estimates(normal)
    coarse, occupied = grids.histogram_estimates(grid_of(a, b, "uniform", batch))
    if b.is_labels:
        moments, tests = counts.new_zeros(batch, 2 * N_PAIR), counts.new_zeros(batch, 4)
        explained = counts.new_zeros(batch) if a.is_labels else _explained(counts, n)
    else:
        moments, tests = _moments(counts, n)
    fits, evidence = _elliptical(a, b, batch)
    groups = [
        (counts.sum(axis) > 0).sum(1).float() if side.is_labels else torch.ones_like(smaller)
        for axis, side in ((2, a), (1, b))
    ]
    if b.is_labels:
        corrected = 1 - (1 - explained) * (n - 1) / (n - groups[1]).clamp_min(1)
        gauss = torch.stack([explained, corrected.clamp_min(0)], 1)
        gauss = -0.5 * torch.log1p(-gauss.clamp(0, 0.999999))
    else:
        gauss = fits[:, :1]
        gauss = torch.cat([gauss, (gauss - gaussian_bias(n, 1, 1)).clamp_min(0)], 1)
    near, near_evidence, fine, fine_gap = _spacings(a, b, batch)
    bounds = torch.stack([smaller, plug_in], 1)
    anchors = torch.cat([smooth, coarse, gauss, fits[:, 1:], near, bounds], 1)
    anchors = anchors.float().clamp(0, LARGEST_ANCHOR)

    log_n, root = math.log(n_told), n_told**0.5
    told = anchors.new_tensor([(log_n - 6) / 2, float(a.is_labels), float(b.is_labels)])
    context = torch.cat(
        [
            told.expand(batch, -1),
            torch.log(groups[0] * groups[1]).unsqueeze(1) / 3,
            torch.stack([smaller / math.log(n), larger / math.log(n), smaller / 3], 1),
            torch.stack([a.ties + b.ties, (a.ties - b.ties).abs()], 1),
        ],
        1,
    ).float()
    inputs = torch.cat(
        [
            context,
            torch.log1p(anchors),
            torch.asinh(root * (anchors - gauss[:, 1:])) / 2,
            torch.asinh(5 * (anchors - smooth[:, 1:2])),
            torch.asinh(root * (evidence - gauss[:, :1])) / 2,
            torch.asinh(root * (evidence - smooth[:, 1:2])) / 2,
            near_evidence,
            moments,
            occupied,
            torch.asinh(root * tests) / 2,
        ],
        1,
    )
    if fine is None:
        anchors = torch.cat([anchors, anchors.new_zeros(batch, windows.N_ESTIMATES)], 1)
        return BivariateFeatures(inputs.float(), context, anchors, n_told, None)
    fine = fine.float().clamp(0, LARGEST_ANCHOR)
    told = [
        torch.log1p(fine),
        torch.asinh(root * (fine - gauss[:, 1:])) / 2,
        torch.asinh(5 * (fine - smooth[:, 1:2])),
        torch.log1p(fine_gap),
    ]
    anchors = torch.cat([anchors, fine], 1)
    return BivariateFeatures(inputs.float(), context, anchors, n_told, torch.cat(told, 1).float())


def grid_of(a: Column, b: Column, spacing: str, batch: int) -> grids.Grid:
    """Count the rows on a grid of both columns."""
    axes = a.axis(spacing), b.axis(spacing)
    soft = any(axis.steps is not None for axis in axes)
    return (grids.SoftGrid if soft else grids.Grid)(*axes, batch)


def _entropies(a: Column, b: Column, batch: int) -> Tensor:
    """Return the plug-in entropies of both columns and of the pair, shape (B, 3)."""
    n = a.own.shape[1]
    out = torch.full((batch, 3), math.log(n), device=a.own.device)
    for i, side in enumerate((a, b)):
        if bool(side.ties.any()):
            out[:, i] = entropy(side.own).float().expand(batch)
    index = torch.nonzero(a.ties * b.ties).squeeze(1)  # else all pairs are different
    if len(index):
        pairs = (a.own * (2 * n) + b.own).expand(batch, n)[index]
        out[index, 2] = entropy(pairs).float()
    return out


def _explained(counts: Tensor, n: int) -> Tensor:
    """Return the share (B,) of the variance of normal scores that lies between the labels."""
    grid = grids.centres(counts.shape[1], counts.device).to(counts)
    rows = counts.sum(2)
    z = grid - ((rows @ grid) / n).unsqueeze(1)  # (B, G)
    sums = torch.einsum("bg,bgk->bk", z, counts)
    between = (sums.square() / counts.sum(1).clamp_min(1)).sum(1)
    return between / (rows * z.square()).sum(1).clamp_min(1e-9)


def _moments(counts: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return correlations of basis functions (B, 2 * N_PAIR), and tests of normality (B, 4)."""
    grid = grids.centres(counts.shape[1], counts.device)
    basis = basis_of(torch.special.ndtr(grid), grid).to(counts)  # (K, G)

    def standardised(weights: Tensor) -> Tensor:  # (B, K, G)
        mean = (weights @ basis.T) / n
        phi = basis - mean.unsqueeze(2)
        variance = torch.einsum("bg,bkg->bk", weights, phi.square()) / n
        scale = torch.where(variance > 1e-4, variance.clamp_min(1e-4).rsqrt(), 0.0)
        return phi * scale.unsqueeze(2)

    left, right = standardised(counts.sum(2)), standardised(counts.sum(1))
    m = left @ counts @ right.transpose(1, 2) / n  # (B, K, K)
    ways = torch.stack([pair_features(v, n, n) for v in (m, m.transpose(1, 2))], 1)
    rho = m[:, 0, 0]
    second = N_ODD  # Hermite 2, the first of the even functions; Hermite 3 is the second odd one
    tests = [
        m[:, 1, 1].abs() - rho.abs() ** 3,
        m[:, second, second] - rho**2,
        m[:, 0, second].abs() + m[:, second, 0].abs(),
        m[:, 0, 1].abs() + m[:, 1, 0].abs(),
    ]
    return torch.cat([ways.mean(1), (ways[:, 0] - ways[:, 1]).abs()], 1), torch.stack(tests, 1)


def _elliptical(a: Column, b: Column, batch: int) -> tuple[Tensor, Tensor]:
    """Return estimates under a Gaussian and Student copulas, and the log density of the latter.

    Returns
    -------
    estimates : Tensor of shape (B, 1 + len(DEGREES))
        In nats.
    evidence : Tensor of shape (B, len(DEGREES))
        Mean log copula density of the Student models.
    """
    n, device = a.own.shape[1], a.own.device
    if a.is_labels or b.is_labels:
        zero = torch.zeros(batch, len(DEGREES), device=device)
        return torch.zeros(batch, 1 + len(DEGREES), device=device), zero
    normal = normal_table(n, device=device).float()
    x, y = a.ranks, b.ranks
    z, w = x.look_up(normal), y.look_up(normal)
    squares = z.square().sum(1) * w.square().sum(1)
    rho = ((z * w).sum(1) * squares.clamp_min(1e-12).rsqrt()).clamp(-1 + 1e-6, 1 - 1e-6)
    estimates, evidence = [-0.5 * torch.log1p(-rho.square())], []
    tied = bool((a.ties + b.ties).any())
    for df in DEGREES:
        table = student_table(n, df, device=device).float()
        single = (df + 1) / 2 * torch.log1p(table.square() / df)
        margins = sum(
            v.ranks.look_up(single).mean(1) if tied else single[::2].mean() for v in (a, b)
        )
        s, t = x.look_up(table), y.look_up(table)
        ss, tt, st = s.square(), t.square(), s * t
        first = rho.unsqueeze(1)
        weight = (df + 2) / (df + (ss - 2 * first * st + tt) / (1 - first.square()))
        v, c, u = ((weight * part).sum(1) for part in (ss, st, tt))
        r = (c * (v * u).clamp_min(1e-12).rsqrt()).clamp(-1 + 1e-6, 1 - 1e-6)
        part = -0.5 * torch.log1p(-r.square())
        estimates.append(part + student_excess(df, 1, 1))
        r = r.unsqueeze(1)
        radius = (ss - 2 * r * st + tt) / (1 - r.square())
        log_density = (
            student_constant(df, 2)
            - 2 * student_constant(df, 1)
            + part
            - (df + 2) / 2 * torch.log1p(radius / df).mean(1)
            + margins
        )
        evidence.append(log_density)
    return torch.stack(estimates, 1), torch.stack(evidence, 1).clamp(-5, 20)


def _spacings(
    a: Column, b: Column, batch: int
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Look how far apart in one column the rows are that lie side by side in the other one.

    With rows in the order of x, the mean log distance of the ranks of y over a few steps measures
    the entropy of y given x at the finest scale that the sample has, as m-spacings do (Vasicek,
    J. R. Stat. Soc. B 38, 1976), and the mean distance is the correlation of Chatterjee (J. Am.
    Stat. Assoc. 116, 2021). For a labelled y it is the share of equal labels.

    Returns
    -------
    estimates : Tensor of shape (B, len(LAGS))
        The larger one of both directions, in nats.
    evidence : Tensor of shape (B, 4 * len(LAGS))
        Means and differences of both directions.
    fine : Tensor of shape (B, windows.N_ESTIMATES) or None
        The larger one of both directions, in nats; None with few rows or labels.
    fine_gap : Tensor of shape (B, windows.N_WAYS) or None
        How far both directions lie apart.
    """
    n = a.own.shape[1]
    logs, shares, usable, fine = [], [], [], []
    windowed = n >= windows.FEWEST_ROWS and not (a.is_labels or b.is_labels)
    for x, y in ((a, b), (b, a)):
        usable.append((x.ties <= FEW_TIES).float() * (not x.is_labels))
        if not bool(usable[-1].any()):
            logs.append(torch.zeros(batch, len(LAGS), device=a.own.device))
            shares.append(torch.zeros_like(logs[-1]))
            fine.append(logs[-1].new_zeros(batch, windows.N_ESTIMATES))
            continue
        ranks = y.codes if y.is_labels else y.ranks.numbers()
        ordered = ranks.expand(batch, n).gather(1, x.order)
        both = []
        for lag in LAGS:
            lag = min(lag, n // 2)
            values = partial(_equal if y.is_labels else _gaps, ordered)
            means = x.ranks.means_over_pairs(values, lag, x.order)
            if y.is_labels:
                (equal,) = means
                chance = _collision(y, batch)
                both.append((torch.log((equal + 1 / n) / (chance + 1 / n)), equal - chance))
            else:
                log_gap, gap = means
                both.append((math.log(2 * n) - 1.5 - log_gap, 1 - 1.5 * gap / n))
        log, share = (torch.stack(part, 1) for part in zip(*both, strict=True))
        logs.append(log * usable[-1].unsqueeze(1))
        shares.append(share * usable[-1].unsqueeze(1))
        if windowed:  # with the gradient of the spacings of rows far apart
            hard = windows.window_estimates(ordered).to(log)
            fine.append(straight_through(hard, log[:, -1:]) * usable[-1].unsqueeze(1))
    count = (usable[0] + usable[1]).clamp_min(1).unsqueeze(1)
    two = (usable[0] * usable[1]).unsqueeze(1)
    evidence = [(logs[0] + logs[1]) / count, (logs[0] - logs[1]).abs() * two]
    evidence += [(shares[0] + shares[1]) / count, (shares[0] - shares[1]).abs() * two]
    near = torch.maximum(logs[0], logs[1]), torch.cat(evidence, 1)
    if not windowed:
        return *near, None, None
    gap = (fine[0] - fine[1])[:, : windows.N_WAYS].abs() * two
    return *near, torch.maximum(fine[0], fine[1]), gap


def _gaps(ranks: Tensor, lag: int) -> list[Tensor]:
    """Return the distances of the ranks of rows so many steps apart, (B, n - lag), logs first."""
    gap = (ranks[:, lag:] - ranks[:, :-lag]).abs().float()
    return [torch.log(gap + 0.5), gap]


def _equal(codes: Tensor, lag: int) -> list[Tensor]:
    """Tell whether rows so many steps apart have one label, shape (B, n - lag)."""
    return [(codes[:, lag:] == codes[:, :-lag]).float()]


def _collision(labels: Column, batch: int) -> Tensor:
    """Return the probability (B,) that two rows have the same label."""
    share = grids.count(labels.codes, (labels.n_groups, 1)).squeeze(2) / labels.codes.shape[1]
    return share.square().sum(1).expand(batch)


class BivariateNetwork(nn.Module):
    """From the features of a pair of columns to quantiles."""

    def __init__(self, config: CoreConfig):
        super().__init__()
        h = config.bivariate_width
        self.enter = nn.Sequential(nn.LayerNorm(N_INPUT), nn.Linear(N_INPUT, h))
        self.fine = nn.Linear(N_FINE, h, bias=False)
        self.blocks = nn.ModuleList(MLP(h, h, h, norm=True) for _ in range(N_BLOCKS))
        self.prior = MLP(N_CONTEXT, 32, 1)
        self.norm = nn.LayerNorm(h)
        self.head = QuantileHead(h, N_ANCHORS + 2, torch.tensor(config.levels))

    def forward(self, f: BivariateFeatures) -> Tensor:
        """Return quantiles (B, L) in nats, negative ones for 0."""
        h = self.enter(f.inputs)
        place = torch.arange(N_ANCHORS + 2, device=h.device)
        absent = (place >= N_COARSE) & (place < N_ANCHORS)
        if f.fine is not None:
            h, absent = h + self.fine(f.fine), None
        for block in self.blocks:
            h = h + block(h)
        prior = nn.functional.softplus(self.prior(f.context))
        anchors = torch.cat([f.anchors, prior, torch.zeros_like(prior)], 1)
        return self.head(self.norm(h), anchors, -0.5 * math.log(f.n / 100), absent)
