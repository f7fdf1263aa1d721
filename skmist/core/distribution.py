"""The distribution of mutual information given a sample, as a quantile function."""

from __future__ import annotations

import torch
from torch import Tensor


class MIDistribution:
    """Distribution of I(X; y), one for each data set of a batch.

    The quantile function is linear between the given levels and flat beyond the outermost ones.

    Parameters
    ----------
    values : Tensor of shape (B, L)
        Quantiles in nats, non-decreasing along the last axis.
    levels : Tensor of shape (L,)
        Levels of the quantiles, increasing, inside (0, 1).
    """

    def __init__(self, values: Tensor, levels: Tensor):
        self.values = values
        self.levels = levels

    def __len__(self) -> int:
        return self.values.shape[0]

    def __repr__(self) -> str:
        return f"MIDistribution(batch={self.values.shape[0]}, levels={self.values.shape[-1]})"

    def __getitem__(self, index) -> MIDistribution:
        """Select data sets of the batch."""
        return MIDistribution(self.values[index].reshape(-1, self.values.shape[-1]), self.levels)

    def mean(self) -> Tensor:
        """Return the mean, the integral of the quantile function, shape (B,), in nats."""
        weights = torch.empty_like(self.levels)
        weights[1:-1] = (self.levels[2:] - self.levels[:-2]) / 2
        weights[0] = (self.levels[0] + self.levels[1]) / 2
        weights[-1] = 1 - (self.levels[-1] + self.levels[-2]) / 2
        return self.values @ weights.to(self.values)

    def median(self) -> Tensor:
        """Return the median, shape (B,), in nats."""
        return self.quantile(0.5)

    def quantile(self, p: float | Tensor) -> Tensor:
        """Return the quantile at level(s) p, in nats.

        Parameters
        ----------
        p : float or Tensor of shape (P,)
            Levels inside [0, 1].

        Returns
        -------
        Tensor of shape (B,) for a scalar p, (B, P) otherwise
        """
        p = torch.as_tensor(p, dtype=self.values.dtype, device=self.values.device)
        if bool(((p < 0) | (p > 1) | p.isnan()).any()):
            raise ValueError("Quantile levels must lie between 0 and 1.")
        levels = self.levels.to(self.values)
        flat = p.reshape(-1).clamp(levels[0], levels[-1])
        right = torch.searchsorted(levels, flat.contiguous()).clamp(1, len(levels) - 1)
        left = right - 1
        t = (flat - levels[left]) / (levels[right] - levels[left])
        out = self.values[:, left] + t * (self.values[:, right] - self.values[:, left])
        return out.squeeze(-1) if p.ndim == 0 else out

    def interval(self, level: float = 0.9) -> Tensor:
        """Return the central interval that holds the given probability, shape (B, 2), in nats."""
        if not 0 < level < 1:
            raise ValueError(f"level must lie inside (0, 1), got {level}.")
        return self.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2]))

    def cdf(self, value: float | Tensor) -> Tensor:
        """Return P(I <= value), shape (B,); between 0 below the first quantile and 1 above the last."""
        value = torch.as_tensor(value, dtype=self.values.dtype, device=self.values.device)
        value = value.expand(self.values.shape[0]).unsqueeze(-1)
        levels = self.levels.to(self.values)
        right = torch.searchsorted(self.values.contiguous(), value.contiguous())
        inner = right.clamp(1, len(levels) - 1)
        low, high = self.values.gather(1, inner - 1), self.values.gather(1, inner)
        t = ((value - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
        out = levels[inner - 1] + t * (levels[inner] - levels[inner - 1])
        out = torch.where(right == 0, (value >= self.values[:, :1]) * levels[0], out)
        out = torch.where(right == len(levels), torch.ones_like(out), out)
        return out.squeeze(-1)

    def clip(self, upper: float | Tensor) -> MIDistribution:
        """Return the distribution with no value above ``upper`` (scalar or shape (B,), in nats)."""
        upper = torch.as_tensor(upper, dtype=self.values.dtype, device=self.values.device)
        upper = upper.expand(self.values.shape[0]).unsqueeze(-1)
        return MIDistribution(torch.minimum(self.values, upper), self.levels)
