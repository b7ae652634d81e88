"""NumPy-style math at hand, as a case at one fixed point."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.frameworks import find_framework
from xgrad.numbers import EPS, real_dtype
from xgrad.problem import (
    Case,
    case,
    formula_with_structures,
    is_scipy_sparse,
    name_of,
    require_structures,
    structure_notes,
    with_structures,
)

WIDE = "float64"  # the witness beside the dtype that was given
Formulas = Callable[..., Any] | Mapping[str, Callable[..., Any]] | None


def takes_xp(function: Callable[..., Any]) -> bool:
    """Whether the function is NumPy-style math, with the namespace first."""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "xp"
    except (TypeError, ValueError):
        return False


def make_case(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: str | Iterable[str] = (),
    formula: Formulas = None,
    operators: str | Iterable[str] | None = None,
    structure: Mapping[str, str] | None = None,
) -> Case:
    """A case of `function(xp, **inputs)`.

    Differentiated are all float arrays, in the order of the parameters, unless `wrt` names some.
    What is no array (a number, a text, None, a function) is passed on as it is. `structure` has
    words for inputs that are such matrices.
    """
    parameters = list(inspect.signature(function).parameters)
    if not takes_xp(function):
        raise UsageError(
            f"{name_of(function)}({', '.join(parameters)}): write it as NumPy-style math with the "
            "array namespace first, f(xp, ...), or give it arrays of the framework whose functions "
            "it calls (torch.from_numpy(x), jnp.asarray(x))"
        )
    named = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    given = _arrays(function, inputs, parameters[1:], named)
    fixed = {k: v for k, v in inputs.items() if k not in given}
    chosen = named or _floats(given, parameters) or tuple(parameters[1:2])
    words = structure or {}
    require_structures(name_of(function), words, given, chosen)
    plain = with_structures(_with(function, fixed), words)
    made: Case = case(plain, wrt=chosen, operators=operators, name=name_of(function))
    made.path = _file_of(function)
    made.point("given")(lambda: dict(given))
    for operator, each in _by_operator(function, formula, {**given, **fixed}).items():
        plain = _with(each, fixed)
        made.formula(operator)(formula_with_structures(plain, operator, chosen, words))
    left = [k for k, v in fixed.items() if type(v) is float]
    if left and not named:
        made.notes.append(f"not differentiated: {', '.join(left)} (a Python float each)")
    made.notes += structure_notes(words)
    return made


def _arrays(
    function: Any, inputs: Any, parameters: list[str], wrt: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """The inputs that are arrays, or numbers in the place of one; checked."""
    name = name_of(function)
    if not isinstance(inputs, Mapping):
        raise UsageError(
            f"{name}: inputs are given by name, {{{parameters[0]!r}: ...}}; got "
            f"{type(inputs).__name__}"
        )
    for key, value in inputs.items():
        if is_scipy_sparse(value):
            raise UsageError(
                f"{name}: {key} is sparse, which is not supported: pass its values as a plain array"
            )
    given = {k: np.asarray(v) for k, v in inputs.items() if k in wrt or _is_array(v)}
    if (
        not _floats(given, parameters) and not wrt
    ):  # a number is the input, where it is all there is
        given |= {k: np.asarray(v) for k, v in inputs.items() if type(v) is float}
    return given


def _is_array(value: Any) -> bool:
    """An array of numbers, or lists of them."""
    if isinstance(value, (str, bytes, type, np.dtype)) or callable(value):
        return False
    listed = hasattr(value, "dtype") or isinstance(value, (list, tuple))
    return listed and np.asarray(value).dtype.kind in "fiubc"


def _floats(given: Mapping[str, np.ndarray], order: Iterable[str]) -> tuple[str, ...]:
    return tuple(k for k in order if k in given and given[k].dtype.kind in "fc")


def given_dtype(inputs: Mapping[str, Any], wrt: tuple[str, ...]) -> str:
    """The widest of what the differentiated inputs were given in."""
    given = {real_dtype(str(np.asarray(v).dtype)) for k, v in inputs.items() if k in wrt}
    return min(given & set(EPS), key=lambda k: EPS[k], default=WIDE)


def _with(call: Callable[..., Any], fixed: Mapping[str, Any]) -> Callable[..., Any]:
    """A plain function of the arrays alone."""
    if inspect.isfunction(call) and not fixed:
        return call

    def function(*args: Any, **inputs: Any) -> Any:
        return call(*args, **fixed, **inputs)

    known = inspect.signature(call).parameters
    kept = [p for k, p in known.items() if k not in fixed]
    function.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    function.__doc__ = inspect.getdoc(call)
    return function


def _file_of(function: Any) -> Path | None:
    """Where the function is written."""
    inner = inspect.unwrap(function.func if isinstance(function, functools.partial) else function)
    try:
        file = inspect.getsourcefile(inner)
    except TypeError:
        return None
    return Path(file).resolve() if file and Path(file).exists() else None


def _by_operator(
    function: Any, formula: Formulas, inputs: Mapping[str, Any]
) -> Mapping[str, Callable[..., Any]]:
    if formula is None or isinstance(formula, Mapping):
        return formula or {}
    value = function(find_framework("numpy").namespace(WIDE), **inputs)
    return {"gradient" if np.shape(value) == () else "jacobian": formula}
