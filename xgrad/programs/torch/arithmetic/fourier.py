"""Discrete Fourier transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers import dft
from xgrad.programs.constants import as_array
from xgrad.programs.scalars import UNARY
from xgrad.programs.torch.arithmetic.rule import ROUTINE, Rule

_acb = np.frompyfunc(acb, 1, 1)


def _along(x: np.ndarray, dims: Any, forward: bool) -> np.ndarray:
    for axis in dims:
        x = dft(x, axis, forward=forward)
    return x


def _scale(x: np.ndarray, dims: Any, normalization: int) -> Any:
    n = arb(int(np.prod([x.shape[d] for d in dims])))
    return {0: arb(1), 1: 1 / n.sqrt(), 2: 1 / n}[normalization]


def _c2c(x: Any, dim: Any, normalization: int, forward: bool) -> np.ndarray:
    return as_array(_along(as_array(_acb(x)), dim, forward) * _scale(x, dim, normalization))


def _r2c(x: Any, dim: Any, normalization: int, onesided: bool) -> np.ndarray:
    y = _along(x, dim, True)
    if onesided:
        half = np.moveaxis(y, dim[-1], -1)[..., : x.shape[dim[-1]] // 2 + 1]
        y = np.moveaxis(half, -1, dim[-1])
    return as_array(y * _scale(x, dim, normalization))


def _c2r(x: Any, dim: Any, normalization: int, last: int) -> np.ndarray:
    """The other half is the conjugate of the half that is given."""
    half = np.moveaxis(_along(x, dim[:-1], False), dim[-1], -1)[..., : last // 2 + 1]
    rest = UNARY["conj"](half[..., 1 : last - half.shape[-1] + 1][..., ::-1])
    whole = np.moveaxis(np.concatenate([half, rest], axis=-1), -1, dim[-1])
    y = UNARY["real"](dft(whole, dim[-1], forward=False))
    return as_array(y * _scale(y, dim, normalization))


def _terms(x: Any, dim: Any, *rest: Any) -> float:
    return float(max(1, np.prod([x.shape[d] for d in dim])))


_ROWS = {"_fft_c2c": _c2c, "_fft_r2c": _r2c, "_fft_c2r": _c2r}
FOURIER = {name: Rule(function, ROUTINE, _terms) for name, function in _ROWS.items()}
