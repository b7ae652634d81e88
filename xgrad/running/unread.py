"""The results of a check until somebody looks at them: then they are a pandas frame."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from xgrad.table import make_frame, records

if TYPE_CHECKING:
    from xgrad.problem import Case
    from xgrad.referee import Budget
    from xgrad.running.results import Results

Row = dict[str, Any]


def results_at_hand(rows: list[Row], cases: Iterable[Case], budget: Budget | None) -> Results:
    """Rows of functions at hand as a frame; at the first look at it where pandas is not there yet.

    To import pandas takes longer than a small check, and many a test only asks whether it failed.
    """
    made = Unread(rows, list(cases), budget)
    return _read(made) if "pandas" in sys.modules else cast("Results", made)


def rows_of(results: Any) -> list[Row]:
    """The rows, without a look at the frame."""
    return list(_own(results)["rows"]) if type(results) is Unread else records(results)


class Unread:
    """Rows that become `Results`, the same object, once anything is asked of them."""

    def __init__(self, rows: list[Row], cases: list[Case], budget: Budget | None):
        _own(self).update(rows=rows, cases=cases, budget=budget)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":  # which `isinstance` compares with the type that it has seen
            return _frames()
        return getattr(_read(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_read(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_read(self), name)

    def __hash__(self) -> int:
        made: Any = _read(self)
        return hash(made)


def _own(unread: Any) -> dict[str, Any]:
    """Its attributes, without a look at it."""
    return cast("dict[str, Any]", object.__getattribute__(unread, "__dict__"))


# What Python asks of a class rather than of an object.
_ASKED = """len iter contains getitem setitem delitem bool str repr dir format sizeof eq ne lt
    le gt ge add radd iadd sub rsub isub mul rmul imul truediv rtruediv itruediv floordiv rfloordiv
    ifloordiv mod rmod imod pow rpow ipow divmod rdivmod matmul rmatmul and rand iand or ror ior xor
    rxor ixor neg pos invert abs round copy deepcopy reduce reduce_ex array array_ufunc getstate
    setstate arrow_c_stream dataframe dataframe_consortium_standard"""


def _passed_on(name: str) -> Callable[..., Any]:
    def ask(self: Any, *args: Any, **keywords: Any) -> Any:
        return getattr(_read(self), name)(*args, **keywords)

    return ask


for _name in _ASKED.split():
    setattr(Unread, f"__{_name}__", _passed_on(f"__{_name}__"))

_READING = RLock()


def _frames() -> type[Results]:
    from xgrad.running.results import Results

    return Results


def _read(unread: Any) -> Results:
    """The same object as a frame."""
    frames: Any = _frames()
    with _READING:  # another thread may look too
        if type(unread) is Unread:
            own = _own(unread)
            made = frames.of(make_frame(own.pop("rows")), **own, at_hand=True)
            own.clear()
            object.__setattr__(unread, "__class__", frames)
            frames.__init__(unread, made)
            object.__setattr__(unread, "_subjects", made.subjects)
    return cast("Results", unread)
