"""Validation on a fixed stream, disjoint from training."""

from __future__ import annotations

import torch

from skmist._training.losses import total
from skmist._training.presets import Preset
from skmist._training.stream import Prefetcher
from skmist.core.network import MISTNetwork

STREAM = "validation"


@torch.inference_mode()
def validate(
    network: MISTNetwork, preset: Preset, n_batches: int, device="cpu", budget: float = 20.0
) -> dict[str, float]:
    """Measure a network on the first batches of the validation stream.

    Returns
    -------
    dict
        ``loss``; ``mae`` of the median and ``rmse`` of the mean, in nats; ``coverage`` of the 90%
        interval; ``datasets``, their number.
    """
    was_training = network.training
    network.eval()
    loss, error, square, inside = [], [], [], []
    batches = Prefetcher(network, preset, STREAM, 0, 0, device=device, budget=budget)
    try:
        for batch in batches:
            if batch.index >= n_batches:
                break
            dist = network.predict(batch.features)
            low, high = dist.interval(0.9).unbind(1)
            loss.append(total(dist, batch.mi))
            error.append((dist.median() - batch.mi).abs())
            square.append((dist.mean() - batch.mi).square())
            inside.append(((batch.mi >= low) & (batch.mi <= high)).float())
    finally:
        batches.close()
    network.train(was_training)
    return {
        "loss": float(torch.cat(loss).mean()),
        "mae": float(torch.cat(error).mean()),
        "rmse": float(torch.cat(square).mean().sqrt()),
        "coverage": float(torch.cat(inside).mean()),
        "datasets": sum(len(p) for p in loss),
    }
