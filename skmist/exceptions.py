"""Warnings and errors that are particular to this package."""

from __future__ import annotations

__all__ = ["CheckpointError", "OutOfDomainWarning"]


class OutOfDomainWarning(UserWarning):
    """The data lie outside the range that the network was trained on; the message says why.

    The number that comes with this warning is finite, but the error to expect of it was never
    measured.

    Examples
    --------
    Refuse such estimates:

    >>> import warnings
    >>> from skmist import MISTEstimator, OutOfDomainWarning
    >>> x = [[1.0], [2.5], [3.0], [4.2], [5.1], [6.3], [7.9], [8.8]]
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", OutOfDomainWarning)
    ...     MISTEstimator().score(x, x)
    Traceback (most recent call last):
    skmist.exceptions.OutOfDomainWarning: The estimate lies outside the trained range: ...
    """


class CheckpointError(ValueError):
    """A file of weights is missing, damaged, or not one that this version can read."""
