"""Sums at positions: what is added where an index says, and the transposes of movement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import arb

from xgrad.numbers import scalars
from xgrad.programs.constants import as_array, exactly
from xgrad.programs.torch.arithmetic.rule import Rule, sums
from xgrad.programs.torch.boxes import zeros

aten = torch.ops.aten
_PICKED = {
    "amax": np.frompyfunc(scalars.larger, 2, 1),
    "amin": np.frompyfunc(scalars.smaller, 2, 1),
    "max": np.frompyfunc(scalars.larger, 2, 1),
    "min": np.frompyfunc(scalars.smaller, 2, 1),
}
_NEUTRAL = {
    "sum": arb(0),
    "mean": arb(0),
    "prod": arb(1),
    "amax": arb.neg_inf(),
    "max": arb.neg_inf(),
    "amin": arb.pos_inf(),
    "min": arb.pos_inf(),
}


def places(shape: Any) -> np.ndarray:
    """The flat position of every element."""
    return np.arange(int(np.prod(shape, dtype=np.int64))).reshape(tuple(shape))


def gathered(base: np.ndarray, where: np.ndarray, values: Any, ufunc: Any = np.add) -> np.ndarray:
    """base, with values joined by a ufunc at flat positions."""
    flat = base.copy().reshape(-1)
    ufunc.at(flat, where.reshape(-1), np.broadcast_to(values, where.shape).reshape(-1))
    return flat.reshape(base.shape)


def along(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray:
    """The flat positions in x that `gather` would read."""
    grid: Any = np.indices(index.shape, sparse=True)
    at = [index if k == dim % x.ndim else g for k, g in enumerate(grid)]
    return places(x.shape)[tuple(at)]


def _as_vector(x: Any) -> Any:
    return x.reshape(1) if isinstance(x, np.ndarray) and not x.ndim else x


def reduce_at(
    x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> np.ndarray:
    """x, with elements of src summed, multiplied or compared where the index says."""
    flat, index = _as_vector(x), _as_vector(index)
    src = _as_vector(src) if isinstance(src, np.ndarray) else as_array(exactly(src))
    where = along(flat, dim, index)
    values = src[tuple(slice(n) for n in index.shape)] if src.ndim else src
    made = joined(flat, where, values, reduce, include_self)
    return made.reshape(x.shape)


def joined(
    base: np.ndarray, where: np.ndarray, values: Any, reduce: str, include_self: bool
) -> np.ndarray:
    """base, with values reduced at flat positions."""
    base = base.copy()
    if not include_self and where.size:
        base.reshape(-1)[np.unique(where)] = _NEUTRAL[reduce]
    ufunc = {"sum": np.add, "mean": np.add, "prod": np.multiply, **_PICKED}[reduce]
    made = gathered(base, where, values, ufunc)
    if reduce != "mean":
        return made
    n = np.bincount(where.reshape(-1), minlength=base.size).reshape(base.shape) + include_self
    return as_array(made / np.maximum(n, 1).astype(object))


def _scatter_add(x: Any, dim: int, index: Any, src: Any) -> np.ndarray:
    return reduce_at(x, dim, index, src, "sum")


def _scatter(x: Any, dim: int, index: Any, src: Any, reduce: str) -> np.ndarray:
    return reduce_at(x, dim, index, src, {"add": "sum", "multiply": "prod"}[reduce])


def _rows(x: Any, dim: int, index: Any) -> np.ndarray:
    return np.take(places(x.shape), index.reshape(-1), axis=dim)


def _index_add(x: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> np.ndarray:
    flat = _as_vector(x)
    made = gathered(flat, _rows(flat, dim, index), as_array(_as_vector(source) * exactly(alpha)))
    return made.reshape(x.shape)


def _index_reduce(
    x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True
) -> np.ndarray:
    flat = _as_vector(x)
    where = _rows(flat, dim, index)
    return joined(flat, where, _as_vector(source), reduce, include_self).reshape(x.shape)


def at(x: np.ndarray, indices: Any) -> np.ndarray:
    """The flat positions that advanced indexing reads, as torch orders the axes."""
    given = [None if i is None else torch.from_numpy(np.ascontiguousarray(i)) for i in indices]
    return np.asarray(aten.index.Tensor(torch.from_numpy(places(x.shape)), given))


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False, *ignored: Any) -> Any:
    where = at(x, indices)
    if accumulate:
        return gathered(x, where, values)
    made = x.copy()
    made.reshape(-1)[where.reshape(-1)] = np.broadcast_to(values, where.shape).reshape(-1)
    return made


def _put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    return _index_put(x.reshape(-1), [index.reshape(-1)], source.reshape(-1), accumulate).reshape(
        x.shape
    )


def _clamped(x: Any, indices: Any) -> list[Any]:
    return [None if i is None else np.clip(i, 0, n - 1) for i, n in zip(indices, x.shape)]  # noqa: B905


def _masked(mask: Any, values: Any, otherwise: Any) -> np.ndarray:
    return as_array(np.where(mask, values, as_array(exactly(otherwise))))


def _masked_index(x: Any, mask: Any, indices: Any, fill: Any) -> np.ndarray:
    return _masked(mask, x.reshape(-1)[at(x, _clamped(x, indices))], fill)


def _masked_put(x: Any, mask: Any, indices: Any, values: Any) -> np.ndarray:
    return gathered(x, at(x, _clamped(x, indices)), _masked(mask, values, 0))


def _embedding_backward(
    grad: Any, indices: Any, rows: int, padding_idx: int, scale: bool
) -> np.ndarray:
    flat = indices.reshape(-1)
    g = grad.reshape(len(flat), grad.shape[-1]).copy()
    g[flat == padding_idx] = arb(0)
    if scale:
        g = g / np.bincount(flat, minlength=rows)[flat][:, None].astype(object)
    return gathered(zeros((rows, g.shape[-1])), places((rows, g.shape[-1]))[flat], g)


def _pool_backward(m: int) -> Callable[..., np.ndarray]:
    def apply(grad: Any, x: Any, *rest: Any, **named: Any) -> np.ndarray:
        index: Any = named.get("indices", rest[-1] if rest else None)
        lead = int(np.prod(x.shape[: x.ndim - m]))
        size = int(np.prod(x.shape[x.ndim - m :]))
        where = index.reshape(lead, -1) + size * np.arange(lead)[:, None]
        return gathered(zeros(x.shape), where, grad.reshape(lead, -1))

    return apply


def transposed(move: Callable[..., torch.Tensor]) -> Callable[..., np.ndarray]:
    """The transpose of a movement: each element goes back where it was taken from."""

    def apply(grad: Any, shape: Any, *how: Any) -> np.ndarray:
        where = move(torch.from_numpy(places(shape).astype(np.float64)), *how).numpy()
        return gathered(zeros(shape), where.astype(np.int64), grad)

    return apply


def _pad_backward(name: str) -> Callable[..., np.ndarray]:
    back = transposed(getattr(aten, name).default)
    return lambda grad, x, padding: back(grad, x.shape, padding)


def _upsample_backward(name: str) -> Callable[..., np.ndarray]:
    back = transposed(getattr(aten, name).default)
    return lambda grad, out, size, *scales, **named: back(grad, size, out, *scales, *named.values())


def _unfold_backward(grad: Any, sizes: Any, dim: int, size: int, step: int) -> np.ndarray:
    return transposed(lambda t: t.unfold(dim, size, step))(grad, sizes)


def _col2im(x: Any, output_size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    stack = x if x.ndim == 3 else x[None]
    shape = (stack.shape[0], stack.shape[1] // int(np.prod(kernel)), *output_size)
    numbered = torch.from_numpy(places(shape).astype(np.float64) + 1)  # 0 is the padding
    where = aten.im2col.default(numbered, kernel, dilation, padding, stride).numpy()
    made = gathered(zeros((int(np.prod(shape)) + 1,)), where.astype(np.int64), stack)
    made = made[1:].reshape(shape)
    return made if x.ndim == 3 else made[0]


def _masked_scatter_backward(grad: Any, mask: Any, sizes: Any) -> np.ndarray:
    made = zeros((int(np.prod(sizes)),))
    taken = grad[np.broadcast_to(mask, grad.shape)][: made.size]
    made[: taken.size] = taken
    return made.reshape(tuple(sizes))


def _terms(*args: Any, **named: Any) -> float:
    """At most as many as there are elements for one of the result."""
    largest = max((a.size for a in args if isinstance(a, np.ndarray)), default=1)
    return max(1.0, largest / max(1, args[-1].size))


POSITIONS: dict[str, Rule] = sums(
    _terms,
    scatter_add=_scatter_add,
    scatter=_scatter,
    scatter_reduce=reduce_at,
    index_add=_index_add,
    index_reduce=_index_reduce,
    index_put=_index_put,
    _unsafe_index_put=_index_put,
    _index_put_impl=_index_put,
    put=_put,
    _unsafe_masked_index=_masked_index,
    _unsafe_masked_index_put_accumulate=_masked_put,
    embedding_dense_backward=_embedding_backward,
    unfold_backward=_unfold_backward,
    col2im=_col2im,
    masked_scatter_backward=_masked_scatter_backward,
    **{
        f"{name}{m}d{end}_backward": _pool_backward(m)
        for m in (2, 3)
        for name, end in (("max_pool", "_with_indices"), ("adaptive_max_pool", ""),
                          ("fractional_max_pool", ""))
    },
    **{
        f"{kind}_pad{n}d_backward": _pad_backward(f"{kind}_pad{n}d")
        for n in (1, 2, 3)
        for kind in ("reflection", "replication")
    },
    **{
        f"{kind}{n}d_backward": _upsample_backward(f"{kind}{n}d")
        for n in (1, 2, 3)
        for kind in ("upsample_nearest", "_upsample_nearest_exact")
    },
)  # fmt: skip
