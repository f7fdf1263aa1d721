"""Vectors against vectors: both axes of the sample are attended to.

Letters in shapes: B data sets, n rows, d = dx + dy columns, K basis functions, W token width,
P pair width, A anchors, L quantile levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skmist.core import (
    best_pairs,
    classifier,
    critic,
    elliptical,
    neighbours,
    regression,
    scores,
    soft,
    targets,
)
from skmist.core.bivariate import BivariateFeatures
from skmist.core.config import CoreConfig
from skmist.core.heads import LARGEST_ANCHOR, QuantileHead
from skmist.core.layers import MLP, PairAttention, SetSummary
from skmist.core.moments import N_PAIR, pair_features, pair_moments
from skmist.core.plugin import plugin_entropies
from skmist.core.predictions import Sides

N_CONTEXT = 8
N_BLOCKS = 2
N_FIXED_ANCHORS = (
    elliptical.N_ANCHORS
    + len(neighbours.NEIGHBOURS)
    + 2
    + critic.N_CRITIC_ANCHORS
    + critic.N_ADDITIVE_ANCHORS
    + regression.N_ANCHORS
)
N_ALWAYS = N_FIXED_ANCHORS + 3
N_ANCHORS = N_ALWAYS + classifier.N_ANCHORS + targets.N_ANCHORS + best_pairs.N_ANCHORS
N_CRITICS = critic.N_CRITIC + critic.N_ADDITIVE + regression.N_EVIDENCE
N_STRUCTURE = neighbours.N_DIMENSIONS + 2
N_SCALES = len(neighbours.NEIGHBOURS)
N_CONTRASTS = N_FIXED_ANCHORS + elliptical.N_EVIDENCE + N_SCALES - 1


@dataclass
class JointFeatures:
    """What is computed from a sample before anything learned."""

    context: Tensor  # (B, N_CONTEXT)
    pairs: Tensor  # (B, d, d, N_PAIR)
    anchors: Tensor  # (B, N_FIXED_ANCHORS)
    evidence: Tensor  # (B, N_EVIDENCE)
    critic: Tensor  # (B, N_CRITICS)
    structure: Tensor  # (B, N_STRUCTURE)
    contrasts: Tensor  # (B, N_CONTRASTS)
    rows: Tensor  # (B, n, N_ROW_FEATURES + N_CRITIC_ROWS)
    local: Tensor  # (B, q, N_LOCAL)
    class_anchors: Tensor  # (B, classifier.N_ANCHORS)
    class_evidence: Tensor  # (B, classifier.N_EVIDENCE)
    has_classes: Tensor  # (B, 1), 1 where there are classes, else 0
    target_anchors: Tensor  # (B, targets.N_ANCHORS)
    target_evidence: Tensor  # (B, targets.N_EVIDENCE)
    has_targets: Tensor  # (B, 1), 1 where both sides have several columns, else 0
    best: BivariateFeatures | None  # of B * K pairs of columns, None where pairs are many
    best_places: Tensor | None  # (B, K, 2), columns of each, in an order of their own
    dx: int
    n: int  # rows that the network is told


def joint_features(x: Tensor, y: Tensor, n_queries: int, n_told: int) -> JointFeatures:
    """Compute the features of samples x (B or 1, n, dx) and y (B or 1, n, dy)."""
    b, (n, dx) = max(len(x), len(y)), x.shape[1:]
    dy = y.shape[-1]
    d = dx + dy
    sides = [x, y.to(x.dtype)]
    columns = torch.cat([s.expand(b, -1, -1) for s in sides], -1).transpose(1, 2).contiguous()
    ranks, ties, _ = soft.rank(columns)
    ranks = ranks.reordered(*scores.own_order(ranks.doubled, dx))
    tied = bool(ties.any())
    device = x.device
    phi = torch.stack(
        [ranks.look_up(row.float()) for row in scores.basis_table(n, device=device)], 2
    )
    z = ranks.look_up(scores.normal_table(n, device=device).float())
    student = [
        ranks.look_up(scores.student_table(n, df, device=device).float())
        for df in elliptical.DEGREES
    ]
    if tied:
        phi = scores.standardise(phi)
    spread = scores.standardise(z)
    ellipse = elliptical.elliptical_features(spread, student, dx)
    local, dimensions, place = neighbours.neighbours_in_parts(
        z, neighbours.query_rows(n_told, n_queries), dx, tied, n_told
    )
    queries = len(place)
    marks = z[..., : critic.landmarks(n)]
    to_marks = [
        neighbours.squared_distances(marks[:, side], z[:, side])
        for side in (slice(dx), slice(dx, d))
    ]
    judged = critic.critic_features(*to_marks)
    additive, sums = critic.additive_features(phi, dx)
    pairs = pair_features(pair_moments(phi), n, n_told)
    linear = [_participation(ellipse.corr[:, side, side]) for side in (slice(dx), slice(dx, d))]
    structure = [torch.minimum(*linear), torch.maximum(*linear)]
    entropies = plugin_entropies(ranks.doubled, dx, tied)
    smaller, larger = entropies[:, :2].amin(1), entropies[:, :2].amax(1)
    repeats = [smaller / math.log(n), larger / math.log(n), smaller / 3]
    plug_in = (entropies[:, 0] + entropies[:, 1] - entropies[:, 2]).clamp_min(0)
    log_n = math.log(n_told)
    told = [
        (log_n - 5.5) / 2,
        (math.log(dx * dy) - 3) / 3,
        abs(math.log(dx / dy)) / 2,
        math.log(d / n_told) / 3,
        (math.log(queries) - 4) / 2,
    ]
    context = torch.cat([z.new_tensor(told).expand(b, -1), torch.stack(repeats, 1)], 1)
    bounds = torch.stack([smaller, plug_in], 1)
    rows = torch.cat([ellipse.rows, torch.asinh(judged.rows)], 2)
    nearest = neighbours.mean_over_rows(local[..., 2::3], rows, place)
    sides = Sides(ranks.doubled, phi, spread, dx, n_told, tied)
    taken = sides.regression(n_queries) or regression.without_regression(nearest)
    classes = sides.classes()
    several = sides.targets(ellipse.anchors[:, elliptical.GAUSSIAN_ANCHOR], n_queries)
    anchors = [ellipse.anchors, nearest, bounds, judged.anchors, sums, taken.anchors]
    anchors = torch.cat(anchors, 1)
    anchors = anchors.clamp(0, LARGEST_ANCHOR)
    return JointFeatures(
        context,
        pairs,
        anchors,
        ellipse.evidence,
        torch.cat([judged.evidence, additive, taken.evidence], 1),
        torch.cat([dimensions, torch.stack(structure, 1)], 1),
        _contrasts(anchors, ellipse.evidence * d, n_told, queries),
        rows,
        local,
        classes.anchors,
        classes.evidence,
        classes.present.to(z),
        several.anchors,
        several.evidence,
        z.new_full((b, 1), several.present),
        *best_pairs.best_pairs(ranks, dx, n_told),
        dx,
        n_told,
    )


def _contrasts(anchors: Tensor, evidence: Tensor, n_told: int, queries: int) -> Tensor:
    """Return how far estimates and log-likelihoods lie from those of a Gaussian copula.

    In units of n^-1/2, which their errors have, so that many rows tell small differences apart.
    The same for estimates from neighbourhoods of one scale and of the next, which agree where the
    density is smooth at these scales; shape (B, N_CONTRASTS).

    Parameters
    ----------
    anchors : Tensor of shape (B, N_FIXED_ANCHORS)
    evidence : Tensor of shape (B, N_EVIDENCE)
        Mean log-likelihoods of rows, that of the Gaussian copula first.
    n_told, queries : int
        Number of rows, and of those whose neighbourhoods were read.
    """
    gaussian = anchors[:, elliptical.GAUSSIAN_ANCHOR].unsqueeze(1)
    differences = torch.cat([anchors - gaussian, evidence - evidence[:, :1]], 1)
    nearest = anchors[:, elliptical.N_ANCHORS : elliptical.N_ANCHORS + N_SCALES]
    scales = math.sqrt(queries) * nearest.diff(dim=1)
    return torch.asinh(torch.cat([math.sqrt(n_told) * differences, scales], 1)) / 2


def _participation(corr: Tensor) -> Tensor:
    """Return the logarithm of the number of principal components that share the variance, (B,).

    Of correlations (B, d, d); it is d for uncorrelated columns and 1 where one component holds
    everything.
    """
    return math.log(corr.shape[1] ** 2) - torch.log(corr.square().sum((1, 2)))


class JointNetwork(nn.Module):
    """Attention over the columns of X and y, told what rows and neighbourhoods say.

    Parameters
    ----------
    config : CoreConfig
        Architecture and trained range.
    """

    def __init__(self, config: CoreConfig):
        super().__init__()
        w, p = config.width, config.pair_width
        n_global = N_CONTEXT + N_FIXED_ANCHORS + elliptical.N_EVIDENCE + N_CRITICS
        n_global += N_STRUCTURE + N_CONTRASTS
        self.globals = MLP(n_global, 2 * w, w)
        self.pair_in = nn.Linear(N_PAIR, 2 * p)
        self.pair_context = nn.Linear(w, 2 * p, bias=False)
        self.pair_same = nn.Parameter(torch.zeros(2 * p))
        self.pair_out = nn.Linear(2 * p, p)
        self.token_in = MLP(N_PAIR + 3 * p + w, 2 * w, w)
        self.layers = nn.ModuleList(
            PairAttention(w, p, config.n_heads) for _ in range(config.n_layers)
        )
        n_rows = elliptical.N_ROW_FEATURES + critic.N_CRITIC_ROWS
        self.rows = SetSummary(n_rows, w, config.row_width)
        self.local = SetSummary(neighbours.N_LOCAL, w, config.row_width)
        self.side = MLP(2 * w, 2 * w, w, norm=True)
        self.gate_key = nn.Linear(w, 16)
        self.gate = nn.Linear(p, 2)
        with torch.no_grad():
            self.gate.bias.fill_(-3.0)
        self.prior = MLP(N_CONTEXT, 64, 1)
        n_summary = n_global + 2 * w + 4 * config.row_width + 2 * p + 2
        h = config.head_width
        self.summary = nn.Sequential(
            nn.LayerNorm(n_summary), nn.Linear(n_summary, h), nn.GELU(), MLP(h, h, h, norm=True)
        )
        self.blocks = nn.ModuleList(MLP(h, 2 * h, h, norm=True) for _ in range(N_BLOCKS))
        self.classes = nn.Linear(classifier.N_EVIDENCE, h, bias=False)
        self.targets = nn.Linear(targets.N_EVIDENCE, h, bias=False)
        self.best = nn.Linear(best_pairs.N_EVIDENCE, h, bias=False)
        self.head = QuantileHead(h, N_ANCHORS, torch.tensor(config.levels))
        self.levels = config.levels

    def forward(self, f: JointFeatures, best: Tensor | None) -> Tensor:
        """Return quantiles (B, L) in nats, negative ones for 0.

        Parameters
        ----------
        f : JointFeatures
        best : Tensor of shape (B, K, L) or None
            The same quantiles of each of the best pairs.
        """
        b, d = f.pairs.shape[:2]
        dx = f.dx
        best_anchors = f.anchors.new_zeros(b, best_pairs.N_ANCHORS)
        best_evidence = f.anchors.new_zeros(b, best_pairs.N_EVIDENCE)
        if best is not None:
            gaussian = f.anchors[:, elliptical.GAUSSIAN_ANCHOR]
            best_anchors, best_evidence = best_pairs.told(
                best, f.best_places, self.levels, gaussian, f.n, dx, d - dx
            )
        logs = torch.log1p(f.anchors)
        told = [f.context, logs, f.evidence, f.critic, f.structure, f.contrasts]
        told = torch.cat(told, 1)
        g = self.globals(told)  # (B, W)

        side = torch.arange(d, device=g.device) >= dx
        same = (side[:, None] == side[None, :]).to(g.dtype)  # (d, d)
        offset = (self.pair_context(g) + self.pair_in.bias).unsqueeze(1)
        weight = self.pair_in.weight.T.expand(b, -1, -1)
        hidden = torch.baddbmm(offset, f.pairs.flatten(1, 2), weight).view(b, d, d, -1)
        for own in (slice(dx), slice(dx, d)):  # in place: these arrays are the largest ones
            hidden[:, own, own] += self.pair_same
        pairs = self.pair_out(F.relu(hidden, inplace=True))  # (B, d, d, P)

        n_same, n_cross = same.sum(1, keepdim=True), (1 - same).sum(1, keepdim=True)
        within = torch.einsum("ij,bijp->bip", same / n_same, pairs)
        across = torch.einsum("ij,bijp->bip", (1 - same) / n_cross, pairs)
        best = torch.cat([pairs[:, :dx, dx:].amax(2), pairs[:, dx:, :dx].amax(2)], 1)
        own = f.pairs.diagonal(dim1=1, dim2=2).transpose(1, 2)
        tokens = torch.cat([own, within, across, best, g.unsqueeze(1).expand(-1, d, -1)], -1)
        tokens = self.token_in(tokens)  # (B, d, W)
        biases = F.linear(pairs, torch.cat([layer.bias.weight for layer in self.layers]))
        biases = biases.unflatten(-1, (len(self.layers), -1)).unbind(-2)
        for layer, bias in zip(self.layers, biases, strict=True):
            tokens = layer(tokens, pairs, bias)

        sides = [
            self.side(torch.cat([t.mean(1), t.amax(1)], -1))
            for t in (tokens[:, :dx], tokens[:, dx:])
        ]
        cross = pairs[:, :dx, dx:]  # (B, dx, dy, P)
        key = self.gate_key(tokens)
        match = torch.einsum("bic,bjc->bij", key[:, :dx], key[:, dx:]) / 4
        gate, single = self.gate(0.5 * (cross + pairs[:, dx:, :dx].transpose(1, 2))).unbind(-1)
        gate = torch.sigmoid(gate + match)
        additive = (gate * F.softplus(single)).sum((1, 2)).clamp_max(LARGEST_ANCHOR)
        gated = (gate.unsqueeze(-1) * cross).sum((1, 2)) / (gate.sum((1, 2)) + 1).unsqueeze(-1)
        gated_t = (gate.unsqueeze(-1) * pairs[:, dx:, :dx].transpose(1, 2)).sum((1, 2))
        gated_t = gated_t / (gate.sum((1, 2)) + 1).unsqueeze(-1)
        prior = F.softplus(self.prior(f.context)).squeeze(-1)

        summary = torch.cat(
            [
                told,
                g,
                sides[0] + sides[1],
                self.rows(f.rows, g),
                self.local(f.local, g),
                cross.mean((1, 2)) + pairs[:, dx:, :dx].mean((1, 2)),
                gated + gated_t,
                torch.log1p(additive).unsqueeze(1),
                torch.log1p(prior).unsqueeze(1),
            ],
            -1,
        )
        anchors = torch.cat(
            [
                f.anchors,
                additive.unsqueeze(1),
                prior.unsqueeze(1),
                torch.zeros_like(f.anchors[:, :1]),
                f.class_anchors,
                f.target_anchors,
                best_anchors,
            ],
            1,
        )
        there = [
            f.has_classes.expand_as(f.class_anchors),
            f.has_targets.expand_as(f.target_anchors),
            torch.full_like(best_anchors, float(best is not None)),
        ]
        absent = F.pad(torch.cat(there, 1), (N_ALWAYS, 0), value=1.0) < 1
        h = self.summary(summary)
        h = h + self.classes(f.class_evidence) + self.targets(f.target_evidence)
        h = h + self.best(best_evidence)
        for block in self.blocks:
            h = h + block(h)
        return self.head(h, anchors, log_unit=-0.5 * math.log(f.n / 100), absent=absent)
