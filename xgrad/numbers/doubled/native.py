"""Operations of the processor that loops need and Numba's Python has no word for.

Imported where loops are compiled: it imports Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.ir
from numba import njit, types
from numba.extending import intrinsic

_WORD = llvmlite.ir.IntType(64)


def _generated(made: Any, given: tuple[Any, ...], build: Callable[..., Any]) -> Any:
    """What Numba asks of an intrinsic: its types, and what writes its instruction."""
    return made(*given), lambda context, builder, signature, args: build(builder, *args)


@intrinsic
def fma(typing, a, b, c):
    """a b + c, rounded once."""
    given = (types.float64, types.float64, types.float64)
    return _generated(types.float64, given, lambda builder, *args: builder.fma(*args))


@intrinsic
def select(typing, condition, a, b):
    """a where the condition holds, else b, without a branch."""
    kind = types.unliteral(a)
    given = (types.boolean, kind, kind)
    return _generated(kind, given, lambda builder, *args: builder.select(*args))


@intrinsic
def added(typing, a, b):
    """a + b, a sum of many that may be added in any order."""
    given = (types.float64, types.float64)
    flags = ("reassoc", "nsz")
    return _generated(types.float64, given, lambda builder, a, b: builder.fadd(a, b, flags=flags))


@intrinsic
def _bits(typing, x):
    """The 64 bits of a float as a whole number."""
    return _generated(types.int64, (types.float64,), lambda builder, x: builder.bitcast(x, _WORD))


@njit(inline="always")
def whole_log2(x):
    """The whole number next to log2(x), for finite x > 0."""
    subnormal = x < 2.0**-1022
    bits = _bits(select(subnormal, x * 2.0**54, x))
    exponent = (bits >> 52) - select(subnormal, 1077, 1023)
    return float(exponent + select(bits & _FRACTION > _OF_ROOT_2, 1, 0))


_FRACTION = 2**52 - 1
_OF_ROOT_2 = 0x6A09E667F3BCD  # the fraction of √2

NAMES = ("fma", "select", "added", "whole_log2")
