"""Many questions through the network: batches by shape, bounded memory, threads, devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from skmist._checkpoint import load_calibration, load_network
from skmist._encoding import Side, is_single, varying_columns
from skmist._progress import progress_bar
from skmist.core import CoreConfig, MIDistribution
from skmist.core.best_pairs import MOST
from skmist.core.critic import LANDMARKS
from skmist.core.grids import SIZE
from skmist.core.neighbours import CACHED_VALUES, FEW_QUERIES, query_rows

BATCH_BYTES = 32 * 2**20  # working memory of one batch of small questions; larger ones are slower
FEW = 4  # large questions go together too, so that a side they share is ranked less often


@dataclass(frozen=True, eq=False)
class Question:
    """The question what I(x; y) is; with a seed, what it is after a permutation of the rows.

    Parameters
    ----------
    x : ndarray of shape (n, dx)
        One side, without missing values.
    y : ndarray of shape (n, dy)
        The other side.
    labels : tuple of bool
        Whether x and y are one column of codes, whose order means nothing.
    seed : sequence of int or None
        Seed of a permutation of the rows of the narrower side.
    """

    x: np.ndarray
    y: np.ndarray
    labels: tuple[bool, bool] = (False, False)
    seed: Sequence[int] | None = None

    @classmethod
    def of(cls, a: Side, b: Side) -> Question:
        """Ask what two encoded sides share: as one column each where both can be one."""
        if is_single(a, b):
            return cls(a.column, b.column, (a.is_labels, b.is_labels))
        return cls(a.values, b.values)

    def take(self, rows: np.ndarray) -> Question:
        """Ask about some of the rows, without columns that are constant there."""
        return replace(self, x=varying_columns(self.x[rows]), y=varying_columns(self.y[rows]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of rows, of columns of x, of columns of y."""
        return len(self.x), self.x.shape[1], self.y.shape[1]

    @property
    def moves_x(self) -> bool:
        """Whether x is the side whose rows a permutation moves."""
        return self.x.shape[1] <= self.y.shape[1]

    def order(self) -> np.ndarray:
        """Return the permutation that the seed gives."""
        return np.random.default_rng(self.seed).permutation(len(self.x))

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both sides, permuted if so asked."""
        if self.seed is None:
            return self.x, self.y
        if self.moves_x:
            return self.x[self.order()], self.y
        return self.x, self.y[self.order()]


@dataclass(frozen=True)
class Engine:
    """Where and how the network runs.

    Parameters
    ----------
    checkpoint : path-like or None
        File of weights; None for the released ones.
    device : str, torch.device or None
        Torch device; None for the CPU.
    n_jobs : int or None
        Number of batches at once, as in joblib. The batches, and so the results, do not depend
        on it.
    verbose : bool, int or "auto"
        Whether to show a progress bar.
    bar : tqdm or None
        A bar that runs for longer than one call, on which the questions count.
    """

    checkpoint: Any = None
    device: str | torch.device | None = None
    n_jobs: int | None = None
    verbose: bool | int | str = False
    bar: tqdm | None = field(default=None, compare=False, repr=False)

    @property
    def config(self) -> CoreConfig:
        """Configuration of the network, trained range included."""
        return load_network(self.checkpoint).config

    def run(self, questions: Sequence[Question]) -> MIDistribution:
        """Ask the network all questions.

        Parameters
        ----------
        questions : sequence of Question
            Questions of any shapes. An array that a whole batch shares is passed on once.

        Returns
        -------
        MIDistribution
            One distribution for each question, in their order, in float64, in nats.
        """
        return self._ask(questions, scored=False)[0]

    def judge(self, questions: Sequence[Question]) -> tuple[MIDistribution, np.ndarray]:
        """Ask the network all questions; tell too how far each lies from the training data.

        Returns
        -------
        MIDistribution
            As from :meth:`run`.
        ndarray of shape (n_questions,)
            Scores: distances in units of the threshold; NaN where the weights come without a
            calibration.
        """
        return self._ask(questions, scored=True)

    def _ask(self, questions, scored: bool) -> tuple[MIDistribution, np.ndarray]:
        check_device(self.device)
        config = self.config
        levels = torch.tensor(config.levels, dtype=torch.float64)
        latent = np.empty((len(questions), len(levels)))
        scores = np.full(len(questions), np.nan)
        batches = list(plan(questions, config))
        own = self.bar is None
        with progress_bar(self.verbose, len(questions)) if own else nullcontext(self.bar) as bar:
            if bar.total is not None:  # questions that nobody knew of at the beginning, say a test
                bar.total = max(bar.total, bar.n + len(questions))
            calls = self._calls(questions, batches, bar, scored)
            if len(batches) == 1 and self.n_jobs != 0:  # joblib refuses 0
                results = [call(*args, **kwargs) for call, args, kwargs in calls]
            else:
                results = Parallel(n_jobs=self.n_jobs, prefer="threads")(calls)
        for index, result in zip(batches, results, strict=True):
            latent[index], scores[index] = result
        return MIDistribution(torch.from_numpy(latent), levels), scores

    def _calls(self, questions: Sequence[Question], batches, bar: tqdm, scored: bool) -> Iterator:
        """Yield the calls to make, each with its arrays; they are stacked only when asked for."""
        for index in batches:
            x, y = _stack(questions, index)
            labels = questions[index[0]].labels
            yield delayed(_forward)(x, y, labels, self.checkpoint, self.device, scored)
            bar.update(len(index))


def check_device(device: str | torch.device | None) -> None:
    """Raise ValueError if the device cannot be used here.

    It has to hold numbers of double precision, in which values are ranked and tables of scores are
    made, and to give them back.
    """
    try:
        torch.zeros(1, dtype=torch.float64, device=device or "cpu").cpu()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={device!r} cannot be used here: {reason}") from error


def plan(questions: Sequence[Question], config: CoreConfig) -> Iterator[np.ndarray]:
    """Group questions of one shape and kind into batches that fit into the working memory.

    Yields
    ------
    ndarray of int
        Positions of the questions of a batch.
    """
    groups: dict[tuple, list[int]] = {}
    for i, question in enumerate(questions):
        groups.setdefault((question.shape, question.labels), []).append(i)
    for ((n, dx, dy), _), members in groups.items():
        fit = BATCH_BYTES / bytes_per_question(n, dx + dy, config)
        size = max(1, int(fit), min(FEW, int(FEW * fit)))
        for start in range(0, len(members), size):
            yield np.array(members[start : start + size])


def bytes_per_question(n: int, d: int, config: CoreConfig) -> int:
    """Return roughly how much memory a question takes at the peak, in bytes."""
    if d == 2:
        return 4 * (60 * n + 10 * SIZE**2)
    best = MOST * bytes_per_question(min(n, config.n_max), 2, config)
    rows = n * (60 * d + 8 * LANDMARKS + 40)
    part = min(n, 2 * config.n_max)
    queries = query_rows(min(n, config.n_max), config.n_queries)
    distances = 6 * min(part * queries, max(CACHED_VALUES, FEW_QUERIES * part))
    pairs = 600 * d * d
    return 4 * (rows + distances + pairs) + best


def _stack(questions: Sequence[Question], index: np.ndarray) -> list[np.ndarray]:
    """Stack both sides of some questions; an array that all of them share is stacked once."""
    stacked = []
    for arrays in zip(*(questions[i].sides() for i in index), strict=True):
        shared = all(a is arrays[0] for a in arrays)
        if shared:
            stacked.append(arrays[0][None])
        else:  # joined flat: much faster than np.stack for single columns
            flat = np.concatenate([a.ravel() for a in arrays])
            stacked.append(flat.reshape(len(arrays), *arrays[0].shape))
    return stacked


def _forward(
    x: np.ndarray,
    y: np.ndarray,
    labels: tuple[bool, bool],
    checkpoint: Any,
    device: str | torch.device | None,
    scored: bool,
) -> tuple[np.ndarray, np.ndarray | float]:
    """Return the latent quantiles (B, L) of a batch, and scores (B,) if they are asked for.

    x and y are of shape (B or 1, n, columns).
    """
    network = load_network(checkpoint, device or "cpu")
    calibration = load_calibration(checkpoint) if scored else None
    with torch.inference_mode():
        left, right = (torch.tensor(a, dtype=torch.float64, device=device or "cpu") for a in (x, y))
        features = network.features(left, right, labels=labels)
        latent = network.predict(features).latent.double().cpu().numpy()
        if calibration is None:
            return latent, np.nan
        return latent, calibration.of(features).scores(features).double().cpu().numpy()
