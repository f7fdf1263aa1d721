"""Mutual information for scikit-learn, with intervals, from a pretrained network.

>>> from skmist import MISTEstimator
>>> MISTEstimator()
MISTEstimator()
"""

from skmist._clustering import cluster_order
from skmist._display import MutualInfoDisplay
from skmist._estimator import MISTEstimator
from skmist._feature_selection import MISTFeatureSelector
from skmist._functions import MutualInformation, mutual_info, mutual_info_matrix
from skmist._score import MISTScore
from skmist._version import __version__
from skmist.exceptions import CheckpointError, OutOfDomainWarning

__all__ = [
    "CheckpointError",
    "MISTEstimator",
    "MISTFeatureSelector",
    "MISTScore",
    "MutualInfoDisplay",
    "MutualInformation",
    "OutOfDomainWarning",
    "__version__",
    "cluster_order",
    "mutual_info",
    "mutual_info_matrix",
]
