"""Families that no preset trains on and no benchmark measures: what calibration is learned from.

Every family is a function ``family(rng)`` that returns a random :class:`Law`, a distribution with
its mutual information.
"""

from __future__ import annotations

from skmist._training.heldout import (
    directions,
    dynamics,
    elliptical,
    frailty,
    partitions,
    regressions,
)
from skmist._training.heldout.law import Law

__all__ = ["FAMILIES", "Law"]

FAMILIES = {
    "gammas with a common smooth rate": frailty.smooth_frailty,
    "gammas with one of a few rates": frailty.few_rates,
    "power-exponential vectors": elliptical.power_vectors,
    "normal vectors of random scale": elliptical.gamma_scale_vectors,
    "waves of a noisy phase": directions.waves,
    "angles on a torus": directions.torus,
    "directions on a sphere": directions.sphere,
    "hidden states": dynamics.hidden_states,
    "windows of a time series": dynamics.windows,
    "networks of several outputs": regressions.networks,
    "durations": regressions.durations,
    "negative binomial counts": regressions.counts,
    "parts of an ordered sample": partitions.ordered,
    "interacting bits": partitions.spins,
    "labels of regions": partitions.regions,
}
