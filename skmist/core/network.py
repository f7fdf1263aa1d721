"""The network: a sample goes in, the quantile function of its mutual information comes out.

One column against one is a question of its own, the most frequent one: its copula is a picture in
two dimensions, read whole and fast by one part. Everything else goes through the other part, which
attends to rows and to columns, and is told what the first part says of the best pairs of columns.
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

    def features(
        self,
        x: Tensor,
        y: Tensor,
        n_queries: int | None = None,
        labels: tuple[bool, bool] = (False, False),
        differentiable: bool = False,
    ) -> Features:
        """Compute the features of samples; nothing learned is in them. See :meth:`forward`."""
        with torch.set_grad_enabled(differentiable and torch.is_grad_enabled()):
            return self._features(x, y, n_queries, labels)

    def _features(
        self, x: Tensor, y: Tensor, n_queries: int | None, labels: tuple[bool, bool]
    ) -> Features:
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
        differentiable: bool = False,
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
        differentiable : bool
            Whether x and y get a gradient, where they require one.

        Returns
        -------
        MIDistribution
            Distribution of I(X; y) for each of the B data sets, in nats.

        Notes
        -----
        With ``differentiable`` the values stay the same, but for rounding. The features are made of
        ranks and counts; their gradient with respect to x and y is that of smooth counterparts, set
        in their place ("straight through": Bengio, Leonard and Courville, arXiv 1308.3432, 2013):

        - ranks move as those of the population would, estimated from neighbouring values (see
          :mod:`skmist.core.soft`): a shift or a scale of a whole column changes nothing, another
          smooth increasing map next to nothing;
        - neighbourhoods have soft edges (:class:`~skmist.core.neighbours.SoftSide`), and rows move
          between the cells of a grid (:class:`~skmist.core.grids.SoftGrid`).

        Labels, and how often values repeat, get no gradient; nor is there one of second order. Time
        and memory grow with n as they do otherwise. Forward and backward take three to eight times
        as long together as the plain way, and everything is kept for the way back: about 0.2 GB for
        a data set of 4,000 rows with 8 + 8 columns.
        """
        return self.predict(self.features(x, y, n_queries, labels, differentiable))

    def predict(self, features: Features) -> MIDistribution:
        """Map features to distributions; everything learned is here."""
        if isinstance(features, BivariateFeatures):
            return MIDistribution(self.bivariate(features), self.levels)
        best = None
        if (pairs := features.best) is not None:
            # the part for pairs learns from pairs alone
            with torch.set_grad_enabled(pairs.inputs.requires_grad and torch.is_grad_enabled()):
                best = self.bivariate(pairs).unflatten(0, (len(features.context), -1))
        return MIDistribution(self.joint(features, best), self.levels)
