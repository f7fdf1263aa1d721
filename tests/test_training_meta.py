"""The wider families: exact mutual information against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from frequencies import bins, plug_in
from scipy import stats

from skmist._training import compose, surfaces
from skmist._training.draw import Shape
from skmist._training.families import (
    categorical,
    codes,
    copulas,
    fields,
    frames,
    functions,
    grid,
    interactions,
    latent,
    margins,
    zero_inflated,
)
from skmist._training.random import Rng
from skmist.baselines import ksg_mi


def left_over(design, value):
    """Return the largest residual of least squares."""
    weights = torch.linalg.pinv(design.double()) @ value.double()
    return float((design.double() @ weights - value).abs().max())


FAMILIES = {
    "grid": grid.sample,
    "classes": grid.sample_classes,
    "table": grid.sample_table,
    "censored": grid.sample_censored,
    "codes": codes.sample,
    "copulas": copulas.sample,
    "zero-inflated": zero_inflated.sample,
    "interactions": lambda rng, batch, n: interactions.sample(rng, batch, n, 4),
    "latent": lambda rng, batch, n: latent.sample(rng, batch, n, 3, 1),
    "frames": lambda rng, batch, n: frames.sample(rng, batch, n, 6, 1),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_are_finite_reproducible_and_spread(name):
    sample = FAMILIES[name]
    found = []
    for seed in range(60):
        draw = sample(Rng(seed), 5, 40)
        assert draw.x.shape == (5, 40, {"interactions": 4, "latent": 3, "frames": 6}.get(name, 1))
        assert draw.y.shape == (5, 40, 1) and draw.mi.shape == (5,)
        assert draw.x.dtype == draw.y.dtype == draw.mi.dtype == torch.float32
        assert draw.x.isfinite().all() and draw.y.isfinite().all()
        assert draw.mi.isfinite().all() and (draw.mi >= 0).all()
        found.append(draw.mi)
        if seed < 3:
            again = sample(Rng(seed), 5, 40)
            assert torch.equal(draw.x, again.x) and torch.equal(draw.y, again.y)
            assert torch.equal(draw.mi, again.mi)
    mi = torch.cat(found)
    assert 0.05 < (mi < 0.05).float().mean() < 0.6
    assert (mi > 1).float().mean() > 0.01


@pytest.mark.parametrize("kind", fields.KINDS, ids=lambda f: f.__name__)
def test_fields_are_finite_and_give_dependence(kind):
    for seed in range(8):
        log_p = kind(Rng(seed), 3, 48)
        assert log_p.shape == (3, 48, 48) and log_p.isfinite().all()


def test_information_of_a_table():
    p = torch.tensor([[[0.5, 0.0], [0.0, 0.5]], [[0.25, 0.25], [0.25, 0.25]]])
    torch.testing.assert_close(grid.table_mi(p), torch.tensor([math.log(2), 0.0]))


def test_cells_are_drawn_with_their_probabilities():
    p = grid.normalised(Rng(0).normal(2, 4, 5))
    p[0, 1, 2] = 0
    p = p / p.sum((1, 2), keepdim=True)
    i, j = grid.draw_cells(Rng(1), p, 200_000)
    for cell, q in zip(i * 5 + j, p, strict=True):
        share = torch.bincount(cell, minlength=20) / 200_000
        torch.testing.assert_close(share.view(4, 5), q, atol=0.005, rtol=0)
    assert not ((i[0] == 1) & (j[0] == 2)).any()


def test_discrete_tables_agree_with_frequencies():
    for seed in range(8):
        draw = grid.sample_table(Rng(seed), 2, 50_000)
        for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
            found = plug_in(x[:, 0].numpy(), y[:, 0].numpy())
            assert found == pytest.approx(float(mi), abs=0.012)


def test_censored_pairs_agree_with_frequencies():
    for seed in range(8):
        draw = grid.sample_censored(Rng(seed), 2, 60_000)
        for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
            values, counts = torch.unique(y, return_counts=True)
            most = counts.argmax()
            assert counts[most] > 1000 and values[most] in (values[0], values[-1])
            if mi < 1.5:
                found = plug_in(bins(x[:, 0].numpy(), 96), bins(y[:, 0].numpy(), 96))
                assert found == pytest.approx(float(mi), rel=0.06, abs=0.03)


def test_class_densities_agree_with_frequencies():
    for seed in range(8):
        draw = grid.sample_classes(Rng(seed), 2, 60_000)
        for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
            found = plug_in(bins(x[:, 0].numpy(), 100), y[:, 0].numpy())
            assert found == pytest.approx(float(mi), rel=0.05, abs=0.02)
    assert len(grid.sample_classes(Rng(0), 1, 5000, 3).y.unique()) <= 3


@pytest.mark.parametrize("target", ["number", "labels"])
def test_tables_agree_with_frequencies(target):
    for seed in range(8):
        rng = Rng(seed)
        widths = [[3], [1, 4], [5, 3], [3, 3, 3]][seed % 4]
        columns = frames.table_sampler(rng, 2, widths)
        f = frames.effects(rng, 2, widths, 1 if target == "number" else 3)

        def whole(n, columns=columns):  # no column tells more than the sign
            return torch.sign(columns(n) + 1e-6)

        if target == "number":
            draw = functions.with_noise(rng, whole, f, 60_000)
        else:
            draw = categorical.with_labels(rng, whole, f, 60_000, one_hot=False)
        for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
            assert set(x.unique().tolist()) == {-1.0, 1.0}
            code = np.unique(x.numpy(), axis=0, return_inverse=True)[1].ravel()
            values = y[:, 0].numpy() if target == "labels" else bins(y[:, 0].numpy(), 150)
            found = plug_in(code, values)
            assert found == pytest.approx(float(mi), rel=0.06, abs=0.02)


def test_effects_of_combinations_are_sums_of_products():
    widths = [3, 1, 4]
    tables = frames.table_sampler(Rng(5), 2, widths)(300)
    assert tables.shape == (2, 300, 8)
    for group in (slice(0, 3), slice(4, 8)):
        assert (tables[..., group].sum(-1) == 2 - tables[..., group].shape[-1]).all()
    interacting = 0
    for seed in range(20):
        value = frames.effects(Rng(seed), 2, widths, 1)(tables)
        alone = torch.cat([tables, torch.ones_like(value)], 2)
        products = (tables.unsqueeze(3) * tables.unsqueeze(2)).flatten(2)
        assert left_over(torch.cat([alone, products], 2), value) < 1e-3
        interacting += left_over(alone, value) > 0.01
    assert 3 <= interacting <= 15


def test_continuous_families_agree_with_ksg():
    errors = []
    for sample in (grid.sample, copulas.sample):
        for seed in range(12):
            draw = sample(Rng(seed), 1, 4000)
            if draw.mi[0] < 1.5:
                found = ksg_mi(draw.x[0].numpy(), draw.y[0].numpy(), scores="rank")
                errors.append(found - float(draw.mi[0]))
    assert len(errors) >= 15
    assert np.abs(errors).max() < 0.12 and abs(np.mean(errors)) < 0.03


def test_margins_increase():
    u = torch.linspace(0.001, 0.999, 999, dtype=torch.float64).expand(3, 999)
    for seed in range(40):
        x = margins.margin(Rng(seed), u)
        assert (x.diff(dim=1) > 0).all()


def test_positive_map_increases():
    x = torch.cat([-torch.logspace(6, -3, 300), torch.logspace(-3, 6, 300)])
    y = compose.exp_asinh(x)
    assert (y > 0).all() and (y.diff() > 0).all()
    middle = x.double()[x.abs() < 100]
    torch.testing.assert_close(compose.exp_asinh(middle), torch.exp(torch.asinh(middle)))


def log_copula(kind, theta, u, v):
    """Return log c(u, v) as written in Nelsen (2006) and Joe (2014), in double precision."""
    if kind == "clayton":
        s = u**-theta + v**-theta - 1
        return np.log(1 + theta) - (theta + 1) * np.log(u * v) - (2 + 1 / theta) * np.log(s)
    if kind == "frank":
        a, b = np.exp(-theta * u), np.exp(-theta * v)
        bottom = a + b - a * b - np.exp(-theta)
        return np.log(theta) + np.log1p(-np.exp(-theta)) - theta * (u + v) - 2 * np.log(bottom)
    if kind == "gumbel":
        a, b = -np.log(u), -np.log(v)
        w = (a**theta + b**theta) ** (1 / theta)
        return (
            -w + (theta - 1) * np.log(a * b) + a + b + (1 - 2 * theta) * np.log(w)
            + np.log(w + theta - 1)
        )  # fmt: skip
    a, b = (1 - u) ** theta, (1 - v) ** theta
    s = a + b - a * b
    return (
        (1 / theta - 2) * np.log(s) + np.log(theta - 1 + s)
        + (theta - 1) * (np.log1p(-u) + np.log1p(-v))
    )  # fmt: skip


@pytest.mark.parametrize("kind", copulas.RANGES)
def test_information_of_copulas(kind):
    """The formula and the draws, against the mean of the log density over the draws."""
    low, high = copulas.RANGES[kind]
    start = kind in ("gumbel", "joe")
    for theta in (low, 1.0, 3.0, 0.4 * high, high):
        t = torch.tensor([theta + start])
        exact = float(copulas.archimedean_mi(kind, t))
        u, v = copulas.draw_pairs(Rng(1), kind, t, 100_000)
        u, v = (w[0].double().numpy().clip(1e-9, 1 - 1e-9) for w in (u, v))
        for w in (u, v):
            assert stats.kstest(w, "uniform").statistic < 0.006
        values = log_copula(kind, theta + start, u, v)
        assert exact == pytest.approx(values.mean(), abs=5 * values.std() / 100_000**0.5 + 2e-3)


def test_quadrature_of_copulas_converges(monkeypatch):
    theta = {"frank": [0.6, 4.0, 60.0], "gumbel": [1.06, 2.0, 13.0], "joe": [1.1, 3.0, 31.0]}
    for kind, values in theta.items():
        t = torch.tensor(values)
        coarse = copulas.archimedean_mi(kind, t)
        with monkeypatch.context() as patch:
            patch.setattr(copulas, "N_NODES", 2001)
            torch.testing.assert_close(coarse, copulas.archimedean_mi(kind, t), atol=5e-4, rtol=0)


def test_zero_inflated_pairs_agree_with_frequencies():
    """Bins of equal frequency, with the atom a bin of its own."""
    atoms = 0
    for seed in range(16):
        draw = zero_inflated.sample(Rng(seed), 1, 60_000)
        if draw.mi[0] > 1.2:
            continue
        x, y = (v[0, :, 0].numpy() for v in (draw.x, draw.y))
        atoms += (x == 0).any() + (y == 0).any()
        labels = [np.where(v == 0, -1, bins(v, 40)) for v in (x, y)]
        assert plug_in(*labels) == pytest.approx(float(draw.mi[0]), rel=0.08, abs=0.02)
    assert atoms >= 12


@pytest.mark.parametrize("kind", interactions.KINDS)
@pytest.mark.parametrize("end", [interactions.noisy_number, interactions.noisy_label])
def test_interactions_agree_with_frequencies(kind, end):
    """y depends on X through one value only, so that bins of the value show all of it."""
    rng = Rng(0)
    free = interactions.parameters(rng, 4)
    known = interactions.interaction(kind, interactions.reference(2, rng.device) - 0.5, free)
    value = interactions.interaction(kind, rng.uniform(4, 40_000, 2) - 0.5, free)
    y, mi = end(rng, value, known)
    for f, column, exact in zip(value.numpy(), y.numpy(), mi, strict=True):
        if exact < 1.5:
            found = plug_in(bins(f, 60), bins(column, 60))
            assert found == pytest.approx(float(exact), rel=0.05, abs=0.02)


def test_sums_of_columns_can_be_undone():
    """Rows that differ stay different, and integers stay integers."""
    rng = Rng(3)
    x = rng.integer(4, 3000, 5, low=0, high=3).float()
    z = compose.add_up(rng, x)
    assert torch.equal(z, z.round())
    for before, after in zip(x, z, strict=True):
        assert len(before.unique(dim=0)) == len(after.unique(dim=0))


def test_interactions_need_two_columns():
    with pytest.raises(ValueError, match="two columns"):
        interactions.sample(Rng(0), 2, 10, 1)


def test_parity_is_hidden_from_single_columns():
    points = interactions.column("normal", interactions.reference(2, torch.device("cpu")))
    value = interactions.interaction("parity", points, torch.ones(2, 1, 1))[0]
    for j in range(2):
        assert abs(float((value * points[:, j].sign()).mean())) < 0.01


@pytest.mark.parametrize("d", [2, 3, 7])
def test_flows_are_finite_and_keep_rows_apart(d):
    for seed in range(15):
        x = Rng(seed).normal(3, 60, d)
        moved = compose.flow(Rng(seed), x)
        assert moved.shape == x.shape and moved.isfinite().all()
        assert torch.cdist(moved, moved).add(torch.eye(60)).min() > 0
        assert torch.equal(moved, compose.flow(Rng(seed), x))


def test_steps_of_a_flow_can_be_inverted():
    """A stretch keeps one part and the signs of the other; a bend keeps the order of a column."""
    x = Rng(0).normal(2, 80, 4)
    scaled = compose.unit_scale(x)
    moved = compose.stretch(Rng(1), x)
    for column in moved.unbind(-1):
        same = (column.unsqueeze(-1).sign() == scaled.sign()).all(1).any(1)
        assert same.all()
    for seed in range(6):
        bent = compose.bend(Rng(seed), x)
        assert torch.equal(bent.argsort(1), scaled.argsort(1))


def test_mixed_columns_can_be_told_apart_again():
    """Linear maps of full rank, of columns that were curved by increasing maps."""
    x = Rng(0).normal(3, 400, 4)
    scaled = compose.unit_scale(x)
    for seed in range(8):
        mixed = compose.mix(Rng(seed), x)
        curved = [torch.sinh(rate * scaled) for rate in (0.3, 0.8, 1.2)]
        curved += [compose.exp_asinh(2 * rate * scaled) for rate in (0.3, 0.6, 0.9, 1.2)]
        curved = torch.cat([torch.ones(3, 400, 1), *curved], -1).double()
        fitted = torch.linalg.lstsq(curved, mixed.double()).solution
        error = (curved @ fitted - mixed).square().mean(1)
        assert (error < 1e-3 * mixed.var(1)).all()
        assert (torch.linalg.matrix_rank(mixed - mixed.mean(1, keepdim=True)) == 4).all()


@pytest.mark.parametrize(("dx", "dy"), [(4, 1), (5, 4), (16, 16), (40, 3)])
def test_surfaces_fill_few_dimensions(dx, dy):
    for seed in range(10):
        draw = surfaces.draw_surfaces(Rng(seed), Shape(4, 60, dx, dy))
        assert draw.x.shape == (4, 60, dx) and draw.y.shape == (4, 60, dy)
        assert draw.x.isfinite().all() and draw.y.isfinite().all()
        again = surfaces.draw_surfaces(Rng(seed), Shape(4, 60, dx, dy))
        assert torch.equal(draw.x, again.x) and torch.equal(draw.mi, again.mi)


@pytest.mark.parametrize(("d", "extra"), [(1, 2), (1, 6), (2, 3), (2, 7)])
def test_embedding_keeps_what_the_columns_tell(d, extra):
    """Rows that are near each other on the surface are near each other in the columns too.

    Or they are the smallest and the largest of a column that was closed to a circle.
    """
    for seed in range(6):
        x = Rng(seed).normal(3, 800, d)
        surface = compose.embed(Rng(100 + seed), x, extra)
        assert surface.shape == (3, 800, d + extra) and surface.isfinite().all()
        distances = torch.cdist(surface, surface) + torch.eye(800) * 1e9
        nearest = distances.argmin(2)
        place = x.argsort(1).argsort(1) / 800
        there = place.gather(1, nearest.unsqueeze(2).expand_as(x))
        away = (place - there).abs()
        away = torch.minimum(away, 1 - away)  # 1/4 on average where nothing is told
        unexplained = away.mean(1) / 0.25
        assert (unexplained < 0.2).all()
