"""Large arrays in blocks: what a hundred passes over the same numbers need stays in a cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from xgrad.numbers.doubled.exact import Array, Pair
from xgrad.numbers.doubled.library import library

BLOCK = 16384  # elements: the dozen arrays that an operation has in hand fit into a megabyte
Key = tuple[slice, ...]


def in_blocks(function: Callable[..., Pair], *arrays: Array) -> Pair:
    """A function of each element that returns pairs, of arrays that broadcast, and of numbers."""
    size = max(map(_size, arrays))
    if size <= BLOCK and len({np.shape(a) for a in arrays if _size(a) > 1}) <= 1:
        return function(*arrays)
    shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
    like = next(a for a in arrays if np.ndim(a))
    if math.prod(shape) <= BLOCK or not all(library(a).blocked(a) for a in arrays if np.ndim(a)):
        return function(*arrays)
    xp = library(like).xp
    high, low = (xp.empty(shape, dtype=xp.float64) for _ in range(2))
    for key in blocks(shape):
        whole = high[key].shape
        high[key], low[key] = function(*(_spread(xp, a, key, whole) for a in arrays))
    return high, low


def blocks(shape: Sequence[int]) -> Iterator[Key]:
    """Where the blocks of an array are: whole rows of some axis, in the order of memory."""
    size, whole = math.prod(shape), (slice(None),) * len(shape)
    axis = next((k for k, n in enumerate(shape) if n > 1), None)
    if size <= BLOCK or axis is None:
        yield whole
        return
    step = max(1, BLOCK * shape[axis] // size)
    for start in range(0, shape[axis], step):
        for inner in blocks(shape[axis + 1 :]):
            yield (*whole[:axis], slice(start, start + step), *inner)


def within(a: Array, key: Key) -> Key:
    """Where in an array that is broadcast a block is; axes of one element stay."""
    own = key[len(key) - a.ndim :]
    return tuple(k if n > 1 else slice(None) for k, n in zip(own, a.shape, strict=True))


def _spread(xp: Any, a: Array, key: Key, shape: Sequence[int]) -> Array:
    """The part of an array for a block, repeated once and not in every pass; numbers stay."""
    if not np.ndim(a):
        return a
    part = a[within(a, key)]
    return part if part.shape == shape else xp.asarray(xp.broadcast_to(part, shape), copy=True)


def _size(a: Array) -> int:
    return math.prod(np.shape(a))
