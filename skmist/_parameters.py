"""Constraints on the parameters that the public classes and functions share."""

from __future__ import annotations

import os
import sys
import warnings
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skmist._encoding import TYPES
from skmist._validation import Notes

LARGEST_LEVEL = 0.99  # of an interval: the outermost quantiles are those at 0.005 and 0.995
_PASSED_OVER = ("skmist", "sklearn")  # frames that a warning does not point at
_COLUMN_TYPES = [StrOptions({"auto", *TYPES}), dict, "array-like"]

SHARED_CONSTRAINTS: dict = {
    "x_types": _COLUMN_TYPES,
    "y_type": _COLUMN_TYPES,
    "missing": [StrOptions({"error", "pairwise"})],
    "point": [StrOptions({"mean", "median"}), Interval(Real, 0, 1, closed="neither")],
    "level": [Interval(Real, 0, LARGEST_LEVEL, closed="right")],
    "units": [StrOptions({"nats", "bits"})],
    "n_permutations": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "device": [str, torch.device, None],
    "checkpoint": [str, os.PathLike, None],
    "n_jobs": [Integral, None],
    "verbose": ["verbose", StrOptions({"auto"})],
}


def issue(notes: Notes) -> None:
    """Issue the warnings collected, as if from the line that called into the package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _PASSED_OVER:
        level, frame = level + 1, frame.f_back
    for category, text in notes.items:
        warnings.warn(text, category, stacklevel=level)
