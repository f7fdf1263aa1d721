"""Regressions taken off where both sides have several columns: what the estimates are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as ReferenceRidge
from torch import Tensor

from skmist.baselines import ksg_mi
from skmist.core import CoreConfig, MISTNetwork, elliptical, neighbours, targets
from skmist.core import ridge as ridges
from skmist.core.regression import NEIGHBOURS

N_SCALES = len(NEIGHBOURS)
SPACING, VARIANCE, CURVE, WITH_LEFT = range(targets.N_WAYS)


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    torch.manual_seed(0)
    return MISTNetwork(CoreConfig()).requires_grad_(False).eval()


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_linear_models_of_several_targets(network):
    x, noise = normal(0, 1, 3000, 6), normal(1, 1, 3000, 4)
    slopes = 0.6 * normal(2, 6, 4)
    mi = 0.5 * float(torch.linalg.slogdet(torch.eye(4) + slopes.T @ slopes)[1])
    found = network.features(x, x @ slopes + noise).target_anchors[0]
    for way in (SPACING, VARIANCE):
        assert float(found[way]) == pytest.approx(mi, abs=0.08)
        assert float(found[targets.N_WAYS + way]) == pytest.approx(mi, abs=0.12)  # the other way
    assert 0.8 * mi < float(found[CURVE]) < mi + 0.05


@pytest.mark.parametrize(
    ("f", "noise", "mi"),
    [(torch.square, 0.7, 3.042), (torch.abs, 0.3, 3.80), (lambda v: torch.tanh(2 * v), 0.3, 4.43)],
)
def test_five_curves_are_seen_from_below(network, f, noise, mi):
    """Five times the information of one pair of columns, which an integral gives."""
    x = normal(3, 1, 4000, 5)
    found = network.features(x, f(x) + noise * normal(4, 1, 4000, 5)).target_anchors[0]
    best = float(found[: targets.N_WAYS].max())
    assert 0.8 * mi < best < mi + 0.05


@pytest.mark.parametrize(("n", "d"), [(40, 5), (200, 5), (200, 20), (2000, 10)])
def test_nothing_is_found_where_nothing_is(network, n, d):
    found = network.features(normal(n, 4, n, d), normal(d, 4, n, d)).target_anchors
    assert float(found.mean()) < 0.02 and float(found.max()) < 0.3


def test_both_ways_are_told_apart_by_size_alone(network):
    x = normal(5, 2, 300, 3)
    y = torch.cat([x[..., :1] ** 2, normal(6, 2, 300, 3)], -1) + 0.3 * normal(7, 2, 300, 4)
    one, two = network.features(x, y), network.features(y, x)
    torch.testing.assert_close(one.target_anchors, two.target_anchors, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.target_evidence, two.target_evidence, rtol=1e-4, atol=1e-4)
    parts = one.target_anchors.split([targets.N_WAYS, targets.N_WAYS, N_SCALES, 1, 1], 1)
    high, low, _, more, less = parts
    assert (high >= low).all() and (more >= less).all() and (one.has_targets == 1).all()


def test_both_ways_at_once_are_each_by_itself(network):
    n, d = 300, 4
    x, noise = normal(30, 2, d, n), normal(31, 2, d, n)
    z = [v.float() / v.float().std(2, keepdim=True) for v in (x, x + noise)]
    ranks = [v.argsort(2).argsort(2) for v in z]
    at_once = list(targets._both_ways(z, z, ranks, 100, False))
    for i in range(2):
        alone = targets.Regression(z[i], z[i], z[1 - i], ranks[i], 100, False)
        for found, value in zip(at_once[i], alone.found, strict=True):
            torch.testing.assert_close(found, value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("dx", "dy"), [(4, 1), (1, 3)])
def test_a_single_column_has_none(network, dx, dy):
    f = network.features(normal(8, 2, 50, dx), normal(9, 2, 50, dy))
    assert (f.has_targets == 0).all()
    assert (f.target_anchors == 0).all() and (f.target_evidence == 0).all()


def test_neighbourhoods_along_the_columns_that_count(network):
    """Two of eight columns tell of all three, the rest is idle: as without the idle ones."""
    x, noise = normal(16, 1, 3000, 8), normal(17, 1, 3000, 3)
    one, two = x[..., 0], x[..., 1]
    y = torch.stack([torch.sin(2 * one), two**2, one * two], -1) + 0.3 * noise
    alone = ksg_mi(x[0, :, :2].numpy(), y[0].numpy(), n_neighbors=NEIGHBOURS[0])
    features = network.features(x, y)
    along = float(features.target_anchors[0, 2 * targets.N_WAYS])
    plain = features.anchors[0, elliptical.N_ANCHORS + neighbours.NEIGHBOURS.index(NEIGHBOURS[0])]
    assert float(plain) < 0.5 * alone
    assert 0.8 * alone < along < 1.05 * alone


def test_predictions_of_a_fold_come_from_the_others():
    f, y, n = normal(10, 1, 4, 60), normal(11, 1, 2, 60), 60
    products = ridges.products_by_fold(f, f, targets.FOLDS)
    torch.testing.assert_close(products.sum(0), f @ f.transpose(1, 2))
    model = ridges.Model(f, products, f.new_full((1, 1, 1), 0.1))
    found = targets._held_out(model, y)[0].numpy()
    first = np.arange(n) < n // targets.FOLDS
    model = ReferenceRidge(alpha=0.1 * (~first).sum(), fit_intercept=False)
    model.fit(f[0].numpy().T[~first], y[0].numpy().T[~first])
    np.testing.assert_allclose(found[:, first], model.predict(f[0].numpy().T[first]).T, atol=1e-8)


def test_columns_that_hang_together():
    z = normal(12, 1, 5000, 3).transpose(1, 2)
    mixed = torch.tensor([[1.0, 0, 0], [0.8, 0.6, 0], [0, 0, 1]], dtype=torch.float64) @ z
    assert float(targets._together(z)) == pytest.approx(0, abs=0.01)
    assert float(targets._together(mixed)) == pytest.approx(math.log(0.6), abs=0.02)


def test_few_rows_and_many_columns_stay_bounded(network):
    for n, d in ((8, 30), (11, 2), (30, 40)):
        f = network.features(normal(n, 2, n, d), normal(n + 1, 2, n, d))
        assert f.target_evidence.isfinite().all() and (f.target_anchors < 10).all()


def test_what_is_left_by_a_single_column():
    """A wave that no basis function follows, in the second of three columns."""
    x, noise = normal(13, 1, 3, 3000), normal(14, 1, 2, 3000)
    wave = torch.sin(25 * x[:, 1:2])
    residual = torch.cat([2**0.5 * wave + 0.5 * noise[:, :1], noise[:, 1:]], 1)
    found = targets._left_by_columns(residual, x)[0]
    assert float(found[0]) == pytest.approx(0.5 * math.log(1.25 / 0.25), abs=0.1)
    assert float(found[1]) == 0
    rounded = torch.cat([x[:, :1], (10 * x[:, 1:2]).round(), x[:, 2:]], 1)
    assert float(targets._left_by_columns(residual, rounded)[0, 0]) == 0


def test_waves_are_seen_with_what_is_left(network):
    x = normal(15, 1, 3000, 3)
    y = torch.sin(12 * x) + 0.3 * normal(16, 1, 3000, 3)
    found = network.features(x, y).target_anchors[0]
    assert float(found[WITH_LEFT]) > float(found[SPACING]) + 1.5
