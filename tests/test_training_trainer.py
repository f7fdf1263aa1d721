"""The trainer: stops in time, survives a kill, goes on from a checkpoint; its command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from skmist._checkpoint import read_metadata, read_network
from skmist._training.cli import main
from skmist._training.export import export, starting_point
from skmist._training.losses import compress, pinball, total
from skmist._training.optimiser import Optimiser
from skmist._training.presets import PRESETS
from skmist._training.state import load_state, read_log, save_state
from skmist._training.stream import (
    FEWEST_WAITING,
    WAITING,
    Batch,
    Prefetcher,
    make_batch,
    repeated,
    seed_of,
)
from skmist._training.trainer import Trainer, TrainOptions
from skmist.core import CoreConfig, MIDistribution, MISTNetwork

SMALL = CoreConfig(width=16, pair_width=8, n_layers=1, n_heads=2, row_width=8, head_width=32)
QUICK = {"accumulate": 1, "budget": 4.0, "validation_batches": 3, "warmup": 5}


def steps(trainer: Trainer, count: int, lr: float = 1e-3) -> None:
    """Take some steps without the clock."""
    o = trainer.options
    stream = Prefetcher(
        trainer.network, trainer.preset, "train", trainer.seed, trainer.position, budget=o.budget
    )
    batches = iter(stream)
    for _ in range(count):
        trainer._one_step(batches, lr)
    stream.close()


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.network.parameters()])


def test_resumed_run_equals_uninterrupted_run(tmp_path):
    straight = Trainer(tmp_path / "a", TrainOptions(**QUICK), SMALL)
    steps(straight, 6)
    first = Trainer(tmp_path / "b", TrainOptions(**QUICK), SMALL)
    steps(first, 3)
    first.save()
    second = Trainer(tmp_path / "b", TrainOptions(**QUICK), SMALL)
    assert second.step == 3 and second.position == 3
    steps(second, 3)
    assert second.datasets == straight.datasets
    torch.testing.assert_close(weights(second), weights(straight), rtol=1e-4, atol=1e-6)


def test_training_lowers_the_loss(tmp_path):
    options = TrainOptions(**{**QUICK, "budget": 10.0, "validation_batches": 15})
    trainer = Trainer(tmp_path, options, SMALL)
    before = trainer.validate()["loss"]
    steps(trainer, 120, lr=1e-3)
    trainer.average.load_state_dict(trainer.network.state_dict())
    after = trainer.validate()["loss"]
    assert after < 0.9 * before, (before, after)


def test_run_stops_by_itself_and_leaves_state_log_and_plot(tmp_path):
    start = time.monotonic()
    trainer = Trainer(tmp_path, TrainOptions(minutes=0.04, cooldown=0.02, **QUICK), SMALL)
    measured = trainer.run(progress=False)
    assert time.monotonic() - start < 40
    assert measured["loss"] > 0 and 0 <= measured["coverage"] <= 1
    assert load_state(tmp_path)["step"] == trainer.step > 0
    assert read_log(tmp_path / "log.csv")[-1]["step"] == str(trainer.step)


def test_killed_at_any_moment_it_resumes(tmp_path):
    command = [
        sys.executable, "-m", "skmist._training", "train", "--resume", str(tmp_path),
        "--minutes", "5", "--budget", "2", "--accumulate", "1", "--save-minutes", "0.0001",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        state = load_state(tmp_path)
        if state is not None and state["step"] >= 3:
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = load_state(tmp_path)["step"]
    assert done >= 3
    trainer = Trainer(tmp_path, TrainOptions(**QUICK))
    assert trainer.step == done
    assert all(int(row["step"]) <= done for row in read_log(tmp_path / "log.csv"))
    steps(trainer, 1)
    trainer.save()
    assert load_state(tmp_path)["step"] == done + 1


def test_a_half_written_state_is_not_looked_at(tmp_path):
    first, second = (
        {"step": i, "network": i, "average": 2 * i, "optimiser": 3 * i} for i in (1, 2)
    )
    save_state(tmp_path, first)
    for name in ("state.pt.new", "weights-2.pt", "optimiser-2.pt.new"):
        (tmp_path / name).write_bytes(b"half")
    assert load_state(tmp_path) == first
    save_state(tmp_path, second)
    assert load_state(tmp_path) == second
    assert {p.name for p in tmp_path.glob("*.pt")} == {"state.pt", "weights-2.pt", "optimiser-2.pt"}
    (tmp_path / "optimiser-2.pt").unlink()
    with pytest.raises(FileNotFoundError):
        load_state(tmp_path)


def test_files_of_a_state_stay_below_16_mib(tmp_path):
    trainer = Trainer(tmp_path, TrainOptions(**QUICK))
    steps(trainer, 1)
    trainer.save()
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 16 * 2**20


def test_export_and_start_from_the_checkpoint(tmp_path):
    trainer = Trainer(tmp_path / "run", TrainOptions(**QUICK), SMALL)
    steps(trainer, 2)
    trainer.save()
    path = export(tmp_path / "run", tmp_path / "out" / "weights.safetensors")
    metadata = read_metadata(path)["metadata"]
    assert metadata["position"] == 2 and metadata["preset"] == "general"
    for p, q in zip(read_network(path).parameters(), trainer.average.parameters(), strict=True):
        assert torch.equal(p, q)
    again = Trainer(tmp_path / "next", TrainOptions(**QUICK), **starting_point(path))
    assert again.position == again.step == 2 and again.datasets == trainer.datasets
    assert not any(part.state for part in again.optimiser.parts.values())
    steps(again, 1)
    assert again.position == 3


def test_pairs_that_were_trained_apart_go_on_where_they_were(tmp_path):
    for name, count in (("run", 1), ("pairs", 3)):
        trainer = Trainer(tmp_path / name, TrainOptions(**QUICK), SMALL)
        steps(trainer, count)
        trainer.save()
    first = export(tmp_path / "run", tmp_path / "first.safetensors")
    path = export(first, tmp_path / "both.safetensors", pairs_from=tmp_path / "pairs")
    found, joint = read_network(path), read_network(first).joint
    for p, q in zip(found.joint.parameters(), joint.parameters(), strict=True):
        assert torch.equal(p, q)
    for p, q in zip(
        found.bivariate.parameters(), trainer.average.bivariate.parameters(), strict=True
    ):
        assert torch.equal(p, q)
    assert starting_point(path)["done"]["position"] == 1
    assert starting_point(path, "pairs")["done"]["position"] == 3
    assert starting_point(first, "pairs")["done"]["position"] == 1


def test_export_of_the_mean_with_other_checkpoints(tmp_path):
    trainer = Trainer(tmp_path / "run", TrainOptions(**QUICK), SMALL)
    trainer.save()
    first = export(tmp_path / "run", tmp_path / "first.safetensors")
    steps(trainer, 2)
    trainer.save()
    last = export(tmp_path / "run", tmp_path / "last.safetensors")
    mean = export(tmp_path / "run", tmp_path / "mean.safetensors", mean_with=[first])
    assert read_metadata(mean)["metadata"]["position"] == 2
    parameters = (read_network(path).parameters() for path in (first, last, mean))
    for p, q, both in zip(*parameters, strict=True):
        torch.testing.assert_close(both, (p + q) / 2)
    more = ["export", "--run", str(tmp_path / "run"), "--to", str(tmp_path / "more.safetensors")]
    assert main([*more, "--mean-with", str(first), str(mean)]) in (0, None)
    parameters = (read_network(p).parameters() for p in (first, last, tmp_path / more[-1]))
    for p, q, three in zip(*parameters, strict=True):
        torch.testing.assert_close(three, p / 2 + q / 2)
    other = Trainer(tmp_path / "other", TrainOptions(**QUICK), replace(SMALL, width=32))
    other.save()
    with pytest.raises(ValueError, match="configuration"):
        export(tmp_path / "other", tmp_path / "no.safetensors", mean_with=[first])


def test_parts_of_the_network_are_trained_apart_and_exported_together(tmp_path):
    runs = {}
    for preset in ("several", "pairs"):
        options = TrainOptions(**QUICK | {"preset": preset, "seed": len(runs)})
        runs[preset] = trainer = Trainer(tmp_path / preset, options, SMALL)
        untrained = {k: v.clone() for k, v in trainer.network.state_dict().items()}
        steps(trainer, 2)
        trainer.save()
        own, left = ("joint", "bivariate")[:: 1 if preset == "several" else -1]
        after = trainer.network.state_dict()
        same = {k: torch.equal(v, untrained[k]) for k, v in after.items()}
        assert all(v for k, v in same.items() if k.startswith(left))
        assert not all(v for k, v in same.items() if k.startswith(own))
    path = tmp_path / "both.safetensors"
    export(tmp_path / "several", path, pairs_from=tmp_path / "pairs")
    network, metadata = read_network(path), read_metadata(path)["metadata"]
    for part, preset in (("joint", "several"), ("bivariate", "pairs")):
        ours, theirs = (getattr(v, part).state_dict() for v in (network, runs[preset].average))
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    assert metadata["preset"] == "several" and metadata["pairs preset"] == "pairs"
    assert metadata["pairs datasets"] == runs["pairs"].datasets
    again = tmp_path / "again.safetensors"  # pairs as they were, from the checkpoint
    export(tmp_path / "several", again, pairs_from=path)
    assert read_metadata(again)["metadata"] == metadata
    kept = read_network(again).state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in network.state_dict().items())
    config = replace(SMALL, bivariate_width=SMALL.bivariate_width + 8)
    other = Trainer(tmp_path / "other", TrainOptions(**QUICK), config)
    other.save()
    with pytest.raises(ValueError, match="bivariate_width"):
        export(tmp_path / "several", path, pairs_from=tmp_path / "other")


ONE_STEP = """
import sys
from itertools import count
from skmist._training.stream import make_batch
from skmist._training.trainer import Trainer, TrainOptions
from tests.test_training_trainer import QUICK, SMALL

trainer = Trainer(sys.argv[1], TrainOptions(**QUICK), SMALL)
places = count(trainer.position + trainer.rank, trainer.world)
args = trainer.network, trainer.preset, "train", 0
batches = (make_batch(*args, i, trainer.device, 4.0) for i in places)
for _ in range(3):
    trainer._one_step(batches, 1e-3)
trainer.save()
"""


def test_two_processes_step_as_one_would(tmp_path):
    """Even where one has batches of one column against one only, and the other has none."""
    options = TrainOptions(**{**QUICK, "accumulate": 2})
    alone = Trainer(tmp_path / "alone", options, SMALL)
    steps(alone, 3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    root = Path(__file__).parents[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_STEP, str(tmp_path / "both")],
            env={**os.environ, **shared, "RANK": rank, "OMP_NUM_THREADS": "1"},
            cwd=root,
        )
        for rank in ("0", "1")
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    both = Trainer(tmp_path / "both", options, SMALL)
    assert (both.step, both.datasets) == (alone.step, alone.datasets)
    assert both.position == alone.position
    torch.testing.assert_close(weights(both), weights(alone), rtol=1e-3, atol=1e-5)


def test_matrices_take_orthogonal_steps():
    torch.manual_seed(0)
    network = MISTNetwork(SMALL)
    optimiser = Optimiser(network, 1e-3, weight_decay=0.0)
    held = [
        id(p) for part in optimiser.parts.values() for g in part.param_groups for p in g["params"]
    ]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for p in network.parameters():
        p.grad = torch.randn_like(p)
    optimiser.step(2e-3)
    seen = 0
    for name, p in network.named_parameters():
        change = p.detach() - before[name]
        if p.ndim == 2 and min(p.shape) > 16 and "head.out" not in name:
            sizes = torch.linalg.svdvals(change)
            assert sizes.max() < 3 * sizes.quantile(0.1), name
            rms = float(change.square().mean().sqrt())
            assert 0.2 * 2e-3 * 0.6 < rms < 0.2 * 2e-3 * 1.4, name
            seen += 1
        else:
            torch.testing.assert_close(change.abs(), torch.full_like(p, 2e-3), rtol=1e-3, atol=0)
    assert seen > 5


def test_an_older_torch_is_named(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(RuntimeError, match=r"torch 2\.9 or later"):
        Optimiser(MISTNetwork(SMALL), 1e-3)


def test_repeated_batches_come_again_later_and_count_once():
    def batches():
        return (Batch(i, None, torch.zeros(2), (10, 1, 1), True) for i in range(400))

    costly = WAITING / 100
    assert [b.index for b in repeated(batches(), 1, 0)] == list(range(400))
    taken = list(repeated(batches(), 3, 0, costly))
    assert [b.index for b in taken if b.fresh] == list(range(400))
    seen = Counter()
    for batch in taken:
        assert batch.fresh == (seen[batch.index] == 0)
        seen[batch.index] += 1
    assert max(seen.values()) == 3
    assert 3 * 400 - len(taken) == 100
    assert 3 * 400 - len(list(repeated(batches(), 3, 0, 100 * costly))) == FEWEST_WAITING
    order = [b.index for b in repeated(batches(), 3, 0, costly)]
    assert order == [b.index for b in taken]
    assert order != [b.index for b in repeated(batches(), 3, 1, costly)]


def test_batches_of_many_rows_come_again_more_often():
    def batches():
        shape = (10, 2, 1)
        return (
            Batch(i, None, torch.zeros(2), shape, True, times=1 + 2 * (i % 4 == 0))
            for i in range(400)
        )

    taken = list(repeated(batches(), 1, 0))
    seen = Counter(b.index for b in taken)
    assert [b.index for b in taken if b.fresh] == list(range(400))
    assert max(seen.values()) == 3
    assert all(seen[i] == 1 for i in range(400) if i % 4)
    assert len(taken) == 400 + 100 * 2 - FEWEST_WAITING


def test_a_preset_says_how_often_batches_of_many_rows_are_taken():
    preset = replace(PRESETS["several"], n_common=40, n_max=50, paper=0.0)
    network = MISTNetwork(SMALL)
    made = [make_batch(network, preset, "train", 0, i, "cpu", 4.0) for i in range(40)]
    assert {b.shape[0] > 40 for b in made} == {True, False}
    assert all(b.times == (3 if b.shape[0] > 40 else 1) for b in made)


def test_training_on_repeated_batches_keeps_its_place(tmp_path):
    trainer = Trainer(tmp_path, TrainOptions(**QUICK), SMALL)
    args = trainer.network, trainer.preset, "train", 0
    batch = make_batch(*args, 0, trainer.device, 4.0)
    later = make_batch(*args, 1, trainer.device, 4.0)
    for taken, position in ((batch, 1), (later, 2), (replace(batch, fresh=False), 2)):
        trainer._one_step(iter([taken]), 1e-3)
        assert trainer.position == position
    assert trainer.step == 3
    assert trainer.datasets == len(batch.mi) + len(later.mi)


def test_streams_do_not_meet():
    seeds = {
        seed_of(stream, preset, 0, i)
        for stream in ("train", "validation", "sample")
        for preset in PRESETS
        for i in range(200)
    }
    assert len(seeds) == 3 * len(PRESETS) * 200


def test_pinball_is_lowest_at_the_quantiles():
    levels = torch.tensor([0.1, 0.5, 0.9])
    truth = torch.linspace(0.5, 1.5, 1001)
    right = torch.tensor([[0.6, 1.0, 1.4]]).expand(1001, 3)
    best = pinball(MIDistribution(right, levels), truth).mean()
    for shift in (-0.1, 0.1):
        assert pinball(MIDistribution(right + shift, levels), truth).mean() > best
    assert (compress(truth).diff() > 0).all()


def test_quantiles_below_zero_are_raised_but_never_lowered():
    latent = torch.full((1, 3), -0.5, requires_grad=True)
    levels = torch.tensor([0.1, 0.5, 0.9])
    pinball(MIDistribution(latent, levels), torch.tensor([1.0])).sum().backward()
    assert (latent.grad < 0).all()
    latent.grad = None
    pinball(MIDistribution(latent, levels), torch.tensor([0.0])).sum().backward()
    assert (latent.grad == 0).all()
    assert total(MIDistribution(latent, levels), torch.tensor([1.0])).isfinite()


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["export"], ["sample"]])
def test_help_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0 and len(capsys.readouterr().out) > 300


def test_sample_command(tmp_path, capsys):
    import numpy as np

    assert main(["sample", "--to", str(tmp_path / "s.npz"), "--index", "3"]) == 0
    stored = np.load(tmp_path / "s.npz")
    assert len(stored["x"]) == len(stored["y"]) == len(stored["mi"])


def test_missing_run_is_a_clear_error(tmp_path, capsys):
    assert main(["export", "--run", str(tmp_path), "--to", str(tmp_path / "w.safetensors")]) == 2
    assert "No saved state" in capsys.readouterr().err
