"""sin, cos, tan and their inverses of pairs: by tables of sin(jπ/256) and atan(j/128)."""

from __future__ import annotations

import math

from flint import arb

from xgrad.numbers.doubled.exact import Array, Pair, two_product, two_sum
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import (
    absolute,
    add,
    add_float,
    divide,
    lean_add,
    multiply,
    multiply_float,
    negative,
    one,
    sqrt,
    square,
    subtract,
    where,
)
from xgrad.numbers.doubled.series import polynomial
from xgrad.numbers.doubled.tables import (
    Table,
    constant,
    exponent_of,
    gather,
    position,
    ratio,
    steps,
    stretched,
)

PI = constant(arb.pi)
_HALF_PI = constant(lambda: arb.pi() / 2)
_PARTS = steps(lambda: arb.pi() / 256, 53, 3)
_PER_STEP = float(256 / arb.pi())
_SINES = Table(lambda j: (arb.pi() * j / 256).sin(), range(512))
_COSINES = Table(lambda j: (arb.pi() * j / 256).cos(), range(512))
_SINE = [ratio((-1) ** n, math.factorial(2 * n + 1)) for n in range(1, 7)]
_COSINE = [ratio((-1) ** n, math.factorial(2 * n)) for n in range(1, 8)]
LARGEST = 2.0**40


class _Turn:
    """The angle k π/256 + r for whole k and |r| ≤ π/512."""

    def __init__(self, k: Array, r: Pair):
        xp, t = library(k).xp, square(r)
        j = position(k - 512.0 * xp.floor(k * (1 / 512)), 0, 511)
        self.s, self.c = gather(_SINES, j), gather(_COSINES, j)
        self.sine = lean_add(r, multiply(r, multiply(t, polynomial(t, _SINE, 2))))
        self.less = multiply(t, polynomial(t, _COSINE, 2))  # cos r − 1

    def sin(self) -> Pair:
        return add(self.s, add(multiply(self.s, self.less), multiply(self.c, self.sine)))

    def cos(self) -> Pair:
        return add(self.c, subtract(multiply(self.c, self.less), multiply(self.s, self.sine)))


def _reduced(x: Pair) -> tuple[Array, Pair]:
    """Whole k and r with x = k π/256 + r, π to 159 bits; NaN beyond 2**40."""
    xp = library(x[0]).xp
    within = xp.abs(x[0]) <= LARGEST
    k = xp.where(within, xp.round(x[0] * _PER_STEP), xp.nan)
    first, second, third = _PARTS
    high, error = two_product(k, first)
    middle, rest = two_product(k, second)
    r = add(two_sum(x[0] - high, -error), two_sum(x[1], -middle))
    return k, add_float(r, -(rest + k * third))


def sin(x: Pair) -> Pair:
    """The sine."""
    return _Turn(*_reduced(x)).sin()


def cos(x: Pair) -> Pair:
    """The cosine."""
    return _Turn(*_reduced(x)).cos()


def tan(x: Pair) -> Pair:
    """The tangent."""
    turn = _Turn(*_reduced(x))
    return divide(turn.sin(), turn.cos())


def sin_cos_pi(x: Pair) -> tuple[Pair, Pair]:
    """sin πx and cos πx, right in their own digits near every zero, for |x| ≤ 2**44."""
    k = library(x[0]).xp.round(x[0] * 256.0)
    turn = _Turn(k, multiply(add_float(x, k * (-1 / 256)), PI))
    return turn.sin(), turn.cos()


_ANGLES = Table(lambda j: (arb(j) / 128).atan(), range(129))
_ODD = [ratio((-1) ** n, 2 * n + 1) for n in range(1, 9)]


def _small_atan(t: Pair) -> Pair:
    """The angle of a slope t, |t| ≤ 2**-8."""
    s = square(t)
    return lean_add(t, multiply(t, multiply(s, polynomial(s, _ODD, 3))))


def atan2(y: Pair, x: Pair) -> Pair:
    """The angle of the point (x, y)."""
    xp = library(x[0] + y[0]).xp
    size_y, size_x = absolute(y), absolute(x)
    steep = size_y[0] > size_x[0]
    short, long = where(steep, size_x, size_y), where(steep, size_y, size_x)
    e = exponent_of(long[0])
    short, long = stretched(short, -e), stretched(long, -e)
    long = where(long[0] == 0, (1.0, 0.0), long)
    c = xp.round(short[0] / long[0] * 128.0) * (1 / 128)
    over = add(short, negative(multiply_float(long, c)))
    slope = divide(over, add(long, multiply_float(short, c)))
    angle = add(gather(_ANGLES, position(c * 128.0, 0, 128)), _small_atan(slope))
    angle = where(steep, add(_HALF_PI, negative(angle)), angle)
    angle = where(x[0] < 0, add(PI, negative(angle)), angle)
    return where(y[0] < 0, negative(angle), angle)


def atan(x: Pair) -> Pair:
    """The angle of a slope."""
    return atan2(x, one(x))


def asin(x: Pair) -> Pair:
    """The angle of a sine."""
    return atan2(x, _other_leg(x))


def acos(x: Pair) -> Pair:
    """The angle of a cosine."""
    return atan2(_other_leg(x), x)


def _other_leg(x: Pair) -> Pair:
    """√((1 − x) (1 + x))."""
    size, nothing = absolute(x), library(x[0]).xp.nan
    size = where(size[0] <= 1.0, size, (nothing, nothing))
    return sqrt(multiply(add_float(negative(size), 1.0), add_float(size, 1.0)))
