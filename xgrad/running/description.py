"""What pages tell of the cases of a run: written beside its rows, so that no case runs again."""

from __future__ import annotations

import datetime
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError
from xgrad.running.reproduction import PROGRAM_PLACE, write_programs
from xgrad.running.storage import require_types

if TYPE_CHECKING:
    from xgrad.problem import Case
    from xgrad.running.planning import Plan

FILE = "cases.json"
EMPTY: dict[str, Any] = {
    "identifier": "", "field": "", "title": "", "mathematics": "", "source": "", "code": "",
    "wrt": (), "sizes": {}, "operators": (), "formulas": (), "implementations": (), "helpers": (),
    "known": (), "programs": (),
}  # fmt: skip

Types = Mapping[str, type | tuple[type, ...]]
CASE: Types = {
    name: (list, tuple) if isinstance(v, tuple) else type(v) for name, v in EMPTY.items()
}
FORMULA: Types = {"operator": str, "name": str, "frameworks": list, "default": bool, "text": str,
           "code": str}  # fmt: skip
KNOWN: Types = {"methods": (str, list), "reason": str}
PROGRAM: Types = {**dict.fromkeys(PROGRAM_PLACE, str), "text": str}


def write_cases(plan: Plan, folder: Path, rows: Iterable[Mapping[str, Any]] = ()) -> Path:
    """Write cases.json: when the run was saved, and each case's mathematics, source and code.

    Of what is wrong in the rows a program for those who do not have xgrad, where it is short.
    """
    cases = [describe(case, plan.identifier(case.name)) for case in plan.cases.values()]
    programs = write_programs({case.name: case for case in plan.cases.values()}, rows)
    for about in cases:
        about["programs"] = [program for program in programs if program["case"] == about["name"]]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return _write(folder, now, cases)


def join_cases(folders: Iterable[Path], out: Path) -> None:
    """Write the cases of several runs as those of one, saved when the last of them was."""
    saved, cases = zip(*(read_cases(folder) for folder in folders), strict=True)
    joined: dict[str, dict[str, Any]] = {}
    for name, case in (pair for found in cases for pair in found.items()):
        before = joined.get(name, EMPTY)["programs"]  # each part has those of its own rows
        joined[name] = case | {"programs": [*before, *case["programs"]]}
    if joined:
        _write(out, max(saved), list(joined.values()))


def _write(folder: Path, saved: str, cases: list[dict[str, Any]]) -> Path:
    path = folder / FILE
    path.write_text(
        json.dumps({"saved": saved, "cases": cases}, indent=1, ensure_ascii=False) + "\n"
    )
    return path


def read_cases(folder: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """When the run was saved, and its cases by name; both empty where the file is missing.

    Raises `UsageError` for a file that `write_cases` did not write.
    """
    path = folder / FILE
    if not path.exists():
        return "", {}
    try:
        found = json.loads(path.read_text())
        cases = {str(c["name"]): {**EMPTY, **c} for c in found["cases"]}
        saved = str(found["saved"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    for case in cases.values():
        require_types(case, CASE, path)
        for formula in case["formulas"]:
            require_types(formula, FORMULA, path)
        for known in case["known"]:
            require_types(known, KNOWN, path)
        for program in case["programs"]:
            require_types(program, PROGRAM, path)
    return saved, cases


def describe(case: Case, identifier: str) -> dict[str, Any]:
    """A case as plain data: what it is, where it comes from, and its code as text."""
    functions = [case.function, *(f.function for f in case.formulas)]
    return {
        "name": case.name,
        "identifier": identifier,
        "field": case.path.parent.name if case.path else "",
        "title": case.title,
        "mathematics": case.mathematics,
        "source": case.source,
        "wrt": list(case.wrt),
        "sizes": {k: {n: repr(v) for n, v in size.items()} for k, size in case.sizes.items()},
        "operators": list(case.operators or ()),
        "code": "" if case.framework else _code(case.function),  # else it is a library's own
        "formulas": [
            {
                "operator": f.operator,
                "name": f.name,
                "frameworks": list(f.frameworks or ()),
                "default": f.default,
                "text": (inspect.getdoc(f.function) or "").strip(),
                "code": _code(f.function),
            }
            for f in case.formulas
        ],
        "implementations": [f"{i.framework} {i.name}" for i in case.implementations],
        "helpers": [_code(f) for f in _helpers(functions)],
        "known": [{"methods": k.methods, "reason": k.reason} for k in case.knowns],
    }


def _code(function: Callable[..., Any]) -> str:
    """A function's text; empty where there is none, as for one that was typed in."""
    try:
        return textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        return ""


def _helpers(functions: Iterable[Callable[..., Any]]) -> list[FunctionType]:
    """The functions of the same files that these call, directly or not, in the order met."""
    todo = [f for f in functions if isinstance(f, FunctionType)]
    seen = {f.__code__ for f in todo}
    found = []
    while todo:
        function = todo.pop(0)
        for name in function.__code__.co_names:
            other = function.__globals__.get(name)
            if not isinstance(other, FunctionType) or other.__code__ in seen:
                continue
            if other.__code__.co_filename == function.__code__.co_filename:
                seen.add(other.__code__)
                found.append(other)
                todo.append(other)
    return found
