"""The network: a sample of (X, y) goes in, the distribution of I(X; y) comes out (pure torch)."""

from skmist.core.config import CoreConfig
from skmist.core.distribution import MIDistribution
from skmist.core.network import MISTNetwork

__all__ = ["CoreConfig", "MIDistribution", "MISTNetwork"]
