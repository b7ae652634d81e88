"""How arrays that broadcast are gone through row by row, whatever their axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SHORT = 16  # elements of an axis that is no row
Shape = tuple[int, ...]


class Rows(NamedTuple):
    """Arrays as memory without gaps, and where in each the rows of the result begin.

    An array has an element for each of a row's, or one for all of them.
    """

    shape: Shape  # of the result, its axes in the order of memory
    order: Sequence[int] | None  # of the axes; None for that of the arrays
    flat: list[np.ndarray]
    starts: list[np.ndarray]

    def result(self, made: np.ndarray) -> np.ndarray:
        """What was made, with its axes in the order of the arrays."""
        made = made.reshape(self.shape)
        return made if self.order is None else np.transpose(made, np.argsort(self.order))


def kinds_of(shapes: Sequence[Shape]) -> str:
    """For each array, `e` where it has an element for each of a row's, `o` where it has one."""
    if len(set(shapes)) == 1:
        return "e" * len(shapes)
    if _alike(shapes):
        single = [math.prod(s) == 1 for s in shapes]
        return "".join("o" if one and not all(single) else "e" for one in single)
    shape = np.broadcast_shapes(*shapes)
    last = _order(shape)[-1] - len(shape)
    return "".join("e" if len(s) >= -last and s[last] == shape[last] else "o" for s in shapes)


def in_rows(highs: Sequence[np.ndarray], lows: Sequence[np.ndarray]) -> Rows:
    """The rows of arrays that broadcast, of which each two have one shape: theirs in turn."""
    every = [part for pair in zip(highs, lows, strict=True) for part in pair]
    shapes = [a.shape for a in highs]
    if len(set(shapes)) == 1 and all(a.flags.c_contiguous for a in every):
        return Rows(shapes[0], None, [a.reshape(-1) for a in every], [_FIRST] * len(highs))
    shape = np.broadcast_shapes(*shapes)
    if _alike(shapes):
        order, starts = _lying(highs, len(shape)), [_FIRST] * len(highs)
    else:
        order = _order(shape)
        starts = [_starts(_ordered(a, order).shape, _of(shape, order)) for a in highs]
    if order is None:
        return Rows(shape, None, list(map(one_row, every)), starts)
    flat = [one_row(_ordered(a, order)) for a in every]
    return Rows(_of(shape, order), order, flat, starts)


def one_row(array: np.ndarray) -> np.ndarray:
    """All elements in memory without gaps."""
    return np.ascontiguousarray(array).reshape(-1)


def _alike(shapes: Sequence[Shape]) -> bool:
    """Whether all have one shape, but for single numbers: one row, then."""
    return len({s for s in shapes if math.prod(s) != 1}) <= 1


_FIRST = np.zeros(1, np.int64)


def _order(shape: Shape) -> Sequence[int]:
    """Axes in the order of memory that suits a result: long ones last."""
    axes = range(len(shape))
    return axes if shape[-1] >= SHORT else sorted(axes, key=lambda a: shape[a] >= SHORT)


def _lying(arrays: Sequence[np.ndarray], ndim: int) -> Sequence[int] | None:
    """Axes in the order of memory of the first large array; None where that is their own."""
    odd = [a for a in arrays if not a.flags.c_contiguous]
    if not odd or any(a.ndim != ndim for a in arrays if a.size > 1):
        return None
    steps = next(a for a in arrays if a.size > 1).strides
    return sorted(range(ndim), key=lambda a: -abs(steps[a]))


def _of(shape: Shape, order: Sequence[int]) -> Shape:
    return tuple(shape[a] for a in order)


def _ordered(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """An array with its axes in an order, those that it has not first."""
    return np.transpose(array.reshape((1,) * (len(order) - array.ndim) + array.shape), order)


def _starts(own: Shape, shape: Shape) -> np.ndarray:
    """Where in an array of a shape each row of the result begins."""
    rows = np.arange(math.prod(own[:-1])).reshape(own[:-1]) * own[-1]
    return np.ascontiguousarray(np.broadcast_to(rows, shape[:-1])).reshape(-1)
