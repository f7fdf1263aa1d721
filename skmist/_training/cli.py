"""The command ``python -m skmist._training``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from skmist._checkpoint import register, released_path, save_checkpoint, sha256
from skmist._cli import positive
from skmist._training import null, profile
from skmist._training.calibrate import calibrate
from skmist._training.calibration_data import BATCHES, LAWS, WIDE
from skmist._training.evaluate import measure, table
from skmist._training.export import export, load_any, load_with_metadata, starting_point
from skmist._training.presets import PRESETS, draw_batch
from skmist._training.random import Rng
from skmist._training.state import STATE
from skmist._training.stream import seed_of
from skmist._training.trainer import Trainer, TrainOptions
from skmist.exceptions import CheckpointError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m skmist._training",
        description="Train the network on synthetic distributions with known mutual information.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train",
        help="train for some minutes; go on from a saved state",
        description="Train for some minutes. A state in --resume is gone on with; it is written "
        "every minute and at the end, so that a kill loses at most a minute.",
    )
    train.add_argument("--preset", choices=sorted(PRESETS), default="general")
    train.add_argument("--minutes", type=float, default=10.0, help="stop after (default: 10)")
    train.add_argument(
        "--resume", type=Path, required=True, metavar="DIR", help="folder of the run"
    )
    train.add_argument(
        "--start-from", type=Path, metavar="FILE", help="checkpoint to go on from in a new folder"
    )
    train.add_argument(
        "--teachers",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="checkpoints or folders of runs; the mean of their quantiles is learned from beside "
        "the truth",
    )
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train.add_argument("--threads", type=positive, default=1, help="torch threads on the CPU")
    defaults = {f.name: f.default for f in fields(TrainOptions)}
    for name, text in (
        ("seed", "seed of weights and stream (default: that of the run or checkpoint, or 0)"),
        ("lr", "learning rate"),
        ("cooldown", "minutes at the end over which the learning rate falls"),
        ("accumulate", "batches per step"),
        ("budget", "cost of a batch in milliseconds of a core; raise it on a GPU"),
        ("repeats", "how often a batch is taken; those that wait for it hold some 2 GiB"),
        ("share", "share of truths that teachers stand for, where there are any"),
        ("ema", "decay of the averaged weights; fewer, larger steps want a smaller one"),
        ("validate_minutes", "pause between validations"),
        ("save_minutes", "pause between saved states"),
    ):
        default = defaults[name]
        train.add_argument(
            f"--{name.replace('_', '-')}",
            type=int if default is None else type(default),
            default=default,
            help=text if default is None else f"{text} (default: {default})",
        )
    _add_others(commands)
    return parser


def _add_others(commands) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="tables of accuracy and calibration on the validation stream",
        description="Print a Markdown table of errors and coverages on the validation stream, "
        "which is disjoint from training.",
    )
    evaluate.add_argument("--preset", choices=sorted(PRESETS), default="general")
    evaluate.add_argument(
        "--source", type=Path, help="run folder or checkpoint (default: the released weights)"
    )
    evaluate.add_argument("--batches", type=positive, default=200)
    evaluate.add_argument("--threads", type=positive, default=1)

    export = commands.add_parser(
        "export",
        help="write the weights of a run as a checkpoint",
        description="Write the averaged weights of a run as a checkpoint of the package, with its "
        "SHA-256 in the registry beside it. The header keeps preset, seed and position, so that "
        "'train --start-from' goes on from the file.",
    )
    export.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="folder of the run, or a checkpoint"
    )
    export.add_argument("--to", type=Path, help="file to write (default: the released weights)")
    export.add_argument(
        "--mean-with",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="checkpoints to take the mean with, such as that which the run started from, or those "
        "of other runs that did",
    )
    export.add_argument(
        "--pairs-from",
        type=Path,
        metavar="PATH",
        help="folder of another run, or checkpoint, whose part for one column against one is taken",
    )

    table = commands.add_parser(
        "null",
        help="draw the null distribution that p-values of pairs of columns come from",
        description="Draw test statistics of independent columns without ties and write the "
        "largest and some others beside the weights, tagged with the weights' SHA-256. To be run "
        "whenever the weights or the network change; until then p-values come from permutations.",
    )
    table.add_argument("--checkpoint", type=Path, help="weights (default: the released ones)")
    table.add_argument("--draws", type=int, default=null.DRAWS, help="at each number of rows")
    table.add_argument("--seed", type=int, default=0)
    table.add_argument("--jobs", type=int, default=1, help="batches at once")

    speed = commands.add_parser(
        "profile",
        help="data sets a second in training, by part",
        description="Take some training steps of a fresh network and print how long sampling, "
        "features and the network's step take, by the wall clock and in processor time.",
    )
    speed.add_argument("--preset", choices=sorted(PRESETS), default="general")
    speed.add_argument("--steps", type=positive, default=20, help="steps timed (default: 20)")
    speed.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    speed.add_argument("--threads", type=positive, default=1, help="torch threads on the CPU")
    speed.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="time sampling and features alone, in N processes at once that share the device",
    )
    speed.add_argument("--seed", type=int, default=0)
    for name in ("budget", "accumulate"):
        default = getattr(TrainOptions, name)
        speed.add_argument(
            f"--{name}", type=type(default), default=default, help=f"as in train ({default})"
        )

    calibrate = commands.add_parser(
        "calibrate",
        help="learn domain scores and widths of intervals from held-out data",
        description="Draw a stream of its own and the held-out families, learn from them where the "
        "training data end and how much wider intervals have to be, and write that into the file "
        "of weights, whose SHA-256 changes. To be run on new weights.",
    )
    calibrate.add_argument(
        "--source", type=Path, help="run folder or checkpoint (default: the released weights)"
    )
    calibrate.add_argument("--to", type=Path, help="file to write (default: the released weights)")
    calibrate.add_argument("--report", type=Path, metavar="FILE.md", help="write the tables too")
    for name, default, text in (
        ("batches", BATCHES, "batches of the stream, and of more with 100 to 1,000 rows"),
        ("laws", LAWS, "distributions of each held-out family"),
        ("wide", WIDE, "batches with more columns than training held"),
    ):
        calibrate.add_argument(f"--{name}", type=int, default=default, help=f"{text} ({default})")

    sample = commands.add_parser(
        "sample",
        help="write sampled data sets with their mutual information",
        description="Draw one batch of a stream and write it as an .npz file with x, y and mi.",
    )
    sample.add_argument("--preset", choices=sorted(PRESETS), default="general")
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--index", type=int, default=0, help="number of the batch in the stream")
    sample.add_argument("--to", type=Path, required=True, metavar="FILE.npz")


def _train(args) -> int:
    torch.set_num_threads(args.threads)
    names = {f.name for f in fields(TrainOptions)}
    options = TrainOptions(**{k: v for k, v in vars(args).items() if k in names})
    start = starting_point(args.start_from, args.preset) if args.start_from else {}
    if start and (args.resume / STATE).exists():
        print(f"{args.resume} holds a state, which is gone on with; --start-from is not read")
    teachers = [load_any(path) for path in args.teachers]
    trainer = Trainer(args.resume, options, device=args.device, teachers=teachers, **start)
    print(f"step {trainer.step}, {trainer.datasets:,} data sets seen, position {trainer.position}")
    measured = trainer.run()
    for key, value in measured.items():
        print(f"validation {key}: {value:.4g}")
    return 0


def _evaluate(args) -> int:
    torch.set_num_threads(args.threads)
    print(table(measure(load_any(args.source), args.preset, args.batches)))
    return 0


def _export(args) -> int:
    path = export(args.run, args.to or released_path(), args.mean_with, args.pairs_from)
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, sha256 {sha256(path)}")
    print(
        "next, for these weights: 'python -m skmist._training calibrate' (intervals, domain "
        "scores), then 'python -m skmist._training null' (p-values of pairs of columns)"
    )
    return 0


def _stopwatch() -> Callable[[str], None]:
    """Return a function that prints a text and the seconds since now."""
    start = time.perf_counter()
    return lambda text: print(f"{text}, {time.perf_counter() - start:.0f} s", flush=True)


def _calibrate(args) -> int:
    torch.set_num_threads(1)
    network, metadata = load_with_metadata(args.source)
    result = calibrate(network, args.batches, args.laws, args.wide, say=_stopwatch())
    path = save_checkpoint(args.to or released_path(), network, metadata, result.calibration)
    register(path)
    print(result.report)
    if args.report:
        title = "### calibration: intervals on held-out data"
        args.report.write_text(f"{title}\n\n{result.report}\n")
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, sha256 {sha256(path)}")
    return 0


def _null(args) -> int:
    torch.set_num_threads(1)
    say = _stopwatch()
    table = null.make_table(
        args.checkpoint,
        draws=args.draws,
        seed=args.seed,
        n_jobs=args.jobs,
        report=lambda n: say(f"n = {n:,} done"),
    )
    path = null.write(table, args.checkpoint)
    print("interpolated over twice the spacing, p-values of 0.05 and 0.01 become:")
    for n, (p5, p1) in null.gap_errors(table).items():
        print(f"n = {n:,}: {p5:.4f} {p1:.4f}")
    print(f"{path}: {path.stat().st_size / 2**10:.0f} KiB, for weights {table.weights}")
    return 0


def _profile(args) -> int:
    torch.set_num_threads(args.threads)
    options = TrainOptions(
        preset=args.preset, budget=args.budget, accumulate=args.accumulate, seed=args.seed
    )
    if args.processes:
        rate = profile.preparation_rate(options, args.processes, device=args.device)
        print(f"{args.processes} processes: {rate:,.0f} data sets a second sampled and described")
    else:
        print(profile.table(profile.profile(options, args.steps, args.device)))
    return 0


def _sample(args) -> int:
    rng = Rng(seed_of("sample", args.preset, args.seed, args.index))
    draw = draw_batch(PRESETS[args.preset], rng)
    np.savez(args.to, x=draw.x.numpy(), y=draw.y.numpy(), mi=draw.mi.numpy())
    print(f"{args.to}: x {tuple(draw.x.shape)}, y {tuple(draw.y.shape)}, MI in nats {draw.mi}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    args = _parser().parse_args(argv)
    run = {
        "train": _train,
        "evaluate": _evaluate,
        "export": _export,
        "calibrate": _calibrate,
        "null": _null,
        "profile": _profile,
        "sample": _sample,
    }
    try:
        return run[args.command](args)
    except (CheckpointError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
