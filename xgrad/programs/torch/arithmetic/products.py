"""Products of matrices, stacked."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers import matrices
from xgrad.programs.constants import as_array, exactly
from xgrad.programs.torch.arithmetic.rule import Rule, inner, sums
from xgrad.programs.torch.boxes import zeros


def stacked(function: Callable[..., Any], *arrays: np.ndarray) -> Any:
    """A function of matrices for each of stacks, whose leading axes are broadcast."""
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    arrays = tuple(np.broadcast_to(a, lead + a.shape[-2:]) for a in arrays)
    empty = 0 in lead
    indices = [None] if empty else list(np.ndindex(*lead))
    made = [
        function(*(zeros(a.shape[-2:]) if i is None else a[i] for a in arrays)) for i in indices
    ]

    def joined(parts: list[Any]) -> np.ndarray:
        first = as_array(parts[0])
        out = np.empty((0 if empty else len(parts), *first.shape), dtype=first.dtype)
        for k in range(len(out)):
            out[k] = parts[k] if first.ndim else as_array(parts[k])[()]
        return out.reshape(lead + first.shape)

    if isinstance(made[0], tuple):
        return tuple(joined(list(parts)) for parts in zip(*made, strict=True))
    return joined(made)


def _mm(a: Any, b: Any, out_dtype: Any = None) -> np.ndarray:
    return matrices.product(a, b)


def _bmm(a: Any, b: Any, out_dtype: Any = None) -> np.ndarray:
    return stacked(matrices.product, a, b)


def _addmm(x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> np.ndarray:
    made = matrices.product(a, b)
    made = made if alpha == 1 else made * exactly(alpha)
    if beta == 0:
        return as_array(np.broadcast_to(made, made.shape))
    return as_array(made + (x if beta == 1 else x * exactly(beta)))


def _addbmm(x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> np.ndarray:
    made = stacked(matrices.product, a, b)
    made = made.sum(axis=0) if len(made) else zeros(made.shape[1:])
    return as_array(x * exactly(beta) + made * exactly(alpha))


def _weights(size: int, out: int) -> np.ndarray:
    """The means that adaptive pooling takes, as a matrix."""
    made = zeros((out, size))
    for k in range(out):
        start, stop = (k * size) // out, -((-(k + 1) * size) // out)
        made[k, start:stop] = arb(1) / (stop - start)
    return made


def _along(x: np.ndarray, axis: int, m: np.ndarray) -> np.ndarray:
    """x mᵀ along an axis."""
    moved = np.moveaxis(x, axis, -1)
    made = matrices.product(moved.reshape(-1, moved.shape[-1]), m.T)
    return np.moveaxis(made.reshape(*moved.shape[:-1], m.shape[0]), -1, axis)


def _adaptive(m: int) -> Callable[..., np.ndarray]:
    def apply(x: Any, out: Any) -> np.ndarray:
        for k, n in enumerate(out):
            x = _along(x, x.ndim - m + k, _weights(x.shape[x.ndim - m + k], n))
        return x

    return apply


def _adaptive_backward(m: int) -> Callable[..., np.ndarray]:
    def apply(g: Any, x: Any) -> np.ndarray:
        for axis in range(x.ndim - m, x.ndim):
            g = _along(g, axis, _weights(x.shape[axis], g.shape[axis]).T)
        return g

    return apply


def _tent(x: Fraction) -> Fraction:
    return max(Fraction(0), 1 - abs(x))


def _keys(x: Fraction) -> Fraction:
    """Keys 1981, Cubic convolution interpolation, IEEE Trans. ASSP 29, equation 15."""
    x = abs(x)
    if x < 1:
        return (Fraction(3, 2) * x - Fraction(5, 2)) * x * x + 1
    return ((5 - x) * x - 8) * x / 2 + 2 if x < 2 else Fraction(0)


def _antialiased(size: int, out: int, scale: Any, corners: bool, kernel: Any, reach: int) -> Any:
    """The weights of interpolation whose kernel is as wide as the steps of the output."""
    step = Fraction(size, out) if scale is None else 1 / Fraction(scale)
    if corners:
        step = Fraction(size - 1, out - 1) if out > 1 else Fraction(0)
    wide = max(step, Fraction(1))
    made = zeros((out, size))
    for k in range(out):
        centre = step * (Fraction(k) + Fraction(1, 2))
        start = max(int(centre - reach * wide + Fraction(1, 2)), 0)
        stop = min(int(centre + reach * wide + Fraction(1, 2)), size)
        weights = [kernel((j - centre + Fraction(1, 2)) / wide) for j in range(start, stop)]
        for j, w in enumerate(weights, start):
            share = w / sum(weights)
            made[k, j] = arb(share.numerator) / share.denominator
    return made


def _upsample(kernel: Any, reach: int) -> dict[str, Callable[..., np.ndarray]]:
    def both(x: Any, size: Any, out: Any, corners: bool, scales: Any, back: bool) -> np.ndarray:
        scales = scales or (None, None)
        for axis, (n, o, s) in enumerate(zip(size[-2:], out[-2:], scales, strict=True), x.ndim - 2):
            m = _antialiased(n, o, s, corners, kernel, reach)
            x = _along(x, axis, m.T if back else m)
        return x

    return {
        "": lambda x, out, corners, *scales: both(x, x.shape, out, corners, scales, False),
        "_backward": lambda g, out, size, corners, *scales: both(
            g, size, out, corners, scales, True
        ),
    }


PRODUCTS: dict[str, Rule] = {
    **sums(inner, mm=_mm, bmm=_bmm, mv=lambda a, b: matrices.product(a, b[:, None])[:, 0]),
    **sums(lambda x, a, *rest, **named: float(max(1, a.shape[-1])), addmm=_addmm, addbmm=_addbmm),
    **sums(
        lambda x, *rest, **named: max(1.0, x.size / max(1, rest[-1].size)),
        _adaptive_avg_pool2d=_adaptive(2),
        _adaptive_avg_pool3d=_adaptive(3),
        _adaptive_avg_pool2d_backward=_adaptive_backward(2),
        _adaptive_avg_pool3d_backward=_adaptive_backward(3),
    ),
    **sums(  # a weight is no better than the place that it belongs to, which grows to the size
        lambda x, *rest, **named: float(max(*x.shape[-2:], *rest[-1].shape[-2:])) ** 2,
        **{
            f"_upsample_{name}2d_aa{end}": function
            for name, kernel, reach in (("bilinear", _tent, 1), ("bicubic", _keys, 2))
            for end, function in _upsample(kernel, reach).items()
        },
    ),
}
