"""An explanation that is asked for by names, or by a row of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import guest
from xgrad.judging import Judge
from xgrad.numbers import DTYPES
from xgrad.problem import OPERATORS, Case, Setting
from xgrad.referee import Budget
from xgrad.running import DEVICE, DEVICES
from xgrad.table import PLACE
from xgrad.techniques import (
    INVARIANCE,
    Method,
    choose_methods,
    describe_error,
    methods_of,
    require_methods,
)
from xgrad.telling.explanation import Explanation, explain
from xgrad.telling.report import method_of, title

if TYPE_CHECKING:
    from xgrad.running import Results


def explain_named(
    case: Case,
    operator: str,
    method: str | Method,
    *,
    dtype: str = "float64",
    size: str | None = None,
    point: str = "random",
    device: str = "cpu",
    seed: int = 0,
    budget: Budget | None = None,
) -> Explanation:
    """Judge one method of a case anew and say why; raises `UsageError` for what it has not."""
    size = size or ("small" if "small" in case.sizes else next(iter(case.sizes)))
    points = [name for _, name in case.places(case.sizes)]
    for kind, name, known in (
        ("operator", operator, OPERATORS),
        ("size", size, case.sizes),
        ("dtype", dtype, DTYPES),
        ("point", point, dict.fromkeys(["random", *points])),
    ):
        if name not in known:
            raise unknown(kind, name, known)
    if not DEVICE.fullmatch(device):
        raise unknown("device", device, DEVICES)
    chosen = method if isinstance(method, Method) else _one_method(case, method)
    if point == "random" and points and point not in points:
        point = points[0]
    try:
        setting = Setting.make(case, size, point, dtype, seed)
    except UsageError:
        raise
    except Exception as error:
        at = Setting(case, size, point, dtype, seed, {})
        raise UsageError(f"{case.name} cannot be set up: {describe_error(error, at)}") from None
    return explain(setting, OPERATORS[operator], chosen, Judge(setting, device, budget))


def _one_method(case: Case, name: str) -> Method:
    require_methods([case], (name,))
    found = choose_methods(case, (name,))
    if not found:
        raise unknown(f"method of case {case.name}", name, map(str, methods_of(case)))
    if len(found) > 1:
        raise UsageError(f"explain takes one method; {name!r} is {', '.join(map(str, found))}")
    return found[0]


# --- a row ---------------------------------------------------------------------------------------


@guest
def explain_row(frame: Results, label: Any) -> Explanation:
    """The explanation of a row; raises `UsageError` where it is none, or its case is gone."""
    row = _row_of(frame, label)
    if not row["framework"]:
        raise UsageError(f"{title(row)}: no method ran there; the row's message says why")
    technique, _, variant = row["technique"].partition(":")
    if technique == INVARIANCE:
        raise UsageError(
            f"{title(row)} is a method presented otherwise, which the row's message tells; explain "
            "a row of the same method without it"
        )
    subject = _subject_of(frame, row)
    at = {name: row[name] for name in ("dtype", "point", "device")}
    method = Method(row["framework"], technique, variant)
    size, seed = row["size"], int(row["seed"])
    case, operator, budget = subject.case, row["operator"], subject.budget
    return explain_named(case, operator, method, size=size, seed=seed, budget=budget, **at)


def _row_of(frame: Results, label: Any) -> dict[str, Any]:
    lacking = [name for name in PLACE if name not in frame]
    if lacking:
        raise UsageError(f"explain needs the columns that tell rows apart: {', '.join(lacking)}")
    try:
        there = label in frame.index
    except TypeError:  # no label at all
        there = False
    if there:
        found = frame.loc[[label]]
    elif isinstance(label, int) and -len(frame) <= label < len(frame):
        found = frame.iloc[[label]]
    else:
        raise UsageError(f"row {label!r}: give a label of the index, or a position below "
                         f"{len(frame)}")  # fmt: skip
    if len(found) > 1:
        raise UsageError(f"{len(found)} rows are called {label!r}: reset_index(drop=True) before")
    return {name: found[name].iloc[0] for name in PLACE}


def _subject_of(frame: Results, row: Mapping[str, Any]) -> Any:
    known = frame.subjects.get(row["case"], ())
    found = [s for s in known if s.case.framework in ("", row["framework"])]
    call = f"xgrad.explain(case_or_function, {row['operator']!r}, {method_of(row)!r})"
    if not found:
        raise UsageError(
            f"{row['case']} is not at hand, as in rows that were saved or pickled: call {call}"
        )
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} cases or functions in this frame are called {row['case']!r}: explain "
            f"the row in the frame that it came in, or call {call}"
        )
    return found[0]
