"""Random strictly increasing maps from (0, 1) to margins of many shapes; they keep information."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.random import Rng

KINDS = ("uniform", "normal", "bent", "exponential", "lognormal", "logistic", "heavy")
WEIGHTS = (3, 3, 1, 1, 0.7, 0.7, 0.7)


def margin(rng: Rng, u: Tensor) -> Tensor:
    """Map values (B, n) in (0, 1) to a margin of a random kind, strictly increasing."""
    kind = rng.choose(KINDS, WEIGHTS)
    u = u.clamp(1e-7, 1 - 1.2e-7)  # a bound would map to infinity
    b = u.shape[0]
    if kind == "uniform":
        return u
    if kind == "bent":
        waves = rng.integer(b, 1, low=1, high=3) * 2 * math.pi
        slope = rng.uniform(b, 1, low=-0.95, high=0.95)
        return u + slope * torch.sin(waves * u) / waves
    if kind == "exponential":
        return -torch.log1p(-u)
    if kind == "logistic":
        return torch.logit(u)
    z = torch.special.ndtri(u)
    if kind == "lognormal":
        return torch.exp(rng.uniform(b, 1, low=0.3, high=1.5) * z)
    if kind == "heavy":
        return torch.sinh(rng.uniform(b, 1, low=0.5, high=1.8) * z)
    return z
