"""From what a network says to ordered quantiles: a centre among anchors, a scale, positive gaps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LARGEST_ANCHOR = 60.0  # nats


class QuantileHead(nn.Module):
    """Ordered quantiles around a convex combination of anchors.

    The last layer weighs the anchors against each other (softmax), and gives scale, shift and the
    gaps between neighbouring quantiles. No anchor enters linearly without a weight below 1, so that
    an anchor that has gone astray can be left out.

    Parameters
    ----------
    n_in : int
        Size of the summary.
    n_anchors : int
        Number of anchors.
    levels : Tensor of shape (L,)
        Levels of the quantiles.
    """

    def __init__(self, n_in: int, n_anchors: int, levels: Tensor):
        super().__init__()
        self.n_anchors, self.middle = n_anchors, len(levels) // 2
        self.out = nn.Linear(n_in, n_anchors + 2 + len(levels) - 1)
        with torch.no_grad():  # an untrained network predicts wide, ordered quantiles
            self.out.weight.mul_(0.1)
            self.out.bias.zero_()
            normal = torch.special.ndtri(levels.double())
            gaps = torch.expm1(normal.diff()).clamp_min(1e-3).log()
            self.out.bias[n_anchors + 2 :] = gaps.float()
            self.out.bias[n_anchors] = -1.0

    def forward(
        self,
        summary: Tensor,
        anchors: Tensor,
        log_unit: float = 0.0,
        absent: Tensor | None = None,
    ) -> Tensor:
        """Return quantiles (B, L) in nats, negative ones for 0.

        Parameters
        ----------
        summary : Tensor of shape (B, n_in)
        anchors : Tensor of shape (B, n_anchors)
            Non-negative values in nats.
        log_unit : float
            Logarithm of the unit that the scale is given in.
        absent : BoolTensor of shape (n_anchors,) or (B, n_anchors), optional
            Anchors that are not there.
        """
        out, a = self.out(summary), self.n_anchors
        weights = out[:, :a]
        if absent is not None:
            weights = weights.masked_fill(absent, -torch.inf)
        centre = (torch.softmax(weights, 1) * anchors).sum(1, keepdim=True)
        scale = (0.05 + centre) * torch.exp(out[:, a : a + 1].clamp(-6, 3) + log_unit)
        gaps = F.softplus(out[:, a + 2 :])
        lower = -gaps[:, : self.middle].flip(1).cumsum(1).flip(1)
        upper = gaps[:, self.middle :].cumsum(1)
        shape = torch.cat([lower, torch.zeros_like(centre), upper], 1) + out[:, a + 1 : a + 2]
        return centre + scale * shape
