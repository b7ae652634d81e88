"""How many terms each element of a contraction has, and what an equation costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

PER_PRODUCT = 8  # products of a matrix for the price of one of single balls
OVERHEAD = 50  # of a step, in elementary operations


def _size(variable: Any) -> int:
    return math.prod(variable.aval.shape)


def _share(eqn: Any) -> int:
    return _size(eqn.invars[0]) // max(1, _size(eqn.outvars[0]))


def _along(eqn: Any) -> int:
    return int(eqn.invars[0].aval.shape[eqn.params["axis"]])


def _inner(eqn: Any) -> int:
    (inner, _), _ = eqn.params["dimension_numbers"]
    return math.prod(eqn.invars[0].aval.shape[k] for k in inner)


def _taps(eqn: Any) -> int:
    kernel = eqn.invars[1].aval.shape
    return math.prod(kernel) // max(1, kernel[eqn.params["dimension_numbers"].rhs_spec[0]])


def _window(eqn: Any) -> int:
    return math.prod(eqn.params["window_dimensions"])


def _updates(eqn: Any) -> int:
    return _size(eqn.invars[2]) // max(1, _size(eqn.invars[0])) + 1


def _row(eqn: Any) -> int:
    return int(eqn.invars[0].aval.shape[-1])


# Sums, which cancel: their rounding has the scale of their terms.
SUMS: dict[str, Callable[[Any], int]] = {
    "reduce_sum": _share,
    "cumsum": _along,
    "dot_general": _inner,
    "conv_general_dilated": _taps,
    "reduce_window_sum": _window,
    "select_and_scatter_add": _window,
    "scatter-add": _updates,
    "scatter_add": _updates,
    "scatter-sub": _updates,
    "scatter_sub": _updates,
}
# Products, whose errors add up without cancelling.
PRODUCTS: dict[str, Callable[[Any], int]] = {
    "reduce_prod": _share,
    "cumprod": _along,
    "cumlogsumexp": _along,
    "reduce_window_mul": _window,
}
# Backward-stable routines: the exact result for slightly different operands.
_ROUTINES = (
    """cholesky householder_product lu qr eigh eig svd triangular_solve tridiagonal_solve fft"""
)
ROUTINES: dict[str, Callable[[Any], int]] = dict.fromkeys(_ROUTINES.split(), _row)
TERMS = {**SUMS, **PRODUCTS, **ROUTINES}


def terms(eqn: Any) -> int:
    """The number of terms of each element of its first output, 1 where nothing is contracted."""
    count = TERMS.get(eqn.primitive.name)
    return 1 if count is None else max(1, count(eqn))


def cost(eqn: Any) -> int:
    """Elementary operations, as the budget counts them."""
    size = sum(map(_size, eqn.outvars))
    return OVERHEAD + size * (1 + terms(eqn) // PER_PRODUCT)
