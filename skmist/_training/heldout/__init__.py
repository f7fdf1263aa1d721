"""Families that no preset trains on: what calibration is learned from.

No benchmark measures these laws; past and future of an autoregression, in `dynamics`, is the kind
of one task of the suite multioutput.

Every family is a function ``family(rng)`` that returns a random :class:`Law`, a distribution with
its mutual information.
"""

from __future__ import annotations

from functools import partial

from skmist._training.heldout import (
    directions,
    dynamics,
    elliptical,
    frailty,
    partitions,
    regressions,
)
from skmist._training.heldout.law import Law

__all__ = ["FAMILIES", "PAIRS", "Law"]

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

PAIRS = {  # the families that have members of one column against one
    "gammas with a common smooth rate": partial(frailty.smooth_frailty, dims=(1, 1)),
    "gammas with one of a few rates": partial(frailty.few_rates, dims=(1, 1)),
    "power-exponential vectors": partial(elliptical.power_vectors, dims=(1, 1)),
    "normal vectors of random scale": partial(elliptical.gamma_scale_vectors, dims=(1, 1)),
    "hidden states": partial(dynamics.hidden_states, dims=(1, 1)),
    "angles on a torus": partial(directions.torus, embed=(False, False)),
    "windows of a time series": partial(dynamics.windows, dims=(1, 1)),
    "durations": partial(regressions.durations, dx=1),
    "negative binomial counts": partial(regressions.counts, dx=1),
    "parts of an ordered sample": partial(partitions.ordered, dims=(1, 1)),
    "labels of regions": partial(partitions.regions, dx=1),
}
