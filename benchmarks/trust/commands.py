"""The commands of the suites on trust, and their sections of the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.accuracy import RESULTS
from benchmarks.trust import common, consistency, domain, independence, intervals, level, power

SUITES = {
    suite.name: suite
    for suite in (
        level.SUITE, power.SUITE, independence.SUITE, intervals.SUITE, domain.SUITE,
        consistency.SUITE,
    )
}  # fmt: skip


def add_commands(commands) -> None:
    """Add one command for each suite."""
    for suite in SUITES.values():
        parser = commands.add_parser(suite.name, help=suite.title)
        common.add_arguments(parser)
        suite.options(parser)


def main(args: argparse.Namespace) -> None:
    """Run a suite with parsed options, then write its tables."""
    suite = SUITES[args.command]
    folder = common.QUICK if args.quick else RESULTS
    suite.run(args, folder / "raw" / suite.name)
    if not args.no_report:
        path = write(suite, folder)
        print(f"{path}\n\n{path.read_text()}")


def write(suite: common.Suite, folder: Path = RESULTS) -> Path:
    """Write the tables of a suite, as Markdown and CSV; return the Markdown file."""
    text, summary = suite.describe(folder / "raw" / suite.name)
    summary.to_csv(folder / f"{suite.name}.csv", index=False, float_format="%.5g")
    path = folder / f"{suite.name}.md"
    path.write_text(text)
    return path


def sections() -> list[str]:
    """Return the tables of all suites that have results on file."""
    return [
        write(suite).read_text()
        for suite in SUITES.values()
        if any((RESULTS / "raw" / suite.name).glob("*.csv"))
    ]
