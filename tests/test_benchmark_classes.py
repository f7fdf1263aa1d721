"""The suite classes: mutual information against closed forms, enumeration and neighbours."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import entr, softmax

from benchmarks import classes
from benchmarks.estimators import applicable, indicators, logistic_mi
from skmist.baselines import ksg_mi, sklearn_mi

TASKS = {task.name: task for task in classes.tasks()}


def test_there_are_twenty_tasks():
    assert len(TASKS) == len(classes.tasks()) == 20


@pytest.mark.parametrize("name", TASKS)
def test_rows_and_classes(name):
    task = TASKS[name]
    x, y = task.sample(np.random.default_rng(0), 3000)
    assert x.shape == (3000, task.dx) and y.shape == (3000, 1)
    share = np.bincount(y[:, 0].astype(int)) / 3000
    assert (y == y.astype(int)).all() and 0 <= task.mi <= entr(share).sum() + 0.02


@pytest.mark.parametrize(
    ("name", "classes_of_rows"),
    [("signs of a product 6x1", 2), ("shells 10x1", 4), ("tree 6x1", 4)],
)
def test_regions_lose_what_replacing_takes(name, classes_of_rows):
    other = 0.1 / (classes_of_rows - 1)
    left = float(entr(0.9) + (classes_of_rows - 1) * entr(other))
    _, y = TASKS[name].sample(np.random.default_rng(1), 200_000)
    whole = float(entr(np.bincount(y[:, 0].astype(int)) / 200_000).sum())
    assert TASKS[name].mi == pytest.approx(whole - left, abs=2e-3)


@pytest.mark.parametrize(("d", "k"), [(8, 3)])
def test_bits_by_enumeration(d, k):
    p = classes.stream("classes", "bits", d, k).uniform(0.1, 0.9, size=(k, d))
    rows = np.array(list(itertools.product([0, 1], repeat=d)))
    likelihood = np.prod(np.where(rows[:, None] == 1, p, 1 - p), 2)  # (2^d, k)
    joint = likelihood / k
    mi = entr(joint.sum(1)).sum() + math.log(k) - entr(joint).sum()
    assert TASKS["3 classes of bits 8x1"].mi == pytest.approx(mi, abs=3e-3)


def test_logistic_models_depend_on_one_direction():
    task = TASKS["logistic model of 4 columns 20x1"]
    x, y = task.sample(np.random.default_rng(2), 50_000)
    found = sklearn_mi(x[:, :4].sum(1, keepdims=True), y[:, 0], discrete_target=True)
    assert found == pytest.approx(task.mi, abs=0.02)


def test_two_clusters_depend_on_the_line_between_their_centres():
    """Of two clusters, so made here; the tasks have more."""
    task = classes._clusters(5, 2, 0.6)
    x, y = task.sample(np.random.default_rng(3), 50_000)
    c = y[:, 0].astype(int)
    line = x[c == 1].mean(0) - x[c == 0].mean(0)
    found = sklearn_mi((x @ line)[:, None], c, discrete_target=True)
    assert found == pytest.approx(task.mi, abs=0.02)


@pytest.mark.parametrize("name", ["3 clusters 4x1", "shells 4x1"])
def test_neighbours_of_many_rows_find_nearly_as_much(name):
    task = TASKS[name]
    x, y = task.sample(np.random.default_rng(4), 30_000)
    codes = np.eye(int(y.max()) + 1)[y[:, 0].astype(int)]
    assert ksg_mi(x, 1e3 * codes, n_neighbors=5) == pytest.approx(task.mi, abs=0.12)


def test_classes_are_drawn_with_the_probabilities_of_their_rows():
    """The posterior of counts, again from its definition, is calibrated."""
    x, y = TASKS["3 classes of counts 6x1"].sample(np.random.default_rng(5), 100_000)
    rates = classes.stream("classes", "rates", 6, 3).gamma(2.0, 1.0, size=(3, 6))
    p = softmax(x @ np.log(rates).T - rates.sum(1), axis=1)
    for c in range(3):
        strong = p[:, c] > 0.8
        assert np.mean(y[strong, 0] == c) == pytest.approx(p[strong, c].mean(), abs=0.01)


def test_problems_are_reproducible_and_differ_between_seeds():
    first, again, other = (classes.problems(seed) for seed in (0, 0, 1))
    assert len(first) == 20 * len(classes.SIZES)
    for index in range(0, len(first), 4):
        x, y = first[index].draw()
        whole = first[index].group == "counts and bits"
        assert first[index].types == ("discrete" if whole else "continuous", "category")
        assert (x == np.round(x)).all() == whole
        assert applicable("ksg5", "classes", first[index]) != whole
        assert applicable("plugin", "classes", first[index]) == whole
        np.testing.assert_array_equal(x, again[index].draw()[0])
        np.testing.assert_array_equal(y, again[index].draw()[1])
        assert (x != other[index].draw()[0]).any()


def test_logistic_regression_tells_what_a_logistic_model_holds():
    task = TASKS["logistic model of 5 columns 5x1"]
    x, y = task.sample(np.random.default_rng(6), 4000)
    assert logistic_mi(x, y) == pytest.approx(task.mi, abs=0.03)
    with pytest.raises(ValueError, match="5 rows"):
        logistic_mi(x[:8], np.arange(8) % 4)


def test_peers_see_a_column_for_each_label():
    found = indicators(np.array([[2.0], [5.0], [2.0], [9.0]]))
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])
