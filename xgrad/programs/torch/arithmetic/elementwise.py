"""Functions of each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import arb

from xgrad.programs.constants import as_array, exactly
from xgrad.programs.scalars import BINARY, UNARY, Each
from xgrad.programs.torch.arithmetic.rule import Rule, each, exact

# torch's names of functions that have another one in the tables of balls, or the same.
# fmt: off
_UNARY = {
    **{n: n for n in ("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "rsqrt",
                      "reciprocal", "square", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
                      "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv",
                      "digamma", "lgamma", "sigmoid", "angle", "deg2rad", "rad2deg", "i0")},
    "sinc": "sinc_pi", "special_expit": "sigmoid",
    **{f"special_{n}": n for n in ("ndtr", "ndtri", "log_ndtr", "erfcx", "entr", "i0e", "i1",
                                   "i1e", "bessel_j0", "bessel_j1", "log1p", "expm1", "erfinv")},
}
_EXACT = {
    **{n: n for n in ("sign", "abs", "floor", "ceil", "trunc", "frac")},
    "sgn": "sign", "absolute": "abs", "neg": "neg",
}
_BINARY = {
    **{n: n for n in ("atan2", "hypot", "xlogy", "logaddexp", "logaddexp2")},
    "pow": "power", "float_power": "power", "special_xlog1py": "xlog1py", "special_zeta": "zeta",
    "igamma": "gammainc", "igammac": "gammaincc", "polygamma": "polygamma",
}
_EXACT_PAIRS = ("remainder", "fmod", "copysign", "heaviside", "floor_divide", "ldexp")
# fmt: on

_divide = BINARY["divide"]
_is_zero = np.frompyfunc(lambda b: b.is_zero(), 1, 1)
_ROUNDED: dict[str | None, Callable[..., Any]] = {
    None: lambda q: q,
    "trunc": UNARY["trunc"],
    "floor": UNARY["floor"],
}


def _add(a: Any, b: Any, alpha: Any = None) -> Any:
    return a + (b if alpha is None else b * alpha)


def _sub(a: Any, b: Any, alpha: Any = None) -> Any:
    return a - (b if alpha is None else b * alpha)


def divide(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    """a / b, by zero as floats do."""
    quotient = _divide(a, b) if np.any(_is_zero(b)) else a / b
    return _ROUNDED[rounding_mode](as_array(quotient))


def _above(g: Any, x: Any, threshold: Any) -> Any:
    """g where x is above the threshold."""
    return Each(lambda a, b: a if b.mid() > threshold[()].mid() else arb(0), None, 2)(g, x)


def _round(x: Any, decimals: Any = None) -> Any:
    if decimals is None:
        return UNARY["round"](x)
    scale = arb(10) ** decimals[()]
    return as_array(UNARY["round"](as_array(x * scale)) / scale)


def _nan_to_num(x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    limits = torch.finfo(torch.float64)
    nan, high, low = (
        arb(d) if v is None else v[()]
        for v, d in ((nan, 0.0), (posinf, limits.max), (neginf, limits.min))
    )

    def number(a: Any) -> Any:
        if a.is_finite():
            return a
        return nan if a.is_nan() else high if a.mid() > 0 else low

    return Each(number)(x)


def _nextafter(a: Any, b: Any) -> Any:
    """The step of floats at the midpoint, beside which a ball moves with slope 1."""

    def step(x: Any, y: Any) -> Any:
        here = float(x)
        return x + (arb(float(np.nextafter(here, float(y)))) - here) if x.mid() != y.mid() else y

    return Each(step, None, 2)(a, b)


def _exponents(x: Any) -> np.ndarray:
    near = np.asarray(np.frompyfunc(float, 1, 1)(x)).astype(np.float64)
    return np.frexp(near)[1]


def _frexp(x: Any) -> Any:
    exponents = _exponents(x)
    scales = as_array(np.frompyfunc(lambda n: arb(2) ** -int(n), 1, 1)(exponents))
    return as_array(x * scales), np.asarray(exponents).astype(np.int32)


def _smooth_step(x: Any) -> Any:
    return (-x / arb(2).sqrt()).erfc() / 2


def _inner(x: Any) -> Any:
    return (2 / arb.pi()).sqrt() * (x + exactly(0.044715) * x**3)


def _gelu(x: Any) -> Any:
    return x * _smooth_step(x)


def _gelu_slope(x: Any) -> Any:
    return _smooth_step(x) + x * (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + _inner(x).tanh())


def _gelu_tanh_slope(x: Any) -> Any:
    t, slope = _inner(x).tanh(), (2 / arb.pi()).sqrt() * (1 + 3 * exactly(0.044715) * x * x)
    return (1 + t) / 2 + x / 2 * (1 - t * t) * slope


_GELU = {
    "none": (Each(_gelu), Each(_gelu_slope)),
    "tanh": (Each(_gelu_tanh), Each(_gelu_tanh_slope)),
}


ELEMENTWISE: dict[str, Rule] = {
    **each(**{name: UNARY[n] for name, n in _UNARY.items()}),
    **each(**{name: BINARY[n] for name, n in _BINARY.items()}),
    **exact(**{name: UNARY[n] for name, n in _EXACT.items()}),
    **exact(**{name: BINARY[name] for name in _EXACT_PAIRS}),
    **exact(
        threshold_backward=_above,
        round=_round,
        nan_to_num=_nan_to_num,
        nextafter=_nextafter,
        frexp=_frexp,
    ),
    **each(
        add=_add,
        sub=_sub,
        rsub=lambda a, b, alpha=None: _sub(b, a, alpha),
        mul=lambda a, b: a * b,
        div=divide,
        true_divide=divide,
        divide=divide,
        gelu=lambda x, approximate="none": _GELU[approximate][0](x),
        gelu_backward=lambda g, x, approximate="none": g * _GELU[approximate][1](x),
        tanh_backward=lambda g, y: g * UNARY["conj"](as_array(1 - y * y)),
        sigmoid_backward=lambda g, y: g * UNARY["conj"](as_array(y * (1 - y))),
    ),
}
