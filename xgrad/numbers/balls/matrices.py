"""Arb matrices of object arrays, and their products."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from flint import acb

from xgrad.numbers.balls.array import LEDGER
from xgrad.numbers.balls.lifting import raw
from xgrad.numbers.balls.shapes import zeros


def matrix(data: np.ndarray) -> Any:
    """The Arb matrix of a two-dimensional object array, complex where any element is."""
    rows = data.tolist()
    try:
        return flint.arb_mat(rows)
    except TypeError:  # which it says of a complex element
        return flint.acb_mat([[acb(e) for e in row] for row in rows])


def alike(*arrays: np.ndarray) -> list[Any]:
    """Their Arb matrices, complex where one of them is."""
    made = [matrix(a) for a in arrays]
    if any(isinstance(m, flint.acb_mat) for m in made):
        return [m if isinstance(m, flint.acb_mat) else flint.acb_mat(m) for m in made]
    return made


def from_matrix(made: Any) -> np.ndarray:
    """The object array of an Arb matrix."""
    rows, columns = made.nrows(), made.ncols()
    data = np.empty(rows * columns, dtype=object)
    data[:] = made.entries()
    return data.reshape(rows, columns)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b of two-dimensional object arrays; of floats, in floats."""
    if object not in (a.dtype, b.dtype):
        return np.asarray(a @ b)
    LEDGER.charge(a.shape[0] * a.shape[1] * b.shape[1] // 8)  # block products cost less
    if 0 in a.shape or 0 in b.shape:
        return raw(zeros((a.shape[0], b.shape[1])))
    x, y = alike(a, b)
    return from_matrix(x * y)
