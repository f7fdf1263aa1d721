"""Hidden states, classes with columns of their own, pairs that are alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from frequencies import bins, plug_in

from skmist._training import pairs
from skmist._training.draw import Shape
from skmist._training.families import categorical, mixtures
from skmist._training.random import Rng
from skmist.baselines import ksg_mi


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (2, 2)])
def test_hidden_states_agree_with_ksg(monkeypatch, dx, dy):
    monkeypatch.setattr(mixtures, "HIDDEN_STATES", 1.0)
    for seed in range(5):
        draw = mixtures.sample(Rng(seed), 1, 4000, dx, dy)
        found = ksg_mi(draw.x[0].numpy(), draw.y[0].numpy())
        assert found == pytest.approx(float(draw.mi[0]), abs=0.07, rel=0.15)


def test_hidden_states_leave_each_side_normal(monkeypatch):
    monkeypatch.setattr(mixtures, "HIDDEN_STATES", 1.0)
    draw = mixtures.sample(Rng(3), 2, 20_000, 3, 3)
    for side in (draw.x, draw.y):
        for rows in side.double().numpy():
            np.testing.assert_allclose(np.cov(rows.T), np.eye(3), atol=0.05)
            np.testing.assert_allclose((rows**4).mean(0), 3.0, atol=0.3)


def test_classes_with_columns_of_their_own_agree_with_frequencies(monkeypatch):
    monkeypatch.setattr(categorical, "OWN_COLUMN", 1.0)
    monkeypatch.setattr(categorical, "REPLACED", 1.0)
    for seed in range(4):
        draw = categorical.sample(Rng(seed), 1, 120_000, 2, 2, one_hot=False, discrete=0.0)
        code = bins(draw.x[0, :, 0], 24) * 24 + bins(draw.x[0, :, 1], 24)
        found = plug_in(code, draw.y[0, :, 0].long().numpy())
        assert found == pytest.approx(float(draw.mi[0]), abs=0.02)


def test_pairs_alike_are_of_one_kind(monkeypatch):
    asked = []
    kept = pairs.with_reference

    def noted(rng, kind, *shape):
        asked.append(kind)
        return kept(rng, kind, *shape)

    monkeypatch.setattr(pairs, "with_reference", noted)
    seen = set()
    for seed in range(150):
        asked.clear()
        draw = pairs.draw_pairs(Rng(seed), Shape(2, 30, 4, 5))
        assert draw.x.shape == (2, 30, 4) and draw.y.shape == (2, 30, 5)
        assert len(set(asked)) <= 1
        seen |= set(asked)
    assert seen == {"function", *pairs.ALIKE}


def test_lone_pairs_stay_as_they_are_beside_idle_columns(monkeypatch):
    made, kept = [], pairs.with_reference

    def noted(rng, kind, *shape):
        made.append((kind, kept(rng, kind, *shape)))
        return made[-1][1]

    monkeypatch.setattr(pairs, "with_reference", noted)
    seen = set()
    for seed in range(200):
        made.clear()
        draw = pairs.draw_lone_pairs(Rng(seed), Shape(2, 30, 4, 2))
        assert len(made) in (1, 2)
        assert torch.equal(draw.x[..., : len(made)], torch.cat([d.x for _, d in made], -1))
        assert torch.equal(draw.y[..., : len(made)], torch.cat([d.y for _, d in made], -1))
        torch.testing.assert_close(draw.mi, torch.stack([d.mi for _, d in made]).sum(0))
        seen |= {kind for kind, _ in made}
    assert seen == set(pairs.LONE)
