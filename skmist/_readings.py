"""Numbers that are codes in no order: read as labels where these tell more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skmist._encoding import MAX_LABELS, Side, is_single
from skmist._inference import Engine, Question

ROWS_EACH = 4  # rows for each distinct number, on average, that reading them as labels takes
MANY_ROWS = 40  # with so many, labels lose next to nothing where the order does matter
_PROBE = 160  # rows that mostly show that a column has many distinct values
_SURE = 0.01  # level of the quantile that has to lie above the other median


def read_as_labels(
    questions: Sequence[Question], pairs: Sequence[tuple[Side, Side]], medians: np.ndarray,
    engine: Engine,
) -> dict[int, tuple[np.ndarray, float, float]]:  # fmt: skip
    """Ask questions on one column against one again, with repeated numbers as labels.

    Mutual information does not depend on the order of the values, but how much a sample shows of it
    does: what codes in no order tell, such as those of shops, hardly shows in their ranks.
    Numbers count as labels where they have many rows each, or tell almost certainly more so than by
    the median of the other reading.

    Parameters
    ----------
    questions : sequence of Question
    pairs : sequence of pairs of Side
        The sides of the questions.
    medians : ndarray of shape (n_questions,)
        What the network said, in nats.
    engine : Engine

    Returns
    -------
    dict
        For each question that is better read so: quantiles, mean and domain score.
    """
    codes: dict[int, np.ndarray | None] = {}
    places, others, many = [], [], []
    for i, (question, sides) in enumerate(zip(questions, pairs, strict=True)):
        if not is_single(*sides):
            continue
        for name, side, labels in (
            ("x", sides[0], (True, question.labels[1])),
            ("y", sides[1], (question.labels[0], True)),
        ):
            if side.codes is None:
                values = getattr(question, name)
                if id(values) not in codes:
                    codes[id(values)] = few_codes(values[:, 0])
                if (code := codes[id(values)]) is not None:
                    places.append(i)
                    others.append(replace(question, **{name: code}, labels=labels))
                    many.append(len(code) >= MANY_ROWS * (code.max() + 1))
    if not others:
        return {}
    read, scores = engine.judge(others)
    lower, means = read.quantile(_SURE).numpy(), read.mean().numpy()
    found: dict[int, tuple[np.ndarray, float, float]] = {}
    for k in np.argsort(lower, kind="stable"):  # of two sides, the one that tells more comes last
        if many[k] or lower[k] > medians[places[k]]:
            found[places[k]] = read.latent[k].numpy(), float(means[k]), float(scores[k])
    return found


def few_codes(values: np.ndarray) -> np.ndarray | None:
    """Return a code from 0 for each of a few repeated values, (n, 1); None of many values."""
    most = min(MAX_LABELS, len(values) // ROWS_EACH)
    first = np.sort(values[:_PROBE])
    if np.count_nonzero(first[1:] != first[:-1]) >= most:
        return None
    distinct, code = np.unique(values, return_inverse=True)
    return code[:, None].astype(np.float64) if len(distinct) <= most else None
