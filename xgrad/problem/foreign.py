"""Functions that exist in one framework only, as cases: torch functions, modules, JAX functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.frameworks import Framework, frameworks
from xgrad.problem.cases import Case, make_foreign

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
    function: Callable[..., Any],
    inputs: Any,
    framework: Framework,
    wrt: tuple[str, ...],
    like: Callable[..., Any] | None = None,
) -> Case:
    """A case of a framework's own function at given arguments: one, a tuple of them, or a dict.

    Differentiated are the float arrays, of torch those that require a gradient where some do, and
    a module's parameters; `wrt` names others. With `like`, a plain function of the same arguments
    is the case, and `function` its implementation. Raises `UsageError` where there is nothing to
    differentiate.
    """
    if like is not None:
        _require_no_state(function, like)
    arguments = _arguments(like or function, inputs)
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

    def caller(target: Callable[..., Any]) -> Callable[..., Any]:
        def call(xp: Any, **named: Any) -> Any:
            values = [tree.rebuild(named) for tree in trees.values()]
            if state:
                import torch

                held = {k: named[k] for k in state}
                return _one_value(torch.func.functional_call(target, held, tuple(values)), xp)
            return _one_value(target(*values), xp)

        return call

    made = make_foreign(
        caller(like or function), _name(like or function), chosen, given, framework.name
    )
    if like is not None:
        fused = caller(function)
        xp = framework.namespace("float64")
        made.implementation(framework.name, name=_name(function))(
            lambda **named: fused(xp, **named)
        )
    return made


def _require_no_state(*functions: Any) -> None:
    for function in functions:
        if _module_state(function):
            raise UsageError(
                f"{_name(function)}: like= compares functions; make the module's parameters "
                "arguments of one (torch.func.functional_call)"
            )


def implement(case: Case, function: Callable[..., Any], framework: Framework) -> None:
    """Add a framework's own function, which takes the case's inputs in order, to a case."""
    _require_no_state(function)
    order = list(inspect.signature(case.function).parameters)[1:]
    case.implementation(framework.name, name=_name(function))(
        lambda **named: function(*(named[k] for k in order if k in named))
    )


def _name(function: Any) -> str:
    """The function's name; of `F.apply`, where F is a torch.autograd.Function, that of F."""
    named = _owner(function) or function
    return str(getattr(named, "__name__", type(function).__name__))


def _arguments(function: Any, inputs: Any) -> dict[str, Any]:
    """Arguments by the names of the function's parameters, where it has them."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    values = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    try:
        names = _parameters(function)
    except (TypeError, ValueError):
        names = []
    if len(names) < len(values) or len(set(names)) != len(names):
        names = [f"x{i}" for i in range(len(values))]
    return dict(zip(names, values, strict=False))


def _parameters(function: Any) -> list[str]:
    """Positional parameters: of a module those of forward, of F.apply those of F.forward."""
    owner = _owner(function)
    call = getattr(owner or function, "forward", function)
    kinds = inspect.signature(call).parameters.values()
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names if owner is None or _sets_context(owner) else names[1:]


def _sets_context(owner: type) -> bool:
    """Whether a torch.autograd.Function has `setup_context`: then forward takes no `ctx`."""
    own = (k for k in owner.__mro__ if not k.__module__.startswith("torch."))
    return any("setup_context" in vars(k) for k in own)


def _owner(function: Any) -> Any:
    """The torch.autograd.Function whose `apply` this is, or None."""
    owner = getattr(function, "__self__", None)
    named = getattr(function, "__name__", "") == "apply" and isinstance(owner, type)
    return owner if named and hasattr(owner, "forward") else None


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
