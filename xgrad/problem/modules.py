"""Modules of torch: their parameters, and the buffers that a call in training mode changes."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any


def parameters_of(function: Any) -> dict[str, Any]:
    """The parameters of a module by their dotted names; of anything else none."""
    return dict(function.named_parameters()) if is_module(function) else {}


def buffers_of(function: Any) -> dict[str, Any]:
    """The buffers of a module by their dotted names; of anything else none."""
    return dict(function.named_buffers()) if is_module(function) else {}


def is_module(value: Any) -> bool:
    """Whether a value is a module of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def called_with(
    module: Any, state: dict[str, Any], args: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The module with other parameters and buffers, its own left as they are."""
    import torch

    buffers = buffers_of(module)
    held = {k: v.clone() if k in buffers else v for k, v in state.items()}  # restored at each call
    return torch.func.functional_call(module, held, args, keywords)


def modules_in(function: Any, values: Iterable[Any] = ()) -> list[Any]:
    """The modules that a function closes over, or finds in its globals or among `values`."""
    found = {id(v): v for each in (*_reached(function), *values) for v in _with_attributes(each)}
    return [v for v in found.values() if is_module(v)]


def _with_attributes(value: Any) -> list[Any]:
    if isinstance(value, (type, FunctionType, ModuleType)) or is_module(value):
        return [value]
    held = getattr(value, "__dict__", None)
    return [value, *(held.values() if isinstance(held, dict) else ())]


def _reached(function: Any, depth: int = 3) -> list[Any]:
    """What a call can reach by its own names: cells, defaults, globals, a partial's arguments."""
    if depth == 0:
        return []
    if isinstance(function, functools.partial):
        return [*_reached(function.func, depth), *function.args, *function.keywords.values()]
    inner = getattr(function, "__func__", function)
    own = [function.__self__] if inspect.ismethod(function) else []
    if not isinstance(inner, FunctionType):
        return [function]
    found = [*own, *_cells(inner), *(inner.__defaults__ or ()), *_globals(inner)]
    deeper = [v for f in found if isinstance(f, FunctionType) for v in _reached(f, depth - 1)]
    return found + deeper


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue


def _globals(function: FunctionType) -> list[Any]:
    names = [n for n in names_in(function.__code__) if n in function.__globals__]
    return [function.__globals__[n] for n in names]


def names_in(code: CodeType) -> set[str]:
    """The names that a function's code reads, those of the functions inside it among them."""
    inner = (c for c in code.co_consts if isinstance(c, CodeType))
    return set(code.co_names).union(*map(names_in, inner))


def libraries_of(function: Any) -> set[str]:
    """The top-level packages whose modules or functions a function can reach."""
    return {_home(v) for v in (function, *_reached(function))}


def _home(value: Any) -> str:
    name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "") or ""
    return str(name).partition(".")[0]


def changed_by(modules: list[Any], call: Callable[[], Any]) -> list[Any]:
    """Those of the modules whose buffers a call changes; all are left as they were."""
    import torch

    before = [{k: b.clone() for k, b in buffers_of(m).items()} for m in modules]
    with buffers_kept(modules):
        call()
        after = [buffers_of(m) for m in modules]
        return [m for m, a, b in zip(modules, before, after, strict=True)
                if any(not torch.equal(a[k], b[k]) for k in a)]  # fmt: skip


@contextmanager
def buffers_kept(modules: list[Any]) -> Iterator[None]:
    """Each buffer is a copy inside, and the module's own one again afterwards."""
    held = [(part, dict(part._buffers)) for m in modules for part in m.modules()]
    try:
        for part, own in held:
            part._buffers.update({k: b.clone() for k, b in own.items() if b is not None})
        yield
    finally:
        for part, own in held:
            part._buffers.clear()
            part._buffers.update(own)
