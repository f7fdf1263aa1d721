"""Regressions of several columns: two functions of the same columns, and blocks side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from skmist._training import presets
from skmist._training.draw import Shape
from skmist._training.families import two_functions
from skmist._training.families.functions import NOISE_ENTROPY
from skmist._training.random import Rng
from skmist.baselines import ksg_mi


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_normal_sums_have_the_entropy_of_their_covariance(sigma):
    f = Rng(0).normal(1, 16_384, 2) @ torch.tensor([[1.0, 0.6], [0.0, 0.8]])
    wide = torch.tensor([[sigma, 1.3 * sigma]])
    cov = np.cov(f[0].numpy().T) + np.diag(wide[0].numpy() ** 2)
    expected = math.log(2 * math.pi * math.e) + 0.5 * np.linalg.slogdet(cov)[1]
    found = two_functions.entropy_of_sums(f, wide, "normal")
    assert float(found) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("kind", "error"), [("exponential", 0.03), ("uniform", 0.07)])
def test_jumps_of_the_noise_add_little(kind, error):
    """Of sixteen points far apart, which y tells exactly: their entropy."""
    t = torch.linspace(-2, 2, 4)
    f = torch.cartesian_prod(t, t).repeat(1, 200, 1)
    sigma = torch.tensor([[0.1, 0.1], [0.2, 0.2]])
    found = two_functions.entropy_of_sums(f.expand(2, -1, -1), sigma, kind)
    mi = found - 2 * NOISE_ENTROPY[kind] - sigma.log().sum(1)
    assert mi.numpy() == pytest.approx(math.log(16), abs=error)


@pytest.mark.parametrize("kind", NOISE_ENTROPY)
def test_entropies_are_means_of_the_log_density(kind):
    """Of points on a curve, by the density itself at a sample of sums."""
    rng = np.random.default_rng(1)
    t = rng.uniform(0, 2 * np.pi, 4000)
    points, sigma = np.stack([np.cos(t), np.sin(2 * t)], 1), np.array([0.3, 0.5])
    draw = {
        "normal": lambda n: rng.standard_normal((n, 2)),
        "uniform": lambda n: rng.uniform(-math.sqrt(3), math.sqrt(3), (n, 2)),
        "laplace": lambda n: rng.laplace(0, 1 / math.sqrt(2), (n, 2)),
        "exponential": lambda n: rng.exponential(1, (n, 2)),
    }[kind]
    log_density = {
        "normal": lambda v: -0.5 * v**2 - 0.5 * math.log(2 * math.pi),
        "uniform": lambda v: np.where(abs(v) <= math.sqrt(3), -math.log(2 * math.sqrt(3)), -700),
        "laplace": lambda v: -math.sqrt(2) * abs(v) - 0.5 * math.log(2),
        "exponential": lambda v: np.where(v >= 0, -v, -700),
    }[kind]
    sums = points[rng.integers(0, len(points), 2000)] + sigma * draw(2000)
    gaps = (sums[:, None] - points) / sigma
    each = log_density(gaps).sum(2) - np.log(sigma).sum()
    expected = -(logsumexp(each, 1) - math.log(len(points))).mean()
    found = two_functions.entropy_of_sums(
        torch.tensor(points, dtype=torch.float32)[None],
        torch.tensor(sigma, dtype=torch.float32)[None],
        kind,
    )
    assert float(found) == pytest.approx(expected, abs=0.06)


def test_two_functions_agree_with_ksg():
    """Beside many rows and few columns; where they are far from it KSG is too low."""
    errors = []
    for seed in range(14):
        draw = two_functions.sample(Rng(seed), 1, 4000, 1 + seed % 2)
        x, y = draw.x[0].numpy(), draw.y[0].numpy()
        untied = all(len(np.unique(v)) == len(v) for v in x.T)
        if untied and 0.1 < float(draw.mi[0]) < 2.2:
            errors.append(ksg_mi(x, y) - float(draw.mi[0]))
    assert len(errors) >= 4
    assert abs(np.median(errors)) < 0.05 and np.abs(errors).max() < 0.25


@pytest.mark.parametrize(("dx", "dy"), [(2, 2), (7, 4), (3, 12), (40, 30)])
def test_targets_have_the_shapes_asked_for(dx, dy):
    for seed in range(8):
        draw, again = (presets.draw_targets(Rng(seed), Shape(6, 50, dx, dy)) for _ in range(2))
        assert draw.x.shape == (6, 50, dx) and draw.y.shape == (6, 50, dy)
        assert draw.x.isfinite().all() and draw.y.isfinite().all()
        assert (draw.mi >= 0).all() and draw.mi.isfinite().all()
        assert torch.equal(draw.x, again.x) and torch.equal(draw.mi, again.mi)


def test_blocks_of_targets_add_up(monkeypatch):
    """Every block gets columns of X of its own, and all of y that is not idle is in one."""
    asked, one, several = [], presets.with_reference, presets.alike

    def spy(rng, kind, batch, n, dx, dy):
        draw = one(rng, kind, batch, n, dx, dy)
        asked.append((dx, dy, draw.mi))
        return draw

    def spy_alike(sample, batch, n, count):
        draw = several(sample, batch, n, count)
        asked.extend([asked[-1]] * (count - 1))
        return draw

    monkeypatch.setattr(presets, "with_reference", spy)
    monkeypatch.setattr(presets, "alike", spy_alike)
    for seed in range(20):
        asked.clear()
        draw = presets.draw_targets(Rng(seed), Shape(4, 30, 9, 6))
        assert sum(dx for dx, *_ in asked) <= 9 and sum(dy for _, dy, _ in asked) <= 6
        assert {dy for _, dy, _ in asked} <= {1, 2}
        torch.testing.assert_close(draw.mi, torch.stack([mi for *_, mi in asked]).sum(0))
