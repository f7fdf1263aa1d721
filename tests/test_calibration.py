"""Domain scores and calibrated quantiles: what they are, how they are stored, what they change."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from skmist import CheckpointError, MISTEstimator, MISTFeatureSelector, OutOfDomainWarning
from skmist._calibration import LARGEST, LEVELS, Calibration, Part, signature, widen
from skmist._checkpoint import (
    load_calibration,
    read_calibration,
    read_network,
    save_checkpoint,
)
from skmist._training import calibration_data, calibration_fit
from skmist._training.cli import main
from skmist._training.export import load_any, starting_point
from skmist.core.config import QUANTILE_LEVELS

LEVELS_OF_QUANTILES = np.array(QUANTILE_LEVELS)


def part(n_features, factors, threshold=1e9, knots=(0.5, 1.0)):
    generator = torch.Generator().manual_seed(0)
    return Part(
        torch.zeros(n_features),
        torch.eye(n_features)[:, :16].clone(),
        torch.randn(50, 16, generator=generator),
        torch.tensor([2.0, 4.0]),
        threshold * torch.tensor([1.0, 2.0]),
        torch.tensor(knots),
        torch.tensor(factors).float(),
        torch.zeros(1),
        torch.ones(1, len(LEVELS)),
    )


def made(network, factors=((1.0,) * 4, (2.0,) * 4), threshold=1e9, excess=0.0):
    """Return a calibration of a network by hand."""
    x = torch.randn(1, 30, 2, generator=torch.Generator().manual_seed(0))
    sizes = [signature(network.features(a, x[..., :1])).shape[1] for a in (x[..., :1], x)]
    bivariate, joint = (part(size, factors, threshold) for size in sizes)
    return Calibration(bivariate, joint, torch.tensor(excess))


@pytest.fixture
def calibrated(small_network, tmp_path):
    def save(**settings):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        return save_checkpoint(path, small_network, {}, made(small_network, **settings))

    return save


def test_scores_are_distances_to_the_fifth_nearest(small_network):
    x, y = torch.randn(2, 7, 40, 1, generator=torch.Generator().manual_seed(1))
    features = small_network.features(x, y)
    own = made(small_network, threshold=3.0).of(features)
    z = signature(features) @ own.whiten
    expected = torch.cdist(z, own.prototypes).sort(1).values[:, 4]
    between = 1 + (np.log(40) - 2) / 2  # of the numbers of rows that thresholds are given at
    assert_allclose(own.scores(features), expected / (3 * between), rtol=1e-4)
    few_and_many = own.scores_of(signature(features)[:2], np.array([5, 100]))
    assert_allclose(few_and_many, expected[:2] / torch.tensor([3.0, 6.0]), rtol=1e-4)


def latents(rng, count=200):
    gaps = rng.exponential(size=(count, 25)) * np.exp(rng.normal(size=(count, 1)))
    return gaps.cumsum(axis=1) - 10 * rng.random((count, 1))


def test_widening_keeps_median_and_order(rng):
    latent = latents(rng)
    factors = np.exp(rng.normal(size=(200, 4)))
    out = widen(latent, LEVELS_OF_QUANTILES, factors)
    assert_array_equal(out[:, 12], latent[:, 12])
    assert (np.diff(out, axis=1) >= 0).all()


@pytest.mark.parametrize("k", range(4))
def test_each_interval_has_its_factor(rng, k):
    latent = latents(rng)
    factors = np.array([1.0, 1.3, 1.7, 2.0])
    out = widen(latent, LEVELS_OF_QUANTILES, np.tile(factors, (200, 1)))
    for end in ((1 - LEVELS[k]) / 2, (1 + LEVELS[k]) / 2):
        i = int(np.argmin(np.abs(LEVELS_OF_QUANTILES - end)))
        grown = (out[:, i] - out[:, 12]) / (latent[:, i] - latent[:, 12])
        assert_allclose(grown, factors[k])


def test_factors_grow_beyond_the_last_knot(small_network):
    own = made(small_network, factors=((1.0,) * 4, (1.5,) * 4)).joint
    at = own.factors_at(np.array([0.0, 0.5, 0.75, 1.0, 2.0, 1e6]), np.full(6, 100))
    assert_allclose(at[:, 0], [1, 1, 1.25, 1.5, 3.0, LARGEST])


def test_factors_depend_on_the_number_of_rows(small_network):
    own = made(small_network, factors=((2.0,) * 4, (2.0,) * 4)).joint
    own = replace(
        own,
        row_knots=torch.tensor([10.0, 1000.0]).log(),
        row_factors=torch.tensor([[0.5] * 4, [1.5] * 4]),
    )
    at = own.factors_at(np.zeros(4), np.array([8, 10, 100, 10**6]))
    assert_allclose(at, np.outer([1, 1, 2, 3], np.ones(4)), rtol=1e-6)


def test_round_trip(small_network, calibrated):
    path = calibrated(excess=0.7)
    found, expected = read_calibration(path).tensors(), made(small_network, excess=0.7).tensors()
    assert found.keys() == expected.keys()
    assert all(torch.equal(v, expected[k]) for k, v in found.items())
    assert load_calibration(path) is load_calibration(str(path))
    for name, value in read_network(path).state_dict().items():
        assert torch.equal(value, small_network.state_dict()[name])
    assert starting_point(path)["weights"].keys() == small_network.state_dict().keys()


def test_files_without_a_calibration(checkpoint, data):
    assert read_calibration(checkpoint) is None
    fitted = MISTEstimator(checkpoint=checkpoint).fit(*data)
    assert np.isnan(fitted.domain_score_)
    assert fitted.in_domain_


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t | {"calibration.more": torch.zeros(2)},
        lambda t: {k: v for k, v in t.items() if k != "calibration.joint.knots"},
        lambda t: t | {"calibration.joint.factors": torch.zeros(2, 4)},
        lambda t: t | {"calibration.joint.row_factors": torch.ones(2, 4)},
        lambda t: t | {"calibration.joint.whiten": torch.zeros(3, 16)},
    ],
)
def test_damaged_calibrations(calibrated, tmp_path, change):
    path = calibrated()
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file(change(load_file(path)), tmp_path / "damaged.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match="calibration"):
        read_calibration(tmp_path / "damaged.safetensors")


def test_estimates_and_pvalues_stay(checkpoint, calibrated, data):
    path = calibrated(factors=((1.5,) * 4, (2.0,) * 4))
    plain, wide = (
        MISTEstimator(checkpoint=p, pvalue=True, n_permutations=19).fit(*data)
        for p in (checkpoint, path)
    )
    assert wide.mi_ == plain.mi_
    assert wide.pvalue_ == plain.pvalue_
    assert wide.quantile(0.5) == plain.quantile(0.5)
    assert 0 < wide.domain_score_ < 1e-3
    low, high = plain.interval_
    median = plain.quantile(0.5)
    assert wide.interval_[1] == pytest.approx(median + 1.5 * (high - median))
    assert 0 <= wide.interval_[0] <= low
    assert (np.diff(wide.quantiles_) >= 0).all()
    median_of = MISTEstimator(checkpoint=path, point="median").fit(*data)
    assert median_of.mi_ == pytest.approx(median)


def test_far_samples_are_warned_of(calibrated, data):
    X, y = data
    path = calibrated(threshold=1e-3)
    with pytest.warns(OutOfDomainWarning, match="unlike those of training .domain score .*ksg_mi"):
        fitted = MISTEstimator(checkpoint=path).fit(X, y)
    assert fitted.domain_score_ > 1
    assert fitted.in_domain_ is False
    with pytest.warns(OutOfDomainWarning) as caught:
        MISTFeatureSelector(checkpoint=path, n_features_to_select=1).fit(X, y)
    assert sum("unlike those of training" in str(w.message) for w in caught) == 1


def test_more_columns_than_trained(small_network, calibrated, rng):
    X = rng.normal(size=(60, 256))
    y = X[:, 0] + rng.normal(size=60)
    widths = []
    for excess in (0.0, 1.0):
        path = calibrated(factors=((1.0,) * 4, (1.0,) * 4), excess=excess)
        with pytest.warns(OutOfDomainWarning, match="columns"):
            fitted = MISTEstimator(checkpoint=path).fit(X, y)
        widths.append(fitted.interval_[1] - fitted.quantile(0.5))
    assert widths[1] == pytest.approx(2 * widths[0])


def test_a_calibration_for_other_features(small_network):
    x = torch.randn(1, 20, 1, generator=torch.Generator().manual_seed(0))
    own = made(small_network)
    with pytest.raises(CheckpointError, match="for .* features, .* calibrate' again"):
        own.joint.scores(small_network.features(x, x))


def test_needed_factors_reach_the_truth(rng):
    latent = latents(rng)
    mi = np.maximum(latent[:, 12] + 3 * rng.normal(size=200), 0.0)
    found = calibration_fit.needed(latent, LEVELS_OF_QUANTILES, mi)
    for k, level in enumerate(LEVELS):
        for stretch, inside in ((1 + 1e-6, True), (1 - 1e-3, False)):
            factors = np.tile(found[:, k : k + 1], (1, 4)) * stretch
            out = widen(latent, LEVELS_OF_QUANTILES, factors)
            ends = np.array([[(1 - level) / 2, (1 + level) / 2]])[0]
            low, high = (
                np.maximum(calibration_fit._at(out, LEVELS_OF_QUANTILES, p), 0.0) for p in ends
            )
            away = found[:, k] > 1e-3
            held = (low <= mi + 1e-6) & (mi <= high + 1e-6)
            if inside:
                assert held.all()
            else:
                assert not held[away & (np.abs(mi - latent[:, 12]) > 0.1) & (mi > 0)].any()


def test_conformal_quantiles():
    values = np.arange(1, 100.0)
    assert calibration_fit.conformal(values, np.ones(99), 0.9) == 90
    assert calibration_fit.conformal(values, np.ones(99), 0.999) == np.inf
    heavy = np.where(values > 90, 10.0, 1.0)
    assert calibration_fit.conformal(values, heavy, 0.5) > 90


def test_factors_cover_and_do_not_fall(rng):
    n = 4000
    scores = rng.exponential(size=n) / 5
    source = np.where(rng.random(n) < 0.5, calibration_data.STREAM_NAME, "family")
    error = np.abs(rng.normal(size=(n, 1))) * (1 + scores[:, None])
    found = error / np.array([0.674, 1.282, 1.645, 1.96])
    knots, rows = calibration_fit.factors(scores, found, source)
    assert (np.diff(knots) > 0).all()
    assert (np.diff(rows, axis=0) >= 0).all()
    at = np.stack([np.interp(scores, knots, column) for column in rows.T], 1)
    assert_allclose((found <= at).mean(0), LEVELS, atol=0.03)


def test_factors_by_rows_cover_at_any_number_of_rows(rng):
    size = 30_000
    n = np.exp(rng.uniform(np.log(8), np.log(8000), size=size)).astype(int)
    source = np.where(rng.random(size) < 0.5, calibration_data.STREAM_NAME, "family")
    error = np.abs(rng.normal(size=(size, 1))) * (n[:, None] / 300) ** 0.2
    found = error / np.array([0.674, 1.282, 1.645, 1.96])
    knots, rows = calibration_fit.row_factors(n, found, source)
    assert (np.diff(knots) > 0).all() and (np.diff(rows, axis=0) > 0).all()
    at = np.stack([np.interp(np.log(n), knots, column) for column in rows.T], 1)
    for inside in (n < 60, (n >= 60) & (n < 1000), n >= 1000):
        assert_allclose((found <= at)[inside].mean(0), LEVELS, atol=0.04)


def test_pairs_of_columns_have_thresholds_by_rows(rng):
    size, batch = 8000, 4
    n = np.exp(rng.uniform(np.log(8), np.log(50_000), size=size // batch)).astype(int)
    n = n.repeat(batch)
    signature = rng.normal(size=(size, 6)) * np.log(n)[:, None]
    stream = calibration_data.Answers(
        np.full(size, calibration_data.STREAM_NAME), np.arange(size) // batch, signature,
        np.zeros((size, 1)), np.zeros(size), n, np.ones(size),
    )  # fmt: skip
    part = calibration_fit.space(stream, single=True)
    assert len(part.thresholds) == 5 and (part.thresholds.diff() > 0).all()
    outside = calibration_fit.distances(part, stream) > 1
    for low, high in ((8, 60), (60, 1000), (1000, 50_000)):
        assert outside[(n >= low) & (n < high)].mean() < 0.02
    assert len(calibration_fit.space(stream, single=False).thresholds) == 1


def test_families_count_in_factors_by_rows_where_rows_are_many(rng):
    size = 30_000
    n = np.exp(rng.uniform(np.log(8), np.log(8000), size=size)).astype(int)
    family = rng.random(size) < 0.2
    source = np.where(family, "family", calibration_data.STREAM_NAME)
    found = np.abs(rng.normal(size=(size, len(LEVELS)))) * np.where(family, 3, 1)[:, None]
    knots, rows = calibration_fit.row_factors(n, found, source)
    alone, own = calibration_fit.row_factors(n[~family], found[~family], source[~family])
    few = np.exp(knots) < calibration_fit.FAMILIES_FROM
    assert few.sum() == 5 and len(few) == 7
    assert_array_equal(knots[few], alone[few])
    assert_allclose(rows[few], own[few], rtol=1e-12)
    assert (rows[~few] > 1.05 * own[~few]).all()


def test_more_of_the_stream_leaves_families_their_share(rng):
    size = 30_000
    n = np.exp(rng.uniform(np.log(8), np.log(8000), size=size)).astype(int)
    source = np.where(rng.random(size) < 0.8, calibration_data.STREAM_NAME, "family")
    found = (
        np.abs(rng.normal(size=(size, len(LEVELS)))) * np.where(source == "family", 3, 1)[:, None]
    )
    knots, rows = calibration_fit.row_factors(n, found, source)
    again = np.flatnonzero((source != "family") & (n >= 500) & (n < 1000)).repeat(49)
    every = np.concatenate([np.arange(size), again])
    added = np.arange(len(every)) >= size
    new_knots, new_rows = calibration_fit.row_factors(n[every], found[every], source[every], added)
    assert_allclose(new_rows, rows, rtol=0.02)
    _, counted = calibration_fit.row_factors(n[every], found[every], source[every])
    ranges = itertools.pairwise(calibration_fit.ROWS)
    more = np.array([low >= 500 and high <= 1000 for low, high in ranges])
    assert more.sum() == 1 and len(rows) == len(more)
    assert (counted[more] < 0.95 * rows[more]).all()
    assert_array_equal(new_knots[~more], knots[~more])


def test_many_rows_are_those_asked_for(small_network, monkeypatch):
    monkeypatch.setattr(calibration_data, "BUDGET", 5.0)
    found = [calibration_data.answers_on_many_rows(small_network, batches=8) for _ in range(2)]
    assert_array_equal(found[0].latent, found[1].latent)
    low, high = calibration_data.MANY_ROWS
    assert ((found[0].n >= low) & (found[0].n < high)).all()
    assert set(found[0].source) == {calibration_data.STREAM_NAME}
    assert len(np.unique(found[0].n)) > 5


def test_learning_again_changes_nothing(rng):
    size = 2400
    n = np.exp(rng.uniform(np.log(8), np.log(8000), size=size)).astype(int)
    answers = calibration_data.Answers(
        np.where(np.arange(size) % 4 == 0, "family", calibration_data.STREAM_NAME),
        np.arange(size), rng.normal(size=(size, 6)), latents(rng, size),
        rng.exponential(size=size), n, np.ones(size),
    )  # fmt: skip
    stream = answers[answers.source == calibration_data.STREAM_NAME]
    empty = calibration_fit.space(stream, single=False)
    once = calibration_fit.fitted_part(empty, answers, LEVELS_OF_QUANTILES)
    twice = calibration_fit.fitted_part(once, answers, LEVELS_OF_QUANTILES)
    assert not torch.allclose(once.row_factors, torch.ones(1))
    for name, value in vars(once).items():
        assert torch.equal(value, getattr(twice, name)), name


def test_the_whole_way_on_an_untrained_network(checkpoint, tmp_path, capsys, monkeypatch, rng):
    monkeypatch.setattr(calibration_fit, "FEWEST", 3)
    names = ("angles on a torus", "durations", "parts of an ordered sample")
    few = {k: calibration_data.FAMILIES[k] for k in names}
    monkeypatch.setattr(calibration_data, "FAMILIES", few)
    monkeypatch.setattr(calibration_data, "BUDGET", 5.0)
    path = tmp_path / "calibrated.safetensors"
    command = ["calibrate", "--source", str(checkpoint), "--to", str(path)]
    command += ["--batches", "48", "--laws", "3", "--wide", "1"]
    assert main([*command, "--report", str(tmp_path / "report.md")]) == 0
    assert "| angles on a torus |" in (tmp_path / "report.md").read_text()
    assert "sha256" in capsys.readouterr().out
    found = read_calibration(path)
    assert (found.joint.factors[1:] >= found.joint.factors[:-1]).all()
    X = rng.normal(size=(50, 3))
    fitted = MISTEstimator(checkpoint=path).fit(X, X[:, 0] + rng.normal(size=50))
    assert np.isfinite(fitted.domain_score_)
    assert load_any(path).config == load_any(checkpoint).config


def test_held_out_answers_are_reproducible(small_network, monkeypatch):
    name = "labels of regions"
    monkeypatch.setattr(calibration_data, "FAMILIES", {name: calibration_data.FAMILIES[name]})
    found = []
    for _ in range(2):
        collector = calibration_data.Collector(small_network)
        calibration_data.add_families(collector, laws=2, largest=200)
        found.append(collector.collected(False))
    assert_array_equal(found[0].latent, found[1].latent)
    assert_array_equal(found[0].mi, found[1].mi)
