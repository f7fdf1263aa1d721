"""The benchmark suites: mutual information by formula against Monte Carlo and published values."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import ks_2samp, multivariate_normal, multivariate_t, norm

from benchmarks import bmi40, gaussian, mtest
from benchmarks import distributions as D

N = 40_000


def assert_mean_is(values, expected):
    """The mean must lie within four and a half standard errors."""
    assert values.mean() == pytest.approx(expected, abs=4.5 * values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("structure", ["dense", "sparse", "lvm", "2pair"])
@pytest.mark.parametrize("d", [2, 5])
def test_normal_mi_is_the_mean_log_density_ratio(structure, d):
    rng = D.stream("test-normal", structure, d)
    params = mtest.draw_parameters(rng, f"normal-{structure}", d)
    x, y = mtest.sample(rng, params, "base", N)
    cov = params["dispersion"]
    ratio = (
        multivariate_normal(cov=cov).logpdf(np.hstack([x, y]))
        - multivariate_normal(cov=cov[:d, :d]).logpdf(x)
        - multivariate_normal(cov=cov[d:, d:]).logpdf(y)
    )
    assert_mean_is(ratio, params["mi"])


@pytest.mark.parametrize("structure", ["dense", "sparse", "2pair"])
@pytest.mark.parametrize("d", [2, 5])
def test_student_mi_is_the_mean_log_density_ratio(structure, d):
    rng = D.stream("test-student", structure, d)
    params = mtest.draw_parameters(rng, f"student-{structure}", d)
    x, y = mtest.sample(rng, params, "base", N)
    cov, df = params["dispersion"], params["df"]
    ratio = (
        multivariate_t(shape=cov, df=df).logpdf(np.hstack([x, y]))
        - multivariate_t(shape=cov[:d, :d], df=df).logpdf(x)
        - multivariate_t(shape=cov[d:, d:], df=df).logpdf(y)
    )
    assert_mean_is(ratio, params["mi"])


@pytest.mark.parametrize("eps", [0.1, 0.5, 0.75, 2.0])
def test_additive_mi_is_the_mean_log_density_ratio(eps):
    x, y = D.sample_additive_uniform(D.stream("test-additive", int(100 * eps)), eps, N)
    density_of_y = (np.minimum(y + eps, 1) - np.maximum(y - eps, 0)) / (2 * eps)
    assert_mean_is(-np.log(2 * eps) - np.log(density_of_y), D.additive_uniform_mi(eps))


def test_latent_correlation_is_that_of_its_latents():
    rng = D.stream("test-latent")
    n, dx, dy, k, s, a, b, e = 200_000, 3, 4, 2, 1.5, 0.7, 1.2, 2.0
    pairs = rng.normal(size=(n, k))
    common = a * rng.normal(size=(n, 1))
    sides = []
    for d in (dx, dy):
        z = rng.normal(size=(n, d)) + common + b * rng.normal(size=(n, 1))
        z[:, :k] += s * pairs
        z[:, k:] += e * rng.normal(size=(n, d - k))
        sides.append(z)
    expected = D.latent_correlation(dx, dy, k, s, shared=a, within=b, extra=e)
    np.testing.assert_allclose(np.corrcoef(np.hstack(sides).T), expected, atol=0.012)


def test_student_entropy_tends_to_the_normal_one_and_is_exact_for_cauchy():
    assert D.student_entropy(3, 1e7) == pytest.approx(1.5 * np.log(2 * np.pi * np.e), abs=1e-4)
    assert D.student_entropy(1, 1) == pytest.approx(np.log(4 * np.pi))


@pytest.mark.parametrize("kind", sorted(D.MONOTONE))
def test_transformations_of_columns_increase_strictly(kind):
    z = np.linspace(-5, 5, 4001)
    for transformation in D.MONOTONE[kind]:
        assert (np.diff(transformation(z)) > 0).all()


def test_spiral_keeps_lengths_and_is_undone_by_the_opposite_speed():
    z = D.stream("test-spiral").normal(size=(50, 4))
    turned = D.spiral(z, 1, 2, 0.7)
    np.testing.assert_allclose((turned**2).sum(1), (z**2).sum(1))
    np.testing.assert_allclose(D.spiral(turned, 1, 2, -0.7), z, atol=1e-12)
    np.testing.assert_array_equal(turned[:, [0, 3]], z[:, [0, 3]])
    # a quarter turn takes the first axis to the second
    np.testing.assert_allclose(
        D.spiral(np.array([[1.0, 0.0]]), 0, 1, np.pi / 2), [[0, 1]], atol=1e-9
    )


def test_mixture_quantile_inverts_the_mixture_distribution():
    q = np.array([-2.0, 0.0, 2.5, 6.0])
    u = 0.3 * norm.cdf(q) + 0.7 * norm.cdf(q - 5)
    np.testing.assert_allclose(D.normal_mixture_quantile(u, (0.3, 0.7), (0, 5)), q, atol=1e-8)


def test_swiss_roll_keeps_its_angle():
    u = np.linspace(0.01, 0.99, 99)[:, None]
    radius = 21 * np.linalg.norm(D.swiss_roll(u), axis=1)
    np.testing.assert_allclose((radius / (1.5 * np.pi) - 1) / 2, u[:, 0])


# True MI, rounded, of Czyż et al. (2023), figure 2.
PUBLISHED = {
    "Bivariate normal 1x1": 0.41,
    "Additive uniform 1x1 (eps=0.1)": 1.71,
    "Additive uniform 1x1 (eps=0.75)": 0.33,
    "Student 1x1 (df=1)": 0.22,
    "Swiss roll 2x1": 0.41,
    "Normal 2x2 (dense)": 0.29,
    "Normal 3x3 (dense)": 0.41,
    "Normal 5x5 (dense)": 0.59,
    "Normal 25x25 (dense)": 1.29,
    "Normal 50x50 (dense)": 1.62,
    "Normal 2x2 (2-pair)": 1.02,
    "Normal 25x25 (2-pair)": 1.02,
    "Student 2x2 (df=1)": 0.43,
    "Student 2x2 (df=2)": 0.19,
    "Student 3x3 (df=2)": 0.29,
    "Student 3x3 (df=3)": 0.18,
    "Student 5x5 (df=2)": 0.45,
    "Student 5x5 (df=3)": 0.30,
    "Spiral @ Normal CDF @ Normal 5x5 (2-pair)": 1.02,
}


def test_bmi40_is_forty_tasks_with_the_published_mi():
    tasks = {task.name: task for task in bmi40.tasks()}
    assert len(tasks) == 40
    for name, mi in PUBLISHED.items():
        assert tasks[name].mi == pytest.approx(mi, abs=0.0051)


@pytest.mark.parametrize("number", range(40))
def test_bmi40_task_draws_what_it_says(number):
    task = bmi40.tasks()[number]
    x, y = task.sample(np.random.default_rng(0), 50)
    assert x.shape == (50, task.dx)
    assert y.shape == (50, task.dy)
    assert np.isfinite(x).all() and np.isfinite(y).all()


def test_transformed_tasks_are_maps_of_the_same_rows():
    tasks = {task.name: task for task in bmi40.tasks()}
    base = tasks["Normal 3x3 (2-pair)"].sample(np.random.default_rng(0), 30)
    uniform = tasks["Normal CDF @ Normal 3x3 (2-pair)"].sample(np.random.default_rng(0), 30)
    spiral = tasks["Spiral @ Normal CDF @ Normal 3x3 (2-pair)"].sample(np.random.default_rng(0), 30)
    np.testing.assert_allclose(uniform[0], ndtr(base[0]))
    np.testing.assert_allclose(D.spiral(spiral[0], 0, 1, -1 / 3), uniform[0])
    np.testing.assert_allclose(D.spiral(spiral[1], 1, 2, -1 / 3), uniform[1])


def test_mtest_has_the_sizes_of_the_paper():
    problems = mtest.problems(0)
    assert sum(p.group == "in" for p in problems) == 1080
    assert sum(p.group == "out" for p in problems) == 1260
    assert len(mtest.TRAIN) == len(set(mtest.TRAIN)) == 16
    assert set(mtest.IN_DISTRIBUTION) <= set(mtest.TRAIN) | {("normal-lvm", "wiggly")}
    assert not set(mtest.OUT_OF_DISTRIBUTION) & set(mtest.TRAIN)
    assert mtest.SIZES[:2] == (10, 35) and mtest.SIZES[-1] == 500 and len(mtest.SIZES) == 20
    assert {p.dx for p in problems} == set(range(2, 33))
    assert [p.index for p in problems] == list(range(2340))


@pytest.mark.parametrize("suite", [mtest, bmi40, gaussian])
def test_problems_are_reproducible_and_differ_between_seeds(suite):
    first, again, other = suite.problems(0), suite.problems(0), suite.problems(1)
    for index in (0, len(first) // 2):
        x, y = first[index].draw()
        assert x.shape == (first[index].n, first[index].dx)
        np.testing.assert_array_equal(x, again[index].draw()[0])
        np.testing.assert_array_equal(y, again[index].draw()[1])
        assert first[index].mi == again[index].mi
        assert x.shape != other[index].draw()[0].shape or (x != other[index].draw()[0]).any()


def test_mtest_draws_the_parameters_that_its_mi_belongs_to():
    problem = next(p for p in mtest.problems(0) if p.task == "normal-dense base" and p.n == 500)
    x, y = problem.draw()
    rho = np.corrcoef(np.hstack([x, y]).T)
    rho = rho[np.triu_indices_from(rho, 1)].mean()
    mi = D.normal_mi(D.equicorrelation(problem.dx + problem.dy, rho), problem.dx)
    assert mi == pytest.approx(problem.mi, rel=0.25, abs=0.05)


@pytest.mark.parametrize("family", mtest.TRAIN, ids="-".join)
def test_training_samplers_and_these_draw_the_same_distribution(family):
    """Two independent implementations of the paper's families: MI and dependence agree."""
    paper = pytest.importorskip("skmist._training.families.paper")
    from skmist._training.random import Rng

    name, transformation = family
    key = (*(f"{name}-").split("-")[:2], transformation)
    size, n, d = 300, 60, 3
    draw = paper.sample(Rng(7), size, n, d, d, key)
    rng = D.stream("test-cross", name, transformation)
    ours = []
    for _ in range(size):
        params = mtest.draw_parameters(rng, name, d)
        ours.append((params["mi"], *mtest.sample(rng, params, transformation, n)))

    def summaries(x, y):
        """Rank correlations of four pairs of columns, in each data set."""
        ranks = np.concatenate([x, y], axis=-1).argsort(axis=1).argsort(axis=1)
        ranks = (ranks - ranks.mean(axis=1, keepdims=True)) / ranks.std(axis=1, keepdims=True)
        pairs = ((0, d), (d - 1, 2 * d - 1), (0, 1), (0, 2 * d - 1))
        return [(ranks[..., i] * ranks[..., j]).mean(axis=1) for i, j in pairs]

    mi, x, y = (np.array(part) for part in zip(*ours, strict=True))
    assert ks_2samp(draw.mi.numpy(), mi).pvalue > 1e-4
    theirs = summaries(draw.x.numpy(), draw.y.numpy())
    for a, b in zip(theirs, summaries(x, y), strict=True):
        assert ks_2samp(a, b).pvalue > 1e-4
