"""Golden predictions of the released weights; ``python tests/golden.py`` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from skmist._checkpoint import load_network, released_path, sha256

PATH = Path(__file__).with_name("golden.json")


def uniform(n: int, d: int) -> np.ndarray:
    """Return uniform numbers from raw bits, whose stream numpy keeps the same for good."""
    return (np.random.PCG64(7).random_raw(n * d) / 2.0**64).reshape(n, d)


def samples() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return named data sets, the same on every machine."""
    u = uniform(400, 16)
    a, b, c, d = (u[:, [j]] for j in range(4))
    wide = u - 0.5
    return {
        "independent": (a, b),
        "linear": (a, a + 0.3 * b),
        "wave": (a, np.sin(9 * a) + 0.6 * b),
        "vectors": (np.c_[a, b, c], np.c_[a + d, b * c + 0.3 * u[:, [4]]]),
        "classes": (np.c_[a, b], np.floor(3 * np.modf(a + 0.2 * c)[0])),
        "labels": (a, np.floor(5 * np.modf(a + 0.4 * b)[0])),
        "few rows": (np.c_[a, b][:20], (a + b + d)[:20]),
        "many columns": (wide[:, :8], wide[:, :8] @ np.ones((8, 6)) / 3 + wide[:, 8:14]),
    }


def predictions() -> dict[str, list[float]]:
    """Return mean, median and 90% interval, in nats, of each data set."""
    network = load_network()
    out = {}
    with torch.inference_mode():
        for name, (x, y) in samples().items():
            labels = (False, name == "labels")
            dist = network(torch.tensor(x)[None], torch.tensor(y)[None], labels=labels)
            values = [dist.mean(), dist.median(), *dist.interval(0.9)[0]]
            out[name] = [round(float(v), 6) for v in values]
    return out


def write() -> None:
    """Write the predictions of the released weights."""
    stored = {"sha256": sha256(released_path()), "predictions": predictions()}
    PATH.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    write()
    print(PATH.read_text())
