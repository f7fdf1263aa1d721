"""The null distribution of one continuous column against one: a table, made once per network."""

from __future__ import annotations

import functools
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from skmist._checkpoint import load_network, released_path, replace_file, tensors_sha256
from skmist._linear import Blend
from skmist.exceptions import CheckpointError

SUFFIX = ".null.npz"  # in place of that of the file of weights
FEWEST = 2000  # draws that a tail is fitted to
TAIL_RANK = 10  # the draw where the tail begins
TAIL_SHARE = 0.01  # upper quantile up to which its slope is measured
CAUTION = 0.8
ROUNDING = 1e-6  # nats; smaller differences between estimates are none


@dataclass(frozen=True, eq=False)
class NullTable:
    """Upper order statistics of the test statistic under independence, for some numbers of rows.

    The statistic is a :class:`~skmist._linear.Blend` of the estimate and of the linear part of the
    dependence. Without ties, both are functions of the ranks of one column in the order of the
    other. Under independence all n! orders are equally likely, whatever the two marginals: the null
    distribution depends on n and the weights alone, and can be drawn beforehand.

    The p-value is (b + 1) / (B + 1), b of B draws being at least as large as the statistic. Between
    the order statistics kept, log p is linear in the logarithm of the statistic; between the
    numbers of rows, the logarithms of an order statistic and of both parameters of the blend are
    linear in log n. :meth:`covers` tells which n the table is for; to other n nothing is
    extrapolated.

    Beyond the tenth largest draw p falls like a power of the statistic (a Pareto tail). The slope
    of log p is that between the upper 1% point and the tenth largest draw, times ``CAUTION``. Under
    independence the tail falls faster than a power, ever more steeply, so that such p-values are
    too large rather than too small; the tests check that. With fewer than ``FEWEST`` draws there is
    no tail, and the smallest p-value is 1 / (B + 1).

    Parameters
    ----------
    weights : str
        SHA-256 of the weights that the table belongs to, see :func:`pairs_sha256`.
    draws : int
        Number B of draws at each n.
    sizes : ndarray of int of shape (n_sizes,)
        Numbers of rows, increasing.
    ranks : ndarray of int of shape (n_ranks,)
        Which order statistics are kept, increasing from 1, the largest draw.
    statistics : ndarray of shape (n_sizes, n_ranks)
        The order statistics, in nats, positive.
    blends : ndarray of shape (n_sizes, 2)
        Threshold and multiple of the blend, positive.
    """

    weights: str
    draws: int
    sizes: np.ndarray
    ranks: np.ndarray
    statistics: np.ndarray
    blends: np.ndarray

    def covers(self, n: int) -> bool:
        """Tell whether the table holds the null distribution of n rows."""
        return bool(self.sizes[0] <= n <= self.sizes[-1])

    def blend(self, n: int) -> Blend:
        """Return how the statistic of n rows, a number that it covers, is made."""
        at = np.log(n), np.log(self.sizes)
        return Blend(*(float(np.exp(np.interp(*at, np.log(column)))) for column in self.blends.T))

    def pvalues(self, n: int, observed: np.ndarray) -> np.ndarray:
        """Return p-values of independence.

        Parameters
        ----------
        n : int
            Number of rows, one that the table covers.
        observed : ndarray of shape (n_questions,)
            Test statistics in nats, of pairs of columns without ties.

        Returns
        -------
        ndarray of shape (n_questions,)
        """
        if not self.covers(n):
            raise ValueError(f"The table is for {self.sizes[0]} to {self.sizes[-1]} rows, got {n}.")
        right = max(1, int(np.searchsorted(self.sizes, n)))
        logs = np.log(self.statistics[right - 1 : right + 1].astype(np.float64))
        low, high = np.log(self.sizes[right - 1 : right + 1])
        t = (np.log(n) - low) / (high - low)
        knots = ((1 - t) * logs[0] + t * logs[1])[::-1]
        log_p = np.log((self.ranks[::-1] + 1) / (self.draws + 1))
        at = np.log(np.maximum(observed - ROUNDING, np.finfo(np.float64).tiny))
        inside = np.interp(at, knots, log_p, left=0.0, right=-np.log(self.draws + 1))
        if self.draws < FEWEST:
            return np.exp(inside)
        ends = np.log([TAIL_RANK + 1, TAIL_SHARE * self.draws + 1]) - np.log(self.draws + 1)
        start, early = np.interp(ends, log_p[::-1], knots[::-1])
        slope = CAUTION * (ends[1] - ends[0]) / (start - early)
        return np.exp(np.where(at > start, ends[0] - slope * (at - start), inside))

    def save(self, path: str | os.PathLike) -> None:
        """Write the table as a compressed .npz file, in one step."""
        fields = dict(
            weights=np.array(self.weights),
            draws=np.array(self.draws),
            sizes=self.sizes,
            ranks=self.ranks,
            statistics=self.statistics.astype(np.float32),
            blends=self.blends,
        )

        def write(temporary: Path) -> None:
            with open(temporary, "wb") as file:  # of a path, numpy would change the suffix
                np.savez_compressed(file, **fields)

        replace_file(Path(path), write)


def pairs_sha256(checkpoint: str | os.PathLike | None = None) -> str:
    """Return the digest of the weights that judge one column against one, in a file of weights.

    The statistic depends on no others: a table outlives new weights for vectors and calibration.
    """
    return tensors_sha256(load_network(checkpoint).bivariate)


def table_path(checkpoint: str | os.PathLike | None = None) -> Path:
    """Return where the table of a file of weights stands: beside it."""
    return Path(released_path() if checkpoint is None else checkpoint).with_suffix(SUFFIX)


def load_null(checkpoint: str | os.PathLike | None = None) -> NullTable | None:
    """Return the table of a file of weights, or None where there is none or one of other weights.

    Parameters
    ----------
    checkpoint : path-like, optional
        File of weights; by default the released one.
    """
    weights = Path(released_path() if checkpoint is None else checkpoint)
    table = table_path(checkpoint)
    if not (table.is_file() and weights.is_file()):
        return None
    return _load(table, table.stat().st_mtime_ns, weights, weights.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _load(table: Path, table_time: int, weights: Path, weights_time: int) -> NullTable | None:
    """Read a table once for each state of the two files."""
    try:
        with np.load(table, allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
        found = NullTable(
            str(fields["weights"]),
            int(fields["draws"]),
            fields["sizes"],
            fields["ranks"],
            fields["statistics"],
            fields["blends"],
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise CheckpointError(
            f"{table} is damaged, or no table of null statistics: {type(error).__name__}, {error}. "
            "Without it, p-values come from permutations."
        ) from error
    return found if found.weights == pairs_sha256(weights) else None
