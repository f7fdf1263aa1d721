"""Layers: a small perceptron, attention over columns with pair embeddings, pooled set networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Sequential):
    """Perceptron with one hidden layer, optionally normalised at its input."""

    def __init__(self, n_in: int, hidden: int, n_out: int, norm: bool = False):
        layers = [nn.LayerNorm(n_in)] if norm else []
        layers += [nn.Linear(n_in, hidden), nn.GELU(), nn.Linear(hidden, n_out)]
        super().__init__(*layers)


class PairAttention(nn.Module):
    """Attention over columns in which pair embeddings act as bias and as values.

    As in graph transformers (Ying et al., "Do Transformers Really Perform Bad for Graph
    Representation?", NeurIPS 2021), with the pair embedding added to the values.
    """

    def __init__(self, width: int, pair_width: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.bias = nn.Linear(pair_width, n_heads, bias=False)
        self.out = nn.Linear(width + n_heads * pair_width, width)
        self.mlp = MLP(width, 2 * width, width, norm=True)

    def forward(self, tokens: Tensor, pairs: Tensor, bias: Tensor) -> Tensor:
        """Update tokens (B, d, W) with pair embeddings (B, d, d, P).

        What ``self.bias`` makes of these, (B, d, d, H), is given: made for all layers at once.
        """
        b, d, w = tokens.shape
        q, k, v = self.qkv(self.norm(tokens)).view(b, d, 3, self.n_heads, -1).unbind(2)
        scores = torch.einsum("bihc,bjhc->bhij", q, k) / q.shape[-1] ** 0.5
        weights = torch.softmax(scores + bias.permute(0, 3, 1, 2), -1)  # (B, H, d, d)
        mixed = torch.einsum("bhij,bjhc->bihc", weights, v).reshape(b, d, w)
        seen = weights.transpose(1, 2) @ pairs  # (B, d, H, P)
        tokens = tokens + self.out(torch.cat([mixed, seen.reshape(b, d, -1)], -1))
        return tokens + self.mlp(tokens)


class SetSummary(nn.Module):
    """Mean and spread over a set of a small network of its elements, told a context."""

    def __init__(self, n_in: int, n_context: int, hidden: int):
        super().__init__()
        self.enter = nn.Linear(n_in, hidden)
        self.context = nn.Linear(n_context, hidden, bias=False)
        self.middle = nn.Linear(hidden, hidden)

    def forward(self, elements: Tensor, context: Tensor) -> Tensor:
        """Summarise elements (B, n, F) under context (B, C) into (B, 2 hidden)."""
        h = F.relu(self.enter(elements) + self.context(context).unsqueeze(1))
        h = F.relu(self.middle(h))
        mean = h.mean(1)
        spread = ((h - mean.unsqueeze(1)).square().mean(1) + 1e-6).sqrt()
        return torch.cat([mean, spread], -1)
