"""What can be wrong with running a program in balls."""

from __future__ import annotations

from xgrad.errors import Unsupported


class NoBallRule(Unsupported):
    """A program holds an operation that balls have no rule for; the message names it."""
