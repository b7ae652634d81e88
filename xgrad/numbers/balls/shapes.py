"""Shapes, creation and types."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers.balls.array import COMPLEX, Ball, ball, midpoint, to_acb, wrap
from xgrad.numbers.balls.elementwise import where
from xgrad.numbers.balls.lifting import Array, Flag, is_whole, raw, shaped
from xgrad.numbers.functions import python_scan, require_constant

_HELPERS = frozenset(globals())  # the names from here on are those of xp


reshape, squeeze, expand_dims = shaped(np.reshape), shaped(np.squeeze), shaped(np.expand_dims)
flip, roll, tile, repeat = shaped(np.flip), shaped(np.roll), shaped(np.tile), shaped(np.repeat)
permute_dims, moveaxis = shaped(np.transpose), shaped(np.moveaxis)
broadcast_to, take_along_axis = shaped(np.broadcast_to), shaped(np.take_along_axis)
matrix_transpose = shaped(lambda x: np.swapaxes(x, -1, -2))


def take(x: Array, indices: Array, axis: int = 0) -> Array:
    """Elements at integer positions along an axis."""
    return shaped(np.take)(x, np.asarray(indices), axis=axis)


def _triangle(mask: Callable[..., Any]) -> Any:
    def apply(x: Array, k: int = 0) -> Array:
        if is_whole(x):
            return mask(x, k=k)
        return where(mask(np.ones(x.shape[-2:], dtype=bool), k=k), x, zeros(x.shape))

    return apply


tril, triu = _triangle(np.tril), _triangle(np.triu)


def _joined(function: Callable[..., Any]) -> Any:
    def apply(arrays: Any, axis: int | None = 0) -> Array:
        if is_whole(*arrays):
            return function(list(arrays), axis=axis)
        return ball(function([ball(a).data for a in arrays], axis=axis))

    return apply


concat, stack = _joined(np.concatenate), _joined(np.stack)


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*(np.shape(raw(a)) for a in arrays))
    return [broadcast_to(a, shape) for a in arrays]


def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis."""
    return tuple(moveaxis(x, axis, 0))


def meshgrid(*arrays: Array, indexing: str = "xy") -> list[Array]:
    """Coordinate arrays."""
    data = [a if is_whole(a) else ball(a).data for a in arrays]
    grids = np.meshgrid(*data, indexing=indexing)  # type: ignore[call-overload]
    return [wrap(g) if g.dtype == object else g for g in grids]


def diff(x: Array, axis: int = -1, n: int = 1) -> Array:
    """Differences of neighbours along an axis."""
    return shaped(np.diff)(x, n=n, axis=axis)


scan = python_scan(stack)


float64 = float32 = dtype = "ball"
complex128 = complex64 = COMPLEX
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
bool, iinfo, broadcast_shapes = np.bool_, np.iinfo, np.broadcast_shapes
inf, nan, newaxis = float("inf"), float("nan"), None


def _is_float(kind: Any) -> Flag:
    return kind in ("ball", COMPLEX) or (kind is not None and np.dtype(kind).kind in "fc")


def asarray(value: Any, dtype: Any = None, **ignored: Any) -> Array:
    """Floats become balls exactly; integers and booleans stay with NumPy."""
    if isinstance(value, Ball):
        return value if dtype is None else astype(value, dtype)
    require_constant(value)
    data = np.array(value)
    if _is_float(dtype) or (dtype is None and data.dtype.kind not in "iub"):
        return ball(data)
    return data if dtype is None else data.astype(dtype)


def astype(x: Array, kind: Any, copy: Flag = True) -> Array:
    """To floats exactly; to integers by truncation of the midpoint."""
    if _is_float(kind):
        return wrap(to_acb(ball(x).data)) if kind == COMPLEX else ball(x)
    return midpoint(x).astype(kind)


# Constants of an immutable type: one object serves all elements.
_ONE, _ZERO = (np.array([arb(k), None], dtype=object)[0] for k in (1, 0))


def _creation(function: Callable[..., Any]) -> Any:
    def apply(*args: Any, dtype: Any = None, **keywords: Any) -> Array:
        whole = dtype is not None and not _is_float(dtype)
        made = function(*args, dtype=dtype if whole else bool, **keywords)
        return made if whole else astype(wrap(np.where(made, _ONE, _ZERO)), dtype or "ball")

    return apply


zeros, ones, eye = _creation(np.zeros), _creation(np.ones), _creation(np.eye)
empty = zeros


def full(shape: Any, value: Any, dtype: Any = None) -> Array:
    """An array of one value."""
    if dtype is not None and not _is_float(dtype):
        return np.full(shape, value, dtype=dtype)
    return broadcast_to(ball(value), shape)


def linspace(
    start: float, stop: float, num: int, dtype: Any = None, endpoint: Flag = True
) -> Array:
    """Evenly spaced numbers, exactly divided."""
    steps = num - 1 if endpoint else num
    made = start + ball(np.arange(num)) * (ball(stop) - start) / builtins.max(steps, 1)
    return made if dtype is None else astype(made, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """Integers where all arguments are, else balls, exactly stepped."""
    first, last = (0, start) if stop is None else (start, stop)
    made = np.arange(first, last, step)
    if made.dtype.kind != "f" and not _is_float(dtype):
        return made.astype(dtype or int)
    exact = first + ball(np.arange(made.size)) * step
    return exact if dtype is None else astype(exact, dtype)


def _kind(x: Array) -> Any:
    return getattr(x, "dtype", None) if not isinstance(x, (int, list)) else np.asarray(x).dtype


def zeros_like(x: Array, dtype: Any = None) -> Array:
    """Zeros in the shape of x."""
    return zeros(np.shape(x), dtype=dtype or _kind(x))


def ones_like(x: Array, dtype: Any = None) -> Array:
    """Ones in the shape of x."""
    return ones(np.shape(x), dtype=dtype or _kind(x))


def full_like(x: Array, value: Any, dtype: Any = None) -> Array:
    """One value in the shape of x."""
    return full(np.shape(x), value, dtype=dtype or _kind(x))


empty_like = zeros_like


def isdtype(kind: Any, wanted: Any) -> Flag:
    """Whether a dtype is of a kind, or of one of several, as the standard names them."""
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if _is_float(kind):
        own = "complex floating" if kind == COMPLEX else "real floating"
        return builtins.any(k in (own, "numeric", kind) for k in kinds)
    return np.isdtype(np.dtype(kind), tuple(k for k in kinds if k != "ball"))


def result_type(*values: Any) -> Any:
    """Balls as soon as one argument is an array, a number or a dtype of floats."""
    kinds = [dtype if isinstance(v, float) else getattr(v, "dtype", v) for v in values]
    floats = [not isinstance(k, int) and _is_float(k) for k in kinds]
    if COMPLEX in kinds:
        return COMPLEX
    return dtype if builtins.any(floats) else np.result_type(*kinds)


class _Info:
    """`finfo` of 256-bit floats, in float64 where it fits."""

    eps = 2.0**-256
    tiny = smallest_normal = 5e-324
    max, min = 1.7e308, -1.7e308


def finfo(kind: Any) -> _Info:
    """Limits of the type."""
    return _Info()
