"""Endless, reproducible streams of training batches, prepared ahead of the network."""

from __future__ import annotations

import hashlib
import itertools
import queue
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace

import torch
from torch import Tensor

from skmist._training.presets import USUAL_BUDGET, Preset, draw_batch
from skmist._training.random import Rng
from skmist.core.network import Features, MISTNetwork

THREADS = 2  # that prepare batches
WAITING = 60_000.0  # cost of the batches that are kept to be taken again, in milliseconds
FEWEST_WAITING = 64  # of these batches


def seed_of(stream: str, preset: str, seed: int, index: int) -> int:
    """Return the seed of one batch; streams of different names never meet."""
    text = f"{stream}/{preset}/{seed}/{index}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def finite(features: Features, mi: Tensor) -> bool:
    """Tell whether everything in a batch is finite."""
    held = list(vars(features).values())
    held += [v for part in held if is_dataclass(part) for v in vars(part).values()]
    parts = [mi, *(v for v in held if isinstance(v, Tensor))]
    return bool(torch.isfinite(torch.stack([p.sum() for p in parts])).all())


@dataclass
class Batch:
    """A batch of features with the true mutual information, and its place in the stream."""

    index: int
    features: Features
    mi: Tensor  # (B,)
    shape: tuple[int, int, int]  # n, dx, dy
    finite: bool  # whether it may be trained on
    fresh: bool = True  # whether it is taken for the first time
    times: int = 1  # how often it is taken for once of the others
    teacher: Tensor | None = None  # (B, L), quantiles that other weights give


def make_batch(
    network: MISTNetwork, preset: Preset, stream: str, seed: int, index: int, device, budget: float
) -> Batch:
    """Draw batch number ``index`` of a stream and compute its features."""
    rng = Rng(seed_of(stream, preset.name, seed, index), device)
    draw = draw_batch(preset, rng, budget)
    n_queries = rng.choose((64, 128, 256, 512, 1024), (1, 3, 3, 1, 0.7))
    features = network.features(draw.x, draw.y, n_queries, draw.labels)
    shape = (draw.x.shape[1], draw.x.shape[2], draw.y.shape[2])
    times = preset.far_times if shape[0] > preset.n_common else 1
    return Batch(index, features, draw.mi, shape, finite(features, draw.mi), times=times)


def repeated(
    batches: Iterator[Batch], times: int, seed: int, budget: float = USUAL_BUDGET
) -> Iterator[Batch]:
    """Return batches, each of them taken several times, later ones between.

    A batch costs more to prepare than to step on (Choi, Passos, Shallue and Dahl, "Faster Neural
    Network Training with Data Echoing", arXiv 1907.05550, 2019). The more batches wait, the less
    alike are the steps between which one is taken again.
    """
    rng, waiting = random.Random(seed), []
    most = max(FEWEST_WAITING, int(WAITING / budget) if times > 1 else 0)
    for batch in batches:
        yield batch
        waiting += [replace(batch, fresh=False)] * (times * batch.times - 1)
        while len(waiting) > most:
            place = rng.randrange(len(waiting))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            yield waiting.pop()


class Prefetcher:
    """Prepare batches in threads of their own, in order.

    Parameters
    ----------
    network : MISTNetwork
        Only its features, which hold no weights, are used.
    preset : Preset
    stream : str
        ``"train"`` or another name.
    seed : int
    start, stride : int
        The indices are start, start + stride, ...
    device : torch.device
    budget : float
        Cost of a batch; see ``presets.cost``.
    ahead : int
        Number of batches that each thread keeps ready.
    threads : int
        Number of threads, which take the indices in turn.
    """

    def __init__(
        self, network, preset, stream, seed, start, stride=1, device="cpu", budget=60.0, ahead=4,
        threads=THREADS,
    ):  # fmt: skip
        self._make = lambda i: make_batch(network, preset, stream, seed, i, device, budget)
        self._stop = threading.Event()
        self._queues = [queue.Queue(ahead) for _ in range(threads)]
        self._threads = [
            threading.Thread(
                target=self._work, args=(q, start + i * stride, threads * stride), daemon=True
            )
            for i, q in enumerate(self._queues)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, ready: queue.Queue, index: int, stride: int) -> None:
        try:
            while not self._stop.is_set():
                batch = self._make(index)
                index += stride
                while not self._stop.is_set():
                    try:
                        ready.put(batch, timeout=0.2)
                        break
                    except queue.Full:
                        continue
        except BaseException as error:  # handed to the consumer, which raises it
            ready.put(error)

    def __iter__(self) -> Iterator[Batch]:
        for ready in itertools.cycle(self._queues):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
