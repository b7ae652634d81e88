"""Sums and products of floats with what rounding took from them: nothing is lost.

Every function takes floats or arrays of one library and returns a result and its error, both
floats. Exact as long as nothing overflows and the error is not below 2**-1074 (2**-1022 where
subnormal numbers are flushed to zero).
"""

from __future__ import annotations

from typing import Any

from xgrad.numbers.doubled.library import library

Array = Any
Pair = tuple[Array, Array]


def two_sum(a: Array, b: Array) -> Pair:
    """a + b (Knuth, The Art of Computer Programming 2, section 4.2.2)."""
    total = a + b
    total = library(total).kept(total)
    of_b = total - a
    rest = of_b - total
    rest += a
    of_b -= b
    rest -= of_b
    return total, rest


def fast_two_sum(a: Array, b: Array) -> Pair:
    """a + b where |a| ≥ |b| or a is 0 (Dekker 1971, Numerische Mathematik 18)."""
    total = a + b
    rest = a - total
    rest += b
    return total, rest


def split(a: Array) -> Pair:
    """a as two halves of 26 bits (Veltkamp; Dekker 1971).

    The factor 2**27 + 1 is applied at a 2**28th of the size, as a sum of two exact products: so
    there is no overflow below 2**1023, and a compiler may fuse the two.
    """
    small = a * 2.0**-28
    high = a * 0.5
    high += small
    small -= high
    high += small
    high *= 2.0**28
    return high, a - high


def two_product(a: Array, b: Array, halves: Pair | None = None) -> Pair:
    """a b (Dekker 1971); `halves` are those of a, where it was split before."""
    product = a * b
    of = library(product)
    product = of.kept(product)
    if of.lost is not None:
        return product, of.lost(a, b, product)
    (a1, a2), (b1, b2) = halves or split(a), split(b)
    rest = a1 * b1
    rest -= product
    rest += a1 * b2
    rest += a2 * b1
    a2 = a2 * b2
    rest += a2
    return product, rest


def two_square(a: Array) -> Pair:
    """a²."""
    product = a * a
    of = library(product)
    product = of.kept(product)
    if of.lost is not None:
        return product, of.lost(a, a, product)
    a1, a2 = split(a)
    rest = a1 * a1
    rest -= product
    a1 *= a2
    rest += a1
    rest += a1
    a2 *= a2
    rest += a2
    return product, rest


def power_above(size: Array) -> Array:
    """The least power of two ≥ size ≥ 0, in [2**-1000, 2**1022] (Rump 2009, NextPowerTwo)."""
    xp = library(size).xp
    half = size * 0.5
    power = half - size * 2.0**-54
    power -= half
    power *= -(2.0**54)
    return xp.minimum(xp.maximum(power, 2.0**-1000), 2.0**1022)
