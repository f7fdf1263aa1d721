"""Fixtures: a small untrained network for what does not depend on the weights, and data."""

import numpy as np
import pytest
import torch

from skmist._checkpoint import save_checkpoint
from skmist.core import CoreConfig, MISTNetwork


@pytest.fixture(scope="session")
def small_network():
    """Return a small network with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MISTNetwork(
            CoreConfig(width=16, pair_width=8, n_layers=1, n_heads=2, row_width=8, head_width=32)
        ).eval()


@pytest.fixture(scope="session")
def checkpoint(small_network, tmp_path_factory):
    """Return the path of a file with the weights of the small network."""
    return save_checkpoint(tmp_path_factory.mktemp("weights") / "small.safetensors", small_network)


@pytest.fixture
def rng():
    """Return a random generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def data(rng):
    """Return X of shape (120, 4) and y that depends on its first two columns."""
    X = rng.normal(size=(120, 4))
    return X, X[:, 0] - X[:, 1] + rng.normal(size=120)
