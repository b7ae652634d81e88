"""Functions of each element: pairs lifted to doubled arrays, comparisons exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xgrad.numbers.doubled import exponentials, pairs, rounding, special, trigonometry
from xgrad.numbers.doubled.array import Doubled, doubled
from xgrad.numbers.doubled.exact import Array, Pair
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.lifting import (
    Flag,
    binary,
    in_common,
    is_doubled,
    is_whole,
    plainly,
    unary,
)
from xgrad.numbers.doubled.loops import Kernel
from xgrad.numbers.doubled.products import ADD, MULTIPLY

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _unary(name: str, of_pair: Callable[[Pair], Pair], whole: Flag = False) -> Any:
    """Lift a function that the library has for floats, where these are not ordinary."""
    return unary(Kernel(of_pair, lambda xp, x: getattr(xp, name)(x)), name if whole else "")


def _binary(name: str, of_pairs: Callable[[Pair, Pair], Pair]) -> Any:
    return binary(Kernel(of_pairs, lambda xp, a, b: getattr(xp, name)(a, b)), scalars=False)


exp, expm1 = _unary("exp", exponentials.exp), _unary("expm1", exponentials.expm1)
log, log1p = _unary("log", exponentials.log), _unary("log1p", exponentials.log1p)
log2, log10 = _unary("log2", exponentials.log2), _unary("log10", exponentials.log10)
sinh, cosh = _unary("sinh", exponentials.sinh), _unary("cosh", exponentials.cosh)
tanh, asinh = _unary("tanh", exponentials.tanh), _unary("asinh", exponentials.asinh)
acosh, atanh = _unary("acosh", exponentials.acosh), _unary("atanh", exponentials.atanh)
atan, asin = _unary("atan", trigonometry.atan), _unary("asin", trigonometry.asin)
acos = _unary("acos", trigonometry.acos)
# What is left of these where a result is 0 or no number at all.
exp2 = unary(Kernel(exponentials.exp2, lambda xp, x: xp.where(x < 0, 0.0, x)))
expit = unary(
    Kernel(exponentials.expit, lambda xp, x: xp.where(x > 0, 1.0, xp.where(x < 0, 0.0, x)))
)
softplus = unary(Kernel(exponentials.softplus, lambda xp, x: xp.where(x < 0, 0.0, x)))
erf = unary(Kernel(special.erf, lambda xp, x: x))
erfc = unary(Kernel(special.erfc, lambda xp, x: xp.where(x > 0, 0.0, x)))
lgamma = unary(
    Kernel(
        special.lgamma,
        lambda xp, x: xp.where((x == 1) | (x == 2), 0.0, xp.where(xp.isnan(x), x, xp.inf)),
    )
)
digamma = unary(
    Kernel(
        special.digamma,
        lambda xp, x: xp.where(x > 0, x, xp.where(x == 0, -xp.inf, xp.nan)),
    )
)

sqrt, square = _unary("sqrt", pairs.sqrt), _unary("square", pairs.square, whole=True)
reciprocal = unary(Kernel(lambda x: pairs.divide((1.0, 0.0), x), lambda xp, x: 1.0 / x))
floor, ceil = _unary("floor", rounding.floor, True), _unary("ceil", rounding.ceil, True)
trunc, round = _unary("trunc", rounding.trunc, True), _unary("round", rounding.round_even, True)

add = binary(ADD, "add")
subtract = binary(Kernel(pairs.subtract, lambda xp, a, b: a - b), "subtract")
multiply = binary(MULTIPLY, "multiply")
divide = binary(Kernel(pairs.divide, lambda xp, a, b: a / b))
remainder = binary(Kernel(rounding.remainder, rounding.left_of_remainder), "remainder", False)
floor_divide = binary(
    Kernel(rounding.floor_divide, rounding.left_of_quotient), "floor_divide", False
)
atan2, hypot = _binary("atan2", trigonometry.atan2), _binary("hypot", exponentials.hypot)
logaddexp = _binary("logaddexp", exponentials.logaddexp)
_power = _binary("pow", rounding.power)


def _of_circle(of_pair: Callable[[Pair], Pair]) -> Any:
    """Lift a function of an angle: 0 at 0, nothing beyond 2**40, where floats alone would go on."""
    beyond = trigonometry.LARGEST
    return unary(Kernel(of_pair, lambda xp, x: xp.where(xp.abs(x) <= beyond, x, xp.nan)))


sin, cos, tan = map(_of_circle, (trigonometry.sin, trigonometry.cos, trigonometry.tan))


def _exact(name: str, of_pair: Callable[[Any, Pair], Pair]) -> Any:
    """Lift a function that rounds nothing, of any pair."""

    def apply(x: Any) -> Any:
        if is_whole(x):
            return plainly(name, x)
        x = doubled(x)
        return Doubled(*of_pair(library(x.high).xp, (x.high, x.low)))

    return apply


positive = _exact("positive", lambda xp, x: x)
negative = _exact("negative", lambda xp, x: pairs.negative(x))
abs = _exact("abs", lambda xp, x: (xp.abs(x[0]), xp.where(x[0] < 0, -x[1], x[1])))
sign = _exact("sign", lambda xp, x: (xp.sign(x[0]), xp.zeros_like(x[1])))
real, conj = positive, positive
imag = _exact("imag", lambda xp, x: (xp.zeros_like(x[0]), xp.zeros_like(x[0])))


def _compared(name: str, of_pairs: Callable[[Pair, Pair], Array]) -> Any:
    def apply(a: Any, b: Any) -> Array:
        return of_pairs(*in_common(a, b)) if is_doubled(a, b) else plainly(name, a, b)

    return apply


def _equal(x: Pair, y: Pair) -> Array:
    return (x[0] == y[0]) & (x[1] == y[1])


def _less_equal(x: Pair, y: Pair) -> Array:
    return (x[0] < y[0]) | ((x[0] == y[0]) & (x[1] <= y[1]))


equal = _compared("equal", _equal)
not_equal = _compared("not_equal", lambda x, y: (x[0] != y[0]) | (x[1] != y[1]))
less, less_equal = _compared("less", pairs.less), _compared("less_equal", _less_equal)
greater = _compared("greater", lambda x, y: pairs.less(y, x))
greater_equal = _compared("greater_equal", lambda x, y: _less_equal(y, x))


def _question(name: str) -> Any:
    return lambda x: plainly(name, x.high if isinstance(x, Doubled) else x)


isfinite, isnan, isinf = _question("isfinite"), _question("isnan"), _question("isinf")
signbit = _question("signbit")


def _truth(value: Any) -> Any:
    """Booleans: numbers are true unless they are zero."""
    return value.high != 0 if isinstance(value, Doubled) else value


def _logical(name: str) -> Any:
    return lambda *conditions: plainly(name, *map(_truth, conditions))


logical_and, logical_or = _logical("logical_and"), _logical("logical_or")
logical_not, logical_xor = _logical("logical_not"), _logical("logical_xor")


def where(condition: Array, a: Any, b: Any) -> Any:
    """Elements of a where the condition holds, else of b."""
    if is_whole(a, b):
        return plainly("where", condition, a, b)
    x, y, (chosen, _) = in_common(doubled(a), doubled(b), condition)
    return Doubled(*pairs.where(chosen != 0, x, y))


def _extreme(name: str, before: Callable[[Pair, Pair], Array]) -> Any:
    def apply(a: Any, b: Any) -> Any:
        if is_whole(a, b):
            return plainly(name, a, b)
        x, y = in_common(doubled(a), doubled(b))
        return Doubled(*pairs.where(before(x, y) | (x[0] != x[0]), x, y))

    return apply


maximum = _extreme("maximum", lambda x, y: _less_equal(y, x))
minimum = _extreme("minimum", _less_equal)


def copysign(a: Any, b: Any) -> Any:
    """a with the sign of b."""
    size = abs(doubled(a))
    return where(signbit(doubled(b)), negative(size), size)


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """x limited to [min, max]."""
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)


def pow(a: Any, b: Any) -> Any:
    """a to the power b: whole numbers up to 64 by products, others by exp(b log |a|).

    The relative error of the latter is about |b log a| times 2**-106.
    """
    if is_whole(a, b):
        return plainly("pow", a, b)
    if isinstance(b, (int, float)) and b % 1 == 0 and -64 <= b <= 64:
        return _whole_power(doubled(a), int(b))
    if isinstance(b, float) and b in (0.5, -0.5):
        return sqrt(a) if b > 0 else reciprocal(sqrt(a))
    return _power(a, b)


def _whole_power(x: Doubled, n: int) -> Doubled:
    if n < 0:
        return reciprocal(_whole_power(x, -n))
    made = None
    for bit in f"{n:b}":
        made = made if made is None else square(made)
        if bit == "1":
            made = x if made is None else multiply(made, x)
    return made if made is not None else Doubled(*pairs.one((x.high, x.low)))
