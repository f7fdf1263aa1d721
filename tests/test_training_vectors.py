"""Normal vectors of any covariance, totals of codes, decision trees, and blocks of one law."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.special import entr

from skmist._training import blocks, compose, pairs
from skmist._training.draw import Shape, gaussian_mi
from skmist._training.families import columns, copulas, elliptical, functions, totals
from skmist._training.random import Rng
from skmist.baselines import ksg_mi

DIMS = [(1, 3), (2, 2), (5, 3), (4, 20)]


def test_colours_make_columns_go_along():
    strongest = []
    for seed in range(30):
        mixing = compose.colour(Rng(seed), 3, 6)
        cov = mixing @ mixing.transpose(1, 2)
        assert torch.linalg.eigvalsh(cov.double()).min() > 0
        scale = cov.diagonal(dim1=1, dim2=2).sqrt()
        corr = cov / scale.unsqueeze(1) / scale.unsqueeze(2)
        strongest.append(float((corr - torch.eye(6)).abs().amax()))
    assert min(strongest) > 0.1 and 0.9 < max(strongest) < 1


@pytest.mark.parametrize(("dx", "dy"), DIMS)
def test_colours_of_sides_leave_the_information_as_it_is(dx, dy):
    changed = 0
    for seed in range(12):
        cov = elliptical.canonical(Rng(seed), 4, dx, dy)
        mixed = elliptical.coloured(Rng(seed + 100), cov, dx)
        changed += not torch.equal(mixed, cov)
        torch.testing.assert_close(mixed, mixed.transpose(1, 2))
        torch.testing.assert_close(
            gaussian_mi(mixed, dx), gaussian_mi(cov, dx), rtol=2e-3, atol=2e-3
        )
    assert changed > 6


@pytest.mark.parametrize(("dx", "dy"), DIMS)
def test_responses_are_linear_in_x_plus_noise(dx, dy):
    """Their covariance is positive, its rank of dependence at most that of the weights."""
    full = 0
    for seed in range(12):
        cov = elliptical.responses(Rng(seed), 4, dx, dy).double()
        assert cov.shape == (4, dx + dy, dx + dy)
        torch.linalg.cholesky(cov)
        left = cov[:, dx:, dx:] - cov[:, dx:, :dx] @ torch.linalg.solve(
            cov[:, :dx, :dx], cov[:, :dx, dx:]
        )
        assert torch.linalg.eigvalsh(left).min() > 0
        expected = 0.5 * (torch.linalg.slogdet(cov[:, dx:, dx:])[1] - torch.linalg.slogdet(left)[1])
        torch.testing.assert_close(gaussian_mi(cov, dx).double(), expected, rtol=1e-3, atol=1e-3)
        full += int((expected > 1).sum())
        turned = elliptical.swapped(cov, dx)
        torch.testing.assert_close(turned[:, :dy, dy:], cov[:, dx:, :dx])
        torch.testing.assert_close(turned[:, :dy, :dy], cov[:, dx:, dx:])
    assert full > 3


def test_correlated_columns_can_be_told_apart_again():
    x = Rng(0).normal(3, 400, 4)
    for seed in range(6):
        mixed = compose.correlate(Rng(seed), x)
        solved = torch.linalg.lstsq(mixed, compose.unit_scale(x)).solution
        torch.testing.assert_close(mixed @ solved, compose.unit_scale(x), rtol=1e-3, atol=1e-3)


def test_sums_of_codes_have_the_probabilities_of_all_their_ways():
    rng = np.random.default_rng(0)
    parts = [rng.dirichlet(np.ones(k), size=2) for k in (2, 3, 5)]
    found = totals.convolved([torch.tensor(p) for p in parts]).numpy()
    expected = np.zeros((2, 8))
    for codes in itertools.product(range(2), range(3), range(5)):
        expected[:, sum(codes)] += np.prod(
            [p[:, k] for p, k in zip(parts, codes, strict=True)], axis=0
        )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_totals_agree_with_frequencies():
    """Of many rows: H(y) - H(y | X) of the table of rows of X and totals, as it is counted."""
    found = []
    for seed in range(40):
        draw = totals.sample(Rng(seed), 1, 60_000, 1 + seed % 2)
        _, row = np.unique(draw.x[0].numpy(), axis=0, return_inverse=True)
        if row.max() >= 60:
            continue
        table = np.zeros((row.max() + 1, int(draw.y.max()) + 1))
        np.add.at(table, (row.ravel(), draw.y[0, :, 0].numpy().astype(int)), 1)
        p = table / table.sum()
        counted = entr(p.sum(0)).sum() + entr(p.sum(1)).sum() - entr(p).sum()
        found.append(counted - float(draw.mi[0]))
    assert len(found) >= 10 and np.abs(found).max() < 0.04


def test_totals_without_another_code_are_told_by_x():
    told = 0
    for seed in range(10):
        draw = totals.sample(Rng(seed), 2, 5000, 4)
        for x, y, mi in zip(draw.x.numpy(), draw.y[..., 0].numpy(), draw.mi.numpy(), strict=True):
            if any((x[:, :k].sum(1) == y).all() for k in range(1, 5)):
                p = np.unique(y, return_counts=True)[1] / len(y)
                assert mi == pytest.approx(entr(p).sum(), abs=0.05)
                told += 1
    assert told >= 4


def test_trees_are_constant_in_few_boxes():
    for seed in range(10):
        x = Rng(seed).normal(2, 3000, 5)
        value = columns.tree(Rng(seed), 2, 5)(x)
        assert value.shape == (2, 3000, 1)
        for rows, values in zip(x, value[..., 0], strict=True):
            leaves = values.unique()
            assert 2 <= len(leaves) <= 2**columns.MOST_CUTS
            for leaf in leaves:  # no other value inside the smallest box around it
                inside = rows[values == leaf]
                low, high = inside.amin(0), inside.amax(0)
                boxed = ((rows >= low) & (rows <= high)).all(1)
                assert (values[boxed] == leaf).all()


def test_powers_keep_or_lose_the_sign():
    x = Rng(0).normal(60, 500, 1)
    value = columns.power_function(Rng(1), 60)(x)
    assert value.isfinite().all()
    odd = [len(v.unique()) > 1 and bool((v < 0).any()) for v in value]
    assert 20 < sum(odd) < 50
    for rows, values, signed in zip(x[..., 0], value[..., 0], odd, strict=True):
        if signed:  # increasing
            assert (values[rows.argsort()].diff() >= 0).all()
        else:  # smallest in one place, from which it rises both ways
            ordered = values[rows.argsort()].diff().sign()
            assert (ordered[ordered != 0].diff() != 0).sum() <= 1


def test_noisy_powers_agree_with_ksg():
    """Values far out are kept, and the grid still resolves the noise."""
    errors, far = [], 0
    for seed in range(30):
        rng = Rng(seed)
        draw = functions.with_noise(
            rng, lambda n, r=rng: r.normal(1, n, 1), columns.power_function(rng, 1), 4000
        )
        x, y = draw.x[0].numpy(), draw.y[0].numpy()
        far += np.abs(y - y.mean()).max() > 6 * y.std()
        if len(np.unique(y)) == len(y) and 0.05 < draw.mi[0] < 2.5:
            errors.append(ksg_mi(x, y, scores="rank") - float(draw.mi[0]))
    assert len(errors) >= 12 and far >= 3
    assert abs(np.median(errors)) < 0.04 and np.abs(errors).max() < 0.2


def test_blocks_of_one_law_add_up():
    rng = Rng(3)
    draw = blocks.alike(lambda b, n: copulas.sample(rng, b, n), 6, 2000, 3)
    assert draw.x.shape == draw.y.shape == (6, 2000, 3)
    compared = 0
    for x, y, mi in zip(draw.x.numpy(), draw.y.numpy(), draw.mi.numpy(), strict=True):
        for j, k in itertools.product(range(3), range(3)):
            if mi < 4:
                expected = mi / 3 if j == k else 0
                found = ksg_mi(x[:, [j]], y[:, [k]], scores="rank")
                assert found == pytest.approx(expected, abs=0.1)
                compared += 1
    assert compared >= 27


def test_blocks_of_one_law_are_cut_from_its_rows():
    """Every block has rows and columns of its own; beyond many rows, laws of their own."""
    made = []

    def rows(batch, n):
        made.append(n)
        x = torch.arange(batch * n * 2).view(batch, n, 2).float()
        return blocks.Draw(x, x[..., :1] * 10, torch.ones(batch))

    draw = blocks.alike(rows, 2, 5, 3)
    assert made == [15] and draw.x.shape == (2, 5, 6) and draw.y.shape == (2, 5, 3)
    assert torch.equal(draw.x[..., ::2] * 10, draw.y)
    assert draw.x[0, :, 0].tolist() == [0, 2, 4, 6, 8] and draw.x[0, 0, 2] == 10
    assert draw.mi.tolist() == [3, 3]
    made.clear()
    draw = blocks.alike(rows, 1, blocks.MOST_ROWS_ALIKE, 2)
    assert made == [blocks.MOST_ROWS_ALIKE] * 2 and draw.mi.tolist() == [2]


def test_blocks_all_of_one_law_lie_beside_idle_columns():
    """In batches of the shape asked for, which a seed draws again."""
    asked = set()
    for seed in range(60):
        draw, again = (pairs.draw_alike(Rng(seed), Shape(3, 40, 7, 4)) for _ in range(2))
        assert draw.x.shape == (3, 40, 7) and draw.y.shape == (3, 40, 4)
        assert draw.x.isfinite().all() and draw.y.isfinite().all() and (draw.mi >= 0).all()
        assert torch.equal(draw.x, again.x) and torch.equal(draw.mi, again.mi)
        asked.add(len(draw.x[0].unique()) < 200)
    assert asked == {True, False}  # with ties and without
