"""The frozen description of a network: architecture and the range it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real

QUANTILE_LEVELS = (
    0.005, 0.0125, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
    0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.9875, 0.995,
)  # fmt: skip


@dataclass(frozen=True)
class CoreConfig:
    """Architecture and trained range of a network.

    Parameters
    ----------
    width : int
        Size of a column token.
    pair_width : int
        Size of a pair embedding.
    n_layers, n_heads : int
        Depth and heads of the attention over columns.
    row_width : int
        Hidden size of the small networks that read single rows and neighbourhoods.
    head_width : int
        Hidden size of the network that reads the pooled summary.
    levels : tuple of float
        Levels at which the quantile function is predicted, increasing, symmetric around 0.5.
    bivariate_width : int
        Hidden size of the part that reads one column against one.
    n_queries : int
        Number of query rows whose neighbourhoods are read; more where rows are many.
    n_min, n_max : int
        Smallest and largest number of rows seen in training.
    n_max_bivariate : int
        Largest number of rows seen in training, one column against one.
    d_max : int
        Largest number of columns of one side seen in training.
    mi_max : float
        Largest mutual information seen in training, in nats.
    """

    width: int = 64
    pair_width: int = 24
    n_layers: int = 6
    n_heads: int = 4
    row_width: int = 32
    head_width: int = 256
    levels: tuple[float, ...] = QUANTILE_LEVELS
    bivariate_width: int = 256
    n_queries: int = 1024
    n_min: int = 8
    n_max: int = 10_000
    n_max_bivariate: int = 100_000
    d_max: int = 128
    mi_max: float = 35.0

    def __post_init__(self):
        """Check the fields once."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "levels":
                continue
            real = field.name == "mi_max"
            if not isinstance(value, Real if real else Integral) or isinstance(value, bool):
                kind = "a number" if real else "a whole number"
                raise TypeError(f"{field.name} must be {kind}, got {value!r}.")
            if not 0 < value < math.inf:
                raise ValueError(f"{field.name} must be positive and finite, got {value!r}.")
        if self.width % self.n_heads:
            raise ValueError(f"width={self.width} is not a multiple of n_heads={self.n_heads}.")
        levels = tuple(float(p) for p in self.levels)
        object.__setattr__(self, "levels", levels)
        if not levels or sorted(set(levels)) != list(levels) or levels[0] <= 0 or levels[-1] >= 1:
            raise ValueError("levels must increase strictly inside (0, 1).")
