"""What one method returns at one setting: an array, or a status with a reason."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xgrad.errors import BudgetExceeded, NotElementwise, Unavailable, Unsupported, UsageError
from xgrad.frameworks import Framework, find_framework, leaves
from xgrad.numbers import EPS, Ball, midpoint
from xgrad.problem import PARTS, Case, Operator, Setting, flatten
from xgrad.techniques.base import Compute, Result, Staged
from xgrad.techniques.methods import Method

OK, UNSUPPORTED, UNAVAILABLE = "ok", "unsupported", "unavailable"
NONFINITE, ERROR = "nonfinite", "error"
MESSAGE = 400  # characters of a message, at most
_PACKAGES = {"sklearn": "scikit-learn"}  # where the name to install is another
REPEATS = 64  # epsilons that two calls may differ by on a device that adds in any order


@dataclass
class Outcome:
    """The result of one method in the flat layout, or the status that took its place."""

    status: str
    flat: Any = None
    bound: np.ndarray | None = None
    message: str = ""

    def is_same(self, other: Outcome | None) -> bool:
        """Whether both are results of the same bits."""
        if other is None or (self.status, other.status) != (OK, OK):
            return False
        if isinstance(self.flat, Ball) or isinstance(other.flat, Ball):
            return False
        return bool(np.array_equal(self.flat, other.flat))


class _Finding(Exception):
    """A function or a result that is not what was asked for."""


# Errors whose message says it all: neither their type nor the line that raised them helps.
_PLAIN = (UsageError, NotElementwise, _Finding)


Prepared = dict[tuple[Method, str], Compute]  # what is compiled, by method and operator


def evaluate(
    method: Method,
    operator: Operator,
    setting: Setting,
    device: str,
    prepared: Prepared | None = None,
    usual: Outcome | None = None,
) -> Outcome:
    """Run a method; whatever it does becomes an outcome.

    `prepared` keeps what was compiled for settings that differ in their inputs' values only.
    `usual` is what the same derivative is by another way: a result of the same bits needs no second
    call to show that two do not differ.
    """
    framework = find_framework(method.framework)
    try:
        framework.require_device(device)
        if setting.dtype not in framework.dtypes:
            raise Unsupported(f"{framework.name} has no {setting.dtype}")
        if not setting.typed:
            raise Unsupported(f"there are no complex numbers of {setting.dtype}")
        operator.require(setting.x_shapes, setting.y_shape)
        with framework.scope(device), _defaults(framework, method, setting.case), _quiet():
            known = {} if prepared is None else prepared
            return _evaluated(framework, method, operator, setting, device, known, usual)
    except (Exception, SystemExit) as error:
        return failed(error, setting, framework)


def failed(error: BaseException, setting: Setting, framework: Framework) -> Outcome:
    """What an error says: that something is not there, that a method has no rule, or a failure."""
    said = _short(str(error) or type(error).__name__)
    if isinstance(error, Unavailable):
        return Outcome(UNAVAILABLE, message=str(error))
    if isinstance(error, ModuleNotFoundError):
        package = _PACKAGES.get(str(error.name).partition(".")[0], str(error.name))
        return Outcome(UNAVAILABLE, message=f"needs {error.name}: pip install {package}")
    if isinstance(error, (Unsupported, NotImplementedError, BudgetExceeded)):
        return Outcome(UNSUPPORTED, message=said)
    told = describe_error(error, setting)
    lacking = any(text in told for text in framework.no_rule)
    return Outcome(UNSUPPORTED if lacking else ERROR, message=told)


def _defaults(framework: Framework, method: Method, case: Case) -> AbstractContextManager[None]:
    """Mathematics meets the framework as installed; functions of its own, as their user set it."""
    own = case.framework or any(i.name == method.variant for i in case.implementations)
    return nullcontext() if own else framework.as_installed()


@contextmanager
def _quiet() -> Iterator[None]:
    """Overflow shows in the numbers; libraries' notices about themselves are dropped."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _evaluated(
    framework: Framework,
    method: Method,
    operator: Operator,
    setting: Setting,
    device: str,
    prepared: Prepared,
    usual: Outcome | None,
) -> Outcome:
    key = method, operator.name
    if key not in prepared:
        prepared[key] = _prepared(framework, method, operator, setting, device)
    with setting.watched() as issued:
        result = prepared[key](setting)
        framework.wait(result.native)
        outcome = _outcome(framework, operator, setting, device, result)
        _require_unchanged(framework, setting, issued)
        if result.native is not None and not outcome.is_same(usual):
            again = _outcome(framework, operator, setting, device, prepared[key](setting))
            _require_same(outcome, again, setting, device)
    return outcome


def _prepared(
    framework: Framework, method: Method, operator: Operator, setting: Setting, device: str
) -> Compute:
    """The method, traced at another point: what a trace freezes shows at the one that is judged."""
    compute = method.prepare(operator, setting, device)
    if framework.traces(method.variant) and getattr(compute, "recorded", True):
        with suppress(Exception):
            there = setting.beside()
            # A program may be checked again; that of a library's case is run once.
            if setting.case.framework and isinstance(compute, Staged):
                run = framework.traced(compute.run, compute.put(there))
                return replace(compute, run=run)
            framework.wait(compute(there).native)
    return compute


def _outcome(
    framework: Framework, operator: Operator, setting: Setting, device: str, result: Result
) -> Outcome:
    if result.native is None:
        flat = result.flat
    else:
        for part in leaves(result.native):
            _require_kind(framework, operator, setting, device, part)
        flat = _flat(framework, operator, setting, result.native)
    finite = np.isfinite(framework.get(flat) if isinstance(flat, Ball) else flat)
    status = OK if np.all(finite) else NONFINITE
    return Outcome(status, flat, result.bound, result.note)


def _flat(framework: Framework, operator: Operator, setting: Setting, native: Any) -> Any:
    """The framework's arrays in the flat layout; raises where their shapes are not the result's."""
    in_balls = framework.name == "ball"
    parts = native if in_balls else _map(framework.get, native)
    try:
        return flatten(operator, setting, parts, framework.namespace("") if in_balls else np)
    except ValueError as error:
        raise _Finding(str(error)) from None


def _map(function: Any, value: Any) -> Any:
    return tuple(_map(function, v) for v in value) if isinstance(value, tuple) else function(value)


def _require_kind(
    framework: Framework, operator: Operator, setting: Setting, device: str, part: Any
) -> None:
    """Raise where a part is no array, or has another dtype or device than asked."""
    if not framework.is_array(part):
        raise _Finding(
            f"returned {type(part).__name__} where {framework.name} has an array: "
            "return arrays of xp (xp.asarray, xp.stack)"
        )
    _, dtype, place = framework.describe(part)
    wanted = "ball" if framework.name == "ball" else setting.dtype
    # Of a function of a framework what is shaped as its value has its dtype: `to`, `float_power`.
    as_its_value = bool(setting.case.framework) and operator.layout[:1] == "y"
    if dtype != wanted and not (as_its_value and dtype in EPS):
        raise _Finding(
            f"wrong dtype: {operator.name} is {dtype}, asked for {wanted}: a value inside was made "
            "in another dtype (make constants with xp.asarray, cast with xp.astype(a, x.dtype))"
        )
    if place != device.partition(":")[0]:
        raise _Finding(f"wrong device: {operator.name} is on {place}, asked for {device}")


def _require_unchanged(framework: Framework, setting: Setting, issued: list[Any]) -> None:
    """Raise where an input array is not what it was before the call."""
    for arguments in issued:
        named = dict(zip(setting.case.wrt, arguments.xs, strict=True)) | arguments.rest
        for name, array in named.items():
            if not np.array_equal(framework.get(array), setting.inputs[name], equal_nan=True):
                raise _Finding(
                    f"input {name!r} was changed in place: compute a new array instead "
                    "(x = x + 1, not x += 1)"
                )


def _require_same(first: Outcome, again: Outcome, setting: Setting, device: str) -> None:
    """Raise where two calls at one point differ, beyond the order of additions off the CPU."""
    if isinstance(first.flat, Ball):
        return
    gap = np.abs(first.flat - again.flat)
    slack = 0.0 if device == "cpu" else REPEATS * EPS[setting.dtype] * np.max(np.abs(first.flat))
    if np.any(gap > slack) or np.any(np.isnan(first.flat) != np.isnan(again.flat)):
        raise _Finding(
            f"two calls at one point differ by up to {np.nanmax(gap):.1e}: the function is random "
            "or keeps state; pass randomness in as an input"
        )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE else line[: MESSAGE - 1] + "…"


def find_fault(setting: Setting) -> str:
    """What is wrong with the case itself at this point, whatever differentiates it; or nothing.

    Seen by calling the function twice in NumPy. A function that fails is left to the methods.
    """
    try:
        _require_usable(setting)
        if setting.case.framework:
            return ""  # the methods tell: nobody else can call it
        framework = find_framework("numpy")
        given = setting.arguments(framework, "cpu", dtype="float64")
        with _quiet():
            first, again = (setting.function(given)(*given.xs) for _ in range(2))
        _require_unchanged(framework, setting, [given])
        _require_floats(setting, first)
        one, other = (Outcome(OK, np.asarray(y, dtype=np.float64)) for y in (first, again))
        _require_same(one, other, setting, "cpu")
    except _PLAIN as fault:
        return _short(str(fault))
    except (Exception, SystemExit):
        return ""
    return ""


def _require_usable(setting: Setting) -> None:
    """Raise where a differentiated input has nothing to differentiate at."""
    for name, array in zip(setting.case.wrt, setting.x, strict=True):
        if array.size == 0:
            raise _Finding(
                f"input {name!r} has shape {array.shape}: there is nothing to differentiate"
            )
        if not np.all(np.isfinite(array)):
            raise _Finding(
                f"input {name!r} is NaN or infinite in {setting.dtype}: draw finite numbers that "
                "the dtype holds"
            )


def _require_floats(setting: Setting, value: Any) -> None:
    dtype = value.dtype if isinstance(value, (np.ndarray, np.generic)) else None
    if dtype is None or dtype.kind != "f":
        cuts = "; float(x) and int(x) cut the derivative" if isinstance(value, (float, int)) else ""
        raise _Finding(
            f"case {setting.case.name} returns {dtype or type(value).__name__}; return one array "
            f"of floats, made with functions of xp{cuts}"
        )


def describe_nonfinite(operator: Operator, setting: Setting, flat: Any) -> str:
    """How many elements are NaN or infinite, and the first."""
    values = np.asarray(midpoint(flat) if isinstance(flat, Ball) else flat).reshape(-1)
    bad = ~np.isfinite(values)
    first = int(np.argmax(bad))
    name = element_name(operator, setting, first)
    return f"{bad.sum()} of {bad.size} elements are NaN or infinite: {name} is {values[first]:g}"


def element_name(operator: Operator, setting: Setting, k: int) -> str:
    """The name of a flat element of an operator's result."""
    names: list[str] = []
    for axis in reversed(operator.layout):
        size = setting.x_size if axis == "x" else int(np.prod(setting.y_shape, dtype=np.int64))
        k, index = divmod(k, size)
        names.insert(0, _x_name(setting, index) if axis == "x" else _y_name(setting, index))
    return "/".join(names) or operator.name


def _x_name(setting: Setting, index: int) -> str:
    for name, shape in zip(setting.case.wrt, setting.x_shapes, strict=True):
        size = int(np.prod(shape, dtype=np.int64))
        if index < size:
            return _indexed(name, shape, index, name in setting.complexes)
        index -= size
    return ""


def _y_name(setting: Setting, index: int) -> str:
    return _indexed("y", setting.y_shape, index, setting.y_complex)


def _indexed(name: str, shape: tuple[int, ...], index: int, in_pairs: bool) -> str:
    if in_pairs:
        return f"{_indexed(name, shape[:-1], index // 2, False)}.{PARTS[index % 2]}"
    if not shape:
        return name
    return f"{name}[{','.join(str(i) for i in np.unravel_index(index, shape))}]"


# How an array that is not NumPy's refuses one of its functions.
_REFUSALS = ("__array__", "TracerArrayConversion", "ufunc", "NumPy", "numpy", "data pointer")
_RENAMED = {  # NumPy's names that the array API has in other words
    "power": "pow", "absolute": "abs", "concatenate": "concat", "transpose": "permute_dims",
    "dot": "matmul", "cumsum": "cumulative_sum", "cumprod": "cumulative_prod",
    "linalg.norm": "linalg.vector_norm", "arctan2": "atan2",
    **{f"arc{f}": f"a{f}" for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}  # fmt: skip
_NUMPY = re.compile(r"\b(?:np|numpy)\.((?:linalg\.)?\w+)\s*\(")


def _numpy_call(error: BaseException, line: str | None) -> str:
    """What to write in place of a function of NumPy that was given another framework's array."""
    called = _NUMPY.search(line or "")
    told = f"{type(error).__name__}: {error}"
    if called is None or not any(word in told for word in _REFUSALS):
        return ""
    name = _RENAMED.get(called[1], called[1])
    return (
        f"np.{called[1]} was given an array that is not NumPy's: write xp.{name}, which is the "
        "same on every framework"
    )


def describe_error(error: BaseException, setting: Setting) -> str:
    """Type, message and the line of the case's file that raised it."""
    if isinstance(error, _PLAIN):
        return _short(str(error))
    path = setting.case.path
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if path and f.filename == str(path)
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = _short(str(error))
    foreign = _numpy_call(error, frames[-1].line) if frames else ""
    if foreign:
        return f"{foreign}{place}"
    return f"{type(error).__name__}: {said}{place}" if said else f"{type(error).__name__}{place}"
