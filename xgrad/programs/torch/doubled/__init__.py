"""Torch programs in double-double: boxes that stand for pairs, rules of arithmetic, rounding."""

from xgrad.programs.torch.doubled.rounding import RoundingPairs
from xgrad.programs.torch.doubled.rules import RULES as RULES_OF_PAIRS
from xgrad.programs.torch.doubled.table import PAIRS
