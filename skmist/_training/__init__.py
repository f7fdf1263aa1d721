"""Training of the network: meta-distribution, sampler, losses, trainer, export, command."""
