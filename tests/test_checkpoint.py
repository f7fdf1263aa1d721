"""Checkpoints: what is saved comes back; what is damaged or foreign is refused."""

import dataclasses
import json
import pickle
import subprocess
import threading

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from skmist import CheckpointError, _checkpoint
from skmist._checkpoint import (
    load_network,
    read_metadata,
    read_network,
    register,
    save_checkpoint,
    sha256,
)


def header_of(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["skmist"])


def test_round_trip(small_network, checkpoint):
    network = read_network(checkpoint)
    assert network.config == small_network.config
    expected = small_network.state_dict()
    assert network.state_dict().keys() == expected.keys()
    for name, value in network.state_dict().items():
        assert torch.equal(value, expected[name])
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_metadata(small_network, tmp_path):
    path = save_checkpoint(tmp_path / "a.safetensors", small_network, {"seed": 3, "preset": "p"})
    found = read_metadata(path)
    assert found["metadata"] == {"seed": 3, "preset": "p"}
    assert found["config"]["width"] == small_network.config.width
    assert set(found["config"]) == set(dataclasses.asdict(small_network.config))


def test_saving_is_reproducible_and_leaves_no_other_file(small_network, tmp_path):
    first = save_checkpoint(tmp_path / "a.safetensors", small_network)
    second = save_checkpoint(tmp_path / "b.safetensors", small_network)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_the_cache_returns_one_network_to_all_threads(checkpoint):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(load_network(checkpoint))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(network is load_network(str(checkpoint)) for network in found)


def test_the_cache_sees_that_a_file_was_replaced(small_network, tmp_path):
    path = save_checkpoint(tmp_path / "a.safetensors", small_network)
    before = load_network(path)
    changed = pickle.loads(pickle.dumps(small_network))
    with torch.no_grad():
        next(changed.parameters()).add_(1.0)
    save_checkpoint(path, changed)
    after = load_network(path)
    assert not torch.equal(next(before.parameters()), next(after.parameters()))


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="No file of weights at .*nothing.safetensors"):
        read_network(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000])
def test_truncated_file(checkpoint, tmp_path, keep):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        read_network(path)


def test_other_kinds_of_file(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("These are no weights.")
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        read_network(path)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(CheckpointError, match="not a checkpoint of this package: expected format"):
        read_network(foreign)


def test_one_changed_byte_is_seen_by_the_registry(checkpoint, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(checkpoint.read_bytes())
    assert register(path) == sha256(path)
    assert read_network(path) is not None
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged: its SHA-256 is .* the registry says"):
        read_network(path)


def test_the_registry_can_be_checked_with_sha256sum(checkpoint, tmp_path):
    for name in ("one.safetensors", "two.safetensors"):
        (tmp_path / name).write_bytes(checkpoint.read_bytes())
        register(tmp_path / name)
    try:
        done = subprocess.run(
            ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("no sha256sum here")
    assert done.returncode == 0
    assert done.stdout.count(": OK") == 2


def change(path, target, *, tensors=lambda t: t, header=lambda h: h):
    save_file(
        tensors(load_file(path)), target, metadata={"skmist": json.dumps(header(header_of(path)))}
    )
    return target


def test_a_registry_with_other_lines(checkpoint, tmp_path):
    copy = tmp_path / checkpoint.name
    copy.write_bytes(checkpoint.read_bytes())
    digest = _checkpoint.sha256(copy)
    other = b"alone\n\n" + b"\xff\xfe\n"
    (tmp_path / "SHA256SUMS").write_bytes(other + f"{digest.upper()}  {copy.name}\n".encode())
    assert read_network(copy) is not None


def test_strict_loading(checkpoint, tmp_path):
    name = sorted(load_file(checkpoint))[0]
    cases = {
        "lacking": lambda t: {k: v for k, v in t.items() if k != name},
        "additional": lambda t: t | {"another": torch.zeros(2)},
        "reshaped": lambda t: t | {name: torch.zeros(1, 2, 3)},
    }
    for case, tensors in cases.items():
        path = change(checkpoint, tmp_path / f"{case}.safetensors", tensors=tensors)
        with pytest.raises(CheckpointError, match="does not fit its own configuration"):
            read_network(path)


def test_values_that_are_not_finite(checkpoint, tmp_path):
    name = sorted(load_file(checkpoint))[0]
    path = change(
        checkpoint,
        tmp_path / "nan.safetensors",
        tensors=lambda t: t | {name: torch.full_like(t[name], float("nan"))},
    )
    with pytest.raises(CheckpointError, match=f"not finite, in '{name}'"):
        read_network(path)


@pytest.mark.parametrize(
    "config",
    [
        None, [1], {"unknown": 1}, {"width": 10, "n_heads": 3}, {"width": "wide"},
        {"n_max": None}, {"d_max": 0}, {"n_queries": 9.5}, {"mi_max": float("nan")},
    ],
)  # fmt: skip
def test_unusable_configuration(checkpoint, tmp_path, config):
    path = change(checkpoint, tmp_path / "a.safetensors", header=lambda h: h | {"config": config})
    with pytest.raises(CheckpointError, match="configuration that cannot be used"):
        read_network(path)


def test_another_format(checkpoint, tmp_path):
    path = change(
        checkpoint, tmp_path / "a.safetensors", header=lambda h: h | {"format": "skmist-99"}
    )
    with pytest.raises(CheckpointError, match="found 'skmist-99'"):
        read_network(path)
    with pytest.raises(CheckpointError, match="found 'skmist-99'"):
        read_metadata(path)


def test_the_released_weights_are_registered_and_load():
    path = _checkpoint.released_path()
    assert _checkpoint.read_registry()[path.name] == sha256(path)
    assert read_metadata()["config"] == json.loads(
        json.dumps(dataclasses.asdict(load_network().config))
    )
