"""Ridge regressions and their kernels: against scikit-learn, numpy and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as ReferenceRidge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from skmist.core import ridge as ridges
from skmist.core.scores import standardise


def functions(n: int, m: int, seed: int) -> torch.Tensor:
    f = torch.randn(2, m, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return f - f.mean(2, keepdim=True)


def test_residuals_are_those_of_leaving_one_out():
    """But for the mean of the functions, which scikit-learn takes anew without the row."""
    n, m, ridge = 60, 5, 0.1
    f = functions(n, m, 0)
    target = f[:, 0] + torch.randn(2, n, generator=torch.Generator().manual_seed(1))
    target = target - target.mean(1, keepdim=True)
    gram = f @ f.transpose(1, 2) / n
    found = ridges.Ridge(f, gram, torch.full((1, 1, 1), ridge)).residuals(target)
    for features, y, residual in zip(f.numpy(), target.numpy(), found.numpy(), strict=True):
        model = ReferenceRidge(alpha=n * ridge)
        predicted = cross_val_predict(model, features.T, y, cv=LeaveOneOut())
        np.testing.assert_allclose(residual, y - predicted, atol=0.02)


def test_generalised_cross_validation_against_numpy():
    n, m = 80, 7
    f = functions(n, m, 2)
    target = f[:, 1] + torch.randn(2, n, generator=torch.Generator().manual_seed(3))
    gram, product = f @ f.transpose(1, 2) / n, f @ target.unsqueeze(2) / n
    found = ridges.cross_validated(gram, product, target.square().mean(1), n)
    for i, strength in enumerate(ridges.RIDGES):
        ridge = strength * m / n
        for k in range(2):
            x = f[k].numpy().T
            hat = x @ np.linalg.solve(x.T @ x / n + ridge * np.eye(m), x.T / n)
            left = np.mean((target[k].numpy() - hat @ target[k].numpy()) ** 2)
            share = ridges.CAUTION * (np.trace(hat) + 1) / n
            assert float(found[k, i]) == pytest.approx(left / (1 - share) ** 2, rel=1e-6)


def columns(b: int, d: int, n: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return standardise(torch.randn(b, d, n, generator=rng, dtype=torch.float64))


def relevant_kernels(x: torch.Tensor, targets: torch.Tensor, rounds: int = ridges.ROUNDS, **kwargs):
    """Return kernels of columns weighed by their relevance."""
    return ridges.kernels_of(x, ridges.relevance(x, targets, rounds), **kwargs)


def test_kernels_weigh_columns_by_the_slopes_of_regressions():
    """The weights are those that autograd gives, first for a regression with equal weights."""
    b, d, n = 2, 3, 120
    x = columns(b, d, n, 0)
    targets = torch.stack([x[:, 0] * x[:, 1], torch.tanh(3 * x[:, 1])], 1)
    targets = targets - targets.mean(2, keepdim=True)
    found = relevant_kernels(x, targets)

    m = found.shape[1]
    marks = x[..., :m]

    def kernels(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        apart = (marks.unsqueeze(3) - rows.unsqueeze(2)).square()
        return torch.exp(-0.5 * (weights[..., None, None] * apart).sum(1))

    def white(values: torch.Tensor, at_marks: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        eye = torch.eye(m, dtype=values.dtype)
        factor = torch.linalg.inv(torch.linalg.cholesky(at_marks + ridges.JITTER * eye))
        return m**0.5 * factor @ (values - mean)

    weights = torch.full((b, d), 1 / d, dtype=x.dtype)
    for _ in range(ridges.ROUNDS):
        whole, near = kernels(x, weights), kernels(marks, weights)
        mean = whole.mean(2, keepdim=True)
        functions = torch.cat([white(whole, near, mean), ridges.LINEAR * x], 1)
        gram = functions @ functions.transpose(1, 2) / n
        strength, _ = ridges.choose_ridge(functions, gram, targets)
        eye = torch.eye(m + d, dtype=x.dtype)
        slopes = torch.linalg.solve(gram + strength * eye, functions @ targets.transpose(1, 2) / n)

        rows = marks.clone().requires_grad_()
        at = torch.cat([white(kernels(rows, weights), near, mean), ridges.LINEAR * rows], 1)
        fitted = (slopes.transpose(1, 2) @ at).unbind(1)
        squares = [torch.autograd.grad(f.sum(), rows, retain_graph=True)[0] for f in fitted]
        squares = sum(g.square().mean(2) for g in squares)
        weights = squares / squares.sum(1, keepdim=True)
        weights = (1 - ridges.EVEN) * weights + ridges.EVEN / d
    again = kernels(x, weights)
    expected = white(again, kernels(marks, weights), again.mean(2, keepdim=True))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ridges.relevance(x, targets), weights.unsqueeze(2))
    assert bool((weights[:, 2] < 0.1).all()) and bool((weights[:, 1] > 0.3).all())


def test_kernels_find_the_product_among_idle_columns():
    """Where two of twelve columns count, kernels of equal weights explain less."""
    x = columns(4, 12, 400, 1)
    rng = torch.Generator().manual_seed(2)
    noise = torch.randn(4, 400, generator=rng, dtype=x.dtype)
    target = x[:, 3] * x[:, 7] + 0.3 * noise
    target = (target - target.mean(1, keepdim=True)).unsqueeze(1)
    size = target.square().mean(2).sum(1)

    def error(functions: torch.Tensor) -> float:
        gram = functions @ functions.transpose(1, 2) / 400
        strength, _ = ridges.choose_ridge(functions, gram, target)
        left = ridges.Ridge(functions, gram, strength).residuals_of(target)
        return float((left.square().mean(2).sum(1) / size).mean())

    relevant, linear = relevant_kernels(x, target), ridges.LINEAR * x
    equal = relevant_kernels(x, target, rounds=0)
    plain = error(torch.cat([linear, equal], 1))
    assert error(torch.cat([linear, relevant], 1)) < 0.5 * plain < 0.5


def test_wide_and_narrow_kernels():
    """Half of them are narrow, and with many rows those that come in addition."""
    x = columns(2, 3, 200, 6)
    target = (x[:, :1] * x[:, 1:2]) - (x[:, :1] * x[:, 1:2]).mean(2, keepdim=True)
    both = relevant_kernels(x, target, halves=True)
    assert both.shape == (2, ridges.landmarks(200), 200)
    wide = relevant_kernels(x, target)
    assert wide.shape == both.shape
    half = both.shape[1] // 2
    # the first landmarks are whitened one after another, so that they do not know of later ones
    unit = (wide.shape[1] / half) ** 0.5
    torch.testing.assert_close(both[:, :half] * unit, wide[:, :half], rtol=1e-6, atol=1e-8)

    def expected(x: torch.Tensor, marks: slice) -> torch.Tensor:
        """Return narrow kernels at some landmarks, all columns alike."""
        size = x.shape[1]
        squares = (x[..., marks].unsqueeze(3) - x.unsqueeze(2)).square().sum(1)
        values = torch.exp(-0.5 * ridges.NARROW * squares / size)
        inner = values[..., marks] + ridges.JITTER * torch.eye(values.shape[1], dtype=x.dtype)
        factor = torch.linalg.inv(torch.linalg.cholesky(inner))
        white = values.shape[1] ** 0.5 * factor @ values
        return white - white.mean(2, keepdim=True)

    alike = relevant_kernels(x, target, rounds=0, halves=True)
    torch.testing.assert_close(alike[:, half:], expected(x, slice(half, 2 * half)))

    assert ridges.numbers_of_kernels(10) == (5, 5)
    assert ridges.numbers_of_kernels(520) == (64, 64)
    assert ridges.numbers_of_kernels(800) == (64 + 18, 64)
    assert ridges.numbers_of_kernels(10_000) == (ridges.MOST_KERNELS, 64)
    most = ridges.MOST_KERNELS_SINGLE
    assert ridges.numbers_of_kernels(3000, most) == (64 + 155, 64)
    assert ridges.numbers_of_kernels(10_000, most) == (most, 64)
    x = columns(1, 3, 800, 6)
    target = x[:, :1] * x[:, 1:2]
    kernels = relevant_kernels(x, target - target.mean(2, keepdim=True))
    assert kernels.shape == (1, 82, 800)
    kernels = relevant_kernels(x, target - target.mean(2, keepdim=True), rounds=0)
    torch.testing.assert_close(kernels[:, 64:], expected(x, slice(64, 82)))


def test_more_rows_find_finer_structure():
    """A product of two of six columns: what is left falls with the kernels that rows make for."""
    left = []
    for n in (512, 4000):
        x = columns(1, 6, n, 7)
        target = torch.sin(2.5 * x[:, :1]) * torch.sin(2.5 * x[:, 1:2])
        target = target - target.mean(2, keepdim=True)
        functions = torch.cat([relevant_kernels(x, target), ridges.LINEAR * x], 1)
        gram = functions @ functions.transpose(1, 2) / n
        strength, _ = ridges.choose_ridge(functions, gram, target)
        residual = ridges.Ridge(functions, gram, strength).residuals_of(target)
        left.append(float(residual.square().mean() / target.square().mean()))
    assert left[1] < 0.7 * left[0]


def test_models_share_what_they_are_made_of():
    x = columns(3, 2, 90, 3)
    additive = torch.cat([x, standardise(x.square())], 1)
    targets = standardise(x[:, :1] * x[:, 1:])
    weights = ridges.relevance(x, targets)
    models, errors = ridges.models_of(additive, x, weights, targets)
    assert [m.functions.shape[1] for m in models] == [4, 4 + 45, 2 + 45]
    assert errors.shape == (3, len(ridges.RIDGES))
    for model in models:
        functions = model.functions
        torch.testing.assert_close(model.gram, functions @ functions.transpose(1, 2) / 90)
        assert model.ridge.shape in ((1, 1, 1), (3, 1, 1))
    by_fold = ridges.models_of(additive, x, weights, targets, folds=4)[0]
    for model, other in zip(models, by_fold, strict=True):
        assert len(other.products) == 4
        torch.testing.assert_close(other.gram, model.gram)
        torch.testing.assert_close(other.ridge, model.ridge)
        third = other.functions[..., ridges.folds_of(90, 4)[2]]
        torch.testing.assert_close(other.products[2], third @ third.transpose(1, 2))
    left = [model.fit().residuals_of(targets).square().mean() for model in models]
    assert left[0] > 0.9 and max(left[1:]) < 0.5
    assert len(ridges.models_of(additive, x, weights, targets, third=False)[0]) == 2


def test_constant_columns_make_no_trouble():
    x = columns(2, 3, 50, 4)
    x[:, 1] = 0
    kernels = relevant_kernels(x, torch.zeros(2, 1, 50, dtype=x.dtype))
    assert bool(torch.isfinite(kernels).all())


def test_the_best_model_or_mean_of_two_counts():
    n = 4_000
    a, b, c = torch.randn(3, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    left = torch.stack([torch.stack([v, w]) for v, w in ((a, a), (3 * b, b), (3 * c, b / 2))])
    shares, errors = ridges.shares_of(left[None])
    expected = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    torch.testing.assert_close(shares[0], left.new_tensor(expected), atol=1e-9, rtol=0)
    torch.testing.assert_close(errors[0], left.square().mean(2))
    shares, _ = ridges.shares_of(torch.stack([a, 9 * c, b]).view(1, 3, 1, n))
    assert shares.flatten().tolist() == pytest.approx([0.5, 0.0, 0.5])
    shares, _ = ridges.shares_of(torch.stack([a, 9 * c]).view(1, 2, 1, n))
    assert shares.flatten().tolist() == pytest.approx([1.0, 0.0])
