"""Training throughput: its parts add up to the time taken, and the command prints them."""

import time

import pytest
import torch

from skmist._training.cli import main
from skmist._training.profile import (
    PARTS,
    Clock,
    Throughput,
    preparation_rate,
    profile,
    table,
)
from skmist._training.trainer import TrainOptions

QUICK = TrainOptions(accumulate=2, budget=4.0, warmup=5)


def test_parts_add_up_to_the_time_taken():
    start = time.perf_counter()
    measured = profile(QUICK, steps=3, skip=1)
    taken = time.perf_counter() - start
    assert set(measured.wall) == set(measured.cpu) == set(PARTS)
    assert all(seconds > 0 for seconds in measured.wall.values())
    assert sum(measured.wall.values()) < taken
    assert measured.datasets >= 3 * 2 * 4  # steps, batches of a step, the smallest batch


def test_only_the_steps_asked_for_are_counted():
    assert profile(QUICK, steps=1, skip=0).datasets < profile(QUICK, steps=4, skip=0).datasets


def test_clock_adds_up():
    clock = Clock(torch.device("cpu"))
    for _ in range(2):
        with clock:
            time.sleep(0.02)
    time.sleep(0.02)
    assert 0.04 <= clock.wall
    assert clock.cpu < clock.wall


def test_rates_and_table():
    measured = Throughput(
        1000, dict(zip(PARTS, (1.0, 2.0, 2.0), strict=True)), dict.fromkeys(PARTS, 1.5)
    )
    assert measured.rate("sampling") == 1000
    assert measured.rate(*PARTS) == 200
    text = table(measured)
    assert "| sampling | 1 | 1.5 | 20% | 1,000 |" in text
    assert "1,000 data sets in 5.0 s: 200 data sets a second" in text
    assert "at most 500 where" in text


def test_processes_prepare_batches_side_by_side(capsys):
    start = time.perf_counter()
    one = preparation_rate(QUICK, 1, seconds=0.3, skip=1)
    assert one * (time.perf_counter() - start) >= 4  # data sets of the smallest batch
    assert main(["profile", "--processes", "2", "--budget", "4", "--preset", "pairs"]) == 0
    assert "2 processes: " in capsys.readouterr().out


def test_command(capsys):
    assert main(["profile", "--steps", "1", "--budget", "4", "--accumulate", "1"]) == 0
    printed = capsys.readouterr().out
    for part in PARTS:
        assert f"| {part} |" in printed


def test_help_explains_itself(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["profile", "--help"])
    assert stop.value.code == 0 and "processor time" in capsys.readouterr().out
