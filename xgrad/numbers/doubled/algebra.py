"""Products, einsum and linear algebra by elimination, of doubled arrays."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from xgrad.numbers import contractions, norms
from xgrad.numbers.balls.algebra import SlogDet
from xgrad.numbers.doubled import products
from xgrad.numbers.doubled.array import Doubled, doubled
from xgrad.numbers.doubled.elementwise import abs, log, multiply, sign, sqrt
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.lifting import Flag, in_common, is_whole, library_of, plainly
from xgrad.numbers.doubled.reductions import argmax, prod, sum
from xgrad.numbers.doubled.shapes import (
    broadcast_to,
    concat,
    eye,
    full_like,
    matrix_transpose,
    moveaxis,
    permute_dims,
    reshape,
    take_along_axis,
    zeros_like,
)
from xgrad.numbers.functions import cross_product, missing, require_segments

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def matmul(a: Any, b: Any) -> Any:
    """Matrix product, stacked over leading axes, right to 2**-100 |a| |b|."""
    if is_whole(a, b):
        return plainly("matmul", a, b)
    x, y = (Doubled(*p) for p in in_common(doubled(a), doubled(b)))
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"matmul: shapes {x.shape} and {y.shape} do not fit")
    out = Doubled(*products.matmul((left.high, left.low), (right.high, right.low)))
    out = out[..., 0, :] if x.ndim == 1 else out
    return out[..., 0] if y.ndim == 1 else out


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum of products over the last axes of a and the first of b, or over named axes."""
    if is_whole(a, b):
        return plainly("tensordot", a, b, axes=axes)
    return contractions.tensordot(_STEPS, doubled(a), doubled(b), axes)


def vecdot(a: Any, b: Any, axis: int = -1) -> Any:
    """Σ a·b along an axis."""
    return sum(multiply(a, b), axis=axis)


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products by index names, two operands at a time."""
    if is_whole(*operands):
        return library_of(*operands).xp.einsum(subscripts, *operands)
    return contractions.einsum(_STEPS, subscripts, [doubled(o) for o in operands])


def segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Any:
    """Sums of the rows of each segment, which integers in range(num_segments) name."""
    data, xp = doubled(data), library(segment_ids).xp
    if isinstance(segment_ids, np.ndarray):
        require_segments(segment_ids, num_segments)
    if isinstance(segment_ids, np.ndarray) and isinstance(data.high, np.ndarray):
        row = math.prod(data.shape[1:])
        places = segment_ids.reshape(-1, 1) * row + np.arange(row)
        made = scatter_sum(data, places, num_segments * row)
        return reshape(made, (num_segments, *data.shape[1:]))
    members = segment_ids[None, :] == xp.arange(num_segments)[:, None]
    flat = reshape(data, (data.shape[0], math.prod(data.shape[1:])))
    total = matmul(xp.astype(members, xp.int64), flat)
    return reshape(total, (num_segments, *data.shape[1:]))


def scatter_sum(values: Doubled, places: np.ndarray, size: int) -> Doubled:
    """The sums of NumPy's numbers that go to each of so many places, flat."""
    flat = values.high.reshape(-1), values.low.reshape(-1)
    return Doubled(*products.placed(flat, places.reshape(-1), size))


def _diagonal(x: Any, first: int, second: int, offset: int = 0) -> Any:
    """The diagonal of two axes, put last."""
    x = moveaxis(x, (first, second), (-2, -1))
    rows, columns = x.shape[-2:]
    start = offset if offset >= 0 else -offset * columns
    length = builtins.max(
        0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0))
    )
    flat = reshape(x, (*x.shape[:-2], rows * columns))
    return flat[..., start : start + length * (columns + 1) : columns + 1]


_STEPS = contractions.Steps(
    lambda x, order: permute_dims(x, tuple(order)),
    lambda x, shape: reshape(x, tuple(shape)),
    _diagonal,
    lambda x, axes: sum(x, axis=axes),
    matmul,
    multiply,
)


def _pivot_first(m: Doubled) -> tuple[Doubled, Any]:
    """The rows with that of the largest first element in front, and where that was no other."""
    xp = library(m.high).xp
    place = xp.expand_dims(argmax(abs(m[..., :, 0]), axis=-1), axis=-1)
    row = xp.zeros_like(place) + xp.arange(m.shape[-2])
    row = xp.where(row == 0, place, xp.where(row == place, xp.zeros_like(row), row))
    return take_along_axis(m, xp.broadcast_to(row[..., None], m.shape), axis=-2), place[..., 0] == 0


def _eliminated(a: Doubled, steps: int) -> tuple[list[Doubled], list[Any]]:
    """The rows that elimination with the largest pivot leaves, each from its pivot on."""
    rows, stayed = [], []
    for _ in range(steps):
        a, still = _pivot_first(a)
        rows.append(a[..., :1, :])
        stayed.append(still)
        factor = a[..., 1:, :1] / a[..., :1, :1]
        a = a[..., 1:, 1:] - factor * a[..., :1, 1:]
    return rows, stayed


class _Linalg:
    """The `linalg` part of the namespace."""

    matmul, tensordot, vecdot = staticmethod(matmul), staticmethod(tensordot), staticmethod(vecdot)
    matrix_transpose = staticmethod(matrix_transpose)

    def __getattr__(self, name: str) -> Any:
        raise missing("xp.linalg", name, [n for n in dir(self) if not n.startswith("_")])

    def solve(self, a: Any, b: Any) -> Any:
        """X with a X = b, by elimination; b is a vector where it has one axis."""
        a, b = (Doubled(*p) for p in in_common(doubled(a), doubled(b)))
        right = b[:, None] if b.ndim == 1 else b
        n, lead = a.shape[-1], library(a.high).xp.broadcast_shapes(a.shape[:-2], right.shape[:-2])
        both = [broadcast_to(m, (*lead, *m.shape[-2:])) for m in (a, right)]
        rows, _ = _eliminated(concat(both, axis=-1), n)
        x = rows[-1][..., :, 1:] / rows[-1][..., :, :1]
        for row in rows[-2::-1]:
            known = row[..., :, 1 : 1 + x.shape[-2]]
            rest = row[..., :, 1 + x.shape[-2] :] - matmul(known, x)
            x = concat([rest / row[..., :, :1], x], axis=-2)
        return x[..., 0] if b.ndim == 1 else x

    def inv(self, x: Any) -> Any:
        """Inverse."""
        return self.solve(x, eye(doubled(x).shape[-1]))

    def _pivots(self, x: Any) -> tuple[Doubled, Any]:
        """The pivots along the last axis, and the sign of the exchanges."""
        x = doubled(x)
        rows, stayed = _eliminated(x, x.shape[-1])
        turned = library(x.high).xp.ones_like(x.high[..., 0, 0])
        for still in stayed:
            turned = library(still).xp.where(still, turned, -turned)
        return concat([row[..., 0, :1] for row in rows], axis=-1), turned

    def det(self, x: Any) -> Any:
        """Determinant: the product of the pivots."""
        pivots, turned = self._pivots(x)
        return prod(pivots, axis=-1) * turned

    def slogdet(self, x: Any) -> SlogDet:
        """Sign and log |det|."""
        pivots, turned = self._pivots(x)
        return SlogDet(prod(sign(pivots), axis=-1) * turned, sum(log(abs(pivots)), axis=-1))

    def cholesky(self, x: Any, upper: Flag = False) -> Any:
        """The lower factor L with L Lᵀ = x, column by column."""
        rest, columns = doubled(x), []
        n = rest.shape[-1]
        for k in range(n):
            column = rest[..., :, :1] / sqrt(rest[..., :1, :1])
            above = zeros_like(doubled(x)[..., :k, :1])
            columns.append(concat([above, column], axis=-2))
            below = column[..., 1:, :]
            rest = rest[..., 1:, 1:] - below * matrix_transpose(below)
        lower = concat(columns, axis=-1)
        return matrix_transpose(lower) if upper else lower

    def matrix_power(self, x: Any, n: int) -> Any:
        """x times itself, by squaring; of the inverse where n is negative."""
        x = self.inv(x) if n < 0 else doubled(x)
        power = full_like(x, 0) + eye(x.shape[-1])
        for bit in f"{builtins.abs(n):b}":
            power = matmul(power, power)
            power = matmul(power, x) if bit == "1" else power
        return power

    def trace(self, x: Any, offset: int = 0) -> Any:
        """Sum of the diagonal."""
        return sum(self.diagonal(x, offset=offset), axis=-1)

    def diagonal(self, x: Any, offset: int = 0) -> Any:
        """The diagonal of the last two axes."""
        return _diagonal(x, -2, -1, offset)

    def outer(self, a: Any, b: Any) -> Any:
        """a bᵀ."""
        return multiply(a[:, None], b[None, :])

    def cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product in three dimensions."""
        return cross_product(Doubled.namespace, a, b, axis)

    def vector_norm(self, x: Any, axis: Any = None, keepdims: Flag = False, ord: float = 2) -> Any:
        """As `norms` has it."""
        return norms.vector_norm(Doubled.namespace, doubled(x), ord, axis=axis, keepdims=keepdims)

    def matrix_norm(self, x: Any, keepdims: Flag = False, ord: Any = "fro") -> Any:
        """As `norms` has it; what needs singular values is missing."""
        return norms.matrix_norm(Doubled.namespace, doubled(x), ord, keepdims)


linalg = _Linalg()
