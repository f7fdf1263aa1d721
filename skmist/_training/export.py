"""Release of weights: from a run's state to a checkpoint of the package, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from skmist._checkpoint import (
    read_metadata,
    read_network,
    register,
    released_path,
    save_checkpoint,
)
from skmist._training.state import load_state
from skmist.core import CoreConfig, MISTNetwork


def averaged_network(directory: Path) -> tuple[MISTNetwork, dict]:
    """Return the averaged network of a run and what is known of its making."""
    state = load_state(Path(directory))
    if state is None:
        raise FileNotFoundError(f"No saved state in {directory}.")
    network = MISTNetwork(CoreConfig(**state["config"]))
    network.load_state_dict(state["average"])
    metadata = {
        "preset": state["options"]["preset"],
        "seed": state["seed"],
        "position": state["position"],
        "datasets": state["datasets"],
        "steps": state["step"],
        "minutes": round(state["minutes"], 1),
    }
    return network.eval(), metadata


def export(
    directory: Path,
    path: Path,
    mean_with: Sequence[Path] = (),
    pairs_from: Path | None = None,
) -> Path:
    """Write the averaged weights of a run as a checkpoint and enter its hash in the registry.

    In place of a run's folder there may be a checkpoint, to give it another part for pairs.

    With ``mean_with``, the mean of these weights and those of other checkpoints, each counting
    alike: after runs that started from one of them it is often better than any (Wortsman et al.,
    "Model soups", ICML 2022).
    With ``pairs_from``, the part for one column against one is that of another run or checkpoint:
    the two parts of the network share no weights, and can be trained apart (presets "pairs" and
    "several"). The other part is told what this one says of pairs of columns, and has learned to
    rely on it.

    Raises
    ------
    ValueError
        If another checkpoint is one of another configuration.
    """
    network, metadata = load_with_metadata(directory)
    others = [read_network(other) for other in mean_with]
    for other, source in zip(others, mean_with, strict=True):
        if other.config != network.config:
            raise ValueError(f"{source} is of another configuration than the run's weights.")
    with torch.no_grad():
        for own, *theirs in zip(*(part.parameters() for part in (network, *others)), strict=True):
            own.copy_(torch.stack([own, *theirs]).mean(0))
    if pairs_from is not None:
        other, made = load_with_metadata(pairs_from)
        for name in ("bivariate_width", "levels", "n_min", "n_max_bivariate"):
            if getattr(other.config, name) != getattr(network.config, name):
                raise ValueError(f"{pairs_from} has another {name} than the run's weights.")
        network.bivariate.load_state_dict(other.bivariate.state_dict())
        apart = {k.removeprefix("pairs "): v for k, v in made.items() if k.startswith("pairs ")}
        made = apart or made  # a checkpoint tells of pairs that were trained apart
        metadata |= {f"pairs {name}": value for name, value in made.items()}
    save_checkpoint(path, network, metadata)
    register(path)
    return path


def starting_point(path: Path, preset: str | None = None) -> dict:
    """Return weights, configuration and position of a checkpoint, to train on from there.

    With the preset "pairs" the position is that of the pairs, if they were trained apart.
    """
    network = read_network(path)
    metadata = read_metadata(path)["metadata"]
    if preset == "pairs":
        apart = {k.removeprefix("pairs "): v for k, v in metadata.items() if "pairs " in k}
        metadata = apart or metadata
    weights = {k: v.clone() for k, v in network.state_dict().items()}
    names = {k: k for k in ("position", "datasets", "minutes", "seed")} | {"steps": "step"}
    done = {name: metadata[k] for k, name in names.items() if k in metadata}
    return {"weights": weights, "config": network.config, "done": done}


def load_with_metadata(source: Path | None) -> tuple[MISTNetwork, dict]:
    """Return a network as :func:`load_any` does, and what is known of its making."""
    source = released_path() if source is None else Path(source)
    if source.is_dir():
        return averaged_network(source)
    return read_network(source), read_metadata(source)["metadata"]


def load_any(source: Path | None) -> MISTNetwork:
    """Return the network of a run's folder, of a checkpoint, or the released one."""
    return load_with_metadata(source)[0]
