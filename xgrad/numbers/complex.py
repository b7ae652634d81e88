"""`xp` over complex arrays whose imaginary part carries a derivative: analytic functions only.

Functions with branches are continued from the real axis by the branch of the real part; what has
no continuation, and what is not listed here, says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.numbers.arrays import Passing, bare
from xgrad.numbers.functions import FUNCTIONS, MOVEMENT, cross_product
from xgrad.numbers.lifting import Lifting

# What NumPy computes as the analytic function that it is, beside moving elements, or picks by
# real parts.
_ANALYTIC = {n for n, f in FUNCTIONS.items() if f.kind == MOVEMENT} | {
    *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "reciprocal"),
    *("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh"),
    *("sum", "prod", "mean", "cumulative_sum", "cumulative_prod", "diff", "trace"),
    *("matmul", "tensordot", "einsum", "softmax", "erf", "erfc", "digamma"),
    *("segment_sum", "expm", "det", "inv", "solve", "outer", "matrix_power"),
    *("max", "min", "maximum", "minimum", "clip", "sort", "argsort"),
    *("argmax", "argmin", "isfinite", "isnan", "isinf"),
}


class Dual(Passing):
    """A complex array that shows the dtype of its real part."""

    __slots__ = ()

    @property
    def dtype(self) -> Any:
        return self.data.real.dtype


class Complex(Lifting):
    """`xp` over complex arrays; `base` does what no complex argument takes part in."""

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """A function of real and complex arrays; raises `Unsupported` where it is not analytic."""
        plain, named = bare(list(args)), {k: bare(v) for k, v in keywords.items()}
        if any(map(_is_number, (*args, *keywords.values()))):
            raise Unsupported("complex numbers of its own: the complex step needs that part itself")
        if not _touched([*plain, *named.values()]):
            return function(*plain, **named)
        if name not in _CONTINUED and name not in _ANALYTIC:
            _refuse(name if hasattr(self.base, name) else f"linalg.{name}")
        return self.wrapped(_CONTINUED.get(name, function)(*plain, **named))

    def wrap(self, value: Any) -> Any:
        """Complex results, wrapped; others as they are."""
        return Dual(np.asarray(value), self) if np.iscomplexobj(value) else value

    def cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product in three dimensions."""
        return cross_product(self, a, b, axis)


def _refuse(name: str) -> None:
    raise Unsupported(f"{name} is not analytic here, so the complex step does not apply")


def _is_number(value: Any) -> bool:
    """Whether a value is complex, and no step."""
    if isinstance(value, (list, tuple)):
        return any(map(_is_number, value))
    return not isinstance(value, Dual) and np.iscomplexobj(value)


def _touched(values: Any) -> bool:
    return any(_touched(v) if isinstance(v, (list, tuple)) else np.iscomplexobj(v) for v in values)


# --- continuations -------------------------------------------------------------------------------


def _compared(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(np.real(a), np.real(b))


def _within(function: Callable[..., Any]) -> Callable[..., Any]:
    """NaN where the real function has no value, which a complex one has."""

    def apply(*args: Any) -> Any:
        undefined = np.isnan(function(*(np.real(a) for a in args)))
        return np.where(undefined, np.nan, function(*args))

    return apply


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def _var(x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    centre = np.mean(x, axis=axis, keepdims=True)
    squares = (x - centre) ** 2
    return np.sum(squares, axis=axis, keepdims=keepdims) / (x.size // centre.size - correction)


def _softplus(x: Any) -> Any:
    return np.where(np.real(x) >= 0, x, 0 * x) + np.log1p(np.exp(-_abs(x)))


def _expit(x: Any) -> Any:
    e = np.exp(-_abs(x))
    return np.where(np.real(x) >= 0, 1 / (1 + e), e / (1 + e))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(np.real(x), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def _lgamma(x: Any) -> Any:
    """log |Γ|; left of 1/2 by Γ(x) Γ(1 − x) = π / sin πx."""
    import scipy.special

    left = np.real(x) < 0.5
    right = scipy.special.loggamma(np.where(left, 1 - x, x))
    sine = _abs(np.sin(np.pi * (x - np.round(np.real(x)))))
    return np.where(left, np.log(np.pi / sine) - right, right)


def _astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    if np.dtype(dtype).kind not in "fc":
        _refuse("astype to integers")
    return x


def _asarray(x: Any, dtype: Any = None, copy: bool = True) -> Any:
    return x if dtype is None else _astype(x, dtype)


def _vecdot(a: Any, b: Any, axis: int = -1) -> Any:
    return np.sum(a * b, axis=axis)


def _norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    if ord == np.inf:
        return np.max(_abs(x), axis=axis, keepdims=keepdims)
    if ord <= 0:
        _refuse(f"vector_norm of order {ord}")
    return np.sum(_abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    if ord != "fro":
        _refuse(f"matrix_norm of order {ord}")
    return _norm(x, axis=(-2, -1), keepdims=keepdims)


def _slogdet(x: Any) -> Any:
    det = np.linalg.det(x)
    return np.sign(np.real(det)), np.log(_abs(det))


_CONTINUED: dict[str, Callable[..., Any]] = {
    **{
        name: _compared(getattr(np, name))
        for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    },
    **{name: _within(getattr(np, name)) for name in ("log", "log1p", "log2", "log10", "sqrt")},
    "asin": _within(np.arcsin),
    "acos": _within(np.arccos),
    "acosh": _within(np.arccosh),
    "atanh": _within(np.arctanh),
    "pow": _within(np.power),
    "abs": _abs,
    "hypot": lambda a, b: np.sqrt(a * a + b * b),
    "var": _var,
    "std": lambda x, **keywords: np.sqrt(_var(x, **keywords)),
    "astype": _astype,
    "asarray": _asarray,
    "vecdot": _vecdot,
    "expit": _expit,
    "softplus": _softplus,
    "logaddexp": lambda a, b: _logsumexp(np.stack(np.broadcast_arrays(a, b)), axis=0),
    "logsumexp": _logsumexp,
    "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis=axis, keepdims=True),
    "lgamma": _lgamma,
    "vector_norm": _norm,
    "matrix_norm": _matrix_norm,
    "slogdet": _slogdet,
}
