"""What is checked: a function at hand as a case, with the dtypes, devices and methods it is for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import Framework, find_framework
from xgrad.numbers import EPS
from xgrad.problem import (
    AtHand,
    Case,
    bind,
    case,
    find_framework_of,
    is_scipy_sparse,
    name_of,
    require_no_state,
    settle,
    take_at_hand,
    why_not_in,
)

WIDE = "float64"  # the witness beside the dtype that was given
Formulas = Callable[..., Any] | Mapping[str, Callable[..., Any]] | None


@dataclass(frozen=True)
class Subject:
    """A case of a function at hand; `framework` is the one whose function it is, if any."""

    case: Case
    dtypes: tuple[str, ...]
    devices: tuple[str, ...] | None = None
    framework: Framework | None = None
    like: bool = False


def make_subject(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: tuple[str, ...] = (),
    formula: Formulas = None,
    like: Callable[..., Any] | None = None,
    dtypes: tuple[str, ...] | None = None,
    seed: int = 0,
) -> Subject:
    """The function as a case; raises `UsageError` where it cannot be judged as it is given."""
    foreign = None if takes_xp(function) else find_framework_of(function, inputs)
    if foreign is None:
        if like is not None:
            raise UsageError(f"{name_of(function)}: like= goes with a function of torch or JAX")
        made = make_case(function, inputs, wrt=wrt, formula=formula)
        return Subject(made, dtypes or _beside(_given_dtype(inputs, made.wrt)))
    foreign.require()
    if like is not None and takes_xp(like):
        made, functions = _beside_mathematics(function, inputs, foreign, wrt, like, formula)
    elif formula is not None:
        raise UsageError(
            f"{name_of(function)}: a formula is NumPy-style math; write the function so too, "
            "f(xp, ...)"
        )
    else:
        made, functions = take_at_hand(function, inputs, foreign, wrt, like)
    return _settled(made, functions, dtypes, seed, like=like is not None)


def _settled(
    made: Case, functions: list[AtHand], dtypes: tuple[str, ...] | None, seed: int, *, like: bool
) -> Subject:
    """Calls that start alike; float64 as a witness, where the functions can be run in it."""
    first, own = functions[-1], functions[-1].framework
    given, device = first.dtype(made.wrt), first.device
    settle(made, functions, device, (dtypes or (given,))[0], seed)
    if dtypes is None:
        dtypes = _beside(given)
        reason = why_not_in(made, functions, device, WIDE) if given != WIDE else ""
        if reason:
            dtypes = (given,)
            made.notes.append(f"judged in {given} alone, {WIDE} cannot be run: {reason}")
    return Subject(made, dtypes, (device,), own, like)


def _beside(given: str) -> tuple[str, ...]:
    """The dtype that the user gave, and float64 as a witness."""
    return tuple(dict.fromkeys((given, WIDE)))


def takes_xp(function: Callable[..., Any]) -> bool:
    """Whether the function is NumPy-style math, with the namespace first."""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "xp"
    except (TypeError, ValueError):
        return False


# --- NumPy-style math -----------------------------------------------------------------------------


def make_case(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: tuple[str, ...] = (),
    formula: Formulas = None,
) -> Case:
    """A case of NumPy-style math at one fixed point.

    Differentiated are all float arrays, in the order of the parameters, unless `wrt` names some.
    What is no array (a number, a text, None, a function) is passed on as it is.
    """
    parameters = list(inspect.signature(function).parameters)
    if not takes_xp(function):
        raise UsageError(
            f"{name_of(function)}({', '.join(parameters)}): write it as NumPy-style math with the "
            "array namespace first, f(xp, ...), or give it arrays of the framework whose functions "
            "it calls (torch.from_numpy(x), jnp.asarray(x))"
        )
    given = _arrays(function, inputs, parameters[1:], wrt)
    fixed = {k: v for k, v in inputs.items() if k not in given}
    chosen = wrt or _floats(given, parameters) or tuple(parameters[1:2])
    made: Case = case(_with(function, fixed), wrt=chosen, name=name_of(function))
    made.path = _file_of(function)
    made.point("given")(lambda: dict(given))
    for operator, each in _by_operator(function, formula, {**given, **fixed}).items():
        made.formula(operator)(_with(each, fixed))
    left = [k for k, v in fixed.items() if type(v) is float]
    if left and not wrt:
        made.notes.append(f"not differentiated: {', '.join(left)} (a Python float each)")
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
        if is_scipy_sparse(value) or np.asarray(value).dtype.kind == "c":
            kind = "sparse" if is_scipy_sparse(value) else f"complex ({np.asarray(value).dtype})"
            raise UsageError(
                f"{name}: {key} is {kind}, which is not supported: {_REMEDIES[kind[:6]]}"
            )
    given = {k: np.asarray(v) for k, v in inputs.items() if k in wrt or _is_array(v)}
    if (
        not _floats(given, parameters) and not wrt
    ):  # a number is the input, where it is all there is
        given |= {k: np.asarray(v) for k, v in inputs.items() if type(v) is float}
    return given


_REMEDIES = {
    "sparse": "pass its values as a plain array",
    "comple": "pass the real and the imaginary part as two inputs",
}


def _is_array(value: Any) -> bool:
    """An array of numbers, or lists of them."""
    if isinstance(value, (str, bytes, type, np.dtype)) or callable(value):
        return False
    listed = hasattr(value, "dtype") or isinstance(value, (list, tuple))
    return listed and np.asarray(value).dtype.kind in "fiub"


def _floats(given: Mapping[str, np.ndarray], order: Iterable[str]) -> tuple[str, ...]:
    return tuple(k for k in order if k in given and given[k].dtype.kind == "f")


def _given_dtype(inputs: Mapping[str, Any], wrt: tuple[str, ...]) -> str:
    """The widest of what the differentiated inputs were given in."""
    given = {str(np.asarray(v).dtype) for k, v in inputs.items() if k in wrt}
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


# --- a kernel beside mathematics ------------------------------------------------------------------


def _beside_mathematics(
    function: Callable[..., Any],
    inputs: Any,
    framework: Framework,
    wrt: tuple[str, ...],
    like: Callable[..., Any],
    formula: Formulas,
) -> tuple[Case, list[AtHand]]:
    """The case of NumPy-style math, and a framework's own function as its implementation."""
    require_no_state(function)
    call = bind(like, inputs, skip=1)
    own = bind(function, inputs) if isinstance(inputs, Mapping) else call
    kernel = AtHand.of(function, framework, own)
    for name in (k for k in wrt if k not in kernel.inputs):
        raise unknown(f"input of {name_of(function)}", name, kernel.inputs)
    chosen = wrt or tuple(k for k in call.values if k in kernel.differentiated)
    on_host = kernel.on_host
    made = make_case(
        like, {k: on_host.get(k, v) for k, v in call.values.items()}, wrt=chosen, formula=formula
    )
    left = {} if wrt else kernel.left_out(made.wrt)
    made.notes += [f"not differentiated: {k} ({why})" for k, why in left.items()]
    made.implementation(framework.name, name=name_of(function))(functools.partial(kernel, None))
    return made, [kernel]
