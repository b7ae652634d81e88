"""erf, erfc, lgamma and digamma of pairs."""

from __future__ import annotations

from flint import arb

from xgrad.numbers.doubled.exact import Array, Pair, two_product, two_square
from xgrad.numbers.doubled.exponentials import exp, log
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import (
    absolute,
    add,
    add_float,
    divide,
    multiply,
    multiply_float,
    negative,
    one,
    scaled,
    square,
    subtract,
    where,
)
from xgrad.numbers.doubled.piecewise import Piecewise
from xgrad.numbers.doubled.tables import constant
from xgrad.numbers.doubled.trigonometry import PI, sin_cos_pi

# --- the error function --------------------------------------------------------------------------

_ERF_BY_X = Piecewise(lambda x: x.erf() / x, 0.0, 1.0, width=2.0**-4, degree=17, in_pairs=10)
_ERFCX = Piecewise(
    lambda x: x.erfc() * (x * x).exp(), 0.5, 27.5, width=2.0**-4, degree=17, in_pairs=10
)


def erf(x: Pair) -> Pair:
    """The error function: x times an even function near 0, else what erfc leaves."""
    size = absolute(x)
    near = multiply(size, _ERF_BY_X(size))
    made = where(size[0] < 1.0, near, add_float(negative(_erfc_above(size)), 1.0))
    return where(x[0] < 0, negative(made), made)


def erfc(x: Pair) -> Pair:
    """1 − erf(x), right in its own digits where it is small."""
    size = absolute(x)
    small = size[0] < 0.5
    far = _erfc_above(where(small, one(x), size))
    far = where(x[0] < 0, add_float(negative(far), 2.0), far)
    near = multiply(x, _ERF_BY_X(size))
    return where(small, add_float(negative(near), 1.0), far)


def _erfc_above(x: Pair) -> Pair:
    """erfc(x) for x ≥ 1/2: exp(−x²) times a function that is tabulated; 0 from 27.5 on."""
    inside = ~(x[0] >= 27.5)
    x = where(inside, x, one(x))
    made = multiply(_exp_of_square(x), _ERFCX(x))
    return where(inside, made, (0.0, 0.0))


def _exp_of_square(x: Pair) -> Pair:
    """exp(−x²), x² in three parts: its absolute error is the relative one here."""
    first = two_square(x[0])
    rest = two_product(x[0] + x[0], x[1])
    e = exp(negative(first))
    less = add_float(rest, x[1] * x[1] - 0.5 * rest[0] * rest[0])
    return subtract(e, multiply(e, less))


# --- the gamma function --------------------------------------------------------------------------

_HALF_LOG_2PI = constant(lambda: (2 * arb.pi()).log() / 2)
_LGAMMA_BY_ZEROS = Piecewise(
    lambda x: x.lgamma() / ((x - 1) * (x - 2)), 0.5, 8.0, width=2.0**-5, degree=17, in_pairs=10
)
_DIGAMMA = Piecewise(lambda x: x.digamma(), 0.5, 8.0, width=2.0**-5, degree=17, in_pairs=10)


def _stirling_rest(u: arb) -> arb:
    """x times what Stirling's formula lacks at x = u**(−1/2)."""
    x = 1 / u.sqrt()
    return x * (x.lgamma() - (x - arb(1) / 2) * x.log() + x - (2 * arb.pi()).log() / 2)


def _digamma_rest(u: arb) -> arb:
    """x² times what log x − 1/(2 x) has too much."""
    x = 1 / u.sqrt()
    return (x.log() - 1 / (2 * x) - x.digamma()) / u


_STIRLING = Piecewise(_stirling_rest, 0.0, 2.0**-6, width=2.0**-10, degree=15, in_pairs=8)
_ABOVE = Piecewise(_digamma_rest, 0.0, 2.0**-6, width=2.0**-10, degree=15, in_pairs=8)


def _reached(x: Pair) -> tuple[Pair, Pair, Pair]:
    """Where recurrence or reflection leads from below 1/2, and that within and beyond [1/2, 8]."""
    over, low = x[0] < 0.5, x[0] < 0
    y = where(over, add_float(where(low, negative(x), x), 1.0), x)
    far = y[0] >= 8
    return far, where(far, one(x), y), where(far, y, multiply_float(one(x), 8.0))


def _sine_below(x: Pair) -> tuple[Array, Pair, Pair]:
    """Where x is a pole below 0, and sin πx and cos πx there; elsewhere those of 1/2."""
    sine, cosine = sin_cos_pi(where(x[0] < 0, x, (0.5, 0.0)))
    pole = sine[0] == 0
    return pole, where(pole, one(x), sine), cosine


def lgamma(x: Pair) -> Pair:
    """log |Γ(x)|: right in its own digits for x > 0, to 1e-30 of its terms below."""
    beyond, near, far = _reached(x)
    zeros = multiply(add_float(near, -1.0), add_float(near, -2.0))
    inverse = divide(one(x), far)
    stirling = add(
        subtract(multiply(add_float(far, -0.5), log(far)), far),
        add(_HALF_LOG_2PI, multiply(inverse, _STIRLING(square(inverse)))),
    )
    above = where(beyond, stirling, multiply(zeros, _LGAMMA_BY_ZEROS(near)))
    pole, sine, _ = _sine_below(x)
    below = where(x[0] < 0, divide(PI, absolute(sine)), where(x[0] < 0.5, x, one(x)))
    left = log(below)
    made = where(x[0] < 0, subtract(left, above), subtract(above, left))
    return _without(pole | (x[0] == 0), made)


def digamma(x: Pair) -> Pair:
    """The derivative of log Γ(x), to 1e-30 of its terms."""
    beyond, near, far = _reached(x)
    inverse = divide(one(x), far)
    u = square(inverse)
    asymptotic = subtract(log(far), add(scaled(inverse, 0.5), multiply(u, _ABOVE(u))))
    above = where(beyond, asymptotic, _DIGAMMA(near))
    pole, sine, cosine = _sine_below(x)
    little = (x[0] > 0) & (x[0] < 0.5)
    recurrence = divide(one(x), where(little, x, one(x)))
    less = where(x[0] < 0, divide(multiply(PI, cosine), sine), (0.0, 0.0))
    made = subtract(above, where(little, recurrence, less))
    return _without(pole | (x[0] == 0), made)


def _without(poles: Array, x: Pair) -> Pair:
    """No number at poles."""
    nothing = library(poles).xp.nan
    return where(poles, (nothing, nothing), x)
