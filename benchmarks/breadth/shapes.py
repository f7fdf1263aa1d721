"""Circles, rings, rolled sheets, mixtures of many components, deep flows and pictures."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, xlogy
from scipy.stats import beta, norm, vonmises

from benchmarks import distributions as D
from benchmarks.breadth.copulas import COPULAS
from benchmarks.breadth.integrals import entropy, legendre, midpoints, sum_entropy
from benchmarks.suite import Task

SIDE = 8  # pixels along each side of a picture
MIXTURE_DRAWS = 250_000  # of a Monte Carlo mean; its standard error stays below 0.004 nats


def on_circle(angle: np.ndarray) -> np.ndarray:
    """Return points (n, 2) on the unit circle."""
    return np.column_stack([np.cos(angle), np.sin(angle)])


def von_mises_mi(kappa: float) -> float:
    """Return I of a uniform angle and its sum with von Mises noise: ln 2 pi less the entropy."""
    return float(np.log(2 * np.pi) - vonmises(kappa).entropy())


# Circles and rings --------------------------------------------------------------------------------


def _circle(kappa: float, embed_y: bool) -> Task:
    def sample(rng, n):
        angle = rng.uniform(-np.pi, np.pi, size=n)
        other = angle + rng.vonmises(0, kappa, size=n)
        wrapped = (other + np.pi) % (2 * np.pi) - np.pi
        return on_circle(angle), on_circle(other) if embed_y else wrapped[:, None]

    dy = 2 if embed_y else 1
    return Task(f"Noisy angle 2x{dy}", 2, dy, von_mises_mi(kappa), sample, "circles")


RADII, RADIUS_SPREAD, LEVELS_Y = (2.0, 4.0, 6.0), 0.25, (0.0, 2.0, 1.0)


def _rings() -> Task:
    """Return X on three rings about one centre, y normal about a value of each ring.

    Angle and y are independent, so that I(X; y) is that of the radius and y.
    """

    def sample(rng, n):
        ring = rng.integers(0, 3, size=n)
        radius = np.take(RADII, ring) + RADIUS_SPREAD * rng.standard_normal(n)
        y = np.take(LEVELS_Y, ring) + 0.3 * rng.standard_normal(n)
        return radius[:, None] * on_circle(rng.uniform(0, 2 * np.pi, size=n)), y[:, None]

    r, w_r = legendre(0, 8, 400)
    y, w_y = legendre(-2, 4, 400)
    p_r = norm.pdf(r, np.array(RADII)[:, None], RADIUS_SPREAD)
    p_y = norm.pdf(y, np.array(LEVELS_Y)[:, None], 0.3)
    p = p_r.T @ p_y / 3
    mi = entropy(p_r.mean(axis=0), w_r) + entropy(p_y.mean(axis=0), w_y)
    return Task("Rings 2x1", 2, 1, mi + float(w_r @ xlogy(p, p) @ w_y), sample, "circles")


def _sheet() -> Task:
    """Roll up a sheet in three dimensions; y depends on the place along the roll (Plackett)."""
    copula, theta = COPULAS["Plackett"]

    def sample(rng, n):
        u, y = copula.sample(rng, theta, n)
        t = 3 * np.pi * (0.5 + u[:, 0])
        return np.column_stack([t * np.cos(t), 20 * rng.uniform(size=n), t * np.sin(t)]), y

    return Task("Rolled sheet 3x1", 3, 1, copula.mi(theta), sample, "flows")


# Mixtures -----------------------------------------------------------------------------------------


class Mixture:
    """A mixture of normal components with random means and covariances, drawn at a fixed seed."""

    def __init__(self, seed: int, components: int, d: int, spread: float):
        rng = D.stream("breadth-mixture", seed)
        self.d, self.components = d, components
        self.means = spread * rng.standard_normal((components, 2 * d))
        half = rng.standard_normal((components, 2 * d, 2 * d)) / np.sqrt(2 * d)
        self.covariances = half @ half.transpose(0, 2, 1) + 0.2 * np.eye(2 * d)

    def sample(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw n rows of X and y, each of shape (n, d)."""
        roots = np.linalg.cholesky(self.covariances)
        which = np.sort(rng.integers(0, self.components, size=n))
        z = rng.standard_normal((n, 2 * self.d))
        for k in range(self.components):
            rows = which == k
            z[rows] = self.means[k] + z[rows] @ roots[k].T
        rng.shuffle(z)
        return z[:, : self.d], z[:, self.d :]

    def log_density(self, z: np.ndarray, columns: slice) -> np.ndarray:
        """Return the log density of some of the columns of z, shape (n,)."""
        terms = []
        for mean, cov in zip(self.means[:, columns], self.covariances, strict=True):
            root = np.linalg.cholesky(cov[columns, columns])
            scaled = np.linalg.solve(root, (z[:, columns] - mean).T)
            log_det = np.log(np.diag(root)).sum() + len(root) / 2 * np.log(2 * np.pi)
            terms.append(-(scaled**2).sum(axis=0) / 2 - log_det)
        return logsumexp(terms, axis=0) - np.log(self.components)

    def log_ratio(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return ln p(x, y) - ln p(x) - ln p(y), shape (n,)."""
        z, d = np.hstack([x, y]), self.d
        left, right, both = slice(0, d), slice(d, 2 * d), slice(0, 2 * d)
        both_sides = self.log_density(z, both)
        return both_sides - self.log_density(z, left) - self.log_density(z, right)


def mixture_mi(mixture: Mixture) -> tuple[float, float]:
    """Return the mean log density ratio over fixed draws, and its standard error."""
    rng = D.stream("breadth-mixture-mi", mixture.components)
    ratio = mixture.log_ratio(*mixture.sample(rng, MIXTURE_DRAWS))
    return float(ratio.mean()), float(ratio.std() / np.sqrt(len(ratio)))


def _mixture(seed: int, components: int, d: int, spread: float) -> Task:
    mixture = Mixture(seed, components, d, spread)
    mi, _ = mixture_mi(mixture)
    return Task(f"Mixture of {components} {d}x{d}", d, d, mi, mixture.sample, "mixtures")


# Deep flows ---------------------------------------------------------------------------------------


class Flow:
    """Affine coupling layers with random networks of one hidden layer, each after a rotation.

    L. Dinh, J. Sohl-Dickstein, S. Bengio, "Density estimation using Real NVP", ICLR 2017.
    Invertible, so that it changes nothing in mutual information.
    """

    def __init__(self, seed: int, d: int, layers: int = 4, hidden: int = 16):
        rng = D.stream("breadth-flow", seed)
        self.layers, self.half = [], d // 2
        for _ in range(layers):
            rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
            first = 1.5 * rng.standard_normal((self.half, hidden)) / np.sqrt(self.half)
            bias = rng.standard_normal(hidden)
            second = rng.standard_normal((hidden, 2 * (d - self.half))) / np.sqrt(hidden)
            self.layers.append((rotation, first, bias, second))

    def _coupling(self, kept: np.ndarray, first, bias, second):
        log_scale, shift = np.split(np.tanh(kept @ first + bias) @ second, 2, axis=1)
        return 0.7 * log_scale, shift

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Map rows of shape (n, d)."""
        for rotation, *network in self.layers:
            kept, moved = np.split(z @ rotation, [self.half], axis=1)
            log_scale, shift = self._coupling(kept, *network)
            z = np.hstack([kept, moved * np.exp(log_scale) + shift])
        return z

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Undo the map."""
        for rotation, *network in reversed(self.layers):
            kept, moved = np.split(z, [self.half], axis=1)
            log_scale, shift = self._coupling(kept, *network)
            z = np.hstack([kept, (moved - shift) * np.exp(-log_scale)]) @ rotation.T
        return z


def _flow(d: int, n_pairs: int, strength: float) -> Task:
    cov = D.latent_correlation(d, d, n_pairs, strength)

    def sample(rng, n):
        xy = D.sample_normal(rng, cov, n)
        return xy[:, :d], xy[:, d:]

    base = Task("", d, d, D.normal_mi(cov, d), sample, "flows")
    return base.mapped(f"Deep flows {d}x{d}", Flow(2 * d, d), Flow(2 * d + 1, d))


# Pictures -----------------------------------------------------------------------------------------


def blob(rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Paint a round blob of random width and brightness at each place.

    Parameters
    ----------
    rng : Generator
        Source of widths and brightness, which tell nothing of the place.
    place : ndarray of shape (n, 2)
        Centres, in the unit square.

    Returns
    -------
    ndarray of shape (n, SIDE ** 2)
        Pixels. They determine the place: brightness and width are a scale and a curvature.
    """
    centres = (np.arange(SIDE) + 0.5) / SIDE
    width = rng.uniform(0.15, 0.3, size=(len(place), 1))
    across, down = (((centres - place[:, i : i + 1]) / width) ** 2 for i in (0, 1))
    picture = np.exp(-(across[:, None, :] + down[:, :, None]) / 2).reshape(len(place), -1)
    return rng.uniform(0.5, 1.5, size=(len(place), 1)) * picture


def _blob_place() -> Task:
    """Return a picture against the abscissa of its blob, with beta noise."""
    noise = beta(3, 3, loc=-0.15, scale=0.3)

    def sample(rng, n):
        place = rng.uniform(size=(n, 2))
        y = place[:, :1] + noise.rvs(size=(n, 1), random_state=rng)
        return blob(rng, place), y

    mi = sum_entropy(midpoints(1500), noise.pdf, -0.15, 1.15) - noise.entropy()
    return Task("Picture, place of the blob 64x1", SIDE**2, 1, float(mi), sample, "pictures")


def _blob_label(keep: float) -> Task:
    """Return a picture against the quadrant of its blob; now and then another one is told."""

    def sample(rng, n):
        place = rng.uniform(size=(n, 2))
        quadrant = (place > 0.5) @ np.array([1, 2])
        wrong = (rng.uniform(size=n) > keep) * rng.integers(1, 4, size=n)
        return blob(rng, place), ((quadrant + wrong) % 4)[:, None].astype(float)

    mi = np.log(4) - entropy(np.array([keep, *[(1 - keep) / 3] * 3]))
    name = "Picture, quadrant of the blob 64x1"
    return Task(name, SIDE**2, 1, float(mi), sample, "pictures", ("continuous", "category"))


def _torus_pictures(kappa: float) -> Task:
    """Return two pictures of 4 x 4 pixels without borders, the blob in one a little moved."""
    grid = 2 * np.pi * np.arange(4) / 4

    def paint(rng, angles):
        across, down = (np.cos(grid - angles[:, i : i + 1]) for i in (0, 1))
        picture = np.exp(across[:, None, :] + down[:, :, None]).reshape(len(angles), -1)
        return rng.uniform(0.5, 1.5, size=(len(angles), 1)) * picture

    def sample(rng, n):
        angles = rng.uniform(0, 2 * np.pi, size=(n, 2))
        moved = angles + rng.vonmises(0, kappa, size=(n, 2))
        return paint(rng, angles), paint(rng, moved)

    mi = 2 * von_mises_mi(kappa)
    return Task("Two pictures, blob moved 16x16", 16, 16, mi, sample, "pictures")


def tasks() -> list[Task]:
    """Return the tasks of this file."""
    return [
        _circle(4.0, embed_y=False),
        _circle(10.0, embed_y=True),
        _rings(),
        _mixture(1, 10, 2, 1.5),
        _mixture(2, 12, 4, 1.2),
        _sheet(),
        _flow(4, 2, 2.0),
        _flow(8, 4, 1.2),
        _blob_place(),
        _blob_label(0.85),
        _torus_pictures(5.0),
    ]
