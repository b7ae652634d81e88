"""The steps of a function of floats, written down as it runs on symbols: the body of a loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from xgrad.numbers.doubled.library import LIBRARIES, Library


class Trace:
    """Steps, each a line that names what it makes, and the tables that they look into."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.tables: list[np.ndarray] = []
        self.results: list[str] = []  # names, or numbers

    def made(self, expression: str) -> Symbol:
        """What one more step makes."""
        name = f"v{len(self.steps)}"
        self.steps.append(f"{name} = {expression}")
        return Symbol(self, name)

    def table(self, rows: np.ndarray) -> str:
        """The name of a table."""
        at = next((k for k, known in enumerate(self.tables) if known is rows), len(self.tables))
        if at == len(self.tables):
            self.tables.append(rows)
        return f"t{at}"


def traced(function: Callable[..., Sequence[Any]], names: Sequence[str]) -> Trace:
    """The steps of a function of floats with such names.

    Raises `AttributeError` where it asks for what is not in `SYMBOLS`.
    """
    trace = Trace()
    trace.results = [_text(made) for made in function(*(Symbol(trace, name) for name in names))]
    return trace


def _text(value: Any) -> str:
    """A symbol's name, or a number."""
    return value.name if isinstance(value, Symbol) else repr(value)  # inf and nan are names there


def _infix(operator: str, *, swapped: bool = False) -> Any:
    def apply(self: Symbol, other: Any) -> Symbol:
        a, b = (other, self) if swapped else (self, other)
        return self.trace.made(f"{_text(a)} {operator} {_text(b)}")

    return apply


class Symbol:
    """A float, a whole number or a truth value in a loop."""

    __slots__ = ("name", "trace")
    shape = ()

    def __init__(self, trace: Trace, name: str):
        self.trace, self.name = trace, name

    __add__, __radd__ = _infix("+"), _infix("+", swapped=True)
    __sub__, __rsub__ = _infix("-"), _infix("-", swapped=True)
    __mul__, __rmul__ = _infix("*"), _infix("*", swapped=True)
    __truediv__, __rtruediv__ = _infix("/"), _infix("/", swapped=True)
    __and__, __or__ = _infix("&"), _infix("|")
    __lt__, __le__, __gt__, __ge__ = map(_infix, ("<", "<=", ">", ">="))
    __eq__, __ne__ = _infix("=="), _infix("!=")
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Symbol:
        return self.trace.made(f"-{self.name}")

    def __invert__(self) -> Symbol:
        return self.trace.made(f"not {self.name}")

    def __bool__(self) -> bool:
        raise TypeError("a symbol is neither true nor false: there is no loop with branches")


def _step(template: str) -> Callable[..., Symbol]:
    def apply(*values: Any) -> Symbol:
        trace = next(v.trace for v in values if isinstance(v, Symbol))
        return trace.made(template.format(*map(_text, values)))

    return apply


class _Looked:
    """The elements of a table's rows at an index."""

    def __init__(self, table: np.ndarray, index: Symbol):
        self._table, self._index = table, index

    def __getitem__(self, key: Any) -> Symbol:
        trace = self._index.trace
        return trace.made(f"{trace.table(self._table)}[{key[0]}, {self._index.name}]")


def _astype(value: Symbol, dtype: str) -> Symbol:
    return value.trace.made(f"{dtype}({value.name})")


# The functions of an array library that pairs ask for, as steps.
SYMBOLS = SimpleNamespace(
    float64="float64",
    int64="int64",
    inf=math.inf,
    nan=math.nan,
    abs=_step("abs({})"),
    round=_step("rint({})"),
    floor=_step("floor({})"),
    sqrt=_step("sqrt({})"),
    isfinite=_step("{0} - {0} == 0.0"),
    isnan=_step("{0} != {0}"),
    where=_step("select({}, {}, {})"),
    ones_like=_step("1.0"),
    zeros_like=_step("0.0"),
    astype=_astype,
    reshape=lambda value, shape: value,
    take=lambda table, index, axis: _Looked(table, index),
)


def _fused(a: Any, b: Any, product: Symbol) -> Symbol:
    """a b less its product."""
    return _step("fma({}, {}, -{})")(a, b, product)


def _itself(value: Any, *_: Any) -> Any:
    return value


LIBRARIES[Symbol] = Library(
    xp=SYMBOLS, kept=_itself, moved=_itself, table=_itself, host=_itself,
    blocked=lambda value: False, lost=_fused, whole_log2=_step("whole_log2({})"),
)  # fmt: skip
