"""Command line of training: ``python -m skmist._training COMMAND``; ``--help`` lists them."""

from __future__ import annotations

from skmist._training.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
