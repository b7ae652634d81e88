"""Which frameworks' functions can be run in balls, and how one is."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

_KINDS = {"torch": "TorchProgram", "jax": "JaxProgram"}  # loaded at first use
PROGRAMS = tuple(_KINDS)  # frameworks that have one


def find_program(framework: str, function: Callable[..., Any]) -> Any:
    """The program of a function of differentiated arrays; None where the framework has none."""
    if framework not in _KINDS:
        return None
    module = import_module(f"xgrad.programs.{framework}.program")
    return getattr(module, _KINDS[framework])(function)
