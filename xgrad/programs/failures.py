"""Why a program cannot be run in balls."""

from __future__ import annotations


class NoBallRule(NotImplementedError):
    """An operation that has neither a rule in balls nor a decomposition, by its name."""


class Escape(RuntimeError):
    """Numbers that left for arithmetic which nobody saw: what took them, and where."""
