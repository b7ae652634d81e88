"""Norms of vectors and matrices in the functions of `xp`, of any kind of number."""

from __future__ import annotations

import math
from typing import Any


def _squared_size(xp: Any, x: Any) -> Any:
    """|x|² of each element."""
    return xp.real(xp.multiply(xp.conj(x), x))


def vector_norm(xp: Any, x: Any, ord: float, **over: Any) -> Any:
    """(Σ|x|^ord)^(1/ord); its limits at ±inf, and the number of nonzero elements at 0."""
    if ord == 2:
        return xp.sqrt(xp.sum(_squared_size(xp, x), **over))
    if ord == 0:
        return xp.sum(xp.astype(xp.not_equal(x, 0), xp.float64), **over)
    if abs(ord) == math.inf:
        return (xp.max if ord > 0 else xp.min)(xp.abs(x), **over)
    return xp.pow(xp.sum(xp.pow(xp.abs(x), ord), **over), xp.reciprocal(xp.asarray(float(ord))))


def matrix_norm(xp: Any, x: Any, ord: Any, keepdims: bool) -> Any:
    """Frobenius', an extreme sum of a column (±1) or a row (±inf), or of singular values."""
    if ord == "fro":
        return xp.sqrt(xp.sum(_squared_size(xp, x), axis=(-2, -1), keepdims=keepdims))
    if ord in (2, -2, "nuc"):
        norm = {2: xp.max, -2: xp.min, "nuc": xp.sum}[ord](xp.linalg.svdvals(x), axis=-1)
        return norm[..., None, None] if keepdims else norm
    if ord not in (1, -1, math.inf, -math.inf):
        raise NotImplementedError(f"there is no matrix norm of order {ord!r}")
    sums = xp.sum(xp.abs(x), axis=-2 if abs(ord) == 1 else -1, keepdims=True)
    extreme = (xp.max if ord > 0 else xp.min)(sums, axis=(-2, -1), keepdims=True)
    return extreme if keepdims else extreme[..., 0, 0]
