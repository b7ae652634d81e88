"""What the floats of a program were rounded from: known constants, small fractions, their roots."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import numpy as np
from flint import acb, arb

from xgrad.numbers import precision

MOST_BITS = 1024  # in which the table is kept
NEAR = 2  # units in the last place: products and roots that were rounded twice
LARGEST = 4096  # denominator of a fraction that is recognised
DIGITS = 9  # of a decimal that is recognised
SCALES = range(-3, 4)  # powers of two that a constant may be multiplied by

_RECOGNISING: ContextVar[bool] = ContextVar("recognising", default=False)

CONSTANTS: dict[str, Callable[[], arb]] = {
    "π": arb.pi,
    "1/π": lambda: 1 / arb.pi(),
    "√π": lambda: arb.pi().sqrt(),
    "1/√π": lambda: 1 / arb.pi().sqrt(),
    "√2": lambda: arb(2).sqrt(),
    "√2π": lambda: (2 * arb.pi()).sqrt(),
    "1/√2π": lambda: 1 / (2 * arb.pi()).sqrt(),
    "√(2/π)": lambda: (2 / arb.pi()).sqrt(),
    "e": arb.const_e,
    "γ": arb.const_euler,
    "log 2": arb.const_log2,
    "1/log 2": lambda: 1 / arb.const_log2(),
    "log 10": arb.const_log10,
    "1/log 10": lambda: 1 / arb.const_log10(),
    "log₁₀ 2": lambda: arb.const_log2() / arb.const_log10(),
    "log₂ 10": lambda: arb.const_log10() / arb.const_log2(),
    "log π": lambda: arb.pi().log(),
    "log 2π": lambda: (2 * arb.pi()).log(),
    "log 2πe": lambda: (2 * arb.pi()).log() + 1,
    "π²": lambda: arb.pi() ** 2,
    "π²/6": lambda: arb.pi() ** 2 / 6,
    "π/180": lambda: arb.pi() / 180,
    "180/π": lambda: 180 / arb.pi(),
}


@contextmanager
def recognised_constants() -> Iterator[None]:
    """Inside, `exactly` reads a float as what it was rounded from."""
    token = _RECOGNISING.set(True)
    try:
        yield
    finally:
        _RECOGNISING.reset(token)


def recognising() -> bool:
    """Whether floats are read as what they were rounded from."""
    return _RECOGNISING.get()


def exactly(value: Any) -> Any:
    """A number as a ball: floats exactly, or what they were rounded from where that is asked."""
    if isinstance(value, (arb, acb)):
        return value
    if isinstance(value, complex):
        return acb(exactly(value.real), exactly(value.imag))
    if isinstance(value, float) and _RECOGNISING.get():
        return _recognised(float(value), flint.ctx.prec)
    return arb(value)


_exactly, _arb = np.frompyfunc(exactly, 1, 1), np.frompyfunc(arb, 1, 1)


def exact_array(values: np.ndarray) -> np.ndarray:
    """Every number of an array as a ball."""
    plain = values.dtype.kind != "c" and not _RECOGNISING.get()
    made = (_arb if plain else _exactly)(values.astype(object))
    return as_array(made)


def as_array(value: Any) -> np.ndarray:
    """An object array, also of the bare element that NumPy leaves of a 0-d one."""
    if isinstance(value, np.ndarray):
        return value
    cell = np.empty((), dtype=object)
    cell[()] = value
    return cell


@lru_cache(maxsize=4096)
def _recognised(value: float, bits: int) -> arb:
    with precision(bits):
        if not math.isfinite(value) or value.is_integer():
            return arb(value)
        return _constant(value) or _fraction(value) or _decimal(value) or arb(value)


def _constant(value: float) -> arb | None:
    known, below, above = _known(), value, value
    for _ in range(NEAR + 1):
        for near in (below, above):
            if near in known:
                return +known[near]
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
    return None


@lru_cache(maxsize=1)
def _known() -> dict[float, arb]:
    """The constants, their negatives and their multiples by powers of two, by their floats."""
    with precision(MOST_BITS):
        exact = [
            sign * make() * arb(2) ** k
            for make in CONSTANTS.values()
            for k in SCALES
            for sign in (1, -1)
        ]
        return {float(value): value for value in exact}


def _fraction(value: float) -> arb | None:
    """A fraction of small numbers, or the square root of one."""
    simple = Fraction(value).limit_denominator(LARGEST)
    if _is_near(float(simple), value):
        return _quotient(simple)
    square = Fraction(value * value).limit_denominator(LARGEST)
    if square and _is_near(math.copysign(math.sqrt(square), value), value):
        root = _quotient(square).sqrt()
        return root if value > 0 else -root
    return None


def _decimal(value: float) -> arb | None:
    """A decimal of few digits, or a product of such that was rounded."""
    short = f"{value:.{DIGITS}g}"
    return arb(short) if _is_near(float(short), value) else None


def _is_near(a: float, b: float) -> bool:
    return abs(a - b) <= NEAR * math.ulp(b)


def _quotient(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator
