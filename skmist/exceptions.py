"""Warnings and errors that are particular to this package."""

from __future__ import annotations

__all__ = ["CheckpointError", "OutOfDomainWarning"]


class OutOfDomainWarning(UserWarning):
    """The data lie outside the range that the network was trained on; the message says why.

    The number that comes with this warning is finite, but the error to expect of it was never
    measured.

    Examples
    --------
    >>> import warnings
    >>> from skmist import OutOfDomainWarning
    >>> warnings.simplefilter("error", OutOfDomainWarning)  # refuse such estimates
    >>> warnings.resetwarnings()
    """


class CheckpointError(ValueError):
    """A file of weights is missing, damaged, or not one that this version can read."""
