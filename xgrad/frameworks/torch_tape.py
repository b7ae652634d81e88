"""PyTorch's two ways to differentiate: the tape, and the transforms of torch.func."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.autograd.forward_ad as dual
from torch._C._functorch import is_functorch_wrapped_tensor

from xgrad.frameworks.base import Transforms, leaves, stacked

# What `torch.autograd.grad` calls once it has compared shapes: for that it imports sympy.
_backward = torch.autograd.graph._engine_run_backward
_WANTS_TAPE = re.compile(r"requires?[_ ]grad")  # "does not require grad", "requires_grad=False"


def _tracked(xs: tuple[Any, ...]) -> list[Any]:
    return [x if x.requires_grad else x.detach().requires_grad_() for x in xs]


def taped(named: Mapping[str, Any], error: Exception) -> Mapping[str, Any] | None:
    """Arguments that require a gradient, where `error` says that a function asks for that.

    None of those that do, or that torch.func holds, whose derivative a new leaf would cut off.
    """
    numbers = {k: v for k, v in named.items() if isinstance(v, torch.Tensor)
               and (v.is_floating_point() or v.is_complex())}  # fmt: skip
    held = any(v.requires_grad or is_functorch_wrapped_tensor(v) for v in numbers.values())
    if held or not numbers or not _WANTS_TAPE.search(str(error)):
        return None
    return {**named, **{k: v.detach().requires_grad_() for k, v in numbers.items()}}


def pulled(y: Any, xs: Sequence[Any], w: Any, *, again: bool, keep: bool) -> tuple[Any, ...]:
    """The cotangents of xs by the tape of y, zeros where it does not lead; it may be kept."""
    ys, ws = _recorded(y, torch.ones_like(y) if w is None else w)
    if not ys:
        return tuple(torch.zeros_like(x) for x in xs)
    found = _backward(ys, ws, keep, again, tuple(xs), True, accumulate_grad=False)
    return tuple([torch.zeros_like(x) if g is None else whole(g)
                  for x, g in zip(xs, found, strict=True)])  # fmt: skip


def whole(g: Any) -> Any:
    """A gradient with all its elements, those that a sparse one has more than once added."""
    return g if g.layout is torch.strided else g.to_dense()


def _recorded(y: Any, w: Any) -> tuple[Any, Any]:
    """The leaves of a value that the tape has seen, and their cotangents."""
    if not isinstance(y, tuple):
        return ((y,), (w,)) if y.requires_grad else ((), ())
    pairs = [(a, b) for a, b in zip(leaves(y), leaves(w), strict=True) if a.requires_grad]
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def _like(y: Any, tangent: Any) -> Any:
    """The tangent in the dtype of y, leaf by leaf."""
    if isinstance(y, tuple):
        return tuple(_like(a, b) for a, b in zip(y, tangent, strict=True))
    return tangent.to(y.dtype)


def _dual(f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
    """The value and its tangent by dual numbers, as `gradcheck` takes them: no transform."""
    with dual.dual_level():
        y = f(*(dual.make_dual(x, v) for x, v in zip(_tracked(xs), vs, strict=True)))
        return y, _tangents(y)


def _jvp(f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
    try:
        return torch.func.jvp(f, xs, vs)
    except RuntimeError as error:  # of a Function without setup_context, among others
        try:
            return _dual(f, xs, vs)
        except Exception:
            raise error from None


_SCRIPTED = "torch._decomp.decompositions_for_jvp"
_RULES_MISSING = "because it has not been implemented yet"


def at_need(differentiate: Callable[..., Any]) -> Callable[..., Any]:
    """The same in forward mode, for which torch scripts eleven operations before the first dual.

    They have no rule of their own, and take longer to script than a small check takes: here they
    wait until one of them is met.
    """

    def called(*args: Any) -> Any:
        load = getattr(dual, "_maybe_load_decompositions", None)
        if load is None or _SCRIPTED in sys.modules:
            return differentiate(*args)
        here = threading.get_ident()
        try:
            dual._maybe_load_decompositions = lambda: here == threading.get_ident() or load()
            try:
                return differentiate(*args)
            finally:
                dual._maybe_load_decompositions = load
        except RuntimeError as error:
            if _RULES_MISSING not in str(error):
                raise
        load()
        return differentiate(*args)

    return called


def _tangents(y: Any) -> Any:
    if isinstance(y, tuple):
        return tuple(_tangents(part) for part in y)
    tangent = dual.unpack_dual(y).tangent
    return torch.zeros_like(y) if tangent is None else tangent


class _Torch(Transforms):
    def stack(self, arrays: list[Any]) -> Any:
        """`torch.stack`."""
        return torch.stack(arrays)


class Autograd(_Torch):
    """`torch.autograd.grad` on the recorded graph."""

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """One recorded evaluation; the map back may be called many times."""
        inputs = _tracked(xs)
        y = f(*inputs)
        return y, lambda w: pulled(y, inputs, w, again=again, keep=True)

    def pull(self, f: Any, xs: tuple[Any, ...], w: Any = None, *, again: bool) -> Any:
        """`torch.autograd.grad`, which frees what was recorded unless it is needed again."""
        inputs = _tracked(xs)
        return pulled(f(*inputs), inputs, w, again=again, keep=again)


class Func(_Torch):
    """`torch.func`: composable transforms."""

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """`torch.func.jvp`, the tangent in the dtype of the value.

        Of a 0-d float32 value times a Python number it returns a float64 tangent (torch 2.13).
        """
        y, tangent = at_need(_jvp)(f, xs, vs)
        return _like(y, tangent)

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """`torch.func.vjp`."""
        y, back = torch.func.vjp(f, *xs)
        return y, lambda w: tuple(map(whole, back(w)))

    def pull(self, f: Any, xs: tuple[Any, ...], w: Any = None, *, again: bool) -> Any:
        """`torch.func.vjp`, called."""
        y, back = torch.func.vjp(f, *xs)
        return tuple(map(whole, back(torch.ones_like(y) if w is None else w)))

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """`torch.func.vmap`; a loop where an operation has no batching rule, or is random."""
        many = torch.func.vmap(f)

        def mapped(rows: Any) -> Any:
            if torch.compiler.is_compiling():
                return many(rows)
            try:
                return many(rows)
            except RuntimeError:
                return stacked([f(row) for row in rows], torch.stack)

        return mapped
