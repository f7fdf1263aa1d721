"""The trainer: runs for given minutes, resumes after a kill at any moment."""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from skmist._training.losses import total, weight
from skmist._training.optimiser import Optimiser
from skmist._training.presets import PRESETS
from skmist._training.state import LOG, CsvLog, load_state, plot_log, save_state
from skmist._training.stream import THREADS, Batch, Prefetcher, repeated
from skmist._training.validate import validate
from skmist.core import CoreConfig, MISTNetwork

COLUMNS = (
    "step",
    "datasets",
    "minutes",
    "loss",
    "lr",
    "grad_norm",
    "validation",
    "mae",
    "coverage",
)


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run.

    Parameters
    ----------
    preset : str
        Name of the meta-distribution.
    minutes : float
        The run stops by itself after this long.
    seed : int or None
        Seed of the stream and of the initial weights. None goes on with the stream of a saved
        state or of weights to start from, and is 0 where there is neither.
    lr : float
        Learning rate after warm-up.
    cooldown : float
        Minutes at the end over which the learning rate falls linearly to a twentieth.
    warmup : int
        Steps over which the learning rate rises after every start without optimiser state.
    accumulate : int
        Batches (of one shape each) per step.
    budget : float
        Cost of a batch, in milliseconds of one core; large on a large device.
    repeats : int
        How often a batch is taken; data sets count once.
    share : float
        Share of a batch's truths that teachers stand for, where there are any.
    ema : float
        Decay of the averaged weights.
    validate_minutes, save_minutes : float
        Pauses between validations and between saved states.
    validation_batches : int
        Length of the validation stream.
    """

    preset: str = "general"
    minutes: float = 10.0
    seed: int | None = None
    lr: float = 1e-3
    cooldown: float = 0.0
    warmup: int = 200
    accumulate: int = 4
    budget: float = 60.0
    repeats: int = 1
    share: float = 0.6
    ema: float = 0.999
    validate_minutes: float = 10.0
    save_minutes: float = 1.0
    validation_batches: int = 120

    def __post_init__(self):
        """Check the fields once; raise ValueError with the first that cannot be used."""
        for name in ("lr", "budget", "accumulate", "repeats"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} should be positive, got {getattr(self, name)}.")
        for name in ("minutes", "cooldown", "validate_minutes", "save_minutes"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} should not be negative, got {getattr(self, name)}.")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share should be from 0 to 1, got {self.share}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema should be from 0 to below 1, got {self.ema}.")


def own_device(device: str | torch.device) -> torch.device:
    """Return the device of this process: with several, "cuda" is a GPU of its own for each."""
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is none that torch knows.") from error
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


class Trainer:
    """Train a network, from a saved state, from released weights or from nothing.

    Parameters
    ----------
    directory : Path
        Where the state, the log and the plot are kept; a state found there is resumed.
    options : TrainOptions
    config : CoreConfig, optional
        Architecture of a fresh network.
    weights : dict, optional
        Weights to start from where there is no saved state.
    done : dict, optional
        What these weights have behind them: position in the stream, data sets, minutes, seed.
    teachers : sequence of MISTNetwork
        Networks, the mean of whose quantiles is learned from beside the truth.
    device : str
        Device of sampling and training. Of several processes each has a GPU of its own with
        "cuda"; with "cuda:0" all share that one, and keep it busier: while one of them decides what
        comes next, the others compute.
    """

    def __init__(
        self, directory, options, config=None, weights=None, done=None, teachers=(), device="cpu"
    ):
        self.directory, self.options, self.device = Path(directory), options, own_device(device)
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        if self.world > 1 and not dist.is_initialized():
            own = torch.device(device) == torch.device("cuda")
            dist.init_process_group("nccl" if own else "gloo")
        nccl = self.world > 1 and dist.get_backend() == "nccl"
        self.exchange = self.device if nccl else torch.device("cpu")  # what processes tell others
        self.preset = PRESETS[options.preset]
        saved = load_state(self.directory)
        if saved is not None:
            config = CoreConfig(**saved["config"])
            self._check_same_stream(saved)
        self.teachers = [teacher.to(self.device).eval() for teacher in teachers]
        torch.manual_seed(options.seed or 0)
        self.network = MISTNetwork(config or CoreConfig()).to(self.device)
        if any(t.config.levels != self.network.config.levels for t in self.teachers):
            raise ValueError("teachers should have the quantile levels of the network.")
        if weights is not None and saved is None:
            self.network.load_state_dict(weights)
        self.optimiser = Optimiser(self.network, options.lr)
        self.average = MISTNetwork(self.network.config).to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self.step, self.position, self.datasets, self.minutes = 0, 0, 0, 0.0
        self.warm = 0
        self.seed = options.seed or 0
        for name, value in (done or {}).items():
            setattr(self, name, value)
        if options.seed is not None and self.seed != options.seed:
            self.seed, self.position = options.seed, 0  # a stream of its own
        if saved is not None:
            self.network.load_state_dict(saved["network"])
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])
            for name in ("step", "position", "datasets", "minutes", "warm", "seed"):
                setattr(self, name, saved[name])
        self.log = CsvLog(self.directory / LOG, COLUMNS, self.step) if self.rank == 0 else None

    def _check_same_stream(self, saved: dict) -> None:
        """Raise ValueError if a saved state is of another preset or seed than the options."""
        preset, seed = saved["options"]["preset"], saved["seed"]
        if preset != self.options.preset:
            raise ValueError(
                f"{self.directory} holds a run of the preset {preset!r}, got "
                f"{self.options.preset!r}: export it, and start from that in another folder."
            )
        if self.options.seed not in (None, seed):
            raise ValueError(
                f"{self.directory} holds a run of seed {seed}, got {self.options.seed}: leave the "
                "seed out, or use another folder."
            )

    def state(self) -> dict:
        """Return everything that a later run needs to go on."""
        return {
            "config": asdict(self.network.config),
            "options": asdict(self.options),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "position": self.position,
            "datasets": self.datasets,
            "minutes": self.minutes,
            "warm": self.warm,
            "seed": self.seed,
        }

    def save(self) -> None:
        """Write the state atomically."""
        if self.rank == 0:
            save_state(self.directory, self.state())

    def _learning_rate(self, elapsed: float) -> float:
        """Return the learning rate: warm-up, then constant, then cooled down at the end."""
        o = self.options
        rate = o.lr * min(1.0, (self.warm + 1) / o.warmup)
        left = o.minutes - elapsed
        if o.cooldown > 0 and left < o.cooldown:
            rate *= 0.05 + 0.95 * max(0.0, left / o.cooldown)
        return rate

    def _update_average(self) -> None:
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, 1 - decay)

    def _one_step(self, batches, lr: float) -> tuple[float, float]:
        """Take one step over several batches; return the loss and the gradient's norm."""
        self.optimiser.zero_grad()
        taken, loss_sum, count, fresh = 0, 0.0, 0, 0
        while taken < self.options.accumulate:
            batch = next(batches)
            taken += 1
            if batch.fresh:
                self.position = batch.index - self.rank + self.world
            if not batch.finite:
                continue
            if self.teachers and batch.fresh:
                batch.teacher = self._taught(batch)
            told = self.network.predict(batch.features)
            loss = total(told, batch.mi, batch.teacher, self.options.share).sum()
            n, dx, dy = batch.shape
            (weight(n, dx + dy) * loss).backward()
            loss_sum += float(loss.detach())
            count += len(batch.mi)
            fresh += len(batch.mi) * batch.fresh
        own = count
        count, fresh = self._gather(count, fresh) if self.world > 1 else (count, fresh)
        self.datasets += fresh
        parameters = [p for p in self.network.parameters() if p.grad is not None]
        for p in parameters:
            p.grad.div_(max(count, 1))
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            self.optimiser.step(lr)
        self.step += 1
        self.warm += 1
        self._update_average()
        return loss_sum / max(own, 1), float(norm)

    @torch.no_grad()
    def _taught(self, batch: Batch) -> torch.Tensor:
        """Return the mean of the teachers' quantiles, (B, L)."""
        told = [teacher.predict(batch.features).values for teacher in self.teachers]
        return torch.stack(told).mean(0)

    def _gather(self, *counts: int) -> tuple[int, ...]:
        """Add up the gradients of all processes, and numbers of data sets, which are returned.

        In one message; not every process has batches for every part of the network.
        """
        parameters = list(self.network.parameters())
        told = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        head = torch.tensor([*(float(p.grad is not None) for p in parameters), *counts])
        message = torch.cat([head.to(self.device), *(g.flatten() for g in told)]).to(self.exchange)
        dist.all_reduce(message)
        head, message = message[: len(head)].tolist(), message[len(head) :].to(self.device)
        parts = message.split([p.numel() for p in parameters])
        for p, present, part in zip(parameters, head, parts, strict=False):
            p.grad = part.view_as(p) if present else None
        return tuple(round(v) for v in head[len(parameters) :])

    def _threads(self) -> int:
        """Return how many threads prepare batches: fewer where processes share a device."""
        return max(1, THREADS // self.world) if self.exchange.type == "cpu" else THREADS

    def _elapsed(self, start: float) -> float:
        """Return the minutes of this run, by the clock of the first process: all stop together."""
        minutes = torch.tensor([(time.monotonic() - start) / 60], device=self.exchange)
        if self.world > 1:
            dist.broadcast(minutes, 0)
        return float(minutes)

    def validate(self) -> dict[str, float]:
        """Measure the averaged weights on the validation stream."""
        return validate(self.average, self.preset, self.options.validation_batches, self.device)

    def run(self, progress: bool = True) -> dict[str, float]:
        """Train for the given minutes; return the last validation."""
        from tqdm import tqdm

        o, start = self.options, time.monotonic()
        before = self.minutes
        stream = Prefetcher(
            self.network, self.preset, "train", self.seed, self.position + self.rank, self.world,
            self.device, o.budget, threads=self._threads(),
        )  # fmt: skip
        batches = repeated(iter(stream), o.repeats, self.step + self.rank, o.budget)
        last_save = last_validation = last_log = start
        losses: list[tuple[float, float]] = []
        bar = tqdm(
            total=round(o.minutes, 2), unit="min", disable=not progress or self.rank > 0,
            bar_format="{l_bar}{bar}| {n:.1f}/{total:.1f} min {postfix}", mininterval=5,
        )  # fmt: skip
        try:
            while (elapsed := self._elapsed(start)) < o.minutes:
                lr = self._learning_rate(elapsed)
                losses.append(self._one_step(batches, lr))
                now = time.monotonic()
                self.minutes = before + (now - start) / 60
                check = now - last_validation > 60 * o.validate_minutes
                if self.rank == 0 and (check or now - last_log > 20):
                    loss, norm = (sum(v) / len(losses) for v in zip(*losses, strict=True))
                    measured = {"loss": "", "mae": "", "coverage": ""}
                    if check:
                        measured = self.validate()
                        last_validation = time.monotonic()
                    self.log.write(
                        step=self.step, datasets=self.datasets, minutes=self.minutes, loss=loss,
                        lr=lr, grad_norm=norm, validation=measured["loss"], mae=measured["mae"],
                        coverage=measured["coverage"],
                    )  # fmt: skip
                    bar.set_postfix_str(f"loss {loss:.4f}, {self.datasets:,} data sets")
                    last_log, losses = now, []
                bar.update(min(elapsed, o.minutes) - bar.n)
                if now - last_save > 60 * o.save_minutes:
                    self.save()
                    last_save = now
        finally:
            stream.close()
            bar.close()
        self.save()
        if self.rank > 0:
            return {}
        measured = self.validate()
        self.log.write(
            step=self.step, datasets=self.datasets, minutes=self.minutes,
            loss=losses[-1][0] if losses else float("nan"), lr=0.0, grad_norm=0.0,
            validation=measured["loss"], mae=measured["mae"], coverage=measured["coverage"],
        )  # fmt: skip
        plot_log(self.directory)
        return measured
