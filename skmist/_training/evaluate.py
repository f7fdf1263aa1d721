"""Tables of accuracy and calibration on the validation stream, by rows, columns and strength."""

from __future__ import annotations

import numpy as np
import torch

from skmist._training.presets import PRESETS
from skmist._training.stream import Prefetcher
from skmist._training.validate import STREAM
from skmist.core import MISTNetwork

LEVELS = (0.5, 0.8, 0.9, 0.95)
BINS = {
    "n": (
        (8, 30),
        (30, 100),
        (100, 300),
        (300, 500),
        (500, 2500),
        (2500, 10_001),
        (10_001, 100_001),
    ),
    "columns": ((2, 3), (3, 9), (9, 25), (25, 65), (65, 257)),
    "mi": ((0, 1e-9), (1e-9, 0.1), (0.1, 0.5), (0.5, 1.5), (1.5, 4), (4, 12), (12, 60)),
}


@torch.inference_mode()
def measure(
    network: MISTNetwork, preset: str, n_batches: int, budget: float = 40.0
) -> dict[str, np.ndarray]:
    """Return one array per quantity over all data sets of the first validation batches."""
    rows: dict[str, list] = {k: [] for k in ("n", "columns", "mi", "mean", "median", "width")}
    rows |= {f"inside{level}": [] for level in LEVELS}
    stream = Prefetcher(network.eval(), PRESETS[preset], STREAM, 0, 0, budget=budget)
    try:
        for batch in stream:
            if batch.index >= n_batches:
                break
            dist, count = network.predict(batch.features), len(batch.mi)
            n, dx, dy = batch.shape
            rows["n"].append(np.full(count, n))
            rows["columns"].append(np.full(count, dx + dy))
            rows["mi"].append(batch.mi.numpy())
            rows["mean"].append(dist.mean().numpy())
            rows["median"].append(dist.median().numpy())
            for level in LEVELS:
                low, high = dist.interval(level).unbind(1)
                inside = (batch.mi >= low) & (batch.mi <= high)
                if level == 0.9:
                    rows["width"].append((high - low).numpy())
                rows[f"inside{level}"].append(inside.float().numpy())
    finally:
        stream.close()
    return {k: np.concatenate(v) for k, v in rows.items()}


def table(measured: dict[str, np.ndarray]) -> str:
    """Return a Markdown table of errors (nats) and coverages for each bin."""
    head = ["", "data sets", "MSE", "s.e.", "MAE", "bias", "width 90%"]
    head += [f"cov. {100 * level:.0f}%" for level in LEVELS]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]

    def line(name: str, pick: np.ndarray) -> None:
        count = int(pick.sum())
        if count < 2:
            return
        m = {k: v[pick] for k, v in measured.items()}
        square = (m["mean"] - m["mi"]) ** 2
        cells = [square.mean(), square.std() / count**0.5]
        cells += [np.abs(m["median"] - m["mi"]).mean(), (m["mean"] - m["mi"]).mean()]
        cells += [m["width"].mean()] + [m[f"inside{level}"].mean() for level in LEVELS]
        lines.append(f"| {name} | {count} | " + " | ".join(f"{c:.3f}" for c in cells) + " |")

    line("all", np.ones(len(measured["mi"]), dtype=bool))
    for key, bins in BINS.items():
        for low, high in bins:
            line(f"{key} {low:g} to {high:g}", (measured[key] >= low) & (measured[key] < high))
    return "\n".join(lines)
