"""Features of the network against independent computations, and their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skmist.baselines import ksg_mi
from skmist.core import (
    CoreConfig,
    MISTNetwork,
    bivariate,
    critic,
    elliptical,
    grids,
    neighbours,
    plugin,
    regression,
    scores,
    windows,
)


def test_mid_ranks_agree_with_scipy():
    x = torch.tensor([[[3.0, 1.0, 3.0, 2.0, 3.0, 1.0]]])
    ranks, ties, order = scores.doubled_ranks(x)
    assert float(ties) == pytest.approx(3 / 5)
    assert (x[0, 0, order[0, 0]].diff() >= 0).all()
    np.testing.assert_array_equal(ranks[0, 0] / 2 + 1, stats.rankdata(x[0, 0]))


def test_ranks_without_ties():
    x = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    ranks, ties, _ = scores.doubled_ranks(x)
    assert not ties.any()
    np.testing.assert_array_equal(ranks / 2 + 1, stats.rankdata(x, axis=-1))


def test_values_in_order():
    """As torch sorts them, without touching them, and with the gradient where there is one."""
    x = torch.randn(3, 4, 50, generator=torch.Generator().manual_seed(1))
    part = x[:, 1:3, ::2]  # neither contiguous nor to be changed
    before = part.clone()
    torch.testing.assert_close(scores.in_order(part), part.sort(-1).values, rtol=0, atol=0)
    torch.testing.assert_close(part, before, rtol=0, atol=0)
    whole = torch.randint(9, (2, 30), generator=torch.Generator().manual_seed(2))
    assert scores.in_order(whole).tolist() == whole.sort(-1).values.tolist()
    assert whole.gather(1, scores.argsort(whole)).tolist() == whole.sort(-1).values.tolist()
    x.requires_grad_()
    weights = torch.arange(50.0)
    (scores.in_order(x) * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights.expand_as(x).gather(-1, x.argsort(-1).argsort(-1)))


@pytest.mark.parametrize("df", elliptical.DEGREES)
def test_student_scores_are_quantiles(df):
    n = 40
    u = (np.arange(2 * n - 1) + 1) / (2 * n)
    np.testing.assert_allclose(scores.student_table(n, df), stats.t.ppf(u, df), atol=1e-9)


def test_basis_is_standardised_and_has_parity():
    table = scores.basis_table(60)
    np.testing.assert_allclose(table[:, ::2].mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(table[:, ::2].std(1, correction=0), 1, atol=1e-12)
    odd, even = table[: scores.N_ODD], table[scores.N_ODD :]
    np.testing.assert_allclose(odd, -odd.flip(1), atol=1e-12)
    np.testing.assert_allclose(even, even.flip(1), atol=1e-12)


def test_gaussian_bias_is_that_of_simulated_estimates():
    n, dx, dy = 30, 3, 2
    z = np.random.default_rng(0).normal(size=(4000, n, dx + dy))
    z -= z.mean(1, keepdims=True)
    s = np.einsum("bni,bnj->bij", z, z)
    log_det = [np.linalg.slogdet(p)[1] for p in (s[:, :dx, :dx], s[:, dx:, dx:], s)]
    estimates = 0.5 * (log_det[0] + log_det[1] - log_det[2])
    error = estimates.std() / 4000**0.5
    assert abs(estimates.mean() - elliptical.gaussian_bias(n, dx, dy)) < 4 * error


def test_student_excess_agrees_with_scipy_entropies():
    entropy = [stats.multivariate_t(np.zeros(d), np.eye(d), df=3).entropy() for d in (2, 1, 3)]
    expected = entropy[0] + entropy[1] - entropy[2]
    assert elliptical.student_excess(3.0, 2, 1) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("m", [1, 48, 49, 110, 160])
def test_inverse_factors_whiten(m):
    """Whatever the size of the blocks, and with a gradient."""
    a = torch.randn(2, m, m + 5, generator=torch.Generator().manual_seed(m), dtype=torch.float64)
    matrix = (a @ a.transpose(1, 2) / m).requires_grad_()
    inverse = elliptical.inverse_factor(elliptical.cholesky(matrix))
    eye = torch.eye(m, dtype=torch.float64).expand(2, -1, -1)
    torch.testing.assert_close(inverse @ matrix @ inverse.transpose(1, 2), eye)
    assert float(inverse.detach().triu(1).abs().max()) == 0
    # log det is that of the matrix, whose gradient is its inverse
    inverse.diagonal(dim1=1, dim2=2).log().sum().mul(-2).backward()
    torch.testing.assert_close(matrix.grad @ matrix.detach(), eye)


def test_student_models_at_once_are_each_by_itself(monkeypatch):
    z = [torch.randn(2, 7, 40, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    at_once = elliptical.elliptical_features(z[0], z[1:], 3)
    monkeypatch.setattr(elliptical, "FEW_CELLS", 0)
    one_by_one = elliptical.elliptical_features(z[0], z[1:], 3)
    for name in ("anchors", "evidence", "rows"):
        torch.testing.assert_close(getattr(at_once, name), getattr(one_by_one, name))


def test_neighbour_estimates_agree_with_ksg():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 1))
    y = 0.8 * x + 0.6 * rng.normal(size=(300, 1))
    z = stats.norm.ppf((stats.rankdata(np.hstack([x, y]), axis=0) - 0.5) / 300)
    local, _ = neighbours.neighbour_features(torch.tensor(z.T[None]), 300, 1)
    for value, k in zip(local[0, :, 2::3].mean(0), neighbours.NEIGHBOURS, strict=True):
        expected = ksg_mi(z[:, :1], z[:, 1:], n_neighbors=k)
        assert float(value) == pytest.approx(expected, abs=5e-3)  # distances of ranks often tie


def test_neighbourhoods_do_not_depend_on_how_queries_are_divided(monkeypatch):
    z = torch.randn(3, 4, 700, generator=torch.Generator().manual_seed(0))
    for dx, tied in ((2, False), (3, False), (1, True)):
        rows = z.round() if tied else z
        whole = neighbours.neighbour_features(rows, 300, dx, tied)
        monkeypatch.setattr(neighbours, "CACHED_VALUES", 50 * 700)
        for a, b in zip(neighbours.neighbour_features(rows, 300, dx, tied), whole, strict=True):
            torch.testing.assert_close(a, b)
        monkeypatch.undo()


def test_control_variates_bring_means_of_few_rows_nearer_to_those_of_all():
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(200, 3000, 5, generator=generator)
    noise = 0.3 * torch.randn(200, 3000, 2, generator=generator)
    ratios = rows @ torch.randn(5, 2, generator=generator) + 0.1 * rows[..., :1].square() + noise
    truth = ratios.mean(1)
    plain = (ratios[:, :200].mean(1) - truth).std(0)
    corrected = neighbours.mean_over_rows(ratios[:, :200], rows, torch.arange(200)) - truth
    assert (corrected.std(0) < 0.4 * plain).all()
    assert (corrected.mean(0).abs() < 0.01).all()
    torch.testing.assert_close(neighbours.mean_over_rows(ratios, rows, torch.arange(3000)), truth)


def test_neighbourhoods_of_very_many_rows_are_those_of_their_parts():
    """Twice the rows of a part or more: queries of each part, among its own rows."""
    z = torch.randn(2, 5, 1000, generator=torch.Generator().manual_seed(2))
    local, dimensions, place = neighbours.neighbours_in_parts(z, 120, 2, False, 300)
    assert local.shape == (2, 120, neighbours.N_LOCAL)
    assert place.tolist() == [i + j for i in (0, 333, 666) for j in range(40)]
    parts = [
        neighbours.neighbour_features(z[..., i : i + 333], 40, 2, False) for i in (0, 333, 666)
    ]
    torch.testing.assert_close(local, torch.cat([p[0] for p in parts], 1))
    torch.testing.assert_close(dimensions, torch.stack([p[1] for p in parts]).mean(0))
    whole, _, place = neighbours.neighbours_in_parts(z, 120, 2, False, 501)
    torch.testing.assert_close(whole, neighbours.neighbour_features(z, 120, 2, False)[0])
    assert place.tolist() == list(range(120))


def test_time_of_neighbourhoods_grows_no_more_than_rows(monkeypatch):
    """Parts beyond the most are left out, queries stay as many."""
    monkeypatch.setattr(neighbours, "MOST_PARTS", 4)
    z = torch.randn(1, 3, 2000, generator=torch.Generator().manual_seed(3))
    local, _, place = neighbours.neighbours_in_parts(z, 160, 1, False, 200)
    assert local.shape[1] == 160 and place.max() < 1600 and place.max() >= 1500


@pytest.mark.parametrize(("d", "columns"), [(1, 6), (2, 9), (3, 3)])
def test_local_dimension_is_that_of_the_surface(d, columns):
    rng = torch.Generator().manual_seed(d)
    u = torch.randn(1, 3000, d, generator=rng)
    x = u if columns == d else torch.sin(u @ torch.randn(d, columns, generator=rng))
    distances = neighbours.squared_distances(x.transpose(1, 2)[..., :100], x.transpose(1, 2))
    nearest = distances.topk(13, largest=False).values[..., 1:]
    assert float(neighbours.local_dimension(nearest).exp()) == pytest.approx(d, rel=0.15)


@pytest.mark.parametrize("columns", [1, 2, 3, 20])
def test_equal_rows_are_at_no_distance_where_that_is_asked_for(columns):
    rng = torch.Generator().manual_seed(columns)
    z = torch.randn(2, columns, 30, generator=rng).repeat(1, 1, 2)
    z[:, :, :5] = torch.tensor([-6.0, 6.0])[:, None, None]  # far out, where rounding is coarsest
    distances = neighbours.squared_distances(z[..., :40], z, exact=True)
    expected = torch.cdist(
        z[..., :40].transpose(1, 2).double(), z.transpose(1, 2).double()
    ).square()
    assert torch.allclose(distances, expected.float(), rtol=1e-6, atol=1e-10)
    assert distances[:, torch.arange(5, 30), torch.arange(35, 60)].max() < 1e-12
    assert distances.min() >= 0


def test_additive_features_find_sums_of_curved_columns():
    rng = torch.Generator().manual_seed(0)
    n, rho = 4000, 0.9
    u = torch.randn(1, n, 1, generator=rng)
    v = rho * u + math.sqrt(1 - rho**2) * torch.randn(1, n, 1, generator=rng)
    sides = []
    for shared in (u, v):
        skewed = torch.randn(1, n, 6, generator=rng).exp()
        sides.append(torch.cat([skewed, 3 * shared - 0.5 * skewed.sum(-1, keepdim=True)], -1))
    f = MISTNetwork(CoreConfig()).features(*sides)
    truth = -0.5 * math.log(1 - rho**2)
    gaussian = float(f.anchors[0, 3])
    additive = float(f.anchors[0, -1 - regression.N_ANCHORS])
    assert gaussian < truth / 2
    assert additive == pytest.approx(truth, abs=0.1)


def test_additive_features_against_numpy():
    """With one function of each column and no shrinkage they are canonical correlations."""
    rng = np.random.default_rng(3)
    n, dx, k = 500, 2, len(critic.ADDITIVE)
    phi = rng.normal(size=(5, scores.N_BASIS, n))
    phi[2:4] += 0.8 * phi[:2]
    phi = (phi - phi.mean(-1, keepdims=True)) / phi.std(-1, keepdims=True)
    _, anchors = critic.additive_features(torch.tensor(phi[None]), dx)
    used = phi[:, list(critic.ADDITIVE)].reshape(5 * k, n)
    log_det = [
        np.linalg.slogdet(np.corrcoef(part))[1] for part in (used[: dx * k], used[dx * k :], used)
    ]
    expected = 0.5 * (log_det[0] + log_det[1] - log_det[2])
    expected -= elliptical.gaussian_bias(n, dx * k, 3 * k)
    assert float(anchors[0, 1]) == pytest.approx(expected, rel=0.03)


def test_plug_in_entropy():
    labels = torch.tensor([[[0.0, 0, 1, 1, 2, 2, 2, 2], [0.0, 1, 0, 1, 0, 1, 0, 1]]])
    ranks, _, _ = scores.doubled_ranks(labels)
    entropies = plugin.plugin_entropies(ranks, 1, True)[0]
    expected = [1.5 * math.log(2), math.log(2), 2.5 * math.log(2)]
    np.testing.assert_allclose(entropies, expected, rtol=1e-6)


@pytest.mark.parametrize(("n", "dx", "dy"), [(10, 32, 32), (8, 1, 1), (12, 40, 2), (64, 1, 30)])
def test_few_rows_and_many_columns_stay_bounded(n, dx, dy):
    rng = torch.Generator().manual_seed(n)
    x = torch.randn(4, n, dx, generator=rng)
    y = torch.randn(4, n, dy, generator=rng)
    torch.manual_seed(0)
    network = MISTNetwork(CoreConfig()).requires_grad_(False)
    f = network.features(x, y)
    assert (f.anchors <= 60).all() and (f.anchors >= 0).all()
    for part in vars(f).values():
        if torch.is_tensor(part):
            assert part.isfinite().all() and part.abs().max() <= 60
    assert network.predict(f).values.isfinite().all()


def test_duplicates_constants_and_perfect_dependence_are_finite():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1, 100, 3, generator=rng)
    x = torch.cat([x, x[..., :1], torch.ones(1, 100, 1)], -1)
    network = MISTNetwork(CoreConfig()).requires_grad_(False)
    for y in (x, x[..., :1], torch.ones(1, 100, 1), (x[..., :1] > 0).float()):
        assert network(x, y).values.isfinite().all()


def test_every_parameter_has_a_gradient():
    torch.manual_seed(0)
    network = MISTNetwork(CoreConfig(width=16, head_width=32, row_width=8, bivariate_width=16))
    x = torch.randn(3, 40, 3)
    y = x[..., :2] + torch.randn(3, 40, 2)
    long = torch.randn(2, windows.FEWEST_ROWS, 1)
    many_rows = network(long, long + torch.randn(2, windows.FEWEST_ROWS, 1))
    classes = network(x, (y > 0).float())
    for dist in (network(x, y), classes, network(x[..., :1], y[..., :1]), many_rows):
        (dist.latent.square().sum() + dist.mean().sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_kernel_estimates_bracket_the_truth():
    rng = torch.Generator().manual_seed(0)
    rho, n = 0.8, 4000
    x = torch.randn(1, n, generator=rng)
    y = rho * x + math.sqrt(1 - rho**2) * torch.randn(1, n, generator=rng)
    network = MISTNetwork(CoreConfig())
    anchors = network.features(x.unsqueeze(-1), y.unsqueeze(-1)).anchors[0]
    truth = -0.5 * math.log(1 - rho**2)
    k = len(grids.BANDWIDTHS)
    without, with_it = anchors[:k], anchors[k : 2 * k]
    assert (without < with_it).all()
    assert with_it[0] > truth and without[0] < truth
    assert float(without.max()) == pytest.approx(truth, abs=0.05)
    histogram = anchors[2 * k + 1]  # nine cells along each axis
    table = np.histogram2d(*(stats.rankdata(v[0]) for v in (x, y)), bins=9)[0] / n
    margins = np.outer(table.sum(1), table.sum(0))
    plug_in = stats.entropy(table.ravel(), margins.ravel())
    occupied = (table > 0).sum()
    assert float(histogram) == pytest.approx(plug_in - (occupied - 17) / (2 * n), abs=5e-3)


def test_spacings_see_what_no_grid_resolves():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2000, 1, generator=rng)
    y = x + 0.01 * torch.randn(1, 2000, 1, generator=rng)
    truth = -math.log(0.01)
    anchors = MISTNetwork(CoreConfig()).features(x, y).anchors[0]
    spacing = anchors[grids.N_ESTIMATES + 2 + len(elliptical.DEGREES)]
    assert float(spacing) == pytest.approx(truth, abs=0.7)


def curve(n, rng):
    """Return a wave with Gaussian noise and a wave with uniform noise, and their information."""
    x = torch.rand(2, n, 1, generator=rng, dtype=torch.float64)
    wave = torch.sin(9 * x)
    noise = torch.cat(
        [0.06 * torch.randn(1, n, 1, generator=rng), 0.1 * torch.rand(1, n, 1, generator=rng)]
    )
    entropies = 0.5 * math.log(2 * math.pi * math.e * 0.06**2), math.log(0.1)
    truth = []
    for y, entropy in zip(wave + noise, entropies, strict=True):
        density, edges = np.histogram(y.numpy(), 100, density=True)
        truth.append(stats.entropy(density / density.sum()) + math.log(np.diff(edges)[0]) - entropy)
    return x, wave + noise, torch.tensor(truth)


def test_windows_bracket_the_information_in_a_curve_with_noise():
    x, y, truth = curve(100_000, torch.Generator().manual_seed(0))
    f = MISTNetwork(CoreConfig()).features(x, y)
    windowed = f.anchors[:, -windows.N_ESTIMATES :].view(2, 2, len(windows.SIZES), 2)
    with_line = windowed[:, :, 1, 1]  # of the middle size: (2, inner and whole)
    assert with_line[0, 1] < truth[0] < with_line[0, 0]  # long tails, and beyond them less
    torch.testing.assert_close(with_line[1, 0], truth[1].float(), atol=0.06, rtol=0)
    torch.testing.assert_close(windowed.mean((1, 2, 3)), truth.float(), atol=0.1, rtol=0)


def test_windows_are_the_same_from_either_end_and_read_so_many_rows():
    rng = torch.Generator().manual_seed(0)
    n = 2 * windows.MOST_ROWS + 77
    ranks = 2 * torch.randperm(n, generator=rng)[None]
    found = windows.window_estimates(ranks)
    assert found.shape == (1, windows.N_ESTIMATES) and found.abs().max() < 0.25
    for other in (ranks.flip(1), 2 * (n - 1) - ranks):
        torch.testing.assert_close(windows.window_estimates(other), found, atol=1e-4, rtol=0)


def test_few_rows_and_labels_have_no_windows():
    network = MISTNetwork(CoreConfig())
    x = torch.randn(1, windows.FEWEST_ROWS, 1)
    assert network.features(x, x).fine is not None
    assert network.features(x[:, 1:], x[:, 1:]).fine is None
    assert network.features(x, (x > 0).float(), labels=(False, True)).fine is None


@torch.no_grad()
def test_windows_have_no_weight_where_there_are_none():
    torch.manual_seed(0)
    network = MISTNetwork(CoreConfig())
    samples = [torch.randn(2, 3, n, 1) for n in (200, windows.FEWEST_ROWS)]
    before = [network(*sample).latent for sample in samples]
    last = slice(bivariate.N_COARSE, bivariate.N_ANCHORS)
    network.bivariate.head.out.bias[last] += 20
    few, many = (network(*sample).latent for sample in samples)
    assert torch.equal(few, before[0]) and not torch.allclose(many, before[1])


def test_critic_sees_an_interaction_and_no_more():
    rng = torch.Generator().manual_seed(0)
    signs = torch.randn(6, 1000, 3, generator=rng)
    y = torch.randn(6, 1000, 1, generator=rng)
    xor = signs[..., :1].sign() * signs[..., 1:2].sign() + 0.3 * y

    def likelihood(target):
        columns = torch.cat([signs[..., :2], target], -1).transpose(1, 2).contiguous()
        z = columns / columns.std(2, keepdim=True)
        marks = z[..., :64]
        distances = [
            neighbours.squared_distances(marks[:, part], z[:, part])
            for part in (slice(None, 2), slice(2, None))
        ]
        return critic.critic_features(*distances)

    assert likelihood(xor).anchors[:, 0].min() > 0.25
    independent = likelihood(y)
    assert independent.anchors[:, 0].abs().max() < 0.02
    assert independent.evidence[:, 0].abs().max() < 0.3  # free of bias


@pytest.mark.parametrize("distinct", [50, 10**7])
@pytest.mark.parametrize("n", [5, 13, 30, 512, 513, 831, 2000, 20_000])
def test_smallest_values(n, distinct):
    source = torch.Generator().manual_seed(n)
    values = torch.randint(0, distinct, (3, 7, n), generator=source).float()
    k = min(13, n)
    expected = values.sort(-1).values[..., :k]
    before = values.clone()
    assert torch.equal(neighbours.smallest(values, k), expected)
    assert torch.equal(values, before)
