"""What the functions on ball arrays share."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb

from xgrad.numbers.balls.array import Ball, ball, wrap

Array = Any
Flag = builtins.bool  # `bool` is a dtype here


def is_ball(*values: Any) -> Flag:
    """Whether any argument is a ball array."""
    return builtins.any(isinstance(v, Ball) for v in values)


def is_whole(*values: Any) -> Flag:
    """Whether all arguments are integers or booleans, which stay with NumPy."""
    return not is_ball(*values) and builtins.all(np.asarray(v).dtype.kind in "iub" for v in values)


def raw(value: Any) -> Any:
    """An object array for arithmetic with balls: Python numbers inside are exact."""
    if isinstance(value, Ball):
        return value.data
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, complex):
        return acb(value)
    array = np.asarray(value)
    return array.astype(object) if array.dtype.kind in "iub" else ball(array).data


def shaped(function: Callable[..., Any]) -> Any:
    """A NumPy function that only moves elements."""

    def apply(x: Array, *args: Any, **keywords: Any) -> Array:
        if is_whole(x):
            return function(x, *args, **keywords)
        return wrap(function(ball(x).data, *args, **keywords))

    return apply
