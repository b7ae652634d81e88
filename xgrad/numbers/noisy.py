"""How far rounding takes a right method: Monte-Carlo arithmetic on the certified formula.

Every operation is done in more digits than the dtype has, then its result is multiplied by 1 + uξ
with u half the dtype's epsilon and ξ uniform in [−1, 1]; a sum of n terms gets u√n Σ|terms| ξ.
So is a constant of the function that the dtype does not hold.
Parker 1997, Monte Carlo arithmetic, UCLA CSD-970002.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers.arrays import Passing, bare, like
from xgrad.numbers.balls.array import Ball, ball
from xgrad.numbers.doubled.blocks import BLOCK
from xgrad.numbers.dtypes import EPS, rounded
from xgrad.numbers.functions import COMPARISONS, EXACT, ROUTINES, cross_product, einsum_names
from xgrad.numbers.large import MANY, applied, elementwise, has_few_terms, is_large, sum_of_few
from xgrad.numbers.lifting import Lifting

POOL = 2**17  # random numbers, a megabyte, that large arrays take theirs from, block by block

# Functions that compare, or count with the numbers that they are given.
_AS_GIVEN = COMPARISONS | {"arange", "searchsorted"}


def _along(x: Any, keywords: Any) -> float:
    return x.shape[keywords.get("axis") or 0]


def _summed(subscripts: str, *operands: Any) -> int:
    terms, output = einsum_names(subscripts, [a.ndim for a in operands])
    size = {c: n for t, a in zip(terms, operands, strict=True)
            for c, n in zip(t, a.shape, strict=True) if n != 1}  # fmt: skip
    return math.prod(n for c, n in size.items() if c not in output)


# How many terms each element of a sum has, from the arguments, the keywords and the result.
TERMS: dict[str, Callable[..., Any]] = {
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
    "segment_sum": lambda args, keywords, made: np.bincount(
        args[1], minlength=made.shape[0]
    ).reshape(-1, *[1] * (made.ndim - 1)),
}


_SIZES = frozenset(("abs", "sign"))  # rounded of complex numbers alone
# Fourier transforms along one axis, and along several.
_LINES, _GRIDS = frozenset(("fft", "ifft", "rfft", "irfft")), frozenset(("fftn", "ifftn"))

# Units that a library's function may be off by, beyond one: series and recurrences inside.
_LOOSE = {"digamma": 16.0, "polygamma": 16.0, "lgamma": 4.0, "erfc": 4.0}


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _is_float(value: Any) -> bool:
    return isinstance(value, Ball) or (_is_numpy(value) and value.dtype.kind in "fc")


def _is_complex(value: Any) -> bool:
    return "complex" in str(getattr(value, "dtype", ""))


def _in_parts(name: str, args: list[Any]) -> bool:
    """Whether both parts of a complex result are rounded for themselves: sums, and real factors."""
    if name in ("add", "subtract"):
        return True
    return name in ("multiply", "divide") and not all(map(_is_complex, args[:2]))


class Noisy(Lifting):
    """`xp` in which every operation rounds at random; `base` has more digits than the dtype."""

    def __init__(self, base: Any, dtype: str, rng: np.random.Generator, in_balls: bool):
        super().__init__(base)
        self.dtype = dtype
        self.unit = EPS[dtype] / 2
        self.rng = rng
        self.in_balls = in_balls
        self._pool = np.empty(0)

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function with rounding errors of its kind."""
        if name in ROUTINES:
            return self._stable(function, *args, **keywords)
        if name in _LINES:
            keywords.setdefault("axis", -1)
        plain = [bare(a) if name in _AS_GIVEN else self._constant(a) for a in args]
        units = 0.0 if name in EXACT else _LOOSE.get(name, 1.0)
        if not keywords and is_large(function, plain):
            return self._rounded(function, *plain, units=units)
        if name == "sum" and has_few_terms(*plain, **keywords):
            function = sum_of_few
        result = function(*plain, **{k: bare(v) for k, v in keywords.items()})
        if name in TERMS:
            return self.wrapped(self._sum_error(name, function, plain, keywords, result))
        if name in _LINES or name in _GRIDS:
            return self.wrapped(self._transformed(function, plain[0], keywords))
        if _is_complex(result) and _in_parts(name, plain):
            parts = (self.wrapped(part(result), 1.0) for part in (self.base.real, self.base.imag))
            return self.complex(*parts)
        return self.wrapped(result, 1.0 if name in _SIZES and _is_complex(plain[0]) else units)

    def _rounded(self, function: np.ufunc, *args: Any, units: float) -> Passing:
        """A function of each element of large arrays, rounded while a block is in the cache."""
        if not units:
            return Passing(elementwise(function, *args), self)
        unit = units * self.unit

        def move(part: np.ndarray) -> None:
            moved = self._window(part.size).reshape(part.shape) * unit
            moved *= part
            part += moved

        return Passing(elementwise(function, *args, then=move), self)

    def _constant(self, given: Any) -> Any:
        """What a function brings along, as the dtype rounds it; bare, if it is noisy already."""
        value = bare(given)
        if isinstance(value, (list, tuple)):
            if not all(isinstance(v, float) for v in value):
                return like(value, [self._constant(v) for v in given])
        elif value is not given or not (isinstance(value, float) or _is_numpy(value)):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "fc" or not array.size:
            return value
        kind = np.complex128 if array.dtype.kind == "c" else np.float64
        held = rounded(array.astype(kind), self.dtype) == array
        if held.all():
            return value
        return self.base.where(held, array, array * (1 + self.xi(array.shape) * self.unit))

    def xi(self, shape: Any) -> Any:
        """Uniform random numbers in [−1, 1] as base arrays; of many, one is used more than once."""
        if self.in_balls or math.prod(shape) < MANY:
            drawn = self._drawn(shape)
            return ball(drawn) if self.in_balls else drawn
        made = np.empty(math.prod(shape))
        for start in range(0, made.size, BLOCK):
            part = made[start : start + BLOCK]
            part[:] = self._window(part.size)
        return made.reshape(shape)

    def _window(self, size: int) -> np.ndarray:
        """So many random numbers that lie together in the pool, from anywhere in it."""
        if self._pool.size < 2 * size:
            self._pool = self._drawn(max(POOL, 2 * size))
        start = self.rng.integers(self._pool.size - size)
        return self._pool[start : start + size]

    def _drawn(self, shape: Any) -> np.ndarray:
        drawn = np.asarray(self.rng.random(shape))
        drawn *= 2.0
        drawn -= 1.0
        return drawn

    def _xi_of(self, value: Any) -> Any:
        """The same in the shape of a value, in both parts of a complex one."""
        xi = self.xi(value.shape)
        return self.base.complex(xi, self.xi(value.shape)) if _is_complex(value) else xi

    def wrap(self, value: Any, units: float = 0.0) -> Any:
        """Floats, rounded at random by so many units; other values pass."""
        if not _is_float(value):
            return value
        if units and is_large(np.positive, [value]):
            return self._rounded(np.positive, value, units=units)
        if units:
            size = self.base.abs(value) if _is_complex(value) else value
            value = value + size * (self._xi_of(value) * (units * self.unit))
        return Passing(value if isinstance(value, Ball) else np.asarray(value), self)

    def _sum_error(
        self, name: str, function: Callable[..., Any], args: list[Any], keywords: Any, result: Any
    ) -> Any:
        if not _is_float(result):
            return result
        sizes = [applied(self.base.abs, a) if hasattr(a, "shape") else a for a in args]
        terms = function(*sizes, **keywords)
        error = self.unit * np.sqrt(np.maximum(1.0, TERMS[name](args, keywords, result)))
        return result + terms * (self._xi_of(result) * error)

    def _transformed(self, function: Callable[..., Any], x: Any, keywords: Any) -> Any:
        """A Fourier transform, off by log₂ n units of the root mean square along its axes.

        Higham 2002, Accuracy and Stability of Numerical Algorithms, theorem 24.2.
        """
        made = function(x, **keywords)
        axes = keywords.get("axis", keywords.get("axes"))
        axes = (axes,) if isinstance(axes, int) else tuple(axes or range(-made.ndim, 0))
        terms = math.prod(max(made.shape[a], x.shape[a]) for a in axes)
        size = self.base.abs(made)
        mean = self.base.sqrt(self.base.mean(size * size, axis=axes, keepdims=True))
        units = self.unit * max(1.0, math.log2(terms))
        return made + mean * (self._xi_of(made) * units)

    # --- routines of linear algebra --------------------------------------------------------------

    def _stable(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function of slightly different matrices, rounded."""
        return self.wrapped(function(*(self._near(bare(a)) for a in args), **keywords), 1.0)

    def _near(self, a: Any) -> Any:
        """a, moved by rounding errors in the scale of each matrix's norm."""
        if not _is_float(a):
            return a
        axes = (-2, -1) if a.ndim > 1 else None
        size = self.base.max(self.base.abs(a), axis=axes, keepdims=True)
        return a + size * math.sqrt(max(a.shape[-2:])) * self._xi_of(a) * self.unit

    def slogdet(self, x: Any) -> Any:
        """The sign is exact, a phase is not."""
        sign, logarithm = made = self.base.linalg.slogdet(self._near(bare(x)))
        units = 1.0 if _is_complex(sign) else 0.0
        return made._make([self.wrapped(sign, units), self.wrapped(logarithm, 1.0)])

    def cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product."""
        return cross_product(self, a, b, axis)

    def vector_norm(self, x: Any, ord: float = 2, **keywords: Any) -> Any:
        """The square root of a sum, or another order."""
        if ord == 2:
            return self.sqrt(self.sum(self._squared(x), **keywords))
        norm = self.base.linalg.vector_norm
        return self.apply("vector_norm", norm, x, ord=ord, **keywords)

    def matrix_norm(self, x: Any, ord: Any = "fro", **keywords: Any) -> Any:
        """The square root of a sum, singular values, or sums of columns and rows."""
        if ord == "fro":
            return self.sqrt(self.sum(self._squared(x), axis=(-2, -1), **keywords))
        norm = self.base.linalg.matrix_norm
        if ord in (2, -2, "nuc"):
            return self._stable(norm, x, ord=ord, **keywords)
        return self.apply("matrix_norm", norm, x, ord=ord, **keywords)

    def _squared(self, x: Any) -> Any:
        """|x|²."""
        return self.real(x * self.conj(x)) if _is_complex(x) else x * x

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
