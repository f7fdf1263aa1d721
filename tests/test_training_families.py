"""The exact mutual information of every family, against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skmist._training import compose, presets
from skmist._training.blocks import has_ties
from skmist._training.draw import Draw, beside, gaussian_mi
from skmist._training.families import (
    categorical,
    channels,
    clusters,
    elliptical,
    functions,
    mixtures,
    paper,
)
from skmist._training.random import Rng
from skmist.baselines import ksg_mi

N = 20_000


def log_ratio(z, dx, logpdf):
    """Return the mean log density ratio of rows and its standard error."""
    d = z.shape[1]
    index = [np.arange(d), np.arange(dx), np.arange(dx, d)]
    both, x, y = (logpdf(z[:, i], i) for i in index)
    values = both - x - y
    return values.mean(), values.std() / len(values) ** 0.5


@pytest.mark.parametrize("kind", ["dense", "sparse", "2pair", "lvm"])
@pytest.mark.parametrize("dims", [(3, 3), (4, 2)])
def test_normal_families(kind, dims):
    dx, dy = dims
    z, cov = paper.dispersion(Rng(1), kind, 2, N, dx, dy)
    for rows, c in zip(z.double().numpy(), cov.double().numpy(), strict=True):
        scale = np.sqrt(np.diag(c))
        both = scale * scale[:, None]
        np.testing.assert_allclose(np.cov(rows.T) / both, c / both, atol=0.05)

        def logpdf(v, i, c=c):
            return stats.multivariate_normal(np.zeros(len(i)), c[np.ix_(i, i)]).logpdf(v)

        mean, error = log_ratio(rows, dx, logpdf)
        exact = float(gaussian_mi(torch.tensor(c)[None], dx))
        assert abs(mean - exact) < 4.5 * error + 1e-6


@pytest.mark.parametrize("df", [1.0, 2.5, 8.0])
def test_student_families(df):
    rng = Rng(2)
    z, cov = paper.dispersion(rng, "sparse", 1, N, 3, 2)
    scale = torch.tensor([[df]])
    z = z * (scale / rng.chi_square(scale, 1, N)).sqrt().unsqueeze(-1)
    c = cov[0].double().numpy()
    mean, error = log_ratio(
        z[0].double().numpy(), 3,
        lambda v, i: stats.multivariate_t(np.zeros(len(i)), c[np.ix_(i, i)], df=df).logpdf(v),
    )  # fmt: skip
    exact = gaussian_mi(cov, 3) + paper.student_excess(torch.tensor([df]), 3, 2)
    assert abs(mean - float(exact)) < 4.5 * error


@pytest.mark.parametrize("e", [0.05, 0.3, 0.5, 1.4])
def test_additive_noise(e):
    """I = h(y) - h(noise), with the trapezoid density of y integrated numerically."""
    y = np.linspace(-e - 0.1, 1 + e + 0.1, 400_001)
    p = (np.clip(y + e, 0, 1) - np.clip(y - e, 0, 1)) / (2 * e)
    entropy = -np.trapezoid(p * np.log(np.where(p > 0, p, 1)), y)
    exact = float(paper.additive_mi(torch.tensor(e, dtype=torch.float64)))
    assert exact == pytest.approx(entropy - math.log(2 * e), abs=1e-6)


@pytest.mark.parametrize("name", sorted(paper.TRANSFORMS))
def test_transformations_increase(name):
    grid = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    for column in paper.TRANSFORMS[name](grid, grid):
        assert (column.diff() > 0).all()


def test_the_paper_preset_has_its_sixteen_families():
    assert len(paper.TRAIN) == len(set(paper.TRAIN)) == 16
    for name in paper.TRAIN:
        draw = paper.sample(Rng(0), 3, 30, 4, 4, name)
        assert draw.x.shape == draw.y.shape == (3, 30, 4)
        assert draw.x.isfinite().all() and (draw.mi >= 0).all()


def test_gaussian_draws_have_the_stated_mutual_information():
    draw = elliptical.sample(Rng(3), 4, N, 3, 2)
    for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
        z = torch.cat([x, y], 1)
        cov = (z.T @ z / N)[None]
        assert float(gaussian_mi(cov, 3)) == pytest.approx(float(mi), abs=0.05)


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (3, 4)])
def test_even_normal_vectors_have_equal_canonical_correlations(dx, dy):
    draw = elliptical.sample_even(Rng(7), 4, N, dx, dy)
    assert draw.x.shape == (4, N, dx) and draw.y.shape == (4, N, dy)
    cov = torch.stack([torch.cov(torch.cat(v, 1).T) for v in zip(draw.x, draw.y, strict=True)])
    assert torch.allclose(gaussian_mi(cov, dx), draw.mi, atol=0.05, rtol=0.02)
    rho = torch.linalg.svdvals(cov[:, :dx, dx:])  # both sides are white
    expected = torch.sqrt(-torch.expm1(-2 * draw.mi / min(dx, dy)))
    assert torch.allclose(rho, expected.unsqueeze(1).expand_as(rho), atol=0.05)


def test_student_draws_have_the_stated_mutual_information():
    draw = elliptical.sample_student(Rng(5), 3, 4000, 1, 1)
    for x, y, mi in zip(draw.x, draw.y, draw.mi, strict=True):
        assert ksg_mi(x.numpy(), y.numpy(), scores="rank") == pytest.approx(float(mi), abs=0.09)


@pytest.mark.parametrize("kind", sorted(functions.NOISE_ENTROPY))
def test_entropy_of_a_sum(kind):
    """Against a direct numerical convolution, for f uniform."""
    rng = Rng(0)
    f = torch.linspace(-1, 1, functions.N_REFERENCE)[None]
    sigma = torch.tensor([[0.3]])
    found = functions.entropy_of_sum(f, torch.zeros_like(f, dtype=torch.long), sigma, kind)
    t = np.linspace(-4, 4, 8001)
    density = functions.noise_density(kind, torch.tensor(t) / 0.3).numpy() / 0.3
    box = (np.abs(t) <= 1) / 2
    p = np.convolve(density, box, "same") * (t[1] - t[0])
    expected = -np.trapezoid(p * np.log(np.maximum(p, 1e-300)), t)
    assert float(found) == pytest.approx(expected, abs=5e-3)
    noise = functions.draw_noise(rng, kind, 1, N)
    assert float(noise.std()) == pytest.approx(1.0, abs=0.03)
    gap = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    p = functions.noise_density(kind, gap).numpy()
    entropy = -np.trapezoid(p * np.log(np.maximum(p, 1e-300)), gap)
    assert functions.NOISE_ENTROPY[kind] == pytest.approx(entropy, abs=1e-3)


def untied(x) -> bool:
    return len(np.unique(x)) == x.size


def test_function_draws_agree_with_ksg():
    errors = []
    for seed in range(12):
        draw = functions.sample(Rng(seed), 1, 3000, 1)
        x, y = draw.x[0].numpy(), draw.y[0].numpy()
        if untied(x) and draw.mi[0] < 2.5:
            errors.append(ksg_mi(x, y, scores="rank") - float(draw.mi[0]))
    assert len(errors) >= 4 and np.abs(errors).max() < 0.1


def test_mixture_draws_agree_with_ksg():
    for seed in range(5):
        draw = mixtures.sample(Rng(seed), 1, 3000, 1, 1)
        found = ksg_mi(draw.x[0].numpy(), draw.y[0].numpy(), scores="rank")
        assert found == pytest.approx(float(draw.mi[0]), abs=0.1)


@pytest.mark.parametrize("one_hot", [True, False])
def test_categorical_draws_agree_with_binned_frequencies(one_hot):
    for seed in range(4):
        draw = categorical.sample(Rng(seed), 1, 60_000, 1, 3, one_hot, discrete=0.0)
        label = draw.y[0].argmax(1) if one_hot else draw.y[0, :, 0].long()
        bins = np.minimum((stats.rankdata(draw.x[0, :, 0], "min") - 1) * 60 // 60_000, 59)
        table = np.zeros((60, 3))
        np.add.at(table, (bins.astype(int), label.numpy()), 1 / 60_000)
        outer = table.sum(1, keepdims=True) * table.sum(0)
        found = np.sum(table[table > 0] * np.log(table[table > 0] / outer[table > 0]))
        assert found == pytest.approx(float(draw.mi[0]), abs=0.03)


@pytest.mark.parametrize("one_hot", [True, False])
def test_clusters_agree_with_binned_frequencies(one_hot):
    for seed in range(5):
        draw = clusters.sample(Rng(seed), 1, 60_000, 1, 4, one_hot)
        label = draw.y[0].argmax(1) if one_hot else draw.y[0, :, 0].long()
        bins = (stats.rankdata(draw.x[0, :, 0]) - 1) * 100 // 60_000
        table = np.zeros((100, 4))
        np.add.at(table, (bins.astype(int), label.numpy()), 1 / 60_000)
        outer = table.sum(1, keepdims=True) * table.sum(0)
        found = np.sum(table[table > 0] * np.log(table[table > 0] / outer[table > 0]))
        assert found == pytest.approx(float(draw.mi[0]), abs=0.03)


def test_log_densities_of_clusters():
    rng = torch.Generator().manual_seed(0)
    x, mean = torch.randn(2, 7, 3, generator=rng), torch.randn(2, 4, 3, generator=rng)
    scale = torch.rand(2, 4, 3, generator=rng) + 0.5
    expected = stats.norm.logpdf(x.unsqueeze(2), mean.unsqueeze(1), scale.unsqueeze(1)).sum(-1)
    np.testing.assert_allclose(clusters.log_densities(x, mean, scale), expected, atol=1e-4)


@pytest.mark.parametrize("kind", channels.NOISE_ENTROPY)
def test_distribution_functions_of_noise_are_integrals_of_the_densities(kind):
    t = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = functions.noise_density(kind, t)
    found = channels.noise_distribution(kind, t)
    np.testing.assert_allclose(found, density.cumsum(0) * 1e-4, atol=1e-4)


def test_channels_have_the_mutual_information_of_closed_forms():
    """U(0, 1) + U(0, a) for a < 1: a / 2 - log a; noise that keeps levels apart: log k."""
    widths = torch.tensor([0.0004, 0.01, 0.3, 0.9])
    found = channels.channel_mi("uniform", widths / math.sqrt(12), None)
    torch.testing.assert_close(found, widths / 2 - widths.log(), atol=2e-3, rtol=0)
    apart = channels.channel_mi("normal", torch.tensor([0.01]), 8)
    assert float(apart) == pytest.approx(math.log(8), abs=2e-3)
    # x in 0, ..., m - 1 and y uniform on (x, x + 2): log m - (m - 1) / m log 2
    m = 5
    found = channels.channel_mi("uniform", torch.tensor([2 / (m - 1) / math.sqrt(12)]), m)
    assert float(found) == pytest.approx(math.log(m) - (m - 1) / m * math.log(2), abs=2e-3)


def test_channel_draws_agree_with_ksg():
    errors = []
    for seed in range(40):
        draw = channels.sample(Rng(seed), 1, 2000)
        x, y = draw.x[0].numpy(), draw.y[0].numpy()
        if untied(x) and draw.mi[0] < 2.4:
            errors.append(ksg_mi(x, y, scores="rank") - float(draw.mi[0]))
    assert len(errors) >= 4 and np.abs(errors).max() < 0.15


@pytest.mark.parametrize(("dx", "dy"), [(2, 2), (5, 3), (3, 7)])
def test_canonical_covariances(dx, dy):
    cov = elliptical.canonical(Rng(dx), 4, dx, dy)
    assert torch.linalg.eigvalsh(cov).min() > 0
    torch.testing.assert_close(cov, cov.transpose(1, 2))
    rho = torch.linalg.svdvals(cov[:, :dx, dx:])
    expected = -0.5 * torch.log1p(-rho.square()).sum(1)
    torch.testing.assert_close(gaussian_mi(cov, dx), expected, rtol=1e-3, atol=1e-3)


def test_maps_of_a_side_can_be_inverted():
    """Rotations and spirals keep the norm of a row; couplings leave one part as it was."""
    x = torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(0))
    scaled = compose.unit_scale(x)
    for function in (compose.rotate, compose.spiral):
        moved = function(Rng(1), x)
        torch.testing.assert_close(moved.norm(dim=-1), scaled.norm(dim=-1), rtol=1e-4, atol=1e-4)
    moved = compose.coupling(Rng(1), x)
    kept = [(moved[..., [j]] == scaled).all((0, 1)).any() for j in range(4)]
    assert 1 <= sum(map(bool, kept)) <= 3
    rolled = compose.curve(Rng(1), x)
    radius = rolled.norm(dim=-1)
    assert torch.equal(radius.argsort(1), scaled[..., 0].argsort(1))


def test_blocks_add_and_shuffling_makes_independent():
    one = elliptical.sample(Rng(0), 3, 20, 2, 1)
    two = elliptical.sample(Rng(1), 3, 20, 1, 2)
    both = beside([one, two])
    assert both.x.shape == both.y.shape == (3, 20, 3)
    torch.testing.assert_close(both.mi, one.mi + two.mi)
    shuffled = compose.independent(Rng(2), both)
    assert (shuffled.mi == 0).all() and torch.equal(shuffled.x, both.x)
    torch.testing.assert_close(shuffled.y.sort(1).values, both.y.sort(1).values)
    assert isinstance(compose.swap(both), Draw)


@pytest.mark.parametrize("name", sorted(presets.PRESETS))
def test_presets_draw_finite_batches_in_their_range(name):
    preset = presets.PRESETS[name]
    seen = set()
    for seed in range(40):
        draw = presets.draw_batch(preset, Rng(seed), budget=10.0)
        n, dx, dy = draw.x.shape[1], draw.x.shape[2], draw.y.shape[2]
        largest = preset.n_max_bivariate if dx == dy == 1 else preset.n_max
        assert 8 <= n <= largest and max(dx, dy) <= preset.d_max
        assert draw.x.isfinite().all() and draw.y.isfinite().all()
        assert (draw.mi >= 0).all() and draw.mi.isfinite().all()
        seen.add((dx == dy, min(dx, dy) == 1))
    assert len(seen) > 1 or name in ("paper", "pairs")
    assert ((True, True) in seen) == (preset.bivariate > 0)


def test_streams_are_reproducible():
    one, two = (presets.draw_batch(presets.PRESETS["general"], Rng(7)) for _ in range(2))
    assert torch.equal(one.x, two.x) and torch.equal(one.mi, two.mi)


def test_rounding_keeps_strong_dependence_and_little_changes():
    draw = elliptical.sample(Rng(1), 30, 400, 1, 1)
    coarse = compose.rounded(Rng(3), draw)
    assert torch.equal(coarse.mi, draw.mi)
    strong = draw.mi > compose.ROUNDABLE
    assert strong.any() and torch.equal(coarse.x[strong], draw.x[strong])
    moved = (coarse.x - draw.x).abs().max() + (coarse.y - draw.y).abs().max()
    assert 0 < float(moved) < 0.15
    assert len(coarse.x[~strong][0].unique()) < 400 or len(coarse.y[~strong][0].unique()) < 400


def test_rounding_is_finer_where_one_pair_of_columns_may_hold_everything():
    """Steps stay small beside e^-MI, the conditional spread of a pair that holds all of it."""
    pair = elliptical.bivariate(Rng(4), 60, 300)
    rng = Rng(5)
    sides = [torch.cat([v, rng.normal(60, 300, 5)], -1) for v in (pair.x, pair.y)]
    coarse = compose.rounded(Rng(6), Draw(*sides, pair.mi))
    steps = zip((coarse.x, coarse.y), sides, strict=True)
    moved = torch.stack([(a - b)[..., 0].abs().amax(1) for a, b in steps]).amax(0)
    assert (moved > 0).all() and pair.mi.max() > 3
    assert (moved <= 0.06 * torch.exp(-(pair.mi - compose.ROUNDABLE).clamp_min(0))).all()


def test_single_precision_makes_no_ties():
    """Of 10,000 uniform numbers of 24 bits some are equal as a rule."""
    x = torch.rand(4, 10_000, 2, generator=torch.Generator().manual_seed(0))
    assert (x.sort(1).values.diff(dim=1) == 0).any() and not has_ties(x)
    assert has_ties(torch.where(x < 0.02, 0.0, x)) and has_ties(x[:, :20].round())


def test_information_of_normal_pairs_is_spread_without_steps():
    draw = elliptical.bivariate(Rng(2), 4, 200_000)
    for x, y, mi in zip(draw.x[..., 0], draw.y[..., 0], draw.mi, strict=True):
        rho = torch.corrcoef(torch.stack([x, y]).double())[0, 1]
        assert -0.5 * torch.log1p(-(rho**2)) == pytest.approx(float(mi), abs=0.01)
    mi = elliptical.bivariate(Rng(3), 1_000_000, 1).mi
    assert 0 < mi.min() and 4.9 < mi.max() < 7
    density = torch.histc(mi, 30, 0.0, 3.0)
    ratio = density[1:] / density[:-1]
    assert ratio[1:].min() > 0.7 and ratio.max() < 1.05  # it was 0.4 at 0.6 nats once
