"""Write what is known of the released weights into the model card, or check that it is current.

Usage: python doc/describe_weights.py [--check]
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from skmist._checkpoint import read_metadata, read_network, released_path, sha256

MODEL_CARD = Path(__file__).parent / "model_card.md"
TRAINING_LOG = Path(__file__).parent / "training_log.csv"  # of the run that made the weights


def table() -> str:
    """Return a Markdown table of what the file of weights says of itself."""
    path = released_path()
    header = read_metadata(path)
    config, made = header["config"], header["metadata"]
    network = read_network(path)
    parameters = sum(p.numel() for p in network.parameters())
    rows = {
        "file": f"`{path.name}`, {path.stat().st_size / 2**20:.1f} MiB",
        "SHA-256": f"`{sha256(path)}`",
        "parameters": f"{parameters:,}",
        "rows in training": f"{config['n_min']:,} to {config['n_max']:,}",
        "rows in training, one column against one": f"{config['n_min']:,} to "
        f"{config['n_max_bivariate']:,}",
        "columns per side in training": f"1 to {config['d_max']}",
        "largest mutual information in training": f"{config['mi_max']:g} nats",
        "quantile levels": f"{len(config['levels'])}, {config['levels'][0]} "
        f"to {config['levels'][-1]}",
        **{f"training: {k}": f"{v:,}" if isinstance(v, int) else v for k, v in made.items()},
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows.items())])


def history() -> str:
    """Return a Markdown table of the validations of the training run."""
    lines = [
        "| data sets seen | loss | mean absolute error, nats | 90% interval |",
        "|---:" * 4 + "|",
    ]
    with open(TRAINING_LOG, newline="") as file:
        for row in csv.DictReader(file):
            if row["validation"]:
                loss, mae, coverage = (float(row[k]) for k in ("validation", "mae", "coverage"))
                seen = int(row["datasets"])
                lines.append(f"| {seen:,} | {loss:.4f} | {mae:.3f} | {coverage:.3f} |")
    return "\n".join(lines)


def rewritten(card: str) -> str:
    """Return the text of the model card with the current tables between their markers."""
    for name, text in (("weights", table()), ("training", history())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, rest = card.split(begin, 1)
        card = f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"
    return card


def main() -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    args = parser.parse_args()
    old = MODEL_CARD.read_text(encoding="utf-8")
    new = rewritten(old)
    if args.check:
        print("current" if old == new else f"out of date: run python {Path(__file__).name}")
        return int(old != new)
    MODEL_CARD.write_text(new, encoding="utf-8")
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
