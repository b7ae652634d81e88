"""Functions of each element: lifted from Arb, comparisons at midpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers.balls import scalars
from xgrad.numbers.balls.array import LEDGER, Ball, ball, is_complex, wrap
from xgrad.numbers.balls.lifting import Array, Flag, is_ball, is_whole, raw

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _unary(
    function: Callable[[Any], Any],
    plain: Callable[..., Any] | None = None,
    of_complex: Callable[[Any], Any] | None = None,
) -> Any:
    """Lift a function of one ball, `of_complex` where complex ones have another.

    `plain` serves integers where the result stays integer.
    """
    lifted = np.frompyfunc(function, 1, 1)
    complex_ = np.frompyfunc(of_complex or function, 1, 1)

    def apply(x: Array) -> Array:
        if plain is not None and is_whole(x):
            return plain(x)
        data = ball(x).data
        return wrap((complex_ if is_complex(data) else lifted)(data))

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
    return np.frompyfunc(lambda a, b: function(_number(a), _number(b)), 2, 1)


def _number(value: Any) -> Any:
    return value if isinstance(value, (arb, acb)) else arb(value)


def _method(name: str) -> Any:
    """What arb and acb call by the same name."""
    return _unary(getattr(arb, name), None, getattr(acb, name))


exp, log, sqrt = _method("exp"), _method("log"), _method("sqrt")
expm1, log1p = _method("expm1"), _method("log1p")
sin, cos, tan = _method("sin"), _method("cos"), _method("tan")
asin, acos, atan = _method("asin"), _method("acos"), _method("atan")
sinh, cosh, tanh = _method("sinh"), _method("cosh"), _method("tanh")
asinh, acosh, atanh = _method("asinh"), _method("acosh"), _method("atanh")
log2 = _unary(lambda a: a.log() / arb(2).log())
log10 = _unary(lambda a: a.log() / arb(10).log())
erf, erfc = _method("erf"), _method("erfc")
lgamma, digamma = _unary(scalars.lgamma), _method("digamma")
expit, softplus = _unary(scalars.expit), _unary(scalars.softplus)
abs = _unary(scalars.absolute, np.abs)
negative, positive = _unary(lambda a: -a, np.negative), _unary(lambda a: a, np.positive)
square = _unary(lambda a: a * a, np.square)
conj, real = _unary(scalars.conjugate), _unary(lambda a: a, None, lambda a: a.real)
imag, angle = _unary(lambda a: arb(0), None, lambda a: a.imag), _unary(scalars.angle)
reciprocal = _unary(lambda a: 1 / a)
sign = _unary(scalars.sign, np.sign)
floor, ceil = _unary(scalars.floor, np.floor), _unary(scalars.ceil, np.ceil)
trunc, round = _unary(scalars.trunc, np.trunc), _unary(scalars.round_even, np.round)

complex = _binary(_lift2(acb))
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
    lifted = np.frompyfunc(lambda a, b: function(_number(a).mid(), _number(b).mid()), 2, 1)

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
isnan = _question(scalars.is_nan, np.isnan)
isinf = _question(lambda a: not a.is_finite() and not scalars.is_nan(a), np.isinf)
signbit = _question(lambda a: a.mid() < 0, np.signbit)
logical_and, logical_or = np.logical_and, np.logical_or
logical_not, logical_xor = np.logical_not, np.logical_xor


def where(condition: Array, a: Array, b: Array) -> Array:
    """Elements of a where the condition holds, else of b."""
    if is_whole(a, b):
        return np.where(condition, a, b)
    return ball(np.where(condition, raw(ball(a)), raw(ball(b))))


def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """x limited to [min, max]."""
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)
