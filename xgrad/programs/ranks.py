"""Signed ranks of midpoints: floats in the same order as balls, which name the balls again.

Zero has rank 0, and what is negative a negative rank, so that comparisons with 0 hold too.
Infinities and NaN stand for themselves. The ranks of complex numbers are complex, a rank for each
part: whatever order a library has for complex numbers, it has for these.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from flint import arb

from xgrad.programs.constants import as_array
from xgrad.programs.scalars import BINARY, UNARY, is_complex

_float, _finite = np.frompyfunc(float, 1, 1), np.frompyfunc(arb.is_finite, 1, 1)
_arb = np.frompyfunc(arb, 1, 1)


class Ranks:
    """The ranks of the balls of some arrays among each other, and the balls of ranks."""

    def __init__(self, arrays: list[np.ndarray]):
        zero = np.array([arb(0)], dtype=object)
        parts = [p for a in arrays for p in _parts(a)]
        flat = np.concatenate([*(p.reshape(-1) for p in parts), zero])
        near = _float(flat).astype(np.float64)
        finite = np.asarray(_finite(flat), dtype=bool)
        order = _sorted(flat, near, np.flatnonzero(finite))
        level, firsts = _levels(flat, near, order)
        self._zero = int(level[np.flatnonzero(order == flat.size - 1)[0]])
        self._levels = flat[firsts]
        ranks = np.where(np.isfinite(near), np.nan, near)
        ranks[order] = level - self._zero
        ends = np.cumsum([p.size for p in parts])
        ranked = iter(np.split(ranks, ends)[:-1])
        self.arrays = [_whole([next(ranked).reshape(a.shape) for _ in _parts(a)]) for a in arrays]

    def elements(self, ranks: np.ndarray) -> np.ndarray:
        """The balls that these ranks name: the first of those that are equal."""
        if np.iscomplexobj(ranks):
            return BINARY["complex"](self.elements(ranks.real), self.elements(ranks.imag))
        finite = np.isfinite(ranks)
        named = self._levels[np.where(finite, ranks, 0).astype(np.int64) + self._zero]
        if finite.all():
            return as_array(named)
        return as_array(np.where(finite, named, _arb(ranks.astype(object))))


def _parts(a: np.ndarray) -> tuple[np.ndarray, ...]:
    """The real and the imaginary parts of complex balls, real balls as they are."""
    return (UNARY["real"](a), UNARY["imag"](a)) if is_complex(a) else (a,)


def _whole(parts: list[np.ndarray]) -> np.ndarray:
    whole = np.zeros(parts[0].shape, dtype=np.complex128 if len(parts) == 2 else np.float64)
    whole.real = parts[0]
    if len(parts) == 2:  # not by adding: 1j · inf has a real part
        whole.imag = parts[1]
    return whole


def _sorted(flat: Any, near: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Indices in ascending order: by floats, then by midpoints where floats are equal."""
    order = which[np.argsort(near[which], kind="stable")]
    ends = np.flatnonzero(np.diff(near[order], prepend=np.nan, append=np.nan) != 0)
    for start, end in pairwise(ends):
        if end - start > 1:
            order[start:end] = sorted(order[start:end].tolist(), key=lambda i: flat[i].mid())
    return order


def _levels(flat: Any, near: np.ndarray, order: np.ndarray) -> tuple[Any, np.ndarray]:
    """The number of smaller midpoints of each in order, and the index of the first of each."""
    new = np.ones(len(order), dtype=bool)
    for k in np.flatnonzero(near[order][1:] == near[order][:-1]) + 1:
        new[k] = flat[order[k]].mid() != flat[order[k - 1]].mid()
    return np.cumsum(new) - 1, order[new]
