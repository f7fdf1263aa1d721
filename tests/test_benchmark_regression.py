"""The suite regression: mutual information against closed forms and neighbours."""

import numpy as np
import pytest
from sklearn.datasets import make_friedman1, make_friedman2, make_friedman3

from benchmarks import regression
from skmist.baselines import ksg_mi

TASKS = {task.name: task for task in regression.tasks()}


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.6, 3.0])
def test_a_normal_function_has_the_closed_form(noise):
    values = 2.5 * np.random.default_rng(0).standard_normal(1 << 20) + 1
    expected = 0.5 * np.log(1 + 1 / noise**2)
    assert regression.noisy_mi(values, noise * 2.5) == pytest.approx(expected, abs=5e-3)


def test_a_few_values_have_the_entropy_of_their_frequencies():
    values = np.repeat([0.0, 1.0, 5.0], [1000, 3000, 4000])
    p = np.array([1, 3, 4]) / 8
    assert regression.noisy_mi(values, 0.01) == pytest.approx(-(p * np.log(p)).sum(), abs=1e-3)


@pytest.mark.parametrize("name", sorted(regression.ONE_TARGET))
@pytest.mark.parametrize("noise", regression.NOISES)
def test_the_function_holds_all_that_x_tells(name, noise):
    """I(X; y) = I(f(X); y), which neighbours tell well, as both are single columns."""
    _, function, d = regression.ONE_TARGET[name]
    task = TASKS[f"{name}, noise {noise}, {d}x1"]
    x, y = task.sample(np.random.default_rng(1), 20_000)
    assert x.shape == (20_000, d) and y.shape == (20_000, 1)
    estimate = ksg_mi(function(x)[:, None], y[:, 0], n_neighbors=5)
    # values that repeat are told apart by few neighbours only
    assert estimate == pytest.approx(task.mi, abs=0.05 if name != "tree of steps" else 0.2)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("1", make_friedman1), ("2", make_friedman2), ("3", make_friedman3)],
)
def test_the_problems_of_friedman_are_those_of_scikit_learn(name, reference):
    x, y = reference(200, noise=0.0, random_state=0)
    np.testing.assert_allclose(regression.ONE_TARGET[f"Friedman {name}"][1](x), y)
    draw = regression.ONE_TARGET[f"Friedman {name}"][0](np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(draw.mean(0), reference(20_000)[0].mean(0), rtol=0.03)


def test_curves_side_by_side_add_up_and_turning_keeps_all():
    plain = TASKS["2 curves, noise 0.6, 2x2"]
    x, y = plain.sample(np.random.default_rng(2), 20_000)
    parts = [ksg_mi(x[:, [j]], y[:, j], n_neighbors=5) for j in range(2)]
    assert sum(parts) == pytest.approx(plain.mi, abs=0.05)
    turned = TASKS["2 curves, turned, noise 0.6, 2x2"]
    u, v = turned.sample(np.random.default_rng(2), 20_000)
    assert turned.mi == pytest.approx(plain.mi, abs=1e-9)
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), np.linalg.norm(x, axis=1))
    assert ksg_mi(u, v, n_neighbors=5) == pytest.approx(plain.mi, abs=0.1)
    idle = TASKS["2 curves and 3 idle, noise 0.6, 5x2"]
    assert idle.mi == pytest.approx(plain.mi, abs=0.02)


def test_problems_are_reproducible_and_differ_between_seeds():
    first, again, other = (regression.problems(seed) for seed in (0, 0, 1))
    assert len(first) == 36 * len(regression.SIZES)
    for index in range(0, len(first), 11):
        x, y = first[index].draw()
        assert x.shape == (first[index].n, first[index].dx)
        assert y.shape == (first[index].n, first[index].dy)
        np.testing.assert_array_equal(x, again[index].draw()[0])
        assert (y != other[index].draw()[1]).any()
