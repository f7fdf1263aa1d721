"""Calibrate a network, and report coverage and width, with one family left out at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from skmist._calibration import LEVELS, Calibration, Part, widen
from skmist._training import calibration_fit as fit
from skmist._training.calibration_data import (
    BATCHES,
    LAWS,
    STREAM_NAME,
    WIDE,
    Answers,
    Collector,
    add_families,
    add_stream,
    answers_on_many_rows,
    wide_answers,
)
from skmist.core import MIDistribution, MISTNetwork


@dataclass(frozen=True, eq=False)
class Result:
    """A calibration, and coverage and width before and after it for each source, as text."""

    calibration: Calibration
    report: str


def calibrate(
    network: MISTNetwork,
    batches: int = BATCHES,
    laws: int = LAWS,
    wide: int = WIDE,
    largest: int = 10_000,
    say: Callable[[str], None] = lambda text: None,
) -> Result:
    """Learn a calibration.

    Parameters
    ----------
    network : MISTNetwork
        On the CPU.
    batches : int
        Batches of the stream, and as many again with ``MANY_ROWS``.
    laws : int
        Distributions of each held-out family.
    wide : int
        Batches with more columns than training held.
    largest : int
        Largest number of rows of held-out data sets.
    say : callable
        Told of progress.

    Returns
    -------
    Result
    """
    network.eval()
    collector = Collector(network)
    add_stream(collector, batches)
    say(f"{batches} batches of the stream")
    many_rows = answers_on_many_rows(network, batches)
    say(f"{len(many_rows)} data sets of several columns and many rows")
    add_families(collector, laws, largest)
    say("held-out families")
    levels = np.array(network.config.levels)
    parts, texts = {}, []
    for single in (True, False):
        answers = collector.collected(single)
        stream = answers.source == STREAM_NAME
        part = fit.space(answers[stream], single)
        used = np.flatnonzero(stream)[fit.first_half(answers[stream])]
        fresh = answers[np.setdiff1d(np.arange(len(answers)), used)]
        more = None if single else many_rows
        parts[single] = fit.fitted_part(part, fresh, levels, more)
        texts.append(describe(parts[single], fresh, levels, single, more))
    beyond = wide_answers(network, wide)
    say(f"{wide} batches with more columns than training held")
    power = fit.excess_power(parts[False], beyond, levels)
    calibration = Calibration(parts[True], parts[False], torch.tensor(power))
    scores = fit.distances(parts[False], beyond)
    before, after = (
        fit.coverage(v, levels, beyond.mi)[LEVELS.index(0.9)]
        for v in (
            beyond.latent,
            calibration.widen(beyond.latent, levels, scores, beyond.n, False, beyond.ratio),
        )
    )
    texts.append(
        f"More columns than training held, power of the excess {power:.2f}: 90% intervals cover "
        f"{before:.3f}, calibrated {after:.3f}."
    )
    return Result(calibration, "\n\n".join(texts))


def left_out(
    part: Part, answers: Answers, levels: np.ndarray, more: Answers | None = None
) -> np.ndarray:
    """Return calibrated quantiles; those of a family come from factors learned without it.

    Of the training distribution, one half of the batches is calibrated with the other half.
    """
    stream = answers.source == STREAM_NAME
    fold = np.where(stream, answers.number // 2 % 2, -1)
    groups = [(answers.source == name) & ~stream for name in np.unique(answers.source[~stream])]
    groups += [stream & (fold == k) for k in (0, 1)]
    out = answers.latent.copy()
    for group in (g for g in groups if g.any()):
        own = fit.fitted_part(part, answers[~group], levels, more)
        scores = fit.distances(part, answers[group])
        out[group] = widen(answers.latent[group], levels, own.factors_at(scores, answers.n[group]))
    return out


def describe(
    part: Part,
    answers: Answers,
    levels: np.ndarray,
    single: bool,
    more: Answers | None = None,
) -> str:
    """Return Markdown: the factors, and a table of coverage with each family left out."""
    after = left_out(part, answers, levels, more)
    scores = fit.distances(part, answers)
    names = [*np.unique(answers.source)]
    names.sort(key=lambda name: name != STREAM_NAME)
    lines = [f"**{'One column against one' if single else 'All other questions'}**", ""]
    lines += ["Factors of the distance from the median, by domain score and by rows:", ""]
    for name, knots, table in (
        ("score", [f"{v:.2f}" for v in part.knots.tolist()], part.factors),
        ("n", [f"{v:.0f}" for v in part.row_knots.exp().tolist()], part.row_factors),
    ):
        header = [name, *(f"{100 * p:.0f}%" for p in LEVELS)]
        lines += ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
        for knot, row in zip(knots, table.tolist(), strict=True):
            lines.append(f"| {knot} | " + " | ".join(f"{f:.2f}" for f in row) + " |")
        lines.append("")
    lines.pop()
    header = ["", "data sets", "score", "outside"]
    header += [f"{100 * p:.0f}%, before and after" for p in LEVELS] + ["width of 90%"]
    lines += ["", "Coverage of the central intervals, before and after, each family left out:", ""]
    lines += ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    held_out = answers.source != STREAM_NAME
    groups = [(name, answers.source == name) for name in names]
    groups.insert(1, ("all held-out families", held_out))
    for low, high in ((0, 100), (100, 400), (400, 1500), (1500, 10**9)):
        inside = (answers.n >= low) & (answers.n < high)
        groups.append((f"training distribution, n from {low}", inside & ~held_out))
        groups.append((f"held-out families, n from {low}", inside & held_out))
    for name, pick in groups:
        if not pick.any():
            continue
        pairs = zip(
            fit.coverage(answers.latent[pick], levels, answers.mi[pick]),
            fit.coverage(after[pick], levels, answers.mi[pick]),
            strict=True,
        )
        cells = [str(pick.sum()), f"{np.median(scores[pick]):.2f}"]
        cells += [f"{(scores[pick] > 1).mean():.3f}"]
        cells += [f"{a:.3f} {b:.3f}" for a, b in pairs]
        widths = [_width(v[pick], levels) for v in (answers.latent, after)]
        lines.append(f"| {name} | " + " | ".join([*cells, "{:.3f} {:.3f}".format(*widths)]) + " |")
    lines += ["", "Errors of both point estimates, in nats:", ""]
    header = ["", "median: mean absolute", "mean: mean absolute", "median: RMS", "mean: RMS"]
    lines += ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    dist = MIDistribution(torch.from_numpy(answers.latent), torch.from_numpy(levels))
    errors = np.stack([v.numpy() - answers.mi for v in (dist.median(), dist.mean())])
    for name, pick in groups[:2]:
        sizes = [np.abs(errors[:, pick]).mean(1), np.sqrt(np.square(errors[:, pick]).mean(1))]
        lines.append(f"| {name} | " + " | ".join(f"{v:.3f}" for s in sizes for v in s) + " |")
    return "\n".join(lines)


def _width(latent: np.ndarray, levels: np.ndarray) -> float:
    """Return the mean width of 90% intervals in nats."""
    dist = MIDistribution(torch.from_numpy(latent), torch.from_numpy(levels))
    low, high = dist.interval(0.9).unbind(1)
    return float((high - low).mean())
