"""An order of columns in which those that share information stand together."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform


def cluster_order(matrix: Any) -> np.ndarray:
    """Order columns so that those that share much information stand side by side.

    Hierarchical clustering with average linkage, in the optimal order of the leaves.

    Parameters
    ----------
    matrix : array-like or pandas.DataFrame of shape (n_features, n_features)
        Symmetric matrix of :func:`mutual_info_matrix`, best with ``normalized=True``. The diagonal
        does not matter. The distance of two columns is one less their information, relative to the
        largest of the matrix.

    Returns
    -------
    ndarray of int of shape (n_features,)
        Positions of the columns.

    Raises
    ------
    ValueError
        If the matrix is not square and symmetric, or holds negative, infinite or missing values
        beside the diagonal.

    Examples
    --------
    >>> from skmist import cluster_order
    >>> matrix = [[1, 0.1, 0.9], [0.1, 1, 0.2], [0.9, 0.2, 1]]
    >>> order = cluster_order(matrix)
    >>> int(order[1])
    2
    """
    values = np.array(matrix, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"cluster_order expected a square matrix, got shape {values.shape}.")
    np.fill_diagonal(values, 0.0)
    if not ((values >= 0) & (values < np.inf)).all() or not np.allclose(values, values.T):
        raise ValueError(
            "cluster_order expected a symmetric matrix without negative, infinite or missing "
            "values beside the diagonal."
        )
    if len(values) < 3:
        return np.arange(len(values))
    largest = values.max() or 1.0
    distance = squareform(1 - values / largest, checks=False)
    tree = linkage(distance, method="average", optimal_ordering=True)
    return leaves_list(tree).astype(np.int64)
