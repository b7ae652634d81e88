"""Shapes, creation and types."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers.doubled.array import DTYPE, Doubled, doubled
from xgrad.numbers.doubled.elementwise import trunc
from xgrad.numbers.doubled.exact import Array
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.lifting import Flag, in_common, is_whole, plainly
from xgrad.numbers.functions import python_scan, require_constant

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _shaped(name: str) -> Any:
    """A function of the library that only moves elements, of both parts."""

    def apply(x: Any, *args: Any, **keywords: Any) -> Any:
        if is_whole(x):
            return plainly(name, x, *args, **keywords)
        x = doubled(x)
        move = getattr(library(x.high).xp, name)
        return Doubled(move(x.high, *args, **keywords), move(x.low, *args, **keywords))

    return apply


reshape, squeeze, expand_dims = _shaped("reshape"), _shaped("squeeze"), _shaped("expand_dims")
flip, roll, tile, repeat = _shaped("flip"), _shaped("roll"), _shaped("tile"), _shaped("repeat")
permute_dims, moveaxis = _shaped("permute_dims"), _shaped("moveaxis")
broadcast_to, matrix_transpose = _shaped("broadcast_to"), _shaped("matrix_transpose")
tril, triu = _shaped("tril"), _shaped("triu")


def _positions(indices: Any, x: Any) -> Array:
    """Indices beside the elements that they name."""
    part = x.high if isinstance(x, Doubled) else x
    return library(part).moved(np.asarray(indices), part) if _on_host(indices) else indices


def _on_host(indices: Any) -> Flag:
    return isinstance(indices, (int, list, tuple, np.ndarray, np.generic))


def take(x: Any, indices: Any, axis: int = 0) -> Any:
    """Elements at integer positions along an axis."""
    indices = _positions(indices, x)
    flat = library(indices).xp.reshape(indices, (-1,))
    axis %= len(x.shape)
    made = _shaped("take")(x, flat, axis=axis)
    return reshape(made, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Any:
    """Elements at positions that have an array of their own."""
    return _shaped("take_along_axis")(x, _positions(indices, x), axis=axis)


def _joined(name: str) -> Any:
    def apply(arrays: Any, axis: int | None = 0) -> Any:
        if is_whole(*arrays):
            return getattr(library(arrays[0]).xp, name)(list(arrays), axis=axis)
        parts = in_common(*map(doubled, arrays))
        join = getattr(library(parts[0][0]).xp, name)
        return Doubled(*(join(list(each), axis=axis) for each in zip(*parts, strict=True)))

    return apply


concat, stack = _joined("concat"), _joined("stack")
scan = python_scan(stack)


def broadcast_arrays(*arrays: Any) -> list[Any]:
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*(getattr(a, "shape", ()) for a in arrays))
    return [broadcast_to(a if hasattr(a, "shape") else asarray(a), shape) for a in arrays]


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis."""
    return tuple(moveaxis(x, axis, 0))


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
    """Coordinate arrays."""
    if is_whole(*arrays):
        return list(plainly("meshgrid", *arrays, indexing=indexing))
    parts = in_common(*map(doubled, arrays))
    grid = library(parts[0][0]).xp.meshgrid
    both = (grid(*each, indexing=indexing) for each in zip(*parts, strict=True))
    return [Doubled(high, low) for high, low in zip(*both, strict=True)]


def diff(x: Any, axis: int = -1, n: int = 1) -> Any:
    """Differences of neighbours along an axis."""
    if is_whole(x):
        return plainly("diff", x, axis=axis, n=n)
    x = moveaxis(x, axis, 0)
    for _ in range(n):
        x = x[1:] - x[:-1]
    return moveaxis(x, 0, axis)


float64 = float32 = dtype = DTYPE
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
bool, iinfo, broadcast_shapes = np.bool_, np.iinfo, np.broadcast_shapes
inf, nan, newaxis = float("inf"), float("nan"), None


def _is_float(kind: Any) -> Flag:
    return kind == DTYPE or "float" in str(kind)


def asarray(value: Any, dtype: Any = None, **ignored: Any) -> Any:
    """Floats become pairs exactly; integers and booleans stay with their library."""
    if not isinstance(value, Doubled):
        require_constant(value if isinstance(value, (list, tuple)) else None)
        value = value if hasattr(value, "dtype") else np.asarray(value)
        whole = is_whole(value) and (dtype is None or not _is_float(dtype))
        value = value if whole else doubled(value)
    return value if dtype is None else astype(value, dtype)


def astype(x: Any, kind: Any, copy: Flag = True) -> Any:
    """To pairs exactly; to integers by truncation, to booleans by what is not zero."""
    if _is_float(kind):
        return doubled(x)
    if not isinstance(x, Doubled):
        xp = library(x).xp
        return xp.astype(x, _of_library(xp, kind))
    xp = library(x.high).xp
    kind = _of_library(xp, kind)
    if xp.isdtype(kind, "bool"):
        return x.high != 0
    whole = trunc(x)
    return xp.astype(whole.high, kind) + xp.astype(whole.low, kind)


def _of_library(xp: Any, kind: Any) -> Any:
    """A dtype as a library has it, of any other's."""
    return getattr(xp, _plain(kind).name)


def _plain(kind: Any) -> np.dtype[Any]:
    """A dtype of integers or booleans, of any library, as NumPy has it."""
    if isinstance(kind, (str, type, np.dtype)):
        return np.dtype(kind)
    return np.dtype(str(kind).rpartition(".")[2])


def _creation(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def apply(*args: Any, dtype: Any = None, **keywords: Any) -> Any:
        if dtype is not None and not _is_float(dtype):
            return function(*args, dtype=_plain(dtype), **keywords)
        return doubled(function(*args, dtype=np.float64, **keywords))

    return apply


zeros, ones, eye = _creation("zeros"), _creation("ones"), _creation("eye")
empty = zeros


def full(shape: Any, value: Any, dtype: Any = None) -> Any:
    """An array of one value."""
    if dtype is not None and not _is_float(dtype):
        return np.full(shape, value, dtype=_plain(dtype))
    return broadcast_to(doubled(value), shape if isinstance(shape, tuple) else (shape,))


def linspace(start: Any, stop: Any, num: int, dtype: Any = None, endpoint: Flag = True) -> Any:
    """Evenly spaced numbers."""
    steps = num - 1 if endpoint else num
    made = start + doubled(np.arange(num)) * (doubled(stop) - start) / builtins.max(steps, 1)
    return made if dtype is None else astype(made, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Integers where all arguments are, else pairs, stepped without accumulation."""
    first, last = (0, start) if stop is None else (start, stop)
    made = np.arange(first, last, step)
    if made.dtype.kind != "f" and not _is_float(dtype):
        return made.astype(np.int64 if dtype is None else _plain(dtype))
    exact = first + doubled(np.arange(made.size)) * step
    return exact if dtype is None else astype(exact, dtype)


def full_like(x: Any, value: Any, dtype: Any = None) -> Any:
    """One value in the shape of x, in its library."""
    part = x.high if isinstance(x, Doubled) else x if hasattr(x, "dtype") else np.asarray(x)
    xp, kind = library(part).xp, dtype or getattr(x, "dtype", part.dtype)
    if not _is_float(kind):
        return xp.full_like(part, value, dtype=_of_library(xp, kind))
    zero = xp.zeros_like(part, dtype=xp.float64)
    return Doubled(zero, zero) + value


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of x."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of x."""
    return full_like(x, 1, dtype)


empty_like = zeros_like


def isdtype(kind: Any, wanted: Any) -> Flag:
    """Whether a dtype is of a kind, or of one of several, as the standard names them."""
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if _is_float(kind):
        return builtins.any(k in ("real floating", "numeric", kind) for k in kinds)
    return np.isdtype(_plain(kind), tuple(k for k in kinds if k != DTYPE))


def result_type(*values: Any) -> Any:
    """Pairs as soon as one argument is an array, a number or a dtype of floats."""
    kinds = [DTYPE if isinstance(v, float) else getattr(v, "dtype", v) for v in values]
    if builtins.any(not isinstance(k, int) and _is_float(k) for k in kinds):
        return DTYPE
    return np.result_type(*(k if isinstance(k, int) else _plain(k) for k in kinds))


class _Info:
    """`finfo` of pairs, in float64."""

    eps = 2.0**-105
    tiny = smallest_normal = 2.0**-968
    max, min = 2.0**1022, -(2.0**1022)


def finfo(kind: Any) -> _Info:
    """Limits of the type."""
    return _Info()
