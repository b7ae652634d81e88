"""Functions that exist in one framework only, as cases: torch functions, modules, JAX functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.frameworks import Framework, frameworks
from xgrad.problem import Case, make_foreign

NAMES = ("torch", "jax")  # frameworks whose own functions can be checked


@dataclass(frozen=True)
class Tree:
    """Nested arguments taken apart: arrays by name, and how to put them together again."""

    leaves: dict[str, Any]
    rebuild: Callable[[Mapping[str, Any]], Any]


def find_framework_of(function: Any, inputs: Any) -> Framework | None:
    """The framework whose arrays the inputs hold, or whose module the function is; or None."""
    module = type(function).__module__.partition(".")[0]
    leaves = take_apart(inputs, "x").leaves.values()
    for name in NAMES:
        framework = frameworks()[name]
        owns = any(
            type(leaf).__module__.partition(".")[0] in (name, f"{name}lib") for leaf in leaves
        )
        if owns or module == name:
            return framework
    return None


def take_apart(value: Any, name: str) -> Tree:
    """Lists, tuples and dictionaries in their leaves, named as they are indexed."""
    if isinstance(value, Mapping):
        parts = {k: take_apart(v, f"{name}.{k}") for k, v in value.items()}
        return _joined(parts, lambda given: dict(zip(parts, given, strict=True)))
    if isinstance(value, (list, tuple)):
        items = {i: take_apart(v, f"{name}[{i}]") for i, v in enumerate(value)}
        make = type(value)._make if hasattr(value, "_make") else type(value)
        return _joined(items, lambda given: make(given))
    return Tree({name: value}, lambda given: given[name])


def _joined(parts: Mapping[Any, Tree], make: Callable[[list[Any]], Any]) -> Tree:
    leaves = {k: v for part in parts.values() for k, v in part.leaves.items()}
    return Tree(leaves, lambda given: make([part.rebuild(given) for part in parts.values()]))


def make_foreign_case(
    function: Callable[..., Any], inputs: Any, framework: Framework, wrt: tuple[str, ...]
) -> Case:
    """A case of a framework's own function at given arguments: one, a tuple of them, or a dict.

    Differentiated are the float arrays, of torch those that require a gradient where some do, and
    a module's parameters; `wrt` names others. Raises `UsageError` where there is none.
    """
    arguments = _arguments(function, inputs)
    trees = {name: take_apart(value, name) for name, value in arguments.items()}
    state = _module_state(function)
    leaves = {k: v for tree in trees.values() for k, v in tree.leaves.items()} | state
    given = {k: _on_host(framework, v) for k, v in leaves.items()}
    chosen = wrt or _differentiated(leaves, given)
    if not chosen:
        raise UsageError(f"{_name(function)}: no input is an array of floats to differentiate")
    for name in chosen:
        if name not in given:
            raise UsageError(f"{_name(function)}: wrt {name!r} is no input: {', '.join(given)}")

    def call(xp: Any, **named: Any) -> Any:
        values = [tree.rebuild(named) for tree in trees.values()]
        if state:
            import torch

            held = {k: named[k] for k in state}
            return _one_value(torch.func.functional_call(function, held, tuple(values)), xp)
        return _one_value(function(*values), xp)

    return make_foreign(call, _name(function), chosen, given, framework.name)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _arguments(function: Any, inputs: Any) -> dict[str, Any]:
    """Arguments by the names of the function's parameters, where it has them."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    values = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    try:
        call = function.forward if hasattr(function, "forward") else function
        kinds = inspect.signature(call).parameters.values()
        names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    if len(names) < len(values) or len(set(names)) != len(names):
        names = [f"x{i}" for i in range(len(values))]
    return dict(zip(names, values, strict=False))


def _module_state(function: Any) -> dict[str, Any]:
    """Parameters and buffers of a torch module, by their dotted names."""
    if not hasattr(function, "named_parameters"):
        return {}
    return {**dict(function.named_parameters()), **dict(function.named_buffers())}


def _on_host(framework: Framework, value: Any) -> Any:
    if framework.is_array(value):
        return framework.get(value)
    return value


def _differentiated(leaves: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, ...]:
    floats = [k for k, v in given.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    asked = [k for k in floats if getattr(leaves[k], "requires_grad", False)]
    return tuple(asked or floats)


def _one_value(value: Any, xp: Any) -> Any:
    """One array: several values are joined in one vector, integers among them left out."""
    parts = list(take_apart(value, "y").leaves.values())
    if len(parts) == 1:
        return parts[0]
    floats = [p for p in parts if "float" in str(getattr(p, "dtype", ""))]
    return xp.concat([xp.reshape(p, (-1,)) for p in floats])
