"""The benchmark tables from estimates that are made up, so that every figure is known."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import (
    bmi40,
    breadth,
    estimators,
    gaussian,
    headline,
    interactions,
    mtest,
    regression,
    tables,
    tables_breadth,
    tables_pairs,
)
from benchmarks.accuracy import RESULTS
from benchmarks.estimators import QUANTILES


def made_up(suite, names, seeds=(0,), every=1, errors=None):
    """Return a frame in which each estimator is off by its own error everywhere."""
    rows = []
    for seed in seeds:
        for p in suite.problems(seed)[::every]:
            head = {"seed": seed, "index": p.index, "task": p.task, "group": p.group, "n": p.n}
            head |= {"dx": p.dx, "dy": p.dy, "mi": p.mi, "seconds": 0.1}
            for name in names:
                if name.startswith("mist") or estimators.applicable(name, "", p):
                    estimate = p.mi + errors[name]
                    row = {"estimator": name, "estimate": estimate}
                    row |= dict.fromkeys(QUANTILES, np.nan)
                    if name.startswith("mist"):
                        row |= dict(zip(QUANTILES, estimate + np.linspace(-1, 1, 9), strict=True))
                    rows.append(head | row)
    return pd.DataFrame(rows)


def with_more_seeds(suite, every):
    """Return estimates of the network, off by 0.1 beside a peer and by 0.3 where it is alone."""
    both = made_up(suite, ["mist", "ksg5"], every=every, errors={"mist": 0.1, "ksg5": -0.2})
    alone = made_up(suite, ["mist"], seeds=(1, 2), every=every, errors={"mist": 0.3})
    return pd.concat([both, alone], ignore_index=True)


def test_mtest_compares_on_the_same_draws_and_tells_all_draws_apart():
    text, summary = tables.mtest(with_more_seeds(mtest, every=7))
    mse = summary.groupby(["estimator", "draws"])["mse"]
    np.testing.assert_allclose(mse.get_group(("mist", 1)), 0.1**2)
    np.testing.assert_allclose(mse.get_group(("mist", 3)), (0.1**2 + 2 * 0.3**2) / 3, rtol=0.1)
    np.testing.assert_allclose(mse.get_group(("ksg5", 1)), 0.2**2)
    assert "scikit-mist, 3 draws of the set, in distribution" in text


@pytest.mark.parametrize(
    ("suite", "made"), [(bmi40, tables.bmi40), (breadth, tables_breadth.breadth)]
)
def test_suites_compare_on_the_same_seeds_and_cover_over_all(suite, made):
    text, summary = made(with_more_seeds(suite, every=1))
    mae = summary.groupby("estimator")["mae"]
    np.testing.assert_allclose(mae.get_group("mist"), 0.1)
    np.testing.assert_allclose(mae.get_group("ksg5"), 0.2)
    own = text.split("over all seeds that it has run")[1].splitlines()
    assert own[4].startswith("| 200 | 3 | 0.23 ± ")


def test_readme_shows_the_figures_on_file():
    assert headline.section(RESULTS) in headline.README.read_text(encoding="utf-8")


def test_breadth_errors_and_the_lead_of_ksg():
    errors = {"mist": 0.1, "ksg5": -0.05, "cca": 0.3, "plugin": 0.2}
    frame = made_up(breadth, list(errors), seeds=(0, 1), errors=errors)
    text, summary = tables_breadth.breadth(frame)
    cells = summary.set_index(["estimator", "family", "n"])
    for name, error in errors.items():
        np.testing.assert_allclose(cells.loc[(name, "all")]["mae"], abs(error))
    lead = cells.loc["mist"]["mist_less_ksg"].drop("all")
    np.testing.assert_allclose(lead, 0.05)
    assert (cells.loc["mist"]["coverage95"] == 1).all()
    assert cells.loc[("ksg5", "all", 200), "tasks"] < cells.loc[("mist", "all", 200), "tasks"] == 46
    assert "**+0.050**" in text and "0.05 ± 0 [2]" in text.replace("0.050", "0.05")


def test_peers_are_beside_scikit_mist_on_the_data_sets_that_they_took():
    errors = {"mist": 0.1, "ksg5": -0.3}
    frame = made_up(regression, list(errors), seeds=(0, 1), every=4, errors=errors)
    refused = (frame["estimator"] == "ksg5") & (frame["n"] == frame["n"].min())
    refused &= frame["task"] == frame["task"].iloc[0]
    there = frame["estimator"] == "mist"
    there &= (frame["n"] == frame["n"].min()) & (frame["task"] == frame["task"].iloc[0])
    frame.loc[refused, "estimate"] = np.nan
    frame.loc[there, "estimate"] += 0.9
    text, _ = tables_breadth.regression(frame)
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| KSG, k = 5 ")]
    sizes = frame["n"].nunique()
    assert [float(v) for v in rows[0][-sizes:]] == pytest.approx([0.1] * sizes)


def test_regression_errors():
    errors = {"mist": 0.1, "ksg5": -0.3}
    text, summary = tables_breadth.regression(
        made_up(regression, list(errors), seeds=(0, 1), every=4, errors=errors)
    )
    cells = summary.set_index(["estimator", "family", "n"])
    for name, error in errors.items():
        np.testing.assert_allclose(cells.loc[(name, "all")]["mae"], abs(error))
    assert "several targets" in text and "nan" not in text


def test_interactions_shares():
    frame = made_up(interactions, ["mist", "cca"], errors={"mist": 0.0, "cca": -0.1})
    _, summary = tables_breadth.interactions(frame)
    assert len(summary) == 48
    np.testing.assert_allclose(summary.loc[summary["estimator"] == "mist", "share"], 1)


def test_gaussian_ratio_to_the_likelihood_estimate():
    errors = {"mist": 0.2, "ksg5": 0.3, "cca": 0.1}
    frame = made_up(gaussian, list(errors), every=10, errors=errors)
    text, summary = tables_pairs.gaussian(frame)
    np.testing.assert_allclose(summary.loc[summary["estimator"] == "mist", "ratio"], 2)
    assert "above that of the best KSG in 0 (none rows" in text
    assert "at most 2.00 times" in text
    assert "KSG, k = 5: 0 (0)." in text


def test_gaussian_cells_behind_a_single_ksg():
    errors = {"mist": 0.2, "ksg3": 0.3, "ksg5": 0.0, "cca": 0.1}
    frame = made_up(gaussian, list(errors), errors=errors)
    estimates, truth = frame["estimate"].copy(), frame["mi"]
    chance = (frame["estimator"] == "ksg5") & (frame["n"] > 100)
    sizes = np.where(np.arange(chance.sum()) % 2, 0.0, 0.2 * np.sqrt(2))  # as large on average
    estimates[chance] = truth[chance] + sizes - 1e-4
    text, _ = tables_pairs.gaussian(frame.assign(estimate=estimates))
    assert "KSG, k = 3: 0 (0); KSG, k = 5: 56 (14)." in text


@pytest.mark.parametrize(
    ("suite", "write"),
    [
        (breadth, tables_breadth.breadth),
        (interactions, tables_breadth.interactions),
        (regression, tables_breadth.regression),
        (gaussian, tables_pairs.gaussian),
    ],
)
def test_tables_of_peers_alone(suite, write):
    errors = {"ksg5": 0.3, "cca": 0.1}
    frame = made_up(suite, list(errors), every=5, errors=errors)
    text, summary = write(frame)
    assert set(summary["estimator"]) == set(errors)
    assert "nan" not in text


def test_pairs_of_labels_are_not_for_ksg_and_neural_peers_have_a_subset():
    problems = {p.task: p for p in breadth.problems(0)}
    labels = problems["Ordinal pair 1x1"]
    assert not estimators.applicable("ksg5", "breadth", labels)
    assert estimators.applicable("plugin", "breadth", labels)
    mixed = problems["Gamma by class (5 levels) 1x1"]
    assert estimators.applicable("ksg5", "breadth", mixed)
    assert not estimators.applicable("plugin", "breadth", mixed)
    assert not estimators.applicable("nwj", "breadth", mixed)


def test_discrete_data_go_through_the_public_estimator():
    problem = next(p for p in breadth.problems(0) if p.task == "Bernoulli 1x1")
    ((found, row),) = estimators.mist_rows([problem])
    assert found is problem
    assert 0 <= row["q0.025"] <= row["q0.975"] <= np.log(2) + 1e-6
    assert row["estimate"] == pytest.approx(problem.mi, abs=0.15)
