"""Entropy of a discrete side: plug-in, and how far the true one may lie from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr, gammaincinv, ndtri


def plugin_entropy(codes: np.ndarray) -> float:
    """Return the entropy of the frequencies of the codes, in nats."""
    return Frequencies.of(codes).entropy


@dataclass(frozen=True)
class Frequencies:
    """Frequencies of codes, and what they tell about the entropy of the law they were drawn from.

    The plug-in entropy differs from the true one by two terms: a mean over the rows, which is about
    normal, and the divergence of the frequencies from the law, 2 n times which is about chi-square
    with one degree of freedom less than there are values (Wilks' theorem). Quantiles of both are
    added, which is on the safe side.

    Parameters
    ----------
    entropy : float
        Plug-in entropy, in nats.
    error : float
        Standard error of the mean of -log p, in nats.
    n_values : int
        Number of distinct values.
    n_rows : int
        Number of rows.
    complete : bool
        Whether no value occurs only once, so that there are hardly any others (Good and Turing's
        estimate of the probability of what was not seen is then 0; I. J. Good, Biometrika 40,
        1953); the entropy is at most that of equal frequencies then.
    """

    entropy: float
    error: float
    n_values: int
    n_rows: int
    complete: bool

    @classmethod
    def of(cls, codes: np.ndarray) -> Frequencies:
        """Count codes, which are integers from 0."""
        counts = np.bincount(codes)
        counts = counts[counts > 0]
        p = counts / len(codes)
        information = -np.log(p)
        variance = float(p @ np.square(information - p @ information))
        error = np.sqrt(variance / len(codes))
        complete = bool(counts.min() > 1)
        entropy = float(max(0.0, (p * information).sum()))
        return cls(entropy, error, len(p), len(codes), complete)

    def upper(self, levels: np.ndarray) -> np.ndarray:
        """Return values that the true entropy lies below with these probabilities, in nats.

        Parameters
        ----------
        levels : ndarray of shape (L,)
            At least one half.
        """
        freedom = max(1, self.n_values - 1)
        divergence = gammaincinv(freedom / 2, levels) / self.n_rows
        out = self.entropy + ndtri(levels) * self.error + divergence
        largest = max(self.entropy, float(np.log(self.n_values)))
        return np.minimum(out, largest) if self.complete else out

    def shared(self, levels: np.ndarray) -> np.ndarray:
        """Return quantiles of the information of two sides that determine each other on all rows.

        That n rows show no exception leaves a share of 1 - q^(1 / n) of them at level q, and by
        Fano's inequality (T. M. Cover, J. A. Thomas, "Elements of information theory", 2006,
        theorem 2.10.1) so many exceptions hide a known amount at most.

        Parameters
        ----------
        levels : ndarray of shape (L,)
            Inside (0, 1).

        Returns
        -------
        ndarray of shape (L,)
            The plug-in entropy at one half; not decreasing with the level.
        """
        out = np.full(len(levels), self.entropy)
        low, high = levels < 0.5, levels > 0.5
        out[high] = self.upper(levels[high])
        exceptions = -np.expm1(np.log(levels[low]) / self.n_rows)
        hidden = entr(exceptions) + entr(1 - exceptions)
        hidden += exceptions * np.log(max(1, self.n_values - 1))
        out[low] += ndtri(levels[low]) * self.error - hidden
        return np.maximum.accumulate(out)


def information_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the standard error of the mutual information of two columns of codes, in nats.

    That of the plug-in estimate, by the delta method: the standard deviation of the log density
    ratio over the square root of the number of rows (A. Antos, I. Kontoyiannis, Random Structures
    and Algorithms 19, 2001). It is 0 where the table has more degrees of freedom than there are
    rows, and where chance makes the ratio vary as much.

    Parameters
    ----------
    a, b : ndarray of int of shape (n_samples,)
        Codes from 0.
    """
    n, width = len(a), int(b.max()) + 1
    freedom = int(a.max()) * (width - 1)
    if freedom > n:
        return 0.0
    table = np.bincount(a.astype(np.int64) * width + b, minlength=(int(a.max()) + 1) * width)
    p = table.reshape(-1, width) / n
    x, y = np.nonzero(p)
    expected = p.sum(1)[x] * p.sum(0)[y]
    p = p[x, y]
    ratio = np.log(p / expected)
    variance = float(p @ np.square(ratio - p @ ratio))
    return float(np.sqrt(variance / n)) if variance > 2 * freedom / n else 0.0


def no_narrower(quantiles: np.ndarray, levels: np.ndarray, error: float) -> np.ndarray:
    """Return quantiles (L,) at least as far from the median as those of a normal law.

    Parameters
    ----------
    quantiles : ndarray of shape (L,)
    levels : ndarray of shape (L,)
        Symmetric around one half.
    error : float
        Standard deviation of the normal law.
    """
    normal = quantiles[len(levels) // 2] + ndtri(levels) * error
    return np.where(levels < 0.5, np.minimum(quantiles, normal), np.maximum(quantiles, normal))
