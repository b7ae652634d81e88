"""What the functions on doubled arrays share: which arguments are pairs, and in which library."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers.doubled.array import Doubled, doubled
from xgrad.numbers.doubled.blocks import in_blocks
from xgrad.numbers.doubled.library import Array, Library, library
from xgrad.numbers.doubled.pairs import Pair, settled

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
    if len(kinds - _HOST) and kinds & _ARRAYS:
        (like, _), *_ = (p for p in made if type(p[0]) not in _HOST)
        return [_moved(p, like) if type(p[0]) in _ARRAYS else p for p in made]
    return made


_ARRAYS = {np.ndarray, np.float64}
_HOST = {*_ARRAYS, float, int, bool}


def _moved(numbers: Pair, like: Array) -> Pair:
    """NumPy's floats beside an array of another library, where that is."""
    move = library(like).moved
    return move(np.asarray(numbers[0]), like), move(np.asarray(numbers[1]), like)


def plainly(name: str, *values: Any, **keywords: Any) -> Any:
    """A library's own function of what is not doubled: integers, booleans."""
    parts = [np.asarray(v) if isinstance(v, (bool, list, tuple)) else v for v in values]
    return getattr(library_of(*parts).xp, name)(*parts, **keywords)


def library_of(*parts: Array) -> Library:
    """The library that decides: the first that is not NumPy's."""
    return library(next((p for p in parts if type(p) not in _HOST), parts[0]))


def unary(
    of_pair: Callable[[Pair], Pair],
    of_float: Callable[[Any, Array], Array],
    plain: str = "",
) -> Any:
    """Lift a function of a pair; `of_float` is what it is where the pair is 0 or not finite.

    `plain` is the library's own, for integers where the result stays integer.
    """

    def of_parts(high: Array, low: Array) -> Pair:
        return settled(of_float(library(high).xp, high), of_pair((high, low)))

    def apply(x: Any) -> Any:
        if plain and is_whole(x):
            return plainly(plain, x)
        if type(x) is not Doubled:
            x = doubled(x)
        return Doubled(*in_blocks(of_parts, x.high, x.low))

    return apply


def binary(
    of_pairs: Callable[[Pair, Pair], Pair],
    of_floats: Callable[[Any, Array, Array], Array],
    plain: str = "",
    scalars: Flag = True,
) -> Any:
    """Lift a function of two pairs, as `unary` does; `scalars`: one may be of Python floats."""

    def of_parts(a: Array, a_low: Array, b: Array, b_low: Array) -> Pair:
        first = of_floats(library_of(a, b).xp, a, b)
        return settled(first, of_pairs((a, a_low), (b, b_low)))

    def apply(a: Any, b: Any) -> Any:
        if type(a) is type(b) is Doubled and type(a.high) is type(b.high):
            x, y = (a.high, a.low), (b.high, b.low)
        elif plain and is_whole(a, b):
            return plainly(plain, a, b)
        else:
            both = type(a) is float and type(b) is float
            x, y = in_common(a, b) if scalars and not both else in_common(doubled(a), doubled(b))
        return Doubled(*in_blocks(of_parts, *x, *y))

    return apply
