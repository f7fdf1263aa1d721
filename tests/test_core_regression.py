"""The regression taken off: against independent computations, and what it is good for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skmist.baselines import ksg_mi
from skmist.core import CoreConfig, MISTNetwork, neighbours, regression


@pytest.mark.parametrize("n", [8, 12, 30])
def test_as_many_functions_as_rows_explain_nothing(n):
    rng = torch.Generator().manual_seed(n)
    x, y = torch.randn(20, n, 4, generator=rng), torch.randn(20, n, 1, generator=rng)
    found = MISTNetwork(CoreConfig()).features(x, y).anchors[:, -regression.N_ANCHORS :]
    assert float(found.mean(0).max()) < 0.25 and float(found.max()) < 1


def test_spacings_tell_entropies_apart():
    rng = np.random.default_rng(0)
    n = 4000
    normal, uniform = rng.normal(size=n), rng.uniform(-1, 1, size=n)
    spaced, repeats = regression.log_spacing(torch.tensor(np.stack([normal, uniform])), 30)
    difference = 0.5 * math.log(2 * math.pi * math.e) - math.log(2)
    assert float(spaced[0] - spaced[1]) == pytest.approx(difference, abs=0.05)
    assert not repeats.any()
    assert regression.log_spacing(torch.tensor(normal).round()[None], 30)[1].all()


def anchors(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    f = MISTNetwork(CoreConfig()).features(x, y)
    return f.anchors[0, -regression.N_ANCHORS :]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_length_of_eight_columns_is_read_where_neighbourhoods_fail(swapped):
    rng = np.random.default_rng(1)
    n = 3000
    x = rng.normal(size=(n, 8))
    length = np.square(x).sum(1)
    noise = 1.5
    y = length + noise * rng.normal(size=n)
    reference = np.square(rng.normal(size=(400_000, 8))).sum(1) + noise * rng.normal(size=400_000)
    counts, edges = np.histogram(reference, 400, density=True)
    counts = counts[counts > 0]
    entropy = -np.sum(counts * np.log(counts)) * (edges[1] - edges[0])
    truth = entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)
    sides = torch.tensor(x)[None], torch.tensor(y)[None, :, None]
    found = anchors(*(sides[::-1] if swapped else sides))
    assert float(found[0]) == pytest.approx(truth, abs=0.12)
    features = MISTNetwork(CoreConfig()).features(*sides)
    plain = features.anchors[0, 10 : 10 + len(neighbours.NEIGHBOURS)]
    assert float(plain.max()) < 0.5 * truth


def test_independent_sides_leave_nothing_to_explain():
    rng = torch.Generator().manual_seed(4)
    for n, d in ((60, 3), (400, 6), (400, 40)):
        found = anchors(torch.randn(1, n, d, generator=rng), torch.randn(1, n, 1, generator=rng))
        assert float(found.max()) < 0.15


@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_of_two_columns_is_found_among_fifteen(swapped):
    rng = torch.Generator().manual_seed(7)
    n = 1000
    x, noise = torch.randn(1, n, 15, generator=rng), torch.randn(1, n, 1, generator=rng)
    y = x[..., :1] * x[..., 1:2] + 0.3 * noise
    near = ksg_mi(x[0, :, :2].double().numpy(), y[0].double().numpy(), n_neighbors=3)
    found = anchors(*((y, x) if swapped else (x, y)))
    assert 0.7 * near < float(found[:4].min()) and float(found.max()) < 1.1 * near


def test_products_are_those_that_the_residual_goes_along_with():
    rng = torch.Generator().manual_seed(8)
    n = 500
    factors = torch.randn(3, 4, 2, n, generator=rng)
    expected = factors[:, 1, 1] * factors[:, 3, 0]
    residual = expected + torch.randn(3, n, generator=rng)
    found = regression.products(factors, residual)
    assert found.shape == (3, regression.MOST_PRODUCTS, n)
    np.testing.assert_allclose(found[:, 0].mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0].std(1, correction=0), 1, rtol=1e-3)
    for one, other in zip(found[:, 0], expected, strict=True):
        assert float(torch.corrcoef(torch.stack([one, other]))[0, 1]) > 0.999
    same_column = factors[:, 2, 0] * factors[:, 2, 1] + 0.1 * torch.randn(3, n, generator=rng)
    assert not regression.products(factors, same_column).any()


@pytest.mark.parametrize(("n", "d"), [(8, 2), (30, 20), (300, 10), (1000, 3)])
def test_no_products_of_independent_columns(n, d):
    rng = torch.Generator().manual_seed(n)
    factors, residual = torch.randn(40, d, 3, n, generator=rng), torch.randn(40, n, generator=rng)
    kept = regression.products(factors, residual).any(2).any(1)
    assert float(kept.float().mean()) <= 0.1


def test_where_both_sides_have_columns_nothing_is_taken_off():
    rng = torch.Generator().manual_seed(5)
    x, y = torch.randn(1, 200, 3, generator=rng), torch.randn(1, 200, 2, generator=rng)
    f = MISTNetwork(CoreConfig()).features(x, x[..., :2] + y)
    own = f.anchors[0, -regression.N_ANCHORS :]
    near = f.anchors[0, 10 : 10 + len(neighbours.NEIGHBOURS)]
    expected = 2 * [near[neighbours.NEIGHBOURS.index(k)] for k in regression.NEIGHBOURS]
    assert torch.equal(own[: len(expected)], torch.stack(expected)) and not own[-2:].any()


def test_repeated_values_are_told_by_variances():
    rng = torch.Generator().manual_seed(6)
    x = torch.randn(1, 500, 3, generator=rng)
    y = (x[..., :1] + 0.3 * torch.randn(1, 500, 1, generator=rng) > 0).double()
    found = anchors(x.double(), y)
    assert float(found[-1]) == float(found[-2]) > 0.2
