"""A second device without one: tensors that say they are elsewhere, and keep to the rules of that.

They are CPU tensors underneath, so results equal those on the CPU. What fails on a real accelerator
fails here too: operations that mix devices, NumPy arrays of device tensors, generators of the wrong
device, and float64 where the device has none. Inside of PyTorch the tensors count as CPU tensors,
so that neither autograd nor dispatch look for a driver; everybody else sees ``tensor.device``.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

aten = torch.ops.aten
COPIES = {aten.copy_.default}
INDEXED = {
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
COMPOSED = {
    torch.nn.functional.one_hot
}  # they make tensors of their own, where PyTorch sees inputs

TRANSFERS = COMPOSED | {getattr(torch.Tensor, k) for k in "cpu cuda to tolist new_tensor".split()}


class DeviceTensor(torch.Tensor):
    """A tensor on the emulated device, with its values in ``held``, a CPU tensor."""

    NAME = "cuda"
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor):
        """Wrap a CPU tensor."""
        return torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device="cpu", requires_grad=False,
        )  # fmt: skip

    def __init__(self, held: torch.Tensor):
        self.held = held

    @property
    def device(self) -> torch.device:
        """The emulated device."""
        return torch.device(self.NAME)

    is_cpu = property(lambda self: False)
    is_cuda = property(lambda self: self.NAME == "cuda")

    def __repr__(self, *, tensor_contents=None) -> str:
        return f"DeviceTensor({self.held!r})"

    def __reduce_ex__(self, protocol):
        """Pickle the values; :func:`emulated` moves what is loaded."""
        return self.held.__reduce_ex__(protocol)

    def numpy(self, *args, **kwargs):
        """Refuse, as NumPy reads the memory of the host only."""
        raise TypeError(f"can't convert {self.NAME} device type tensor to numpy.")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Run an operation on the CPU, if it could run on the device."""
        kwargs = kwargs or {}
        leaves, structure = tree_flatten((args, kwargs))
        _refuse_mixed(func, args, leaves)
        inputs = [t for t in leaves if isinstance(t, DeviceTensor)]
        owner = {id(t.held): t for t in inputs}  # what is changed in place stays one tensor
        leaves = [t.held if isinstance(t, DeviceTensor) else t for t in leaves]
        args, kwargs = tree_unflatten(leaves, structure)
        out = func(*args, **kwargs)
        if func in COPIES and id(out) not in owner:
            return out  # into a tensor of the host
        if any(t.shape != t.held.shape for t in inputs):
            raise NotImplementedError(f"{func} changes the shape of a tensor in place.")
        wrap = lambda t: owner[id(t)] if id(t) in owner else DeviceTensor(t)  # noqa: E731
        # a view of a tensor made outside of inference mode counts as made outside, too
        plain = not all(t.is_inference() for t in inputs)
        with torch.inference_mode(torch.is_inference_mode_enabled() and not plain):
            return tree_map_only(torch.Tensor, wrap, out)


def _refuse_mixed(func, args, leaves) -> None:
    """Raise RuntimeError where a device tensor meets one of the host that it must not meet."""
    if func in COPIES:
        return
    if func in INDEXED:  # indices may come from the host
        leaves = tree_leaves((args[0], *args[2:]))
        if not isinstance(args[0], DeviceTensor):
            raise RuntimeError("indices should be either on cpu or on the same device")
    scalars = torch.Tag.pointwise in func.tags or func in INDEXED
    for t in leaves:
        if isinstance(t, torch.Tensor) and not isinstance(t, DeviceTensor):
            written = func._schema.is_mutable and t is args[0]
            if t.ndim or not scalars or written:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found at least two "
                    f"devices, {DeviceTensor.NAME} and cpu! ({func}, shape {tuple(t.shape)})"
                )


class Moves(TorchFunctionMode):
    """What names a device: transfers and factories, here in Python before PyTorch sees them."""

    def __init__(self, float64: bool):
        super().__init__()
        self.float64 = float64

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Send values to where they are wanted."""
        kwargs = dict(kwargs or {})
        if func not in TRANSFERS and kwargs.keys().isdisjoint({"device", "generator"}):
            return func(*args, **kwargs)
        ours = any(isinstance(t, DeviceTensor) for t in tree_leaves((args, kwargs)))
        if func is torch.Tensor.cpu:
            return self.put(args[0], "cpu")
        if func is torch.Tensor.cuda:
            return self.put(args[0], "cuda")
        if func is torch.Tensor.tolist and ours:
            return args[0].held.tolist()
        if func is torch.Tensor.to:
            return self._to(*args, **kwargs)
        if func in COMPOSED and isinstance(args[0], DeviceTensor):
            return DeviceTensor(func(args[0].held, *args[1:], **kwargs))
        if func is torch.Tensor.new_tensor and ours:
            kwargs = {"dtype": args[0].dtype, "device": DeviceTensor.NAME} | kwargs
            func, args = torch.tensor, args[1:]
        device = kwargs.pop("device", None)
        target = device if device is not None else (DeviceTensor.NAME if ours else "cpu")
        generator = kwargs.get("generator")
        if generator is not None and generator.device.type != torch.device(target).type:
            raise RuntimeError(f"Expected a '{target}' generator, found '{generator.device}'")
        if device is None:
            return func(*args, **kwargs)
        if torch.device(device).type != DeviceTensor.NAME and not ours:
            return func(*args, device=device, **kwargs)
        out = func(*args, **kwargs)
        return tree_map_only(torch.Tensor, lambda t: self.put(t, device), out)

    def _to(self, tensor, *args, **kwargs):
        """Stand in for ``tensor.to``."""
        other = kwargs.pop("other", args[0] if args else None)
        if isinstance(other, torch.Tensor):
            device, dtype = other.device, other.dtype
        else:
            device, dtype, _, _ = torch._C._nn._parse_to(*args, **kwargs)
        moved = tensor if device is None else self.put(tensor, device)
        return moved if dtype is None else moved.to(dtype)

    def put(self, tensor, device):
        """Return a tensor with the same values on a device."""
        here = isinstance(tensor, DeviceTensor)
        if here == (torch.device(device).type == DeviceTensor.NAME):
            return tensor
        if tensor.requires_grad and torch.is_grad_enabled():
            raise NotImplementedError("Transfers have no gradient here.")
        if here:
            return tensor.held.clone()
        if tensor.dtype == torch.float64 and not self.float64:
            raise TypeError(f"Cannot convert a {DeviceTensor.NAME} Tensor to float64 dtype")
        return DeviceTensor(tensor.detach().clone())


class DeviceGenerator(torch.Generator):
    """Generators of both devices; the same seed gives the same numbers."""

    def __new__(cls, device="cpu"):
        """Make a generator on the host that remembers its device."""
        own = super().__new__(cls, "cpu")
        own.place = torch.device(device)
        return own

    @property
    def device(self) -> torch.device:
        """Where its numbers are for."""
        return self.place


@contextmanager
def emulated(name: str = "cuda", float64: bool = True):
    """Give PyTorch a device of this type for a while, in threads started meanwhile too.

    Parameters
    ----------
    name : str
        Type of the device.
    float64 : bool
        Whether the device has numbers of double precision.
    """
    load, run = torch.load, threading.Thread.run
    overwrite = "get_overwrite_module_params_on_conversion"  # wrappers cannot be swapped in place

    def load_there(*args, map_location="cpu", **kwargs):
        out = load(*args, map_location="cpu", **kwargs)
        move = Moves(float64).put
        return tree_map_only(torch.Tensor, lambda t: move(t, map_location), out)

    def run_there(thread):
        with Moves(float64):
            run(thread)

    with (
        mock.patch.object(DeviceTensor, "NAME", name),
        mock.patch.object(torch, "Generator", DeviceGenerator),
        mock.patch.object(torch, "load", load_there),
        mock.patch.object(threading.Thread, "run", run_there),
        mock.patch.object(torch.__future__, overwrite, lambda: True),
        Moves(float64),
    ):
        yield
