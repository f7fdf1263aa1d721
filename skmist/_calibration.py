"""How far a sample lies from the training data, and how much wider its interval has to be for it.

Distances are taken in the space of the features that the network reads, whitened; quantiles are
moved by conformalised quantile regression. Both are learned once for each network from data that it
was not trained on (``python -m skmist._training calibrate``), and stand in its file of weights.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from skmist.core.bivariate import BivariateFeatures
from skmist.core.network import Features
from skmist.exceptions import CheckpointError

LEVELS = (0.5, 0.8, 0.9, 0.95)  # of the central intervals that are calibrated
NEIGHBOUR = 5
LARGEST = 10.0  # factor on the distance of a quantile from the median
CHUNK = 4096  # rows whose distances are worked on at a time


def signature(features: Features) -> Tensor:
    """Return the features that describe a sample as a whole, shape (B, F)."""
    if isinstance(features, BivariateFeatures):
        return features.inputs
    return torch.cat(
        [
            features.context,
            torch.log1p(features.anchors),
            features.evidence,
            features.critic,
            features.structure,
        ],
        1,
    )


@dataclass(frozen=True, eq=False)
class Part:
    """What is known of one part of the network: one column against one, or all other questions.

    Parameters
    ----------
    centre : Tensor of shape (F,)
        Mean of the features over training data.
    whiten : Tensor of shape (F, D)
        Map of centred features to coordinates of unit variance.
    prototypes : Tensor of shape (K, D)
        Training data in these coordinates.
    threshold_knots : Tensor of shape (T,)
        Logarithms of numbers of rows, increasing.
    thresholds : Tensor of shape (T,)
        Distances at which the score is 1 at so many rows, linear in between.
    knots : Tensor of shape (S,)
        Scores, increasing, between which the factors are linear.
    factors : Tensor of shape (S, len(LEVELS))
        By how much the distance of a quantile from the median grows, for the central interval of
        each level; it does not fall with the score.
    row_knots : Tensor of shape (R,)
        Logarithms of numbers of rows, increasing.
    row_factors : Tensor of shape (R, len(LEVELS))
        By what these factors are multiplied at so many rows, linear in between.
    """

    centre: Tensor
    whiten: Tensor
    prototypes: Tensor
    threshold_knots: Tensor
    thresholds: Tensor
    knots: Tensor
    factors: Tensor
    row_knots: Tensor
    row_factors: Tensor

    def __post_init__(self):
        """Check shapes and values once."""
        shapes = [tuple(v.shape) for v in vars(self).values()]
        f, d = self.whiten.shape if self.whiten.ndim == 2 else (-1, -1)
        t, k, s, r = (
            v.shape[0] if v.ndim else -1
            for v in (self.threshold_knots, self.prototypes, self.knots, self.row_knots)
        )
        tables = [(s,), (s, len(LEVELS)), (r,), (r, len(LEVELS))]
        expected = [(f,), (f, d), (k, d), (t,), (t,), *tables]
        if shapes != expected or k < NEIGHBOUR or min(t, s, r) < 1:
            raise ValueError(f"the calibration has parts of shapes {shapes}")
        knots = (self.threshold_knots, self.knots, self.row_knots)
        increasing = all((v.diff() > 0).all() for v in knots)
        positive = [self.thresholds, self.factors, self.row_factors]
        if not (increasing and all((v > 0).all() for v in positive)):
            raise ValueError("the calibration has values that cannot be")

    def scores(self, features: Features) -> Tensor:
        """Return the distance (B,) to the fifth nearest prototype, in units of the threshold."""
        own = signature(features)
        return self.scores_of(own, np.full(len(own), features.n))

    def scores_of(self, own: Tensor, n: np.ndarray) -> Tensor:
        """Return the scores (B,) of signatures (B, F) of so many rows (B,)."""
        if own.shape[1] != len(self.centre):
            raise CheckpointError(
                f"The calibration in this file is for {len(self.centre)} features, this version "
                f"has {own.shape[1]}: run 'python -m skmist._training calibrate' again."
            )
        own = own.float()
        centre, whiten, prototypes = (
            v.to(own) for v in (self.centre, self.whiten, self.prototypes)
        )
        out = []
        for rows in own.split(CHUNK):
            z = (rows - centre) @ whiten
            squares = torch.addmm(prototypes.square().sum(1), z, prototypes.T, alpha=-2)
            nearest = squares.topk(NEIGHBOUR, 1, largest=False, sorted=False).values.amax(1)
            out.append((nearest + z.square().sum(1)).clamp_min(0).sqrt())
        unit = np.interp(np.log(n), self.threshold_knots.numpy(), self.thresholds.numpy())
        return torch.cat(out) / torch.from_numpy(unit).to(own)

    def factors_at(self, scores: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Return the factors (B, len(LEVELS)) at scores and numbers of rows, each of shape (B,).

        Beyond the last knot of the scores they grow on, beyond those of the rows they stay.
        """
        knots, factors = self.knots.double().numpy(), self.factors.double().numpy()
        at = _between(scores, knots, factors)
        beyond = np.maximum(scores / max(knots[-1], 1.0), 1.0)[:, None]
        at = np.clip(at * beyond, None, np.maximum(LARGEST, factors[-1]))
        return at * _between(np.log(n), self.row_knots.numpy(), self.row_factors.double().numpy())


def _between(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate each column of values (K, C) linearly at x (B,), shape (B, C)."""
    return np.stack([np.interp(x, knots, column) for column in values.T], 1)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of a network's errors on data that it was not trained on.

    Parameters
    ----------
    bivariate, joint : Part
        One column against one, and all other questions.
    excess : Tensor of shape ()
        Power of the ratio of the number of columns to the largest one of training that the factors
        are multiplied by where there are more columns.
    """

    bivariate: Part
    joint: Part
    excess: Tensor

    def part(self, single: bool) -> Part:
        """Return the part for questions of one column against one, or for all others."""
        return self.bivariate if single else self.joint

    def of(self, features: Features) -> Part:
        """Return the part that features belong to."""
        return self.part(isinstance(features, BivariateFeatures))

    def widen(
        self,
        latent: np.ndarray,
        levels: np.ndarray,
        scores: np.ndarray,
        n: np.ndarray,
        single: bool,
        ratio=1.0,
    ) -> np.ndarray:
        """Move quantiles away from the median, or towards it.

        Parameters
        ----------
        latent : ndarray of shape (B, L)
            Quantiles in nats, negative ones for 0.
        levels : ndarray of shape (L,)
            Their levels, symmetric around 0.5.
        scores : ndarray of shape (B,)
            Scores of the questions.
        n : ndarray of shape (B,)
            Numbers of rows.
        single : bool
            Whether one column stands against one.
        ratio : ndarray of shape (B,) or float
            Columns of the wider side, in units of the largest number of training.

        Returns
        -------
        ndarray of shape (B, L)
            Quantiles in order, with the same median.

        Notes
        -----
        The factors are conformal quantiles of the distance of the truth from the median, in units
        of that of the predicted quantile (Romano, Patterson and Candes, "Conformalized Quantile
        Regression", NeurIPS 2019, there with differences in place of ratios).
        """
        factors = self.part(single).factors_at(scores, n)
        excess = np.maximum(np.broadcast_to(ratio, scores.shape), 1.0) ** float(self.excess)
        factors = np.clip(factors * excess[:, None], None, np.maximum(LARGEST, factors))
        return widen(latent, levels, factors)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by name."""
        out = {"excess": self.excess}
        for name in ("bivariate", "joint"):
            out |= {f"{name}.{k}": v for k, v in vars(self.part(name == "bivariate")).items()}
        return {k: v.detach().cpu().contiguous() for k, v in out.items()}

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> Calibration:
        """Read what :meth:`tensors` returns; raise ValueError if it does not fit."""
        names = [f.name for f in fields(Part)]
        expected = {"excess", *(f"{p}.{n}" for p in ("bivariate", "joint") for n in names)}
        if set(tensors) != expected:
            wrong = sorted(set(tensors) ^ expected)[0]
            raise ValueError(f"the calibration lacks or should not have {wrong!r}")
        if tensors["excess"].numel() != 1:
            raise ValueError("the calibration's 'excess' is not one number")
        parts = (
            Part(**{n: tensors[f"{part}.{n}"] for n in names}) for part in ("bivariate", "joint")
        )
        return cls(*parts, tensors["excess"])


def widen(latent: np.ndarray, levels: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Multiply the distances of quantiles (B, L) from the median by factors (B, len(LEVELS))."""
    middle = len(levels) // 2
    median = latent[:, middle : middle + 1]
    central = np.abs(2 * levels - 1)  # of the interval that a quantile is an end of
    right = np.clip(np.searchsorted(LEVELS, central), 1, len(LEVELS) - 1)
    low, high = np.array(LEVELS)[right - 1], np.array(LEVELS)[right]
    t = np.clip((central - low) / (high - low), 0, 1)
    moved = (latent - median) * ((1 - t) * factors[:, right - 1] + t * factors[:, right])
    moved[:, middle:] = np.maximum.accumulate(moved[:, middle:], axis=1)
    moved[:, middle::-1] = np.minimum.accumulate(moved[:, middle::-1], axis=1)
    return median + moved
