"""Draw the null distribution of one column against one, the table that exact p-values come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from skmist._inference import Engine, Question
from skmist._linear import Blend, permuted_linear_parts, white_scores
from skmist._null import NullTable, pairs_sha256, table_path

DRAWS = 20_000
N_RANKS = 240  # order statistics kept
ALL_TO = 16  # up to here every number of rows has draws of its own
N_SIZES = 37  # numbers of rows above, evenly spaced on a logarithmic scale
LARGEST = 10_000  # rows; drawing the table for more would take hours
CHUNK = 2000  # draws that go to the engine at a time


def default_sizes(smallest: int, largest: int) -> list[int]:
    """Return the numbers of rows that the table holds."""
    spaced = np.geomspace(ALL_TO, largest, N_SIZES).round().astype(int).tolist()
    return sorted({*range(smallest, ALL_TO), *spaced})


def kept_ranks(draws: int) -> np.ndarray:
    """Return which order statistics are kept: close together at the upper end."""
    upper = np.geomspace(1, draws / 2, N_RANKS * 2 // 3)
    lower = np.linspace(draws / 2, draws, N_RANKS // 3)
    return np.unique(np.concatenate([upper, lower]).round().astype(int))


def draw_null(n: int, draws: int, seed: int, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """Draw independent columns without ties.

    The path is that of the public classes, so that the numbers are those which users see.

    Returns
    -------
    estimates : ndarray of shape (draws,)
        In nats.
    linear : ndarray of shape (draws,)
        Linear parts of the dependence.
    """
    column = np.arange(float(n))[:, None]
    scores = white_scores(column)
    parts = []
    for start in range(0, draws, CHUNK):
        numbers = range(start, min(start + CHUNK, draws))
        questions = [Question(column, column, seed=(seed, n, k)) for k in numbers]
        linear = permuted_linear_parts(
            scores, scores, len(questions), lambda k, asked=questions: asked[k].order()
        )
        parts.append((engine.run(questions).mean().numpy(), linear))
    estimates, linear = (np.concatenate(part) for part in zip(*parts, strict=True))
    return estimates, linear


def make_table(
    checkpoint: str | os.PathLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    sizes: Sequence[int] | None = None,
    n_jobs: int | None = None,
    report: Callable[[int], None] = lambda n: None,
) -> NullTable:
    """Draw the table of a file of weights.

    Parameters
    ----------
    checkpoint : path-like, optional
        File of weights; by default the released one.
    draws : int
        Number B of draws at each number of rows.
    seed : int
        Seed of the draws.
    sizes : sequence of int, optional
        Numbers of rows; by default from the smallest of training to ``LARGEST``.
    n_jobs : int, optional
        Number of batches at once.
    report : callable
        Called with each number of rows when it is done.

    Returns
    -------
    NullTable
    """
    engine = Engine(checkpoint, n_jobs=n_jobs)
    sizes = sizes or default_sizes(engine.config.n_min, LARGEST)
    ranks = kept_ranks(draws)
    rows, blends = [], []
    for n in sizes:
        estimates, linear = draw_null(n, draws, seed, engine)
        blend = Blend.of(estimates, linear)
        blends.append([blend.threshold, blend.multiple])
        ordered = np.sort(blend(estimates, linear))[::-1]
        rows.append(ordered[ranks - 1])
        report(n)
    return NullTable(
        pairs_sha256(checkpoint), draws, np.array(sizes), ranks, np.array(rows), np.array(blends)
    )


def gap_errors(table: NullTable) -> dict[int, tuple[float, float]]:
    """Return what interpolation over twice the spacing would do to p-values of 0.05 and 0.01.

    Each inner number of rows is left out in turn and interpolated from its neighbours; between
    neighbours of the table itself the error is smaller.
    """
    found = {}
    for i in range(1, len(table.sizes) - 1):
        around = NullTable(
            table.weights,
            table.draws,
            table.sizes[[i - 1, i + 1]],
            table.ranks,
            table.statistics[[i - 1, i + 1]],
            table.blends[[i - 1, i + 1]],
        )
        p = np.log((table.ranks + 1) / (table.draws + 1))
        at = [np.interp(np.log(q), p, np.log(table.statistics[i])) for q in (0.05, 0.01)]
        got = around.pvalues(int(table.sizes[i]), np.exp(at))
        found[int(table.sizes[i])] = (float(got[0]), float(got[1]))
    return found


def write(table: NullTable, checkpoint: str | os.PathLike | None = None) -> Path:
    """Write a table beside its weights and return the path."""
    path = table_path(checkpoint)
    table.save(path)
    return path
