"""What predicting one side from the other tells: a single column, classes, several columns."""

from __future__ import annotations

from torch import Tensor

from skmist.core import classifier, critic, regression, targets
from skmist.core.neighbours import query_rows

MOST_CURVED = 12  # columns up to which a regression uses all basis functions of each
FACTORS = [0, 2, 4]  # basis functions whose products are read: Hermite 1, cosine 3, Hermite 2
MOST_FACTORED = 64  # columns up to which these are read, else products of Hermite 1 alone


class Sides:
    """X and y, with what they are predicted from, on as many rows as training held.

    Parameters
    ----------
    ranks : LongTensor of shape (B, d, n)
        Doubled ranks; rows in an order that has nothing to do with their values.
    phi : Tensor of shape (B, d, K, n)
        Basis functions of the columns.
    z : Tensor of shape (B, d, n)
        Normal scores, standardised.
    dx : int
        Number of columns of X.
    n_told : int
        Number of rows that the network is told; more are not read.
    tied : bool
        Whether values repeat.
    """

    def __init__(
        self,
        ranks: Tensor,
        phi: Tensor,
        z: Tensor,
        dx: int,
        n_told: int,
        tied: bool,
    ):
        few, sides = slice(min(z.shape[2], n_told)), (slice(dx), slice(dx, None))
        self.ranks = [ranks[:, side, few] for side in sides]
        self.functions = [phi[:, side, :, few] for side in sides]
        self.z, self.scores = z[..., few], [z[:, side, few] for side in sides]
        self.widths = [scores.shape[1] for scores in self.scores]
        self.batch, self.n, self.tied = len(z), self.z.shape[2], tied

    def additive(self, side: int) -> Tensor:
        """Return functions (B, p, n) of single columns of a side; fewer where columns are many."""
        functions = self.functions[side]
        if functions.shape[1] > MOST_CURVED:
            functions = functions[:, :, critic.ADDITIVE]
        return functions.flatten(1, 2)

    def regression(self, n_queries: int) -> regression.RegressionFeatures | None:
        """Predict the single column of one side from the other; None if no side is single."""
        if min(self.widths) > 1:
            return None
        single, other = (0, 1) if self.widths[0] == 1 else (-1, 0)
        functions = self.functions[other]
        curved = FACTORS if functions.shape[1] <= MOST_FACTORED else FACTORS[:1]
        return regression.regression_features(
            self.additive(other),
            functions[:, :, curved],
            self.z,
            query_rows(self.n, n_queries // 4),
            single,
            self.tied,
        )

    def classes(self) -> classifier.ClassFeatures:
        """Tell the classes of a side that has few distinct rows from the other side.

        If both sides are like that, the one of fewer distinct rows holds the classes; if they have
        equally many, the features are the means of both ways.
        """
        nothing = classifier.no_classes(self.batch, self.z)
        if not self.tied:
            return nothing
        codes, counts = zip(*map(classifier.classes_of, self.ranks), strict=True)
        found = [
            classifier.class_features(
                self.additive(1 - own), self.scores[1 - own], codes[own], counts[own]
            )
            if bool(classifier.are_classes(counts[own], self.n).any())
            else nothing
            for own in range(2)
        ]
        return classifier.weigh(found, counts)

    def targets(self, gaussian: Tensor, n_queries: int) -> targets.TargetFeatures:
        """Predict the columns of each side from the other one, if both have several.

        Parameters
        ----------
        gaussian : Tensor of shape (B,)
            Estimate of the mutual information by a Gaussian copula.
        n_queries : int
            Rows whose neighbourhoods are read elsewhere; a quarter of them here.
        """
        if min(self.widths) == 1:
            return targets.no_targets(self.batch, self.z)
        additive = [self.additive(side) for side in range(2)]
        n_queries = query_rows(self.n, n_queries // 4)
        return targets.target_features(
            additive, self.scores, self.ranks, gaussian, n_queries, self.tied
        )
