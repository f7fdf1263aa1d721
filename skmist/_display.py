"""MutualInfoDisplay: bars with intervals, a heat map of all pairs, the path of a search."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmist._clustering import cluster_order
from skmist._feature_selection import MISTFeatureSelector
from skmist._functions import mutual_info_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("bars", "path", "matrix")


class MutualInfoDisplay:
    """A picture of mutual information; needs matplotlib (``pip install scikit-mist[plot]``).

    Made by :meth:`from_estimator` or :meth:`from_data`.

    Parameters
    ----------
    kind : {"bars", "path", "matrix"}
        What is drawn: scores of features, the steps of a search, or all pairs of columns.
    values : ndarray of shape (n,) or (n, n)
        Estimates, in drawing order.
    names : sequence of str
        Names of the features, in the same order.
    intervals : ndarray of shape (n, 2), default=None
        Intervals of the estimates; not of a matrix.
    kept : ndarray of bool of shape (n,), default=None
        Which features are kept; bars only.
    label : str, default="mutual information (nats)"
        What the values are, with the units.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    MISTFeatureSelector : Scores and searches.
    mutual_info_matrix : All pairs of columns.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmist import MISTFeatureSelector, MutualInfoDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> selector = MISTFeatureSelector(n_features_to_select=3).fit(X, y)
    >>> display = MutualInfoDisplay.from_estimator(selector)
    >>> len(display.ax_.patches)
    10
    """

    def __init__(
        self,
        kind: str,
        values: np.ndarray,
        names: Sequence[str],
        *,
        intervals: np.ndarray | None = None,
        kept: np.ndarray | None = None,
        label: str = "mutual information (nats)",
    ):
        self.kind = kind
        self.values = values
        self.names = names
        self.intervals = intervals
        self.kept = kept
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: MISTFeatureSelector,
        *,
        kind: str = "bars",
        top: int | None = 30,
        ax: Axes | None = None,
    ) -> MutualInfoDisplay:
        """Draw a fitted selector.

        Parameters
        ----------
        estimator : MISTFeatureSelector
            A fitted selector; for ``kind="path"`` one with a search.
        kind : {"bars", "path"}, default="bars"
            Scores of the features, or the information that features have together, step by step.
        top : int or None, default=30
            Largest number of bars: those with the best scores. None draws all.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure.

        Returns
        -------
        MutualInfoDisplay

        Raises
        ------
        TypeError
            If the estimator is no MISTFeatureSelector.
        ValueError
            If `kind` or `top` cannot be used, or if the path of no search is asked for.
        NotFittedError
            Before the selector is fitted.
        ImportError
            Without matplotlib.
        """
        if not hasattr(estimator, "get_support") or not hasattr(estimator, "strategy"):
            raise TypeError(
                f"from_estimator draws a MISTFeatureSelector, got {type(estimator).__name__}."
            )
        if top is not None and (not isinstance(top, Integral) or top < 1):
            raise ValueError(f"top should be a whole number, 1 or more, or None, got {top!r}.")
        check_is_fitted(estimator, "scores_")
        found = getattr(estimator, "feature_names_in_", None)
        names = [f"x{j}" for j in range(len(estimator.scores_))] if found is None else list(found)
        if kind == "path":
            path = getattr(estimator, "path_", None)
            if path is None:
                raise ValueError(
                    f"kind='path' takes a selector with a search, got strategy="
                    f"{estimator.strategy!r}."
                )
            sign = "-" if estimator.direction == "backward" else "+"
            label = f"I(chosen features; y) ({estimator.units})"
            ends = np.column_stack([path["low"], path["high"]])
            labels = [f"{sign} {names[j]}" for j in path["feature"]]
            return cls("path", path["mi"], labels, intervals=ends, label=label).plot(ax)
        if kind != "bars":
            raise ValueError(f"kind should be 'bars' or 'path', got {kind!r}.")
        order = np.argsort(-estimator.scores_, kind="stable")[:top]
        return cls(
            "bars", estimator.scores_[order], [names[j] for j in order],
            intervals=estimator.intervals_[order], kept=estimator.support_[order],
            label=f"I(feature; y) ({estimator.units})",
        ).plot(ax)  # fmt: skip

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: Any = None,
        *,
        selector: MISTFeatureSelector | None = None,
        cluster: bool = True,
        missing: str = "error",
        ax: Axes | None = None,
    ) -> MutualInfoDisplay:
        """Draw a table: the scores of its features for y or, without y, all pairs of columns.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Features.
        y : array-like or frame of shape (n_samples,) or (n_samples, n_targets), default=None
            Target; without it the normalized matrix of all pairs is drawn.
        selector : MISTFeatureSelector, default=None
            How to score; left as it is. By default ``MISTFeatureSelector(missing=missing)``. For
            the matrix, only its `x_types`, `missing`, `point`, `checkpoint`, `device`, `n_jobs` and
            `verbose` are used.
        cluster : bool, default=True
            Whether columns of the matrix are ordered by :func:`cluster_order`.
        missing : {"error", "pairwise"}, default="error"
            What to do about missing values; with a `selector`, its own setting counts.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure.

        Returns
        -------
        MutualInfoDisplay

        Raises
        ------
        ValueError, TypeError
            If X or y cannot be used, or if `selector` is no MISTFeatureSelector.
        ImportError
            Without matplotlib.
        """
        if selector is not None and not isinstance(selector, MISTFeatureSelector):
            raise TypeError(
                f"selector should be a MISTFeatureSelector, got {type(selector).__name__}."
            )
        if y is not None:
            from sklearn.base import clone

            chosen = MISTFeatureSelector(missing=missing) if selector is None else clone(selector)
            return cls.from_estimator(chosen.fit(X, y), ax=ax)
        options: dict[str, Any] = {"missing": missing}
        if selector is not None:
            shared = ("missing", "point", "checkpoint", "device", "n_jobs", "verbose")
            options = {name: getattr(selector, name) for name in shared}
            options["types"] = selector.x_types
        matrix = np.asarray(mutual_info_matrix(X, normalized=True, **options))
        names = [str(c) for c in getattr(X, "columns", [f"x{j}" for j in range(len(matrix))])]
        order = cluster_order(matrix) if cluster else np.arange(len(matrix))
        label = "mutual information (normalized)"
        return cls("matrix", matrix[np.ix_(order, order)], [names[j] for j in order],
                   label=label).plot(ax)  # fmt: skip

    def plot(self, ax: Axes | None = None) -> MutualInfoDisplay:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure.

        Returns
        -------
        self : MutualInfoDisplay

        Raises
        ------
        ValueError
            If there is no such kind of picture.
        ImportError
            Without matplotlib.
        """
        if self.kind not in KINDS:
            raise ValueError(f"kind should be one of {KINDS}, got {self.kind!r}.")
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            raise ImportError(
                "MutualInfoDisplay needs matplotlib: pip install scikit-mist[plot]"
            ) from error
        n = len(self.names)
        if ax is None:
            size = (6.5, 1.2 + 0.28 * max(n, 3))
            if self.kind != "bars":
                size = (max(4.5, 1.8 + 0.35 * n), max(4.0, 1.2 + 0.35 * n))
                size = size if self.kind == "matrix" else (size[0], 4.0)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        getattr(self, f"_draw_{self.kind}")(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_bars(self, ax) -> None:
        places = np.arange(len(self.names))
        kept = np.ones(len(places), dtype=bool) if self.kept is None else self.kept
        ax.barh(places, self.values, color=np.where(kept, "tab:blue", "lightgray"))
        if self.intervals is not None:
            low, high = self._drawn_intervals()
            ax.hlines(places, low, high, color="black", lw=1.2)
            endless = np.isinf(self.intervals[:, 1])
            ax.plot(high[endless], places[endless], ">", color="black", ms=4, clip_on=False)
            if endless.any():
                ax.set_xlim(right=np.nanmax(high))
        ax.set_yticks(places, self.names)
        ax.invert_yaxis()
        ax.set_xlim(left=0)
        ax.set_xlabel(self.label)

    def _drawn_intervals(self) -> np.ndarray:
        """Return lower and upper ends; those that are infinite lie beyond all others."""
        finite = np.r_[self.values, self.intervals[np.isfinite(self.intervals)]]
        edge = 1.1 * np.nanmax(finite)
        return np.where(np.isinf(self.intervals), edge, self.intervals).T

    def _draw_path(self, ax) -> None:
        places = np.arange(len(self.names))
        if self.intervals is not None:
            low, high = self._drawn_intervals()
            ax.fill_between(places, low, high, alpha=0.2, color="tab:blue", lw=0)
            if np.isinf(self.intervals[:, 1]).any():
                ax.set_ylim(top=np.nanmax(high))
        ax.plot(places, self.values, marker="o", color="tab:blue")
        ax.set_xticks(places, self.names, rotation=45, ha="right")
        ax.set_ylim(bottom=0)
        ax.set_ylabel(self.label)

    def _draw_matrix(self, ax) -> None:
        places = np.arange(len(self.names))
        image = ax.imshow(self.values, cmap="viridis", vmin=0)
        ax.figure.colorbar(image, ax=ax, label=self.label, shrink=0.8)
        ax.set_xticks(places, self.names, rotation=90)
        ax.set_yticks(places, self.names)
