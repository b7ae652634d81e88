"""Functions of each element: lifted from Arb, comparisons at midpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb, arb

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


def _power(a: arb, b: arb) -> arb:
    if b.is_exact() and b.is_integer():
        return _whole_power(a, int(b.unique_fmpz()))
    return a**b


def _whole_power(a: arb, n: int) -> arb:
    """By squaring, where `a**n` would be NaN for a ball around zero."""
    if not a.contains(0) or n < 0:
        return a**n
    power = arb(1)
    for bit in f"{n:b}":
        power = power * power * (a if bit == "1" else arb(1))
    return power


def _floor_of(function: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """Steps taken at the midpoint, so that a ball around an integer has one answer."""
    return lambda a: function(a.mid())


def _sign(a: arb) -> arb:
    middle = a.mid()
    return arb((middle > 0) - (middle < 0))


def _round_even(a: arb) -> arb:
    middle = a.mid()
    low = middle.floor()
    above = middle - low
    half = arb(1) / 2
    up = above > half or (above == half and int(low.unique_fmpz()) % 2 == 1)
    return low + 1 if up else low


def _expit(a: arb) -> arb:
    return 1 / (1 + (-a).exp())


def _softplus(a: arb) -> arb:
    return a.exp().log1p() if a.mid() < 0 else a + (-a).exp().log1p()


def _lgamma(a: arb) -> arb:
    """log |Γ(a)|: Arb's own is real for a > 0 only."""
    return a.lgamma() if a.mid() > 0 else a.gamma().__abs__().log()


def _remainder(a: arb, b: arb) -> arb:
    return a - b * (a / b).mid().floor()


exp, log, sqrt = _unary(arb.exp), _unary(arb.log), _unary(arb.sqrt)
expm1, log1p = _unary(arb.expm1), _unary(arb.log1p)
sin, cos, tan = _unary(arb.sin), _unary(arb.cos), _unary(arb.tan)
asin, acos, atan = _unary(arb.asin), _unary(arb.acos), _unary(arb.atan)
sinh, cosh, tanh = _unary(arb.sinh), _unary(arb.cosh), _unary(arb.tanh)
asinh, acosh, atanh = _unary(arb.asinh), _unary(arb.acosh), _unary(arb.atanh)
log2 = _unary(lambda a: a.log() / arb(2).log())
log10 = _unary(lambda a: a.log() / arb(10).log())
erf, erfc = _unary(arb.erf), _unary(arb.erfc)
lgamma, digamma = _unary(_lgamma), _unary(arb.digamma)
expit, softplus = _unary(_expit), _unary(_softplus)
abs = _unary(lambda a: a if a.mid() >= 0 else -a, np.abs)
negative, positive = _unary(lambda a: -a, np.negative), _unary(lambda a: a, np.positive)
square = _unary(lambda a: a * a, np.square)
real = conj = positive
reciprocal = _unary(lambda a: 1 / a)
sign = _unary(_sign, np.sign)
floor = _unary(_floor_of(arb.floor), np.floor)
ceil = _unary(_floor_of(arb.ceil), np.ceil)
trunc = _unary(lambda a: a.mid().floor() if a.mid() >= 0 else a.mid().ceil(), np.trunc)
round = _unary(_round_even, np.round)

add = _binary(np.add, np.add)
subtract = _binary(np.subtract, np.subtract)
multiply = _binary(np.multiply, np.multiply)
pow = _binary(_lift2(_power), np.power)
divide = _binary(lambda a, b: np.divide(raw(ball(a)), b))
remainder = _binary(_lift2(_remainder), np.remainder)
floor_divide = _binary(_lift2(lambda a, b: (a / b).mid().floor()), np.floor_divide)
atan2 = _binary(_lift2(arb.atan2))
hypot = _binary(_lift2(lambda a, b: (a * a + b * b).sqrt()))
maximum = _binary(_lift2(lambda a, b: b if a.mid() < b.mid() else a), np.maximum)
minimum = _binary(_lift2(lambda a, b: b if b.mid() < a.mid() else a), np.minimum)
copysign = _binary(_lift2(lambda a, b: a if (a.mid() < 0) == (b.mid() < 0) else -a))
logaddexp = _binary(
    _lift2(lambda a, b: a + _softplus(b - a) if b.mid() < a.mid() else b + _softplus(a - b))
)


def polygamma(n: int, x: Array) -> Array:
    """The derivative of order n of the digamma function."""
    return digamma(x) if n == 0 else _unary(lambda a: acb(a).polygamma(n).real)(x)


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
