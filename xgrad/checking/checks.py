"""Checks of functions at hand, without registering a case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.judging import VERDICTS
from xgrad.problem import Case, Setting, case, find_framework_of, implement, make_foreign_case
from xgrad.running import operators_at, run
from xgrad.table import records
from xgrad.telling import failure_text, failures

if TYPE_CHECKING:
    import pandas as pd


def check(
    function: Callable[..., Any],
    inputs: Any,
    *,
    wrt: str | Iterable[str] = (),
    like: Callable[..., Any] | None = None,
    formula: Callable[..., Any] | Mapping[str, Callable[..., Any]] | None = None,
    operators: Iterable[str] | str | None = None,
    dtypes: Iterable[str] = ("float64", "float32"),
    **options: Any,
) -> pd.DataFrame:
    """Judge the derivatives of a function at given inputs, as `run` does.

    NumPy-style, `function(xp, **inputs)`: `inputs` are arrays by name, `formula` is a hand-written
    gradient (jacobian where the value is no scalar), or a mapping of operators to formulas.

    A torch function or module, or a JAX function: `inputs` are its arguments, one, a tuple or a
    dict, nested as they come, and its own reverse mode is judged by differences in float64 with
    their bound, which is weaker evidence. `like` is a plain implementation of the same function,
    of the same framework or NumPy-style: value and derivative are then those of `like`, and the
    column `multiple` sets the error beside that of `like` in the same dtype. `options` are those
    of `run`. Raises `UsageError`.
    """
    chosen = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    foreign = None if _takes_xp(function) else find_framework_of(function, inputs)
    if foreign is None:
        if like is not None:
            raise UsageError(f"{_name(function)}: like= goes with a function of torch or JAX")
        made = make_case(function, inputs, wrt=chosen, formula=formula, operators=operators)
        return run(made, dtypes=dtypes, operators=operators, **options)
    if formula is not None and not (like and _takes_xp(like)):
        raise UsageError(
            f"{_name(function)}: a formula is NumPy-style math; write the function so too, "
            "f(xp, ...)"
        )
    if like is not None and _takes_xp(like):
        made = make_case(like, _by_name(like, inputs), wrt=chosen, formula=formula)
        implement(made, function, foreign)
    else:
        made = make_foreign_case(function, inputs, foreign, chosen, like)
    methods = [f"{foreign.name}.reverse", *(f"{foreign.name}.reverse:{i.name}"
               for i in made.implementations)]  # fmt: skip
    options.setdefault("methods", tuple(methods))
    options.setdefault("devices", ("cpu",))
    asked = operators or (("value", _first_derivative(made)) if like else None)
    return run(made, dtypes=dtypes, operators=asked, **options)


def _by_name(function: Callable[..., Any], inputs: Any) -> dict[str, Any]:
    """Arguments of a framework by the names of a NumPy-style function, on the host."""
    if not isinstance(inputs, Mapping):
        values = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
        names = list(inspect.signature(function).parameters)[1:]
        inputs = dict(zip(names, values, strict=False))
    return {k: _on_host(v) for k, v in inputs.items()}


def _on_host(value: Any) -> Any:
    found = find_framework_of(None, value)
    return found.get(value) if found else value


def _first_derivative(made: Case) -> str:
    """gradient, jacobian or vjp, whichever a check without operators takes."""
    setting = Setting.make(made, "small", "given", "float64", 0)
    return operators_at(made, setting, ())[0].name


def _takes_xp(function: Callable[..., Any]) -> bool:
    """Whether the function is NumPy-style math, with the namespace first."""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "xp"
    except (TypeError, ValueError):
        return False


def assert_agreement(
    subject: Case | Callable[..., Any], inputs: Any = None, **options: Any
) -> None:
    """Raise `AssertionError` where a derivative disagrees with the referee or failed.

    `subject` is a case (options as of `run`), or a function with its `inputs` (options as of
    `check`). The message leads with the verdict, the worst element and the likely cause.
    """
    __tracebackhide__ = True  # pytest shows the message, not our source
    if isinstance(subject, Case):
        frame, identifier = run(subject, **options), subject.identifier
    elif inputs is None:
        raise UsageError("assert_agreement(function, inputs): the inputs are missing")
    else:
        frame, identifier = check(subject, inputs, **options), ""
    rows, found = records(frame), failures(frame)
    if found:
        others = len(found) - 1
        more = f"\n  {others} more of {len(rows)} rows failed" if others else ""
        raise AssertionError(failure_text(found[0], rows, identifier) + more)
    if not any(row["verdict"] and VERDICTS[row["verdict"]].tells for row in rows):
        reasons = dict.fromkeys(row["message"] or row["referee"] for row in rows)
        said = "; ".join(filter(None, reasons)) or "no method applies"
        raise AssertionError(f"{_name(subject)}: no derivative could be judged: {said}")


def make_case(
    function: Callable[..., Any],
    inputs: Mapping[str, Any],
    *,
    wrt: str | Iterable[str] = (),
    formula: Callable[..., Any] | Mapping[str, Callable[..., Any]] | None = None,
    operators: Iterable[str] | str | None = None,
) -> Case:
    """A case of a function at one fixed point."""
    parameters = list(inspect.signature(function).parameters)
    if not parameters or parameters[0] != "xp":
        raise UsageError(
            f"{_name(function)}({', '.join(parameters)}): write it as NumPy-style math with the "
            "array namespace first, f(xp, ...)"
        )
    target = function if inspect.isfunction(function) else _as_function(function)
    made: Case = case(target, wrt=wrt, operators=operators, name=_name(function))
    given = {k: v if isinstance(v, (int, str)) else np.asarray(v) for k, v in inputs.items()}
    made.point("given")(lambda: dict(given))
    formulas = formula if isinstance(formula, Mapping) else {"": formula} if formula else {}
    for operator, each in formulas.items():
        made.formula(operator or _first_operator(function, given))(each)
    return made


def _as_function(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls a partial, a bound method or an object."""

    def function(*args: Any, **inputs: Any) -> Any:
        return call(*args, **inputs)

    function.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
    return function


def _name(subject: Any) -> str:
    name = subject.name if isinstance(subject, Case) else getattr(subject, "__name__", "")
    return str(name or type(subject).__name__)


def _first_operator(function: Callable[..., Any], inputs: Mapping[str, Any]) -> str:
    """gradient for a scalar value, jacobian otherwise."""
    from xgrad.frameworks import find_framework

    value = function(find_framework("numpy").namespace("float64"), **inputs)
    return "gradient" if np.shape(value) == () else "jacobian"
