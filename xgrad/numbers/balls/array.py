"""Ball arithmetic of 256 bits and more (python-flint, Arb): the referee's array library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from flint import acb, arb

from xgrad.errors import BudgetExceeded
from xgrad.numbers.arrays import Wrapped

BITS = 256
COMPLEX = "complex ball"  # what stands for a dtype, as `ball` does of real ones
SECONDS_PER_ELEMENT = 4e-7  # nominal cost of one elementary operation, one core
BYTES_PER_ELEMENT = 1_000  # of a live array and the temporaries beside it


@dataclass
class Ledger:
    """Elementary operations done and allowed: a budget that does not depend on the clock."""

    spent: int = 0
    operations: float = float("inf")
    elements: float = float("inf")

    def charge(self, size: int) -> None:
        """Count an array of this size; raises `BudgetExceeded` past the limits."""
        if size > self.elements:
            raise BudgetExceeded(
                f"an array of {size:,} balls needs about {size * BYTES_PER_ELEMENT / 2**30:.0f} GB"
            )
        self.spend(size)

    def spend(self, operations: int) -> None:
        """Count operations; raises `BudgetExceeded` past the limit."""
        self.spent += operations
        self.foresee(0)

    def foresee(self, more: int) -> None:
        """Raise `BudgetExceeded` where so many more operations would go past the limit."""
        if self.spent + more > self.operations:
            raise BudgetExceeded(
                f"more than {self.operations:,.0f} operations in {flint.ctx.prec} bits, about "
                f"{self.operations * SECONDS_PER_ELEMENT:.0f} s"
            )


LEDGER = Ledger()


@contextmanager
def budget(seconds: float, gigabytes: float) -> Iterator[Ledger]:
    """Limit the work inside to nominal seconds and memory."""
    before = LEDGER.spent, LEDGER.operations, LEDGER.elements
    LEDGER.spent = 0
    LEDGER.operations = seconds / SECONDS_PER_ELEMENT
    LEDGER.elements = gigabytes * 2**30 / BYTES_PER_ELEMENT
    try:
        yield LEDGER
    finally:
        LEDGER.spent += before[0]
        LEDGER.operations, LEDGER.elements = before[1:]


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work in this many bits inside: balls made there are rounded to them, others are kept."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def working_bits() -> int:
    """The bits in which balls are computed now."""
    return int(flint.ctx.prec)


class Ball(Wrapped):
    """An array of balls: a NumPy object array of `flint.arb`, or of `flint.acb`, never of both.

    A ball is a midpoint with a radius, and holds the exact result of all that was done to it, in
    `working_bits()` bits. Johansson 2017, Arb: efficient arbitrary-precision midpoint-radius
    interval arithmetic.
    """

    __slots__ = ()

    @property
    def dtype(self) -> str:
        """`ball`, or the name of complex ones."""
        return COMPLEX if is_complex(self.data) else "ball"

    def __getitem__(self, key: Any) -> Any:
        return wrap(self.data[key])

    def __repr__(self) -> str:
        return f"Ball(shape={self.shape}, {midpoint(self)!r})"


def is_complex(data: np.ndarray) -> bool:
    """Whether the elements of an object array are complex balls; arrays are of one kind."""
    return bool(data.size) and isinstance(data.item(0), acb)


def wrap(data: Any) -> Ball:
    """A ball array of an object array, or of the bare element that NumPy leaves of a 0-d one."""
    if not isinstance(data, np.ndarray):
        cell = np.empty((), dtype=object)
        cell[()] = data
        data = cell
    LEDGER.charge(data.size)
    return Ball(data)


to_acb = np.frompyfunc(acb, 1, 1)
_to_arb, _is_acb = np.frompyfunc(arb, 1, 1), np.frompyfunc(lambda a: isinstance(a, acb), 1, 1)


def ball(value: Any) -> Ball:
    """A ball array of anything numeric, in its shape; floats are taken exactly.

    Counts its elements: raises `BudgetExceeded` inside of a `budget` that is spent.
    """
    if isinstance(value, Ball):
        return value
    data = np.asarray(value)
    LEDGER.charge(data.size)
    if data.dtype == object:
        some = bool(np.any(_is_acb(data)))
        return wrap((to_acb if some else _to_arb)(data))
    if data.dtype.kind == "c":
        return wrap(to_acb(data.astype(np.complex128).astype(object)))
    if data.dtype == np.longdouble and data.dtype != np.float64:
        high = data.astype(np.float64)
        return ball(high) + ball((data - high).astype(np.float64))
    return wrap(_to_arb(data.astype(object)))


def midpoint(value: Any) -> np.ndarray:
    """The midpoints as float64, of complex balls as complex128; NaN of what may be any number.

    In the shape of the balls. What is no ball array is returned as NumPy has it.
    """
    if not isinstance(value, Ball):
        return np.asarray(value)
    kind = complex if is_complex(value.data) else float
    made = np.asarray(np.frompyfunc(kind, 1, 1)(value.data), dtype=kind)
    finite = np.asarray(_is_finite(value.data), dtype=bool)
    return made if np.all(finite) else np.where(finite | ~_is_endless(value.data), made, np.nan)


_is_finite = np.frompyfunc(lambda a: a.is_finite(), 1, 1)
_endless = np.frompyfunc(lambda a: not a.rad().is_finite(), 1, 1)


def _is_endless(data: np.ndarray) -> np.ndarray:
    """Which balls reach everywhere: Arb calls their midpoint 0."""
    parts = [_real(data), _imag(data)] if is_complex(data) else [data]
    return np.any([np.asarray(_endless(part), dtype=bool) for part in parts], axis=0)


_real, _imag = np.frompyfunc(lambda a: a.real, 1, 1), np.frompyfunc(lambda a: a.imag, 1, 1)


def halves(value: Ball) -> tuple[np.ndarray, np.ndarray]:
    """Two float64 arrays, in the shape of the balls, whose sum holds the midpoints to 106 bits."""
    high = midpoint(value)
    finite = np.where(np.isfinite(high), high, 0.0)
    low = midpoint(wrap(np.subtract(value.data, finite.astype(object))))
    return high, np.where(np.isfinite(high), low, 0.0)


def radius(value: Ball) -> np.ndarray:
    """The radii of real balls as float64, in their shape."""
    return np.asarray(np.frompyfunc(lambda a: float(a.rad()), 1, 1)(value.data), dtype=np.float64)
