"""The path of a question: encoded sides in, estimates with intervals, bounds and warnings out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from skmist import _domain
from skmist._checkpoint import load_calibration
from skmist._domain_rows import RowRules, merged_reasons
from skmist._encoding import (
    Side,
    as_wide_as_sampling,
    encode,
    infer_types,
    is_bijection,
    is_single,
    note_constants,
    requested_types,
)
from skmist._inference import Engine, Question
from skmist._lower_bound import bound_by_columns
from skmist._null import load_null
from skmist._permutation import permutation_pvalues
from skmist._readings import read_as_labels
from skmist._validation import Notes, Table, check_samples, listing, note_unseen
from skmist.core import MIDistribution
from skmist.exceptions import OutOfDomainWarning

BLOCK_CELLS = 10_000_000  # cells of X that are encoded (and made dense) at a time


@dataclass(frozen=True)
class Settings:
    """What the public classes and functions have in common; see their documentation."""

    caller: str
    x_types: Any = "auto"
    y_type: Any = "auto"
    missing: str = "error"
    point: str | float = "median"
    level: float = 0.9
    units: str = "nats"
    n_permutations: int = 0
    seed: int = 0
    both_readings: bool = True  # of repeated numbers; not where sets of columns are compared
    engine: Engine = Engine()

    @classmethod
    def of(
        cls, source: Any, pvalues: bool, caller: str | None = None, both_readings: bool = True
    ) -> Settings:
        """Read the settings from the parameters of an estimator."""
        generator = check_random_state(source.random_state) if pvalues else None
        return cls(
            caller=caller or type(source).__name__,
            x_types=source.x_types,
            y_type=source.y_type,
            missing=source.missing,
            point=source.point,
            level=getattr(source, "level", 0.9),
            units=source.units,
            n_permutations=source.n_permutations if pvalues else 0,
            seed=int(generator.randint(np.iinfo(np.int32).max)) if pvalues else 0,
            both_readings=both_readings,
            engine=Engine(source.checkpoint, source.device, source.n_jobs, source.verbose),
        )

    @property
    def unit(self) -> float:
        """Units in a nat."""
        return 1 / math.log(2) if self.units == "bits" else 1.0

    def point_of(self, distribution: MIDistribution) -> np.ndarray:
        """Return point estimates, in nats."""
        if isinstance(self.point, str):
            return getattr(distribution, self.point)().numpy()
        return distribution.quantile(self.point).numpy()


@dataclass(frozen=True, eq=False)
class Estimates:
    """Answers to a number of questions, in the units asked for.

    Attributes
    ----------
    values : ndarray of shape (n_questions,)
        Point estimates.
    intervals : ndarray of shape (n_questions, 2)
        Central intervals.
    quantiles : ndarray of shape (n_questions, n_levels)
        Quantiles at ``levels``.
    levels : ndarray of shape (n_levels,)
        Levels of the quantiles.
    pvalues : ndarray of shape (n_questions,) or None
        P-values of independence.
    in_domain : ndarray of bool of shape (n_questions,)
        Whether the question lies inside the trained range.
    domain_scores : ndarray of shape (n_questions,)
        Distances from the training data, in units of the largest usual one.
    n_used : ndarray of int of shape (n_questions,)
        Numbers of samples used.
    """

    values: np.ndarray
    intervals: np.ndarray
    quantiles: np.ndarray
    levels: np.ndarray
    pvalues: np.ndarray | None
    in_domain: np.ndarray
    domain_scores: np.ndarray
    n_used: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[Estimates]) -> Estimates:
        """Join the answers to several lists of questions."""
        if len(parts) == 1:
            return parts[0]
        fields = {"levels": parts[0].levels}
        for name in cls.__dataclass_fields__.keys() - fields:
            arrays = [getattr(part, name) for part in parts]
            fields[name] = None if arrays[0] is None else np.concatenate(arrays)
        return cls(**fields)


def ask(
    pairs: Sequence[tuple[Side, Side]], settings: Settings, reasons: list[list[str]]
) -> Estimates:
    """Estimate the mutual information of each pair of sides.

    A constant side gives 0, two discrete sides that determine each other give their entropy, and
    no estimate exceeds the entropy of a discrete side; intervals tell how far that may be from the
    true one. Why a question lies outside the trained range is appended to its list of ``reasons``.
    """
    engine, config = settings.engine, settings.engine.config
    first = len(reasons)
    reasons += [[] for _ in pairs]
    used = np.array([a.n_rows for a, _ in pairs])
    live, questions, read = [], [], {}
    for i in (i for i, (a, b) in enumerate(pairs) if a.width and b.width):
        check_width(pairs[i][0].width, pairs[i][1].width, settings.caller)
        question = Question.of(*pairs[i])
        read[i] = pairs[i]
        if (rows := _domain.rows_to_use(question.x, question.y)) is not None:
            reasons[first + i].append(f"only {len(rows)} of {used[i]} samples fit into the memory")
            question, used[i] = question.take(rows), len(rows)
            if 0 in question.shape:  # what varies does not on these rows
                continue
            if settings.n_permutations:
                read[i] = tuple(side.take(rows) for side in pairs[i])
        live.append(i)
        questions.append(question)
    raw, found = engine.judge(questions)
    latent = np.zeros((len(pairs), len(config.levels)))
    latent[live] = raw.latent.numpy()
    means = np.zeros(len(pairs))
    means[live] = raw.mean().numpy()
    scores = np.zeros(len(pairs))
    scores[live] = found
    if settings.both_readings:
        sides, medians = [pairs[i] for i in live], raw.median().numpy()
        for k, other in read_as_labels(questions, sides, medians, engine).items():
            latent[live[k]], means[live[k]], scores[live[k]] = other
    perfect, exact = np.zeros(len(pairs), dtype=bool), set()
    rules = RowRules()
    for i in live:
        a, b = pairs[i]
        if any(side.lone and side.codes is not None and not side.repeats for side in (a, b)):
            reasons[first + i].append(_domain.CANNOT_SEE)
        single = is_single(a, b)
        if is_bijection(a, b):
            latent[i] = a.entropy + 1  # above the bound of estimates
            scores[i] = 0.0
            exact.add(i)
            reasons[first + i] += rules.ties(a, b)
            continue
        reasons[first + i] += merged_reasons(a, b)
        # one column determined by another never comes out low, and most questions can be spared
        perfect[i] = not (single and means[i] < _domain.LOW) and _domain.is_perfect(a, b)
        reasons[first + i] += _domain.range_reasons(config, a.n_rows, a.width, b.width, single)
        unusual = scores[i] > _domain.UNUSUAL
        reasons[first + i] += [_domain.PERFECT] if perfect[i] else rules.reasons(a, b, unusual)
        reasons[first + i] += _domain.unlike_reasons(scores[i])
    bounds = torch.tensor([min(a.entropy, b.entropy) for a, b in pairs], dtype=torch.float64)
    levels = raw.levels.numpy()
    moved = _calibrated(latent, levels, scores, pairs, settings)
    whole = [i for i in live if used[i] == pairs[i][0].n_rows]
    least = bound_by_columns([pairs[i] for i in whole], moved[whole], levels, engine)
    for quantiles in (latent, moved):
        quantiles[whole] = np.maximum(quantiles[whole], least)
    distribution = MIDistribution(torch.from_numpy(latent), raw.levels).clip(bounds)
    medians = distribution.median().numpy()
    for i in set(live) - exact:
        moved[i] = as_wide_as_sampling(moved[i], levels, *pairs[i])
    _limit(moved, levels, bounds.numpy(), pairs, exact)
    quantiles = MIDistribution(torch.from_numpy(moved), raw.levels)
    top = np.array([(1 + settings.level) / 2])
    limits = np.array([min(a.limits(top)[0], b.limits(top)[0]) for a, b in pairs])
    unlimited = perfect.copy()  # there is no saying how large the value may be
    unlimited[[i for i in exact if pairs[i][0].frequencies is None]] = True
    for i in set(live) - exact:
        columns = min(side.width for side in pairs[i])
        strong = _domain.strength_reasons(config, medians[i], columns)
        reasons[first + i] += strong
        unlimited[i] |= bool(strong)
    pvalues = None
    if settings.n_permutations:
        pvalues = np.ones(len(pairs))
        pvalues[live] = permutation_pvalues(
            [read[i] for i in live],
            raw.mean().numpy(),  # whatever the point estimate is
            lambda null: null.mean().numpy(),
            engine,
            settings.n_permutations,
            settings.seed,
            load_null(engine.checkpoint),
        )
    intervals = quantiles.interval(settings.level).numpy()
    intervals[unlimited, 1] = limits[unlimited]
    for i in (i for i in live if reasons[first + i]):
        intervals[i] = rules.widened(intervals[i], reasons[first + i], limits[i], *pairs[i])
    if settings.point == "median":  # next to 0 it is never 0, while the ends may be
        intervals[:, 0] = np.minimum(intervals[:, 0], medians)
        intervals[:, 1] = np.maximum(intervals[:, 1], medians)
    source = distribution if isinstance(settings.point, str) else quantiles.clip(bounds)
    return Estimates(
        values=settings.point_of(source) * settings.unit,
        intervals=intervals * settings.unit,
        quantiles=quantiles.values.numpy() * settings.unit,
        levels=levels,
        pvalues=pvalues,
        in_domain=np.array([not r for r in reasons[first:]], dtype=bool),
        domain_scores=scores,
        n_used=used,
    )


def _limit(
    latent: np.ndarray,
    levels: np.ndarray,
    bounds: np.ndarray,
    pairs: Sequence[tuple[Side, Side]],
    exact: set[int],
) -> None:
    """Cut quantiles, of shape (n_questions, n_levels), at what discrete sides allow for.

    Up to the median that is the largest value that estimates take; above it, what the entropy may
    be, which is not known exactly either. Where two sides determine each other on all rows
    (``exact``), quantiles are those of that fact; of values that mostly occur once it says nothing.
    """
    high = levels > 0.5
    for i in np.flatnonzero(np.isfinite(bounds)):
        if i not in exact:
            latent[i, ~high] = np.minimum(latent[i, ~high], bounds[i])
            limits = np.minimum(*(side.limits(levels[high]) for side in pairs[i]))
            latent[i, high] = np.minimum(latent[i, high], limits)
        elif (found := pairs[i][0].frequencies) is not None:
            latent[i] = found.shared(levels)
        else:
            latent[i] = np.where(levels < 0.5, 0.0, bounds[i])


def _calibrated(
    latent: np.ndarray,
    levels: np.ndarray,
    scores: np.ndarray,
    pairs: Sequence[tuple[Side, Side]],
    settings: Settings,
) -> np.ndarray:
    """Return quantiles as the calibration of the weights moves them, if there is one."""
    calibration = load_calibration(settings.engine.checkpoint)
    if calibration is None:
        return latent.copy()
    single = np.array([is_single(a, b) for a, b in pairs], dtype=bool)
    widest = np.array([max(a.width, b.width) for a, b in pairs])
    ratio = np.where(single, 1.0, widest / settings.engine.config.d_max)
    n = np.array([a.n_rows for a, _ in pairs])
    out = latent.copy()
    for kind in (True, False):
        i = np.flatnonzero(single == kind)
        if len(i):
            out[i] = calibration.widen(latent[i], levels, scores[i], n[i], kind, ratio[i])
    return out


def check_width(dx: int, dy: int, caller: str) -> None:
    """Raise ValueError if there are more columns than can be looked at together."""
    if dx + dy > _domain.MAX_WIDTH:
        raise ValueError(
            f"{caller} takes at most {_domain.MAX_WIDTH} columns jointly (indicators of categories "
            f"included), got {dx} + {dy}; select features first, for example with "
            "MISTFeatureSelector."
        )


def joint(
    X: Table, y: Table, settings: Settings, notes: Notes
) -> tuple[Estimates, np.ndarray, np.ndarray]:
    """Estimate I(X; y), all columns together; return the types of both sides too."""
    check_width(X.n_columns, y.n_columns, settings.caller)
    X = X.block(slice(None))
    types = [infer_types(t, requested_types(given, t)) for t, given in _with_types(X, y, settings)]
    keep = X.complete_rows() & y.complete_rows()
    X, y = X.rows(keep), y.rows(keep)
    check_samples(X.n_rows, settings.caller, " without a missing value")
    note_constants((X, y), notes)
    sides = [encode(t, kinds) for t, kinds in zip((X, y), types, strict=True)]
    reasons: list[list[str]] = []
    estimates = ask([(sides[0], sides[1])], settings, reasons)
    if reasons[0]:
        notes.add(_outside("The estimate", reasons[0]), OutOfDomainWarning)
    return estimates, types[0], types[1]


def _with_types(X: Table, y: Table, settings: Settings):
    return (X, settings.x_types), (y, settings.y_type)


def _outside(what: str, reasons: Sequence[str]) -> str:
    return f"{what} lies outside the trained range: {'; '.join(reasons)}."


def columnwise(
    X: Table, y: Table, settings: Settings, notes: Notes
) -> tuple[Estimates, np.ndarray, np.ndarray]:
    """Estimate I(X_j; y) for each column of X by itself; return the types of both sides too."""
    given = requested_types(settings.x_types, X)
    y_type = infer_types(y, requested_types(settings.y_type, y))
    y_complete = y.complete_rows()
    check_samples(int(y_complete.sum()), settings.caller, " with a complete y")
    y = y.rows(y_complete)
    note_constants((y,), notes)
    target = encode(y, y_type)
    reasons: list[list[str]] = []
    parts, x_types, unseen = [], [], []
    for columns in _blocks(X):
        block = X.block(columns)
        types = infer_types(block, given[columns])
        block = block.rows(y_complete)
        note_constants((block,), notes)
        pairs = list(_column_pairs(block, types, y, y_type, target, settings.caller))
        parts.append(ask(pairs, settings, reasons))
        if target.width:
            unseen += [block.names[j] for j, (_, side) in enumerate(pairs) if not side.width]
        x_types.append(types)
    note_outside(reasons, lambda i: X.names[i], "feature", notes)
    note_unseen("y", unseen, notes)
    return Estimates.join(parts), np.concatenate(x_types), y_type


def _blocks(X: Table) -> Iterator[slice]:
    width = max(1, BLOCK_CELLS // max(1, X.n_rows))
    for start in range(0, X.n_columns, width):
        yield slice(start, min(start + width, X.n_columns))


def _column_pairs(
    X: Table, types: np.ndarray, y: Table, y_type: np.ndarray, target: Side, caller: str
) -> Iterator[tuple[Side, Side]]:
    """Encode each column of X beside y, without the rows where the column is missing."""
    absent = np.isnan(X.values)
    gaps = absent.any(axis=0)
    for j in range(X.n_columns):
        column, kinds = X.block([j]), types[[j]]
        if not gaps[j]:
            yield encode(column, kinds), target
            continue
        keep = ~absent[:, j]
        check_samples(int(keep.sum()), caller, f" not missing in column {X.names[j]!r}")
        yield encode(column.rows(keep), kinds), encode(y.rows(keep), y_type)


def note_outside(
    reasons: Sequence[Sequence[str]], name: Callable[[int], str], noun: str, notes: Notes
) -> None:
    """Note for each reason which questions lie outside the trained range because of it."""
    members: dict[str, list[int]] = {}
    for i, some in enumerate(reasons):
        for reason in some:
            # numbers differ from question to question: one warning is enough for all of them
            members.setdefault(_without_numbers(reason), []).append(i)
    for key, index in members.items():
        reason = next(r for r in reasons[index[0]] if _without_numbers(r) == key)
        everything = len(index) == len(reasons)
        count = "All" if everything else f"{len(index)} of {len(reasons)}"
        which = "" if everything else f" ({listing(name(i) for i in index)})"
        notes.add(
            f"{count} {noun}s{which} lie outside the trained range: {reason}.", OutOfDomainWarning
        )


def _without_numbers(reason: str) -> str:
    return re.sub(r"\d[\d.e+-]*", "#", reason).replace("columns on", "column on")
