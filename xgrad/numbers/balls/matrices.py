"""Arb matrices of object arrays, and their products."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from flint import arb

from xgrad.numbers.balls.array import LEDGER
from xgrad.numbers.balls.lifting import raw
from xgrad.numbers.balls.shapes import zeros


def matrix(data: np.ndarray) -> Any:
    """The Arb matrix of a two-dimensional object array."""
    return flint.arb_mat([[arb(e) for e in row] for row in data.tolist()])


def from_matrix(made: Any) -> np.ndarray:
    """The object array of an Arb matrix."""
    rows, columns = made.nrows(), made.ncols()
    data = np.empty(rows * columns, dtype=object)
    data[:] = made.entries()
    return data.reshape(rows, columns)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b of two-dimensional object arrays."""
    LEDGER.charge(a.shape[0] * a.shape[1] * b.shape[1] // 8)  # block products cost less
    if 0 in a.shape or 0 in b.shape:
        return raw(zeros((a.shape[0], b.shape[1])))
    return from_matrix(matrix(a) * matrix(b))
