"""The optimiser: Muon for the matrices inside the network, AdamW for everything else."""

from __future__ import annotations

import torch
from torch import nn

SMALL = 16  # a weight with more rows and columns than that is a matrix
LAST_LAYERS = ("head.out.",)  # whose outputs are logits and sizes, each in units of its own


class Optimiser:
    """Steps of orthogonal matrices for hidden layers, of single weights for the rest.

    Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) with
    updates scaled to the size of AdamW's (Liu et al., "Muon is Scalable for LLM Training", 2025),
    so that one learning rate serves both.

    Parameters
    ----------
    network : Module
    lr : float
        Learning rate of both parts.
    weight_decay : float

    Raises
    ------
    RuntimeError
        If torch is older than Muon in it.
    """

    def __init__(self, network: nn.Module, lr: float, weight_decay: float = 0.01):
        if not hasattr(torch.optim, "Muon"):
            raise RuntimeError(f"Training needs torch 2.9 or later, this is {torch.__version__}.")
        hidden, rest = [], []
        for name, p in network.named_parameters():
            last = any(part in name for part in LAST_LAYERS)
            matrix = p.ndim == 2 and min(p.shape) > SMALL and not last
            (hidden if matrix else rest).append(p)
        self.parts = {
            "muon": torch.optim.Muon(
                hidden, lr, weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            ),
            "adamw": torch.optim.AdamW(rest, lr, betas=(0.9, 0.98), weight_decay=weight_decay),
        }

    def step(self, lr: float) -> None:
        """Take one step with the gradients at hand."""
        for part in self.parts.values():
            for group in part.param_groups:
                group["lr"] = lr
            part.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts.values():
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        """Return the state of each part."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict) -> None:
        """Take up the state of each part."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
