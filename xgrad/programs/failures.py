"""Why a program cannot be run in balls."""

from __future__ import annotations


class NoBallRule(NotImplementedError):
    """An operation that has neither a rule in balls nor a decomposition, by its name."""


class Escape(RuntimeError):
    """Numbers that left for arithmetic which nobody saw: what took them, and where."""


def refuses(error: Exception) -> bool:
    """Whether an operation says that it has no rule here: its framework's own errors do."""
    own = type(error).__module__.partition(".")[0] in ("jax", "torch")
    return own or isinstance(error, (NotImplementedError, TypeError, ValueError))
