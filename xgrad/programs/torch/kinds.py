"""The kinds of numbers in which a torch program can be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xgrad.programs.torch.arithmetic import RULES, Rule
from xgrad.programs.torch.boxes import TABLE, Table
from xgrad.programs.torch.doubled import PAIRS, RULES_OF_PAIRS, RoundingPairs
from xgrad.programs.torch.rounding import Rounding


@dataclass(frozen=True)
class Arithmetic:
    """A table of numbers, the rules of arithmetic with them, and how a dtype would round it."""

    table: Table
    rules: dict[str, Rule]
    rounding: Callable[[str, int], Any]  # of a dtype and a seed


BALLS = Arithmetic(TABLE, RULES, Rounding)
DOUBLED = Arithmetic(PAIRS, RULES_OF_PAIRS, RoundingPairs)
