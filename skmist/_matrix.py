"""The mutual information of all pairs of columns of a table."""

from __future__ import annotations

import numpy as np

from skmist._encoding import Side, encode, infer_types, note_constants, requested_types
from skmist._information import BLOCK_CELLS, Settings, ask, note_outside
from skmist._validation import Notes, Table, check_samples, note_unseen

PAIRS = 20_000  # that are asked about at once


def pairwise(X: Table, settings: Settings, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Estimate I(X_i; X_j) for all pairs of columns.

    Returns
    -------
    matrix : ndarray of shape (d, d)
        Estimates, in the units of the settings; on the diagonal the entropies of discrete columns
        and NaN for continuous ones.
    bounds : ndarray of shape (d, d)
        The smaller one of the entropies of both columns on the rows that the pair has, in nats;
        infinite where both are continuous.
    """
    X = X.block(slice(None))
    types = infer_types(X, requested_types(settings.x_types, X, "types"))
    d = X.n_columns
    present = ~np.isnan(X.values)
    complete = present.all(axis=0)
    for j in np.flatnonzero(~complete):
        where = f" not missing in column {X.names[j]!r}"
        check_samples(int(present[:, j].sum()), settings.caller, where)
    note_constants((X,), notes)
    columns = [X.block([j]) for j in range(d)]
    whole = [encode(columns[j].rows(present[:, j]), types[[j]]) for j in range(d)]
    rows, cols = np.triu_indices(d, 1)
    unseen: dict[int, list[str]] = {}

    def pair(i: int, j: int) -> tuple[Side, Side]:
        if complete[i] and complete[j]:
            return whole[i], whole[j]
        keep = present[:, i] & present[:, j]
        where = f" not missing in columns {X.names[i]!r} and {X.names[j]!r}"
        check_samples(int(keep.sum()), settings.caller, where)
        left, right = (encode(columns[k].rows(keep), types[[k]]) for k in (i, j))
        for one, other, side in ((i, j, left), (j, i, right)):
            if whole[one].width and not side.width:
                unseen.setdefault(one, []).append(X.names[other])
        return left, right

    reasons: list[list[str]] = []
    matrix, bounds = np.empty((d, d)), np.diag([side.entropy for side in whole])
    matrix[np.diag_indices(d)] = [
        np.nan if side.codes is None else side.entropy * settings.unit for side in whole
    ]
    # without the rows that a pair lacks, each column is encoded anew: fewer pairs at once
    some = PAIRS if complete.all() else max(1, min(PAIRS, BLOCK_CELLS // (2 * X.n_rows)))
    for k in range(0, len(rows), some):
        i, j = rows[k : k + some], cols[k : k + some]
        pairs = [pair(a, b) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
        matrix[i, j] = matrix[j, i] = ask(pairs, settings, reasons).values
        bounds[i, j] = bounds[j, i] = [min(a.entropy, b.entropy) for a, b in pairs]

    def name(k: int) -> str:
        return f"{X.names[int(rows[k])]} and {X.names[int(cols[k])]}"

    note_outside(reasons, name, "pair", notes)
    for j, others in unseen.items():
        note_unseen(f"Column {X.names[j]!r}", others, notes)
    return matrix, bounds
