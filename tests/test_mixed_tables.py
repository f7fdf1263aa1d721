"""Tables as they come: any mix of types, gaps, several targets, files mapped into memory."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmist import MISTFeatureSelector, mutual_info

TYPES = {"x": "continuous", "flag": "discrete", "count": "discrete", "city": "category",
         "cat": "category", "grade": "ordinal", "zeros": "continuous"}  # fmt: skip


@pytest.fixture
def frame(rng):
    """Return a frame of mixed columns, a fifth of the values missing."""
    n = 120
    frame = pd.DataFrame({"x": rng.normal(size=n)})
    frame["flag"] = pd.array(rng.random(n) < 0.5, dtype="boolean")
    frame["count"] = pd.array(rng.poisson(3, n), dtype="Int64")
    frame["city"] = rng.choice(["north", "south", "west"], n)
    frame["cat"] = pd.Categorical(rng.choice(["a", "b", "c"], n))
    grades = ["low", "mid", "top"]
    frame["grade"] = pd.Categorical(rng.choice(grades, n), categories=grades, ordered=True)
    frame["zeros"] = np.where(rng.random(n) < 0.5, 0, rng.normal(size=n) ** 2)
    for name in frame:
        frame.loc[rng.random(n) < 0.2, name] = None
    return frame


@pytest.fixture
def targets(frame, rng):
    """Return a number that depends on some columns, and a label."""
    y = frame["x"].fillna(0) + (frame["city"] == "west") + 0.3 * rng.normal(size=len(frame))
    return pd.DataFrame({"number": y, "label": np.where(y > y.median(), "high", "low")})


def fit(frame, y, checkpoint, **params):
    params = {"missing": "pairwise", "n_features_to_select": 3, "n_permutations": 3} | params
    return MISTFeatureSelector(checkpoint=checkpoint, **params).fit(frame, y)


@pytest.mark.parametrize(
    ("target", "params"),
    [
        ("number", {"strategy": "relevance"}),
        ("label", {"strategy": "relevance"}),
        ("both", {"strategy": "relevance"}),
        ("number", {"strategy": "mrmr"}),
        ("both", {"strategy": "jmi", "n_features_to_select": "auto", "level": 0.5}),
        ("label", {"strategy": "joint"}),
        ("both", {"strategy": "joint", "direction": "backward"}),
        ("number", {"strategy": "joint", "alpha": 0.5}),
    ],
)
def test_rankings_do_not_depend_on_names_order_and_coding(
    frame, targets, checkpoint, rng, target, params
):
    y = targets if target == "both" else targets[target]
    found = fit(frame, y, checkpoint, **params)
    assert dict(zip(frame, found.feature_types_, strict=True)) == TYPES
    kinds = {"number": ["continuous"], "label": ["category"]}
    assert list(found.target_types_) == kinds.get(target, ["continuous", "category"])
    assert_array_equal(found.n_samples_used_, frame.notna().sum())
    order = rng.permutation(frame.shape[1])
    again = fit(frame.iloc[:, order].add_prefix("new "), y, checkpoint, **params)
    assert_array_equal(again.ranking_, found.ranking_[order])
    assert_array_equal(again.support_, found.support_[order])
    coded = frame.assign(
        x=np.exp(frame["x"]),
        city=frame["city"].map({"north": "z", "south": "y", "west": "x"}),
        cat=frame["cat"].cat.rename_categories({"a": "q", "b": "p", "c": "o"}),
        zeros=3 * frame["zeros"],
    )
    assert_array_equal(fit(coded, y, checkpoint, **params).ranking_, found.ranking_)


def as_polars(frame):
    """Return the same table in polars, whose ordered categories are called Enum."""
    table = pl.DataFrame(
        {
            name: pl.Series(column.astype(object).where(column.notna(), None).tolist())
            for name, column in frame.items()
        }
    )
    grades = pl.Enum(frame["grade"].cat.categories.to_list())
    return table.with_columns(pl.col("cat").cast(pl.Categorical), pl.col("grade").cast(grades))


def test_polars_tables_give_the_same(frame, targets, checkpoint):
    found = fit(frame, targets, checkpoint)
    table = as_polars(frame)
    assert table["flag"].dtype == pl.Boolean
    again = fit(table, pl.DataFrame(targets.to_dict("list")), checkpoint)
    assert_array_equal(again.feature_types_, found.feature_types_)
    assert_array_equal(again.target_types_, found.target_types_)
    assert_allclose(again.scores_, found.scores_, rtol=1e-5)
    assert_array_equal(again.ranking_, found.ranking_)
    assert_array_equal(again.n_samples_used_, found.n_samples_used_)
    assert again.transform(table).shape == (120, 3)


def test_gaps_in_the_target_too(frame, targets, checkpoint):
    targets.loc[:9, "number"] = np.nan
    targets.loc[5:14, "label"] = None
    found = fit(frame, targets, checkpoint)
    assert_array_equal(found.n_samples_used_, frame[15:].notna().sum())
    score = mutual_info(frame["x"], targets, missing="pairwise", checkpoint=checkpoint)
    assert found.scores_[0] == pytest.approx(float(score), rel=1e-5)


def test_types_that_are_given(frame, targets, checkpoint):
    y = pd.Series(np.arange(120) % 4, name="y")
    plain = fit(frame, y, checkpoint)
    assert list(plain.target_types_) == ["discrete"]
    given = fit(
        frame, y, checkpoint, x_types={"count": "category", 1: "continuous"}, y_type="ordinal"
    )
    assert list(given.target_types_) == ["ordinal"]
    types = dict(zip(frame, given.feature_types_, strict=True))
    assert types == TYPES | {"count": "category", "flag": "continuous"}
    assert given.scores_[2] != plain.scores_[2]
    several = fit(frame, targets, checkpoint, y_type={"number": "ordinal"})
    assert list(several.target_types_) == ["ordinal", "category"]
    with pytest.raises(ValueError, match="'city' of X holds labels"):
        fit(frame, y, checkpoint, x_types="continuous")
    with pytest.raises(ValueError, match="x_types names the column 'town'"):
        fit(frame, y, checkpoint, x_types={"town": "category"})


@pytest.mark.parametrize("strategy", ["relevance", "joint"])
def test_a_mapped_file_gives_the_same(tmp_path, data, checkpoint, strategy):
    X, y = data
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    params = {"strategy": strategy, "n_features_to_select": 2, "checkpoint": checkpoint}
    found = MISTFeatureSelector(**params).fit(mapped, y)
    expected = MISTFeatureSelector(**params).fit(np.array(mapped, dtype=np.float64), y)
    assert_array_equal(found.scores_, expected.scores_)
    assert_array_equal(found.ranking_, expected.ranking_)
    assert_array_equal(found.transform(mapped), mapped[:, found.support_])
