"""Convolutions and means of windows, as matrix products over where each tap reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.numbers import matrices
from xgrad.programs.constants import as_array
from xgrad.programs.torch.arithmetic.rule import Rule, sums
from xgrad.programs.torch.boxes import zeros


def repeated(values: Any, n: int) -> tuple[int, ...]:
    """One number for each axis."""
    return tuple(values) if len(values) == n else tuple(values) * n


def taps(size: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> np.ndarray:
    """Where each tap of a kernel reads for each output: [taps, outputs], −1 in the padding."""
    where, inside = np.zeros((1, 1), dtype=np.int64), np.ones((1, 1), dtype=bool)
    for n, o, k, s, p, d in zip(size, out, kernel, stride, padding, dilation, strict=True):
        at = np.arange(k)[:, None] * d + np.arange(o)[None, :] * s - p
        where = where[:, None, :, None] * n + at[None, :, None, :]
        where = where.reshape(where.shape[0] * k, -1)
        inside = (inside[:, None, :, None] & ((at >= 0) & (at < n))[None, :, None, :]).reshape(
            where.shape
        )
    return np.where(inside, where, -1)


def flat(a: np.ndarray) -> np.ndarray:
    """All axes after the first two as one."""
    return a.reshape(a.shape[0], a.shape[1], -1)


def padded(x: np.ndarray) -> np.ndarray:
    """One zero more along the last axis, which −1 reads."""
    return np.concatenate([x, zeros((*x.shape[:-1], 1))], axis=-1)


def _add_at(made: np.ndarray, where: np.ndarray, values: np.ndarray) -> None:
    """Add values at positions along the last axis."""
    at: Any = (*(slice(None) for _ in made.shape[:-1]), where)
    np.add.at(made, at, values)


@dataclass(frozen=True)
class Correlation:
    """y[n, o, p] = Σ x[n, c, where[k, p]] w[o, c, k] in groups, and its two transposes."""

    where: np.ndarray
    groups: int

    def apply(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """y of x [N, C, S] and w [O, C/g, K]."""
        columns = padded(x)[:, :, self.where]
        n, (_, c, k), p = len(x), w.shape, self.where.shape[1]
        parts = []
        for xs, ws in self._split((columns, 1), (w, 0)):
            right = xs.transpose(1, 2, 0, 3).reshape(c * k, n * p)
            parts.append(matrices.product(ws.reshape(-1, c * k), right).reshape(-1, n, p))
        return np.concatenate(parts).transpose(1, 0, 2)

    def back_to_x(self, y: np.ndarray, w: np.ndarray, size: int) -> np.ndarray:
        """The transpose in x."""
        (n, _, p), (_, c, k) = y.shape, w.shape
        made = zeros((n, self.groups * c, size + 1))
        for out, ys, ws in self._split((made, 1), (y, 1), (w, 0)):
            right = ys.transpose(1, 0, 2).reshape(-1, n * p)
            columns = matrices.product(ws.reshape(-1, c * k).T, right).reshape(c, k, n, p)
            _add_at(out, self.where, columns.transpose(2, 0, 1, 3))
        return made[:, :, :size]

    def back_to_w(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The transpose in w."""
        columns = padded(x)[:, :, self.where]
        k, p = self.where.shape
        n, parts = len(x), []
        for ys, xs in self._split((y, 1), (columns, 1)):
            left = ys.transpose(1, 0, 2).reshape(-1, n * p)
            right = xs.transpose(0, 3, 1, 2).reshape(n * p, -1)
            parts.append(matrices.product(left, right).reshape(left.shape[0], -1, k))
        return np.concatenate(parts)

    def _split(self, *given: tuple[np.ndarray, int]) -> Any:
        return zip(*(np.split(a, self.groups, axis=axis) for a, axis in given), strict=True)


def _correlation(
    x: Any,
    w: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    extra: Any,
    groups: int,
) -> tuple[Any, Correlation]:
    m = w.ndim - 2
    stride, padding, dilation, extra = (
        repeated(v, m) for v in (stride, padding, dilation, extra or [0])
    )
    size, kernel = x.shape[2:], w.shape[2:]
    axes = list(zip(size, kernel, stride, padding, dilation, extra, strict=True))
    if transposed:
        out = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in axes)
        return out, Correlation(taps(out, size, kernel, stride, padding, dilation), groups)
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d, _ in axes)
    return out, Correlation(taps(size, out, kernel, stride, padding, dilation), groups)


def _convolution(x: Any, w: Any, bias: Any, *how: Any) -> np.ndarray:
    out, correlation = _correlation(x, w, *how[:6])
    if how[3]:
        y = correlation.back_to_x(flat(x), flat(w), int(np.prod(out)))
    else:
        y = correlation.apply(flat(x), flat(w))
    y = y.reshape(*y.shape[:2], *out)
    return y if bias is None else as_array(y + bias.reshape((1, -1) + (1,) * len(out)))


def _convolution_backward(g: Any, x: Any, w: Any, bias_sizes: Any, *how: Any) -> Any:
    _, correlation = _correlation(x, w, *how[:6])
    fg, fx, fw = flat(g), flat(x), flat(w)
    transposed, (of_x, of_w, of_bias) = how[3], how[6]
    dx = dw = None
    if of_x:
        back = (
            correlation.apply(fg, fw) if transposed else correlation.back_to_x(fg, fw, fx.shape[2])
        )
        dx = back.reshape(x.shape)
    if of_w:
        pair = (fx, fg) if transposed else (fg, fx)
        dw = correlation.back_to_w(*pair).reshape(w.shape)
    return dx, dw, as_array(fg.sum(axis=(0, 2))) if of_bias else None


def _means(m: int, size: Any, kernel: Any, stride: Any = (), padding: Any = (0,),
           ceil: bool = False, with_padding: bool = True,
           divisor: int | None = None) -> Any:  # fmt: skip
    """Where windows read, how many elements each counts, and the shape of the result."""
    kernel, padding = repeated(kernel, m), repeated(padding, m)
    stride = repeated(stride, m) if stride else kernel
    axes, out = list(zip(size, kernel, stride, padding, strict=True)), []
    for n, k, s, p in axes:
        o = -(-(n + 2 * p - k) // s) + 1 if ceil else (n + 2 * p - k) // s + 1
        out.append(o - 1 if ceil and (o - 1) * s >= n + p else o)
    where = taps(size, out, kernel, stride, padding, (1,) * m)
    counts = np.ones(1, dtype=np.int64)
    for (n, k, s, p), o in zip(axes, out, strict=True):
        start = np.arange(o) * s - p
        counts = (counts[:, None] * (np.minimum(start + k, n + p) - start)[None]).reshape(-1)
    if divisor:
        counts = np.full(where.shape[1], divisor)
    elif not with_padding:
        counts = (where >= 0).sum(axis=0)
    return where, counts.astype(object), tuple(out)


def _average(m: int) -> Callable[..., np.ndarray]:
    def apply(x: Any, *how: Any, **named: Any) -> np.ndarray:
        where, counts, out = _means(m, x.shape[-m:], *how, **named)
        rows = padded(x.reshape(int(np.prod(x.shape[:-m])), -1))
        return as_array(rows[:, where].sum(axis=1) / counts).reshape(x.shape[:-m] + out)

    return apply


def _average_backward(m: int) -> Callable[..., np.ndarray]:
    def apply(g: Any, x: Any, *how: Any) -> np.ndarray:
        where, counts, _ = _means(m, x.shape[-m:], *how)
        rows = int(np.prod(x.shape[:-m]))
        g = g.reshape(rows, -1) / counts
        made = zeros((rows, int(np.prod(x.shape[-m:])) + 1))
        _add_at(made, where, np.broadcast_to(g[:, None], (rows, *where.shape)))
        return made[:, :-1].reshape(x.shape)

    return apply


def _taps_and_channels(x: Any, w: Any, *rest: Any) -> float:
    return max(1.0, w.size / max(1, w.shape[0]))


def _back(g: Any, x: Any, w: Any, *rest: Any) -> float:
    """Of the input taps and channels, of weights and bias what every place of every image adds."""
    transposed, made = rest[4], rest[-1]
    if made.shape == x.shape != w.shape:
        return max(1.0, w.size / max(1, w.shape[0 if transposed else 1]))
    places = x if transposed and made.shape == w.shape else g
    return max(1.0, places.size / max(1, places.shape[1]))


WINDOWS: dict[str, Rule] = {
    **sums(_taps_and_channels, convolution=_convolution, _convolution=_convolution),
    **sums(_back, convolution_backward=_convolution_backward),
    **sums(lambda x, *rest, **named: max(1.0, x.size / max(1, rest[-1].size)),
           avg_pool1d=_average(1), avg_pool2d=_average(2), avg_pool3d=_average(3)),
    **sums(lambda g, *rest, **named: max(1.0, g.size / max(1, rest[-1].size)),
           avg_pool2d_backward=_average_backward(2), avg_pool3d_backward=_average_backward(3)),
}  # fmt: skip
