"""Sums and matrix products of pairs by slices that floats add and multiply without an error.

A slice holds so many bits of each number, all counted from the largest of its row: its sums, and
its products with another's, fit into 53 bits in whatever order a library takes them. After Ozaki,
Ogita, Oishi & Rump 2012, Error-free transformations of matrix multiplication by using fast routines
of matrix multiplication, Numerical Algorithms 59; and Rump, Ogita & Oishi 2008, Accurate
floating-point summation, SIAM J. Sci. Comput. 31.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from xgrad.numbers.doubled.blocks import blocks, within
from xgrad.numbers.doubled.exact import Array, Pair, power_above
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.loops import Kernel, Sums
from xgrad.numbers.doubled.pairs import add, add_float, multiply, scaled

ADD = Kernel(add, lambda xp, a, b: a + b)
MULTIPLY = Kernel(multiply, lambda xp, a, b: a * b)
_FEW = 4  # terms that are added one by one
_WANTED = 108  # bits below the largest term: 106, and two for what is added up


def _finite_or(native: Array, x: Pair) -> Pair:
    """The pair; what the library makes of the high parts where that is not finite."""
    xp = library(native).xp
    usual = xp.isfinite(x[1])
    return xp.where(usual, x[0], native), xp.where(usual, x[1], 0.0)


def _size_of(high: Array, axis: Any) -> Array:
    """The least power of two above all along some axes, which are kept."""
    xp = library(high).xp
    return power_above(xp.max(xp.abs(high), axis=axis, keepdims=True))


def slices(x: Pair, bits: int, count: int) -> tuple[list[Array], Array]:
    """So many slices of numbers up to 1, so many bits each, and the rest.

    Each is a whole multiple of 2**(−bits slice); the low parts come in where that gets to them.
    """
    return _sliced(x, _shifts(bits, count), 52 // bits)


def _shifts(bits: int, count: int) -> list[float]:
    """What makes floats round to the end of each slice when it is added."""
    return [1.5 * 2.0 ** (52 - k * bits) for k in range(1, count + 1)]


def _sliced(x: Pair, shifts: Sequence[Array], high_alone: int) -> tuple[list[Array], Array]:
    (high, low), made = x, []
    for k, shift in enumerate(shifts):
        part, high = _cut(high, shift)
        if k >= high_alone:
            of_low, low = _cut(low, shift)
            part += of_low
        made.append(part)
    return made, high + low


def _cut(x: Array, shift: Array) -> Pair:
    """x, |x| ≤ 1, rounded to the last bit of a number of the size of `shift`, and the rest."""
    part = x + shift
    part = library(part).kept(part)
    part -= shift
    return part, x - part


def total(x: Pair, axis: Any = None, keepdims: bool = False) -> Pair:
    """Σ x along axes, right to 2**-105 Σ |x|, the same in whatever order it is added.

    Up to four terms are added one by one, right to 2**-102 Σ |x|.
    """
    xp, shape, along = library(x[0]).xp, x[0].shape, _along(x[0], axis)
    terms = math.prod(shape[a] for a in along)
    over: dict[str, Any] = {"axis": along, "keepdims": keepdims}
    if 1 < terms <= _FEW and len(along) == 1:
        rows = (xp.moveaxis(part, along[0], 0) for part in x)
        high, low = folded(lambda a, b: ADD(*a, *b), tuple(rows))
        if keepdims:
            high, low = (xp.expand_dims(part, axis=along[0]) for part in (high, low))
        return high, low
    native = xp.sum(x[0], **over)
    if terms <= 1:
        return native, xp.sum(x[1], **over)
    bits = min(51, 53 - math.ceil(math.log2(terms)))
    size = _size_of(x[0], along)
    count = -(-(_WANTED + 53 - bits) // bits)
    high, low = scaled(_joined(_sums_of_slices(x, size, bits, count, along)), size)
    return _finite_or(native, (xp.reshape(high, native.shape), xp.reshape(low, native.shape)))


def _along(high: Array, axis: Any) -> tuple[int, ...]:
    axes = range(high.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(a % high.ndim for a in axes)


def _sums_of_slices(
    x: Pair, size: Array, bits: int, count: int, along: tuple[int, ...]
) -> list[Array]:
    """The exact sums of every slice along axes, which are kept."""
    xp, factor, shifts = library(x[0]).xp, 1.0 / size, _shifts(bits, count)

    def summed(x: Pair, factor: Array) -> list[Array]:
        parts, _ = _sliced(scaled(x, factor), shifts, 52 // bits)
        return [xp.sum(part, axis=along, keepdims=True) for part in parts]

    def in_blocks() -> list[Array]:
        made = [xp.zeros_like(size) for _ in range(count)]
        for key in blocks(x[0].shape):
            there = within(size, key)
            for whole, part in zip(made, summed(_indexed(x, key), factor[there]), strict=True):
                whole[there] += part
        return made

    if not library(x[0]).blocked(x[0]):
        return summed(x, factor)
    return _sums(count, 52 // bits)(x, factor, shifts, along, in_blocks)


@cache
def _sums(count: int, high_alone: int) -> Sums:
    """The sums of so many slices, some of high parts alone."""
    return Sums(lambda x, factor, shifts: _sliced(scaled(x, factor), shifts, high_alone)[0], count)


def placed(x: Pair, places: np.ndarray, count: int) -> Pair:
    """The sums of NumPy's numbers that go to each of so many places, flat.

    Right to 2**-105 of the largest number, and each to a float's digits of its own terms.
    """
    if not x[0].size:
        return np.zeros(count), np.zeros(count)

    def added(part: Array) -> Array:
        return np.bincount(places, part, minlength=count)

    terms = int(np.max(np.bincount(places, minlength=1)))
    bits = min(51, 53 - math.ceil(math.log2(terms + 1)))
    size = _size_of(x[0], None)
    parts, rest = slices(scaled(x, 1.0 / size), bits, -(-_WANTED // bits))
    made = scaled(_joined([*map(added, (*parts, rest))]), size.reshape(()))
    return _finite_or(added(x[0]), made)


def _joined(sums: list[Array]) -> Pair:
    """The sum of floats that get smaller, from the smallest on."""
    made = sums[-1], 0.0 * sums[-1]
    for each in reversed(sums[:-1]):
        made = add_float(made, each)
    return made


def running(combine: Any, x: Pair, axis: int) -> Pair:
    """The sums or products of all elements up to each along an axis, in log n steps."""
    xp, length = library(x[0]).xp, x[0].shape[axis]
    x = xp.moveaxis(x[0], axis, 0), xp.moveaxis(x[1], axis, 0)
    reach = 1
    while reach < length:
        rest = combine(_indexed(x, slice(reach, None)), _indexed(x, slice(None, -reach)))
        x = _behind(_indexed(x, slice(None, reach)), rest)
        reach *= 2
    return xp.moveaxis(x[0], 0, axis), xp.moveaxis(x[1], 0, axis)


def _indexed(x: Pair, key: Any) -> Pair:
    return x[0][key], x[1][key]


def _behind(x: Pair, y: Pair) -> Pair:
    """y after x along the first axis."""
    concat = library(x[0]).xp.concat
    return concat([x[0], y[0]], axis=0), concat([x[1], y[1]], axis=0)


def folded(combine: Any, x: Pair) -> Pair:
    """All elements of the first axis, which is not empty, combined in halves."""
    while (length := x[0].shape[0]) > 1:
        half = length // 2
        made = combine(_indexed(x, slice(half)), _indexed(x, slice(half, 2 * half)))
        x = _behind(made, _indexed(x, slice(2 * half, None))) if length % 2 else made
    return _indexed(x, (0, ...))


def matmul(a: Pair, b: Pair) -> Pair:
    """a b of stacks of matrices, right to 2**-104 |a| |b|.

    Rows of a and columns of b are sliced below their largest element, after each index of the sum
    was given the same size on both sides. What the slices leave is multiplied in floats, and adds
    an error of n 2**-160 of the largest of the row times that of the column, n terms in a sum: so
    there are 29 digits as long as |a| |b| is 2**-64 n of that. Where the product is small beside
    its arguments, as of vectors, all elements are multiplied and added, and there is no such limit.
    """
    xp = library(a[0]).xp
    rows, inner, columns = a[0].shape[-2], a[0].shape[-1], b[0].shape[-1]
    if rows * columns <= 2 * (rows + columns) or 0 in (*a[0].shape, *b[0].shape):
        of_b = xp.matrix_transpose(b[0]), xp.matrix_transpose(b[1])
        left, right = (..., slice(None), None, slice(None)), (..., None, slice(None), slice(None))
        return total(MULTIPLY(*_indexed(a, left), *_indexed(of_b, right)), axis=-1)
    native = xp.matmul(a[0], b[0])
    a, b = _balanced(a, b)
    size_a, size_b = _size_of(a[0], -1), _size_of(b[0], -2)
    a, b = scaled(a, 1.0 / size_a), scaled(b, 1.0 / size_b)
    count, bits = _slicing(inner)
    rows_of, rest_a = slices(a, bits, count)
    columns_of, rest_b = slices(b, bits, count)
    rest = _remainder([*rows_of, rest_a], columns_of, b[0], rest_b)
    sums = [*_diagonals(rows_of, columns_of), rest]
    return _finite_or(native, scaled(scaled(_joined(sums), size_a), size_b))


def _slicing(inner: int) -> tuple[int, int]:
    """The number of slices and their bits: count · inner products of two fit into 53 bits."""
    for count in range(3, 54):
        bits = int((53 - math.log2(count * inner)) / 2)
        if bits * count >= _WANTED:
            return count, bits
    raise ValueError(f"a sum of {inner:,} products is too long for slices of floats")


def _diagonals(left: list[Array], right: list[Array]) -> list[Array]:
    """The exact Σ aₚ b_q over p + q = 2, 3, … as products of slices side by side."""
    xp, inner = library(left[0]).xp, left[0].shape[-1]
    a = xp.concat(left, axis=-1)
    b = xp.concat(right[::-1], axis=-2)
    start = inner * len(right)
    return [
        xp.matmul(a[..., : inner * c], b[..., start - inner * c :, :])
        for c in range(1, len(left) + 1)
    ]


def _remainder(left: list[Array], right: list[Array], b: Array, rest: Array) -> Array:
    """The Σ aₚ b_q beyond the diagonals, and the rests, to 53 bits."""
    xp, beyond = library(b).xp, [rest]
    for part in right[:0:-1]:
        beyond.append(beyond[-1] + part)
    return xp.matmul(xp.concat(left, axis=-1), xp.concat([*beyond, b], axis=-2))


def _balanced(a: Pair, b: Pair) -> tuple[Pair, Pair]:
    """a and b with powers of two moved between the columns of a and the rows of b."""
    xp = library(a[0]).xp
    of_a, of_b = _largest(a[0]), _largest(xp.matrix_transpose(b[0]))
    shift = power_above(xp.sqrt(of_b) / xp.sqrt(of_a))
    return scaled(a, shift), scaled(b, 1.0 / shift[..., None])


def _largest(high: Array) -> Array:
    """The power of two above all finite ones of each last index."""
    xp = library(high).xp
    size = xp.where(xp.isfinite(high), xp.abs(high), 0.0)
    return power_above(xp.max(size, axis=tuple(range(high.ndim - 1))))
