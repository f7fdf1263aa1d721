"""The symmetries that hold by construction, on a network with random weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skmist.core import CoreConfig, MISTNetwork

TOLERANCE = {"rtol": 2e-4, "atol": 2e-4}


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    """Return a network whose last layer is far from its tame start."""
    torch.manual_seed(3)
    network = MISTNetwork(
        CoreConfig(width=32, head_width=64, row_width=16, bivariate_width=32)
    ).eval()
    with torch.no_grad():
        for part in (network.bivariate, network.joint):
            part.head.out.weight.mul_(10)
    return network.requires_grad_(False)


shapes = st.tuples(
    st.integers(10, 60), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31 - 1)
)


def sample(shape, tied: bool = False):
    """Draw dependent (x, y) of shape (1, n, dx) and (1, n, dy); rounded ones hold ties."""
    n, dx, dy, seed = shape
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(1, n, dx, generator=rng, dtype=torch.float64)
    y = 0.7 * x[..., :1] + torch.randn(1, n, dy, generator=rng, dtype=torch.float64)
    return ((2 * x).round(), (2 * y).round()) if tied else (x, y)


def order(size: int, seed: int) -> torch.Tensor:
    """Return a permutation."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=15, deadline=None)
@given(shape=shapes, tied=st.booleans())
def test_order_of_rows(network, shape, tied):
    x, y = sample(shape, tied)
    p = order(x.shape[1], shape[3])
    expected = network(x, y).latent
    torch.testing.assert_close(network(x[:, p], y[:, p]).latent, expected, **TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, tied=st.booleans())
def test_order_of_columns(network, shape, tied):
    x, y = sample(shape, tied)
    p, q = order(x.shape[2], shape[3]), order(y.shape[2], shape[3] + 1)
    expected = network(x, y).latent
    torch.testing.assert_close(network(x[..., p], y[..., q]).latent, expected, **TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(shape=shapes)
def test_order_of_rows_and_several_columns_changes_nothing_at_all(network, shape):
    """Where no column is the mirror image of another, as few ties might make it."""
    n, dx, dy, seed = shape
    assume(dx + dy > 2)
    x, y = sample(shape)
    p, q, r = (order(size, seed + i) for i, size in enumerate((dx, dy, n)))
    expected = network(x, y).latent
    assert torch.equal(network(x[:, r][..., p], y[:, r][..., q]).latent, expected)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, tied=st.booleans())
def test_x_and_y_swapped(network, shape, tied):
    x, y = sample(shape, tied)
    torch.testing.assert_close(network(y, x).latent, network(x, y).latent, **TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(shape=shapes)
def test_increasing_maps_of_columns_change_nothing_at_all(network, shape):
    x, y = sample(shape)
    expected = network(x, y).latent
    assert torch.equal(network(torch.exp(x), y**3 + y).latent, expected)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, tied=st.booleans())
def test_sign_flips_of_columns(network, shape, tied):
    x, y = sample(shape, tied)
    flip = torch.ones(x.shape[2], dtype=x.dtype)
    flip[::2] = -1
    expected = network(x, y).latent
    torch.testing.assert_close(network(x * flip, -y).latent, expected, **TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(shape=shapes)
def test_float32_and_float64_agree(network, shape):
    x, y = sample(shape)
    x, y = x.float(), y.float()
    assert torch.equal(network(x, y).latent, network(x.double(), y.double()).latent)


@settings(max_examples=15, deadline=None)
@given(shape=shapes)
def test_one_and_many_agree(network, shape):
    first, second = sample(shape), sample((*shape[:3], shape[3] + 1))
    both = network(torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]))
    torch.testing.assert_close(both[0].latent, network(*first).latent, **TOLERANCE)
    torch.testing.assert_close(both[1].latent, network(*second).latent, **TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, tied=st.booleans())
def test_quantiles_are_ordered_and_not_negative(network, shape, tied):
    dist = network(*sample(shape, tied))
    assert (dist.values >= 0).all() and (dist.values.diff(dim=1) >= 0).all()
    assert (dist.mean() > 0).all()


def labelled(shape, n_groups: int):
    """Draw labels (1, n, 1), coded from 0, with a column of numbers that depends on them."""
    n, _, _, seed = shape
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(n).remainder(n_groups)[torch.randperm(n, generator=rng)]
    labels = labels.view(1, n, 1).double()
    return labels, labels + torch.randn(1, n, 1, generator=rng, dtype=torch.float64)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, n_groups=st.integers(2, 6), both=st.booleans())
def test_labels_may_be_numbered_anew(network, shape, n_groups, both):
    y, x = labelled(shape, n_groups)
    x = x.floor() - x.floor().min() if both else x
    new = order(n_groups, shape[3])[y.long()].double()
    expected = network(x, y, labels=(both, True)).latent
    torch.testing.assert_close(network(x, new, labels=(both, True)).latent, expected, **TOLERANCE)
    torch.testing.assert_close(network(y, x, labels=(True, both)).latent, expected, **TOLERANCE)
    p = order(x.shape[1], shape[3])
    again = network(x[:, p], y[:, p], labels=(both, True)).latent
    torch.testing.assert_close(again, expected, **TOLERANCE)
    if not both:
        again = network(-torch.exp(x), y, labels=(False, True)).latent
        torch.testing.assert_close(again, expected, **TOLERANCE)


def test_a_shared_side_is_read_once(network):
    x, y = (torch.cat([sample((50, 1, 1, seed))[i] for seed in range(3)]) for i in (0, 1))
    expected = network(x, y[:1].expand(3, -1, -1)).latent
    torch.testing.assert_close(network(x, y[:1]).latent, expected, **TOLERANCE)
    z = torch.cat([x, y], -1)
    expected = network(z, y[:1].expand(3, -1, -1)).latent
    torch.testing.assert_close(network(z, y[:1]).latent, expected, **TOLERANCE)


def test_labels_stand_alone(network):
    x, y = sample((50, 2, 1, 0))
    with pytest.raises(ValueError, match="one column against one"):
        network(x, y, labels=(False, True))


def test_rows_are_subsampled_alike_whatever_their_order(network):
    x, y = sample((700, 2, 1, 5))
    p, signs = order(700, 9), torch.tensor([1.0, -1.0])
    expected = network(x, y, n_queries=64).latent
    again = network((x * signs)[:, p].flip(2), y[:, p], n_queries=64).latent
    torch.testing.assert_close(again, expected, **TOLERANCE)


def test_order_of_rows_that_hold_each_others_ranks(network):
    """Here hashes of rows are equal at first, and so are the names of columns."""
    x = torch.tensor([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 8], [7, 6], [8, 7]])[
        None
    ].double()
    y = torch.tensor([1, 2, 3, 4, 5, 7, 8, 6])[None, :, None].double()
    expected = network(x, y).latent
    torch.testing.assert_close(network(y, x).latent, expected, **TOLERANCE)
    for seed in range(4):
        p = order(8, seed)
        torch.testing.assert_close(network(x[:, p], y[:, p]).latent, expected, **TOLERANCE)
        torch.testing.assert_close(network(x[:, p].flip(2), y[:, p]).latent, expected, **TOLERANCE)
