"""Learning from the quantiles of other weights beside the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_training_trainer import QUICK, SMALL

from skmist._training.cli import main
from skmist._training.export import export
from skmist._training.losses import mean_error, pinball, total
from skmist._training.state import load_state
from skmist._training.stream import Batch, make_batch, repeated
from skmist._training.trainer import Trainer, TrainOptions
from skmist.core import CoreConfig, MIDistribution, MISTNetwork

LEVELS = torch.tensor(CoreConfig().levels, dtype=torch.float64)


def quantiles(scale=1.0, shift=0.5):
    """Return quantiles of a logistic distribution, those below 0 cut off, (1, L)."""
    return (shift + scale * torch.logit(LEVELS)).clamp_min(0).unsqueeze(0)


def part_of_levels(dist, mi, teacher, share):
    return total(dist, mi, teacher, share) - 0.02 * mean_error(dist, mi)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_loss_is_the_mean_over_truths_that_the_teacher_draws(share):
    teacher, mi = quantiles(0.2), torch.tensor([0.4], dtype=torch.float64)
    dist = MIDistribution(quantiles(0.3, 0.7), LEVELS)
    ranks = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    nearest = (ranks.unsqueeze(1) - LEVELS).abs().argmin(1)
    drawn = teacher[0, nearest]
    many = MIDistribution(dist.latent.expand(len(drawn), -1), LEVELS)
    expected = (1 - share) * pinball(dist, mi) + share * pinball(many, drawn).mean()
    torch.testing.assert_close(
        part_of_levels(dist, mi, teacher, share), expected, rtol=1e-4, atol=0
    )


def test_the_teachers_quantiles_are_the_best_answer():
    teacher, mi = quantiles(), torch.tensor([0.4], dtype=torch.float64)
    least = part_of_levels(MIDistribution(teacher, LEVELS), mi, teacher, 1.0)
    for k in range(len(LEVELS)):
        for move in (-0.05, 0.05):
            moved = teacher.clone()
            moved[0, k] += move
            if moved[0, k] >= 0:
                assert part_of_levels(MIDistribution(moved, LEVELS), mi, teacher, 1.0) > least


@pytest.mark.parametrize("mi", [0.0, 9.0])
def test_a_truth_that_the_teacher_rules_out_counts_alone(mi):
    teacher, dist = quantiles(0.1, 2.0), MIDistribution(quantiles(0.3), LEVELS)
    mi = torch.tensor([mi], dtype=torch.float64)
    torch.testing.assert_close(total(dist, mi, teacher, 0.9), total(dist, mi))


def test_steps_are_taken_on_the_mean_of_what_teachers_say(tmp_path):
    teachers = [MISTNetwork(SMALL) for _ in range(2)]
    with torch.no_grad():
        for p in teachers[1].parameters():
            p.mul_(1.5)
    options = TrainOptions(**QUICK | {"preset": "pairs"}, share=0.7)
    trainer = Trainer(tmp_path, options, SMALL, teachers=teachers)
    batch = make_batch(trainer.network, trainer.preset, "test", 0, 0, trainer.device, 4.0)
    with torch.no_grad():
        mean = sum(teacher.predict(batch.features).values for teacher in teachers) / 2
        told = trainer.network.predict(batch.features)
        expected, alone = total(told, batch.mi, mean, 0.7).mean(), total(told, batch.mi).mean()
    loss, _ = trainer._one_step(iter([batch]), 1e-3)
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert loss != pytest.approx(float(alone), rel=1e-3)
    assert all(p.grad is None for teacher in teachers for p in teacher.parameters())


def test_a_batch_taken_again_keeps_what_teachers_said():
    batch = Batch(0, None, None, (9, 1, 1), True, teacher=quantiles())
    taken = list(repeated(iter([batch] * 99), 2, 0, budget=1e9))
    assert any(not b.fresh for b in taken) and all(b.teacher is batch.teacher for b in taken)


def test_teachers_of_other_levels_are_refused(tmp_path):
    other = Trainer(tmp_path / "a", TrainOptions(**QUICK), replace(SMALL, levels=(0.1, 0.5, 0.9)))
    with pytest.raises(ValueError, match="levels"):
        Trainer(tmp_path / "b", TrainOptions(**QUICK), SMALL, teachers=[other.network])


def test_the_command_takes_teachers(tmp_path, capsys):
    trainer = Trainer(tmp_path / "run", TrainOptions(**QUICK, preset="pairs"), SMALL)
    trainer.save()
    path = export(tmp_path / "run", tmp_path / "weights.safetensors")
    command = ["train", "--preset", "pairs", "--device", "cpu", "--minutes", "0.02"]
    command += ["--resume", str(tmp_path / "run"), "--budget", "4"]
    assert main([*command, "--teachers", str(path), str(path), "--share", "0.5"]) == 0
    assert load_state(tmp_path / "run")["options"]["share"] == 0.5
    assert main([*command, "--teachers", str(tmp_path / "none")]) == 2
    assert main([*command, "--share", "2"]) == 2
    assert "share should be from 0 to 1" in capsys.readouterr().err
