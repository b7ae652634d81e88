"""What a framework offers, checked: its `xp` against NumPy, its derivatives against the referee."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from xgrad.auditing import behaviours, expressions
from xgrad.auditing.behaviours import Behaviour, Wrong
from xgrad.auditing.expressions import DATA, FIXED, lines_of, names_in
from xgrad.errors import Unavailable, Unsupported, UsageError, counted
from xgrad.frameworks import Framework, find_framework
from xgrad.judging import AGREES, BOUNDED, Judge, is_failure
from xgrad.numbers import rounded
from xgrad.problem import OPERATORS, Case, Setting, case, library
from xgrad.techniques import ERROR, TAYLOR, UNSUPPORTED, Method, methods_of

PASSED, MISSING, WRONG, OPEN = "passed", "missing", "wrong", "not judged"
DEVICE = "cpu"
ORDER = 4  # of derivatives along a direction, at most
SAID = 200  # characters of what a library raised
_RAISED = re.compile(r"[\w.]+: ")  # at the start of a message: the type of an error
_NAME = re.compile(r"\bxp\.((?:linalg\.|fft\.)?\w+)")


@dataclass(frozen=True)
class Finding:
    """One check of one framework: how it ended, what was found, and what needs it."""

    group: str
    name: str
    status: str
    said: str = ""
    needed: str = ""  # what ends as `unsupported`, or as an error, without it


@dataclass(frozen=True)
class Check:
    """One row of the table: what is checked, in which dtypes, and what needs it."""

    group: str
    name: str
    run: Callable[[Framework, str], None]
    dtypes: tuple[str, ...]
    needed: str = ""  # what needs it, before the files of cases that have the names of the line
    line: str = ""
    offered: bool = False  # by the framework's own account: then it must not raise
    after: str = ""  # another check without which this one has no sense


class _Open(Exception):
    """What could not be judged."""


class _Raised(Exception):
    """What a method raised."""


class _Missing(Exception):
    """What the framework has no rule for, by its own account."""


# --- one check ------------------------------------------------------------------------------------


def _value(line: str, framework: Framework, dtype: str) -> None:
    """A line of `xp` against NumPy's in float64, at the same inputs."""
    given = {name: rounded(DATA[name], dtype) for name in names_in(line)}
    code = expressions.compiled(line)
    with np.errstate(all="ignore"):
        want = eval(code, {"xp": find_framework("numpy").namespace("float64"), **given})
    put = {name: framework.put(array, dtype) for name, array in given.items()}
    got = eval(code, {"xp": framework.namespace(dtype), **put})
    if isinstance(want, (bool, int)):
        if got != want:
            raise Wrong(f"{got}, wanted {want}")
        return
    if not framework.is_array(got):
        raise Wrong(f"{type(got).__name__}, wanted an array")
    behaviours.require_close(framework, got, want, dtype)


def _made(line: str, framework: Framework, dtype: str) -> None:
    """The same of a new array, whose integers are 64 bits long."""
    _value(line, framework, dtype)
    put = {name: framework.put(DATA[name], dtype) for name in names_in(line)}
    got = eval(expressions.compiled(line), {"xp": framework.namespace(dtype), **put})
    kind = framework.describe(got)[1] if framework.is_array(got) else ""
    if kind.startswith("int") and kind != "int64":
        raise Wrong(f"dtype {kind}, wanted int64")


@lru_cache(maxsize=512)
def _case_of(line: str) -> Case:
    """A line as a case, of all the floats in it that vary."""
    names = names_in(line)
    space: dict[str, Any] = {}
    exec(f"def line(xp, {', '.join(names)}):\n    return {line}", space)
    wrt = tuple(n for n in names if n not in FIXED)
    made: Case = case(wrt=wrt, operators=("vjp",))(space["line"])
    made.inputs(lambda rng: {n: DATA[n] for n in names})
    return made


@lru_cache(maxsize=512)
def _judge(line: str, dtype: str) -> Judge:
    return Judge(Setting.make(_case_of(line), "small", "random", dtype, 0), DEVICE)


def _derivative(line: str, technique: str, operator: str, framework: Framework, dtype: str) -> None:
    """An operator of a line, judged as one of a case."""
    method = Method(framework.name, *technique.split(":"))
    row = _judge(line, dtype).judge(method, OPERATORS[operator]).row
    if row["status"] == UNSUPPORTED:
        raise _Missing(row["message"])
    if row["status"] == ERROR and _RAISED.match(row["message"]):
        raise _Raised(row["message"])
    if is_failure(row):
        raise Wrong(_told(row))
    if row["verdict"] not in (AGREES, BOUNDED):
        said = (row["verdict"] or row["status"], row["hint"], row["message"])
        raise _Open("; ".join(filter(None, said)))


def _told(row: dict[str, Any]) -> str:
    if not row["verdict"]:
        return f"{row['status']}: {row['message']}"
    hint = f"; looks like: {row['hint']}" if row["hint"] else ""
    return (f"{row['verdict']} at {row['worst']}: got {row['got']:.9g}, want {row['want']:.9g}, "
            f"{row['digits']:.1f} digits{hint}")  # fmt: skip


@lru_cache(maxsize=1)
def _differentiable() -> tuple[str, ...]:
    """The lines of which NumPy makes floats that come from floats which vary."""
    xp = find_framework("numpy").namespace("float64")

    def comes_of_floats(line: str) -> bool:
        if not set(names_in(line)) - FIXED:
            return False
        made = eval(expressions.compiled(line), {"xp": xp, **DATA})
        return getattr(made, "dtype", np.dtype(int)).kind == "f"

    lines = (line for text in expressions.NAMES.values() for line in lines_of(text))
    return tuple(filter(comes_of_floats, lines))


# --- the table ------------------------------------------------------------------------------------

# A map for each kind that operators are of.
MAPS = {
    "any": "xp.stack([z * xp.sin(u[0]), u[1]**2 * xp.exp(u[2]) / z])",
    "scalar": "xp.sum(xp.exp(u) * v**3) + xp.sin(u[0] * v[1])",
    "potential": "xp.sum(u**3) + u[0] * xp.sin(u[1] * u[2])",
    "elementwise": "u**3 * xp.exp(u)",
    "field": "u**2 * xp.sum(xp.sin(u))",
    "field3": "xp.stack([u[1] * u[2]**2, xp.exp(u[0]), u[0] * u[1]**3])",
}
_LONG = ("float64", "float32")
# For each mode: its name in the table, what of each line is judged by it, and in which dtypes.
MODES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "reverse": ("reverse mode", "vjp", _LONG),
    "forward": ("forward mode", "jvp", _LONG),
    "reverse twice": ("second derivatives", "weighted_hvp", _LONG[:1]),
}


def checks(framework: Framework) -> Iterator[Check]:
    """The table, as far as the framework says that it offers something."""
    yield from _promised(behaviours.ALWAYS, framework.dtypes)
    yield from _lines(expressions.CREATION, _made, framework.dtypes)
    for table in (expressions.NAMES, expressions.EXTREMES):
        yield from _lines(table, _value, _of(framework, _LONG))
    yield from _lines(expressions.MIXED, _value, _of(framework, _LONG[:1]))
    for each, (group, operator, dtypes) in MODES.items():
        mode = each.split()[0]
        if not getattr(framework, mode):
            yield Check(group, f"offered ({mode} = (…,))", _none, framework.dtypes[:1],
                        f"every method {framework.name}.{mode}")  # fmt: skip
            continue
        if mode == each:
            yield from _promised(behaviours.MODES[mode], _of(framework, dtypes))
            yield from _operators(framework, mode)
        for line in _differentiable():
            yield Check(group, f"{operator} of {line}", partial(_derivative, line, mode, operator),
                        _of(framework, dtypes), f"{operator} by {framework.name}.{mode} of ", line,
                        after=line)  # fmt: skip


def _of(framework: Framework, dtypes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(d for d in dtypes if d in framework.dtypes)


def _promised(rows: tuple[Behaviour, ...], dtypes: tuple[str, ...]) -> Iterator[Check]:
    for row in rows:
        yield Check(row.group, row.name, row.check, dtypes, row.needed, offered=True)


def _lines(
    table: Mapping[str, str], check: Callable[..., None], dtypes: tuple[str, ...]
) -> Iterator[Check]:
    for group, text in table.items():
        for line in lines_of(text):
            yield Check(group, line, partial(check, line), dtypes, line=line)


def _operators(framework: Framework, mode: str) -> Iterator[Check]:
    for method in _techniques(framework, mode):
        for each in OPERATORS.values():
            if each.order and not _left_out(method, each.name):
                check = partial(_derivative, MAPS[each.of], method, each.name)
                needed = f"{each.name} by {framework.name}.{method}"
                dtypes = _of(framework, _LONG)
                yield Check(f"operators by {method}", each.name, check, dtypes, needed)


def _techniques(framework: Framework, mode: str) -> list[str]:
    """The usual methods of a mode on a framework."""
    found = methods_of(None, (f"{framework.name}.{mode}",))
    return [m.label for m, usual in found.items()
            if usual and m.framework == framework.name and m.technique == mode]  # fmt: skip


def _left_out(method: str, operator: str) -> bool:
    """Whether an operator is no business of a method, or too long for a check of this kind."""
    if method.endswith(f":{TAYLOR}"):
        return not OPERATORS[operator].directional
    return OPERATORS[operator].order > ORDER


def _none(framework: Framework, dtype: str) -> None:
    raise Unsupported("not offered")


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    """The shipped case files, by their place in the library."""
    return {p.relative_to(library()).as_posix(): p.read_text(encoding="utf-8")
            for p in sorted(library().rglob("*.py")) if p.name != "conftest.py"}  # fmt: skip


def _cases(line: str) -> str:
    """The shipped case files that use the names of a line."""
    names = _NAME.findall(line)
    if not names:
        return "cases that are written so"
    asked = [re.compile(rf"\bxp\.{re.escape(name)}\b") for name in names]
    found = [path for path, text in _texts().items() if all(a.search(text) for a in asked)]
    more = f" and {counted(len(found) - 3, 'more file')}" if len(found) > 3 else ""
    return f"{', '.join(found[:3])}{more}" if found else "what uses it; no shipped case does"


# --- all of them ----------------------------------------------------------------------------------


def check_framework(name: str, matching: str = "") -> Iterator[Finding]:
    """Every check of a framework, as each ends; of those whose group or name has a text.

    Raises `UsageError` for a name that no framework has, for one that is not installed, for the
    referee's own arithmetic, and for a text that no check has.
    """
    framework = find_framework(name)
    try:
        framework.require()
    except Unavailable as reason:
        raise UsageError(f"framework {name!r}: {reason}") from None
    if framework.exact:
        raise UsageError(f"{name} is the referee's own arithmetic, and has no floats to check")
    _judge.cache_clear()
    absent: set[str] = set()
    asked = [c for c in checks(framework) if matching.lower() in f"{c.group} {c.name}".lower()]
    if not asked:
        raise UsageError(f"no check of {name} has {matching!r} in its group or name")
    for check in asked:
        if check.after in absent:
            continue
        found = _ended(check, framework)
        if found.status in (MISSING, WRONG):
            absent.add(check.name)
        yield found


def _ended(check: Check, framework: Framework) -> Finding:
    """The worst of a check's dtypes."""
    worst = Finding(check.group, check.name, PASSED)
    for dtype in check.dtypes:
        status, said, ends = _tried(check, framework, dtype)
        if _RANK[status] > _RANK[worst.status]:
            lines = _cases(check.line) if check.line else ""
            needed = f"then {ends}: {check.needed}{lines}" if ends else ""
            worst = Finding(check.group, check.name, status, f"{dtype}: {said}", needed)
    return worst


_RANK = {PASSED: 0, OPEN: 1, MISSING: 2, WRONG: 3}


def _tried(check: Check, framework: Framework, dtype: str) -> tuple[str, str, str]:
    """How a check ends in one dtype, what is said of it, and how rows end that need it.

    What is raised where nothing was promised is missing.
    """
    try:
        with framework.scope(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            check.run(framework, dtype)
    except Wrong as found:
        return WRONG, str(found), ""
    except _Open as found:
        return OPEN, str(found), ""
    except (_Missing, Unsupported, NotImplementedError) as found:
        return MISSING, str(found), UNSUPPORTED
    except Exception as error:
        told = str(error) if isinstance(error, _Raised) else f"{type(error).__name__}: {error}"
        said = " ".join(f"raises {told}".split())[:SAID]
        if check.offered:
            return WRONG, said, ""
        lacking = any(text in told for text in framework.no_rule)
        return MISSING, said, UNSUPPORTED if lacking else ERROR
    return PASSED, "", ""


def conformance_text(found: list[Finding]) -> str:
    """A line for each group, and one for each check that did not pass."""
    lines = []
    for group in dict.fromkeys(f.group for f in found):
        own = [f for f in found if f.group == group]
        counts = [f"{sum(f.status == s for f in own)} {s}" for s in _RANK
                  if s == PASSED or any(f.status == s for f in own)]  # fmt: skip
        lines.append(f"{group}: {', '.join(counts)}")
        for each in own:
            if each.status != PASSED:
                lines.append(f"  {each.status}: {each.name}: {each.said}")
                if each.needed:
                    lines.append(f"    {each.needed}")
    total = ", ".join(f"{sum(f.status == s for f in found)} {s}" for s in _RANK)
    return "\n".join([*lines, f"{counted(len(found), 'check')}: {total}"])
