"""The exact mutual information of the held-out families, against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal, stats

from skmist._training.heldout import (
    FAMILIES,
    PAIRS,
    directions,
    dynamics,
    elliptical,
    frailty,
    partitions,
    regressions,
)
from skmist._training.heldout.law import entropy, table_mi
from skmist.baselines import ksg_mi

SMALL = {
    "gammas with a common smooth rate": lambda r: frailty.smooth_frailty(r, (1, 1)),
    "gammas with one of a few rates": lambda r: frailty.few_rates(r, (2, 1)),
    "power-exponential vectors": lambda r: elliptical.power_vectors(r, (2, 1)),
    "normal vectors of random scale": lambda r: elliptical.gamma_scale_vectors(r, (1, 1)),
    "waves of a noisy phase": lambda r: directions.waves(r, (1, 1)),
    "angles on a torus": lambda r: directions.torus(r, (True, True)),
    "hidden states": lambda r: dynamics.hidden_states(r, (2, 1)),
    "windows of a time series": lambda r: dynamics.windows(r, (1, 1)),
    "networks of several outputs": lambda r: regressions.networks(r, (1, 2)),
    "durations": lambda r: regressions.durations(r, 1),
    "parts of an ordered sample": lambda r: partitions.ordered(r, (1, 1)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", [0, 1])
def test_few_columns_against_neighbours(name, seed):
    """In few dimensions and with many rows, a nearest-neighbour estimate is close to the truth."""
    rng = np.random.default_rng(seed)
    law = SMALL[name](rng)
    x, y = law.sample(rng, 8000)
    assert law.mi == pytest.approx(ksg_mi(x, y), abs=0.03 + 0.04 * law.mi)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples(name):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        law = FAMILIES[name](rng)
        x, y = law.sample(rng, 50)
        assert x.ndim == y.ndim == 2 and len(x) == len(y) == 50
        assert np.isfinite(x).all() and np.isfinite(y).all()
        assert math.isfinite(law.mi) and law.mi > -0.01


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_have_one_column_on_each_side(name):
    rng = np.random.default_rng(0)
    x, y = PAIRS[name](rng).sample(rng, 40)
    assert x.shape == y.shape == (40, 1)


@pytest.mark.parametrize("a", [0.7, 1.0, 5.5])
def test_frailty_densities_have_mass_one(a):
    for log_g in (
        frailty.inverse_gaussian(0.4, 0.8),
        frailty.states(np.array([1.0, 20.0]), np.array([0.3, 0.7])),
    ):
        s = np.exp(frailty.LOGS)
        density = a * frailty.LOGS - math.lgamma(a) + log_g(a, s)
        mass = np.exp(density).sum() * (frailty.LOGS[1] - frailty.LOGS[0])
        assert mass == pytest.approx(1, abs=1e-6)


def test_one_rate_shares_nothing():
    log_g = frailty.states(np.array([3.0]), np.array([1.0]))
    assert frailty.shared_rate_mi(log_g, 1.3, 2.0) == pytest.approx(0, abs=1e-8)


def test_gamma_rate_gives_pareto():
    """With V gamma of shape c, X and y have the closed form of an inverted Dirichlet vector."""
    c, ax, ay = 2.5, 1.4, 0.8

    def log_g(a, s):
        return math.lgamma(a + c) - math.lgamma(c) - (a + c) * np.log1p(s)

    def expected(a):
        return math.lgamma(a + c) - math.lgamma(c) - (a + c) * (
            stats.betaprime(a, c).expect(np.log1p)
        )  # fmt: skip

    exact = expected(ax + ay) - expected(ax) - expected(ay)
    assert frailty.shared_rate_mi(log_g, ax, ay) == pytest.approx(exact, abs=1e-5)


def test_the_power_one_is_normal():
    log_g = elliptical.power_exponential(1.0, 5)
    assert elliptical.spherical_mi(log_g, 3, 2) == pytest.approx(0, abs=1e-4)
    assert elliptical.radial_entropy(log_g(3), 3) == pytest.approx(
        1.5 * math.log(2 * math.pi * math.e), abs=1e-4
    )


def test_variance_gamma_of_one_column_is_laplace():
    log_g = elliptical.variance_gamma(1.0)
    exact = stats.laplace(scale=math.sqrt(0.5)).entropy()
    assert elliptical.radial_entropy(log_g(1), 1) == pytest.approx(exact, abs=1e-4)


def test_contaminated_normal_vectors():
    """The mean log density ratio over draws, with SciPy's densities."""
    scales, weights = np.array([1.0, 6.0]), np.array([0.7, 0.3])
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40_000, 5)) * rng.choice(scales, size=(40_000, 1), p=weights)

    def log_density(v):
        d = v.shape[1]
        parts = [
            w * stats.multivariate_normal(np.zeros(d), s**2 * np.eye(d)).pdf(v)
            for s, w in zip(scales, weights, strict=True)
        ]
        return np.log(sum(parts))

    ratio = log_density(z) - log_density(z[:, :3]) - log_density(z[:, 3:])
    exact = elliptical.spherical_mi(elliptical.contaminated(scales, weights), 3, 2)
    assert ratio.mean() == pytest.approx(exact, abs=4.5 * ratio.std() / 200)


def test_wrapped_cauchy():
    angle, density = np.linspace(-np.pi, np.pi, 20_001), 0.6
    p = stats.wrapcauchy(density).pdf(angle % (2 * np.pi))
    h = -np.trapezoid(p * np.log(p), angle)
    exact = directions.wrapped_cauchy_mi(density)
    assert exact == pytest.approx(math.log(2 * np.pi) - h, abs=1e-6)


@pytest.mark.parametrize("d", [3, 5])
def test_directions_on_a_sphere(d):
    kappa = 7.0
    fisher = stats.vonmises_fisher(np.eye(d)[0], kappa)
    area = math.log(2 * np.pi ** (d / 2) / math.gamma(d / 2))
    exact = directions.von_mises_fisher_mi(d, kappa)
    assert exact == pytest.approx(area - fisher.entropy(), abs=1e-8)
    cosines = directions._cosines(np.random.default_rng(0), 50_000, d, kappa)
    rows = fisher.rvs(50_000, random_state=1)[:, 0]
    assert stats.ks_2samp(cosines, rows).pvalue > 1e-3


def test_hidden_states_that_show_are_a_table():
    rng = np.random.default_rng(0)
    table = np.array([[0.5, 0.1], [0.05, 0.35]])
    emissions = []
    for _ in range(2):
        e = dynamics.Emission(rng, 2, 1)
        e.is_gamma, e.scale, e.place = np.array([False]), np.ones((2, 1)), np.array([[0.0], [60.0]])
        emissions.append(e)
    assert dynamics.hidden_mi(rng, table, *emissions) == pytest.approx(table_mi(table), abs=0.01)


def test_windows_have_the_covariance_of_the_series():
    root = 0.8 * np.exp(0.9j)
    exact = dynamics.autocovariance(root, 0.0, 4)
    noise = np.random.default_rng(0).normal(size=200_000)
    v = signal.lfilter([1.0], [1.0, -2 * root.real, abs(root) ** 2], noise)[1000:]
    found = [np.mean(v[: len(v) - h] * v[h:]) for h in range(4)]
    np.testing.assert_allclose(np.array(found) / found[0], exact, atol=0.02)


def test_noisy_outputs_of_a_linear_map():
    w = np.random.default_rng(1).normal(size=(2, 2))
    found = regressions.noisy_outputs_mi(
        np.random.default_rng(0), lambda r, n: r.normal(size=(n, 2)), lambda x: x @ w, 0.5
    )
    exact = 0.5 * np.linalg.slogdet(np.eye(2) + w.T @ w / 0.25)[1]
    assert found == pytest.approx(exact, abs=0.05)


def test_mutual_information_of_noisy_outputs():
    """Of a linear function of normal columns: without bias, and as exact as labels have to be."""
    exact = 0.5 * sum(math.log1p(s**2 / 0.25) for s in (1.0, 0.5))
    found = [
        regressions.noisy_outputs_mi(
            np.random.default_rng(seed),
            lambda rng, n: rng.normal(size=(n, 2)),
            lambda x: x * [1.0, 0.5],
            0.5,
        )
        for seed in range(20)
    ]
    assert np.std(found) < 0.02
    assert np.mean(found) == pytest.approx(exact, abs=0.015)


def test_entropy_of_sums():
    noise = stats.norm(scale=0.7)
    found = regressions.sum_entropy(1.3 * regressions.NODES, noise)
    exact = stats.norm(scale=math.hypot(1.3, 0.7)).entropy()
    assert found == pytest.approx(exact, abs=2e-3)


def test_counts():
    """The mutual information of the table of counts in many cells of equal probability."""
    scale, size, base = 0.9, 2.0, 1.0
    mean = np.exp(base + scale * regressions.NODES)[:, None]
    p = stats.nbinom.pmf(np.arange(3000), size, size / (size + mean)) / len(mean)
    assert regressions.count_mi(scale, size, base) == pytest.approx(table_mi(p), abs=2e-3)


@pytest.mark.parametrize(("k", "m"), [(1, 2), (2, 5), (6, 9)])
def test_ordered_samples(k, m):
    """The integral of the joint density of two neighbouring order statistics."""
    g = (np.arange(1500) + 0.5) / 1500
    u, v = g[:, None], g
    constant = math.gamma(m + 1) / math.gamma(k) / math.gamma(m - k)
    p = np.where(u < v, constant * u ** (k - 1) * (1 - v) ** (m - k - 1), 0.0) / len(g) ** 2
    p[np.diag_indices(len(g))] = constant / 2 * g ** (k - 1) * (1 - g) ** (m - k - 1) / len(g) ** 2
    assert partitions.order_mi(k, m) == pytest.approx(table_mi(p / p.sum()), abs=0.01)


def test_bits_by_their_frequencies():
    rng = np.random.default_rng(0)
    law = partitions.spins(rng, (3, 2))
    x, y = law.sample(rng, 60_000)
    codes = [(v > 0) @ 2 ** np.arange(v.shape[1]) for v in (x, y)]
    table = np.zeros((8, 4))
    np.add.at(table, tuple(codes), 1 / len(x))
    assert law.mi == pytest.approx(table_mi(table), abs=0.005)


def test_labels_of_regions_that_are_always_right():
    rng = np.random.default_rng(0)
    law = partitions.regions(rng, 2)
    _, y = law.sample(rng, 60_000)
    share = np.bincount(y[:, 0].astype(int)) / len(y)
    assert 0 < law.mi < entropy(np.log(share))
