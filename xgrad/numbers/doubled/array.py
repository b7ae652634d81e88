"""Arrays of numbers that are the sum of two floats of an array library, NumPy, torch or JAX."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.numbers.arrays import Wrapped
from xgrad.numbers.balls.array import COMPLEX, Ball, ball, halves, precision
from xgrad.numbers.doubled.exact import two_sum
from xgrad.numbers.doubled.library import Array, library
from xgrad.numbers.doubled.pairs import settled

_EXACT = 2200  # bits, from the largest float to the last of the least
DTYPE = "doubled"  # what stands for a dtype, as `ball` does


class Doubled(Wrapped):
    """An array of numbers `high` + `low`, two float64 arrays of one library and one shape.

    `high` is the float nearest to the number, so |low| ≤ 2**-53 |high|; where `high` is infinite,
    NaN or zero, `low` is zero. A number has its 106 bits from 2**-968 (1e-291) up to 2**1022
    (4e307); below, the bits end at 2**-1074 (2**-1022 where a library flushes subnormal numbers to
    zero, as XLA does), above the largest float it is infinite, and within a factor 4 of that the
    low part may be lost.
    """

    __slots__ = ("high", "low")
    high: Array
    low: Array

    def __init__(self, high: Array, low: Array):
        """Take a pair that is normalised; `of` normalises any."""
        self.high, self.low = high, low

    @staticmethod
    def of(high: Any, low: Any = 0.0) -> Doubled:
        """The numbers high + low, exactly where 106 bits hold them; raises `UsageError`."""
        return doubled(high) if _is_zero(low) else _sum(_floats(high), _floats(low))

    @property
    def data(self) -> Array:  # what the shape is asked of
        return self.high

    @property
    def dtype(self) -> str:
        return DTYPE

    @property
    def device(self) -> Any:
        """Where the parts are."""
        return self.high.device

    def __getitem__(self, key: Any) -> Doubled:
        return Doubled(self.high[key], self.low[key])

    def __repr__(self) -> str:
        return f"Doubled(shape={self.shape}, {self.high!r})"


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


def _sum(high: Array, low: Array) -> Doubled:
    return Doubled(*settled(high + low, two_sum(high, low)))


def _floats(value: Any) -> Array:
    """Float64 that hold the value exactly; raises `UsageError` where there are none."""
    return doubled(value).high


def doubled(value: Any) -> Doubled:
    """Numbers of anything numeric: floats exactly, whole numbers up to 2**106 exactly.

    Lists and numbers become NumPy arrays, arrays stay in their library. Raises `UsageError` for
    complex numbers, and for libraries without float64.
    """
    if isinstance(value, Doubled):
        return value
    if isinstance(value, Ball):
        return from_ball(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _whole(value)
    if isinstance(value, (bool, float, list, tuple)):
        value = np.asarray(value)
    xp = library(value).xp
    if not hasattr(value.dtype, "itemsize") or value.dtype == np.dtype(object):
        return from_ball(ball(value))
    if xp.isdtype(value.dtype, "complex floating"):
        raise UsageError(f"numbers of type {value.dtype} have no doubled version: give real ones")
    if value.dtype.itemsize == 8 and xp.isdtype(value.dtype, "integral"):
        return _sum(_float64(xp, value >> 32) * 2.0**32, _float64(xp, value & 0xFFFFFFFF))
    high = _float64(xp, value)
    if value.dtype.itemsize > 8:  # NumPy's longdouble
        return _sum(high, _float64(xp, value - high))
    return Doubled(high, xp.zeros_like(high))


def _float64(xp: Any, value: Array) -> Array:
    """The nearest float64; raises `UsageError` where the library has none, as JAX by default."""
    if value.dtype == xp.float64:
        return value
    with warnings.catch_warnings(action="ignore"):  # of JAX; the error below says it
        made = xp.astype(value, xp.float64)
    if made.dtype != xp.float64:
        raise UsageError(f"pairs need float64, got {made.dtype}: set jax_enable_x64")
    return made


def _whole(value: int) -> Doubled:
    """An integer of any size, rounded to 106 bits."""
    high = float(value)
    return Doubled(np.asarray(high), np.asarray(float(value - int(high))))


def nearest(value: Any) -> Array:
    """The nearest floats, in the library and shape of the numbers; what is not doubled as it is."""
    return value.high if isinstance(value, Doubled) else value


def from_ball(value: Ball) -> Doubled:
    """The midpoints to 106 bits, in NumPy; raises `UsageError` for complex balls."""
    if value.dtype == COMPLEX:
        raise UsageError("complex balls have no doubled version: take real and imaginary parts")
    return Doubled(*halves(value))


def to_ball(value: Doubled) -> Ball:
    """The same numbers as exact balls, from any library and device."""
    host = library(value.high).host
    with precision(_EXACT):
        return ball(host(value.high)) + ball(host(value.low))
