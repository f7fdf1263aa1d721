"""What a suite is: a list of problems, each of which can draw its own data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


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
