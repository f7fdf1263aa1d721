"""One progress bar for the whole of a long piece of work, where somebody watches it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from skmist._information import Settings

DELAY = 3.0  # seconds that work has to take before "auto" shows a bar


def progress_bar(verbose: bool | int | str, total: int | None = None) -> tqdm:
    """Return a bar that counts estimates, to be used in a ``with`` statement.

    Parameters
    ----------
    verbose : bool, int or "auto"
        "auto" shows the bar after ``DELAY`` seconds, if stderr is a terminal or this is a notebook,
        and wipes it off at the end; it never writes into a file or a pipe.
    total : int, optional
        Number of estimates, if it is known.
    """
    auto = verbose == "auto"
    return tqdm(
        total=total,
        unit="estimate",
        disable=not (_is_watched() if auto else verbose),
        delay=DELAY if auto else 0,
        leave=not auto,
    )


@contextmanager
def watched(settings: Settings, total: int | None = None) -> Iterator[Settings]:
    """Yield settings with which all questions count on one bar.

    Parameters
    ----------
    settings : Settings
        How to ask.
    total : int, optional
        Number of estimates to begin with; without it the bar only counts.
    """
    with progress_bar(settings.engine.verbose, total) as bar:
        yield replace(settings, engine=replace(settings.engine, bar=bar))


def _is_watched() -> bool:
    """Tell whether stderr is a terminal, or this is a notebook, where it is none."""
    if getattr(sys.stderr, "isatty", bool)():
        return True
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
