"""I(X; y | Z): the chain rule, or one estimate for each value of a discrete Z."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skmist._domain import is_perfect
from skmist._encoding import (
    CONTINUOUS,
    constant_columns,
    encode,
    infer_types,
    note_constants,
    requested_types,
)
from skmist._information import Estimates, Settings, ask, joint, note_outside
from skmist._validation import (
    Notes,
    Table,
    check_finite,
    check_samples,
    listing,
    read_table,
)

MAX_STRATA = 20
STRATUM = 40  # rows of each value of Z; with fewer, estimates for each are mostly prior


def read_given(given: Any, n: int, *, caller: str, missing: str) -> Table:
    """Read and check the variables that are given, for n samples."""
    table = read_table(given, role="given", caller=caller, one_d=True)
    if table.n_rows != n:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"X and y have {n}, given has {table.n_rows}."
        )
    check_finite(table, caller=caller, missing=missing)
    return table.block(slice(None))


def conditional(
    X: Table, y: Table, Z: Table, given_types: Any, settings: Settings, notes: Notes
) -> tuple[float, tuple[float, float], int, bool, float]:
    """Estimate I(X; y | Z), on the rows that are complete; at most the entropy of X and of y.

    Returns
    -------
    value : float
        Point estimate, in the units of the settings.
    interval : tuple of (float, float)
        Central interval.
    n_used : int
        Number of samples used.
    in_domain : bool
        Whether all estimates made on the way lie inside the trained range.
    domain_score : float
        The largest domain score of these estimates.
    """
    X = X.block(slice(None))
    x_types = infer_types(X, requested_types(settings.x_types, X))
    y_types = infer_types(y, requested_types(settings.y_type, y))
    z_types = infer_types(Z, requested_types(given_types, Z, "given_types"))
    keep = X.complete_rows() & y.complete_rows() & Z.complete_rows()
    check_samples(int(keep.sum()), settings.caller, " without a missing value")
    X, y, Z = X.rows(keep), y.rows(keep), Z.rows(keep)
    note_constants((X, y), notes)
    if len(index := constant_columns(Z)):
        names = listing(Z.names[int(j)] for j in index)
        notes.add(f"Constant columns of given tell nothing and are left out: {names}.")
    if any(len(constant_columns(t)) == t.n_columns for t in (X, y)):
        return _stratified(X, x_types, y, y_types, np.zeros(y.n_rows, np.int64), settings, notes)
    if CONTINUOUS not in z_types:
        _, strata, counts = np.unique(Z.values, axis=0, return_inverse=True, return_counts=True)
        if len(counts) <= MAX_STRATA and counts.min() >= STRATUM:
            return _stratified(X, x_types, y, y_types, strata.ravel(), settings, notes)
    (X, x_types), (Z, z_types) = _varying(X, x_types), _varying(Z, z_types)
    for table, types in ((X, x_types), _varying(y, y_types)):
        if _is_function(table, types, Z, z_types):
            notes.add(f"given determines {table.role} exactly: nothing is left to share.")
            return 0.0, (0.0, 0.0), y.n_rows, True, 0.0
    both = Table(
        np.hstack([X.values, Z.values]),
        np.concatenate([X.kinds, Z.kinds]),
        [*X.names, *Z.names],
        "X and given",
    )
    settings = replace(settings, y_type=y_types, both_readings=False)
    types = np.concatenate([x_types, z_types])
    whole = joint(both, y, replace(settings, x_types=types), notes)[0]
    part = joint(Z, y, replace(settings, x_types=z_types), notes)[0]
    value, interval = difference(whole, part)
    sides = [encode(t, kinds) for t, kinds in ((X, x_types), _varying(y, y_types))]
    most = min(side.entropy for side in sides) * settings.unit
    limits = [side.limits(np.array([(1 + settings.level) / 2]))[0] for side in sides]
    low, high = min(interval[0], most), min(interval[1], min(limits) * settings.unit)
    value, interval = min(value, most), (float(low), float(high))
    n_used = int(min(whole.n_used[0], part.n_used[0]))
    score = max(float(e.domain_scores[0]) for e in (whole, part))
    return value, interval, n_used, bool(whole.in_domain[0] and part.in_domain[0]), score


def _varying(table: Table, types: np.ndarray) -> tuple[Table, np.ndarray]:
    """Return a table and the types of its columns without the constant ones."""
    varying = np.setdiff1d(np.arange(table.n_columns), constant_columns(table))
    return table.block(varying), types[varying]


def _is_function(table: Table, types: np.ndarray, Z: Table, z_types: np.ndarray) -> bool:
    """Tell whether a table is one continuous column that follows exactly from Z.

    Found are the relations of :func:`~skmist._domain.is_perfect`.
    """
    if list(types) != [CONTINUOUS] or not Z.n_columns:
        return False
    sides = [encode(t, kinds) for t, kinds in ((table, types), (Z, z_types))]
    if not is_perfect(*sides):
        return False
    both = np.column_stack([Z.values, table.values])
    return len(np.unique(both, axis=0)) == len(np.unique(Z.values, axis=0))


def difference(whole: Estimates, part: Estimates) -> tuple[float, tuple[float, float]]:
    """Return I(X, Z; y) - I(Z; y) with an interval, neither below 0 nor above I(X, Z; y).

    The distances of the ends from the estimate add up by their squares, as they do for independent
    errors (Zou and Donner, "Construction of confidence intervals about effect measures", Statistics
    in Medicine 27, 2008). Errors of two estimates on the same rows are positively correlated as a
    rule, which makes the interval wider than it need be.
    """
    a, (a_low, a_high) = float(whole.values[0]), whole.intervals[0]
    b, (b_low, b_high) = float(part.values[0]), part.intervals[0]
    # the mean, as the point estimate, may lie beyond an end
    down = np.hypot(max(a - a_low, 0.0), max(b_high - b, 0.0))
    up = np.hypot(max(a_high - a, 0.0), max(b - b_low, 0.0))
    low, high = max(0.0, a - b - down), min(max(0.0, a - b + up), a_high)
    return max(0.0, a - b), (float(low), float(high))


def _stratified(
    X: Table, x_types: np.ndarray, y: Table, y_types: np.ndarray, strata: np.ndarray,
    settings: Settings, notes: Notes,
) -> tuple[float, tuple[float, float], int, bool, float]:  # fmt: skip
    """Return the mean of the estimates for each value of Z, and that of the ends of intervals."""
    pairs, weights = [], []
    for k in range(int(strata.max()) + 1):
        rows = strata == k
        weights.append(rows.mean())
        sides = ((X, x_types), (y, y_types))
        pairs.append(tuple(encode(t.rows(rows), kinds) for t, kinds in sides))
    reasons: list[list[str]] = []
    found = ask(pairs, settings, reasons)
    note_outside(reasons, lambda k: f"value {k + 1} of given", "part", notes)
    low, high = np.asarray(weights) @ found.intervals
    value = float(np.asarray(weights) @ found.values)
    return (
        value,
        (float(low), float(high)),
        int(found.n_used.sum()),
        bool(found.in_domain.all()),
        float(found.domain_scores.max()),
    )
