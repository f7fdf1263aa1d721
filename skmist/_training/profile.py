"""Training throughput: data sets a second, and which part of the work takes the time."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass

import torch
from torch import multiprocessing

from skmist._training.presets import PRESETS
from skmist._training.stream import THREADS, make_batch
from skmist._training.trainer import Trainer, TrainOptions
from skmist.core import CoreConfig
from skmist.core.network import Features, MISTNetwork

STREAM = "profile"
PARTS = ("sampling", "features", "step")


class Clock:
    """Add up the time of work on a device, in seconds of the wall and of this process's cores."""

    def __init__(self, device: torch.device):
        self.device = device
        self.wall, self.cpu = 0.0, 0.0

    def _now(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter(), time.process_time()

    def __enter__(self) -> Clock:
        self._start = self._now()
        return self

    def __exit__(self, *error) -> None:
        wall, cpu = self._now()
        self.wall += wall - self._start[0]
        self.cpu += cpu - self._start[1]


class _TimedFeatures:
    """What a stream needs of a network: its features, here under a clock."""

    def __init__(self, network: MISTNetwork, clock: Clock):
        self._network, self._clock = network, clock

    def features(self, *args) -> Features:
        with self._clock:
            return self._network.features(*args)


@dataclass
class Throughput:
    """Time of training, by part.

    Attributes
    ----------
    datasets : int
        Number of data sets.
    wall, cpu : dict of str to float
        Seconds of each of ``PARTS``, by the wall clock and of processor time.
    """

    datasets: int
    wall: dict[str, float]
    cpu: dict[str, float]

    def rate(self, *parts: str) -> float:
        """Return the data sets a second, by the wall clock, if nothing but these parts was done."""
        return self.datasets / max(sum(self.wall[p] for p in parts), 1e-9)


def profile(
    options: TrainOptions, steps: int = 20, device: str = "cpu", skip: int = 2
) -> Throughput:
    """Take training steps of a fresh network, and time their parts one after another.

    Sampling and features are those of :func:`skmist._training.stream.make_batch`, the step that of
    the trainer, with loss, gradients, optimiser and averaged weights.

    Parameters
    ----------
    options : TrainOptions
    steps : int
        Steps that are timed.
    device : str
    skip : int
        Steps before them that are not: they fill caches.

    Returns
    -------
    Throughput
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(folder, options, device=device)
        clocks = {}
        for number in range(skip + steps):
            if number in (0, skip):
                clocks = {part: Clock(trainer.device) for part in PARTS}
                before = trainer.datasets
            _one_step(trainer, clocks, number)
        wall = {part: clock.wall for part, clock in clocks.items()}
        cpu = {part: clock.cpu for part, clock in clocks.items()}
        for times in (wall, cpu):  # batches are drawn and described in one call
            times["sampling"] -= times["features"]
        return Throughput(trainer.datasets - before, wall, cpu)


def _one_step(trainer: Trainer, clocks: dict[str, Clock], number: int) -> None:
    """Make the batches of a step, and take it."""
    o, preset = trainer.options, PRESETS[trainer.options.preset]
    timed = _TimedFeatures(trainer.network, clocks["features"])
    with clocks["sampling"]:
        first = number * o.accumulate
        batches = [
            make_batch(timed, preset, STREAM, o.seed or 0, i, trainer.device, o.budget)
            for i in range(first, first + o.accumulate)
        ]
    with clocks["step"]:
        trainer._one_step(iter(batches), o.lr)


def table(measured: Throughput) -> str:
    """Return a Markdown table of the parts, and the rates of training in sentences."""
    count, all_wall = measured.datasets, sum(measured.wall.values())
    lines = [
        "| | ms per data set | processor ms per data set | share | data sets a second |",
        "|---|---:|---:|---:|---:|",
    ]
    for part in PARTS:
        wall, cpu = measured.wall[part], measured.cpu[part]
        lines.append(
            f"| {part} | {1e3 * wall / count:.3g} | {1e3 * cpu / count:.3g} "
            f"| {wall / all_wall:.0%} | {measured.rate(part):,.0f} |"
        )
    together, slower = (
        measured.rate(*PARTS),
        min(THREADS * measured.rate("sampling", "features"), measured.rate("step")),
    )
    lines.append(
        f"\n{count:,} data sets in {all_wall:.1f} s: {together:,.0f} data sets a second one part "
        f"after another, at most {slower:,.0f} where {THREADS} threads with a core each prepare "
        "batches beside the step."
    )
    return "\n".join(lines)


def _prepare(number: int, options: TrainOptions, seconds: float, device: str, skip, start, told):
    """Make batches for some seconds, once all processes are ready; tell how many data sets."""
    torch.set_num_threads(1)
    clock = Clock(torch.device(device))
    network, preset = MISTNetwork(CoreConfig()).to(device), PRESETS[options.preset]
    indices = iter(range(number * 10**6, (number + 1) * 10**6))

    def one() -> int:
        with clock:
            batch = make_batch(
                network, preset, STREAM, options.seed or 0, next(indices), device, options.budget
            )
        return len(batch.mi)

    for _ in range(skip):
        one()
    start.wait()
    clock.wall, count = 0.0, 0
    while clock.wall < seconds:
        count += one()
    told.put((count, clock.wall))


def preparation_rate(
    options: TrainOptions, processes: int, seconds: float = 10.0, device: str = "cpu", skip: int = 2
) -> float:
    """Return the data sets a second that several processes sample and describe by features.

    Parameters
    ----------
    options : TrainOptions
        Of these preset, seed and budget count.
    processes : int
        Processes, which share the device.
    seconds : float
        How long batches are made and counted, in every process.
    device : str
    skip : int
        Batches of each process before that.

    Returns
    -------
    float
    """
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(processes), context.SimpleQueue()
    arguments = (options, seconds, device, skip, start, told)
    running = multiprocessing.spawn(_prepare, arguments, processes, join=False)
    while not running.join():
        pass
    return sum(count / wall for count, wall in (told.get() for _ in range(processes)))
