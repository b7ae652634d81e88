"""What a rule of arithmetic is: a function of balls, and how floats round what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FEW = 256  # elements whose terms are not worth counting

EXACT = "exact"  # steps and signs: floats hold the results
RELATIVE = "relative"  # in the scale of each result, with the root of the number of terms
SUM = "sum"  # in the scale of the sum of the sizes of terms: multilinear in the balls
ROUTINE = "routine"  # backward-stable: exact for arguments that are slightly different


@dataclass(frozen=True)
class Rule:
    """`function` of object arrays where torch has tensors of floats, NumPy arrays for others.

    `terms` tells, from the same arguments and the result, how many terms each result has. With
    `numbers`, Python's numbers become balls too. A routine's errors are `units` times those of one
    rounding of its arguments.
    """

    function: Callable[..., Any]
    rounding: str
    terms: Callable[..., float] = lambda *arguments, **named: 1.0
    numbers: bool = False
    units: float = 1.0

    @property
    def iterates(self) -> bool:
        """Whether its matrices are off in the scale of their largest element."""
        return self.units > 1

    def cost(self, made: Any, args: list[Any], named: dict[str, Any]) -> int:
        """Elementary operations that a result took, roughly: its terms."""
        if isinstance(made, (tuple, list)):
            return sum(self.cost(each, args, named) for each in made)
        size = results_in(made)
        return int(size * self.terms(*args, made, **named)) if size > FEW else size


def results_in(made: Any) -> int:
    """How many numbers a rule returned."""
    if isinstance(made, (tuple, list)):
        return sum(map(results_in, made))
    return math.prod(getattr(made, "shape", ()))


def each(**functions: Callable[..., Any]) -> dict[str, Rule]:
    """Rules for every element for itself, of balls broadcast against each other."""
    return {name: Rule(f, RELATIVE, numbers=True) for name, f in functions.items()}


def exact(**functions: Callable[..., Any]) -> dict[str, Rule]:
    """The same for functions whose results floats hold."""
    return {name: Rule(f, EXACT, numbers=True) for name, f in functions.items()}


def relative(terms: Callable[..., float], **functions: Callable[..., Any]) -> dict[str, Rule]:
    """Rules that round in the scale of each result, products and norms."""
    return {name: Rule(f, RELATIVE, terms) for name, f in functions.items()}


def routine(units: float = 1.0, **functions: Callable[..., Any]) -> dict[str, Rule]:
    """Rules for what is backward-stable."""
    return {name: Rule(f, ROUTINE, units=units) for name, f in functions.items()}


def sums(terms: Callable[..., float], **functions: Callable[..., Any]) -> dict[str, Rule]:
    """Rules for sums that have this number of terms."""
    return {name: Rule(f, SUM, terms) for name, f in functions.items()}


def spread(x: Any, *rest: Any, **named: Any) -> float:
    """The terms of a reduction: elements of the first argument for each of the result."""
    return max(1.0, x.size / max(1, rest[-1].size))


def inner(a: Any, *rest: Any, **named: Any) -> float:
    """The terms of a matrix product."""
    return float(max(1, a.shape[-1]))
