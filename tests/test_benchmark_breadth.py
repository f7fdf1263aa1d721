"""The suites breadth and interactions: mutual information against independent computations.

Each task's own rows are drawn, and the mean log density ratio over them, with densities that are
written down here afresh, must be the mutual information that the task claims.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, gammaln, i0, logsumexp, ndtr
from sklearn.metrics import mutual_info_score

from benchmarks import breadth, gaussian, interactions
from benchmarks import distributions as D
from benchmarks.breadth import copulas, integrals, shapes, vectors
from benchmarks.estimators import plugin_mi

TASKS = {task.name: task for task in breadth.tasks() + interactions.tasks()}
N = 20_000


def draw(name, n=N):
    return TASKS[name].sample(D.stream("test-breadth", name), n)


def assert_mean_is(values, expected, tolerance=0.0):
    """The mean must lie within four and a half standard errors, and a tolerance."""
    error = values.std() / np.sqrt(len(values))
    assert values.mean() == pytest.approx(expected, abs=4.5 * error + tolerance)


# Copulas: the distribution function is differentiated -------------------------------------------


def plackett(u, v, t):
    s = 1 + (t - 1) * (u + v)
    return (s - np.sqrt(s**2 - 4 * t * (t - 1) * u * v)) / (2 * (t - 1))


def huesler_reiss(u, v, t):
    x, y = -np.log(u), -np.log(v)
    half = t / 2 * np.log(x / y)
    return np.exp(-x * ndtr(1 / t + half) - y * ndtr(1 / t - half))


DISTRIBUTION = {
    "Plackett": plackett,
    "Ali-Mikhail-Haq": lambda u, v, t: u * v / (1 - t * (1 - u) * (1 - v)),
    "Farlie-Gumbel-Morgenstern": lambda u, v, t: u * v * (1 + t * (1 - u) * (1 - v)),
    "Galambos": lambda u, v, t: (
        u * v * np.exp(((-np.log(u)) ** -t + (-np.log(v)) ** -t) ** (-1 / t))
    ),
    "Hüsler-Reiss": huesler_reiss,
}


@pytest.mark.parametrize("name", copulas.COPULAS)
def test_copula(name):
    copula, theta = copulas.COPULAS[name]
    cdf = DISTRIBUTION[name]
    u, v = D.stream("test-copula", name).uniform(0.05, 0.95, size=(2, 50))
    h = 1e-4
    slope = (cdf(u + h, v, theta) - cdf(u - h, v, theta)) / (2 * h)
    np.testing.assert_allclose(copula.conditional(u, v, theta), slope, atol=1e-5)
    corners = [a * b * cdf(u + a * h, v + b * h, theta) for a in (1, -1) for b in (1, -1)]
    np.testing.assert_allclose(
        copula.density(u, v, theta), sum(corners) / (4 * h**2), rtol=1e-3, atol=1e-4
    )
    x, y = draw(f"{name} copula 1x1")
    assert_mean_is(np.log(copula.density(x, y, theta)), TASKS[f"{name} copula 1x1"].mi)
    assert stats.kstest(x[:, 0], "uniform").pvalue > 1e-4
    assert stats.kstest(y[:, 0], "uniform").pvalue > 1e-4


# Vectors: log density ratios with the densities of scipy ----------------------------------------


def mckay(x, y):
    return stats.gamma.logpdf(y - x, 0.7) - stats.gamma.logpdf(y, 3.7)


def common_gamma(x, y):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    m = np.minimum(x, y)
    common = m * (nodes + 1) / 2
    parts = stats.gamma.pdf(common, 2) * np.exp(2 * common - x - y) @ weights
    joint = np.log(parts * m[:, 0] / 2)
    return joint - stats.gamma.logpdf(x, 3)[:, 0] - stats.gamma.logpdf(y, 3)[:, 0]


def beta_product(x, y):
    return stats.beta.logpdf(y / x, 1.5, 2) - np.log(x) - stats.beta.logpdf(y, 1.5, 3)


def ball(x, y):
    d = x.shape[1]

    def marginal(z):
        r2 = (z**2).sum(axis=1)
        log_area = integrals.log_sphere(d) + (d - 1) / 2 * np.log(r2)
        return stats.beta.logpdf(r2, d / 2, d / 2 + 1) + np.log(4 * r2) / 2 - log_area

    return -integrals.log_ball(2 * d) - marginal(x) - marginal(y)


def dirichlet(x, y):
    d = x.shape[1]
    alpha = 0.6 if d == 3 else 0.4
    a = np.repeat([1.5 * alpha, alpha], d)

    def log_density(z, shapes):
        rest = 1 - z.sum(axis=1, keepdims=True)
        shapes = np.append(shapes, a.sum() + alpha - shapes.sum())
        log_z = np.log(np.hstack([z, rest]))
        return (shapes - 1) @ log_z.T - gammaln(shapes).sum() + gammaln(shapes.sum())

    return log_density(np.hstack([x, y]), a) - log_density(x, a[:d]) - log_density(y, a[d:])


def pareto(x, y):
    def log_density(z):
        """Each column given those before it is a Lomax variable."""
        before = np.cumsum(z, axis=1) - z
        shapes = 1.0 + np.arange(z.shape[1])
        return stats.lomax.logpdf(z, shapes, scale=1 + before).sum(axis=1)

    return log_density(np.hstack([x, y])) - log_density(x) - log_density(y)


def volatility(tau):
    scales = np.exp(tau * stats.norm.ppf((np.arange(600) + 0.5) / 600))

    def ratio(x, y):
        def log_density(z):
            r2 = (z**2).sum(axis=1, keepdims=True)
            dim = z.shape[1]
            terms = -r2 / (2 * scales**2) - dim * np.log(scales * np.sqrt(2 * np.pi))
            return logsumexp(terms, axis=1) - np.log(len(scales))

        return log_density(np.hstack([x, y])) - log_density(x) - log_density(y)

    return ratio


def place_of(picture):
    """Find the centre of a blob from second differences of the logarithm of its pixels."""
    log_p = np.log(picture).reshape(-1, 8, 8)
    out = []
    for line in (log_p.mean(axis=1), log_p.mean(axis=2)):
        second = (line[:, 2] - 2 * line[:, 1] + line[:, 0]) * 64  # -1 / width²
        slope = (line[:, 1] - line[:, 0]) * 8  # (centre - 1/8) / width²
        out.append(1 / 8 - slope / second)
    return np.column_stack(out)


def angles_of(picture):
    """Find the angles of a blob on the torus from the first harmonics of its pixels."""
    log_p = np.log(picture).reshape(-1, 4, 4)
    grid = 2 * np.pi * np.arange(4) / 4
    lines = log_p.mean(axis=1), log_p.mean(axis=2)
    return np.column_stack([np.arctan2(z @ np.sin(grid), z @ np.cos(grid)) for z in lines])


def two_pictures(x, y):
    moved = angles_of(y) - angles_of(x)
    return stats.vonmises.logpdf(moved, 5).sum(axis=1) + 2 * np.log(2 * np.pi)


def two_circles(x, y):
    return 10 * (x * y).sum(axis=1) - np.log(i0(10))


def sheet(x, y):
    u = np.hypot(x[:, 0], x[:, 2]) / (3 * np.pi) - 0.5
    return np.log(copulas.COPULAS["Plackett"][0].density(u, y[:, 0], 20))


def labels_in_a_circle(x, y):
    p = 0.6 * 0.4 ** np.arange(15)
    return np.log(p / p.sum())[((y - x) % 15).astype(int)] + np.log(15)


RATIOS = {
    "McKay gamma 1x1": mckay,
    "Gamma with a common part 1x1": common_gamma,
    "Beta product 1x1": beta_product,
    "Uniform in a disc 1x1": ball,
    "Uniform in a ball 5x5": ball,
    "Dirichlet 3x3": dirichlet,
    "Dirichlet 16x16": dirichlet,
    "Multivariate Pareto 4x4": pareto,
    "Stochastic volatility, absolute 1x1": volatility(1.0),
    "Stochastic volatility 3x3": volatility(0.7),
    "Labels in a circle (15 levels) 1x1": labels_in_a_circle,
    "Noisy angle 2x2": two_circles,
    "Rolled sheet 3x1": sheet,
    "Two pictures, blob moved 16x16": two_pictures,
}


@pytest.mark.parametrize("name", RATIOS)
def test_mean_log_density_ratio(name):
    x, y = draw(name, 5000)
    assert_mean_is(RATIOS[name](x, y), TASKS[name].mi, 1e-3)


# Noise of known law: p(y) is the mean of p(y | x) over fresh rows of X ---------------------------


def ring_noise(x, y):
    radius = np.linalg.norm(x, axis=1, keepdims=True)
    weights = stats.norm.pdf(radius, (2, 4, 6), 0.25)
    parts = weights[:, None, :] * stats.norm.pdf(y[:, :, None], (0, 2, 1), 0.3)
    return parts.sum(axis=2) / weights.sum(axis=1, keepdims=True)


def pmf_by_cuts(x, y):
    cuts = np.array([-np.inf, -1.2, -0.2, 0.6, 1.8, np.inf])
    index = 1.5 * x.sum(axis=1, keepdims=True) / np.sqrt(6)
    level = y.astype(int)
    return ndtr(cuts[level + 1] - index) - ndtr(cuts[level] - index)


def class_gamma(x, y):
    k = x.astype(int)
    shapes, scales = np.array([1, 2, 4, 8, 3]), np.array([1, 2, 0.5, 0.5, 4])
    return stats.gamma.pdf(y, shapes[k], scale=scales[k])


def directions(x, y):
    angle = np.arctan2(x[:, 1:], x[:, :1])
    p = np.exp(6 * np.cos(angle - np.pi * np.arange(8) / 4))
    p /= p.sum(axis=1, keepdims=True)
    return p[np.arange(len(x))[:, None], y.astype(int)]


def quadrant(x, y):
    told = (place_of(x) > 0.5) @ [1, 2]
    return np.where(told[:, None] == y, 0.85, 0.05)


def length(columns, noise):
    return lambda x, y: noise.pdf(y - np.linalg.norm(x[:, :columns], axis=1, keepdims=True))


def signs(flips, columns):
    def density(x, y):
        same = np.sign(x[:, :columns].prod(axis=1, keepdims=True)) == np.sign(y)
        return np.where(same, 1 - flips, flips) * 2 * stats.norm.pdf(y)

    return density


def triangular(x, low, top, high):
    rise, fall = (x - low) / (top - low), (high - x) / (high - top)
    return 2 / (high - low) * np.clip(np.minimum(rise, fall), 0, None)


def logistic_map(x):
    return 16 * x * (1 - x) * (1 - 4 * x * (1 - x))


CONDITIONALS = {
    "Sawtooth, beta noise 1x1": lambda x, y: stats.beta.pdf((y - 3 * x % 1 + 0.1) / 0.2, 2, 2),
    "Logistic map, triangular noise 1x1": lambda x, y: triangular(
        y - logistic_map(x), -0.1, -0.025, 0.15
    ),
    "1 + x², multiplicative noise 1x1": lambda x, y: stats.logistic.pdf(
        np.log(y / (1 + x**2)), scale=0.15
    ),
    "Maximum, triangular noise 5x1": lambda x, y: triangular(
        y - x.max(axis=1, keepdims=True), -0.1, 0, 0.1
    ),
    "Length, Laplace noise 8x1": length(8, stats.laplace(scale=0.2)),
    "Length of 3 of the columns 50x1": length(3, stats.logistic(scale=0.1)),
    "Scale of the noise 4x1": lambda x, y: stats.norm.pdf(
        y, scale=np.exp(x.sum(axis=1, keepdims=True) / 2)
    ),
    "Gamma by class (5 levels) 1x1": class_gamma,
    "Ordinal probit 6x1": pmf_by_cuts,
    "Directions of 8 classes 2x1": directions,
    "Poisson of a gamma rate 1x1": lambda x, y: stats.poisson.pmf(y, x),
    "Binomial logit 3x1": lambda x, y: stats.binom.pmf(
        y, 8, expit(1.2 * (x @ [[1], [-1], [1]]) / np.sqrt(3))
    ),
    "Noisy angle 2x1": lambda x, y: stats.vonmises.pdf(y - np.arctan2(x[:, 1:], x[:, :1]), 4),
    "Rings 2x1": ring_noise,
    "Picture, place of the blob 64x1": lambda x, y: stats.beta.pdf(
        (y - place_of(x)[:, :1] + 0.15) / 0.3, 3, 3
    ),
    "Picture, quadrant of the blob 64x1": quadrant,
    "signs, 0% flipped, 2 columns": signs(0.0, 2),
    "signs, 10% flipped, 3 columns and 2 idle": signs(0.1, 3),
    "product, noise 0.2, 2 columns": lambda x, y: stats.norm.pdf(
        y - x.prod(axis=1, keepdims=True), scale=0.2
    ),
    "product, noise 0.6, 3 columns and 2 idle": lambda x, y: stats.norm.pdf(
        y - x[:, :3].prod(axis=1, keepdims=True), scale=0.6
    ),
}


@pytest.mark.parametrize("name", CONDITIONALS)
def test_mean_log_ratio_of_conditional_to_marginal(name):
    """The marginal density is a mean over fresh rows of X, on a grid of values of y."""
    density = CONDITIONALS[name]
    x, y = draw(name)
    fresh, _ = draw(name, N + 4000)
    values = np.unique(y)
    if len(values) > 200:
        values = np.quantile(y, np.linspace(0, 1, 300))
    at_values = [density(fresh[N:], np.full((4000, 1), v)).mean() for v in values]
    marginal = np.interp(y[:, 0], values, at_values)
    assert_mean_is(np.log(density(x, y)[:, 0] / marginal), TASKS[name].mi, 0.01)


# Tables of frequencies --------------------------------------------------------------------------

TABLES = [
    "Bernoulli 1x1",
    "Ordinal pair 1x1",
    "Poisson with a common part 1x1",
    "Negative binomial counts 1x1",
    *(name for name in TASKS if name.startswith("bits")),
]


@pytest.mark.parametrize("name", TABLES)
def test_frequencies_of_many_rows(name):
    x, y = draw(name, 200_000)
    weights = 2.0 ** np.arange(x.shape[1])
    codes = (x @ weights).astype(int), y[:, 0].astype(int)
    cells = np.unique(np.stack(codes), axis=1).shape[1]
    sides = sum(len(np.unique(c)) for c in codes)
    bias = (cells - sides + 1) / 400_000  # Miller and Madow
    assert mutual_info_score(*codes) - bias == pytest.approx(TASKS[name].mi, abs=0.008)
    assert plugin_mi(x[:500], y[:500]) == pytest.approx(
        mutual_info_score(codes[0][:500], codes[1][:500])
    )


def test_counts_with_a_common_rate():
    """The ratio of Poisson mixtures over fresh rates, in which factorials cancel."""
    x, y = draw("Negative binomial counts 4x4", 2000)
    rates = D.stream("test-rates").gamma(1.5, 1.0, size=4000)

    def log_mean(counts, columns):
        terms = counts.sum(axis=1, keepdims=True) * np.log(rates) - columns * rates
        return logsumexp(terms, axis=1) - np.log(len(rates))

    ratio = log_mean(np.hstack([x, y]), 8) - log_mean(x, 4) - log_mean(y, 4)
    assert_mean_is(ratio, TASKS["Negative binomial counts 4x4"].mi, 0.01)


# Mixtures, flows, independence ------------------------------------------------------------------


@pytest.mark.parametrize(("components", "d", "seed", "spread"), [(10, 2, 1, 1.5), (12, 4, 2, 1.2)])
def test_mixture(components, d, seed, spread):
    mixture = shapes.Mixture(seed, components, d, spread)
    x, y = mixture.sample(np.random.default_rng(0), 10_000)
    z = np.hstack([x, y])

    def log_density(columns):
        parts = [
            stats.multivariate_normal(m[columns], c[columns, columns]).logpdf(z[:, columns])
            for m, c in zip(mixture.means, mixture.covariances, strict=True)
        ]
        return logsumexp(parts, axis=0) - np.log(components)

    ratio = log_density(slice(0, 2 * d)) - log_density(slice(0, d)) - log_density(slice(d, 2 * d))
    np.testing.assert_allclose(mixture.log_ratio(x, y), ratio, atol=1e-8)
    task = TASKS[f"Mixture of {components} {d}x{d}"]
    _, error = shapes.mixture_mi(mixture)
    assert error < 0.005
    assert_mean_is(ratio, task.mi, 4 * error)


@pytest.mark.parametrize(("d", "n_pairs", "strength"), [(4, 2, 2.0), (8, 4, 1.2)])
def test_flows_are_undone_and_stand_on_normal_rows(d, n_pairs, strength):
    task = TASKS[f"Deep flows {d}x{d}"]
    x, y = draw(task.name)
    base = shapes.Flow(2 * d, d).inverse(x), shapes.Flow(2 * d + 1, d).inverse(y)
    np.testing.assert_allclose(shapes.Flow(2 * d, d)(base[0]), x, atol=1e-9)
    assert stats.kurtosis(x[:, -1]) > 1  # the rows themselves are far from normal
    cov = D.latent_correlation(d, d, n_pairs, strength)
    np.testing.assert_allclose(np.corrcoef(np.hstack(base).T), cov, atol=0.04)
    assert stats.kstest(base[0][:, 0], "norm").pvalue > 1e-4
    correlations = np.corrcoef(np.hstack(base).T)
    assert D.normal_mi(correlations, d) == pytest.approx(task.mi, abs=0.03)


@pytest.mark.parametrize("d", [2, 16])
def test_independent_sides_do_not_correlate(d):
    x, y = draw(f"Pareto, and apart from it Dirichlet {d}x{d}")
    rho = stats.spearmanr(np.hstack([x, y])).statistic
    assert np.abs(rho[:d, d:]).max() < 5 / np.sqrt(N)
    assert rho[0, 1] > 0.1 and rho[d, d + 1] < -0.02


# The suites -------------------------------------------------------------------------------------


def test_every_task_of_breadth_is_checked():
    checked = {*RATIOS, *CONDITIONALS, *TABLES, "Negative binomial counts 4x4"}
    checked |= {f"{name} copula 1x1" for name in copulas.COPULAS}
    others = ("Mixture of ", "Deep flows ", "Pareto, and apart")
    names = [task.name for task in breadth.tasks()]
    assert len(set(names)) == len(names) >= 30
    assert not [n for n in names if n not in checked and not n.startswith(others)]


def test_entropies_of_vectors_agree_with_scipy():
    assert vectors.gamma_entropy(2.5) == pytest.approx(stats.gamma(2.5).entropy())
    assert vectors.beta_entropy(1.5, 2) == pytest.approx(stats.beta(1.5, 2).entropy())
    alpha = np.array([0.5, 2.0, 3.0])
    assert vectors.dirichlet_entropy(alpha) == pytest.approx(stats.dirichlet(alpha).entropy())
    assert integrals.volatility_entropy(2, 1e-6) == pytest.approx(np.log(2 * np.pi * np.e))


@pytest.mark.parametrize("suite", [breadth, interactions, gaussian])
def test_problems_are_reproducible_and_differ_between_seeds(suite):
    first, again, other = suite.problems(0), suite.problems(0), suite.problems(1)
    assert [p.index for p in first] == list(range(len(first)))
    for index in range(0, len(first), max(1, len(first) // 7)):
        x, y = first[index].draw()
        assert x.shape == (first[index].n, first[index].dx)
        assert y.shape == (first[index].n, first[index].dy)
        assert x.dtype == y.dtype == np.float64
        np.testing.assert_array_equal(x, again[index].draw()[0])
        np.testing.assert_array_equal(y, again[index].draw()[1])
        assert (x != other[index].draw()[0]).any()
