"""The suite idle, and that suites see what users get."""

import numpy as np
import pytest

from benchmarks import bmi40, estimators, idle
from skmist import MISTEstimator
from skmist.baselines import ksg_mi

PAIRS = idle.pairs()


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_pairs_share_what_is_said(name):
    sample, mi = PAIRS[name]
    x, y = sample(np.random.default_rng(0), 20_000)
    assert x.shape == y.shape == (20_000,)
    assert ksg_mi(x[:, None], y[:, None], n_neighbors=5) == pytest.approx(mi, abs=0.05)


def test_idle_columns_lie_beside():
    assert len(idle.tasks()) == len({task.name for task in idle.tasks()}) == 32
    for task in idle.tasks():
        x, y = task.sample(np.random.default_rng(1), 50)
        assert x.shape == (50, task.dx) and y.shape == (50, task.dy)
        assert task.mi == PAIRS[task.name.rsplit(" ", 1)[0]][1]
    few, many = (
        next(t for t in idle.tasks() if t.name == name).sample(np.random.default_rng(2), 50)
        for name in ("line 1x1", "line 16x1")
    )
    np.testing.assert_array_equal(few[0], many[0][:, :1])
    np.testing.assert_array_equal(few[1], many[1])


def test_suites_see_what_the_public_classes_give():
    chosen = [p for p in bmi40.problems(0) if p.n == 200][::8]
    chosen += [p for p in idle.problems(0) if p.n == 200 and p.task.startswith("5 waves")]
    for problem, row in estimators.mist_rows(chosen):
        x, y = problem.draw()
        public = MISTEstimator().fit(x, y)
        assert row["estimate"] == pytest.approx(public.mi_, rel=1e-4, abs=1e-6)
        expected = public.quantile(estimators.LEVELS)
        found = [row[name] for name in estimators.QUANTILES]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        mean = MISTEstimator(point="mean").score(x, y)
        assert row[estimators.MEAN] == pytest.approx(mean, rel=1e-4, abs=1e-6)
