"""What residuals still hold: local means that leave out the row itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from skmist.core import CoreConfig, MISTNetwork, remainder, targets
from skmist.core.regression import NEIGHBOURS


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_by_one(x: np.ndarray, values: np.ndarray, n_queries: int) -> np.ndarray:
    """Compute the covariances of one data set, row by row."""
    total = np.zeros((len(NEIGHBOURS), values.shape[0]))
    for q in range(n_queries):
        square = ((x - x[:, q : q + 1]) ** 2).sum(0)
        others = np.arange(x.shape[1]) != q
        near = np.sort(square[others])
        for i, k in enumerate(NEIGHBOURS):
            weight = np.maximum(remainder.REACH * near[min(k, len(near)) - 1] + 1e-6 - square, 0)
            mean = (values[:, others] * weight[others]).sum(1) / max(weight[others].sum(), 1e-9)
            total[i] += values[:, q] * mean
    return total / n_queries


@pytest.mark.parametrize(("n", "q"), [(60, 60), (1500, 300), (4, 4)])
def test_local_covariances_row_by_row(n, q):
    x, values = normal(0, 2, 3, n), normal(1, 2, 4, n)
    found = remainder.local_covariances(x, values, q, False)
    for i in range(2):
        expected = one_by_one(x[i].numpy(), values[i].numpy(), q)
        np.testing.assert_allclose(found[i], expected, rtol=1e-6, atol=1e-9)


def test_of_lattices_too():
    x = normal(2, 1, 2, 400).round()
    values = torch.cat([x[:, :1], normal(3, 1, 1, 400)], 1)
    found = remainder.local_covariances(x, values, 400, True)[0]
    np.testing.assert_allclose(found, one_by_one(x[0].numpy(), values[0].numpy(), 400), atol=1e-6)
    assert (found[:, 0] > 0.8).all() and (found[:, 1].abs() < 0.2).all()


def test_they_are_the_variance_of_the_conditional_mean():
    """Of sine plus noise in two columns; of noise alone 0, within three standard errors."""
    x, noise = normal(4, 1, 2, 4000), normal(5, 1, 2, 4000)
    wave = torch.sin(2 * x[:, :1]) + 0.5 * noise[:, :1]
    share = wave.var().item()
    explained = 1 - 0.25 / share
    values = torch.cat([(wave - wave.mean()) / wave.std(), noise[:, 1:]], 1)
    found = remainder.local_covariances(x, values, 4000, False)[0]
    assert found[:, 0].tolist() == pytest.approx([explained] * 2, abs=0.05)
    assert (found[:, 1].abs() < 3 / math.sqrt(4000 * 2)).all()


def test_held_is_what_local_means_explain():
    x, noise = normal(6, 1, 2, 3000), normal(7, 1, 3, 3000)
    one = torch.sin(3 * x[:, 0]) + noise[:, 0]
    residuals = torch.stack([one, noise[:, 1]], 1)
    held, evidence = remainder.what_is_left(x, residuals, noise[:, 1:], 3000, False)
    assert float(held) == pytest.approx(0.5 * math.log(1.5), abs=0.05)
    assert evidence.shape == (1, remainder.N_EVIDENCE)
    idle, calm = remainder.what_is_left(x, noise[:, :2], noise[:, 1:], 3000, False)
    assert float(idle) < 0.03
    first = evidence[0, : 2 * remainder.N_SCALES]
    assert (first > 1.5).all() and (calm[0, : 2 * remainder.N_SCALES].abs() < 1.5).all()


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    torch.manual_seed(0)
    return MISTNetwork(CoreConfig()).requires_grad_(False).eval()


def apart(features) -> Tensor:
    """Return the evidence of both ways, the better one first."""
    return features.target_evidence[0, -2 * targets.N_EACH :].view(2, targets.N_EACH)


def test_the_evidence_says_which_way_is_which(network):
    x, noise = normal(8, 1, 2000, 4), normal(9, 1, 2000, 2)
    y = torch.stack([x[..., 0] ** 2, torch.sin(2 * x[..., 1])], 2) + 0.3 * noise
    one, two = (apart(network.features(*v)) for v in ((x, y), (y, x)))
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)
    assert one[:, -1].tolist() == pytest.approx([math.log(0.5) / 2, math.log(2) / 2])
    better = one[0, targets.N_FIT - 5]  # of the prediction
    assert float(better) == pytest.approx(-0.5 * math.log(0.09 / (0.5 + 0.09)), abs=0.3)
    assert better > one[1, targets.N_FIT - 5] + 0.3


def test_sizes_and_shapes_of_residuals_are_told(network):
    x, noise = normal(10, 1, 3000, 3), normal(11, 1, 3000, 2)
    even = torch.stack([x[..., 0], x[..., 1]], 2)
    wide = torch.where(x[..., 2:] > 0, 1.0, 0.2) * noise
    signs = even + torch.sign(noise) * 0.5 + 0.02 * noise
    gain, bent = targets.N_FIT - 4, targets.N_FIT - 2
    plain = apart(network.features(x, even + 0.5 * noise))[0]
    assert abs(float(plain[gain])) < 0.02 and abs(float(plain[bent])) < 0.1
    assert float(apart(network.features(x, even + wide))[0, gain]) > 0.05
    assert float(apart(network.features(x, signs))[0, bent]) > 0.5


def test_many_columns_have_none(network):
    f = network.features(normal(12, 1, 60, 20), normal(13, 1, 60, 3))
    assert (apart(f) == 0).all()
    high, low = f.target_anchors[0, -2:], f.target_anchors[0, [0, targets.N_WAYS]]
    torch.testing.assert_close(high, low)
