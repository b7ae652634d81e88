"""Arithmetic of each element for itself: functions of real and complex balls by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import jax.numpy as jnp
import numpy as np
from flint import arb

from xgrad.numbers import precision, scalars
from xgrad.programs.jax.values import is_balls, put
from xgrad.programs.scalars import BINARY, METHODS, UNARY, Each, is_complex

# --- functions of a ball -------------------------------------------------------------------------


def _cbrt(a: arb) -> arb:
    return a if a.is_zero() else -((-a).root(3)) if a.mid() < 0 else a.root(3)


def _slope(function: Callable[[arb], arb], a: arb) -> arb:
    """f'(a) by a central difference in so many bits that all of them are right."""
    bits = flint.ctx.prec
    with precision(4 * bits):
        h = arb(2) ** -bits
        made = (function(a.mid() + h) - function(a.mid() - h)) / (2 * h)
    return arb(made.mid(), abs(made.mid()) * arb(2) ** (1 - bits))


def _igamma_slope(a: arb, x: arb) -> arb:
    return _slope(lambda t: x.mid().gamma_lower(t, regularized=1), a)


def _gamma_sample_slope(a: arb, x: arb) -> arb:
    """−(dP/da) / (dP/dx)."""
    return -_igamma_slope(a, x) / (-x + (a - 1) * x.log() - a.lgamma()).exp()


def _bessel_i0e(a: arb) -> arb:
    return scalars.absolute(a).bessel_i(0, scaled=True)


def _bessel_i1e(a: arb) -> arb:
    return a.bessel_i(1, scaled=True) if a.mid() >= 0 else -(-a).bessel_i(1, scaled=True)


def _round_away(a: arb) -> arb:
    middle, half = a.mid(), arb(1) / 2
    return (middle + half).floor() if middle >= 0 else (middle - half).ceil()


def _pow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The exponent may be whole."""
    return BINARY["power"](a, b if is_balls(b) else put(np.asarray(b, dtype=np.float64)))


# --- comparisons, at midpoints: every one has an answer ------------------------------------------


def _compared(function: Callable[[Any, Any], bool]) -> Callable[..., np.ndarray]:
    lifted = np.frompyfunc(lambda a, b: function(a.mid(), b.mid()), 2, 1)
    return lambda a, b: np.asarray(lifted(a, b), dtype=bool)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
_finite = np.frompyfunc(lambda a: a.is_finite(), 1, 1)

# What both call the same.
_SAME = "exp exp2 log sqrt rsqrt square lgamma sign abs conj real imag floor ceil"
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **{name: _compared(function) for name, function in _COMPARISONS.items()},
    **{f"{name}_to": _compared(function) for name, function in _COMPARISONS.items()},
    **{name: UNARY[name] for name in (*METHODS, *_SAME.split())},
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": BINARY["divide"],
    "neg": np.negative,
    "pow": _pow,
    "rem": BINARY["fmod"],
    "max": BINARY["larger"],
    "min": BINARY["smaller"],
    "atan2": BINARY["atan2"],
    "nextafter": lambda x, toward: x,
    "is_finite": lambda x: np.asarray(_finite(x), dtype=bool),
    "complex": BINARY["complex"],
    "cbrt": Each(_cbrt),
    "logistic": UNARY["sigmoid"],
    "erf_inv": UNARY["erfinv"],
    "polygamma": BINARY["polygamma"],
    "zeta": BINARY["zeta"],
    "igamma": BINARY["gammainc"],
    "igammac": BINARY["gammaincc"],
    "igamma_grad_a": Each(_igamma_slope, None, 2),
    "random_gamma_grad": Each(_gamma_sample_slope, None, 2),
    "regularized_incomplete_beta": Each(lambda a, b, x: x.beta_lower(a, b, regularized=1), None, 3),
    "bessel_i0e": Each(_bessel_i0e),
    "bessel_i1e": Each(_bessel_i1e),
}


# --- with parameters -----------------------------------------------------------------------------

_to_whole = np.frompyfunc(lambda a: int(scalars.trunc(a).unique_fmpz()), 1, 1)
_is_true = np.frompyfunc(lambda a: not a.mid().is_zero(), 1, 1)
_rounded = {0: Each(_round_away), 1: UNARY["round"]}


def _convert(params: Any, x: np.ndarray) -> np.ndarray:
    """Between floats nothing is rounded; to integers and booleans what the midpoint says.

    Of a complex number its real part, except to booleans.
    """
    kind = params["new_dtype"]
    if jnp.issubdtype(kind, jnp.floating):
        return UNARY["real"](x)
    if jnp.issubdtype(kind, jnp.complexfloating):
        return UNARY["complex"](x)
    found = _is_true(x) if np.dtype(kind).kind == "b" else _to_whole(UNARY["real"](x))
    return np.asarray(found).astype(kind)


def _round(params: Any, x: np.ndarray) -> np.ndarray:
    return _rounded[int(params["rounding_method"])](x)


def _integer_power(params: Any, x: np.ndarray) -> Any:
    n = int(params["y"])
    if n == 2:
        return np.multiply(x, x)
    if is_complex(x):
        return x**n
    return np.frompyfunc(lambda a: scalars.whole_power(a, n), 1, 1)(x)


PARAMETRIC: dict[str, Callable[..., Any]] = {
    "convert_element_type": _convert,
    "round": _round,
    "integer_pow": _integer_power,
}

# On whole numbers NumPy does the same as JAX, without compiling it.
WHOLE: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "abs": np.abs,
    "max": np.maximum, "min": np.minimum, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "not": np.invert,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "sign": np.sign,
}  # fmt: skip


def _iota(params: Any, *dynamic: Any) -> np.ndarray:
    shape, axis = params["shape"], params["dimension"]
    along = [-1 if k == axis else 1 for k in range(len(shape))]
    return np.broadcast_to(np.arange(shape[axis], dtype=params["dtype"]).reshape(along), shape)


def _reduction(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    def apply(params: Any, x: np.ndarray) -> np.ndarray:
        made = function(x, axis=tuple(map(int, params["axes"])))
        return np.asarray(made, dtype=x.dtype)

    return apply


WHOLE_PARAMETRIC: dict[str, Callable[..., Any]] = {
    "convert_element_type": lambda params, x: x.astype(params["new_dtype"]),
    "iota": _iota,
    "reduce_and": _reduction(np.all),
    "reduce_or": _reduction(np.any),
    "reduce_sum": _reduction(np.sum),
}
