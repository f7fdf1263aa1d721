"""Entropies of discrete sides, and intervals where the information is bounded by them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmist import MISTEstimator, mutual_info
from skmist._entropy import Frequencies, information_error, no_narrower, plugin_entropy
from skmist.exceptions import OutOfDomainWarning

LEVELS = np.array([0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975])


def codes_of(rng, p, n):
    return np.unique(rng.choice(len(p), n, p=p), return_inverse=True)[1]


@pytest.mark.parametrize("n", [100, 1000])
@pytest.mark.parametrize("p", [[0.5, 0.5], [0.2] * 5, [0.5, 0.3, 0.15, 0.05], [0.9, 0.06, 0.04]])
def test_the_entropy_lies_below_its_upper_limit(p, n):
    rng = np.random.default_rng(0)
    truth = -np.sum(np.multiply(p, np.log(p))) - 1e-9
    found = [Frequencies.of(codes_of(rng, p, n)).upper(np.array([0.95]))[0] for _ in range(300)]
    assert np.mean(np.array(found) >= truth) > 0.92
    assert np.mean(found) < truth + 10 * n**-0.5 * len(p) ** 0.5


def test_equal_frequencies_are_the_largest_entropy_of_values_that_all_repeat():
    levels = np.array([0.5, 0.95, 0.999])
    all_repeat = Frequencies.of(np.repeat([0, 1, 2], [9, 10, 11]))
    assert all_repeat.complete
    assert (all_repeat.upper(levels) <= np.log(3)).all()
    one_alone = Frequencies.of(np.repeat([0, 1, 2, 3], [9, 10, 10, 1]))
    assert not one_alone.complete
    assert one_alone.upper(levels)[-1] > np.log(4)


def test_what_sides_share_that_determine_each_other():
    codes = np.repeat([0, 1, 2], [5, 7, 8])
    found = Frequencies.of(codes).shared(LEVELS)
    assert (np.diff(found) >= 0).all()
    assert found[3] == plugin_entropy(codes)
    often = Frequencies.of(np.tile(codes, 1000)).shared(LEVELS)
    assert_allclose(often, plugin_entropy(codes), atol=0.02)


def held(truth, draw, repeats):
    """Return the share of intervals that hold the truth."""
    inside = 0
    for seed in range(repeats):
        low, high = MISTEstimator().fit(*draw(np.random.default_rng(seed))).interval_
        inside += low - 1e-9 <= truth <= high + 1e-9
    return inside / repeats


@pytest.mark.parametrize("n", [100, 1000])
def test_intervals_of_labels_that_a_number_tells(n):
    def draw(rng):
        labels = rng.integers(0, 3, n)
        return (10 * labels + rng.normal(size=n))[:, None], labels

    assert held(np.log(3), draw, 20) >= 0.8


@pytest.mark.parametrize("n", [20, 200])
def test_intervals_of_a_coin_and_itself(n):
    def draw(rng):
        coin = np.r_[0, 1, rng.integers(0, 2, n - 2)]
        return coin[:, None], coin

    assert held(np.log(2), draw, 30) >= 0.9


@pytest.mark.parametrize("n", [8, 20])
def test_intervals_of_labels_that_agree_by_chance(n):
    """Of labels of which one in twenty is wrong, all agree in most of such small samples."""

    def draw(rng):
        coin = np.r_[0, 1, rng.integers(0, 2, n - 2)]
        return coin[:, None], coin ^ (rng.random(n) < 0.05)

    truth = np.log(2) + 0.05 * np.log(0.05) + 0.95 * np.log(0.95)
    assert held(truth, draw, 30) >= 0.8


def test_names_that_occur_once_tell_nothing(rng):
    names = [[f"{side}{i}" for i in rng.permutation(60)] for side in "ab"]
    with pytest.warns(OutOfDomainWarning, match="occur once"):
        found = mutual_info(*names)
    assert found.value == pytest.approx(np.log(60))
    assert found.interval == (0.0, np.inf)


def test_a_quantile_as_the_point_estimate_keeps_to_the_plug_in_entropy(rng):
    labels = rng.integers(0, 4, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mutual_info(labels, labels, point=0.95)
    assert found.value == pytest.approx(plugin_entropy(labels))
    assert found.interval[0] < found.value <= found.interval[1]


@pytest.mark.parametrize("n", [300, 2000])
def test_intervals_of_codes_with_errors(n):
    """A code that is right or else any one makes the log density ratio vary a lot."""
    k, right = 10, 0.7
    p = np.full(k, (1 - right) / k)
    p[0] += right
    mi, held = np.log(k) + p @ np.log(p), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        code = rng.integers(0, k, n)
        seen = np.where(rng.random(n) < right, code, rng.integers(0, k, n))
        low, high = mutual_info(code.astype(str), seen.astype(str)).interval
        held += low <= mi <= high
    assert held >= 29


def test_error_of_the_plug_in_information():
    rng = np.random.default_rng(0)
    found, told = [], []
    for _ in range(300):
        code = rng.integers(0, 4, 1000)
        seen = np.where(rng.random(1000) < 0.6, code, rng.integers(0, 4, 1000))
        both = plugin_entropy(code) + plugin_entropy(seen) - plugin_entropy(4 * code + seen)
        found.append(both)
        told.append(information_error(code, seen))
    assert_allclose(np.mean(told), np.std(found), rtol=0.15)
    assert information_error(rng.integers(0, 4, 1000), rng.integers(0, 4, 1000)) == 0
    names = np.arange(100)  # a table with more degrees of freedom than rows
    assert information_error(names, names) == 0


def test_quantiles_are_moved_outwards_only():
    levels = np.array([0.05, 0.5, 0.95])
    assert_allclose(no_narrower(np.array([0.9, 1.0, 1.5]), levels, 0.1), [0.83551, 1.0, 1.5], 1e-4)
