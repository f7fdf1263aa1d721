"""Files of weights: safetensors with the configuration in the header, checked before use."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from skmist._calibration import Calibration
from skmist.core import CoreConfig, MISTNetwork
from skmist.exceptions import CheckpointError

FORMAT = "skmist-1"
HEADER = "skmist"  # key of the header in the metadata of the file
WEIGHTS_DIR = Path(__file__).parent / "weights"
RELEASED = "mist-base.safetensors"
REGISTRY = "SHA256SUMS"
CALIBRATION = "calibration."  # prefix of tensors that are no weights
LARGEST_KEPT = 24 * 2**20  # bytes of the largest arrays whose memory is used again

_cache: dict[tuple, Any] = {}
_lock = threading.Lock()


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tensors_sha256(network: torch.nn.Module) -> str:
    """Return the SHA-256 digest of the weights of a network, or of a part of it."""
    digest = hashlib.sha256()
    state = network.state_dict()
    for name in sorted(state):
        digest.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_registry(folder: str | os.PathLike = WEIGHTS_DIR) -> dict[str, str]:
    """Return the registered digests, by file name, from the ``SHA256SUMS`` of a folder."""
    path = Path(folder) / REGISTRY
    if not path.exists():
        return {}
    text = path.read_text("utf-8", errors="replace")
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    found = (line for line in lines if len(line) == 2)
    return {name.strip().lstrip("*"): digest.lower() for digest, name in found}


def register(path: str | os.PathLike) -> str:
    """Write the digest of a file into the ``SHA256SUMS`` beside it, and return the digest.

    The registry has the format of ``sha256sum``, so that ``sha256sum -c SHA256SUMS`` checks it.
    """
    path = Path(path)
    digests = read_registry(path.parent) | {path.name: sha256(path)}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    replace_file(path.parent / REGISTRY, lambda temporary: temporary.write_text(text))
    return digests[path.name]


def replace_file(path: Path, write) -> None:
    """Write a file under a temporary name, then move it into place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_checkpoint(
    path: str | os.PathLike,
    network: MISTNetwork,
    metadata: dict[str, Any] | None = None,
    calibration: Calibration | None = None,
) -> Path:
    """Save a network, its configuration and what is known of its making into one file.

    Parameters
    ----------
    path : path-like
        File to write; an existing one is replaced in one step.
    network : MISTNetwork
        Network to save; the file does not depend on the device that it is on.
    metadata : dict, optional
        What can be written as JSON: preset, seed, number of data sets seen, and so on.
    calibration : Calibration, optional
        What is known of the network's errors; the same file holds it.

    Returns
    -------
    Path
        The path written. Call :func:`register` to enter its digest into the registry.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "config": dataclasses.asdict(network.config),
        "metadata": metadata or {},
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if calibration is not None:
        tensors |= {CALIBRATION + k: v for k, v in calibration.tensors().items()}
    packed = {HEADER: json.dumps(header, sort_keys=True)}  # one key: the order of several varies
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda temporary: temporary.write_bytes(save(tensors, packed)))
    return path


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return the header and the tensors of a checkpoint."""
    if not path.is_file():
        raise CheckpointError(f"No file of weights at {path}.")
    expected = read_registry(path.parent).get(path.name)
    if expected is not None and (found := sha256(path)) != expected:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 is {found}, the registry says {expected}."
        )
    try:
        with safe_open(path, framework="pt") as file:
            packed = (file.metadata() or {}).get(HEADER)
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    try:
        header = json.loads(packed or "{}")
    except ValueError as error:
        raise CheckpointError(f"{path} has a header that is not JSON: {error}") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this package: expected format {FORMAT!r} in its "
            f"header, found {found!r}."
        )
    return header, tensors


def read_metadata(path: str | os.PathLike | None = None) -> dict[str, Any]:
    """Return what a checkpoint says of itself: ``config`` and ``metadata``, as dicts.

    Parameters
    ----------
    path : path-like, optional
        Checkpoint to read; by default the released one.
    """
    path = released_path() if path is None else Path(path)
    header, _ = _read(path)
    return {key: header.get(key, {}) for key in ("config", "metadata")}


def read_network(path: str | os.PathLike) -> MISTNetwork:
    """Read a network from a file, strictly: each tensor expected, and no other one.

    Returns
    -------
    MISTNetwork
        A new network on the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or does not fit this version of the network.
    """
    path = Path(path)
    header, tensors = _read(path)
    try:
        with torch.random.fork_rng(devices=[]):  # the user's random state stays as it is
            network = MISTNetwork(CoreConfig(**header["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} holds a configuration that cannot be used: {error}"
        ) from error
    weights = {k: v for k, v in tensors.items() if not k.startswith(CALIBRATION)}
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not fit its own configuration: {reason}") from error
    wrong = [k for k, v in tensors.items() if v.is_floating_point() and not v.isfinite().all()]
    if wrong:
        raise CheckpointError(f"{path} holds values that are not finite, in {wrong[0]!r}.")
    return network.eval().requires_grad_(False)


def read_calibration(path: str | os.PathLike) -> Calibration | None:
    """Read the calibration that stands in a file of weights; None where there is none.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or holds a calibration that cannot be used.
    """
    _, tensors = _read(Path(path))
    found = {k.removeprefix(CALIBRATION): v for k, v in tensors.items() if CALIBRATION in k}
    if not found:
        return None
    try:
        return Calibration.of_tensors(found)
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be used: {error}.") from error


def released_path() -> Path:
    """Return the path of the weights that come with the package."""
    return WEIGHTS_DIR / RELEASED


def load_network(
    path: str | os.PathLike | None = None, device: str | torch.device = "cpu"
) -> MISTNetwork:
    """Return a network for inference, read once for each process, file and device.

    Parameters
    ----------
    path : path-like, optional
        Checkpoint; by default the released one.
    device : str or torch.device, default="cpu"
        Torch device that the network is put on.

    Returns
    -------
    MISTNetwork
        A network in evaluation mode, shared by all callers: do not change it.
    """
    name = str(torch.device(device))
    return _cached(path, name, lambda file: read_network(file).to(device))


def load_calibration(path: str | os.PathLike | None = None) -> Calibration | None:
    """Return the calibration of a checkpoint or None, read once for each process and file."""
    return _cached(path, "calibration", read_calibration)


def _cached(path: str | os.PathLike | None, what: str, read: Callable[[Path], Any]) -> Any:
    """Return what is read from a checkpoint, read once for each state of the file."""
    path = released_path() if path is None else Path(path)
    with _lock:
        stamp = path.stat().st_mtime_ns if path.is_file() else 0
        key = (os.path.abspath(path), stamp, what)
        if key not in _cache:
            for old in [k for k in _cache if k[0] == key[0] and k[1] != stamp]:
                del _cache[old]  # of a file that has been written anew
            _cache[key] = read(path)
            _keep_freed_memory()
        return _cache[key]


def _keep_freed_memory() -> None:
    """Have memory of arrays used again, in place of being mapped anew at each call.

    The C library of Linux maps arrays anew that are larger than any freed before, up to 32 MiB
    (mallopt(3), M_MMAP_THRESHOLD). One is freed here, without having been written to, which costs
    nothing.
    """
    np.empty(LARGEST_KEPT, dtype=np.uint8)
