"""PyTorch: autograd and torch.func, on any device that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np

from xgrad.frameworks.base import Children, Framework, Transforms, leaves
from xgrad.frameworks.inside import transformed
from xgrad.frameworks.namespace import Namespace
from xgrad.numbers import python_scan

CONSTANTS = 64  # that are kept on a device at once


def _remembered(asarray: Callable[..., Any]) -> Callable[..., Any]:
    """`asarray` that converts a read-only NumPy array once: it is a constant, such as a table."""
    import torch

    known: dict[tuple[int, Any], tuple[np.ndarray, Any]] = {}

    def convert(value: Any, dtype: Any = None, **keywords: Any) -> Any:
        if (
            torch.compiler.is_compiling()  # it cannot see the flags, and keeps constants anyway
            or not isinstance(value, np.ndarray)
            or value.flags.writeable
        ):
            return asarray(value, dtype, **keywords)
        key = id(value), dtype
        if key not in known:
            if len(known) == CONSTANTS:
                known.clear()
            known[key] = value, asarray(value, dtype, **keywords)  # the array keeps its identity
        return known[key][1]

    return convert


def _extras() -> dict[str, Callable[..., Any]]:
    import torch

    def axes(x: Any, axis: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def matmul(a: Any, b: Any) -> Any:
        if a.dtype == b.dtype:
            return torch.matmul(a, b)
        from array_api_compat import torch as compat

        return compat.matmul(a, b)

    def segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Any:
        return data.new_zeros((num_segments, *data.shape[1:])).index_add(0, segment_ids, data)

    return {
        "angle": torch.angle,
        "complex": lambda re, im: torch.complex(*torch.broadcast_tensors(re, im)),
        "logsumexp": lambda x, axis=None, keepdims=False: torch.logsumexp(
            x, dim=axes(x, axis), keepdim=keepdims
        ),
        "log_softmax": lambda x, axis=-1: torch.log_softmax(x, dim=axis),
        "softmax": lambda x, axis=-1: torch.softmax(x, dim=axis),
        "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
        "expit": torch.sigmoid,
        "erf": torch.erf,
        "erfc": torch.erfc,
        "lgamma": torch.lgamma,
        "digamma": torch.digamma,
        "polygamma": torch.special.polygamma,
        "expm": torch.linalg.matrix_exp,
        "segment_sum": segment_sum,
        "sign": lambda x: torch.where(torch.isnan(x), x, torch.sign(x)),  # under vmap as well
        "matmul": matmul,  # the same, without a search for a common dtype
        "einsum": torch.einsum,
        "scan": python_scan(torch.stack, torch.unbind),
    }


def _is_tf32(library: Any) -> bool:
    """Whether a library multiplies in TF32; read where it is set, for torch refuses to mix."""
    precision = getattr(getattr(library, "conv", library), "fp32_precision", None)
    return bool(library.allow_tf32 if precision is None else precision == "tf32")


class Torch(Framework):
    """PyTorch through array-api-compat."""

    name = "torch"
    package = "torch"
    dtypes = ("float64", "float32", "bfloat16", "float16")
    reverse = ("", "func")
    forward = ("",)
    compiled = True
    ready = True
    convention = "of w torch's own vjp is ∂/∂re + i ∂/∂im of Re Σ w̅ y"
    no_rule = (
        "must override the setup_context staticmethod",
        "data pointer of Tensor that doesn't have storage",
        "is not implemented",  # the derivative of an operation
        "does not support automatic differentiation",
        "Unsupported dtype",
        "Low precision dtypes not supported",
        "Cannot access storage of SparseTensorImpl",
        "Sparse CSR tensors do not have strides",
        "Sparse CSC tensors do not have strides",
    )
    _moved = False  # whether the caller has new tensors made elsewhere than on the CPU

    def devices(self) -> tuple[str, ...]:
        """`cpu`, and what `torch.accelerator` and `torch.cuda` see."""
        import torch

        found = ["cpu"]
        if torch.cuda.is_available():
            count = torch.cuda.device_count()
            found += ["cuda", *(f"cuda:{i}" for i in range(count))]
        if torch.backends.mps.is_available():
            found.append("mps")
        if hasattr(torch, "xpu") and torch.xpu.is_available():
            found.append("xpu")
        return tuple(found)

    def flags(self) -> dict[str, str]:
        """Threads, TF32 and determinism, inside `scope`."""
        import torch

        with self.scope():
            return {
                "threads": str(torch.get_num_threads()),
                "tf32 in products": str(_is_tf32(torch.backends.cuda.matmul)),
                "tf32 in convolutions": str(_is_tf32(torch.backends.cudnn)),
                "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
            }

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """torch, its special functions, constants on the device."""
        import array_api_compat.torch as compat
        import torch

        def convert(data: np.ndarray, kind: Any = None) -> Any:
            return torch.as_tensor(data, dtype=kind, device=device)

        new, kind = {"device": device}, getattr(torch, dtype)
        xp = Namespace(compat, kind, _extras(), new=new, convert=convert)
        vars(xp).update(transformed(xp, torch.func), asarray=_remembered(xp.asarray))
        return xp

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> Any:
        """A fresh tensor."""
        import torch

        kind = getattr(torch, dtype) if array.dtype.kind == "f" else None
        return torch.tensor(np.asarray(array, order="C"), dtype=kind, device=device)

    def get(self, array: Any) -> np.ndarray:
        """Detached, on the host; float64 holds every other float exactly."""
        import torch

        host = array.detach().cpu().resolve_conj().resolve_neg()
        wide = host.to(torch.float64) if host.is_floating_point() else host
        return wide.numpy(force=True)  # also of zeros that forward mode only stands for

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """`cuda` names the current CUDA device, as torch does."""
        return tuple(array.shape), str(array.dtype).removeprefix("torch."), array.device.type

    def is_array(self, value: Any) -> bool:
        """A tensor."""
        import torch

        return isinstance(value, torch.Tensor)

    def connected(self, f: Callable[..., list[Any]], xs: tuple[Any, ...]) -> list[bool]:
        """Those that require a gradient where the inputs do."""
        import torch

        with torch.enable_grad():
            return [bool(y.requires_grad) for y in f(*(x.detach().requires_grad_() for x in xs))]

    def taped(self, named: Mapping[str, Any], error: Exception) -> Mapping[str, Any] | None:
        """Leaves that require a gradient, of tensors that no transform holds."""
        from xgrad.frameworks.torch_tape import taped

        return taped(named, error)

    def is_sparse(self, value: Any) -> bool:
        """Of any layout but strided."""
        import torch

        return isinstance(value, torch.Tensor) and value.layout is not torch.strided

    def children(self, value: Any) -> Children | None:
        """The stored values of a sparse tensor: what is not stored is no input of a function."""
        if not self.is_sparse(value):
            return None
        from xgrad.frameworks.torch_sparse import stored_values

        return stored_values(value)

    def dense(self, value: Any) -> Any:
        """`to_dense` of a sparse tensor, duplicates added."""
        from xgrad.frameworks.torch_tape import whole

        return whole(value) if self.is_array(value) else value

    def pulled(self, y: Any, xs: Any, w: Any, *, again: bool = False, keep: bool = False) -> Any:
        """The cotangents of xs by the tape of y, which may be kept, or recorded in turn."""
        from xgrad.frameworks.torch_tape import pulled

        return pulled(y, xs, w, again=again, keep=keep or again)

    def seed(self, seed: int) -> None:
        """`torch.manual_seed`, which seeds every device."""
        import torch

        torch.manual_seed(seed)

    def random_state(self) -> bytes:
        """That of the CPU, and of the CUDA devices where CUDA is in use."""
        import torch

        in_use = torch.cuda.is_available() and torch.cuda.is_initialized()
        states = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if in_use else ())]
        return b"".join(state.numpy().tobytes() for state in states)

    def wait(self, result: Any) -> Any:
        """Synchronise the devices of the result."""
        import torch

        for device in {a.device for a in leaves(result) if isinstance(a, torch.Tensor)}:
            if device.type not in ("cpu", "meta"):
                torch.accelerator.synchronize(device)
        return result

    def device_peak(
        self, run: Callable[..., Any], arguments: tuple[Any, ...], device: str
    ) -> float | None:
        """By the allocator's own count, which can be reset."""
        import torch

        memory = torch.xpu if device.startswith("xpu") else torch.cuda
        if not device.startswith(("cuda", "xpu")):
            return None
        memory.synchronize(device)
        before = memory.memory_allocated(device)
        memory.reset_peak_memory_stats(device)
        run(*arguments)
        memory.synchronize(device)
        return float(memory.max_memory_allocated(device) - before)

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """Products in full float32, and convolutions; a tape whatever the caller switched off."""
        import torch

        from xgrad.frameworks.torch_state import full_precision

        with self.dispatch_kept(), full_precision(), torch.enable_grad():
            if not self._moved:
                yield
                return
            with torch.device(device):
                yield

    def dispatch_kept(self) -> AbstractContextManager[None]:
        """Which kernels torch calls stays as it was: an error inside of some leaves no tape."""
        from xgrad.frameworks.torch_state import dispatch_kept

        return dispatch_kept()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """No modes around, full tapes; new tensors on the device that is judged."""
        from xgrad.frameworks import torch_state

        before = self._moved
        self._moved = before or torch_state.is_default_moved()
        try:
            with torch_state.undisturbed():
                yield
        finally:
            self._moved = before

    @contextmanager
    def as_installed(self) -> Iterator[None]:
        """New tensors, and quotients of integers, in float32."""
        import torch

        from xgrad.frameworks.torch_state import default_dtype

        with default_dtype(torch.float32):
            yield

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """Autograd's tape for plain reverse mode, else `torch.func`."""
        from xgrad.frameworks.torch_tape import Autograd, Func

        return Func() if mode == "forward" or variant == "func" else Autograd()

    def compile(self, f: Callable[..., Any], variant: str = "") -> Callable[..., Any]:
        """`torch.compile` with the whole function in one graph, only when asked for."""
        import torch

        if variant != "compiled":
            return f
        torch.compiler.reset()
        return torch.compile(f, fullgraph=True)

    def traces(self, variant: str) -> bool:
        """Compiled variants do."""
        return variant == "compiled"

    def batch(self, f: Callable[[Any, Any, Any], Any], xp: Any) -> Callable[[Any, Any], Any]:
        """`torch.func.vmap`; where an operation has no batching rule, a loop."""
        import torch

        many = torch.func.vmap(partial(f, xp), in_dims=(0, None))

        def mapped(rows: Any, rest: Any) -> Any:
            with torch.no_grad():
                try:
                    return many(rows, rest)
                except RuntimeError:
                    return torch.stack([f(xp, row, rest) for row in rows])

        return mapped


FRAMEWORK = Torch()
