"""The network: both axes of the sample are attended to, and a quantile function comes out.

Letters in shapes: B data sets, n rows, d = dx + dy columns, K basis functions, W token width,
P pair width, A anchors, L quantile levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skmist.core import elliptical, neighbours, scores
from skmist.core.config import CoreConfig
from skmist.core.distribution import MIDistribution
from skmist.core.layers import MLP, PairAttention, SetSummary
from skmist.core.moments import N_PAIR, pair_features, pair_moments
from skmist.core.plugin import plugin_entropies

N_CONTEXT = 8
N_FIXED_ANCHORS = elliptical.N_ANCHORS + len(neighbours.NEIGHBOURS) + 2
LARGEST_ANCHOR = 60.0  # nats


@dataclass
class Features:
    """What is computed from a sample before anything learned; no gradient is needed through it."""

    context: Tensor  # (B, N_CONTEXT)
    pairs: Tensor  # (B, d, d, N_PAIR)
    anchors: Tensor  # (B, N_FIXED_ANCHORS)
    evidence: Tensor  # (B, N_EVIDENCE)
    rows: Tensor  # (B, n, N_ROW_FEATURES)
    local: Tensor  # (B, q, N_LOCAL)
    dx: int


class MISTNetwork(nn.Module):
    """Map samples of (X, y) to distributions of their mutual information.

    By construction the result does not depend on the order of rows, on the order of columns inside
    X or y, on which of the two is called X, or on strictly monotone maps of single columns.

    Parameters
    ----------
    config : CoreConfig
        Architecture and trained range.
    """

    def __init__(self, config: CoreConfig):
        super().__init__()
        self.config = config
        w, p = config.width, config.pair_width
        n_global = N_CONTEXT + N_FIXED_ANCHORS + elliptical.N_EVIDENCE
        self.register_buffer("levels", torch.tensor(config.levels), persistent=False)
        self.globals = MLP(n_global, 2 * w, w)
        self.pair_in = nn.Linear(N_PAIR, 2 * p)
        self.pair_context = nn.Linear(w, 2 * p, bias=False)
        self.pair_same = nn.Parameter(torch.zeros(2 * p))
        self.pair_out = nn.Linear(2 * p, p)
        self.token_in = MLP(N_PAIR + 3 * p + w, 2 * w, w)
        self.layers = nn.ModuleList(
            PairAttention(w, p, config.n_heads) for _ in range(config.n_layers)
        )
        self.rows = SetSummary(elliptical.N_ROW_FEATURES, w, config.row_width)
        self.local = SetSummary(neighbours.N_LOCAL, w, config.row_width)
        self.side = MLP(2 * w, 2 * w, w, norm=True)
        self.gate_key = nn.Linear(w, 16)
        self.gate = nn.Linear(p, 2)
        self.prior = MLP(N_CONTEXT, 64, 1)
        n_summary = n_global + 2 * w + 4 * config.row_width + 2 * p + 2
        self.n_anchors = N_FIXED_ANCHORS + 3
        h = config.head_width
        self.head = nn.Sequential(
            nn.LayerNorm(n_summary), nn.Linear(n_summary, h), nn.GELU(), MLP(h, h, h, norm=True)
        )
        self.head_out = nn.Linear(h, self.n_anchors + 2 + len(config.levels) - 1)
        self._start_from_normal_quantiles()

    def _start_from_normal_quantiles(self):
        """Set the last layer so that an untrained network predicts wide, ordered quantiles."""
        with torch.no_grad():
            self.head_out.weight.mul_(0.1)
            self.head_out.bias.zero_()
            normal = torch.special.ndtri(self.levels.double())
            gaps = torch.expm1(normal.diff()).clamp_min(1e-3).log()
            self.head_out.bias[self.n_anchors + 2 :] = gaps.float()
            self.head_out.bias[self.n_anchors] = -1.0
            self.gate.bias.fill_(-3.0)

    @torch.no_grad()
    def features(self, x: Tensor, y: Tensor, n_queries: int | None = None) -> Features:
        """Compute the features of samples x (B, n, dx) and y (B, n, dy)."""
        b, n, dx = x.shape
        dy = y.shape[-1]
        d = dx + dy
        columns = torch.cat([x, y.to(x.dtype)], -1).transpose(1, 2).contiguous()
        ranks, tied = scores.doubled_ranks(columns)
        device = x.device

        def look_up(table: Tensor) -> Tensor:
            return table.float()[ranks]

        phi = torch.stack([look_up(row) for row in scores.basis_table(n, device)], 2)
        z = look_up(scores.normal_table(n, device))
        student = [look_up(scores.student_table(n, df, device)) for df in elliptical.DEGREES]
        if tied:
            phi = scores.standardise(phi)
        spread = scores.standardise(z)
        ellipse = elliptical.elliptical_features(spread, student, dx)
        if n_queries is None:  # a pair of columns shows itself in the moments already
            n_queries = self.config.n_queries // (2 if d == 2 else 1)
        index = scores.subsample_rows(ranks, n_queries)
        local, nearest = neighbours.neighbour_features(z, index, dx, tied)
        n_told = min(n, self.config.n_max)
        pairs = pair_features(pair_moments(phi), n, n_told)
        entropies = plugin_entropies(ranks, dx, tied)
        smaller, larger = entropies[:, :2].amin(1), entropies[:, :2].amax(1)
        repeats = [smaller / math.log(n), larger / math.log(n), smaller / 3]
        plug_in = (entropies[:, 0] + entropies[:, 1] - entropies[:, 2]).clamp_min(0)
        log_n = math.log(n_told)
        told = [
            (log_n - 5.5) / 2,
            (math.log(dx * dy) - 3) / 3,
            abs(math.log(dx / dy)) / 2,
            math.log(d / n_told) / 3,
            (math.log(index.shape[1]) - 4) / 2,
        ]
        context = torch.cat([z.new_tensor(told).expand(b, -1), torch.stack(repeats, 1)], 1)
        bounds = torch.stack([smaller, plug_in], 1)
        return Features(
            context,
            pairs,
            torch.cat([ellipse.anchors, nearest, bounds], 1).clamp(0, LARGEST_ANCHOR),
            ellipse.evidence,
            ellipse.rows,
            local,
            dx,
        )

    def forward(self, x: Tensor, y: Tensor, n_queries: int | None = None) -> MIDistribution:
        """Estimate the mutual information of every data set of a batch.

        Parameters
        ----------
        x : Tensor of shape (B, n, dx)
            Finite values; only their order within a column matters.
        y : Tensor of shape (B, n, dy)
            Finite values.
        n_queries : int, optional
            Number of query rows whose neighbourhoods are read; by default that of the config.

        Returns
        -------
        MIDistribution
            Distribution of I(X; y) for each of the B data sets, in nats.
        """
        return self.predict(self.features(x, y, n_queries))

    def predict(self, f: Features) -> MIDistribution:
        """Map features to distributions; everything learned is here."""
        b, d = f.pairs.shape[:2]
        dx = f.dx
        logs = torch.log1p(f.anchors)
        told = torch.cat([f.context, logs, f.evidence], 1)
        g = self.globals(told)  # (B, W)

        side = torch.arange(d, device=g.device) >= dx
        same = (side[:, None] == side[None, :]).to(g.dtype)  # (d, d)
        hidden = self.pair_in(f.pairs) + self.pair_context(g)[:, None, None]
        hidden = hidden + same.unsqueeze(-1) * self.pair_same
        pairs = self.pair_out(F.relu(hidden))  # (B, d, d, P)

        n_same, n_cross = same.sum(1, keepdim=True), (1 - same).sum(1, keepdim=True)
        within = torch.einsum("ij,bijp->bip", same / n_same, pairs)
        across = torch.einsum("ij,bijp->bip", (1 - same) / n_cross, pairs)
        best = (pairs - 1e4 * same.unsqueeze(-1)).amax(2)
        own = f.pairs.diagonal(dim1=1, dim2=2).transpose(1, 2)
        tokens = torch.cat([own, within, across, best, g.unsqueeze(1).expand(-1, d, -1)], -1)
        tokens = self.token_in(tokens)  # (B, d, W)
        for layer in self.layers:
            tokens = layer(tokens, pairs)

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
        out = self.head_out(self.head(summary))
        anchors = torch.cat(
            [
                f.anchors,
                additive.unsqueeze(1),
                prior.unsqueeze(1),
                torch.zeros_like(f.anchors[:, :1]),
            ],
            1,
        )
        return MIDistribution(self._quantiles(out, anchors), self.levels)

    def _quantiles(self, out: Tensor, anchors: Tensor) -> Tensor:
        """Build ordered quantiles (B, L), negative ones for 0, from the head and the anchors."""
        a = self.n_anchors
        centre = (torch.softmax(out[:, :a], 1) * anchors).sum(1, keepdim=True)
        scale = (0.05 + centre) * torch.exp(out[:, a : a + 1].clamp(-6, 3))
        gaps = F.softplus(out[:, a + 2 :])
        middle = len(self.config.levels) // 2
        lower = -gaps[:, :middle].flip(1).cumsum(1).flip(1)
        upper = gaps[:, middle:].cumsum(1)
        shape = torch.cat([lower, torch.zeros_like(centre), upper], 1) + out[:, a + 1 : a + 2]
        return centre + scale * shape
