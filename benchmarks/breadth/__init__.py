"""The suite breadth: 46 tasks none of which is in a training preset.

Training has families akin to some of them: mixtures of fewer normals, random flows, the length of a
few columns, counts of a shared rate.
Mutual information is a closed form, or an integral of one or two dimensions, or (mixtures) a
Monte Carlo mean of the exact log density ratio with a standard error below 0.005 nats.
"""

from __future__ import annotations

from functools import lru_cache

from benchmarks.breadth import copulas, labels, noisy_functions, shapes, vectors
from benchmarks.suite import Problem, Task, grid

SIZES = (200, 500, 2000, 10000)


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """Return all tasks; those of a family stand together."""
    parts = (copulas, vectors, noisy_functions, labels, shapes)
    return tuple(task for part in parts for task in part.tasks())


def problems(seed: int = 0) -> list[Problem]:
    """Return each task at each of the four sizes."""
    return grid(tasks(), SIZES, "breadth", seed)
