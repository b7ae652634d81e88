"""The operators and methods of a check: what was asked is what runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from xgrad.checking.subjects import Subject
from xgrad.frameworks import Framework
from xgrad.judging import INCONCLUSIVE
from xgrad.problem import OPERATORS, Setting
from xgrad.running import Row, operators_at
from xgrad.table import FAILED
from xgrad.techniques import (
    FORWARD_TWICE,
    INVARIANCE,
    OVER_FORWARD,
    OVER_REVERSE,
    TAYLOR,
    UNSUPPORTED,
)

FEW = 256  # inputs up to which forward mode takes every column of a gradient or jacobian


class Part(NamedTuple):
    """What runs together: None for the usual ones."""

    operators: tuple[str, ...] | None
    methods: tuple[str, ...] | None
    invariances: tuple[str, ...] = ()


def parts_of(
    subject: Subject, operators: tuple[str, ...] | None, methods: tuple[str, ...] | None
) -> list[Part]:
    """What a check runs, where `operators` and `methods` are those that were named, or None.

    Of a function of torch or JAX reverse and forward mode, second derivatives in both orders of
    composition, where there are rules for them; a jvp runs the forward rule, a vjp the reverse
    rule. Forward mode takes a jvp
    along one direction in place of a gradient or jacobian of many inputs.
    """
    if methods is not None or subject.framework is None:
        return [Part(operators, methods)]
    size, first = _looked_at(subject)
    asked = operators or ((("value", first) if subject.like else (first,)) if first else ())
    if not asked:
        return [Part(None, (f"{subject.framework.name}.reverse",))]
    forward = bool(subject.framework.forward)
    found = {name: _techniques(name, size <= FEW, subject.framework) for name in asked}
    if operators is None and forward and "forward" not in found[first]:
        found["jvp"] = ("forward",)
    return [
        Part(tuple(n for n in found if found[n] == kind), _methods(subject, kind))
        for kind in dict.fromkeys(found.values())
    ]


def with_presentations(parts: list[Part], asked: tuple[str, ...]) -> list[Part]:
    """The parts, of which the one with the first derivative has presentations too."""
    first = next((k for k, p in enumerate(parts) if not p.operators or _FIRST & {*p.operators}), 0)
    return [p._replace(invariances=asked) if k == first else p for k, p in enumerate(parts)]


def _looked_at(subject: Subject) -> tuple[int, str]:
    """How many inputs there are, and gradient, jacobian or vjp; nothing where the value fails."""
    try:
        setting = Setting.make(subject.case, "small", "given", subject.dtypes[0], 0)
        return setting.x_size, operators_at(subject.case, setting, ())[0].name
    except Exception:
        return 0, ""  # the methods tell what is wrong


def along_one(subject: Subject) -> tuple[str, ...] | None:
    """The first derivative that one pass of reverse mode has: no table of all."""
    first = _looked_at(subject)[1] if subject.framework else ""
    return ({"jacobian": "vjp"}.get(first, first),) if first else None


_FIRST = {"gradient", "jacobian", "vjp"}
_ONLY = {"value": ("reverse",), "vjp": ("reverse",), "jvp": ("forward",)}
_BOTH = ("reverse", "forward")
_ORDERS = (*_BOTH, f"forward:{FORWARD_TWICE}", f"reverse:{OVER_FORWARD}")
_ALONG = (*_BOTH, f"reverse:{OVER_FORWARD}", f"forward:{OVER_REVERSE}")


def _techniques(operator: str, few: bool, framework: Framework) -> tuple[str, ...]:
    if not framework.forward:
        return ("reverse",)
    if operator in _ONLY:
        return _ONLY[operator]
    if OPERATORS[operator].directional:
        return (*_ALONG, f"forward:{TAYLOR}") if framework.taylor else _ALONG
    if OPERATORS[operator].order > 1:
        return _ORDERS if few else _BOTH
    return _BOTH if few else ("reverse",)


def _methods(subject: Subject, techniques: tuple[str, ...]) -> tuple[str, ...]:
    """The techniques on the framework; beside `like`, of the function that is judged by it."""
    assert subject.framework is not None
    name = subject.framework.name
    own = [i.name for i in subject.case.implementations]
    plain = [t for t in techniques if not own or t == "reverse"]
    offered = [f"{t}:{i}" for t in techniques if ":" not in t for i in own]
    return tuple(f"{name}.{t}" for t in (*plain, *offered))


# --- modes that a function does not have ----------------------------------------------------------

SAID = 100  # characters of why a method is left out


def without_absent(rows: list[Row], asked: Iterable[str] = ()) -> list[Row]:
    """Rows of methods that nobody named and that do not exist here are told in those that do.

    Those of an operator that was asked stay where nothing else ran for it.
    """
    absent = [r for r in rows if r["status"] == UNSUPPORTED and not is_presented(r)]
    kept = [r for r in rows if r not in absent]
    plain = [r for r in kept if not is_presented(r)]
    judged, dtypes = {_place(r) for r in plain}, {r["dtype"] for r in plain}
    lost = [r for r in absent if _place(r) not in judged
            and (r["operator"] in asked or r["dtype"] not in dtypes)]  # fmt: skip
    told = [r for r in absent if r not in lost]
    extra = {_place(r) for r in told} - judged  # of an operator that nobody asked for
    for row in plain:
        beside = [r for r in told if r["dtype"] == row["dtype"]]
        here = [_absence(r) for r in beside if _place(r) in (_place(row), *extra)]
        row["message"] = "; ".join(dict.fromkeys(filter(None, (row["message"], *here))))
    return kept + lost


def without_idle(rows: list[Row]) -> list[Row]:
    """Without presentations that nobody named and that have nothing to tell."""
    idle = (INCONCLUSIVE, "")
    return [r for r in rows if not is_presented(r) or r["status"] in FAILED
            or r["verdict"] not in idle]  # fmt: skip


def is_presented(row: Row) -> bool:
    """Whether a row is of a presentation."""
    return row["technique"].partition(":")[0] == INVARIANCE


def _place(row: Row) -> tuple[str, str]:
    return row["operator"], row["dtype"]


def _absence(row: Row) -> str:
    said = row["message"].partition("; ")[0]  # notes of the case are told beside
    short = said if len(said) <= SAID else said[: SAID - 1] + "…"
    return f"{row['framework']}.{row['technique']} does not exist here: {short}"
