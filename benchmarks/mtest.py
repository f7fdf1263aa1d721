"""The suite mtest: the test set of the MIST paper, rebuilt from its definition.

Gritsai, Richards, Méloux, Cho, Peyrard, "MIST: Mutual Information Estimation via Supervised
Training", arXiv 2511.18945. For each family and each of 20 sizes n from 10 to 500: one dimension
d = dx = dy from 2 to 32, and 9 data sets, each with parameters of its own.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from benchmarks import distributions as D
from benchmarks.suite import Problem

SIZES = tuple(int(n) for n in np.linspace(10, 500, 20))
PER_SIZE = 9
DIMS = (2, 32)

# family, transformation
TRAIN = (
    ("normal-dense", "base"),
    ("normal-dense", "halfcube"),
    ("normal-dense", "asinh"),
    ("normal-sparse", "base"),
    ("normal-sparse", "wiggly"),
    ("normal-lvm", "base"),
    ("normal-lvm", "wiggly"),
    ("normal-2pair", "base"),
    ("student-dense", "base"),
    ("student-dense", "wiggly"),
    ("student-sparse", "base"),
    ("student-sparse", "halfcube"),
    ("student-sparse", "asinh"),
    ("student-2pair", "asinh"),
    ("student-2pair", "halfcube"),
    ("additive", "wiggly"),
)
IN_DISTRIBUTION = (
    ("normal-dense", "base"),
    ("normal-lvm", "wiggly"),
    ("normal-dense", "halfcube"),
    ("student-dense", "base"),
    ("student-sparse", "base"),
    ("student-sparse", "asinh"),
)
OUT_OF_DISTRIBUTION = (
    ("normal-dense", "wiggly"),
    ("normal-sparse", "halfcube"),
    ("normal-sparse", "asinh"),
    ("student-sparse", "wiggly"),
    ("student-dense", "halfcube"),
    ("additive", "base"),
    ("additive", "halfcube"),
)


def draw_parameters(rng: np.random.Generator, family: str, d: int) -> dict:
    """Draw the parameters of a family with d columns in X and d in y, and their exact MI.

    Returns
    -------
    dict
        ``mi`` in nats, with ``eps`` or with ``dispersion`` and ``df`` (infinite for a normal).
    """
    if family == "additive":
        eps = rng.uniform(0.1, 2.0, size=d)
        return {"eps": eps, "mi": D.additive_uniform_mi(eps)}
    tails, structure = family.split("-")
    if structure == "dense":
        dispersion = D.equicorrelation(2 * d, rng.uniform(0, 0.5))
    elif structure == "lvm":
        dispersion = D.latent_correlation(
            d,
            d,
            int(rng.integers(1, d + 1)),
            rng.uniform(0.1, 3.0),
            shared=rng.uniform(0, 1),
            within=rng.uniform(0, 1.5),
            extra=rng.uniform(0.1, 5.0),
        )
    else:
        n_pairs = 2 if structure == "2pair" else int(rng.integers(1, d + 1))
        dispersion = D.latent_correlation(d, d, n_pairs, rng.uniform(0.1, 5.0))
    if tails == "normal":
        return {"dispersion": dispersion, "df": np.inf, "mi": D.normal_mi(dispersion, d)}
    df = rng.uniform(1, 10)
    return {"dispersion": dispersion, "df": df, "mi": D.student_mi(dispersion, d, df)}


def sample(rng: np.random.Generator, params: dict, transformation: str, n: int):
    """Draw n rows of (X, y) from a family with the given parameters and transformation."""
    if "eps" in params:
        x, y = D.sample_additive_uniform(rng, params["eps"], n)
    else:
        if np.isinf(params["df"]):
            xy = D.sample_normal(rng, params["dispersion"], n)
        else:
            xy = D.sample_student(rng, params["dispersion"], params["df"], n)
        x, y = np.split(xy, 2, axis=1)
    map_x, map_y = D.MONOTONE[transformation]
    return map_x(x), map_y(y)


def _draw(seed: int, index: int, family: str, transformation: str, n: int, d: int):
    rng = D.stream("mtest", seed, index)
    return sample(rng, draw_parameters(rng, family, d), transformation, n)


@lru_cache(maxsize=4)
def problems(seed: int = 0) -> tuple[Problem, ...]:
    """Return the 1,080 problems in distribution and the 1,260 out of distribution."""
    out: list[Problem] = []
    for group, families in (("in", IN_DISTRIBUTION), ("out", OUT_OF_DISTRIBUTION)):
        for number, (family, transformation) in enumerate(families):
            dims = D.stream("mtest-dims", seed, group, number).integers(
                DIMS[0], DIMS[1] + 1, size=len(SIZES)
            )
            for n, d in zip(SIZES, dims.tolist(), strict=True):
                for _ in range(PER_SIZE):
                    index = len(out)
                    params = draw_parameters(D.stream("mtest", seed, index), family, d)
                    draw = partial(_draw, seed, index, family, transformation, n, d)
                    task = f"{family} {transformation}"
                    out.append(Problem(index, task, group, n, d, d, params["mi"], seed, draw))
    return tuple(out)


@lru_cache(maxsize=64)
def prior_sample(d: int, per_family: int = 250) -> np.ndarray:
    """Return sorted MI of distributions drawn from the 16 training families with d + d columns.

    What is known of the answer before the data are seen, from n and dims alone; the stream is
    disjoint from those of the test problems.
    """
    rng = D.stream("mtest-prior", d)
    values = [draw_parameters(rng, f, d)["mi"] for f, _ in TRAIN for _ in range(per_family)]
    return np.sort(values)
