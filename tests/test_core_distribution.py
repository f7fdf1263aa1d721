"""The output distribution: quantiles, mean, interval and distribution function agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from skmist.core import MIDistribution
from skmist.core.config import QUANTILE_LEVELS, CoreConfig
from skmist.core.distribution import soften

LEVELS = torch.tensor(QUANTILE_LEVELS, dtype=torch.float64)


def gamma(shape: float = 8.0) -> MIDistribution:
    """Return the quantiles of a gamma distribution."""
    return MIDistribution(torch.tensor(stats.gamma(shape).ppf(LEVELS))[None], LEVELS)


def test_mean_median_and_interval_of_a_known_distribution():
    dist = gamma()
    assert float(dist.mean()) == pytest.approx(8.0, rel=5e-3)
    assert float(dist.median()) == pytest.approx(stats.gamma(8).median(), rel=1e-9)
    np.testing.assert_allclose(dist.interval(0.9)[0], stats.gamma(8).interval(0.9), rtol=1e-9)


def test_cdf_inverts_quantile():
    dist = gamma()
    for p in (0.01, 0.07, 0.33, 0.5, 0.92):
        assert float(dist.cdf(dist.quantile(p))) == pytest.approx(p, abs=1e-9)
    assert float(dist.cdf(0.0)) == 0 and float(dist.cdf(100.0)) == 1


def test_shapes():
    dist = MIDistribution(torch.arange(25.0).repeat(4, 1), LEVELS.float())
    assert dist.quantile(0.3).shape == (4,)
    assert dist.quantile(torch.tensor([0.1, 0.2])).shape == (4, 2)
    assert dist.interval(0.5).shape == (4, 2)
    assert len(dist[1]) == 1 and len(dist[1:3]) == 2


def test_negative_quantiles_are_an_atom_at_zero():
    latent = torch.arange(-12, 13, dtype=torch.float64)[None] / 12
    dist = MIDistribution(latent, LEVELS)
    assert float(dist.quantile(0.2)) == 0
    assert float(dist.cdf(0.0)) >= 0.49
    assert float(dist.mean()) > 0


def test_medians_below_zero_are_next_to_zero_and_can_be_ranked():
    below = torch.linspace(-3, -0.001, 40, dtype=torch.float64)
    latent = below.unsqueeze(1) + torch.arange(-12, 13, dtype=torch.float64) / 12
    medians = MIDistribution(latent, LEVELS).median()
    assert (medians > 0).all() and medians.max() < 1e-4
    assert (medians.diff() > 0).all()


def test_clip_bounds_everything():
    dist = gamma().clip(5.0)
    assert float(dist.values.max()) == 5 and float(dist.mean()) <= 5
    assert float(dist.clip(3.0).interval(0.9)[0, 1]) == 3


def test_soften_increases_and_is_close_to_the_positive_part():
    q = torch.linspace(-3, 3, 2001, dtype=torch.float64)
    assert (soften(q).diff() > 0).all() and (soften(q) > 0).all()
    assert (soften(q) - q.clamp_min(0)).max() <= 1.001e-3


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_levels_outside_are_refused(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        gamma().quantile(p)


@pytest.mark.parametrize("level", [0, 1, 2.0])
def test_interval_level_is_checked(level):
    with pytest.raises(ValueError, match="level must lie"):
        gamma().interval(level)


def test_config_is_checked():
    with pytest.raises(ValueError, match="multiple"):
        CoreConfig(width=30, n_heads=4)
    with pytest.raises(ValueError, match="levels"):
        CoreConfig(levels=(0.5, 0.4))
