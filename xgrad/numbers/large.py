"""Functions of each element of large arrays of floats: in blocks, in the order of memory.

A pass over tens of megabytes waits for memory, and longer for pages that the system hands out. So
results are written where others were, and what is done with them besides is done block by block,
while they are in a cache; the inner loop is never along a last axis of few elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np

from xgrad.numbers.doubled.blocks import blocks, within
from xgrad.numbers.doubled.memory import empty

MANY = 100_000  # elements
FEW = 4  # elements of a last axis, along which NumPy is slow


def applied(function: Any, *args: Any, **keywords: Any) -> Any:
    """What a function makes, in blocks where that is quicker."""
    if not keywords and is_large(function, args):
        return elementwise(function, *args)
    return function(*args, **keywords)


def is_large(function: Any, args: Sequence[Any]) -> TypeGuard[np.ufunc]:
    """Whether a function is of each element, and its result many numbers of float64."""
    if not isinstance(function, np.ufunc) or len(args) != function.nin or function.nout != 1:
        return False
    arrays = [a for a in args if type(a) not in (int, float)]
    if not arrays or not all(_is_float64(a) for a in arrays):
        return False
    return math.prod(np.broadcast_shapes(*(a.shape for a in arrays))) >= MANY


def elementwise(
    function: np.ufunc, *args: Any, then: Callable[[np.ndarray], None] | None = None
) -> np.ndarray:
    """The function; each block of its result, in the order of memory, is given to `then`."""
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    order = _order(shape, args)
    views = [_turned(np.asarray(a), order) for a in args]
    made = empty(tuple(shape[k] for k in order))
    for key in blocks(made.shape):
        part = made[key]
        function(*(view[within(view, key)] for view in views), out=part)
        if then is not None:
            then(part)
    return np.transpose(made, np.argsort(order))


def has_few_terms(x: Any, axis: Any = None, keepdims: bool = False, **others: Any) -> bool:
    """Whether a sum along the last axis has so few terms that NumPy is slow."""
    last = isinstance(x, np.ndarray) and axis in (-1, x.ndim - 1)
    return last and not others and 0 < x.shape[-1] <= FEW and x.size >= MANY


def sum_of_few(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> Any:
    """A sum along the last axis, term by term."""
    made = x[..., 0]
    for k in range(1, x.shape[-1]):
        made = applied(np.add, made, x[..., k])
    return made[..., None] if keepdims else made


def _is_float64(a: Any) -> bool:
    return isinstance(a, (np.ndarray, np.generic)) and a.dtype == np.float64


def _order(shape: tuple[int, ...], args: Any) -> list[int]:
    """The axes from the outermost: a short last one, then as an array has them in memory."""
    axes = list(range(len(shape)))
    if shape[-1] <= FEW:
        return [axes[-1], *axes[:-1]]
    whole = next((a for a in args if np.shape(a) == shape), None)
    return axes if whole is None else sorted(axes, key=lambda k: -abs(whole.strides[k]))


def _turned(a: np.ndarray, order: list[int]) -> np.ndarray:
    """An array with all axes, in this order."""
    return np.transpose(a.reshape((1,) * (len(order) - a.ndim) + a.shape), order)
