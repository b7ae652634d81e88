"""What a caller may have switched on in torch: out of the way here, and as it was afterwards."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from traceback import clear_frames
from typing import Any

import torch
from torch.overrides import _len_torch_function_stack, _pop_mode_temporarily
from torch.utils._python_dispatch import _disable_current_modes

from xgrad.errors import UsageError

EXACT = ("none", "ieee")  # precisions in which a float32 product is one


# --- products in full float32 --------------------------------------------------------------------


@contextmanager
def full_precision() -> Iterator[None]:
    """Products and convolutions in full float32, by whichever interface the caller chose them.

    Flags are set in torch's own context managers: setting one bare is an error once torch's test
    tools were imported. Inside of itself it looks whether they still are.
    """
    if _FULL.get() and _is_still_full():
        yield
        return
    token = _FULL.set(True)
    with ExitStack() as stack:
        stack.callback(_FULL.reset, token)
        with _quiet():
            if _by_old_flags() and not _is_full():
                stack.enter_context(_old_flags())
            for holder in _holders():
                if holder.fp32_precision not in EXACT:
                    stack.enter_context(_in_ieee(holder))
        yield


_FULL: ContextVar[bool] = ContextVar("full", default=False)


def _is_still_full() -> bool:
    """Whether what holds a precision holds none that is shorter."""
    holders = _holders()
    return all(h.fp32_precision in EXACT for h in holders) if holders else _is_full()


@lru_cache(maxsize=1)
def _holders() -> list[Any]:
    """What has a precision of its own, of the libraries that multiply; none before torch 2.9."""
    cuda, cudnn, mkldnn = torch.backends.cuda, torch.backends.cudnn, torch.backends.mkldnn
    every = [cuda.matmul, *(getattr(b, n, None) for b in (cudnn, mkldnn)
                            for n in ("matmul", "conv", "rnn"))]  # fmt: skip
    return [h for h in every if getattr(h, "fp32_precision", None) is not None]


def _by_old_flags() -> bool:
    """Whether the older flags can be read and mean what they say: torch refuses to mix the two."""
    above = (torch.backends, torch.backends.cudnn, torch.backends.mkldnn)
    if any(getattr(a, "fp32_precision", "none") not in EXACT for a in above):
        return False
    try:
        return (torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()) is not None
    except RuntimeError:
        return False


def _is_full() -> bool:
    """Whether the older flags ask for nothing less; cuDNN's says nothing where there is none."""
    cudnn = torch.backends.cudnn
    exact = torch.get_float32_matmul_precision() == "highest"
    return exact and not (cudnn.is_available() and cudnn.allow_tf32)


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    """The flags of cuDNN that this version of torch has."""
    return tuple(inspect.signature(torch.backends.cudnn.flags).parameters)


@contextmanager
def _old_flags() -> Iterator[None]:
    cudnn, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    now = {name: getattr(cudnn, name) for name in _names() if hasattr(cudnn, name)}
    with cudnn.flags(**{**now, "allow_tf32": False}):
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            with _quiet():
                torch.set_float32_matmul_precision(before)


@contextmanager
def _in_ieee(holder: Any) -> Iterator[None]:
    before = holder.fp32_precision
    holder.fp32_precision = "ieee"
    try:
        yield
    finally:
        holder.fp32_precision = "none"
        if holder.fp32_precision != before:  # it was not inherited
            holder.fp32_precision = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's advice on which interface to use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# --- whatever stands around a call ---------------------------------------------------------------


@contextmanager
def dispatch_kept() -> Iterator[None]:
    """Which kernels torch calls stays as it was: an error inside of some leaves no tape.

    What the frames of an error hold is freed here: a guard of torch's that ended later would undo
    ours.
    """
    include, exclude = (
        torch._C._dispatch_tls_local_include_set(),
        torch._C._dispatch_tls_local_exclude_set(),
    )
    with torch._C._ForceDispatchKeyGuard(include, exclude):
        try:
            yield
        except Exception as raised:
            error: BaseException | None = raised
            while error is not None:
                clear_frames(error.__traceback__)
                error = error.__context__
            raise


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without modes, inference mode, autocast and anomaly detection; random numbers as found.

    Raises `UsageError` inside a transform of torch.func, which would go on in our own calls.
    """
    _require_no_transform()
    with ExitStack() as stack:
        for _ in range(_len_torch_function_stack()):
            stack.enter_context(_pop_mode_temporarily())
        stack.enter_context(_without_dispatch_modes())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autograd.set_detect_anomaly(False))
        for kind in {"cpu", *(["cuda"] if torch.cuda.is_available() else [])}:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        count = torch.cuda.device_count() if torch.cuda.is_initialized() else 0
        stack.enter_context(torch.random.fork_rng(range(count)))
        yield


def _require_no_transform() -> None:
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise UsageError(
            "called inside a transform of torch.func (grad, vmap, jvp, …), whose arrays have no "
            "numbers of their own: call it outside"
        )


def is_default_moved() -> bool:
    """Whether the caller has new tensors made elsewhere than on the CPU."""
    with _without_dispatch_modes():  # it makes a tensor
        return bool(torch.get_default_device().type != "cpu")


@contextmanager
def _without_dispatch_modes() -> Iterator[None]:
    """Modes that see operations are set aside, those that see functions stay."""
    with ExitStack() as stack:
        with torch._C._DisableTorchDispatch():  # what it imports at first use makes tensors
            stack.enter_context(_disable_current_modes())
        yield


@contextmanager
def default_dtype(dtype: Any) -> Iterator[None]:
    """New tensors in this dtype where none is named."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
