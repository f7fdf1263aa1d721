"""The network: a sample goes in, the quantile function of its mutual information comes out.

One column against one is a question of its own, the most frequent one: its copula is a picture in
two dimensions, read whole and fast by one part. Everything else goes through the other part, which
attends to rows and to columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skmist.core.bivariate import BivariateFeatures, BivariateNetwork, bivariate_features
from skmist.core.config import CoreConfig
from skmist.core.distribution import MIDistribution
from skmist.core.joint import JointFeatures, JointNetwork, joint_features

Features = BivariateFeatures | JointFeatures


class MISTNetwork(nn.Module):
    """Map samples of (X, y) to distributions of their mutual information.

    By construction the result does not depend on the order of rows, on the order of columns inside
    X or y, on which of the two is called X, or on strictly monotone maps of single columns.

    Parameters
    ----------
    config : CoreConfig
        Architecture and trained range.
    """

    def __init__(self, config: CoreConfig):
        super().__init__()
        self.config = config
        self.register_buffer("levels", torch.tensor(config.levels), persistent=False)
        self.bivariate = BivariateNetwork(config)
        self.joint = JointNetwork(config)

    @torch.no_grad()
    def features(
        self,
        x: Tensor,
        y: Tensor,
        n_queries: int | None = None,
        labels: tuple[bool, bool] = (False, False),
    ) -> Features:
        """Compute the features of samples; nothing learned is in them. See :meth:`forward`."""
        if x.shape[-1] == y.shape[-1] == 1:
            n_told = min(x.shape[1], self.config.n_max_bivariate)
            return bivariate_features(x[..., 0], y[..., 0], labels, n_told)
        if any(labels):
            raise ValueError("Labels are read in questions of one column against one only.")
        return joint_features(
            x, y, n_queries or self.config.n_queries, min(x.shape[1], self.config.n_max)
        )

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        n_queries: int | None = None,
        labels: tuple[bool, bool] = (False, False),
    ) -> MIDistribution:
        """Estimate the mutual information of every data set of a batch.

        Parameters
        ----------
        x : Tensor of shape (B or 1, n, dx)
            Finite values; only their order within a column matters.
        y : Tensor of shape (B or 1, n, dy)
            Finite values. A side of one data set is shared by all of the other side.
        n_queries : int, optional
            Number of query rows whose neighbourhoods are read; by default that of the config.
        labels : tuple of bool
            Whether x and y hold labels, coded 0, 1, ..., whose order means nothing; for one column
            against one only.

        Returns
        -------
        MIDistribution
            Distribution of I(X; y) for each of the B data sets, in nats.
        """
        return self.predict(self.features(x, y, n_queries, labels))

    def predict(self, features: Features) -> MIDistribution:
        """Map features to distributions; everything learned is here."""
        part = self.bivariate if isinstance(features, BivariateFeatures) else self.joint
        return MIDistribution(part(features), self.levels)
