"""What a function costs: `xp` on floats that counts what is asked of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from xgrad.numbers.arrays import Passing, bare
from xgrad.numbers.large import applied, has_few_terms, sum_of_few
from xgrad.numbers.lifting import Lifting
from xgrad.numbers.noisy import TERMS

# Of pairs on NumPy's arrays, beside an operation of balls: a call of any size, and an operation.
CALL, COST = 300, 0.2


def price_of_pairs(operations: int, calls: int = 1) -> int:
    """What so many operations in double-double cost, in operations of balls."""
    return int(CALL * calls + COST * operations)


class Counted(Lifting):
    """`xp` of a NumPy namespace with the calls made, the operations on numbers in them, and sizes.

    An operation is one of a result's elements, or one of the terms of a sum.
    """

    def __init__(self, base: Any):
        super().__init__(base)
        self.calls = 0
        self.operations = 0
        self.largest = 0  # elements of an array

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function, counted."""
        plain = [bare(a) for a in args]
        keywords = {k: bare(v) for k, v in keywords.items()}
        if name == "sum" and has_few_terms(*plain, **keywords):
            function = sum_of_few
        made = applied(function, *plain, **keywords)
        sizes = [math.prod(np.shape(a)) for a in _arrays(made)]
        terms = np.mean(TERMS[name](plain, keywords, made)) if name in TERMS else 1.0
        self.calls += 1
        self.operations += int(sum(sizes) * max(1.0, terms))
        self.largest = max(self.largest, *sizes, 0)
        return self.wrapped(made)

    def wrap(self, value: Any) -> Any:
        """Floats; other values pass."""
        floats = isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"
        return Passing(np.asarray(value), self) if floats else value


def _arrays(made: Any) -> Iterator[Any]:
    """The arrays of a result, in lists and tuples too."""
    if isinstance(made, (list, tuple)):
        for each in made:
            yield from _arrays(each)
    elif isinstance(made, (np.ndarray, np.generic)):
        yield made
