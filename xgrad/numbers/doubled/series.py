"""Polynomials in a small pair: the last terms in floats, the first in pairs."""

from __future__ import annotations

from collections.abc import Sequence

from xgrad.numbers.doubled.exact import Array, Pair, fast_two_sum, split
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import lean_add, multiply

Coefficient = tuple[Array, Array]


def polynomial(x: Pair, coefficients: Sequence[Coefficient], in_pairs: int) -> Pair:
    """Σ cₙ xⁿ where each term is less than half of the one before: the first so many in pairs.

    The terms from there on must be below 2**-53 of the sum.
    """
    tail = coefficients[-1][0]
    for high, _ in reversed(coefficients[in_pairs:-1]):
        tail = tail * x[0] + high
    return horner(x, tail, coefficients[:in_pairs])


def horner(x: Pair, tail: Array, coefficients: Sequence[Coefficient]) -> Pair:
    """Σ cₙ xⁿ, a tail in floats behind the last."""
    *others, (high, low) = coefficients
    tail = tail * x[0]
    total, rest = fast_two_sum(high, library(tail).kept(tail))
    rest += low
    made, halves = (total, rest), split(x[0])
    for each in reversed(others):
        made = lean_add(each, multiply(x, made, halves))
    return made
