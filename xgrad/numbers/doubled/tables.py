"""Constants to 106 bits, from Arb: single ones, tables that are looked up, powers of two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers.balls.array import precision
from xgrad.numbers.doubled.exact import Array, Pair
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import scaled

_BITS = 400


def constant(make: Callable[[], Any]) -> tuple[float, float]:
    """The pair of Python floats nearest to a ball."""
    with precision(_BITS):
        return pair_of(make())


def pair_of(value: Any) -> tuple[float, float]:
    """A ball as a pair of Python floats, in the bits of the moment."""
    value = arb(value)
    high = 0.0 if value.contains(0) else float(value)  # as sin π, which is 0
    return high, 0.0 if high == 0.0 else float(value - high)


def ratio(numerator: int, denominator: int = 1) -> tuple[float, float]:
    """A fraction as a pair."""
    value = Fraction(numerator, denominator)
    return float(value), float(value - Fraction(float(value)))


class Table:
    """A function of each key as two rows of floats, made when they are first looked up."""

    def __init__(self, function: Callable[[Any], Any], keys: Iterable[Any]):
        self._function, self._keys = function, keys

    @cached_property
    def parts(self) -> np.ndarray:
        """The high and the low parts."""
        with precision(_BITS):
            return np.array([pair_of(self._function(key)) for key in self._keys]).T


def steps(value: Callable[[], Any], bits: int, count: int) -> list[float]:
    """A constant as a sum of floats of so many bits each, the last as it comes."""
    with precision(_BITS):
        rest, made = arb(value()), []
        for _ in range(count - 1):
            scale = arb(2) ** (bits - 1 - int(np.floor(np.log2(abs(float(rest))))))
            made.append(float((rest * scale).floor() / scale))
            rest -= made[-1]
        return [*made, float(rest)]


def position(number: Array, least: int, most: int) -> Array:
    """A whole number in floats as an index from `least` on; 0 stands for what is not in range."""
    xp = library(number).xp
    inside = (number >= least) & (number <= most)
    return xp.astype(xp.where(inside, number, 0.0), xp.int64) - least


def gather(values: Table, index: Array) -> Pair:
    """The elements of a table at positions."""
    high, low = taken(values.parts, index)
    return high, low


def taken(rows: np.ndarray, index: Array) -> list[Array]:
    """The elements at positions of each row of floats."""
    of = library(index)
    flat = of.xp.take(of.table(rows, index), of.xp.reshape(index, (-1,)), axis=1)
    made = of.xp.reshape(flat, (len(rows), *index.shape))
    return [made[k, ...] for k in range(len(rows))]


_POWERS = 2.0 ** np.arange(-1022, 1024)[None, :]


def _power(exponent: Array) -> Array:
    """2**n for whole n in [−1022, 1023]: exact, as a library's own power need not be."""
    return taken(_POWERS, position(exponent, -1022, 1023))[0]


def _halves(exponent: Array) -> tuple[Array, Array]:
    half = library(exponent).xp.floor(exponent * 0.5)
    return _power(half), _power(exponent - half)


def power_of_two(exponent: Array) -> Array:
    """2**n for whole n in [−2044, 2044]: infinite above the range, 0 below."""
    first, second = _halves(exponent)
    return first * second


def stretched(x: Pair, exponent: Array) -> Pair:
    """x 2**n for whole n in [−2044, 2044]: exact unless it leaves the range."""
    first, second = _halves(exponent)
    return scaled(scaled(x, first), second)


def exponent_of(high: Array) -> Array:
    """A whole n with |x| within a factor 1.5 of 2**n; 0 for what is zero or not finite."""
    of = library(high)
    size = of.xp.abs(high)
    usual = (size > 0) & (size <= _LARGEST)
    size = of.xp.where(usual, size, 1.0)
    return of.whole_log2(size) if of.whole_log2 else of.xp.round(of.xp.log2(size))


_LARGEST = float(np.finfo(np.float64).max)
