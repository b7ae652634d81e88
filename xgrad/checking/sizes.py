"""Batches of no element, of one, and around powers of two: where blocks of a kernel end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xgrad.checking.subjects import Subject, make_subjects
from xgrad.errors import UsageError
from xgrad.judging import AGREES, DISAGREES
from xgrad.problem import Setting
from xgrad.running import Row, rows_here
from xgrad.table import FAILED, completed
from xgrad.techniques import INVARIANCE, OK, Method, evaluate, first_order

SIZES = (0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65)
REMEDY = "sizes that fill no whole block, and those of none and one, need a case of their own"


def judged_sizes(
    function: Callable[..., Any], sizes: Callable[[int], Any], given: dict[str, Any], **options: Any
) -> list[Row]:
    """One row for each size: reverse mode at the inputs that `sizes(n)` returns.

    `given` is what makes a subject of the function. Raises `UsageError` where a size has no inputs.
    """
    rows: list[Row] = []
    for n in SIZES:
        try:
            inputs = sizes(n)
        except Exception as error:
            raise UsageError(f"sizes({n}) raised {type(error).__name__}: {error}") from None
        if n == 0:
            found = _empty(function, inputs, given, options)
        else:
            found = _judged(make_subjects(function, inputs, **given)[0], options)
        rows += _named(n, found)
    return rows


def _judged(subject: Subject, options: dict[str, Any]) -> list[Row]:
    return rows_here(subject.case, dtypes=subject.dtypes[:1], methods=_reverse(subject), **options)


def _reverse(subject: Subject) -> tuple[str, ...]:
    """Reverse mode; beside `like`, of the function that is judged by it."""
    assert subject.framework is not None
    own = [f"{subject.framework.name}.reverse:{i.name}" for i in subject.case.implementations]
    return tuple(own) or (f"{subject.framework.name}.reverse",)


def _empty(
    function: Callable[..., Any], inputs: Any, given: dict[str, Any], options: dict[str, Any]
) -> list[Row]:
    """Of no element: the call and its gradients' shapes, and the derivative by what has some."""
    subject = make_subjects(function, inputs, **given)[0]
    assert subject.framework is not None
    case, dtype = subject.case, subject.dtypes[0]
    device = (options["devices"] or ("cpu",))[0]
    row = {"case": case.name, "point": "given", "framework": subject.framework.name,
           "device": device, "dtype": dtype, "seed": options["seed"]}  # fmt: skip
    variant = case.implementations[0].name if case.implementations else ""
    method = Method(subject.framework.name, "reverse", variant)
    try:
        setting = Setting.make(case, "small", "given", dtype, options["seed"])
        operator = first_order(setting)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return completed([{**row, "status": "error", "message": said}])
    found = evaluate(method, operator, setting, device)
    some = tuple(k for k in case.wrt if setting.inputs[k].size)
    if found.status == OK and some:
        rest = {**given, "wrt": some}
        named = {**options, "operators": operator.name}
        return _judged(make_subjects(function, inputs, **rest)[0], named)
    row |= {"operator": operator.name, "status": found.status, "message": found.message}
    if found.status == OK:
        row |= {"verdict": AGREES, "rule": "no element, the shapes are right"}
    return completed([row])


def _named(n: int, rows: list[Row]) -> list[Row]:
    """The rows of a size, of which a failure leads with it and the remedy."""
    for row in rows:
        row.update(technique=f"{INVARIANCE}:n = {n}", size=f"n = {n}")
        if row["verdict"] == DISAGREES or row["status"] in FAILED:
            said = f"wrong with n = {n}: {REMEDY}"
            row["message"] = "; ".join(filter(None, (said, row["message"])))
    return rows
