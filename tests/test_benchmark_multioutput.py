"""The suite multioutput: its mutual informations, against estimates of many rows of a pair."""

import numpy as np
import pytest

from benchmarks import multioutput
from skmist.baselines import gaussian_mi, ksg_mi

PAIRS = multioutput.pairs()


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_pairs_share_what_is_said(name):
    _, sample, mi = PAIRS[name]
    x, y = sample(np.random.default_rng(0), 20_000)
    found = ksg_mi(x[:, None], y[:, None], n_neighbors=5, scores="rank")
    assert found == pytest.approx(mi, abs=0.04)


def test_the_information_of_a_clayton_copula_is_the_mean_of_its_log_density():
    u, v = multioutput._clayton(np.random.default_rng(1), 400_000)
    t = multioutput.CLAYTON
    log_density = np.log1p(t) - (1 + t) * np.log(u * v)
    log_density -= (2 + 1 / t) * np.log(u**-t + v**-t - 1)
    assert log_density.mean() == pytest.approx(multioutput.clayton_mi(t), abs=0.01)


def test_tasks_have_the_shapes_and_the_information_that_they_say():
    assert len(multioutput.tasks()) == len({t.name for t in multioutput.tasks()}) == 22
    for task in multioutput.tasks():
        x, y = task.sample(np.random.default_rng(2), 20_000)
        assert x.shape == (20_000, task.dx) and y.shape == (20_000, task.dy)
        if task.family == multioutput.LINEAR:
            found = gaussian_mi(x, y, correct_bias=True)
            assert found == pytest.approx(task.mi, abs=0.04, rel=0.01)
        else:
            count, _, mi = PAIRS[task.name.rsplit(" ", 1)[0]]
            assert task.mi == pytest.approx(count * mi) and task.dx == task.dy == count
            for i in range(count - 1):  # pairs have nothing to do with each other
                assert ksg_mi(x[:5000, [i]], y[:5000, [i + 1]]) < 0.05


def test_problems_have_streams_of_their_own():
    problems = multioutput.problems(0)
    assert len(problems) == 66 and {p.n for p in problems} == set(multioutput.SIZES)
    one, again, other = problems[0].draw(), problems[0].draw(), multioutput.problems(1)[0].draw()
    np.testing.assert_array_equal(one[0], again[0])
    assert not np.array_equal(one[0], other[0])
