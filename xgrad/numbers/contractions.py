"""einsum and tensordot as transpositions, products of matrices and sums, of any kind of array."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from xgrad.numbers.functions import einsum_names

Array = Any


class Steps(NamedTuple):
    """What a kind of array does: the rest is names of indices."""

    transpose: Callable[[Array, list[int]], Array]
    reshape: Callable[[Array, list[int]], Array]
    diagonal: Callable[[Array, int, int], Array]  # of two axes, put last
    sum: Callable[[Array, tuple[int, ...]], Array]
    matmul: Callable[[Array, Array], Array]
    multiply: Callable[[Array, Array], Array]


def tensordot(steps: Steps, x: Array, y: Array, axes: Any) -> Array:
    """Sum of products over the last axes of x and the first of y, or over named axes."""
    if isinstance(axes, int):
        left, right = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        left, right = ([k % x.ndim for k in axes[0]], [k % y.ndim for k in axes[1]])
    rest_x = [k for k in range(x.ndim) if k not in left]
    rest_y = [k for k in range(y.ndim) if k not in right]
    rows, columns = [x.shape[k] for k in rest_x], [y.shape[k] for k in rest_y]
    inner = math.prod(x.shape[k] for k in left)
    m = steps.reshape(steps.transpose(x, rest_x + left), [math.prod(rows), inner])
    n = steps.reshape(steps.transpose(y, right + rest_y), [inner, math.prod(columns)])
    return steps.reshape(steps.matmul(m, n), rows + columns)


def einsum(steps: Steps, subscripts: str, operands: list[Array]) -> Array:
    """Sums of products by index names, two operands at a time."""
    terms, output = einsum_names(subscripts, [o.ndim for o in operands])
    terms, arrays = _broadcast_names(steps, terms, operands)
    while len(terms) > 1:
        left, right = terms.pop(0), terms.pop(0)
        kept = set("".join(terms)) | set(output)
        middle = "".join(c for c in dict.fromkeys(left + right) if c in kept)
        arrays.insert(0, _contract(steps, left, arrays.pop(0), right, arrays.pop(0), middle))
        terms.insert(0, middle)
    return _reduce(steps, terms[0], arrays[0], output)


def _broadcast_names(
    steps: Steps, terms: list[str], arrays: list[Array]
) -> tuple[list[str], list[Array]]:
    """Drop axes of length 1 whose name is longer elsewhere; raises `ValueError` on a mismatch."""
    size: dict[str, int] = {}
    for term, array in zip(terms, arrays, strict=True):
        for name, length in zip(term, array.shape, strict=True):
            if length != size.get(name, 1) != 1 and length != 1:
                raise ValueError(f"einsum: index {name!r} has lengths {size[name]} and {length}")
            size[name] = length if length != 1 else size.get(name, 1)
    shown = [
        [i for i, c in enumerate(term) if array.shape[i] == size[c]]
        for term, array in zip(terms, arrays, strict=True)
    ]
    return (
        ["".join(term[i] for i in keep) for term, keep in zip(terms, shown, strict=True)],
        [
            steps.reshape(a, [a.shape[i] for i in keep])
            for a, keep in zip(arrays, shown, strict=True)
        ],
    )


def _diagonal_names(steps: Steps, term: str, array: Array) -> tuple[str, Array]:
    """Merge repeated index names of one operand by taking diagonals."""
    for name in dict.fromkeys(term):
        while term.count(name) > 1:
            first, second = term.index(name), term.index(name, term.index(name) + 1)
            array = steps.diagonal(array, first, second)
            term = "".join(c for i, c in enumerate(term) if i not in (first, second)) + name
    return term, array


def _reduce(steps: Steps, term: str, array: Array, output: str) -> Array:
    term, array = _diagonal_names(steps, term, array)
    array, term = _sum_out(steps, term, array, set(output))
    return steps.transpose(array, [term.index(c) for c in output])


def _contract(steps: Steps, left: str, a: Array, right: str, b: Array, output: str) -> Array:
    left, a = _diagonal_names(steps, left, a)
    right, b = _diagonal_names(steps, right, b)
    a, left = _sum_out(steps, left, a, set(right) | set(output))
    b, right = _sum_out(steps, right, b, set(left) | set(output))
    batch = [c for c in left if c in right and c in output]
    inner = [c for c in left if c in right and c not in output]
    outer_a = [c for c in left if c not in right]
    outer_b = [c for c in right if c not in left]
    size = dict(zip(left + right, (*a.shape, *b.shape), strict=True))

    def arranged(term: str, array: Array, groups: list[list[str]]) -> Array:
        order = [term.index(c) for group in groups for c in group]
        shape = [math.prod(size[c] for c in group) for group in groups]
        return steps.reshape(steps.transpose(array, order), shape)

    x = arranged(left, a, [batch, outer_a, inner])
    y = arranged(right, b, [batch, inner, outer_b])
    names = batch + outer_a + outer_b
    product = (steps.matmul if inner else steps.multiply)(x, y)
    out = steps.reshape(product, [size[c] for c in names])
    return steps.transpose(out, [names.index(c) for c in output])


def _sum_out(steps: Steps, term: str, array: Array, kept: set[str]) -> tuple[Array, str]:
    drop = tuple(i for i, c in enumerate(term) if c not in kept)
    if drop:
        array = steps.sum(array, drop)
    return array, "".join(c for c in term if c in kept)
