"""Constraints on the parameters that the public classes and functions share."""

from __future__ import annotations

import os
import warnings
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from skmist._encoding import TYPES
from skmist._validation import Notes

_COLUMN_TYPES = [StrOptions({"auto", *TYPES}), dict, "array-like"]

SHARED_CONSTRAINTS: dict = {
    "x_types": _COLUMN_TYPES,
    "y_types": _COLUMN_TYPES,
    "missing": [StrOptions({"error", "pairwise"})],
    "point": [StrOptions({"mean", "median"}), Interval(Real, 0, 1, closed="neither")],
    "level": [Interval(Real, 0, 1, closed="neither")],
    "units": [StrOptions({"nats", "bits"})],
    "n_permutations": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "device": [str, None],
    "checkpoint": [str, os.PathLike, None],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
}


def issue(notes: Notes, stacklevel: int = 3) -> None:
    """Issue the warnings collected, as if from the caller of a public function."""
    for category, text in notes.items:
        warnings.warn(text, category, stacklevel=stacklevel)
