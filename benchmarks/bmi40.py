"""The suite bmi40: the 40 tasks of "Beyond Normal", rebuilt from their definitions.

Czyż, Grabowski, Vogt, Beerenwinkel, Marx, "Beyond Normal: On the evaluation of mutual information
estimators", NeurIPS 2023 (tasks: section 3 and appendix; parameters as in the package BMI 0.1).
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from benchmarks import distributions as D
from benchmarks.suite import Problem, Task, grid

SIZES = (200, 500, 2000, 10000)
RHO = 0.75
STRENGTH = 2.0
SPIRAL_SPEED = 1.0


def _monotone(task: Task, name: str, kind: str) -> Task:
    """Return the task after a monotone map of every column."""
    return task.mapped(name, *D.MONOTONE[kind])


def _spiralled(task: Task, name: str) -> Task:
    """Return the task with X turned in its columns 0 and 1, y in 1 and 2, by radius."""
    return task.mapped(
        name,
        partial(D.spiral, i=0, j=1, speed=SPIRAL_SPEED / task.dx),
        partial(D.spiral, i=1, j=2, speed=SPIRAL_SPEED / task.dy),
    )


def _normal(name: str, cov: np.ndarray, dx: int) -> Task:
    def sample(rng, n):
        xy = D.sample_normal(rng, cov, n)
        return xy[:, :dx], xy[:, dx:]

    return Task(name, dx, len(cov) - dx, D.normal_mi(cov, dx), sample)


def _student(d: int, df: int) -> Task:
    dispersion = np.eye(2 * d)

    def sample(rng, n):
        xy = D.sample_student(rng, dispersion, df, n)
        return xy[:, :d], xy[:, d:]

    return Task(f"Student {d}x{d} (df={df})", d, d, D.student_mi(dispersion, d, df), sample)


def _additive(eps: float) -> Task:
    def sample(rng, n):
        return D.sample_additive_uniform(rng, eps, n)

    return Task(f"Additive uniform 1x1 (eps={eps})", 1, 1, D.additive_uniform_mi(eps), sample)


def _one_dimensional() -> list[Task]:
    normal = _normal("Bivariate normal 1x1", D.equicorrelation(2, RHO), 1)
    uniform = _monotone(normal, "Normal CDF @ bivariate normal 1x1", "uniform")
    student = _student(1, 1)
    bimodal = uniform.mapped(
        "Bimodal 1x1",
        lambda u: D.normal_mixture_quantile(u, (0.3, 0.7), (0, 5)),
        lambda u: D.normal_mixture_quantile(u, (0.5, 0.5), (-1, 3)),
    )
    return [
        normal,
        uniform,
        _additive(0.1),
        _additive(0.75),
        bimodal,
        _monotone(normal, "Wiggly @ bivariate normal 1x1", "wiggly"),
        _monotone(normal, "Half-cube @ bivariate normal 1x1", "halfcube"),
        student,
        _monotone(student, "Asinh @ Student 1x1 (df=1)", "asinh"),
        uniform.mapped("Swiss roll 2x1", D.swiss_roll, D.identity, dx=2),
    ]


def _two_pair(d: int) -> Task:
    cov = D.latent_correlation(d, d, 2, STRENGTH)
    return _normal(f"Normal {d}x{d} (2-pair)", cov, d)


def _multivariate() -> list[Task]:
    dense = [
        _normal(f"Normal {d}x{d} (dense)", D.equicorrelation(2 * d, 0.5), d)
        for d in (2, 3, 5, 25, 50)
    ]
    sparse = [_two_pair(d) for d in (2, 3, 5, 25)]
    students = [_student(d, df) for d, df in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))]
    return dense + sparse + students


def _transformed() -> list[Task]:
    pairs = [_two_pair(d) for d in (3, 5, 25)]
    uniform = [_monotone(t, f"Normal CDF @ {t.name}", "uniform") for t in pairs]
    return (
        uniform
        + [_monotone(t, f"Half-cube @ {t.name}", "halfcube") for t in pairs]
        + [_spiralled(t, f"Spiral @ {t.name}") for t in pairs + uniform]
        + [
            _monotone(t, f"Asinh @ {t.name}", "asinh")
            for t in (_student(2, 1), _student(3, 2), _student(5, 2))
        ]
    )


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return the 40 tasks."""
    return tuple(_one_dimensional() + _multivariate() + _transformed())


def problems(seed: int = 0) -> list[Problem]:
    """Return the 40 tasks at each of the four sizes, 160 problems."""
    return grid(tasks(), SIZES, "bmi40", seed)
