"""MutualInfoDisplay: what is drawn, from what, and where."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skmist import MISTEstimator, MISTFeatureSelector, MutualInfoDisplay, OutOfDomainWarning

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


@pytest.fixture
def frame(data):
    return pd.DataFrame(data[0], columns=list("abcd")), data[1]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_bars(frame, checkpoint):
    fitted = MISTFeatureSelector(checkpoint=checkpoint, units="bits").fit(*frame)
    display = MutualInfoDisplay.from_estimator(fitted, top=3)
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == display.names
    assert_allclose([bar.get_width() for bar in display.ax_.patches], display.values)
    assert_allclose(display.values, np.sort(fitted.scores_)[::-1][:3])
    assert "bits" in display.ax_.get_xlabel()
    assert display.figure_ is display.ax_.figure


def test_path(frame, checkpoint):
    fitted = MISTFeatureSelector(strategy="jmi", checkpoint=checkpoint).fit(*frame)
    _, ax = plt.subplots()
    display = MutualInfoDisplay.from_estimator(fitted, kind="path", ax=ax)
    assert display.ax_ is ax
    assert_allclose(ax.lines[0].get_ydata(), fitted.path_["mi"])
    with pytest.raises(ValueError, match="a selector with a search, got strategy='relevance'"):
        MutualInfoDisplay.from_estimator(fitted.set_params(strategy="relevance").fit(*frame),
                                         kind="path")  # fmt: skip


def test_from_data(frame, checkpoint):
    X, y = frame
    selector = MISTFeatureSelector(checkpoint=checkpoint)
    assert MutualInfoDisplay.from_data(X, y, selector=selector).kind == "bars"
    assert not hasattr(selector, "scores_")
    display = MutualInfoDisplay.from_data(X)
    assert sorted(display.names) == list(X.columns)
    assert display.ax_.images[0].get_array().shape == (4, 4)


def test_unknown_kind(frame, checkpoint):
    fitted = MISTFeatureSelector(checkpoint=checkpoint).fit(*frame)
    with pytest.raises(ValueError, match="kind should be 'bars' or 'path', got 'pie'"):
        MutualInfoDisplay.from_estimator(fitted, kind="pie")


def test_what_cannot_be_drawn_is_named(checkpoint, rng):
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    with pytest.raises(TypeError, match="draws a MISTFeatureSelector, got MISTEstimator"):
        MutualInfoDisplay.from_estimator(MISTEstimator(checkpoint=checkpoint).fit(X, y))
    fitted = MISTFeatureSelector(checkpoint=checkpoint).fit(X, y)
    with pytest.raises(ValueError, match="top should be a whole number, 1 or more"):
        MutualInfoDisplay.from_estimator(fitted, top=0)


@pytest.mark.parametrize("kind", ["bars", "path"])
def test_intervals_without_an_upper_end_reach_the_edge(rng, kind):
    x = rng.normal(size=100)
    selector = MISTFeatureSelector(strategy="mrmr", n_features_to_select=2)
    with pytest.warns(OutOfDomainWarning):
        selector.fit(np.c_[x, x + rng.normal(size=100)], x)
    assert np.isinf(selector.intervals_[0, 1])
    display = MutualInfoDisplay.from_estimator(selector, kind=kind)
    (drawn,) = display.ax_.collections
    ends = np.concatenate([path.vertices for path in drawn.get_paths()])
    assert np.isfinite(ends).all()
    place = 0 if kind == "bars" else 1
    limit = display.ax_.get_xlim() if kind == "bars" else display.ax_.get_ylim()
    assert ends[:, place].max() == pytest.approx(limit[1])
    assert limit[1] > np.nanmax(selector.scores_)
    if kind == "path":  # of a set with an infinite end and one that was not asked about
        selector.path_["high"] = [np.inf, np.nan]
        assert np.isfinite(MutualInfoDisplay.from_estimator(selector, kind=kind).ax_.get_ylim()[1])
