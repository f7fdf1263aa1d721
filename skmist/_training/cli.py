"""The command ``python -m skmist._training``."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import torch

from skmist._training.presets import PRESETS
from skmist._training.trainer import TrainOptions, Trainer


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
    train.add_argument("--resume", type=Path, required=True, metavar="DIR", help="folder of the run")
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train.add_argument("--threads", type=int, default=1, help="torch threads on the CPU")
    defaults = {f.name: f.default for f in fields(TrainOptions)}
    for name, text in (
        ("seed", "seed of weights and stream"),
        ("lr", "learning rate"),
        ("cooldown", "minutes at the end over which the learning rate falls"),
        ("accumulate", "batches per step"),
        ("budget", "cost of a batch in milliseconds of a core; raise it on a GPU"),
        ("validate_minutes", "pause between validations"),
        ("save_minutes", "pause between saved states"),
    ):
        train.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(defaults[name]),
            default=defaults[name],
            help=f"{text} (default: {defaults[name]})",
        )
    return parser


def _train(args) -> int:
    torch.set_num_threads(args.threads)
    names = {f.name for f in fields(TrainOptions)}
    options = TrainOptions(**{k: v for k, v in vars(args).items() if k in names})
    trainer = Trainer(args.resume, options, device=args.device)
    print(f"step {trainer.step}, {trainer.datasets:,} data sets seen, position {trainer.position}")
    measured = trainer.run()
    for key, value in measured.items():
        print(f"validation {key}: {value:.4g}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    args = _parser().parse_args(argv)
    return {"train": _train}[args.command](args)
