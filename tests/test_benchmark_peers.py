"""Estimates of peers on file are those that the code of today gives: they are kept between runs."""

import csv

import pytest

from benchmarks import accuracy, estimators

PEERS = ("ksg5", "cca", "gcmi")
FEW = 8  # problems looked at, of the smallest size of each suite


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("suite", accuracy.SUITES)
def test_peers_on_file_are_those_of_this_code(suite, name):
    with accuracy.raw_path(suite, name, 0).open() as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        kept = {int(line["index"]): line for line in lines}
    problems = [p for p in accuracy.SUITES[suite](0) if p.index in kept]
    size = min(p.n for p in problems)
    smallest = [p for p in problems if p.n == size]
    for problem, row in estimators.peer_rows(name, smallest[:: -(-len(smallest) // FEW)]):
        line = kept[problem.index]
        assert problem.mi == pytest.approx(float(line["mi"]), rel=1e-5)
        expected = float(line["estimate"] or "nan")
        assert row["estimate"] == pytest.approx(expected, rel=1e-4, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("suite", ["breadth", "classes"])
def test_each_applicable_problem_is_on_file(suite):
    for name in PEERS:
        with accuracy.raw_path(suite, name, 0).open() as file:
            kept = {int(line["index"]) for line in csv.DictReader(file)}
        problems = accuracy.SUITES[suite](0)
        assert kept == {p.index for p in problems if estimators.applicable(name, suite, p)}
