"""What a suite is: tasks with known mutual information, and problems that each draw a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.distributions import stream

CONTINUOUS = ("continuous", "continuous")
Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """A joint distribution whose mutual information is known.

    Parameters
    ----------
    name : str
        Name in the tables.
    dx, dy : int
        Numbers of columns of X and of y.
    mi : float
        Mutual information in nats.
    sample : callable
        Takes a generator and n; returns arrays of shapes (n, dx) and (n, dy).
    family : str
        Kind of distribution that tables are split by.
    types : tuple of (str, str)
        What the columns of X and of y are: "continuous", "discrete" (numbers) or "category".
    """

    name: str
    dx: int
    dy: int
    mi: float
    sample: Sampler
    family: str = ""
    types: tuple[str, str] = CONTINUOUS

    def mapped(self, name: str, map_x: Callable, map_y: Callable, dx: int | None = None) -> Task:
        """Return the task after invertible maps of X and of y."""

        def sample(rng, n):
            x, y = self.sample(rng, n)
            return map_x(x), map_y(y)

        return replace(self, name=name, dx=dx or self.dx, sample=sample)


@dataclass(frozen=True)
class Problem:
    """One data set of a suite, not yet drawn.

    Parameters
    ----------
    index : int
        Position in the suite.
    task : str
        Name of the distribution or family.
    group : str
        Part of the suite that tables are split by.
    n, dx, dy : int
        Numbers of rows and of columns of X and y.
    mi : float
        Exact mutual information in nats.
    seed : int
        Seed of the suite.
    draw : callable
        Returns (x, y) of shapes (n, dx) and (n, dy).
    types : tuple of (str, str)
        What the columns of X and of y are: "continuous", "discrete" (numbers) or "category".
    """

    index: int
    task: str
    group: str
    n: int
    dx: int
    dy: int
    mi: float
    seed: int
    draw: Callable[[], tuple[np.ndarray, np.ndarray]]
    types: tuple[str, str] = CONTINUOUS

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Whether X and whether y are discrete."""
        x_type, y_type = self.types
        return x_type != "continuous", y_type != "continuous"


def grid(tasks: Sequence[Task], sizes: Sequence[int], suite: str, seed: int) -> list[Problem]:
    """Return each task at each size, with a random stream named by suite, seed, size and number."""

    def draw(number: int, n: int):
        return tasks[number].sample(stream(suite, seed, n, number), n)

    out = []
    for n in sizes:
        for number, t in enumerate(tasks):
            name = t.family or f"n={n}"
            one = partial(draw, number, n)
            index = len(out)
            out.append(Problem(index, t.name, name, n, t.dx, t.dy, t.mi, seed, one, t.types))
    return out
