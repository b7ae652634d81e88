"""How far rounding takes a right method: Monte-Carlo arithmetic on the certified formula.

Every operation is done in more digits than the dtype has, then its result is multiplied by 1 + uξ
with u half the dtype's epsilon and ξ uniform in [−1, 1]; a sum of n terms gets u√n Σ|terms| ξ.
So is a constant of the function that the dtype does not hold.
Parker 1997, Monte Carlo arithmetic, UCLA CSD-970002.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.frameworks._namespace import cross_product, einsum_names, python_scan
from xgrad.frameworks._wrapped import Passing, bare, like
from xgrad.frameworks.ball import Ball, ball
from xgrad.setting import EPS, Arguments, Setting, rounded

SAMPLES = 8
FEW_SAMPLES = 3  # beyond this many elements
MANY_ELEMENTS = 2_000_000

# Functions that move, choose or count, and round nothing.
_EXACT = frozenset(
    [
        *("abs", "negative", "positive", "sign", "signbit", "copysign", "real", "conj", "imag"),
        *("floor", "ceil", "trunc", "round", "floor_divide", "remainder"),
        *("maximum", "minimum", "max", "min", "where", "clip", "sort", "take", "take_along_axis"),
        *("argsort", "argmax", "argmin", "searchsorted", "nonzero", "count_nonzero", "any", "all"),
        *("reshape", "squeeze", "expand_dims", "permute_dims", "moveaxis", "matrix_transpose"),
        *("flip", "roll", "tile", "repeat", "broadcast_to", "broadcast_arrays", "meshgrid"),
        *("concat", "stack", "unstack", "tril", "triu", "diagonal"),
        *("asarray", "astype", "zeros", "ones", "full", "eye", "empty", "arange"),
        *("zeros_like", "ones_like", "full_like", "empty_like"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_not", "logical_xor", "isfinite", "isnan", "isinf"),
        *("isdtype", "finfo", "iinfo", "result_type", "can_cast", "broadcast_shapes"),
    ]
)
# Functions that compare, or count with the numbers that they are given.
_AS_GIVEN = frozenset(
    [
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("arange", "searchsorted"),
    ]
)


def _along(x: Any, keywords: Any) -> float:
    return x.shape[keywords.get("axis") or 0]


def _summed(subscripts: str, *operands: Any) -> int:
    terms, output = einsum_names(subscripts, [a.ndim for a in operands])
    size = {c: n for t, a in zip(terms, operands, strict=True)
            for c, n in zip(t, a.shape, strict=True) if n != 1}  # fmt: skip
    return math.prod(n for c, n in size.items() if c not in output)


# How many terms each element of a sum has, from the arguments, the keywords and the result.
_TERMS: dict[str, Callable[..., Any]] = {
    "sum": lambda args, keywords, made: args[0].size / max(1, made.size),
    "prod": lambda args, keywords, made: args[0].size / max(1, made.size),
    "cumulative_sum": lambda args, keywords, made: _along(args[0], keywords),
    "cumulative_prod": lambda args, keywords, made: _along(args[0], keywords),
    "matmul": lambda args, keywords, made: args[0].shape[-1],
    "vecdot": lambda args, keywords, made: args[0].shape[keywords.get("axis", -1)],
    "tensordot": lambda args, keywords, made: math.sqrt(
        args[0].size * args[1].size / max(1, made.size)
    ),
    "einsum": lambda args, keywords, made: _summed(*args),
    "trace": lambda args, keywords, made: min(args[0].shape[-2:]),
    "segment_sum": lambda args, keywords, made: np.bincount(args[1], minlength=args[2]).reshape(
        -1, *[1] * (made.ndim - 1)
    ),
}


# Units that a library's function may be off by, beyond one: series and recurrences inside.
_LOOSE = {"digamma": 16.0, "polygamma": 16.0, "lgamma": 4.0, "erfc": 4.0}


class Noisy(Passing):
    """An array whose every operation rounds at random."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return Noisy(np.asarray(self.data[key]) if _is_numpy(self.data) else self.data[key],
                     self.namespace)  # fmt: skip


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _is_float(value: Any) -> bool:
    return isinstance(value, Ball) or (_is_numpy(value) and value.dtype.kind == "f")


class _Linalg:
    """Backward-stable routines: the exact result for a slightly different matrix."""

    def __init__(self, outer: NoisyNamespace):
        self._outer = outer

    def __getattr__(self, name: str) -> Any:
        if name in _TERMS or name in _EXACT:
            return self._outer.lift(name, getattr(self._outer.base.linalg, name))
        return self.stable(getattr(self._outer.base.linalg, name))

    def stable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function of slightly different matrices, rounded."""

        def apply(*args: Any, **keywords: Any) -> Any:
            return self._outer.wrapped(
                function(*(self._near(bare(a)) for a in args), **keywords), perturb=1.0
            )

        return apply

    def slogdet(self, x: Any) -> Any:
        """The sign is exact."""
        result = self._outer.base.linalg.slogdet(self._near(bare(x)))
        return result._make(
            [self._outer.wrapped(v, perturb=float(i == 1)) for i, v in enumerate(result)]
        )

    def outer(self, a: Any, b: Any) -> Any:
        """a bᵀ."""
        return self._outer.lift("outer", self._outer.base.linalg.outer)(a, b)

    def cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product."""
        return cross_product(self._outer, a, b, axis)

    def vector_norm(self, x: Any, ord: float = 2, **keywords: Any) -> Any:
        """The square root of a sum, or another order."""
        xp = self._outer
        if ord == 2:
            return xp.sqrt(xp.sum(x * x, **keywords))
        return xp.lift("vector_norm", xp.base.linalg.vector_norm)(x, ord=ord, **keywords)

    def matrix_norm(self, x: Any, ord: Any = "fro", **keywords: Any) -> Any:
        """The square root of a sum, singular values, or sums of columns and rows."""
        xp = self._outer
        if ord == "fro":
            return xp.sqrt(xp.sum(x * x, axis=(-2, -1), **keywords))
        function = xp.base.linalg.matrix_norm
        noisy = self.stable if ord in (2, -2, "nuc") else partial(xp.lift, "matrix_norm")
        return noisy(function)(x, ord=ord, **keywords)

    def _near(self, a: Any) -> Any:
        """a, moved by rounding errors in the scale of each matrix's norm."""
        if not _is_float(a):
            return a
        xp = self._outer.base
        axes = (-2, -1) if a.ndim > 1 else None
        size = xp.max(xp.abs(a), axis=axes, keepdims=True) * math.sqrt(max(a.shape[-2:]))
        return a + size * self._outer.xi(a.shape) * self._outer.unit


class NoisyNamespace:
    """`xp` over noisy arrays; `base` does the arithmetic in more digits."""

    def __init__(self, base: Any, dtype: str, rng: np.random.Generator, in_balls: bool):
        self.base = base
        self.dtype = dtype
        self.unit = EPS[dtype] / 2
        self.rng = rng
        self.in_balls = in_balls
        self.linalg = _Linalg(self)
        self.scan = python_scan(lambda ys: self.stack(ys))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.base, name)
        if isinstance(value, Ball):
            return Noisy(value, self)
        if not callable(value) or isinstance(value, type):
            return value
        return self.lift(name, value)

    def lift(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with rounding errors of its kind."""

        def apply(*args: Any, **keywords: Any) -> Any:
            plain = [bare(a) if name in _AS_GIVEN else self._constant(a) for a in args]
            result = function(*plain, **{k: bare(v) for k, v in keywords.items()})
            if name in _TERMS:
                return self.wrapped(self._sum_error(name, function, plain, keywords, result))
            return self.wrapped(result, _LOOSE.get(name, 1.0) if name not in _EXACT else 0.0)

        return apply

    def _constant(self, given: Any) -> Any:
        """What a function brings along, as the dtype rounds it; bare, if it is noisy already."""
        value = bare(given)
        if isinstance(value, (list, tuple)):
            if not all(isinstance(v, float) for v in value):
                return like(value, [self._constant(v) for v in given])
        elif value is not given or not (isinstance(value, float) or _is_numpy(value)):
            return value
        array = np.asarray(value)
        if array.dtype.kind != "f" or not array.size:
            return value
        held = rounded(array.astype(np.float64), self.dtype) == array
        if held.all():
            return value
        return self.base.where(held, array, array * (1 + self.xi(array.shape) * self.unit))

    def xi(self, shape: Any) -> Any:
        """Uniform random numbers in [−1, 1] as base arrays."""
        drawn = np.asarray(2.0 * self.rng.random(shape) - 1.0)
        return ball(drawn) if self.in_balls else drawn

    def noisy(self, value: Any) -> Any:
        """An input array, perturbed."""
        return self.wrapped(value, perturb=1.0)

    def wrapped(self, value: Any, perturb: float = 0.0) -> Any:
        """Wrap floats, rounded at random by so many units."""
        if isinstance(value, (list, tuple)):
            return like(value, [self.wrapped(v, perturb) for v in value])
        if not _is_float(value):
            return value
        if perturb:
            value = value + value * (self.xi(value.shape) * (perturb * self.unit))
        return Noisy(value if isinstance(value, Ball) else np.asarray(value), self)

    def _sum_error(
        self, name: str, function: Callable[..., Any], args: list[Any], keywords: Any, result: Any
    ) -> Any:
        if not _is_float(result):
            return result
        sizes = [self.base.abs(a) if hasattr(a, "shape") else a for a in args]
        terms = function(*sizes, **keywords)
        error = self.unit * np.sqrt(np.maximum(1.0, _TERMS[name](args, keywords, result)))
        return result + terms * (self.xi(result.shape) * error)

    def segment_sum(self, data: Any, segment_ids: Any, num_segments: int) -> Any:
        """Each segment has the noise of its own number of rows."""
        return self.lift("segment_sum", self.base.segment_sum)(data, segment_ids, num_segments)

    def expm(self, a: Any) -> Any:
        """A backward-stable routine."""
        return self.linalg.stable(self.base.expm)(a)

    # What libraries compute in steps is composed of noisy steps here.

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Σx / n."""
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return self.divide(total, x.size / max(1, total.size))

    def var(self, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        """Σ(x − mean)² / (n − correction)."""
        centred = x - self.mean(x, axis=axis, keepdims=True)
        total = self.sum(centred * centred, axis=axis, keepdims=keepdims)
        return total / (x.size / max(1, total.size) - correction)

    def std(self, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        """√var."""
        return self.sqrt(self.var(x, axis=axis, correction=correction, keepdims=keepdims))

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """log Σ exp(x), shifted by the maximum."""
        top = self.max(x, axis=axis, keepdims=True)
        total = self.log(self.sum(self.exp(x - top), axis=axis, keepdims=True)) + top
        if keepdims:
            return total
        axes = tuple(range(x.ndim)) if axis is None else axis
        return self.squeeze(total, axis=axes)

    def log_softmax(self, x: Any, axis: int = -1) -> Any:
        """x − log Σ exp(x)."""
        return x - self.logsumexp(x, axis=axis, keepdims=True)

    def softmax(self, x: Any, axis: int = -1) -> Any:
        """exp(x) / Σ exp(x), shifted by the maximum."""
        e = self.exp(x - self.max(x, axis=axis, keepdims=True))
        return e / self.sum(e, axis=axis, keepdims=True)


def more_digits(dtype: str) -> str:
    """The NumPy type with at least 8 more bits than the dtype, or `ball` where there is none."""
    if dtype == "float64":
        return "longdouble" if np.finfo(np.longdouble).nmant >= 60 else "ball"
    return "float64"


def samples(
    compute: Callable[[Arguments, Any, Any], Any],
    setting: Setting,
    rng: np.random.Generator,
    arithmetic: str,
) -> list[Any]:
    """`compute(arguments, v, w)` several times in noisy arithmetic; results in base arrays.

    `arithmetic` is `ball` or a NumPy float wide enough for the dtype.
    """
    in_balls = arithmetic == "ball"
    framework = find_framework("ball" if in_balls else "numpy")
    base = framework.namespace("" if in_balls else arithmetic)
    xp = NoisyNamespace(base, setting.dtype, rng, in_balls)
    exact = setting.arguments(framework, "cpu", dtype=arithmetic)
    v = [framework.put(a, arithmetic) for a in setting.v]
    w = framework.put(setting.w, arithmetic)
    count = SAMPLES if _elements(setting) < MANY_ELEMENTS else FEW_SAMPLES
    drawn = []
    for _ in range(count):
        rest = {k: xp.noisy(a) for k, a in exact.rest.items()}
        arguments = Arguments(xp, tuple(xp.noisy(a) for a in exact.xs), rest, exact.static)
        directions = tuple(xp.wrapped(a) for a in v)
        drawn.append(bare(compute(arguments, directions, xp.wrapped(w))))
    return drawn


def _elements(setting: Setting) -> int:
    return max(a.size for a in setting.inputs.values() if isinstance(a, np.ndarray))
