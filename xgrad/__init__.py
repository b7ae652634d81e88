"""xgrad cross-validates derivatives."""

from xgrad.discovery import load_cases
from xgrad.problem import Case, case

__all__ = ["Case", "case", "load_cases"]
