"""Batches, memory, threads and processes: none of them changes a result."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmist import _inference
from skmist._inference import Engine, Question, bytes_per_question, plan
from skmist.core import CoreConfig


@pytest.fixture
def questions(rng):
    y = rng.normal(size=(40, 1))
    shapes = [(40, 1), (40, 2), (40, 1), (40, 1), (40, 2), (40, 1)]
    same = [Question(rng.normal(size=shape), y) for shape in shapes]
    return [*same, Question(rng.normal(size=(30, 1)), rng.normal(size=(30, 3)))]


def test_plan_groups_by_shape_and_covers_all(questions):
    batches = list(plan(questions, CoreConfig()))
    assert [list(index) for index in batches] == [[0, 2, 3, 5], [1, 4], [6]]


def test_plan_bounds_the_memory(monkeypatch):
    x = np.zeros((1000, 1))
    config = CoreConfig()
    size = bytes_per_question(1000, 2, config)
    monkeypatch.setattr(_inference, "BATCH_BYTES", 7 * size)
    batches = list(plan([Question(x, x)] * 20, config))
    assert [len(index) for index in batches] == [7, 7, 6]


def test_results_come_in_the_order_of_the_questions(questions, checkpoint):
    engine = Engine(checkpoint)
    together = engine.run(questions).latent
    assert together.dtype == torch.float64
    for i, question in enumerate(questions):
        assert_allclose(together[i], engine.run([question]).latent[0], rtol=1e-4, atol=1e-5)


def test_n_jobs_does_not_change_results(questions, checkpoint, monkeypatch):
    monkeypatch.setattr(_inference, "BATCH_BYTES", 1)
    expected = Engine(checkpoint).run(questions).latent
    found = Engine(checkpoint, n_jobs=2).run(questions).latent
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_no_questions(checkpoint):
    assert Engine(checkpoint).run([]).latent.shape == (0, 25)


def test_permuted_questions(rng):
    x, y = rng.normal(size=(50, 1)), rng.normal(size=(50, 2))
    question = Question(x, y, seed=(0, 3))
    moved, kept = question.sides()
    assert kept is y
    assert not np.array_equal(moved, x)
    assert_array_equal(np.sort(moved, axis=0), np.sort(x, axis=0))
    assert_array_equal(question.sides()[0], moved)
    assert Question(y, x, seed=(0, 3)).sides()[0] is y


def test_global_settings_of_torch_stay(questions, checkpoint):
    before = torch.get_num_threads(), torch.is_grad_enabled(), torch.get_rng_state()
    Engine(checkpoint, n_jobs=2).run(questions)
    after = torch.get_num_threads(), torch.is_grad_enabled(), torch.get_rng_state()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_progress_bar(questions, checkpoint, capsys):
    Engine(checkpoint, verbose=True).run(questions)
    assert "7/7" in capsys.readouterr().err
    Engine(checkpoint).run(questions)
    assert capsys.readouterr().err == ""


def test_unknown_device(questions, checkpoint):
    with pytest.raises(ValueError, match="device='abacus' cannot be used here"):
        Engine(checkpoint, device="abacus").run(questions)


def test_read_only_arrays(questions, checkpoint):
    for question in questions:
        question.x.flags.writeable = False
        question.y.flags.writeable = False
    Engine(checkpoint).run(questions)
