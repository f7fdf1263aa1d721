"""The progress bar: where it shows, when, and that one bar counts the whole of a search."""

import io
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from skmist import (
    MISTEstimator,
    MISTFeatureSelector,
    MISTScore,
    _progress,
    mutual_info,
    mutual_info_matrix,
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def open_terminal(monkeypatch):
    """Make stderr a terminal; not in a fixture, after which pytest sets stderr anew."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


def calls(data, checkpoint, **params):
    """Run everything that takes `verbose`, one after the other."""
    X, y = data
    params["checkpoint"] = checkpoint
    yield MISTEstimator(pvalue=True, n_permutations=9, **params).fit(X, y)
    yield MISTScore(**params)(X, y)
    yield mutual_info(X, y, **params)
    yield mutual_info_matrix(X, **params)
    for strategy in ("relevance", "jmi"):
        yield MISTFeatureSelector(strategy=strategy, **params).fit(X, y)


def test_the_default_is_auto_and_survives_cloning():
    assert clone(MISTFeatureSelector()).verbose == "auto"
    assert clone(MISTScore(verbose=2)).verbose == 2


@pytest.mark.parametrize("verbose", ["always", -1, None])
def test_other_values_are_refused(data, verbose):
    with pytest.raises(ValueError, match="The 'verbose' parameter of MISTEstimator"):
        MISTEstimator(verbose=verbose).fit(*data)
    with pytest.raises(ValueError, match="The 'verbose' parameter of mutual_info_matrix"):
        mutual_info_matrix(data[0], verbose=verbose)


def test_silent_where_nobody_watches(data, checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 1e-9)
    for _ in calls(data, checkpoint):
        assert capsys.readouterr().err == ""


def test_silent_in_a_terminal_where_work_is_short(data, checkpoint, monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(_progress, "DELAY", 600.0)
    for _ in calls(data, checkpoint):
        assert terminal.getvalue() == ""


def test_shown_in_a_terminal_where_work_is_long(data, checkpoint, monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(_progress, "DELAY", 1e-9)
    monkeypatch.setattr(_progress, "tqdm", partial(_progress.tqdm, mininterval=0))
    for _ in calls(data, checkpoint):
        text = terminal.getvalue()
        assert "estimate" in text
        assert text.endswith("\r")  # wiped off
        assert text.rsplit("\r", 2)[1].strip() == ""
        terminal.seek(0)
        terminal.truncate()


def test_false_is_silent_in_a_terminal(data, checkpoint, monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(_progress, "DELAY", 1e-9)
    for _ in calls(data, checkpoint, verbose=False):
        assert terminal.getvalue() == ""


def test_true_shows_in_a_file_too(data, checkpoint, capsys):
    for _ in calls(data, checkpoint, verbose=True):
        assert "estimate" in capsys.readouterr().err


def test_notebooks_are_watched(monkeypatch):
    assert not _progress._is_watched()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert _progress._is_watched()
    shell.kernel = None
    assert not _progress._is_watched()


def test_no_stderr_at_all(data, checkpoint, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    MISTScore(checkpoint=checkpoint)(*data)


@pytest.mark.parametrize("params", [{}, {"direction": "backward"}, {"alpha": 0.5}])
def test_one_bar_for_a_whole_search(data, checkpoint, capsys, params):
    fitted = MISTFeatureSelector(
        strategy="joint", checkpoint=checkpoint, verbose=True, n_permutations=3, **params
    ).fit(*data)
    lines = capsys.readouterr().err.replace("\n", "\r").split("\r")
    final = [line for line in lines if line.strip()][-1]
    assert "features left" in final if "direction" in params else "features chosen" in final
    counts = [int(line.split("estimate")[0].split()[-1].split("/")[0]) for line in lines
              if "estimate [" in line]  # fmt: skip
    assert counts == sorted(counts)  # it never begins anew
    assert counts[-1] > 4 + len(fitted.path_)


def test_questions_that_come_later_are_added(data, checkpoint, capsys):
    X, y = data
    y = np.round(y)  # ties: no table of p-values
    MISTScore(pvalues=True, n_permutations=5, checkpoint=checkpoint, verbose=True)(X, y)
    final = capsys.readouterr().err.strip().split("\r")[-1]
    assert "24/24" in final or "54/54" in final  # 4 estimates, 5 permutations, pooled or not
