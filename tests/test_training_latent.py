"""Columns that depend through a state alone; signs that nothing tells, and censored columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from frequencies import bins, plug_in
from scipy import stats

from skmist._training import presets
from skmist._training.draw import Shape
from skmist._training.families import functions, grid, latent
from skmist._training.random import Rng

OBSERVED = [("number", 2), ("angle", 2), ("plane", 2), ("classes", 2), ("classes", 5)]


def test_latent_states_agree_with_frequencies():
    for seed in range(30):
        draw = latent.sample(Rng(seed), 1, 100_000, 1, 1)
        if draw.mi[0] < 1.0:
            x, y = (bins(v[0, :, 0].numpy(), 100) for v in (draw.x, draw.y))
            assert plug_in(x, y) == pytest.approx(float(draw.mi[0]), rel=0.05, abs=0.02)


def test_more_columns_tell_more_of_a_latent_state():
    """The chain rule: I(X1, X2; y) = I(X1; y) + I(X2; y | X1), here from frequencies."""
    checked = 0
    for seed in range(60):
        draw = latent.sample(Rng(seed), 1, 200_000, 2, 1)
        columns = [v[0].numpy() for v in (draw.x[..., 0], draw.x[..., 1], draw.y[..., 0])]
        a, b, y = (np.unique(v, return_inverse=True)[1] for v in columns)
        if a.max() * b.max() > 2000 or y.max() > 60:  # measurements, or large counts
            continue
        checked += 1
        found = plug_in(a * (b.max() + 1) + b, y)
        assert found == pytest.approx(float(draw.mi[0]), rel=0.05, abs=0.015)
    assert checked >= 8


def cells(y, kind):
    """Return the state that the columns (n, d) of y show, as an integer of each row."""
    if kind == "plane":
        side = math.isqrt(latent.CELLS)
        return (y * side).astype(int) @ [side, 1]
    if kind == "classes":
        return y.argmax(1) if y.shape[1] > 1 else y[:, 0].astype(int)
    return (y[:, 0] * latent.CELLS).astype(int)


@pytest.mark.parametrize(("kind", "k"), OBSERVED)
def test_observed_states_agree_with_frequencies(kind, k):
    checked = 0
    for seed in range(12):
        draw = latent.sample_observed(Rng(seed), 1, 200_000, 1 + seed % 2, kind, k)
        x, y = draw.x[0].numpy(), draw.y[0].numpy()
        if x.max() > 20 or not (x == x.round()).all():  # large counts, or measurements
            continue
        checked += 1
        code = np.unique(x, axis=0, return_inverse=True)[1].ravel()
        found = plug_in(code, cells(y, kind))
        assert found == pytest.approx(float(draw.mi[0]), rel=0.06, abs=0.015)
    assert checked >= 4


@pytest.mark.parametrize("name", latent.KINDS)
def test_log_densities_of_responses_are_those_of_their_frequencies(name):
    """A frequent value is as much more frequent in one state than in another as they say."""
    value = torch.tensor([[-0.8, 0.2, 1.0]])
    state = Rng(1).integer(1, 300_000, low=0, high=2)
    for seed in range(4):
        z, (first, second, offset) = latent._column(Rng(seed), name, value, state)
        shown = z[0].round() if name == "measurements" else z[0]
        often = [float(v) for v in torch.unique(shown) if (shown == v).float().mean() > 0.05][:3]
        for v in often:
            if name == "measurements":
                at = torch.linspace(v - 0.5, v + 0.5, 201).view(1, -1, 1)
            else:
                at = torch.tensor([[[v]]])
            log_p = at * first[:, None] + at.square() * second[:, None] + offset[:, None]
            expected = torch.log(torch.exp(log_p).mean(1))[0]
            shares = torch.stack([(shown[state[0] == s] == v).float().mean() for s in range(3)])
            np.testing.assert_allclose(shares / shares.sum(), torch.softmax(expected, 0), atol=0.01)


@pytest.mark.parametrize(("dx", "dy"), [(2, 1), (1, 9), (6, 2), (12, 5), (3, 40)])
def test_responses_have_the_shapes_asked_for(dx, dy):
    kinds = set()
    for seed in range(12):
        shape = Shape(8, 40, dx, dy)
        draw, again = (presets.draw_responses(Rng(seed), shape) for _ in range(2))
        assert draw.x.shape == (8, 40, dx) and draw.y.shape == (8, 40, dy)
        assert draw.x.isfinite().all() and draw.y.isfinite().all()
        assert (draw.mi >= 0).all() and draw.mi.isfinite().all()
        assert torch.equal(draw.x, again.x) and torch.equal(draw.mi, again.mi)
        kinds.add(len(draw.mi.unique()) < 8)
    assert True in kinds  # several data sets of one distribution


def test_information_of_a_sign():
    """As that of a binary input of a channel with normal noise, by another integral."""
    share, gap = torch.tensor([[0.5], [0.2]]), torch.tensor([[0.0, 0.3, 1.0, 2.5, 20.0]] * 2)
    found = functions.sign_information(share, gap)
    t = np.linspace(-40, 40, 80_001)
    for p, row, at in zip(share[:, 0].tolist(), found, gap.tolist(), strict=True):
        for mi, g in zip(row, at, strict=True):
            density = (1 - p) * stats.norm.pdf(t, g) + p * stats.norm.pdf(t, -g)
            entropy = -np.trapezoid(density * np.log(density + 1e-300), t)
            expected = entropy - 0.5 * math.log(2 * math.pi * math.e)
            assert float(mi) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("kind", functions.NOISE_ENTROPY)
def test_entropy_of_censored_noise(kind):
    gap = torch.tensor([-20.0, -1.0, 0.0, 0.7, 2.0, 20.0])
    scale = torch.tensor([1.0, 2.0, 0.5, 1.0, 0.1, 3.0])
    found = functions.censored_entropy(kind, gap, scale)
    t = torch.linspace(-30, 30, 600_001, dtype=torch.float64)
    for a, s, value in zip(gap, scale, found, strict=True):
        p = functions.noise_density(kind, t / s) / s
        inside = t <= a * s
        seen = torch.trapezoid(torch.where(inside, torch.special.entr(p), 0.0), t)
        above = torch.trapezoid(torch.where(inside, 0.0, p), t)
        expected = seen + torch.special.entr(above)
        assert float(value) == pytest.approx(float(expected), abs=4e-3)
    whole = functions.NOISE_ENTROPY[kind] + math.log(3)
    assert float(found[-1]) == pytest.approx(whole, abs=2e-3)


@pytest.mark.parametrize("name", ["HIDDEN_SIGN", "CENSORED"])
def test_signs_and_censoring_agree_with_frequencies(name, monkeypatch):
    monkeypatch.setattr(functions, "HIDDEN_SIGN", 0.0)
    monkeypatch.setattr(functions, "CENSORED", 0.0)
    plain = [functions.sample(Rng(seed), 2, 100_000, 1) for seed in range(12)]
    monkeypatch.setattr(functions, name, 1.0)
    compared = 0
    for seed in range(12):
        draw = functions.sample(Rng(seed), 2, 100_000, 1)
        for i, (x, y, mi) in enumerate(zip(draw.x, draw.y, draw.mi, strict=True)):
            if mi > 1.2 or mi == plain[seed].mi[i]:
                continue
            x, y = x[:, 0].numpy(), y[:, 0].numpy()
            compared += 1
            wide, narrow = (plug_in(bins(x, k), bins(y, m)) for k, m in ((75, 30), (150, 60)))
            found = narrow + (narrow - wide) / 3  # what cells lose falls with their width squared
            assert found == pytest.approx(float(mi), rel=0.06, abs=0.03)
            if name == "CENSORED":
                most = np.unique(y, return_counts=True)[1].max()
                assert most > 2000
    assert compared >= 5


def test_many_categories_have_partners_at_times():
    """In such tables most categories have one of their own that they occur with most."""
    partners = []
    for seed in range(60):
        p = torch.softmax(grid.class_tables(Rng(seed), 4, 30, 30), 2)
        partners.append(sum(len(best.unique()) for best in p.argmax(2)) / 120)
    assert 0.1 < np.mean(np.array(partners) > 0.9) < 0.5
    assert np.mean(np.array(partners) < 0.75) > 0.3
