"""Everything that takes a device, on a GPU or an emulated one: the same results as on the CPU."""

import warnings
from contextlib import nullcontext
from itertools import count

import numpy as np
import pytest
import torch
from emulated_device import emulated
from numpy.lib.recfunctions import structured_to_unstructured
from sklearn.base import clone

from skmist import (
    MISTEstimator,
    MISTFeatureSelector,
    MISTScore,
    _checkpoint,
    _inference,
    mutual_info,
    mutual_info_matrix,
)
from skmist._checkpoint import load_network, save_checkpoint
from skmist._training import families
from skmist._training.presets import PRESETS
from skmist._training.stream import make_batch
from skmist._training.trainer import Trainer, TrainOptions, own_device
from skmist._training.validate import validate
from skmist.core import CoreConfig, grids

SMALL = CoreConfig(
    width=16, pair_width=8, n_layers=1, n_heads=2, row_width=8, head_width=32, bivariate_width=32
)


def _works() -> bool:
    """Tell whether this release of torch takes the emulation, by operations of torch alone."""
    try:
        with emulated():
            layer = torch.nn.Linear(2, 1).to("cuda")
            layer(torch.ones(3, 2, device="cuda")).sum().backward()
            with torch.inference_mode():
                return layer.weight.grad.diagonal().device.type == "cuda"
    except (RuntimeError, TypeError, AttributeError, NotImplementedError):
        return False


GPU = torch.cuda.is_available()
pytestmark = pytest.mark.skipif(not (GPU or _works()), reason="torch does not take the emulation")
TOLERANCE = {"rtol": 1e-2, "atol": 1e-4} if GPU else {"rtol": 1e-4, "atol": 1e-6}  # of rounding
other_numbers = pytest.mark.skipif(GPU, reason="a GPU draws other random numbers")


@pytest.fixture
def cuda(monkeypatch):
    """Use the GPU, or emulate one where there is none, with caches of its own."""
    monkeypatch.setattr(_checkpoint, "_cache", {})
    caches = grids._smoother, families.interactions.reference
    with nullcontext() if GPU else emulated("cuda"):
        yield "cuda"
    for cache in caches:
        cache.cache_clear()


def attributes(estimator):
    return {k: v for k, v in vars(estimator).items() if k.endswith("_")}


def same(ask):
    """Compare what is asked of the CPU and of the device."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = ask("cuda"), ask(None)
    if hasattr(ours, "get_params"):
        ours, theirs = attributes(ours), attributes(theirs)
        assert ours.keys() == theirs.keys()
    else:
        ours, theirs = {"value": ours}, {"value": theirs}
    for name, value in theirs.items():
        if getattr(value, "dtype", None) is not None and value.dtype.names:
            value, ours[name] = (structured_to_unstructured(v) for v in (value, ours[name]))
        if np.asarray(value).dtype.kind == "f":
            np.testing.assert_allclose(ours[name], value, **TOLERANCE, err_msg=name)
        else:
            np.testing.assert_array_equal(ours[name], value, err_msg=name)


@pytest.mark.skipif(GPU, reason="nothing is emulated")
def test_the_emulation_is_strict(cuda):
    there, here = torch.arange(6.0, device=cuda).view(2, 3), torch.ones(3)
    assert there.device.type == cuda
    assert (there @ there.T)[0].cpu().tolist() == [5.0, 14.0]
    assert torch.equal((there + torch.tensor(1.0)).cpu(), there.cpu() + 1)
    assert torch.equal(there[:, torch.tensor([2])].cpu(), there.cpu()[:, 2:])
    for mixed in (
        lambda: there + here,
        lambda: torch.cat([there[0], here]),
        lambda: torch.where(there > 2, there, here),
        lambda: torch.stack([there[0, 0], torch.tensor(1.0)]),
        lambda: here[there[0].long()],
        lambda: here.add_(there[0, 0]) + here.add_(there[0]),
        lambda: there @ here,
        lambda: torch.randn(3, device=cuda, generator=torch.Generator()),
        lambda: torch.randn(3, generator=torch.Generator(cuda)),
    ):
        with pytest.raises(RuntimeError):
            mixed()
    for array in (there.numpy, lambda: np.asarray(there)):
        with pytest.raises(TypeError, match="numpy"):
            array()


def columns(rng, n=200):
    x = rng.normal(size=(n, 3))
    y = x[:, 0] - x[:, 1] + rng.normal(size=n)
    return {
        "numbers": (x[:, :1], y),
        "ties": (np.round(2 * x[:, :1]), y),
        "labels": (np.where(x[:, :1] > 0, "a", "b"), y),
        "labels on both sides": (np.where(x[:, :1] > 0, "a", "b"), np.where(y > 0, "a", "b")),
        "vectors": (x, np.column_stack([y, x[:, 2] + rng.normal(size=n)])),
        "vectors with ties": (np.round(x), y),
        "mixed": (np.column_stack([x[:, :2].astype(object), np.where(x[:, 2] > 0, "a", "b")]), y),
    }  # fmt: skip


@pytest.mark.parametrize("kind", columns(np.random.default_rng(0)))
def test_estimator(cuda, checkpoint, rng, kind):
    x, y = columns(rng)[kind]
    same(lambda device: MISTEstimator(
        pvalue=True, n_permutations=9, checkpoint=checkpoint, device=device
    ).fit(x, y))  # fmt: skip
    assert next(load_network(checkpoint, cuda).parameters()).device.type == cuda


def test_released_weights_with_their_calibration(cuda, rng):
    x = rng.normal(size=(100, 2))
    same(lambda device: MISTEstimator(device=device).fit(x, x[:, 0] + rng.normal(size=100) * 0))
    same(lambda device: MISTEstimator(device=device, pvalue=True).fit(x[:, :1], x[:, 1]))


def test_many_rows(cuda, checkpoint, rng):
    x = rng.normal(size=(3000, 2))
    same(lambda device: mutual_info(x, x[:, 0], checkpoint=checkpoint, device=device).value)
    same(lambda device: mutual_info(x[:, 0], x[:, 1], checkpoint=checkpoint, device=device).value)


def test_batches_in_threads(cuda, checkpoint, data, monkeypatch):
    monkeypatch.setattr(_inference, "BATCH_BYTES", 2**20)
    same(lambda device: MISTScore(n_jobs=2, checkpoint=checkpoint, device=device)(*data))


def test_functions(cuda, checkpoint, data):
    X, y = data
    table = np.column_stack([X, np.round(y)])
    same(lambda device: mutual_info_matrix(table, checkpoint=checkpoint, device=device))
    same(lambda device: mutual_info(
        X[:, 0], y, given=X[:, 1:], checkpoint=checkpoint, device=device
    ).interval)  # fmt: skip


@pytest.mark.parametrize("strategy", ["relevance", "jmi", "joint"])
def test_selector(cuda, checkpoint, data, strategy):
    same(lambda device: MISTFeatureSelector(
        n_features_to_select=2, strategy=strategy, checkpoint=checkpoint, device=device
    ).fit(*data))  # fmt: skip


@pytest.mark.parametrize("d", [1, 2])
def test_gradients(cuda, checkpoint, d):
    x, y = torch.randn(2, 2, 40, d, dtype=torch.float64, generator=torch.Generator())
    results = []
    for device in ("cpu", cuda):
        network = load_network(checkpoint, device)
        sides = [side.to(device).detach().clone().requires_grad_() for side in (x, y)]
        network(*sides, differentiable=True).mean().sum().backward()
        results.append([side.grad.cpu() for side in sides])
    torch.testing.assert_close(*results, **(TOLERANCE if GPU else {}))
    assert results[0][0].abs().sum() > 0


def test_devices_as_objects(cuda, checkpoint, data):
    estimator = MISTEstimator(checkpoint=checkpoint, device=torch.device(cuda))
    assert clone(estimator).score(*data) == estimator.set_params(device=cuda).score(*data)


def test_devices_without_float64(checkpoint, data):
    with emulated("mps", float64=False), pytest.raises(ValueError, match=r"'mps' cannot.*float64"):
        MISTEstimator(checkpoint=checkpoint, device="mps").score(*data)


def test_devices_that_hold_nothing(checkpoint, data):
    with pytest.raises(ValueError, match="device='meta' cannot be used here"):
        MISTEstimator(checkpoint=checkpoint, device="meta").score(*data)


def test_saved_networks_are_of_no_device(cuda, checkpoint, tmp_path):
    path = save_checkpoint(tmp_path / "again.safetensors", load_network(checkpoint, cuda))
    assert path.read_bytes() == checkpoint.read_bytes()


@other_numbers
def test_training_and_validation(cuda, tmp_path):
    """Two runs: a step, and from the saved state another one and a validation."""
    options = TrainOptions(accumulate=2)
    results = []
    for device in ("cpu", cuda):
        measured = []
        for _ in range(2):
            trainer = Trainer(tmp_path / device, options, SMALL, device=device)
            batches = (
                make_batch(trainer.network, trainer.preset, "train", 0, i, trainer.device, 1.0)
                for i in count(trainer.position)
            )
            measured += trainer._one_step(batches, 1e-3)
            trainer.save()
        measured += validate(
            trainer.average, trainer.preset, 1, trainer.device, budget=1.0
        ).values()  # its batches come from threads
        muon, adamw = (trainer.optimiser.parts[k].state.values() for k in ("muon", "adamw"))
        assert {v["momentum_buffer"].device.type for v in muon} == {device}
        assert {v["exp_avg"].device.type for v in adamw} == {device}
        assert {v["step"].device.type for v in adamw} == {"cpu"}  # no wait for the GPU each step
        results.append(measured)
    np.testing.assert_allclose(*results, rtol=1e-3)


@other_numbers
def test_streams(cuda, small_network):
    for preset in PRESETS.values():
        for index in range(3):
            here, there = (
                make_batch(small_network, preset, "test", 0, index, torch.device(device), 1.0)
                for device in ("cpu", cuda)
            )
            assert here.shape == there.shape
            torch.testing.assert_close(there.mi.cpu(), here.mi, rtol=1e-3, atol=1e-5)


def test_each_process_trains_on_its_own_gpu(monkeypatch):
    assert own_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device("cuda") == torch.device("cuda:3")
    assert own_device("cuda:1") == torch.device("cuda:1")
    assert own_device("cpu") == torch.device("cpu")
