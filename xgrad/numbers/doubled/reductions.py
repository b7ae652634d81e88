"""Sums, extremes, running sums and sorting."""

from __future__ import annotations

import math
from typing import Any

from xgrad.numbers.doubled import pairs, products
from xgrad.numbers.doubled.array import Doubled, doubled
from xgrad.numbers.doubled.elementwise import exp, log, negative, not_equal, sqrt, square, where
from xgrad.numbers.doubled.exact import Array, Pair
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.lifting import Flag, is_whole, plainly
from xgrad.numbers.doubled.shapes import ones, permute_dims, reshape, take_along_axis

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def _axes(x: Any, axis: Any) -> tuple[int, ...]:
    every = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(a % x.ndim for a in every)


def sum(x: Any, axis: Any = None, keepdims: Flag = False, **ignored: Any) -> Any:
    """Σ x along axes, right to 2**-105 Σ |x| in whatever order."""
    if is_whole(x):
        return plainly("sum", x, axis=axis, keepdims=keepdims)
    x = doubled(x)
    return Doubled(*products.total((x.high, x.low), axis, keepdims))


def prod(x: Any, axis: Any = None, keepdims: Flag = False, **ignored: Any) -> Any:
    """The product along axes, in halves."""
    if is_whole(x):
        return plainly("prod", x, axis=axis, keepdims=keepdims)
    x = doubled(x)
    axes = _axes(x, axis)
    rest = [a for a in range(x.ndim) if a not in axes]
    ahead = permute_dims(x, (*axes, *rest))
    flat = reshape(ahead, (_length(x, axis), *(x.shape[a] for a in rest)))
    made = Doubled(*_settled_product(flat)) if len(flat) else ones(flat.shape[1:])
    shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
    return reshape(made, tuple(shape)) if keepdims else made


def _settled_product(x: Doubled) -> Pair:
    native = library(x.high).xp.prod(x.high, axis=0)
    return pairs.settled(native, products.folded(pairs.multiply, (x.high, x.low)))


def _extreme(name: str, least: float) -> Any:
    """The largest or smallest high part, and among those that have it the low part."""

    def apply(x: Any, axis: Any = None, keepdims: Flag = False) -> Any:
        if is_whole(x):
            return plainly(name, x, axis=axis, keepdims=keepdims)
        x = doubled(x)
        xp = library(x.high).xp
        pick = getattr(xp, name)
        most = pick(x.high, axis=axis, keepdims=True)
        low = pick(xp.where(x.high == most, x.low, least), axis=axis, keepdims=True)
        made = Doubled(most, xp.where(xp.isfinite(low), low, 0.0))
        return made if keepdims else _dropped(made, axis)

    return apply


def _dropped(x: Doubled, axis: Any) -> Doubled:
    axes = _axes(x, axis)
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if a not in axes))


max, min = _extreme("max", -math.inf), _extreme("min", math.inf)


def _first_of(name: str, least: float) -> Any:
    """The position of the first largest or smallest; of the first NaN where there is one."""

    def apply(x: Any, axis: int | None = None, keepdims: Flag = False) -> Array:
        if not isinstance(x, Doubled):
            return plainly(name, x, axis=axis, keepdims=keepdims)
        xp = library(x.high).xp
        most = getattr(xp, name[3:])(x.high, axis=axis, keepdims=True)
        rank = xp.where(x.high == most, x.low, least)
        rank = xp.where(xp.isnan(x.high), -least, rank)
        return getattr(xp, name)(rank, axis=axis, keepdims=keepdims)

    return apply


argmax, argmin = _first_of("argmax", -math.inf), _first_of("argmin", math.inf)


def _of_truth(name: str) -> Any:
    """A function of booleans, where numbers count as true unless they are zero."""

    def apply(x: Any, **keywords: Any) -> Any:
        return plainly(name, not_equal(x, 0) if isinstance(x, Doubled) else x, **keywords)

    return apply


any, all, nonzero = _of_truth("any"), _of_truth("all"), _of_truth("nonzero")
count_nonzero = _of_truth("count_nonzero")


def _length(x: Any, axis: Any) -> int:
    return math.prod(x.shape[a] for a in _axes(x, axis))


def mean(x: Any, axis: Any = None, keepdims: Flag = False) -> Any:
    """Σx / n."""
    x = doubled(x)
    return sum(x, axis=axis, keepdims=keepdims) / float(_length(x, axis))


def var(x: Any, axis: Any = None, correction: float = 0.0, keepdims: Flag = False) -> Any:
    """Σ(x − mean)² / (n − correction)."""
    x = doubled(x)
    centred = square(x - mean(x, axis=axis, keepdims=True))
    return sum(centred, axis=axis, keepdims=keepdims) / (_length(x, axis) - float(correction))


def std(x: Any, axis: Any = None, correction: float = 0.0, keepdims: Flag = False) -> Any:
    """√var."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _accumulated(name: str, combine: Any, start: float) -> Any:
    def apply(x: Any, axis: int | None = None, include_initial: Flag = False) -> Any:
        if axis is None and x.ndim != 1:
            raise ValueError(f"name the axis of {name}: the array has {x.ndim} axes")
        along = 0 if axis is None else axis
        if is_whole(x):
            return plainly(name, x, axis=along, include_initial=include_initial)
        x = doubled(x)
        xp = library(x.high).xp
        high, low = products.running(combine, (x.high, x.low), along)
        native = getattr(xp, name)(x.high, axis=along)
        usual = xp.isfinite(low)
        high, low = xp.where(usual, high, native), xp.where(usual, low, 0.0)
        if include_initial:
            edge = xp.take(0.0 * high, xp.arange(1), axis=along)
            high = xp.concat([edge + start, high], axis=along)
            low = xp.concat([edge, low], axis=along)
        return Doubled(high, low)

    return apply


cumulative_sum = _accumulated("cumulative_sum", pairs.add, 0.0)
cumulative_prod = _accumulated("cumulative_prod", pairs.multiply, 1.0)


def logsumexp(x: Any, axis: Any = None, keepdims: Flag = False) -> Any:
    """log Σ exp(x), shifted by the largest."""
    x = doubled(x)
    top = max(x, axis=axis, keepdims=True)
    top = where(library(x.high).xp.isfinite(top.high), top, 0.0 * top.high)
    made = log(sum(exp(x - top), axis=axis, keepdims=True)) + top
    return made if keepdims else _dropped(made, axis)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / Σ exp(x)."""
    x = doubled(x)
    e = exp(x - max(x, axis=axis, keepdims=True))
    return e / sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x − log Σ exp(x)."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def argsort(x: Any, axis: int = -1, descending: Flag = False, stable: Flag = True) -> Array:
    """Indices that sort: by low parts, and then by high ones where that keeps the order."""
    if not isinstance(x, Doubled):
        return plainly("argsort", x, axis=axis, descending=descending)
    x = negative(x) if descending else x
    xp = library(x.high).xp
    by_low = xp.argsort(x.low, axis=axis, stable=True)
    by_high = xp.argsort(xp.take_along_axis(x.high, by_low, axis=axis), axis=axis, stable=True)
    return xp.take_along_axis(by_low, by_high, axis=axis)


def sort(x: Any, axis: int = -1, descending: Flag = False, stable: Flag = True) -> Any:
    """Sorted."""
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)
