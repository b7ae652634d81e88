"""What the functions on doubled arrays share: which arguments are pairs, and in which library."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from xgrad.numbers.doubled.array import Doubled, doubled
from xgrad.numbers.doubled.library import HOST, Array, library, library_of
from xgrad.numbers.doubled.loops import Kernel
from xgrad.numbers.doubled.pairs import Pair

Flag = builtins.bool  # `bool` is a dtype in the namespace


def is_doubled(*values: Any) -> Flag:
    """Whether any argument is a doubled array."""
    return builtins.any(isinstance(v, Doubled) for v in values)


def is_whole(*values: Any) -> Flag:
    """Whether all arguments are integers or booleans, which stay with their library."""
    return builtins.all(
        not isinstance(v, Doubled) and not isinstance(v, float) and _is_whole(v) for v in values
    )


def _is_whole(value: Any) -> Flag:
    if isinstance(value, (int, list, tuple)):
        return np.asarray(value).dtype.kind in "iub"
    xp = library(value).xp
    return Flag(xp.isdtype(value.dtype, ("integral", "bool")))


def pair(value: Any) -> Pair:
    """Both parts of anything numeric; of a Python float the second is one, too."""
    if type(value) is float:
        return value, 0.0
    value = doubled(value)
    return value.high, value.low


def in_common(*values: Any) -> list[Pair]:
    """Both parts of each in one library, which is NumPy where nothing else is there."""
    made = [pair(v) for v in values]
    kinds = {type(high) for high, _ in made}
    if len(kinds - HOST) and kinds & _ARRAYS:
        (like, _), *_ = (p for p in made if type(p[0]) not in HOST)
        return [_moved(p, like) if type(p[0]) in _ARRAYS else p for p in made]
    return made


_ARRAYS = {np.ndarray, np.float64}


def _moved(numbers: Pair, like: Array) -> Pair:
    """NumPy's floats beside an array of another library, where that is."""
    move = library(like).moved
    return move(np.asarray(numbers[0]), like), move(np.asarray(numbers[1]), like)


def plainly(name: str, *values: Any, **keywords: Any) -> Any:
    """A library's own function of what is not doubled: integers, booleans."""
    parts = [np.asarray(v) if isinstance(v, (bool, list, tuple)) else v for v in values]
    return getattr(library_of(*parts).xp, name)(*parts, **keywords)


def unary(kernel: Kernel, plain: str = "") -> Any:
    """Lift a function of a pair; `plain` is the library's own, of integers that stay integers."""

    def apply(x: Any) -> Any:
        if plain and is_whole(x):
            return plainly(plain, x)
        if type(x) is not Doubled:
            x = doubled(x)
        return Doubled(*kernel(x.high, x.low))

    return _of(apply, kernel)


def binary(kernel: Kernel, plain: str = "", scalars: Flag = True) -> Any:
    """Lift a function of two pairs, as `unary` does; `scalars`: one may be of Python floats."""

    def apply(a: Any, b: Any) -> Any:
        if type(a) is type(b) is Doubled and type(a.high) is type(b.high):
            x, y = (a.high, a.low), (b.high, b.low)
        elif plain and is_whole(a, b):
            return plainly(plain, a, b)
        else:
            both = type(a) is float and type(b) is float
            x, y = in_common(a, b) if scalars and not both else in_common(doubled(a), doubled(b))
        return Doubled(*kernel(*x, *y))

    return _of(apply, kernel)


def _of(apply: Any, kernel: Kernel) -> Any:
    """A function that tells its kernel."""
    apply.kernel = kernel
    return apply
