"""The permutation test: the right level under independence, power otherwise, shared nulls."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmist import MISTEstimator, MISTScore, mutual_info
from skmist._dependence import excess
from skmist._encoding import Side
from skmist._inference import Engine
from skmist._null import NullTable
from skmist._permutation import _enough, permutation_pvalues, rank, stages
from skmist.core import MIDistribution
from skmist.exceptions import OutOfDomainWarning


class CountingEngine:
    """An engine whose "estimate" is the absolute correlation of the two sides."""

    def __init__(self):
        self.asked = 0

    def run(self, questions):
        import torch

        self.asked += len(questions)
        values = [abs(np.corrcoef(*(s[:, 0] for s in q.sides()))[0, 1]) for q in questions]
        return MIDistribution(torch.tensor(values)[:, None], torch.tensor([0.5]))


def side(column):
    values = np.asarray(column, dtype=float)[:, None]
    return Side(values, None, np.inf, values, True, values, False)


def point(distribution):
    return distribution.values[:, 0].numpy()


def pvalues(pairs, n_permutations=99, seed=0, table=None):
    engine = CountingEngine()
    observed = [abs(np.corrcoef(a.values[:, 0], b.values[:, 0])[0, 1]) for a, b in pairs]
    found = permutation_pvalues(
        pairs, np.array(observed), point, engine, n_permutations, seed, table
    )
    return found, engine.asked


@pytest.fixture
def in_full(monkeypatch):
    """Let no test end early."""
    monkeypatch.setattr("skmist._permutation.SETTLED", 2.0)


def test_untied_columns_share_one_null(rng, in_full):
    y = side(rng.normal(size=50))
    pairs = [(side(rng.normal(size=50)), y) for _ in range(4)]
    assert pvalues(pairs)[1] == 4 * 99
    assert pvalues(pairs * 5)[1] == 10 * 99
    tied = side(np.round(rng.normal(size=50)))
    assert pvalues([*pairs, (tied, tied), (tied, side(tied.values[:, 0]))])[1] == 6 * 99


def test_a_table_takes_the_place_of_permutations(rng, in_full):
    table = NullTable(
        "", 3, np.array([40, 60]), np.array([1, 2]), np.full((2, 2), 0.01), np.ones((2, 2))
    )
    y = side(rng.normal(size=50))
    untied = [(side(rng.normal(size=50)), y) for _ in range(200)]
    assert pvalues(untied, table=table)[1] == 0
    tied = side(np.round(rng.normal(size=50)))
    others = [(tied, y), (side(rng.normal(size=61)), side(rng.normal(size=61)))]
    found, asked = pvalues([*untied, *others], table=table)
    assert asked == 2 * 99
    assert_array_equal(found[-2:], pvalues(others)[0])


def test_a_tied_target_keeps_its_own_null(rng, in_full):
    y = side(rng.integers(0, 2, 50))
    pairs = [(side(rng.normal(size=50)), y) for _ in range(3)]
    found, asked = pvalues(pairs)
    assert asked == 3 * 99
    assert ((found > 0) & (found <= 1)).all()


def test_perfect_dependence_gets_the_smallest_pvalue(rng):
    x = side(rng.normal(size=40))
    assert pvalues([(x, x)], 199)[0][0] == pytest.approx(1 / 200)


def test_no_difference_at_all_gives_one():
    x, y = side([0.0, 1.0] * 10), side([0.0, 0.0, 1.0, 1.0] * 5)
    found, asked = pvalues([(x, y)], 50)
    assert found[0] == 1.0
    assert asked == stages(50)[0] < 50


def test_the_level_is_kept(rng):
    y = side(rng.integers(0, 4, 30))
    pairs = [(side(rng.integers(0, 3, 30)), y) for _ in range(150)]
    found, _ = pvalues(pairs, 39)
    for level in (0.05, 0.1, 0.5):
        share = np.mean(found <= level)
        assert share <= level + 3 * np.sqrt(level * (1 - level) / len(pairs))


def test_each_sample_is_as_likely_to_have_any_rank(rng):
    others = excess(rng.chisquare(1, (3, 40)))
    estimates = rng.lognormal(size=40) + others  # dependent
    found = [rank(np.roll(estimates, k), np.roll(others, k)) for k in range(40)]
    assert_array_equal(np.sort(found), np.arange(1, 41))


def test_equal_statistics_count_against_the_observed_one():
    estimates, nothing = np.array([2.0, 2, 1, 3, 2]), np.zeros(5)
    assert rank(estimates, nothing) == 4
    assert rank(nothing, nothing) == 5


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_each_statistic_alone_reaches_the_smallest_pvalue(rng, scale):
    for strong in range(3):
        found = rng.chisquare(1, (3, 20)) * [[scale], [1 / scale], [1]]
        found[strong, 0] = 30 * found[strong].max()
        assert rank(found[0], excess(found[1:])) == 1


@pytest.mark.parametrize("draws", [1, 9, 19, 39, 99, 100, 999])
def test_no_test_ends_early_that_could_be_significant(draws):
    found = stages(draws)
    assert found == sorted(set(found)) and found[-1] == draws
    assert (_enough(draws) + 1) / (found[-2] + 1 if len(found) > 1 else 1) > 0.1


def test_ending_early_keeps_the_level_and_small_pvalues(rng, monkeypatch):
    """Tests that end early have large p-values; the others are as if none did."""
    y = side(rng.integers(0, 4, 30))
    x = [side(rng.integers(0, 3, 30) + (k < 10) * y.values[:, 0]) for k in range(60)]
    early, few = pvalues([(v, y) for v in x], 39)
    monkeypatch.setattr("skmist._permutation.SETTLED", 2.0)
    full, all_of_them = pvalues([(v, y) for v in x], 39)
    assert few < 0.7 * all_of_them == 0.7 * 60 * 39
    assert (early <= 0.1).sum() >= 10
    small = early <= 0.1
    assert_array_equal(early[small], full[small])
    assert (full[~small] > 0.05).all()


@pytest.mark.parametrize(
    ("columns", "draw"),
    [
        (5, lambda x, noise: np.sinh(0.4 * x[:, 1] + noise)),
        (3, lambda x, noise: 0.5 * x[:, 0] * x[:, 2] + noise),
    ],
    ids=["monotone", "interaction"],
)
def test_weak_dependence_is_found_more_often_than_by_the_estimate_alone(columns, draw, monkeypatch):
    def count():
        found = 0
        for seed in range(40):
            rng = np.random.default_rng(seed)
            x = rng.normal(size=(100, columns))
            y = draw(x, rng.normal(size=100))
            found += MISTEstimator(pvalue=True, n_permutations=39).fit(x, y).pvalue_ <= 0.05
        return found

    joined = count()
    monkeypatch.setattr("skmist._permutation.excess", lambda found: np.zeros(found.shape[1]))
    assert joined >= count() + 8


def test_increasing_maps_and_names_of_classes_change_no_pvalue(data, checkpoint):
    X, y = data
    labels = np.digitize(y, [-1, 0.5])
    est = MISTEstimator(pvalue=True, n_permutations=39, checkpoint=checkpoint)
    assert est.fit(X, y).pvalue_ == est.fit(np.exp(X), y**3).pvalue_
    renamed = np.array([7, 2, 4])[labels]
    assert est.fit(X, labels).pvalue_ == est.fit(np.exp(X), renamed).pvalue_
    score = MISTScore(pvalues=True, n_permutations=39, checkpoint=checkpoint)
    assert_array_equal(score(X, labels)[1], score(X**3, renamed)[1])


def test_pvalues_are_deterministic(data, checkpoint):
    X, y = data
    score = MISTScore(pvalues=True, n_permutations=19, checkpoint=checkpoint)
    first, second = score(X, y)[1], score(X, y)[1]
    assert_array_equal(first, second)
    other = MISTScore(pvalues=True, n_permutations=19, random_state=1, checkpoint=checkpoint)
    assert not np.array_equal(other(X, y)[1], first)


def test_pvalues_of_untied_columns_do_not_depend_on_the_order_of_samples(data, checkpoint, rng):
    X, y = data
    order = rng.permutation(len(y))
    score = MISTScore(pvalues=True, n_permutations=19, checkpoint=checkpoint)
    assert_array_equal(score(X, y)[1], score(X[order], y[order])[1])


def test_constant_columns_get_one(data, checkpoint):
    X, y = data
    score = MISTScore(pvalues=True, n_permutations=19, checkpoint=checkpoint)
    with pytest.warns(UserWarning, match="constant"):
        scores, found = score(np.c_[X[:, :1], np.ones(len(y))], y)
    assert scores[1] == 0
    assert found[1] == 1


def test_power_of_the_released_network(rng):
    x = rng.normal(size=100)
    noise = rng.normal(size=100)
    assert mutual_info(x, x + noise, pvalue=True).pvalue < 0.001
    assert mutual_info(x, noise, pvalue=True).pvalue > 0.01
    tied = np.round(x, 1)
    dependent = mutual_info(tied, x + noise, pvalue=True, n_permutations=99)
    assert dependent.pvalue == pytest.approx(0.01)
    assert mutual_info(tied, noise, pvalue=True, n_permutations=99).pvalue > 0.01


@pytest.mark.parametrize("few", [1, 2])
def test_values_that_no_row_kept_has(rng, monkeypatch, few):
    """What is rare may be constant on the rows that are kept."""
    x, c = rng.normal(size=2000), rng.integers(0, few, 2000)
    monkeypatch.setattr("skmist._domain.MAX_CELLS", 800)
    for row in range(4):  # of which four in five are left out
        labels = np.where(np.arange(2000) == row, 5, c).astype(str)
        with pytest.warns(OutOfDomainWarning, match="samples fit into the memory"):
            result = mutual_info(x, labels, pvalue=True, n_permutations=19)
        assert 0 <= result.value < 0.05
        assert 1 / 20 <= result.pvalue <= 1


def test_where_rows_are_left_out_permutations_read_the_rest(rng, monkeypatch, in_full):
    """The estimate and those after permutations are of the same number of rows."""
    x, y = rng.normal(size=(400, 2)), rng.normal(size=400)
    monkeypatch.setattr("skmist._domain.MAX_CELLS", 300)
    shapes = []
    run = Engine.run

    def noted(self, questions):
        shapes.extend(question.shape for question in questions)
        return run(self, questions)

    monkeypatch.setattr(Engine, "run", noted)
    with pytest.warns(OutOfDomainWarning, match="only 100 of 400"):
        fitted = MISTEstimator(pvalue=True, n_permutations=9).fit(x, y)
    assert shapes == [(100, 2, 1)] * 9
    assert fitted.n_samples_used_ == 100
    assert 0.1 <= fitted.pvalue_ <= 1


@pytest.mark.parametrize("ones", [(1, 1), (3, 4), (5, 5)])
def test_rare_labels_that_never_meet_are_not_dependent(ones):
    """Nearly all permutations then have the table of the sample, and equal statistics."""
    a, b = np.zeros(200), np.zeros(200)
    a[: ones[0]], b[10 : 10 + ones[1]] = 1, 1
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(200)
        assert mutual_info(a[order], b[order], pvalue=True, random_state=seed).pvalue == 1


def test_rare_labels_hold_the_level(rng):
    found = []
    while len(found) < 60:
        a, b = rng.random((2, 200)) < 0.02
        if a.any() and b.any():
            found.append(mutual_info(a, b, pvalue=True).pvalue)
    assert np.mean(np.array(found) <= 0.05) < 0.12
