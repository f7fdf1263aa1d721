"""Write what the examples print into README, index and user guide, or check that it is current.

Usage: python doc/write_outputs.py [--check] [PAGE ...]

A text block that directly follows a python block holds what the latter prints. One that follows a
sh block of commands ``skmist ...`` holds what these print. All blocks of a page run in order, in
one namespace and in an empty folder.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "doc/index.md", "doc/user_guide.md")
RELATIVE, ABSOLUTE = 0.03, 0.015  # by which numbers may differ: other processors round otherwise

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


class Output(NamedTuple):
    """What a block printed, and what the page says.

    Attributes
    ----------
    line : int
        Line of the page where the block that was run begins.
    printed : str
        What it printed.
    shown : str
        What the page shows.
    span : tuple of (int, int)
        Where in the page that stands.
    """

    line: int
    printed: str
    shown: str
    span: tuple[int, int]


def outputs(page: str) -> list[Output]:
    """Run all blocks of a page, a path relative to the repository; return outputs that it shows."""
    text = (ROOT / page).read_text("utf-8")
    os.environ.setdefault("MPLBACKEND", "Agg")
    blocks = list(_BLOCK.finditer(text))
    found: list[Output] = []
    namespace: dict = {"__name__": "__main__"}
    with _empty_folder(), warnings.catch_warnings():
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            line = text.count("\n", 0, block.start()) + 1
            if (printed := _run(block[1], block[2], page, line, namespace)) is None:
                continue
            if following is None or following[1] != "text":
                continue
            if not text[block.end() : following.start()].strip():
                found.append(Output(line, printed, following[2], following.span(2)))
    return found


def _run(kind: str, code: str, page: str, line: int, namespace: dict) -> str | None:
    """Run a block that begins at a line of a page; return what it prints, None if it is none."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        if kind == "python":  # line numbers of errors are those of the page
            exec(compile("\n" * line + code, page, "exec"), namespace)
        elif kind == "sh" and all(row.startswith("skmist ") for row in code.splitlines()):
            from skmist._cli import main

            for row in code.splitlines():
                if main(shlex.split(row, comments=True)[1:]):
                    raise RuntimeError(f"{page}, line {line}: the command failed: {row}")
        else:
            return None
    return "".join(f"{row.rstrip()}\n" for row in stream.getvalue().splitlines())


@contextmanager
def _empty_folder() -> Iterator[None]:
    """Work in an empty folder, and come back."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def agree(a: str, b: str) -> bool:
    """Tell whether two outputs are equal but for small differences of numbers, and for padding."""
    if [part.split() for part in _NUMBER.split(a)] != [part.split() for part in _NUMBER.split(b)]:
        return False
    pairs = zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    return all(_close(float(one), float(other)) for one, other in pairs)


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= RELATIVE * max(abs(a), abs(b)) + ABSOLUTE


def differences(page: str, found: list[Output] | None = None) -> list[str]:
    """Return a text for each block that prints something else than the page shows.

    ``found`` are the outputs of the page; by default it is run.
    """
    return [
        f"{page}: the block at line {o.line} prints\n{o.printed}where the page shows\n{o.shown}"
        for o in (outputs(page) if found is None else found)
        if not agree(o.printed, o.shown)
    ]


def write(page: str) -> None:
    """Run a page and put what its blocks print where it is shown."""
    text = (ROOT / page).read_text("utf-8")
    for output in reversed(outputs(page)):
        start, stop = output.span
        text = text[:start] + output.printed + text[stop:]
    (ROOT / page).write_text(text, "utf-8")


def main() -> int:
    """Parse the command line; return 1 if a check fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    parser.add_argument("pages", nargs="*", metavar="PAGE", default=PAGES, help="(default: all)")
    args = parser.parse_args()
    failed = False
    for page in args.pages:
        if args.check:
            found = differences(page)
            failed |= bool(found)
            print("\n".join(found) or f"{page}: what the examples print is current")
        else:
            write(page)
            print(f"wrote what the examples print into {page}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
