"""Classes told from many columns: what the classifier's estimate is worth, and when it is there."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from torch import Tensor
from torch.nn import functional as F

from skmist.core import CoreConfig, MISTNetwork, classifier


def indicators(codes: Tensor) -> Tensor:
    return F.one_hot(codes, int(codes.max()) + 1).transpose(1, 2).double()


def blobs(n: int, d: int, k: int, distance: float, seed: int, sets: int = 1):
    """Return rows around k centres, their classes, and the mutual information."""
    rng = torch.Generator().manual_seed(seed)
    centres = distance * torch.randn(k, d, generator=rng, dtype=torch.float64) / math.sqrt(d)

    def draw(rows):
        codes = torch.randint(k, (sets, rows), generator=rng)
        noise = torch.randn(sets, rows, d, generator=rng, dtype=torch.float64)
        return centres[codes] + noise, codes

    x, codes = draw(20_000)
    log_p = torch.log_softmax(-torch.cdist(x, centres.expand(sets, k, d)).square() / 2, 2)
    mi = math.log(k) + float(log_p.gather(2, codes.unsqueeze(2)).mean())
    return *draw(n), mi


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    torch.manual_seed(0)
    return MISTNetwork(CoreConfig()).requires_grad_(False).eval()


def test_distinct_rows_are_numbered():
    ranks = torch.tensor([[[0, 4, 4, 0, 4], [2, 2, 7, 2, 2]]])
    codes, count = classifier.classes_of(ranks)
    assert count.tolist() == [3]
    first, second, third = codes[0, 0], codes[0, 1], codes[0, 2]
    assert len({int(first), int(second), int(third)}) == 3
    assert codes[0].tolist() == [int(v) for v in (first, second, third, first, second)]


def test_every_row_is_judged_by_a_fit_without_it(monkeypatch):
    """The class of a row changes what the other quarters are told, but not its own one."""
    monkeypatch.setattr(classifier, "STEPS", (8,))  # with several, the best one is chosen on all
    rng = torch.Generator().manual_seed(0)
    f = torch.randn(1, 3, 40, generator=rng, dtype=torch.float64)
    member = indicators(torch.randint(3, (1, 40), generator=rng))
    gram, ridge = f @ f.transpose(1, 2) / 40, f.new_full((1, 1, 1), 0.1)
    before = classifier.log_probabilities(f, gram, member, ridge)
    other = member.clone()
    other[..., 0] = member[..., 0].roll(1, 1)  # another class for the first row
    after = classifier.log_probabilities(f, gram, other, ridge)
    assert float((before - after).abs()[..., 10:].max()) > 1e-3
    assert float((before - after).abs()[..., :10].max()) < 1e-12


def test_probabilities_are_as_good_as_those_of_logistic_regression():
    x, codes, _ = blobs(600, 4, 3, 3.0, seed=1)
    f = x.transpose(1, 2) - x.transpose(1, 2).mean(2, keepdim=True)
    member = indicators(codes)
    gram = f @ f.transpose(1, 2) / 600
    p = classifier.log_probabilities(f, gram, member, f.new_full((1, 1, 1), 1e-3))
    torch.testing.assert_close(p.sum(1), torch.ones(1, 600, dtype=torch.float64))
    found = float((p * member).sum(1).log().mean())
    model = LogisticRegression(C=10.0)
    peer = cross_val_predict(model, x[0].numpy(), codes[0].numpy(), cv=4, method="predict_proba")
    expected = np.log(peer[np.arange(600), codes[0].numpy()]).mean()
    assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("d", "k", "n"), [(10, 3, 1000), (5, 20, 3000), (20, 10, 3000), (30, 2, 1000)]
)
def test_estimates_stay_below_the_truth_but_not_far(network, d, k, n):
    x, codes, mi = blobs(n, d, k, 2.5, seed=d)
    y = codes.unsqueeze(2).double() if k == 2 else F.one_hot(codes, k).double()
    f = network.features(x, y)
    assert f.has_classes.item() == 1
    best = float(f.class_anchors[0, :2].max())
    assert 0.7 * mi < best < mi + 0.03


@pytest.mark.parametrize(("n", "k"), [(50, 2), (50, 10), (300, 30), (2000, 30)])
def test_nothing_is_found_where_nothing_is(network, n, k):
    rng = torch.Generator().manual_seed(n + k)
    x = torch.randn(8, n, 12, generator=rng)
    codes = torch.randint(k, (8, n), generator=rng)
    y = codes.unsqueeze(2).float() if k == 2 else F.one_hot(codes, k).float()
    found = network.features(x, y).class_anchors
    assert float(found[:, :3].mean()) < 0.03 and float(found.max()) < 0.3


def test_names_of_classes_mean_nothing(network):
    x, codes, _ = blobs(300, 4, 5, 3.0, seed=2)
    y = F.one_hot(codes, 5).double()
    before = network(x, y).latent
    order = torch.tensor([3, 0, 4, 2, 1])
    signs = torch.tensor([1.0, -1, 1, 1, -1], dtype=torch.float64)
    torch.testing.assert_close(network(x, y[..., order]).latent, before, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x, y * signs).latent, before, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(y, x).latent, before, rtol=1e-4, atol=1e-4)


def test_other_data_sets_of_a_batch_mean_nothing(network):
    x, codes, _ = blobs(300, 4, 12, 3.0, seed=3, sets=4)
    y = codes.unsqueeze(2).double()
    y[1] = y[1] % 2  # two classes
    y[2] = torch.arange(300)[:, None] % 60  # too many to be classes
    x[3] = x[3].round().clamp(0, 1)  # classes on both sides
    together = network.features(x, y)
    assert together.has_classes.flatten().tolist() == [1, 1, 0, 1]
    for i in range(4):
        alone = network.features(x[[i]], y[[i]])
        for name in ("class_anchors", "class_evidence"):
            a, b = getattr(together, name)[[i]], getattr(alone, name)
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert (together.class_evidence[2] == 0).all()


def test_without_ties_there_are_no_classes(network):
    rng = torch.Generator().manual_seed(0)
    f = network.features(torch.randn(2, 40, 3, generator=rng), torch.randn(2, 40, 2, generator=rng))
    assert (f.has_classes == 0).all() and (f.class_anchors == 0).all()


@pytest.mark.parametrize("n", [8, 11, 40])
def test_few_rows_stay_finite(network, n):
    rng = torch.Generator().manual_seed(n)
    x = torch.randn(4, n, 30, generator=rng)
    y = (torch.arange(n) == 0).float().expand(4, n).unsqueeze(2)  # one row of its class
    f = network.features(x, y)
    assert f.class_evidence.isfinite().all() and (f.class_anchors < 0.5).all()
