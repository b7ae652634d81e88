"""Sums, extremes, running sums and sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers.balls.array import LEDGER, Ball, ball
from xgrad.numbers.balls.elementwise import exp, log, negative, not_equal, sqrt, square
from xgrad.numbers.balls.lifting import Array, Flag, is_whole
from xgrad.numbers.balls.shapes import take_along_axis
from xgrad.numbers.functions import require_segments

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _reduction(function: Callable[..., Any]) -> Any:
    def apply(x: Array, axis: Any = None, keepdims: Flag = False, **ignored: Any) -> Array:
        if is_whole(x):
            return function(np.asarray(x), axis=axis, keepdims=keepdims)
        LEDGER.charge(x.size)
        return ball(function(ball(x).data, axis=axis, keepdims=keepdims))

    return apply


sum, prod = _reduction(np.sum), _reduction(np.prod)
max, min = _reduction(np.max), _reduction(np.min)


def _of_truth(function: Callable[..., Any]) -> Any:
    """A function of booleans, where balls count as true unless they are zero."""

    def apply(x: Array, **keywords: Any) -> Array:
        return function(not_equal(x, 0) if isinstance(x, Ball) else x, **keywords)

    return apply


any, all, nonzero = _of_truth(np.any), _of_truth(np.all), _of_truth(np.nonzero)
count_nonzero = _of_truth(np.count_nonzero)


def _length(x: Array, axis: Any) -> int:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return int(np.prod([x.shape[a] for a in axes], dtype=np.int64))


def mean(x: Array, axis: Any = None, keepdims: Flag = False) -> Array:
    """Σx / n."""
    return sum(ball(x), axis=axis, keepdims=keepdims) / _length(x, axis)


def var(x: Array, axis: Any = None, correction: float = 0.0, keepdims: Flag = False) -> Array:
    """Σ(x − mean)² / (n − correction)."""
    centred = square(x - mean(x, axis=axis, keepdims=True))
    return sum(centred, axis=axis, keepdims=keepdims) / (_length(x, axis) - correction)


def std(x: Array, axis: Any = None, correction: float = 0.0, keepdims: Flag = False) -> Array:
    """√var."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _accumulate(function: np.ufunc) -> Any:
    def apply(x: Array, axis: int | None = None, include_initial: Flag = False) -> Array:
        if axis is None and x.ndim != 1:
            raise ValueError(f"name the axis of {function.__name__}: the array has {x.ndim} axes")
        along = 0 if axis is None else axis
        data = x if is_whole(x) else ball(x).data
        out = function.accumulate(data, axis=along)
        if include_initial:
            shape = [1 if i == along % x.ndim else n for i, n in enumerate(x.shape)]
            start = np.full(shape, function.identity, dtype=data.dtype)
            out = np.concatenate([start, out], axis=along)
        return out if is_whole(x) else ball(out)

    return apply


cumulative_sum, cumulative_prod = _accumulate(np.add), _accumulate(np.multiply)


def segment_sum(data: Array, segment_ids: Array, num_segments: int) -> Array:
    """Sums of the rows of each segment, which integers in range(num_segments) name."""
    require_segments(segment_ids, num_segments)
    LEDGER.charge(data.size)
    rows = data if is_whole(data) else ball(data).data
    total = np.zeros((num_segments, *rows.shape[1:]), dtype=rows.dtype)
    np.add.at(total, segment_ids, rows)
    return total if is_whole(data) else ball(total)


def logsumexp(x: Array, axis: Any = None, keepdims: Flag = False) -> Array:
    """log Σ exp(x): needs no shift, the exponents are unbounded."""
    return log(sum(exp(x), axis=axis, keepdims=keepdims))


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / Σ exp(x)."""
    e = exp(x)
    return e / sum(e, axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """x − log Σ exp(x)."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def _positions(x: Array) -> Any:
    """For sorting: the rank of each midpoint, so that NumPy need not compare balls."""
    return np.frompyfunc(lambda a: a.mid(), 1, 1)(x.data) if isinstance(x, Ball) else x


def argsort(x: Array, axis: int = -1, descending: Flag = False, stable: Flag = True) -> Array:
    """Indices that sort by midpoint."""
    order = _positions(negative(x) if descending else x)
    return np.argsort(order, axis=axis, kind="stable")


def sort(x: Array, axis: int = -1, descending: Flag = False, stable: Flag = True) -> Array:
    """Sorted by midpoint."""
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


def argmax(x: Array, axis: int | None = None, keepdims: Flag = False) -> Array:
    """Index of the first largest midpoint."""
    return np.argmax(_positions(x), axis=axis, keepdims=keepdims)


def argmin(x: Array, axis: int | None = None, keepdims: Flag = False) -> Array:
    """Index of the first smallest midpoint."""
    return np.argmin(_positions(x), axis=axis, keepdims=keepdims)


def searchsorted(x1: Array, x2: Array, side: Any = "left", sorter: Any = None) -> Array:
    """Where the midpoints of x2 belong among those of x1, which are sorted."""
    return np.searchsorted(_positions(ball(x1)), _positions(ball(x2)), side=side, sorter=sorter)
