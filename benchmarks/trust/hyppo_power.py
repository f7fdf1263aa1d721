"""Samples of hyppo's 20 dependence settings, and its tests on them; run where hyppo is installed.

Usage: python benchmarks/trust/hyppo_power.py sample OUT.npz --repeats 200
       python benchmarks/trust/hyppo_power.py test IN.npz OUT.csv

It imports nothing of this repository, so that hyppo can live in an environment of its own.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
import zlib

import numpy as np

N = 100
DIMS = (1, 3)
TIMED = 99  # permutations of the calls that are timed
WITHOUT_NOISE = ("multiplicative_noise", "multimodal_independence")  # take no such option


def simulations() -> dict:
    """Return hyppo's settings by name."""
    from hyppo.tools.indep_sim import SIMULATIONS

    return SIMULATIONS


def sample(path: str, repeats: int) -> None:
    """Draw each setting with its noise, in 1 + 1 and in 3 + 1 columns where that exists."""
    arrays = {}
    for name, simulate in simulations().items():
        options = {} if name in WITHOUT_NOISE else {"noise": True}
        for d in DIMS:
            # hyppo draws from NumPy's global stream and has no seed of its own
            np.random.seed(zlib.crc32(f"power/{name}/{d}".encode()))
            x, y = zip(*(simulate(N, d, **options) for _ in range(repeats)), strict=True)
            if y[0].shape[1] == 1:
                arrays[f"{name}/{d}/x"], arrays[f"{name}/{d}/y"] = np.stack(x), np.stack(y)
    np.savez(path, **arrays)


def test(path: str, out: str) -> None:
    """Write power and time of Dcorr, Hsic and MGC.

    As in ``hyppo.tools.power``, the critical value is the 95% quantile of the statistic over the
    same samples with permuted rows: the power of a test with very many permutations, at the cost
    of two statistics for each sample. The time is that of one test with 99 permutations.
    """
    from hyppo.independence import MGC, Dcorr, Hsic

    data = np.load(path)
    keys = sorted({key.rsplit("/", 1)[0] for key in data.files})
    with open(out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("test", "setting", "d", "repeats", "power", "seconds"))
        for key in keys:
            name, d = key.split("/")
            x, y = data[f"{key}/x"], data[f"{key}/y"]
            rng = np.random.default_rng(zlib.crc32(key.encode()))
            permuted = [rng.permutation(v) for v in y]
            for kind in (Dcorr, Hsic, MGC):
                statistic = kind().statistic
                observed = np.array([statistic(a, b) for a, b in zip(x, y, strict=True)])
                null = np.array([statistic(a, b) for a, b in zip(x, permuted, strict=True)])
                power = np.mean(observed > np.quantile(null, 0.95))
                seconds = _time(kind, x[0], y[0])
                row = (kind.__name__, name, d, len(x), f"{power:.4f}", f"{seconds:.4g}")
                writer.writerow(row)
                print(*row, flush=True)


def _time(kind, x: np.ndarray, y: np.ndarray) -> float:
    """Return the time of a permutation test after one that compiles what there is to compile."""
    options = {} if kind.__name__ == "MGC" else {"auto": False}
    kind().test(x, y, reps=2, **options)
    start = time.perf_counter()
    kind().test(x, y, reps=TIMED, **options)
    return time.perf_counter() - start


def main() -> None:
    """Parse the command line and run what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("sample")
    draw.add_argument("path")
    draw.add_argument("--repeats", type=int, default=200)
    run = commands.add_parser("test")
    run.add_argument("path")
    run.add_argument("out")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.command == "sample":
        sample(args.path, args.repeats)
    else:
        test(args.path, args.out)


if __name__ == "__main__":
    main()
