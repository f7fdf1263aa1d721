"""The pairs of columns that are read by themselves: which ones, and what is told of them."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor

from skmist.core import CoreConfig, MISTNetwork, best_pairs
from skmist.core.scores import Ranks, doubled_ranks


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    torch.manual_seed(0)
    return MISTNetwork(CoreConfig(width=16, head_width=32, row_width=8, bivariate_width=16))


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ranks_of(*sides: Tensor) -> Tensor:
    """Return the doubled ranks (B, d, n) of sides (B, n, columns)."""
    return doubled_ranks(torch.cat(sides, -1).transpose(1, 2).contiguous())[0]


def chosen(x: Tensor, y: Tensor) -> list[set[tuple[int, int]]]:
    """Return which columns of x and of y are chosen, for each data set."""
    dx = x.shape[2]
    place = best_pairs.choose(ranks_of(x, y), dx, x.shape[1])
    return [{(i, j - dx) for i, j in own} for own in place.tolist()]


@pytest.mark.parametrize("n", [200, 3000])
def test_waves_cells_and_lines_are_chosen_among_many_pairs(n):
    x, y = normal(0, 2, n, 9), normal(1, 2, n, 7)
    y[..., 2] = torch.sin(6 * x[..., 1]) + 0.2 * y[..., 2]
    y[..., 0] = 0.8 * x[..., 3] + y[..., 0]
    x[..., 8] = torch.sin(6 * y[..., 5]) + 0.2 * x[..., 8]
    sign = torch.sin(4 * x[..., 6]).sign()  # a checkerboard
    y[..., 6] = torch.where(torch.sin(4 * y[..., 6]).sign() == sign, y[..., 6], -y[..., 6])
    wanted = {(1, 2), (3, 0), (8, 5), (6, 6)}
    assert all(wanted <= own for own in chosen(x, y))


@pytest.mark.parametrize(("n", "tied"), [(9, False), (30, False), (30, True), (400, True)])
def test_the_choice_follows_the_columns(n, tied):
    """Whatever their order, their signs, the order of X and y; of few rows, tables are alike."""
    x, y = normal(2, 3, n, 8), normal(3, 3, n, 9)
    if tied:
        x, y = (2 * x).round(), (2 * y).round()
    expected = chosen(x, y)
    assert all(len(own) == best_pairs.MOST for own in expected)
    swapped = [{(j, i) for i, j in own} for own in chosen(y, x)]
    p, q = (torch.randperm(d, generator=torch.Generator().manual_seed(d)) for d in (8, 9))
    moved = [{(int(p[i]), int(q[j])) for i, j in own} for own in chosen(-x[..., p], y[..., q])]
    assert swapped == expected and moved == expected


def test_all_pairs_are_read_where_they_are_few_and_none_where_they_are_many(network):
    x = normal(4, 2, 50, 11)
    assert chosen(x[..., :2], x[..., 2:4]) == 2 * [{(0, 0), (0, 1), (1, 0), (1, 1)}]
    few = network.features(x[..., :1], x[..., 1:4])
    assert few.best.inputs.shape[0] == 2 * 3 and few.best.n == 50
    assert network.features(x[..., :10], x[..., 1:]).best.inputs.shape[0] == 2 * best_pairs.MOST
    wide = normal(5, 1, 50, 101)
    assert network.features(wide[..., 1:], wide[..., :1]).best is not None
    assert network.features(wide, wide[..., :1]).best is None


def test_pairs_are_read_as_they_are_by_themselves(network):
    """Some rows of many, which are ranked among themselves, and columns with ties."""
    x, y = normal(6, 1, 300, 2), normal(7, 1, 300, 1).round()
    both = network.features(x, y).best
    for i in range(2):
        alone = network.features(x[..., i : i + 1], y)
        place = int((both.inputs - alone.inputs).abs().sum(1).argmin())
        torch.testing.assert_close(both.inputs[place], alone.inputs[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(both.anchors[place], alone.anchors[0], rtol=1e-4, atol=1e-4)
    few = MISTNetwork(CoreConfig(n_max=120))
    assert few.features(x, y).best.n == 120


def test_tables_hold_the_plug_in_estimate_less_its_bias():
    cells = torch.randint(0, 63, (1, 3, 500), generator=torch.Generator().manual_seed(0))
    cells[:, 2] = (cells[:, 0] + 9 * (cells[:, 1] > 40)) % 63
    found = best_pairs._shared(cells[:, :2], cells[:, 2:], 9, 7)[0]
    for i in range(2):
        expected = mutual_info_score(*(cells[0, k].numpy() // w for k, w in ((i, 7), (2, 9))))
        assert float(found[i]) == pytest.approx(1e6 * (expected - 8 * 6 / 1000), abs=1)


def test_what_is_told_of_pairs():
    levels = CoreConfig().levels
    medians = torch.tensor([[0.3, 1.2, -0.1]])
    quantiles = medians.unsqueeze(2) + torch.tensor(levels) - 0.5
    places = torch.tensor([[[0, 3], [1, 3], [2, 3]]])
    anchors, evidence = best_pairs.told(quantiles, places, levels, torch.tensor([1.0]), 400, 3, 1)
    torch.testing.assert_close(anchors, torch.tensor([[0.75, 1.2, 1.2]]))
    each, size = evidence[0, :-4].view(best_pairs.MOST, -1), evidence[0, -4:-2]
    expected = torch.log1p((medians[0, [1, 0, 2], None] + torch.tensor([-0.45, 0, 0.45])).clamp(0))
    torch.testing.assert_close(each[:3, [0, 2, 4]], expected)
    gaps = torch.asinh(20 * (medians[0, [1, 0, 2]].clamp_min(0) - 1)) / 2
    torch.testing.assert_close(each[:3, 5], gaps)
    assert (each[3:] == 0).all() and size.tolist() == pytest.approx([math.log(3) / 3, 1.0])


def test_pairs_without_a_common_column_are_added_up():
    """From the best one on; a pair that was left out keeps no later one from being taken."""
    levels = CoreConfig().levels
    medians = torch.tensor([[0.3, 1.2, -0.1, 0.9, 0.2, 0.1]]).expand(2, -1)
    quantiles = medians.unsqueeze(2) + torch.tensor(levels) - 0.5
    places = torch.tensor([[1, 4], [0, 3], [2, 5], [0, 4], [2, 4], [2, 5]])
    other = torch.tensor([[0, 5], [0, 3], [1, 5], [1, 4], [2, 3], [2, 5]])
    both = torch.stack([places, other])
    gaussian = torch.tensor([1.0, 2.0])
    anchors, evidence = best_pairs.told(quantiles, both, levels, gaussian, 400, 3, 3)
    expected = torch.tensor([1.2 + 0.3 + 0.1, 1.2 + 0.9 + 0.1])
    torch.testing.assert_close(anchors[:, 2], expected)
    torch.testing.assert_close(evidence[:, -2], torch.log1p(expected))
    torch.testing.assert_close(evidence[:, -1], torch.asinh(20 * (expected - gaussian)) / 2)


def test_places_are_those_of_the_pairs_that_are_read(network):
    x, y = normal(10, 1, 200, 4), normal(11, 1, 200, 3)
    best, places = best_pairs.best_pairs(Ranks(ranks_of(x, y)), 4, 200)
    for (i, j), inputs in zip(places[0].tolist(), best.inputs, strict=True):
        alone = network.features(x[..., i : i + 1], y[..., j - 4 : j - 3])
        torch.testing.assert_close(inputs, alone.inputs[0], rtol=1e-4, atol=1e-4)


def test_the_part_for_pairs_learns_from_pairs_alone(network):
    x, y = normal(8, 2, 60, 3), normal(9, 2, 60, 2)
    network(x, y).mean().sum().backward()
    assert all(p.grad is None for p in network.bivariate.parameters())
    assert network.joint.best.weight.grad.abs().max() > 0
    network.zero_grad()
