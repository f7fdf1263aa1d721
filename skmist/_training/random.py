"""A random generator with the draws that the families need, on any device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Rng:
    """Random numbers of a named, reproducible stream.

    Structure (which family, which shape) is drawn on the CPU, values on ``device``.

    Parameters
    ----------
    seed : int
        Seed; equal seeds give equal draws on equal devices.
    device : torch.device or str
        Where values are drawn.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        self.host = torch.Generator().manual_seed(seed)
        self.generator = torch.Generator(self.device).manual_seed(seed ^ 0x5DEECE66D)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal values."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw uniform values, never exactly at a bound."""
        u = torch.rand(*shape, generator=self.generator, device=self.device)
        return low + (high - low) * u.clamp(1e-7, 1 - 1e-7)

    def log_uniform(self, *shape: int, low: float, high: float) -> Tensor:
        """Draw log-uniform values."""
        return torch.exp(self.uniform(*shape, low=math.log(low), high=math.log(high)))

    def integer(self, *shape: int, low: int, high: int) -> Tensor:
        """Draw integers from low to high, both included."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self.device)

    def chi_square(self, df: Tensor, *shape: int) -> Tensor:
        """Draw chi-square values with degrees of freedom df, broadcast to shape."""
        half = (df / 2).expand(*shape).contiguous()
        return 2 * torch._standard_gamma(half, generator=self.generator)

    def orthonormal(self, batch: int, rows: int, columns: int) -> Tensor:
        """Draw matrices (batch, rows, columns) whose columns are orthonormal, uniformly.

        Those of normal ones, by Cholesky factors, taken twice for precision (Yamamoto, Nakatsukasa,
        Yanagisawa and Fukaya, "Roundoff error analysis of the CholeskyQR2 algorithm", ETNA 44,
        2015): a GPU does many at once, where it does QR decompositions one after another.
        """
        q = self.normal(batch, rows, columns).double()
        for _ in range(2):
            gram = q.transpose(1, 2) @ q
            factor = torch.linalg.cholesky_ex(gram)[0]
            q = torch.linalg.solve_triangular(factor, q.transpose(1, 2), upper=False)
            q = q.transpose(1, 2)
        return q.float()

    def choose(self, options, weights=None):
        """Choose one of a sequence (structure, on the host)."""
        p = torch.ones(len(options)) if weights is None else torch.tensor(weights).float()
        return options[int(torch.multinomial(p, 1, generator=self.host))]

    def coin(self, p: float) -> bool:
        """Toss a coin (structure, on the host)."""
        return float(torch.rand(1, generator=self.host)) < p

    def host_integer(self, low: int, high: int) -> int:
        """Draw one integer of the structure, from low to high, both included."""
        return int(torch.randint(low, high + 1, (1,), generator=self.host))

    def host_log_integer(self, low: float, high: float) -> int:
        """Draw one log-uniform integer of the structure."""
        u = float(torch.rand(1, generator=self.host))
        return min(int(high), int(math.exp(math.log(low) + u * math.log((high + 1) / low))))
