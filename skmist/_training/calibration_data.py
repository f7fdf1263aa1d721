"""The data that calibration is learned from, and what the network says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from skmist._calibration import signature
from skmist._encoding import Side, encode, infer_types, requested_types
from skmist._inference import Question
from skmist._training.heldout import FAMILIES, PAIRS
from skmist._training.presets import PRESETS, Shape, draw_batch, draw_composition, draw_shape
from skmist._training.random import Rng
from skmist._training.stream import seed_of
from skmist._validation import read_table
from skmist.core import MISTNetwork

STREAM = "calibration"
BATCHES, BUDGET = 900, 20.0
PAPER = 0.25  # batches of the preset "paper", as a share of those of "general"
LAWS = 48  # of each held-out family; each is sampled at two numbers of rows
MANY_ROWS = (100, 1000)  # from, to below: rows that the streams have few data sets of
WIDE = 60  # batches with more columns than training held
STREAM_NAME = "training distribution"


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says of a number of data sets of one part, and the truth.

    Attributes
    ----------
    source : ndarray of str of shape (N,)
        Family, or the name of the stream.
    number : ndarray of int of shape (N,)
        Number of the batch or of the distribution.
    signature : ndarray of shape (N, F)
    latent : ndarray of shape (N, L)
        Quantiles in nats.
    mi : ndarray of shape (N,)
    n, ratio : ndarray of shape (N,)
        Rows; columns of the wider side, in units of the most of training.
    """

    source: np.ndarray
    number: np.ndarray
    signature: np.ndarray
    latent: np.ndarray
    mi: np.ndarray
    n: np.ndarray
    ratio: np.ndarray

    def __getitem__(self, index) -> Answers:
        """Select data sets."""
        return Answers(**{k: v[index] for k, v in vars(self).items()})

    def __len__(self) -> int:
        return len(self.mi)


def joined(parts: list[Answers]) -> Answers:
    """Return the answers of all parts, one after the other."""
    return Answers(**{k: np.concatenate([vars(p)[k] for p in parts]) for k in vars(parts[0])})


class Collector:
    """Answers as they come, of both parts."""

    def __init__(self, network: MISTNetwork):
        self.network = network
        self.rows: dict[bool, list[Answers]] = {True: [], False: []}

    @torch.inference_mode()
    def add(self, source: str, number: int, x, y, labels, mi) -> None:
        """Ask about a batch of data sets x (B, n, dx) and y (B, n, dy)."""
        network, count = self.network, len(mi)
        features = network.features(x, y, None, labels)
        latent = network.predict(features).latent.double().numpy()
        own = signature(features).double().numpy()
        ok = np.isfinite(own).all(1) & np.isfinite(latent).all(1) & np.isfinite(mi)
        ratio = max(x.shape[2], y.shape[2]) / network.config.d_max
        answers = Answers(
            np.full(count, source),
            np.full(count, number),
            own,
            latent,
            np.asarray(mi, dtype=np.float64),
            np.full(count, x.shape[1]),
            np.full(count, ratio),
        )
        self.rows[x.shape[2] == y.shape[2] == 1].append(answers[ok])

    def collected(self, single: bool) -> Answers:
        """Return all answers of one part."""
        return joined(self.rows[single])


def add_stream(collector: Collector, batches: int = BATCHES) -> None:
    """Add the calibration streams of both presets, disjoint from training and validation."""
    number = 0
    for name, count in (("general", batches), ("paper", int(PAPER * batches))):
        for index in range(count):
            draw = draw_batch(PRESETS[name], Rng(seed_of(STREAM, name, 0, index)), BUDGET)
            collector.add(STREAM_NAME, number, draw.x, draw.y, draw.labels, draw.mi.numpy())
            number += 1


def answers_on_many_rows(network: MISTNetwork, batches: int = BATCHES) -> Answers:
    """Return answers on several columns and ``MANY_ROWS``, of both presets in their shares."""
    collector = Collector(network)
    for name, count in (("general", batches), ("paper", int(PAPER * batches))):
        preset, index = PRESETS[name], 0
        while count:
            seed, index = seed_of(STREAM, f"{name}, many rows", 0, index), index + 1
            shape, _ = draw_shape(preset, Rng(seed), BUDGET)
            if MANY_ROWS[0] <= shape.n < MANY_ROWS[1] and shape.dx + shape.dy > 2:
                draw = draw_batch(preset, Rng(seed), BUDGET)
                collector.add(STREAM_NAME, index, draw.x, draw.y, draw.labels, draw.mi.numpy())
                count -= 1
    return collector.collected(False)


def add_families(collector: Collector, laws: int = LAWS, largest: int = 10_000) -> None:
    """Add random distributions of the held-out families, at numbers of rows from 20 up.

    Every third one has one column on each side, where the family has such members.
    """
    for name, family in FAMILIES.items():
        for number in range(laws):
            seed = seed_of(STREAM, name, 0, number)
            rng = np.random.default_rng(seed)
            law = (PAIRS.get(name, family) if number % 3 == 2 else family)(rng)
            for n in np.exp(rng.uniform(np.log(20), np.log(largest), size=2)).astype(int):
                x, y = law.sample(rng, n)
                sides = [_encoded(v) for v in (x, y)]
                if not all(side.width for side in sides):  # constant on so few rows
                    continue
                question = Question.of(*sides)
                x, y = (torch.from_numpy(np.array(v, dtype=np.float64)) for v in question.sides())
                mi = [max(law.mi, 0.0)]
                collector.add(name, number, x[None], y[None], question.labels, mi)


def _encoded(values: np.ndarray) -> Side:
    table = read_table(values, role="X", caller="calibrate", one_d=True)
    return encode(table, infer_types(table, requested_types("auto", table)))


def wide_answers(network: MISTNetwork, batches: int = WIDE) -> Answers:
    """Return answers on data with up to three times the columns of training.

    Every other batch is of few columns that matter, and noise.
    """
    collector, d_max = Collector(network), network.config.d_max
    for index in range(batches):
        rng = Rng(seed_of(STREAM, "wide", 0, index))
        n, dx = rng.host_log_integer(100, 2000), rng.host_integer(d_max + 1, 3 * d_max)
        dy = 1 if rng.coin(0.5) else rng.host_log_integer(2, d_max)
        few = min(dx, rng.host_integer(2, 6)) if index % 2 else dx
        draw = draw_composition(rng, Shape(4, n, few, dy))
        draw = replace(draw, x=torch.cat([draw.x, rng.normal(4, n, dx - few)], -1))
        collector.add("more columns", index, draw.x, draw.y, draw.labels, draw.mi.numpy())
    return collector.collected(False)
