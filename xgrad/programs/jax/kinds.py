"""The kinds of numbers in which a jaxpr can be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xgrad.numbers import ball, price_of_pairs
from xgrad.programs.jax import doubled, rules, values
from xgrad.programs.jax.rounding import Rounding


@dataclass(frozen=True)
class Arithmetic:
    """The rule of each equation, numbers of floats, prices, and how a dtype would round them."""

    rule_of: Callable[[Any], tuple[str, rules.Rule]]
    lift: Callable[[Any], Any]  # arrays of floats
    put: Callable[[Any], Any]  # what a program holds
    price: Callable[[int], int]  # of so many operations of balls
    rounding: Callable[[str, int], Rounding]  # of a dtype and a seed


BALLS = Arithmetic(rules.rule_of, lambda a: ball(a).data, values.put, lambda n: n, Rounding)
PAIRS = Arithmetic(
    doubled.rule_of, doubled.lift, doubled.put, price_of_pairs, doubled.RoundingPairs
)
