"""Arithmetic on pairs (high, low) of floats or arrays whose sum is the number: 106 bits.

u is 2**-53; the bounds are relative errors, proved by Joldes, Muller & Popescu 2017, Tight and
rigorous error bounds for basic building blocks of double-word arithmetic, ACM TOMS 44(2), for
numbers whose parts are in the range that `exact` names. A pair is normalised: its high part is the
float nearest to the sum. Where a high part is not finite the low part here is anything: `settled`
puts it right, once for each operation that others see.
"""

from __future__ import annotations

from typing import Any

from xgrad.numbers.doubled.exact import (
    Array,
    Pair,
    fast_two_sum,
    two_product,
    two_square,
    two_sum,
)
from xgrad.numbers.doubled.library import library


def settled(first: Array, pair: Pair) -> Pair:
    """The pair; where it is 0 or not finite, what floats alone say it is, and nothing below."""
    high, low = pair
    xp: Any = library(high).xp
    ordinary = xp.isfinite(low) & (high != 0)
    return xp.where(ordinary, high, first), xp.where(ordinary, low, 0.0)


def add(x: Pair, y: Pair) -> Pair:
    """x + y within 3 u² (AccurateDWPlusDW), also where they cancel."""
    high, rest = two_sum(x[0], y[0])
    small, least = two_sum(x[1], y[1])
    rest += small
    high, rest = fast_two_sum(high, rest)
    rest += least
    return fast_two_sum(high, rest)


def add_float(x: Pair, b: Array) -> Pair:
    """x + b within 2 u² (DWPlusFP)."""
    high, rest = two_sum(x[0], b)
    rest += x[1]
    return fast_two_sum(high, rest)


def lean_add(x: Pair, y: Pair) -> Pair:
    """x + y within 3 u² where |x| ≥ 2 |y| or x is 0: nothing cancels."""
    high, rest = fast_two_sum(x[0], y[0])
    return fast_two_sum(high, rest + (x[1] + y[1]))


def negative(x: Pair) -> Pair:
    """−x, exact."""
    return -x[0], -x[1]


def subtract(x: Pair, y: Pair) -> Pair:
    """x − y within 3 u²."""
    return add(x, (-y[0], -y[1]))


def scaled(x: Pair, power: Array) -> Pair:
    """x times a power of two, exact."""
    return x[0] * power, x[1] * power


def multiply(x: Pair, y: Pair, halves: Pair | None = None) -> Pair:
    """x y within 5 u² (DWTimesDW1; the bound of Muller & Rideau 2022, ACM TOMS 48(1))."""
    product, rest = two_product(x[0], y[0], halves)
    rest += x[0] * y[1] + x[1] * y[0]
    return fast_two_sum(product, rest)


def multiply_float(x: Pair, b: Array) -> Pair:
    """x b within 3 u² (DWTimesFP2)."""
    product, rest = two_product(x[0], b)
    rest += x[1] * b
    return fast_two_sum(product, rest)


def square(x: Pair) -> Pair:
    """x² within 5 u²."""
    product, rest = two_square(x[0])
    cross = x[0] * x[1]
    return fast_two_sum(product, rest + (cross + cross))


def divide(x: Pair, y: Pair) -> Pair:
    """x / y within 15 u² (DWDivDW2)."""
    quotient = x[0] / y[0]
    high, low = multiply_float(y, quotient)
    return fast_two_sum(quotient, ((x[0] - high) + (x[1] - low)) / y[0])


def sqrt(x: Pair) -> Pair:
    """√x within 4 u² (Lefèvre, Louvet, Muller, Picot & Rideau 2023, ACM TOMS 49(1))."""
    root = library(x[0]).xp.sqrt(x[0])
    high, low = two_square(root)
    twice = library(x[0]).xp.where(root == 0, 1.0, root + root)
    return fast_two_sum(root, ((x[0] - high) + (x[1] - low)) / twice)


def less(x: Pair, y: Pair) -> Array:
    """x < y, exact."""
    return (x[0] < y[0]) | ((x[0] == y[0]) & (x[1] < y[1]))


def where(condition: Array, x: Pair, y: Pair) -> Pair:
    """x where the condition holds, else y; one of each part at least is an array."""
    choose = library(condition).xp.where
    return choose(condition, x[0], y[0]), choose(condition, x[1], y[1])


def absolute(x: Pair) -> Pair:
    """|x|."""
    return where(x[0] < 0, negative(x), x)


def one(x: Pair) -> Pair:
    """1 in the shape of x."""
    xp = library(x[0]).xp
    return xp.ones_like(x[0]), xp.zeros_like(x[0])
