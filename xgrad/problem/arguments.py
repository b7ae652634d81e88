"""The arguments of a call: what was given, bound to the parameters of the function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xgrad.errors import UsageError, unknown
from xgrad.problem.trees import is_namedtuple

_ANYWHERE = inspect.Parameter.POSITIONAL_OR_KEYWORD
_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Call:
    """Arguments by name, the first `positional` of which are passed by position.

    `whole` says that a mapping or a list was taken as one argument.
    """

    values: dict[str, Any]
    positional: int
    whole: bool = False

    def arranged(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments, of values by the same names."""
        names = list(self.values)
        first, rest = names[: self.positional], names[self.positional :]
        return tuple(values[k] for k in first), {k: values[k] for k in rest}


def bind(function: Callable[..., Any], inputs: Any, skip: int = 0) -> Call:
    """The call that `inputs` stand for, without the first `skip` parameters of the function.

    A mapping gives arguments by name; a list or tuple gives them in order; anything else is one
    argument, as is a mapping whose keys are no parameters, or a list that the function does not
    take in parts. Raises `UsageError`, with the nearest names, where nothing fits.
    """
    signature = signature_of(function, skip)
    if isinstance(inputs, Mapping):
        return _by_name(function, signature, inputs)
    if not isinstance(inputs, (list, tuple)) or is_namedtuple(inputs):
        return _in_order(function, signature, (inputs,))
    try:
        return _in_order(function, signature, tuple(inputs))
    except UsageError:
        if not _takes_one(signature):
            raise
        return replace(_in_order(function, signature, (inputs,)), whole=True)


def _in_order(function: Any, signature: inspect.Signature | None, values: tuple[Any, ...]) -> Call:
    if signature is None:
        return Call({f"x{i}": v for i, v in enumerate(values)}, len(values))
    try:
        bound = signature.bind(*values)
    except TypeError as error:
        raise UsageError(f"{name_of(function)}{signature}: {error}") from None
    return _call(function, bound)


def _by_name(function: Any, signature: inspect.Signature | None, inputs: Mapping[Any, Any]) -> Call:
    if signature is None:
        return Call(dict(inputs), 0)
    known = [k for k, p in signature.parameters.items() if p.kind not in _MANY]
    some = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if not set(known) & set(inputs) and not some and _takes_one(signature):
        return replace(_in_order(function, signature, (inputs,)), whole=True)
    for name in inputs:
        if name not in known and not some:
            raise unknown(f"input of {name_of(function)}", str(name), known)
    try:
        return _call(function, _loosened(signature).bind(**inputs))
    except TypeError as error:
        raise UsageError(f"{name_of(function)}{signature}: {error}; inputs give it a value by "
                         "its name") from None  # fmt: skip


def _loosened(signature: inspect.Signature) -> inspect.Signature:
    """The same, with positional-only parameters open to names."""
    found = signature.parameters.values()
    only = inspect.Parameter.POSITIONAL_ONLY
    return signature.replace(
        parameters=[p.replace(kind=_ANYWHERE) if p.kind is only else p for p in found]
    )


def _call(function: Any, bound: inspect.BoundArguments) -> Call:
    """Names of what is bound: of `*xs` by their place, of keywords their own."""
    if owner_of(function) is not None:
        bound.apply_defaults()  # F.apply takes no keywords
    parameters = bound.signature.parameters
    names = [k for k in bound.arguments if parameters[k].kind not in _MANY][: len(bound.args)]
    star = next((k for k, p in parameters.items() if p.kind is p.VAR_POSITIONAL), "")
    more = range(len(bound.args) - len(names))
    names += [f"{star}[{i}]" if names else f"x{i}" for i in more]
    return Call({**dict(zip(names, bound.args, strict=True)), **bound.kwargs}, len(bound.args))


def _takes_one(signature: inspect.Signature | None) -> bool:
    """Whether a call with one positional argument is legal."""
    try:
        if signature is not None:
            signature.bind(None)
        return True
    except TypeError:
        return False


def signature_of(function: Any, skip: int = 0) -> inspect.Signature | None:
    """That of a module's forward, or of F.forward for F.apply; None where nobody knows."""
    owner = owner_of(function)
    call = getattr(owner or function, "forward", function)
    try:
        found = inspect.signature(call)
    except (TypeError, ValueError):
        return None
    if owner is not None and not _sets_context(owner):
        skip += 1
    return found.replace(parameters=list(found.parameters.values())[skip:])


def _sets_context(owner: type) -> bool:
    """Whether a torch.autograd.Function has `setup_context`: then forward takes no `ctx`."""
    own = (k for k in owner.__mro__ if not k.__module__.startswith("torch."))
    return any("setup_context" in vars(k) for k in own)


def owner_of(function: Any) -> Any:
    """The torch.autograd.Function whose `apply` this is, or None."""
    owner = getattr(function, "__self__", None)
    named = getattr(function, "__name__", "") == "apply" and isinstance(owner, type)
    return owner if named and hasattr(owner, "forward") else None


def name_of(function: Any) -> str:
    """The function's name; of `F.apply`, where F is a torch.autograd.Function, that of F."""
    named = owner_of(function) or function
    return str(getattr(named, "__name__", type(function).__name__))
