"""Random densities of several columns, lengths, directions and surfaces: their information."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skmist._training import compose, pairs, presets, surfaces
from skmist._training.blocks import has_ties
from skmist._training.draw import Draw, Shape
from skmist._training.families import columns, densities, functions
from skmist._training.random import Rng
from skmist.baselines import ksg_mi

DIMS = [(2, 1), (1, 2), (2, 2), (3, 1), (1, 3)]


@pytest.mark.parametrize(("dx", "dy"), DIMS)
def test_densities_agree_with_ksg(dx, dy):
    """With cells of near-constant density, neighbours in ranks estimate the same number."""
    compared = 0
    for seed in range(12):
        draw = densities.sample(Rng(seed), 1, 4000, dx, dy)
        x, y = (np.argsort(np.argsort(v[0].numpy(), 0), 0) / 4000 for v in (draw.x, draw.y))
        if len(np.unique(draw.y[0])) < 3000 or draw.mi > 1.2:
            continue  # levels, or curves too fine for neighbours of this many rows
        compared += 1
        error = ksg_mi(x, y, n_neighbors=3) - float(draw.mi)
        # in four columns neighbours of this many rows miss some of what narrow shapes hold
        missed = (0.15 if dx + dy == 3 else 0.5) * float(draw.mi)
        assert -0.05 - missed < error < 0.05 + 0.1 * float(draw.mi)
    assert compared >= 3


def test_levels_of_y_agree_with_frequencies():
    """For a discrete y, against the entropies of the cells that the rows of X fall into."""
    found = 0
    for seed in range(40):
        rng = Rng(seed)
        draw = densities.sample(rng, 1, 200_000, 2, 1)
        levels = np.unique(draw.y[0].numpy())
        if len(levels) > 12:
            continue
        found += 1
        g = min(int((densities.CELLS / len(levels)) ** 0.5), 32)
        place = [
            np.floor(np.argsort(np.argsort(draw.x[0, :, j].numpy())) * 12 / 200_000)
            for j in range(2)
        ]
        cell = (place[0] * 12 + place[1]).astype(int)
        table = np.zeros((144, len(levels)))
        np.add.at(table, (cell, np.searchsorted(levels, draw.y[0, :, 0].numpy())), 1)
        p = table / table.sum()
        outer = p.sum(0) * p.sum(1, keepdims=True)
        plug_in = (p[p > 0] * np.log(p[p > 0] / outer[p > 0])).sum()
        # coarser cells tell less, and not much less
        assert plug_in < float(draw.mi) + 0.01
        assert g >= 12 and plug_in > 0.6 * float(draw.mi) - 0.02
    assert found >= 3


def test_densities_are_reproducible_and_spread():
    mi = torch.cat([densities.sample(Rng(s), 4, 50, 2, 2).mi for s in range(40)])
    again = torch.cat([densities.sample(Rng(s), 4, 50, 2, 2).mi for s in range(40)])
    assert torch.equal(mi, again)
    assert mi.quantile(0.25) < 0.2 and mi.quantile(0.9) > 0.8


@pytest.mark.parametrize("d", [2, 3, 9])
def test_lengths_can_be_read_off(d):
    """Some norm of the rows is an increasing function of the column that was hidden."""
    for seed in range(8):
        u = Rng(seed).normal(3, 400, 1)
        x = compose.polar(Rng(50 + seed), u, d).double()
        assert x.shape == (3, 400, d) and x.isfinite().all()
        agree = []
        for p in (1, 2, 3, 4, 5, 6, 7, 8):
            length = (x.abs() ** p).sum(-1) ** (1 / p)
            order = length.gather(1, u[..., 0].argsort(1))
            agree.append(bool((order.diff(dim=1) > -1e-5 * order[:, 1:]).all()))
        assert any(agree)


@pytest.mark.parametrize("d", [1, 2, 6])
def test_closing_up_is_one_to_one(d):
    for seed in range(6):
        x = Rng(seed).normal(2, 300, d)
        closed = compose.closed_up(Rng(20 + seed), x)
        assert closed.shape == (2, 300, d + 1)
        whole, radius = closed.sum(-1), closed.square().sum(-1)
        one = torch.ones(2, 300)
        assert torch.allclose(whole, one, atol=1e-5) or torch.allclose(radius, one, atol=1e-4)
        apart = torch.cdist(closed.double(), closed.double()) + torch.eye(300)
        assert apart.min() > 1e-7


@pytest.mark.parametrize(
    "draw",
    [pairs.draw_pairs, pairs.draw_lone_pairs, surfaces.draw_polar, surfaces.draw_closed],
)
@pytest.mark.parametrize(("dx", "dy"), [(2, 1), (4, 3), (30, 12)])
def test_compositions_have_their_shape(draw, dx, dy):
    for seed in range(10):
        one = draw(Rng(seed), Shape(3, 60, dx, dy))
        assert one.x.shape == (3, 60, dx) and one.y.shape == (3, 60, dy)
        assert one.x.isfinite().all() and one.y.isfinite().all() and (one.mi >= 0).all()


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (5, 2), (12, 12), (128, 128)])
def test_orthonormal_columns_are_orthonormal_and_point_everywhere(rows, columns):
    q = Rng(rows).orthonormal(400, rows, columns)
    assert q.shape == (400, rows, columns) and q.dtype == torch.float32
    error = q.transpose(1, 2) @ q - torch.eye(columns)
    assert error.abs().max() < 2e-6
    squares = rows * q.square().mean(0)  # of a uniform direction; each has a mean of 1
    assert abs(float(squares.mean()) - 1) < 1e-5
    assert (squares - 1).abs().max() < 5 * (2 / 400) ** 0.5
    assert q.mean(0).abs().max() < 5 / (400 * rows) ** 0.5


def test_directions_of_normal_vectors_agree_with_ksg():
    """A closed-up Gaussian keeps its information, read by neighbours on the surface itself."""
    rng = Rng(3)
    z = rng.normal(1, 4000, 4)
    x, y = z[..., :2], 0.8 * z[..., :2] + 0.6 * z[..., 2:]
    estimate = ksg_mi(compose.closed_up(rng, x)[0].numpy(), y[0].numpy(), n_neighbors=3)
    assert estimate == pytest.approx(-np.log(0.6) * 2, abs=0.12)


def test_additive_functions_are_sums_of_single_columns():
    """Mixed second differences vanish unless the sum goes through a curve."""
    exact = 0
    for seed in range(30):
        f = columns.additive_function(Rng(seed), 2, 3)
        base = 0.3 * torch.ones(2, 1, 3)
        first, second = base.clone(), base.clone()
        first[..., 0] += 0.7
        second[..., 1] -= 1.1
        both = first.clone()
        both[..., 1] -= 1.1
        mixed = f(both) - f(first) - f(second) + f(base)
        assert mixed.isfinite().all()
        scale = 1 + f(first).abs() + f(second).abs() + f(both).abs()
        exact += bool((mixed.abs() < 1e-4 * scale).all())
    assert exact >= 10


def test_surfaces_side_by_side_add_up(monkeypatch):
    """The columns are divided between two draws, whose information adds up."""

    def constant(rng, shape):
        x, y = (torch.full((shape.batch, shape.n, d), float(d)) for d in (shape.dx, shape.dy))
        return Draw(x, y, torch.full((shape.batch,), 10.0 * shape.dx + shape.dy))

    monkeypatch.setattr(surfaces, "draw_surfaces", constant)
    for seed in range(5):
        draw = surfaces._side_by_side(Rng(seed), Shape(4, 30, 6, 4))
        assert draw.x.shape == (4, 30, 6) and draw.y.shape == (4, 30, 4)
        assert (draw.mi == 64).all()
        left = int(draw.x[0, 0, 0])
        assert 2 <= left <= 4 and (draw.x[..., left:] == 6 - left).all()


def test_surfaces_are_at_times_side_by_side():
    """Two draws of fewer columns each, which may be divided again."""
    asked = []
    original = surfaces.draw_surfaces

    def counted(rng, shape):
        asked.append(shape.dx)
        return original(rng, shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surfaces, "draw_surfaces", counted)
        for seed in range(40):
            counted(Rng(seed), Shape(2, 40, 9, 6))
    parts = [dx for dx in asked if dx < 9]
    assert 4 <= len(parts) <= 50 and len(asked) == 40 + len(parts)


def test_sums_of_terms_read_few_columns_and_agree_with_ksg():
    """A column outside the terms changes nothing; the information is what neighbours find."""
    rng, idle = Rng(0), 0
    for seed in range(20):
        x = rng.normal(2, 400, 12)
        f = columns.sum_of_terms(Rng(seed), 2, 12)
        value = f(x)
        assert value.shape == (2, 400, 1) and value.isfinite().all() and (value.std(1) > 0).all()
        moved = x.clone()
        moved[..., 0] += 1
        idle += int(torch.equal(f(moved), value))
    assert idle >= 5


def test_noisy_sums_of_terms_agree_with_ksg(monkeypatch):
    monkeypatch.setattr(
        functions, "random_function", lambda rng, b, d, _: columns.sum_of_terms(rng, b, d)
    )
    errors = []
    for seed in range(12):
        draw = functions.sample(Rng(seed), 1, 4000, 2)
        if has_ties(draw.x):
            continue
        estimate = ksg_mi(draw.x[0].numpy(), draw.y[0].numpy(), n_neighbors=3)
        errors.append(estimate - float(draw.mi[0]))
    assert len(errors) >= 5 and np.median(np.abs(errors)) < 0.08


def test_columns_hold_the_indicators_of_a_category_at_times():
    def is_category(part):
        return ((part.abs() == 1).all() & ((part == 1).sum(2) == 1).all()).item()

    found = 0
    for seed in range(60):
        x = columns.column_sampler(Rng(seed), 2, 5)(50)
        assert x.shape == (2, 50, 5) and x.isfinite().all()
        found += any(is_category(x[..., :k]) for k in (3, 4, 5))
    assert 3 <= found <= 25


def test_so_many_compositions_of_several_have_few_columns():
    preset, rng = presets.PRESETS["several"], Rng(5)
    drawn = [presets.draw_shape(preset, rng, 60.0) for _ in range(600)]
    few = [s.dx + s.dy <= presets.FEW_COLUMNS for s, kind in drawn if kind == "composition"]
    assert 0.55 < np.mean(few) < 0.8  # half of them, and some of the others
    assert min(min(s.dx, s.dy) for s, _ in drawn) == 1
