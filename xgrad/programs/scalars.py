"""Functions of the elements of arrays of balls, real and complex, that both frameworks need.

`UNARY` and `BINARY` name them; each is called with object arrays of `arb` or `acb`. Infinities are
what floats make of them only where a function says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers import scalars
from xgrad.programs.constants import as_array

Number = Any  # arb or acb


def is_complex(x: np.ndarray) -> bool:
    """Whether the elements of an array are complex balls; arrays are of one kind."""
    return bool(x.size) and isinstance(x.item(0), acb)


class Each:
    """A function of every element of arrays: one for real balls, and one for complex ones."""

    def __init__(self, real: Callable[..., Any], of_complex: Any = None, arguments: int = 1):
        self.real = np.frompyfunc(real, arguments, 1)
        self.complex = np.frompyfunc(of_complex or real, arguments, 1)

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """The results as an object array of the broadcast shape."""
        function = self.complex if any(map(is_complex, arrays)) else self.real
        return as_array(function(*arrays))


# --- what Arb says differently -------------------------------------------------------------------


def _reciprocal(a: arb) -> arb:
    return arb.pos_inf() if a.is_zero() else 1 / a


def _rsqrt(a: arb) -> arb:
    return arb.pos_inf() if a.is_zero() else a.rsqrt()


def _sqrt(a: arb) -> arb:
    """Of what equal numbers leave in their last bits, which may be below 0, no more than that."""
    left = a.mid() == 0 and not a.is_zero()
    return arb(0, a.rad().sqrt()) if left else a.sqrt()


def _log(a: arb) -> arb:
    return arb.neg_inf() if a.is_zero() else a.log()


def _divided(a: Number, b: Number) -> Number:
    if isinstance(b, arb) and isinstance(a, arb) and b.is_zero():
        return a * arb.pos_inf()
    return a / b


def _exp(a: arb) -> arb:
    return arb(0) if a.mid() < -1e15 else a.exp()  # finfo.min stands for −∞ in programs


def _softplus(a: arb) -> arb:
    return arb(0) if a.mid() < -1e15 else scalars.softplus(a)


def _logaddexp(a: Number, b: Number) -> Number:
    if isinstance(a, arb) and isinstance(b, arb) and min(float(a), float(b)) < -1e300:
        return scalars.larger(a, b)
    return scalars.logaddexp(a, b)


def _xlogy(a: arb, b: arb) -> arb:
    return arb(0) if a.is_zero() and not b.is_nan() else a * _log(b)


def _xlog1py(a: arb, b: arb) -> arb:
    return arb(0) if a.is_zero() and not b.is_nan() else a * b.log1p()


def _entr(a: arb) -> arb:
    if a.is_zero():
        return arb(0)
    return -a * a.log() if a.mid() > 0 else arb.neg_inf()


def _ndtr(a: Number) -> Number:
    return (-a / arb(2).sqrt()).erfc() / 2


def _sinc(a: Number) -> Number:
    return a.sinc_pi() if not a.is_zero() else arb(1)


def _at_zero(order: int, value: int) -> Callable[[arb], arb]:
    return lambda a: arb(value) if a.is_zero() else a.bessel_i(order)


def _scaled(order: int, value: int) -> Callable[[arb], arb]:
    return lambda a: arb(value) if a.is_zero() else a.bessel_i(order) * (-scalars.absolute(a)).exp()


def _angle(a: arb) -> arb:
    return arb.pi() if a.mid() < 0 else arb(0)


def _atan2(a: Number, b: Number) -> Number:
    """The angle of b + ia; of complex numbers −i log((b + ia) / √(a² + b²))."""
    if isinstance(a, acb) or isinstance(b, acb):
        a, b = acb(a), acb(b)
        return ((b + a * acb(0, 1)) / (a * a + b * b).sqrt()).log() * acb(0, -1)
    return arb.atan2(a, b)


def _heaviside(a: arb, at_zero: arb) -> arb:
    middle = a.mid()
    return at_zero if middle == 0 else arb(int(middle > 0))


def _base_two(function: Callable[[arb, arb], arb]) -> Callable[[arb, arb], arb]:
    return lambda a, b: function(a * arb.const_log2(), b * arb.const_log2()) / arb.const_log2()


def _whole_zeta(s: arb, a: arb) -> arb:
    return arb.pos_inf() if s.mid() == 1 else s.zeta(a)


def _gamma_fraction(function: Callable[..., arb], at_zero: int) -> Callable[[arb, arb], arb]:
    return lambda s, x: arb(at_zero) if x.is_zero() else function(x, s, 1)


# --- the tables ----------------------------------------------------------------------------------

# What arb and acb call by the same name.
METHODS = ("expm1", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
           "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "digamma", "gamma")  # fmt: skip

UNARY: dict[str, Each] = {
    **{name: Each(getattr(arb, name), getattr(acb, name)) for name in METHODS},
    "exp": Each(_exp, acb.exp),
    "exp2": Each(lambda a: _exp(a * arb.const_log2()), lambda a: (a * arb.const_log2()).exp()),
    "log": Each(_log, acb.log),
    "log2": Each(lambda a: _log(a) / arb.const_log2(), lambda a: a.log() / arb.const_log2()),
    "log10": Each(lambda a: _log(a) / arb.const_log10(), lambda a: a.log() / arb.const_log10()),
    "sqrt": Each(_sqrt, acb.sqrt),
    "rsqrt": Each(_rsqrt, acb.rsqrt),
    "reciprocal": Each(_reciprocal, lambda a: 1 / a),
    "square": Each(lambda a: a * a),
    "neg": Each(lambda a: -a),  # acb.neg leaves the sign
    "sigmoid": Each(scalars.expit),
    "softplus": Each(_softplus),
    "erfinv": Each(arb.erfinv),
    "erfcx": Each(lambda a: (a * a).exp() * a.erfc()),
    "lgamma": Each(scalars.lgamma),
    "sign": Each(scalars.sign),
    "abs": Each(scalars.absolute),
    "conj": Each(scalars.conjugate),
    "real": Each(lambda a: a, lambda a: a.real),
    "imag": Each(lambda a: arb(0), lambda a: a.imag),
    "complex": Each(acb, acb),
    "floor": Each(scalars.floor),
    "ceil": Each(scalars.ceil),
    "trunc": Each(scalars.trunc),
    "frac": Each(lambda a: a - scalars.trunc(a)),
    "round": Each(scalars.round_even),
    "ndtr": Each(_ndtr),
    "ndtri": Each(lambda a: arb(2).sqrt() * (2 * a - 1).erfinv()),
    "log_ndtr": Each(lambda a: _ndtr(a).log()),
    "entr": Each(_entr),
    "i0": Each(_at_zero(0, 1)),
    "i1": Each(_at_zero(1, 0)),
    "i0e": Each(_scaled(0, 1)),
    "i1e": Each(_scaled(1, 0)),
    "sinc_pi": Each(_sinc),
    "angle": Each(_angle, acb.arg),
    "deg2rad": Each(lambda a: a * arb.pi() / 180),
    "rad2deg": Each(lambda a: a * 180 / arb.pi()),
    "squared_abs": Each(lambda a: a * a, lambda a: a.real * a.real + a.imag * a.imag),
    "bessel_j0": Each(lambda a: a.bessel_j(0)),
    "bessel_j1": Each(lambda a: a.bessel_j(1)),
}

BINARY: dict[str, Each] = {
    name: Each(function, None, 2)
    for name, function in {
        "divide": _divided,
        "power": scalars.power,
        "remainder": scalars.remainder,
        "fmod": lambda a, b: a - b * scalars.trunc(a / b),
        "floor_divide": lambda a, b: scalars.floor(_divided(a, b)),
        "atan2": _atan2,
        "hypot": scalars.hypot,
        "copysign": scalars.copysign,
        "larger": scalars.larger,
        "smaller": scalars.smaller,
        "xlogy": _xlogy,
        "xlog1py": _xlog1py,
        "logaddexp": _logaddexp,
        "logaddexp2": _base_two(_logaddexp),
        "heaviside": _heaviside,
        "zeta": _whole_zeta,
        "polygamma": lambda n, a: scalars.polygamma(int(n.unique_fmpz()), a),
        "gammainc": _gamma_fraction(arb.gamma_lower, 0),
        "gammaincc": _gamma_fraction(arb.gamma_upper, 1),
        "ldexp": lambda a, n: a * arb(2) ** n,
        "complex": acb,
    }.items()
}
