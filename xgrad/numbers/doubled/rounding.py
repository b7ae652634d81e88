"""Whole numbers of pairs, remainders, and powers."""

from __future__ import annotations

from typing import Any

from xgrad.numbers.doubled.exact import Array, Pair, fast_two_sum
from xgrad.numbers.doubled.exponentials import exp, log
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import (
    absolute,
    add,
    add_float,
    divide,
    less,
    multiply,
    negative,
    scaled,
    subtract,
    where,
)


def floor(x: Pair) -> Pair:
    """The largest whole number not above x."""
    xp = library(x[0]).xp
    high = xp.floor(x[0])
    return fast_two_sum(high, xp.where(high == x[0], xp.floor(x[1]), 0.0))


def ceil(x: Pair) -> Pair:
    """The smallest whole number not below x."""
    return negative(floor(negative(x)))


def trunc(x: Pair) -> Pair:
    """The whole number towards zero."""
    return where(x[0] < 0, ceil(x), floor(x))


def round_even(x: Pair) -> Pair:
    """The nearest whole number, the even one of two."""
    xp = library(x[0]).xp
    high = xp.round(x[0])
    over = x[0] - high
    pushed = xp.where((over == 0.5) & (x[1] > 0), 1.0, 0.0)
    pushed = xp.where((over == -0.5) & (x[1] < 0), -1.0, pushed)
    return fast_two_sum(high, xp.where(over == 0, xp.round(x[1]), pushed))


def _divided(x: Pair, y: Pair) -> tuple[Pair, Pair]:
    """⌊x / y⌋ and what is left, with the sign of y; quotients are exact up to 2**100."""
    quotient = floor(divide(x, y))
    rest = subtract(x, multiply(quotient, y))
    size, of_y = where(y[0] < 0, negative(rest), rest), absolute(y)
    one_less, one_more = size[0] < 0, ~less(size, of_y)
    quotient = where(one_less, add_float(quotient, -1.0), quotient)
    quotient = where(one_more, add_float(quotient, 1.0), quotient)
    rest = where(one_less, add(rest, y), rest)
    return quotient, where(one_more, subtract(rest, y), rest)


def floor_divide(x: Pair, y: Pair) -> Pair:
    """⌊x / y⌋."""
    return _divided(x, y)[0]


def remainder(x: Pair, y: Pair) -> Pair:
    """x − y ⌊x / y⌋, to 2**-100 |x|."""
    return _divided(x, y)[1]


def left_of_remainder(xp: Any, a: Array, b: Array) -> Array:
    """What floats say where pairs leave 0 or no number: 0 unless they leave none themselves."""
    native = xp.remainder(a + 0.0 * b, b)
    return xp.where(xp.isfinite(native), 0.0 * native, native)


def left_of_quotient(xp: Any, a: Array, b: Array) -> Array:
    """The same of quotients."""
    native = xp.floor(a / b)
    return xp.where(xp.isfinite(native), 0.0 * native, native)


def power(x: Pair, y: Pair) -> Pair:
    """x to the power y by exp(y log |x|), with the sign of x to a whole y; NaN where it is not."""
    xp = library(x[0] + y[0]).xp
    half = scaled(y, 0.5)
    whole, even = _is_whole(y), _is_whole(half)
    usual = (x[0] != 0) & xp.isfinite(x[0]) & xp.isfinite(y[0]) & ((x[0] > 0) | whole)
    made = exp(multiply(y, log(absolute(x))))
    made = where((x[0] < 0) & whole & ~even, negative(made), made)
    return where(usual, made, (xp.nan, xp.nan))


def _is_whole(x: Pair) -> Array:
    xp = library(x[0]).xp
    return (xp.floor(x[0]) == x[0]) & (xp.floor(x[1]) == x[1])
