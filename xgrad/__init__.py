"""xgrad cross-validates derivatives against a referee that is right to forty digits."""

from xgrad.checking import assert_agreement, check
from xgrad.errors import CaseError, UsageError
from xgrad.problem import Case, case, load_cases
from xgrad.referee import Budget
from xgrad.running import run

__all__ = [
    "Budget",
    "Case",
    "CaseError",
    "UsageError",
    "assert_agreement",
    "case",
    "check",
    "load_cases",
    "run",
]
