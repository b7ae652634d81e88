"""`xp` over complex arrays whose imaginary part carries a derivative: analytic functions only.

Functions with branches are continued from the real axis by the branch of the real part; what has
no continuation, and what is not listed here, says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks._namespace import Namespace, cross_product, python_scan
from xgrad.frameworks._wrapped import Wrapped

# What NumPy computes as the analytic function that it is, or moves, joins and picks by real parts.
_ANALYTIC = frozenset(
    [
        *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "reciprocal"),
        *("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh"),
        *("sum", "prod", "mean", "cumulative_sum", "cumulative_prod", "diff", "trace"),
        *("matmul", "tensordot", "einsum", "softmax", "erf", "erfc", "digamma"),
        *("segment_sum", "expm"),
        *("max", "min", "maximum", "minimum", "clip", "where", "sort", "argsort"),
        *("argmax", "argmin", "take", "take_along_axis", "isfinite", "isnan", "isinf"),
        *("reshape", "squeeze", "expand_dims", "permute_dims", "moveaxis", "matrix_transpose"),
        *("flip", "roll", "tile", "repeat", "broadcast_to", "broadcast_arrays", "meshgrid"),
        *("concat", "stack", "unstack", "tril", "triu", "diagonal"),
        *("zeros_like", "ones_like", "full_like", "empty_like"),
    ]
)
_LINALG = frozenset(
    [
        *("det", "inv", "solve", "matmul", "tensordot", "trace", "diagonal", "outer"),
        *("matrix_transpose", "matrix_power"),
    ]
)


class Complex(Wrapped):
    """A complex array that shows the dtype of its real part."""

    __slots__ = ("namespace",)

    def __init__(self, data: np.ndarray, namespace: Any):
        super().__init__(data)
        self.namespace = namespace

    @property
    def dtype(self) -> Any:
        return self.data.real.dtype

    def __getitem__(self, key: Any) -> Any:
        return Complex(np.asarray(self.data[key]), self.namespace)


class ComplexNamespace:
    """`xp` over complex arrays; `real` does what no complex argument takes part in."""

    def __init__(self, real: Namespace):
        self.real_namespace = real
        self.linalg = _Linalg(self)
        self.scan = python_scan(lambda ys: self.stack(ys))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.real_namespace, name)
        if not callable(value) or isinstance(value, type):
            return value
        return self.lift(name, value, _CONTINUED.get(name), name in _ANALYTIC)

    def lift(
        self, name: str, real: Callable[..., Any], continued: Any, analytic: bool
    ) -> Callable[..., Any]:
        """A function of real and complex arrays; raises `Unsupported` where it is not analytic."""

        def apply(*args: Any, **keywords: Any) -> Any:
            plain, named = _bare(list(args)), {k: _bare(v) for k, v in keywords.items()}
            if not _touched([*plain, *named.values()]):
                return real(*plain, **named)
            if continued is None and not analytic:
                _refuse(name)
            return self.wrapped((continued or real)(*plain, **named))

        return apply

    def wrapped(self, value: Any) -> Any:
        """Complex results wrapped, others as they are."""
        if isinstance(value, (list, tuple)):
            each = [self.wrapped(v) for v in value]
            return value._make(each) if hasattr(value, "_make") else type(value)(each)
        return Complex(np.asarray(value), self) if np.iscomplexobj(value) else value


class _Linalg:
    """Linear algebra without what conjugates."""

    def __init__(self, outer: ComplexNamespace):
        self._outer = outer

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._outer.real_namespace.linalg, name)
        continued = _CONTINUED.get(f"linalg.{name}")
        return self._outer.lift(f"linalg.{name}", real, continued, name in _LINALG)

    def cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product in three dimensions."""
        return cross_product(self._outer, a, b, axis)


def _refuse(name: str) -> None:
    raise Unsupported(f"{name} is not analytic here, so the complex step does not apply")


def _bare(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_bare(v) for v in value])
    return value.data if isinstance(value, Complex) else value


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
    "linalg.vecdot": _vecdot,
    "linalg.vector_norm": _norm,
    "linalg.matrix_norm": _matrix_norm,
    "linalg.slogdet": _slogdet,
}
