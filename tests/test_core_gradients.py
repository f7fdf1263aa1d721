"""The features with a gradient: the same values, and a gradient that says where to go."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from skmist._checkpoint import load_network
from skmist.core import CoreConfig, MISTNetwork
from skmist.core.soft import rank

LABELS = {"labels": (False, True), "labels first": (True, False)}
SHAPES = ["1 + 1", "shared", "ties", "coarse", "labels", "labels first", "few rows", "many rows"]
SHAPES += ["3 + 2", "vectors with ties", "8 + 8", "vectors of few rows", "1 + 2"]
# numbers, repeated values, places of columns
UNMOVED = "context", "best context", "best_places", "has_classes", "has_targets"


def sample(name: str) -> tuple[Tensor, Tensor]:
    """Return a batch of data sets of some kind."""
    rng = torch.Generator().manual_seed(len(name))
    n = {"few rows": 8, "many rows": 5000, "vectors of few rows": 9}.get(name, 150)
    dx, dy = {"3 + 2": (3, 2), "vectors with ties": (3, 2), "8 + 8": (8, 8), "1 + 2": (1, 2)}.get(
        name, (4, 5) if name == "vectors of few rows" else (1, 1)
    )
    x = torch.randn(2, n, dx, generator=rng, dtype=torch.float64)
    y = x[..., :1] + torch.randn(2, n, dy, generator=rng, dtype=torch.float64)
    if name == "shared":
        x = x[:1]
    if name == "ties":
        x = x.clamp_min(0)
    if name == "coarse":
        x, y = x.round(), (2 * y).round()
    if name == "vectors with ties":
        x = torch.cat([x.clamp_min(0), x[..., :1], torch.ones(2, n, 1)], -1)
        y = (y > 0).double()
    if name == "labels":
        y = y.round().clamp(-1, 1) + 1
    if name == "labels first":
        x = (x > 0).double()
    return x, y


@pytest.fixture(scope="module")
def network() -> MISTNetwork:
    torch.manual_seed(0)
    return MISTNetwork(CoreConfig(width=16, head_width=32, row_width=8, bivariate_width=16))


def parts(features) -> dict[str, Tensor]:
    found = {k: v for k, v in vars(features).items() if isinstance(v, Tensor)}
    best = getattr(features, "best", None)
    return found if best is None else found | {f"best {k}": v for k, v in parts(best).items()}


@pytest.mark.parametrize("name", SHAPES)
def test_values_are_the_same_and_every_feature_has_a_gradient(network, name):
    x, y = sample(name)
    labels = LABELS.get(name, (False, False))
    sides = [x.clone().requires_grad_(), y.clone().requires_grad_()]
    soft = network.features(*sides, labels=labels, differentiable=True)
    plain = parts(network.features(x, y, labels=labels))
    weights = torch.Generator().manual_seed(0)
    for key, value in parts(soft).items():
        torch.testing.assert_close(value, plain[key], rtol=1e-5, atol=1e-5)
        if key in UNMOVED:
            assert not value.requires_grad
            continue
        told_by_classes = key.startswith("class_")
        missing = told_by_classes and not soft.has_classes.any()
        if missing or (key.startswith("target_") and not soft.has_targets.any()):
            assert (value == 0).all() and not value.requires_grad
            continue
        total = (value * torch.randn(value.shape, generator=weights)).sum()
        grads = torch.autograd.grad(total, sides, retain_graph=True, allow_unused=True)
        for grad, is_labels in zip(grads, (labels[0], labels[1] or told_by_classes), strict=True):
            if is_labels:
                assert grad is None or (grad == 0).all()
                continue
            assert grad.isfinite().all() and grad.abs().max() > 0, key
            size = grad.abs().sum(1).amax()
            assert grad.sum(1).abs().amax() < 1e-9 * size, f"{key} changes with a shift"


@pytest.mark.parametrize("labels", [(False, False), (False, True)])
def test_without_the_flag_there_is_no_gradient(network, labels):
    x, y = (s.requires_grad_() for s in sample("labels"))
    assert not any(v.requires_grad for v in parts(network.features(x, y, labels=labels)).values())
    with torch.inference_mode():
        plain, soft = (network(x, y, labels=labels, differentiable=d) for d in (False, True))
        assert torch.equal(plain.latent, soft.latent) and not soft.latent.requires_grad


def test_labels_on_both_sides_get_no_gradient(network):
    codes = torch.tensor([0.0, 1, 1, 0, 2, 2, 1, 0])[None, :, None].requires_grad_()
    features = network.features(codes, codes, labels=(True, True), differentiable=True)
    assert not any(v.requires_grad for v in parts(features).values())


def test_float32_and_parameters_get_gradients_too(network):
    x, y = (s.float().requires_grad_() for s in sample("3 + 2"))
    network(x, y, differentiable=True).mean().sum().backward()
    assert x.grad.dtype == torch.float32
    for tensor in (x, y, network.joint.globals[0].weight):
        assert tensor.grad.isfinite().all() and tensor.grad.abs().max() > 0
    network.zero_grad()


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1e8, 1e200])
def test_scale_and_outliers_leave_gradients_finite(network, scale):
    x, y = sample("1 + 1")
    x[0, 0], y[1, 3] = 1e6, -1e6
    x = (scale * x).requires_grad_()
    network(x, y.requires_grad_(), differentiable=True).mean().sum().backward()
    assert y.grad.isfinite().all() and y.grad.abs().max() > 0
    assert x.grad.isfinite().all() and x.grad.abs().max() > 0


@pytest.mark.parametrize("kind", ["normal", "exponential", "ties"])
def test_ranks_move_as_finite_differences_say(kind):
    """A smooth velocity field, averaged over rows: d/dt E[h(score) g(w)], also by large steps."""
    rng = torch.Generator().manual_seed(0)
    u, w = torch.randn(2, 20_000, generator=rng, dtype=torch.float64)
    x = {"normal": u, "exponential": u.exp(), "ties": (2 * u).round()}[kind]
    n = len(x)
    table = torch.linspace(-1, 1, 2 * n - 1, dtype=torch.float64) ** 3

    def read(t):
        ranks, _, _ = rank((x + t * (w + 0.3 * w * x)).contiguous())
        return (ranks.look_up(table) * w).mean()

    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(read(t), t)
    h = 0.05 if kind != "ties" else 0.3
    expected = (read(torch.tensor(h)) - read(torch.tensor(-h))) / (2 * h)
    assert float(grad) == pytest.approx(float(expected), rel=0.05 if kind != "ties" else 0.3)


def test_smooth_increasing_maps_of_a_column_change_nothing():
    rng = torch.Generator().manual_seed(1)
    x, w = torch.randn(2, 2000, generator=rng, dtype=torch.float64)
    table = torch.linspace(-1, 1, 3999, dtype=torch.float64)

    def change(velocity):
        t = torch.zeros((), dtype=torch.float64, requires_grad=True)
        ranks, _, _ = rank(x + t * velocity)
        return torch.autograd.grad((ranks.look_up(table) * (x + w)).mean(), t)[0]

    other = change(w).abs()
    for velocity in (torch.ones_like(x), x):
        assert change(velocity).abs() < 1e-9 * other
    for velocity in (torch.tanh(2 * x), torch.exp(x), torch.sin(2 * x)):
        assert change(velocity).abs() < 0.03 * other


def gaussian(t, e):
    half = e.shape[-1] // 2
    return e[..., :half], t * e[..., :half] + (1 - t**2).sqrt() * e[..., half:]


def rotation(t, e):
    return torch.sin(t) * e[..., :1] + torch.cos(t) * e[..., 1:], e[..., :1]


def wave(t, e):
    return e[..., :1], t * torch.sin(3 * e[..., :1]) + (1 - t) * e[..., 1:]


def product(t, e):
    return e[..., :2], t * e[..., :1] * e[..., 1:2] + (1 - t) * e[..., 2:]


def classes(t, e):
    code = (e[..., :1] > 0).double()
    return t * code + (1 - t) * e[..., 1:], code


DIRECTIONS = {
    "gaussian": (gaussian, 2, 0.5, 0.1),
    "strong": (gaussian, 2, 0.95, 0.02),
    "rotation": (rotation, 2, 1.0, 0.1),
    "wave": (wave, 2, 0.6, 0.1),
    "labels": (classes, 2, 0.5, 0.1),
    "vectors": (gaussian, 6, 0.6, 0.1),
    "product": (product, 3, 0.6, 0.1),
}


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("n", [100, 500, 2000])
def test_directional_derivative_is_that_of_large_steps(name, n):
    family, d, start, h = DIRECTIONS[name]
    released = load_network()
    e = torch.randn(16, n, d, generator=torch.Generator().manual_seed(n), dtype=torch.float64)

    def mean(t, differentiable=False):
        x, y = family(t, e)
        return released(x, y, None, LABELS.get(name, (False, False)), differentiable).mean().mean()

    t = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(mean(t, True), t)
    expected = (mean(t.detach() + h) - mean(t.detach() - h)) / (2 * h)
    assert expected > 0
    assert 0.5 < float(grad / expected) < 2


def test_ascent_finds_the_angle_of_most_information():
    """Of x, turned by an angle, one component is read beside y = a + noise."""
    released = load_network()
    rng = torch.Generator().manual_seed(0)
    a, b, w = torch.randn(3, 1, 400, 1, generator=rng, dtype=torch.float64)
    angle = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)

    def truth():
        return -0.5 * math.log1p(-(math.cos(float(angle.detach())) ** 2) / 1.25)

    before = truth()
    optimizer = torch.optim.Adam([angle], lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        x = torch.cos(angle) * a + torch.sin(angle) * b
        loss = -released(x, a + 0.5 * w, differentiable=True).mean().sum()
        loss.backward()
        optimizer.step()
    assert before < 0.1 and truth() > 0.7  # at best 0.80


def test_ascent_learns_to_add_columns_up():
    """Weights of a linear map of five columns, one of which is told by a curve in y."""
    released = load_network()
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(1, 500, 5, generator=rng, dtype=torch.float64)
    y = (z[..., :1] - z[..., 1:2]) ** 2 + 0.3 * torch.randn(1, 500, 1, generator=rng)
    weights = torch.tensor([1.0, -0.2, 0.6, 0.6, -0.6], dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.Adam([weights], lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        (-released((z @ weights).unsqueeze(-1), y, differentiable=True).mean().sum()).backward()
        optimizer.step()
    direction = weights.detach() / weights.detach().norm()
    assert abs(float(direction[0] - direction[1])) / math.sqrt(2) > 0.95
