"""Discrete Fourier transforms of ball arrays, as the array API has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers.balls.array import LEDGER, Ball, ball, to_acb, wrap
from xgrad.numbers.balls.elementwise import conj, real
from xgrad.numbers.balls.shapes import concat, roll, take, zeros
from xgrad.numbers.functions import missing

Array = Any


def dft(data: np.ndarray, axis: int, *, forward: bool) -> np.ndarray:
    """Σ x[j] exp(∓2πi jk/n) along an axis of an object array."""
    moved = np.moveaxis(np.asarray(to_acb(data)), axis, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    made = np.empty(rows.shape, dtype=object)
    for k, row in enumerate(rows):
        made[k] = acb.dft(row.tolist(), inverse=not forward)
    if not forward:  # acb.dft divides by n
        made = np.asarray(made * rows.shape[-1])
    return np.moveaxis(made.reshape(moved.shape), -1, axis)


def _scale(n: int, norm: str, forward: bool) -> Any:
    """What a sum of n terms is multiplied by."""
    if norm == "ortho":
        return 1 / arb(n).sqrt()
    return 1 / arb(n) if forward == (norm == "forward") else arb(1)


def _transform(x: Array, n: int | None, axis: int, norm: str, forward: bool) -> Ball:
    fitted = ball(x) if n is None else _fitted(ball(x), n, axis)
    n = fitted.shape[axis]
    LEDGER.charge(fitted.size * n.bit_length())
    return wrap(dft(fitted.data, axis, forward=forward) * _scale(n, norm, forward))


def _fitted(x: Ball, n: int, axis: int) -> Any:
    """n elements along an axis: cut off, or zeros behind."""
    here = x.shape[axis]
    if n <= here:
        return take(x, np.arange(n), axis=axis)
    shape = [n - here if k == axis % x.ndim else m for k, m in enumerate(x.shape)]
    return concat([x, zeros(shape)], axis=axis)


class _Fourier:
    """The `fft` part of the namespace."""

    def __getattr__(self, name: str) -> Any:
        raise missing("xp.fft", name, [n for n in dir(self) if not n.startswith("_")])

    def fft(self, x: Array, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
        """X[k] = Σ x[j] exp(−2πi jk/n)."""
        return _transform(x, n, axis, norm, True)

    def ifft(self, x: Array, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
        """x[j] = Σ X[k] exp(2πi jk/n) / n."""
        return _transform(x, n, axis, norm, False)

    def fftn(self, x: Array, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
        """`fft` along several axes, all where none are named."""
        return self._several(self.fft, x, s, axes, norm)

    def ifftn(self, x: Array, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
        """`ifft` along several axes."""
        return self._several(self.ifft, x, s, axes, norm)

    def _several(self, function: Any, x: Array, s: Any, axes: Any, norm: str) -> Array:
        axes = tuple(range(-len(s or x.shape), 0)) if axes is None else axes
        for axis, n in zip(axes, s or [None] * len(axes), strict=True):
            x = function(x, n=n, axis=axis, norm=norm)
        return x

    def rfft(self, x: Array, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
        """The first half of `fft` of real numbers."""
        whole = _transform(x, n, axis, norm, True)
        return take(whole, np.arange(whole.shape[axis] // 2 + 1), axis=axis)

    def irfft(
        self, x: Array, n: int | None = None, axis: int = -1, norm: str = "backward"
    ) -> Array:
        """Real numbers of the first half of their `fft`; n of them, or an even number."""
        n = 2 * (x.shape[axis] - 1) if n is None else n
        half = _fitted(ball(x), n // 2 + 1, axis)
        rest = take(half, np.arange((n - 1) // 2, 0, -1), axis=axis)
        return real(_transform(concat([half, conj(rest)], axis=axis), None, axis, norm, False))

    def fftfreq(self, n: int, d: Any = 1.0, **ignored: Any) -> Array:
        """The frequencies of `fft`: 0, 1, …, −2, −1 over n d."""
        return ball(np.concatenate([np.arange((n + 1) // 2), np.arange(-(n // 2), 0)])) / (n * d)

    def rfftfreq(self, n: int, d: Any = 1.0, **ignored: Any) -> Array:
        """The frequencies of `rfft`: 0, 1, …, n/2 over n d."""
        return ball(np.arange(n // 2 + 1)) / (n * d)

    def fftshift(self, x: Array, axes: Any = None) -> Array:
        """The zero frequency in the middle."""
        return self._rolled(x, axes, 1)

    def ifftshift(self, x: Array, axes: Any = None) -> Array:
        """What `fftshift` did, undone."""
        return self._rolled(x, axes, -1)

    def _rolled(self, x: Array, axes: Any, sign: int) -> Array:
        axes = tuple(range(x.ndim)) if axes is None else axes
        axes = (axes,) if isinstance(axes, int) else tuple(axes)
        shifts = [x.shape[a] // 2 if sign > 0 else -(x.shape[a] // 2) for a in axes]
        return roll(x, shifts, axis=axes)


fft = _Fourier()
