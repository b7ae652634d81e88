"""Sums, products and norms along axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers import scalars
from xgrad.programs.constants import as_array, exactly
from xgrad.programs.scalars import BINARY, UNARY, Each
from xgrad.programs.torch.arithmetic.rule import Rule, relative, routine, spread, sums

sqrt, absolute, power = UNARY["sqrt"], UNARY["abs"], BINARY["power"]


def axes_of(x: np.ndarray, dim: Any) -> tuple[int, ...]:
    """The axes that torch means: all of them where none is named."""
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return tuple(range(x.ndim))
    named = [dim] if isinstance(dim, int) else dim
    return tuple(d % x.ndim for d in named) if x.ndim else ()


def reduced(ufunc: Any, x: np.ndarray, axes: Any, keepdim: bool = False) -> np.ndarray:
    """A ufunc's reduction of balls, also of none."""
    if not x.ndim:
        return x
    start = {} if x.size else {"initial": arb(ufunc.identity or 0)}
    return as_array(ufunc.reduce(x, axis=axes, keepdims=keepdim, **start))


def total(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> np.ndarray:
    """Σx."""
    return reduced(np.add, x, axes_of(x, dim), keepdim)


def _nansum(x: Any, *how: Any, **named: Any) -> np.ndarray:
    return total(Each(lambda a: arb(0) if a.is_nan() else a)(x), *how, **named)


def count(x: np.ndarray, dim: Any) -> int:
    """How many elements are taken together."""
    return int(np.prod([x.shape[a] for a in axes_of(x, dim)], dtype=np.int64))


def mean(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> np.ndarray:
    """Σx / n."""
    n, s = count(x, dim), total(x, dim, keepdim)
    return as_array(s / n if n else s * arb.nan())


def variance(
    x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None
) -> np.ndarray:
    """Σ|x − mean|² / (n − correction)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    taken = correction if unbiased is None else int(unbiased)
    rest = count(x, dim) - exactly(1 if taken is None else taken)
    squares = UNARY["squared_abs"](as_array(x - mean(x, dim, True)))
    return as_array(total(squares, dim, keepdim) / (rest if rest > 0 else arb(0)))


def _with_mean(x: Any, dim: Any = None, unbiased: Any = None, keepdim: Any = False,
               correction: Any = None) -> Any:  # fmt: skip
    over = None if isinstance(dim, bool) else dim
    return variance(x, dim, unbiased, keepdim, correction), mean(x, over, keepdim)


def _std_mean(*args: Any, **named: Any) -> Any:
    v, m = _with_mean(*args, **named)
    return sqrt(v), m


def _prod(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> np.ndarray:
    return reduced(np.multiply, x, axes_of(x, dim), keepdim)


def _running(ufunc: Any) -> Any:
    def accumulate(x: Any, dim: int, dtype: Any = None) -> np.ndarray:
        return as_array(ufunc.accumulate(x, axis=dim)) if x.ndim and x.size else x.copy()

    return accumulate


def _logsumexp(x: Any, dim: Any, keepdim: bool = False) -> np.ndarray:
    return UNARY["log"](total(UNARY["exp"](x), dim, keepdim))


def _softmax(x: Any, dim: int, *ignored: Any) -> np.ndarray:
    e = UNARY["exp"](x)
    return as_array(e / reduced(np.add, e, axes_of(x, dim), bool(x.ndim)))


def _log_softmax(x: Any, dim: int, *ignored: Any) -> np.ndarray:
    return as_array(x - _logsumexp(x, dim, bool(x.ndim)))


def norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> np.ndarray:
    """(Σ|x|^ord)^(1/ord), its limits at ±inf, and the number of nonzero elements at 0."""
    ord = 2 if ord is None else ord
    if ord == 2:
        return sqrt(total(UNARY["squared_abs"](x), dim, keepdim))
    sizes = absolute(x)
    if ord == 0:
        return total(Each(lambda a: arb(int(not a.is_zero())))(sizes), dim, keepdim)
    if math.isinf(ord):
        extreme = np.frompyfunc(scalars.larger if ord > 0 else scalars.smaller, 2, 1)
        axes = axes_of(sizes, dim)
        for axis in sorted(axes, reverse=True):
            sizes = as_array(extreme.reduce(sizes, axis=axis))
        return np.expand_dims(sizes, axes) if keepdim else sizes
    if ord == 1:
        return total(sizes, dim, keepdim)
    p = as_array(exactly(ord))
    return power(total(power(sizes, p), dim, keepdim), as_array(1 / p))


def distances(x: Any, y: Any, p: float, mode: Any = None) -> np.ndarray:
    """The norms of the differences of the rows of x and y."""
    return norm(as_array(x[..., :, None, :] - y[..., None, :, :]), p, -1)


def distances_backward(g: Any, x: Any, y: Any, p: float, d: Any) -> np.ndarray:
    """The transpose in x; where it would divide by a distance of 0, nothing of what comes in."""
    difference = as_array(x[..., :, None, :] - y[..., None, :, :])
    equal = np.all(np.vectorize(_is_nothing, otypes=[bool])(difference), axis=-1, keepdims=True)

    def slope(v: Any, r: Any) -> Any:
        if _is_nothing(v) or p == 0:
            return arb(0)
        size, sign = scalars.absolute(v), scalars.sign(v)
        if math.isinf(p):
            return sign if size.mid() == r.mid() else arb(0)
        return sign * scalars.power(size, exactly(p - 1)) / scalars.power(r, exactly(p - 1))

    terms = as_array(g[..., None] * Each(slope, None, 2)(difference, d[..., None]))
    divides = p != 1 and not math.isinf(p)
    return reduced(np.add, np.where(equal, arb(0), terms) if divides else terms, (-2,))


def _is_nothing(v: Any) -> bool:
    """Whether the same was taken from the same, up to its last bits."""
    return bool(v.mid() == 0)


def _pairs(x: Any, p: float = 2) -> np.ndarray:
    i, j = np.triu_indices(x.shape[0], 1)
    return norm(as_array(x[i] - x[j]), p, -1)


def _pairs_backward(g: Any, x: Any, p: float, d: Any) -> np.ndarray:
    n = x.shape[0]
    i, j = np.triu_indices(n, 1)
    full = np.full((2, n, n), arb(0), dtype=object)
    for square, given in zip(full, (g, d), strict=True):
        square[i, j] = square[j, i] = given
    return distances_backward(full[0], x, x, p, full[1])


def _vdot(a: Any, b: Any) -> Any:
    return total(as_array(UNARY["conj"](a) * b))


def _trilinear(
    a: Any, b: Any, c: Any, e1: Any, e2: Any, e3: Any, sumdim: Any, unroll_dim: int = 1
) -> np.ndarray:
    x, y, z = (np.expand_dims(v, tuple(e)) for v, e in ((a, e1), (b, e2), (c, e3)))
    product = as_array(x * y * z)
    return total(product, list(sumdim)) if len(sumdim) else product


REDUCTIONS: dict[str, Rule] = {
    **sums(spread, sum=total, nansum=_nansum, mean=mean),
    **sums(lambda x, *rest: float(x.size), dot=lambda a, b: total(as_array(a * b)), vdot=_vdot),
    **sums(lambda x, dim, *rest, **named: float(x.shape[dim] if x.ndim else 1),
           cumsum=_running(np.add)),
    **sums(spread, _trilinear=_trilinear),
    **relative(spread, prod=_prod, linalg_vector_norm=norm, norm=norm),
    **relative(lambda x, dim, *rest, **named: float(x.shape[dim] if x.ndim else 1),
               cumprod=_running(np.multiply)),
    **routine(
        var=variance,
        std=lambda *a, **k: sqrt(variance(*a, **k)),
        var_mean=_with_mean,
        std_mean=_std_mean,
        logcumsumexp=_running(BINARY["logaddexp"].real),
        logsumexp=_logsumexp,
        _softmax=_softmax,
        _log_softmax=_log_softmax,
        _cdist_forward=distances,
        _cdist_backward=distances_backward,
        _pdist_forward=_pairs,
        _pdist_backward=_pairs_backward,
    ),
}  # fmt: skip
