"""What a further feature is worth beside those chosen: mrmr, jmi, joint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from skmist._selection.columns import Answers, Columns


class Criterion(ABC):
    """The gain that each candidate would bring.

    Before the first choice it is I(X_j; y), for every criterion.

    Parameters
    ----------
    columns : Columns
        The features.
    relevance : Answers
        I(X_j; y) for every feature.
    """

    def __init__(self, columns: Columns, relevance: Answers):
        self.columns = columns
        self.relevance = relevance
        self.chosen: list[int] = []

    def gains(self, candidates: Sequence[int]) -> Answers:
        """Return the gain of each candidate, with its interval."""
        index = np.asarray(candidates, dtype=np.intp)
        if not self.chosen:
            return Answers(*(part[index] for part in self.relevance))
        return self._gains(index)

    def choose(self, feature: int, candidates: Sequence[int]) -> None:
        """Add a feature to the chosen ones; the candidates are those that are left."""
        self.chosen.append(int(feature))
        self._update(int(feature), np.asarray(candidates, dtype=np.intp))

    @abstractmethod
    def _gains(self, candidates: np.ndarray) -> Answers: ...

    @abstractmethod
    def _update(self, feature: int, candidates: np.ndarray) -> None: ...


class MRMR(Criterion):
    """I(X_j; y) less the mean of I(X_j; X_k) over the features chosen.

    H. Peng, F. Long, C. Ding, "Feature selection based on mutual information: criteria of
    max-dependency, max-relevance and min-redundancy", IEEE TPAMI 27(8), 2005, eq. 6 (difference).
    """

    def __init__(self, columns: Columns, relevance: Answers):
        super().__init__(columns, relevance)
        self._redundancy = np.zeros(columns.X.n_columns)

    def _gains(self, candidates: np.ndarray) -> Answers:
        mean = self._redundancy[candidates] / len(self.chosen)
        return Answers(*(part[candidates] - mean for part in self.relevance))

    def _update(self, feature: int, candidates: np.ndarray) -> None:
        self._redundancy[candidates] += self.columns.about_column(candidates, feature).value


class JMI(Criterion):
    """The mean over the features chosen of I(X_j, X_k; y) - I(X_k; y).

    This orders candidates as the sum of I(X_j, X_k; y) does: H. Yang, J. Moody, "Data visualization
    and feature selection: new algorithms for nongaussian data", NIPS 1999; G. Brown et al.,
    "Conditional likelihood maximisation", JMLR 13, 2012.
    """

    def __init__(self, columns: Columns, relevance: Answers):
        super().__init__(columns, relevance)
        self._totals = np.zeros((3, columns.X.n_columns))

    def _gains(self, candidates: np.ndarray) -> Answers:
        return Answers(*(self._totals[:, candidates] / len(self.chosen)))

    def _update(self, feature: int, candidates: np.ndarray) -> None:
        alone = float(self.columns.about_y([()], fixed=(feature,)).value[0])
        gains = self.columns.gains_about_y([(j,) for j in candidates], (feature,), alone)
        self._totals[:, candidates] += np.stack(gains)


class Joint(Criterion):
    """I(S and j; y) - I(S; y), of the features chosen, S, and all columns together."""

    def __init__(self, columns: Columns, relevance: Answers):
        super().__init__(columns, relevance)
        self._base = 0.0

    def _gains(self, candidates: np.ndarray) -> Answers:
        return self.gains_of_sets([(int(j),) for j in candidates])

    def _update(self, feature: int, candidates: np.ndarray) -> None:
        self._base = float(self.columns.about_y([()], fixed=self.chosen).value[0])

    def gains_of_sets(
        self, sets: Sequence[Sequence[int]], seed: Sequence[int] | None = None
    ) -> Answers:
        """Return the gain of adding each set of columns; with a seed, of copies with shuffled rows.

        The chosen columns are not shuffled.
        """
        columns = self.columns if seed is None else self.columns.shuffled(*seed)
        return columns.gains_about_y(sets, self.chosen, self._base)


CRITERIA: dict[str, type[Criterion]] = {"mrmr": MRMR, "jmi": JMI, "joint": Joint}
