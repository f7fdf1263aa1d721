"""The distribution of mutual information given a sample, as a quantile function."""

from __future__ import annotations

import torch
from torch import Tensor

SOFTNESS = 1e-4  # nats; of the map that keeps the mean positive


class _Rectify(torch.autograd.Function):
    """max(q, 0), whose gradient also passes below 0 where it would raise q."""

    @staticmethod
    def forward(ctx, q: Tensor) -> Tensor:
        ctx.save_for_backward(q)
        return q.clamp_min(0)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (q,) = ctx.saved_tensors
        return torch.where((q > 0) | (grad < 0), grad, 0.0)


def soften(q: Tensor) -> Tensor:
    """Map real numbers to positive ones, strictly increasing, close to max(q, 0)."""
    root = torch.sqrt(q.square() + 4 * SOFTNESS**2)
    # both forms equal (q + root) / 2; the second keeps its precision where q < 0
    return torch.where(q > 0, (q + root) / 2, 2 * SOFTNESS**2 / (root - q).clamp_min(SOFTNESS))


class MIDistribution:
    """Distribution of I(X; y), one for each data set of a batch.

    The quantile function is linear between the given levels and flat beyond the outermost ones.
    Quantiles may be exactly 0: a distribution can have an atom there. The mean and the median are
    taken before quantiles are cut off at 0, by a map that is strictly increasing, so that weak and
    absent dependence can still be ranked.

    Parameters
    ----------
    latent : Tensor of shape (B, L)
        Quantiles in nats, non-decreasing along the last axis; negative ones stand for 0.
    levels : Tensor of shape (L,)
        Levels of the quantiles, increasing, inside (0, 1).
    upper : Tensor of shape (B,), optional
        Upper bound of the mutual information, in nats.
    """

    def __init__(self, latent: Tensor, levels: Tensor, upper: Tensor | None = None):
        self.latent = latent
        self.levels = levels
        self.upper = upper

    @property
    def values(self) -> Tensor:
        """Quantiles at the levels, shape (B, L), in nats."""
        return self._bounded(_Rectify.apply(self.latent))

    def _bounded(self, values: Tensor) -> Tensor:
        if self.upper is None:
            return values
        return torch.minimum(values, self.upper.unsqueeze(-1))

    def __len__(self) -> int:
        return self.latent.shape[0]

    def __repr__(self) -> str:
        return f"MIDistribution(batch={len(self)}, levels={len(self.levels)})"

    def __getitem__(self, index) -> MIDistribution:
        """Select data sets of the batch."""
        upper = None if self.upper is None else self.upper[index].reshape(-1)
        latent = self.latent[index].reshape(-1, self.latent.shape[-1])
        return MIDistribution(latent, self.levels, upper)

    def mean(self) -> Tensor:
        """Return the mean, the integral of the quantile function, shape (B,), in nats; positive."""
        weights = torch.empty_like(self.levels)
        weights[1:-1] = (self.levels[2:] - self.levels[:-2]) / 2
        weights[0] = (self.levels[0] + self.levels[1]) / 2
        weights[-1] = 1 - (self.levels[-1] + self.levels[-2]) / 2
        return self._bounded(soften(self.latent)) @ weights.to(self.latent)

    def median(self) -> Tensor:
        """Return the median, shape (B,), in nats; positive, next to 0 where that is the median."""
        middle = MIDistribution(soften(self.latent), self.levels, self.upper)
        return middle.quantile(0.5)

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
        p = torch.as_tensor(p, dtype=self.latent.dtype, device=self.latent.device)
        if bool(((p < 0) | (p > 1) | p.isnan()).any()):
            raise ValueError("Quantile levels must lie between 0 and 1.")
        levels = self.levels.to(self.latent)
        flat = p.reshape(-1).clamp(levels[0], levels[-1])
        right = torch.searchsorted(levels, flat.contiguous()).clamp(1, len(levels) - 1)
        left = right - 1
        t = (flat - levels[left]) / (levels[right] - levels[left])
        values = self.values
        out = values[:, left] + t * (values[:, right] - values[:, left])
        return out.squeeze(-1) if p.ndim == 0 else out

    def interval(self, level: float = 0.9) -> Tensor:
        """Return the central interval that holds the given probability, shape (B, 2), in nats."""
        if not 0 < level < 1:
            raise ValueError(f"level must lie inside (0, 1), got {level}.")
        ends = [(1 - level) / 2, (1 + level) / 2]
        return self.quantile(torch.tensor(ends, dtype=torch.float64))

    def cdf(self, value: float | Tensor) -> Tensor:
        """Return P(I <= value), shape (B,); 1 above the last quantile, 0 below the first."""
        values, levels = self.values, self.levels.to(self.latent)
        value = torch.as_tensor(value, dtype=values.dtype, device=values.device)
        value = value.expand(len(self)).unsqueeze(-1)
        right = torch.searchsorted(values.contiguous(), value.contiguous(), right=True)
        inner = right.clamp(1, len(levels) - 1)
        low, high = values.gather(1, inner - 1), values.gather(1, inner)
        t = ((value - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
        out = levels[inner - 1] + t * (levels[inner] - levels[inner - 1])
        out = torch.where(right == 0, torch.zeros_like(out), out)
        out = torch.where(right == len(levels), torch.ones_like(out), out)
        return out.squeeze(-1)

    def clip(self, upper: float | Tensor) -> MIDistribution:
        """Return the distribution with no value above ``upper`` (scalar or shape (B,), in nats)."""
        upper = torch.as_tensor(upper, dtype=self.latent.dtype, device=self.latent.device)
        upper = upper.expand(len(self))
        if self.upper is not None:
            upper = torch.minimum(upper, self.upper)
        return MIDistribution(self.latent, self.levels, upper)
