"""Ranks of columns against SciPy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import rankdata

from skmist._ranks import column_ranks


@pytest.mark.parametrize("shape", [(500, 32), (7, 1), (1, 3), (0, 2), (4, 0)])
@pytest.mark.parametrize("levels", [None, 5])
def test_ranks_are_those_of_scipy(rng, shape, levels):
    values = rng.normal(size=shape)
    values = values if levels is None else np.floor(levels * values)
    found = column_ranks(values)
    assert found.dtype == np.float64
    assert_array_equal(found, rankdata(values, axis=0))
