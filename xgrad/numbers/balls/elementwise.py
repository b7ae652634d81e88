"""Functions of each element: lifted from Arb, comparisons at midpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers.balls import scalars
from xgrad.numbers.balls.array import LEDGER, Ball, ball, wrap
from xgrad.numbers.balls.lifting import Array, Flag, is_ball, is_whole, raw

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _unary(function: Callable[[Any], Any], plain: Callable[..., Any] | None = None) -> Any:
    """Lift a function of one arb; `plain` serves integers where the result stays integer."""
    lifted = np.frompyfunc(function, 1, 1)

    def apply(x: Array) -> Array:
        if plain is not None and is_whole(x):
            return plain(x)
        return wrap(lifted(ball(x).data))

    return apply


def _binary(function: Callable[[Any, Any], Any], plain: Callable[..., Any] | None = None) -> Any:
    """Lift a binary operation; integers among themselves stay with NumPy's `plain`."""

    def apply(a: Array, b: Array) -> Array:
        if plain is not None and is_whole(a, b):
            return plain(a, b)
        x, y = raw(a if is_ball(b) else ball(a)), raw(b)
        LEDGER.charge(np.broadcast(x, y).size)
        return wrap(function(x, y))

    return apply


def _lift2(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return np.frompyfunc(lambda a, b: function(arb(a), arb(b)), 2, 1)


exp, log, sqrt = _unary(arb.exp), _unary(arb.log), _unary(arb.sqrt)
expm1, log1p = _unary(arb.expm1), _unary(arb.log1p)
sin, cos, tan = _unary(arb.sin), _unary(arb.cos), _unary(arb.tan)
asin, acos, atan = _unary(arb.asin), _unary(arb.acos), _unary(arb.atan)
sinh, cosh, tanh = _unary(arb.sinh), _unary(arb.cosh), _unary(arb.tanh)
asinh, acosh, atanh = _unary(arb.asinh), _unary(arb.acosh), _unary(arb.atanh)
log2 = _unary(lambda a: a.log() / arb(2).log())
log10 = _unary(lambda a: a.log() / arb(10).log())
erf, erfc = _unary(arb.erf), _unary(arb.erfc)
lgamma, digamma = _unary(scalars.lgamma), _unary(arb.digamma)
expit, softplus = _unary(scalars.expit), _unary(scalars.softplus)
abs = _unary(scalars.absolute, np.abs)
negative, positive = _unary(lambda a: -a, np.negative), _unary(lambda a: a, np.positive)
square = _unary(lambda a: a * a, np.square)
real = conj = positive
reciprocal = _unary(lambda a: 1 / a)
sign = _unary(scalars.sign, np.sign)
floor, ceil = _unary(scalars.floor, np.floor), _unary(scalars.ceil, np.ceil)
trunc, round = _unary(scalars.trunc, np.trunc), _unary(scalars.round_even, np.round)

add = _binary(np.add, np.add)
subtract = _binary(np.subtract, np.subtract)
multiply = _binary(np.multiply, np.multiply)
pow = _binary(_lift2(scalars.power), np.power)
divide = _binary(lambda a, b: np.divide(raw(ball(a)), b))
remainder = _binary(_lift2(scalars.remainder), np.remainder)
floor_divide = _binary(_lift2(lambda a, b: scalars.floor(a / b)), np.floor_divide)
atan2, hypot = _binary(_lift2(arb.atan2)), _binary(_lift2(scalars.hypot))
maximum = _binary(_lift2(scalars.larger), np.maximum)
minimum = _binary(_lift2(scalars.smaller), np.minimum)
copysign = _binary(_lift2(scalars.copysign))
logaddexp = _binary(_lift2(scalars.logaddexp))


def polygamma(n: int, x: Array) -> Array:
    """The derivative of order n of the digamma function."""
    return _unary(lambda a: scalars.polygamma(n, a))(x)


def _compare(function: Callable[[Any, Any], Flag], plain: Callable[..., Any]) -> Any:
    """Compare midpoints: every comparison has an answer, and kinks show in the slopes."""
    lifted = np.frompyfunc(lambda a, b: function(arb(a).mid(), arb(b).mid()), 2, 1)

    def apply(a: Array, b: Array) -> Array:
        if not is_ball(a, b):
            return plain(a, b)
        return np.asarray(lifted(raw(a), raw(b)), dtype=bool)

    return apply


less = _compare(lambda a, b: a < b, np.less)
less_equal = _compare(lambda a, b: a <= b, np.less_equal)
greater = _compare(lambda a, b: a > b, np.greater)
greater_equal = _compare(lambda a, b: a >= b, np.greater_equal)
equal = _compare(lambda a, b: a == b, np.equal)
not_equal = _compare(lambda a, b: not (a == b), np.not_equal)  # noqa: SIM201 - true of nan


def _question(function: Callable[[arb], Flag], plain: Callable[..., Any]) -> Any:
    lifted = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(lifted(x.data), dtype=bool) if isinstance(x, Ball) else plain(x)


isfinite = _question(lambda a: a.is_finite(), np.isfinite)
isnan = _question(lambda a: a.is_nan() or a.mid().is_nan(), np.isnan)
isinf = _question(lambda a: not a.is_finite() and not a.is_nan(), np.isinf)
signbit = _question(lambda a: a.mid() < 0, np.signbit)
logical_and, logical_or = np.logical_and, np.logical_or
logical_not, logical_xor = np.logical_not, np.logical_xor


def where(condition: Array, a: Array, b: Array) -> Array:
    """Elements of a where the condition holds, else of b."""
    if is_whole(a, b):
        return np.where(condition, a, b)
    return wrap(np.where(condition, raw(ball(a)), raw(ball(b))))


def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """x limited to [min, max]."""
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)
