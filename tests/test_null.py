"""The tabulated null distribution: the rule, its ends, whose weights, and the released table."""

import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, poisson

from skmist import CheckpointError, MISTEstimator, MISTScore
from skmist._checkpoint import released_path, save_checkpoint
from skmist._inference import Engine
from skmist._linear import linear_part, white_scores
from skmist._null import NullTable, load_null, pairs_sha256, table_path
from skmist._training import null
from skmist._training.cli import main
from skmist.core import CoreConfig, MISTNetwork


@pytest.fixture
def table():
    """Return a table of 99 draws 1, ..., 99 at n = 10, and of their halves at n = 40."""
    values = np.arange(99.0, 0, -1)
    statistics = np.stack([values, values / 2])
    blends = np.array([[0.4, 4.0], [0.1, 1.0]])
    return NullTable("", 99, np.array([10, 40]), np.arange(1, 100), statistics, blends)


@pytest.fixture
def own_checkpoint(small_network, tmp_path):
    return save_checkpoint(tmp_path / "own.safetensors", small_network)


def is_tenth(pvalue):
    """Tell whether a p-value can come from nine permutations."""
    return pvalue * 10 == pytest.approx(round(pvalue * 10))


def test_the_rule(table):
    draws = np.arange(1.0, 100)
    for observed in (1.0, 5.0, 60.0, 99.0):
        expected = ((draws >= observed).sum() + 1) / 100
        assert table.pvalues(10, np.array([observed]))[0] == pytest.approx(expected, rel=1e-5)


def test_ends(table):
    assert_allclose(table.pvalues(10, np.array([1000.0, 0.5, 0.0])), [0.01, 1, 1])


def test_pvalues_fall_with_the_estimate(table):
    found = table.pvalues(17, np.linspace(0.1, 120, 1000))
    assert (np.diff(found) <= 0).all()
    assert ((found > 0) & (found <= 1)).all()


def test_the_tail_is_continuous_falling_and_cautious():
    ranks, draws = null.kept_ranks(20_000), 20_000
    values = np.tile(-np.log(ranks / (draws + 1)), (2, 1))  # an exponential null: p = exp(-t)
    table = NullTable("", draws, np.array([10, 40]), ranks, values, np.ones((2, 2)))
    at = np.linspace(5, 30, 500)
    found = table.pvalues(20, at)
    assert (np.diff(found) < 0).all()
    assert np.abs(np.diff(np.log(found))).max() < 0.1
    assert (found > np.exp(-at)).all()
    assert found[-1] < 1 / draws


def test_between_numbers_of_rows_statistics_are_interpolated_geometrically(table):
    middle = table.pvalues(20, np.array([70.0]))
    assert_allclose(middle, table.pvalues(10, np.array([70 * np.sqrt(2)])), rtol=1e-5)


def test_so_are_the_blends(table):
    blends = [vars(table.blend(n)).values() for n in (10, 20, 40)]
    assert_allclose([list(b) for b in blends], [[0.4, 4], [0.2, 2], [0.1, 1]])


def test_other_numbers_of_rows_are_refused(table):
    assert table.covers(10) and table.covers(25) and table.covers(40)
    for n in (9, 41):
        assert not table.covers(n)
        with pytest.raises(ValueError, match=f"10 to 40 rows, got {n}"):
            table.pvalues(n, np.ones(1))


def test_kept_ranks():
    for draws in (2, 20, 5000):
        ranks = null.kept_ranks(draws)
        assert ranks[0] == 1 and ranks[-1] == draws
        assert (np.diff(ranks) > 0).all()
    assert_array_equal(ranks[:20], np.arange(1, 21))
    assert len(ranks) <= null.N_RANKS


def test_a_table_is_for_its_weights_alone(own_checkpoint, small_network, rng, monkeypatch):
    monkeypatch.setattr("skmist._permutation.SETTLED", 2.0)  # no test ends early
    assert load_null(own_checkpoint) is None
    made = null.make_table(own_checkpoint, draws=30, sizes=[8, 20, 50])
    path = null.write(made, own_checkpoint)
    assert path == table_path(own_checkpoint)
    read = load_null(own_checkpoint)
    assert read.weights == pairs_sha256(own_checkpoint)
    assert_allclose(read.statistics, made.statistics, rtol=1e-6)
    assert_allclose(read.blends, made.blends, rtol=1e-6)

    x, y = rng.normal(size=(2, 30))
    options = {"pvalue": True, "n_permutations": 9, "checkpoint": own_checkpoint}
    est = MISTEstimator(point="mean", **options).fit(x[:, None], y)
    linear = linear_part(white_scores(x[:, None]), white_scores(y[:, None]))
    statistic = read.blend(30)(np.array([est.mi_]), linear)
    assert est.pvalue_ == read.pvalues(30, statistic)[0]
    other = MISTEstimator(random_state=5, **options).fit(x[:, None], y)
    assert other.pvalue_ == est.pvalue_  # no permutations; the mean is tested, whatever the point

    save_checkpoint(own_checkpoint, small_network, {"note": "other metadata"})
    assert load_null(own_checkpoint).weights == read.weights
    vectors, changed = (MISTNetwork(CoreConfig(**vars(small_network.config))) for _ in range(2))
    vectors.bivariate.load_state_dict(small_network.bivariate.state_dict())
    save_checkpoint(own_checkpoint, vectors)
    assert load_null(own_checkpoint).weights == read.weights
    save_checkpoint(own_checkpoint, changed)
    assert load_null(own_checkpoint) is None
    assert is_tenth(MISTEstimator(**options).fit(x[:, None], y).pvalue_)


def test_a_damaged_table_is_named(own_checkpoint, rng):
    x = rng.normal(size=(60, 1))
    path = table_path(own_checkpoint)
    load_null(released_path()).save(path)
    whole = path.read_bytes()
    np.savez(other := path.with_name("other.npz"), a=np.zeros(2))
    for content in (whole[: len(whole) // 2], b"", b"no table", other.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="no table of null statistics"):
            MISTEstimator(checkpoint=own_checkpoint, pvalue=True).fit(x, x[:, 0] ** 2)


def test_the_table_is_used_where_it_applies_only(own_checkpoint, rng, monkeypatch):
    monkeypatch.setattr("skmist._permutation.SETTLED", 2.0)  # no test ends early
    null.write(null.make_table(own_checkpoint, draws=30, sizes=[8, 20]), own_checkpoint)
    score = MISTScore(pvalues=True, n_permutations=9, checkpoint=own_checkpoint)
    X = rng.normal(size=(20, 3))
    X[:, 2] = np.round(X[:, 2], 1)
    y = rng.normal(size=20)
    again = score.set_params(random_state=3)(X, y)[1]
    first = score.set_params(random_state=0)(X, y)[1]
    assert_array_equal(first[:2], again[:2])
    assert is_tenth(first[2])
    X, y = rng.normal(size=(21, 1)), rng.normal(size=21)  # more rows than the table holds
    assert is_tenth(score(X, y)[1][0])


def test_a_gap_in_a_smooth_table_is_closed():
    sizes = np.array([10, 20, 40, 80])
    ranks = np.arange(1, 1000)
    values = -np.log(ranks / 1000)[None] / sizes[:, None] + 1e-9
    errors = null.gap_errors(NullTable("", 999, sizes, ranks, values, np.ones((4, 2))))
    assert list(errors) == [20, 40]
    assert_allclose(list(errors.values()), [[0.05, 0.01]] * 2, rtol=1e-3)


def test_command(own_checkpoint, monkeypatch, capsys):
    monkeypatch.setattr(null, "default_sizes", lambda smallest, largest: [smallest, 12, 20])
    assert main(["null", "--checkpoint", str(own_checkpoint), "--draws", "40"]) == 0
    assert load_null(own_checkpoint).draws == 40
    assert f"for weights {pairs_sha256(own_checkpoint)}" in capsys.readouterr().out


def test_default_sizes():
    sizes = null.default_sizes(8, 10_000)
    assert sizes[0] == 8 and sizes[-1] == 10_000
    ratios = np.array(sizes[1:]) / np.array(sizes[:-1])
    assert ratios.max() < 1.23


@pytest.fixture(scope="module")
def released():
    """Return the released table; after new weights, python -m skmist._training null makes it."""
    found = load_null()
    assert found is not None, "run: python -m skmist._training null"
    return found


def test_the_released_table(released, tmp_path):
    assert table_path().stat().st_size < 300_000
    assert released.draws >= 5000
    assert (np.diff(released.statistics, axis=1) <= 0).all()
    for path in (released_path(), table_path()):
        shutil.copy(path, tmp_path)
    assert load_null(tmp_path / released_path().name).draws == released.draws


@pytest.mark.parametrize("n", [8, 30, 123, 700])
def test_released_pvalues_are_uniform_under_independence(released, n):
    rng = np.random.default_rng(n)
    size = 1000 if n < 200 else 400
    # one target, features of any shape: only ranks matter
    X, y = rng.standard_cauchy(size=(n, size)), rng.gamma(0.1, size=n)
    found = MISTScore(pvalues=True)(X, y)[1]
    assert kstest(found, "uniform").pvalue > 1e-3
    for level in (0.05, 0.2):
        assert abs(np.mean(found <= level) - level) < 3.5 * np.sqrt(level * (1 - level) / size)


def test_released_pvalues_beyond_the_draws_are_not_too_small(released):
    estimates, linear = null.draw_null(20, 20_000, 1, Engine())
    draws = released.blend(20)(estimates, linear)
    found = released.pvalues(20, draws)
    for level in (5e-4, 1e-4, 1e-5):
        assert (found <= level).sum() <= poisson.ppf(0.999, 1.5 * level * len(draws))
    assert released.pvalues(20, np.array([5.0]))[0] < 1 / released.draws


def test_released_pvalues_agree_with_permutations(released, rng):
    X = rng.normal(size=(70, 30))
    y = X[:, :10] @ np.linspace(0, 0.5, 10) + rng.normal(size=70)
    exact = MISTScore(pvalues=True)(X, y)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skmist._information.load_null", lambda checkpoint: None)
        patch.setattr("skmist._permutation.SETTLED", 2.0)  # no test ends early
        drawn = MISTScore(pvalues=True, n_permutations=199)(X, y)[1]  # pooled: 1,990 draws
    error = np.sqrt(exact * (1 - exact) / 1990)
    assert (np.abs(exact - drawn) < 4 * error + 0.01).all()
