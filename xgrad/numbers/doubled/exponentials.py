"""exp, log and what is made of them, of pairs: by tables of 2**(j/256) and log(j/128).

The reduced arguments are below 2**-8, their series short; the tables are right to 107 bits. After
Tang 1989, 1990, Table-driven implementation of the exponential (logarithm) function, ACM TOMS.
"""

from __future__ import annotations

import math
from typing import Any

from flint import arb

from xgrad.numbers.doubled.exact import Array, Pair, fast_two_sum, two_sum
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import (
    absolute,
    add,
    add_float,
    divide,
    lean_add,
    less,
    multiply,
    multiply_float,
    negative,
    one,
    scaled,
    sqrt,
    square,
    where,
)
from xgrad.numbers.doubled.series import polynomial
from xgrad.numbers.doubled.tables import (
    Table,
    constant,
    exponent_of,
    gather,
    position,
    power_of_two,
    ratio,
    steps,
    stretched,
)

LN2 = constant(lambda: arb(2).log())
ONE_OVER_LN2 = constant(lambda: 1 / arb(2).log())
ONE_OVER_LN10 = constant(lambda: 1 / arb(10).log())

# --- exponentials --------------------------------------------------------------------------------

_PARTS = steps(lambda: arb(2).log() / 256, 34, 3)  # times 2**19 without rounding
_PER_STEP = float(256 / arb(2).log())
_LESS_ONE = Table(lambda j: (arb(2).log() * j / 256).expm1(), range(-128, 129))
_FACTORIALS = [ratio(1, math.factorial(n)) for n in range(1, 11)]


def _reduced(x: Pair) -> tuple[Array, Pair, Pair]:
    """e, the pair of 2**(j/256) − 1 and exp(r) − 1 for x = (e + j/256) log 2 + r."""
    xp = library(x[0]).xp
    k = xp.round(x[0] * _PER_STEP)
    whole = xp.round(k * (1 / 256))
    first, second, third = _PARTS
    r = add(two_sum(x[0] - k * first, -(k * second)), two_sum(x[1], -(k * third)))
    return whole, gather(_LESS_ONE, position(k - 256 * whole, -128, 128)), _small_expm1(r)


def _small_expm1(r: Pair) -> Pair:
    """exp(r) − 1 for |r| ≤ 2**-9."""
    return lean_add(r, multiply(square(r), polynomial(r, _FACTORIALS[1:], 4)))


def _limited(x: Pair, bound: float = 1000.0) -> Pair:
    """x within ± bound: beyond, nothing changes any more."""
    xp = library(x[0]).xp
    high = xp.where(x[0] > bound, bound, xp.where(x[0] < -bound, -bound, x[0]))
    return high, xp.where(high == x[0], x[1], 0.0)


def _grown(factor: Pair, small: Pair, whole: Array) -> Pair:
    """(1 + factor) (1 + small) 2**whole."""
    base = add_float(factor, 1.0)
    return fast_two_sum(*stretched(lean_add(base, multiply(base, small)), whole))


def exp(x: Pair, shift: int = 0) -> Pair:
    """exp(x) 2**shift."""
    whole, factor, small = _reduced(_limited(x))
    return _grown(factor, small, whole + shift)


def exp2(x: Pair) -> Pair:
    """2**x."""
    xp = library(x[0]).xp
    x = _limited(x, 2000.0)
    k = xp.round(x[0] * 256)
    whole = xp.round(k * (1 / 256))
    r = multiply(add_float(x, k * (-1 / 256)), LN2)
    factor = gather(_LESS_ONE, position(k - 256 * whole, -128, 128))
    return _grown(factor, _small_expm1(r), whole)


def expm1(x: Pair, shift: int = 0) -> Pair:
    """(exp(x) − 1) 2**shift, right in its own digits near 0."""
    whole, factor, small = _reduced(_limited(x))
    grown = add(factor, add(small, multiply(factor, small)))  # (1 + factor) (1 + small) − 1
    power = power_of_two(whole + shift)
    return add(stretched(grown, whole + shift), two_sum(power, -(2.0**shift)))


def sinh(x: Pair) -> Pair:
    """sinh x = (m + m / (2 m + 1)), m = (exp |x| − 1) / 2."""
    m = expm1(absolute(x), -1)
    size = add(m, scaled(divide(m, add_float(m, 0.5)), 0.5))
    return where(x[0] < 0, negative(size), size)


def cosh(x: Pair) -> Pair:
    """cosh x = h + 1 / (4 h), h = exp |x| / 2."""
    h = exp(absolute(x), -1)
    return add(h, divide(ratio(1, 4), h))


def tanh(x: Pair) -> Pair:
    """tanh x = m / (m + 2), m = exp(2 |x|) − 1."""
    m = expm1(scaled(_limited(absolute(x), 100.0), 2.0))
    made = divide(m, add_float(m, 2.0))
    return where(x[0] < 0, negative(made), made)


def expit(x: Pair) -> Pair:
    """1 / (1 + exp(−x)), the smaller exponential."""
    e = exp(negative(absolute(x)))
    below = add_float(e, 1.0)
    return divide(where(x[0] < 0, e, (1.0, 0.0)), below)


# --- logarithms ----------------------------------------------------------------------------------

_LOGS = Table(lambda j: (arb(j) / 128).log(), range(88, 185))
_ODD = [ratio(1, 2 * n + 1) for n in range(1, 8)]


def _twice_atanh(s: Pair) -> Pair:
    """log((1 + s) / (1 − s)) for |s| ≤ 2**-8."""
    t = square(s)
    twice = scaled(s, 2.0)
    return lean_add(twice, multiply(twice, multiply(t, polynomial(t, _ODD, 2))))


def _pieces(x: Pair) -> tuple[Array, Pair, Pair, Pair]:
    """e, log c and m − c, m + c for x = 2**e m with m near c = j/128; those of 1 for x ≤ 0."""
    xp = library(x[0]).xp
    e = exponent_of(xp.where(x[0] > 0, x[0], 0.0))
    m = stretched(x, -e)
    m = where((m[0] < 0.69) | (m[0] > 1.43), (1.0, 0.0), m)
    j = xp.round(m[0] * 128.0)
    c = j * (1 / 128)
    return e, gather(_LOGS, position(j, 88, 184)), add_float(m, -c), add_float(m, c)


def log(x: Pair) -> Pair:
    """The natural logarithm; near 1 right in its own digits."""
    e, log_c, over, under = _pieces(x)
    return add(add(multiply_float(LN2, e), log_c), _twice_atanh(divide(over, under)))


def log1p(x: Pair) -> Pair:
    """log(1 + x); near 0 right in its own digits."""
    small = library(x[0]).xp.abs(x[0]) < 2.0**-8
    e, log_c, over, under = _pieces(add_float(x, 1.0))
    s = divide(where(small, x, over), where(small, add_float(x, 2.0), under))
    base = add(multiply_float(LN2, e), log_c)
    return add(where(small, (0.0, 0.0), base), _twice_atanh(s))


def log2(x: Pair) -> Pair:
    """The logarithm to base 2, exact for powers of 2."""
    e, log_c, over, under = _pieces(x)
    rest = multiply(add(log_c, _twice_atanh(divide(over, under))), ONE_OVER_LN2)
    return add_float(rest, e)


def log10(x: Pair) -> Pair:
    """The logarithm to base 10."""
    return multiply(log(x), ONE_OVER_LN10)


def softplus(x: Pair) -> Pair:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(−|x|))."""
    rest = log1p(exp(negative(absolute(x))))
    return add(where(x[0] > 0, x, (0.0, 0.0)), rest)


def logaddexp(x: Pair, y: Pair) -> Pair:
    """log(exp(x) + exp(y)), shifted by the larger."""
    swap = x[0] < y[0]
    high, low = where(swap, y, x), where(swap, x, y)
    return add(high, log1p(exp(add(low, negative(high)))))


def asinh(x: Pair) -> Pair:
    """asinh x = log1p(|x| + x² / (1 + √(1 + x²)))."""
    size = absolute(x)
    root = hypot(size, one(x))
    made = log1p(add(size, multiply(size, divide(size, add_float(root, 1.0)))))
    return where(x[0] < 0, negative(made), made)


def acosh(x: Pair) -> Pair:
    """acosh x = log1p(z + √z √(z + 2)), z = x − 1."""
    z = add_float(x, -1.0)
    z = where(z[0] >= 0, z, (0.0, 0.0))
    return log1p(add(z, multiply(sqrt(z), sqrt(add_float(z, 2.0)))))


def atanh(x: Pair) -> Pair:
    """atanh x = log1p(2 |x| / (1 − |x|)) / 2."""
    size = absolute(x)
    size = where(less(size, (1.0, 0.0)), size, (0.0, 0.0))
    odds = divide(scaled(size, 2.0), add_float(negative(size), 1.0))
    made = scaled(log1p(odds), 0.5)
    return where(x[0] < 0, negative(made), made)


def hypot(x: Pair, y: Pair) -> Pair:
    """√(x² + y²), scaled so that the squares do not leave the range."""
    xp = library(x[0]).xp
    x, y = absolute(x), absolute(y)
    e = exponent_of(xp.where(x[0] > y[0], x[0], y[0]))
    x, y = stretched(x, -e), stretched(y, -e)
    return stretched(sqrt(lean_add(*_ordered(square(x), square(y)))), e)


def _ordered(x: Pair, y: Pair) -> tuple[Any, Any]:
    swap = x[0] < y[0]
    return where(swap, y, x), where(swap, x, y)
