"""Programs of torch and JAX as they are, run in balls; either is loaded at first use."""

from importlib import import_module
from typing import Any

from xgrad.programs.constants import exactly, recognised_constants, recognising
from xgrad.programs.failures import Escape, NoBallRule, refuses
from xgrad.programs.graphs import Edge, Graph, Replay, Step
from xgrad.programs.kinds import PROGRAMS, find_program

_AT_FIRST_USE = {
    "TorchProgram": ("torch.program", "TorchProgram"),
    "Run": ("torch.program", "Run"),
    "Tape": ("torch.recording", "Tape"),
    "Rounding": ("torch.rounding", "Rounding"),
    "JaxProgram": ("jax.program", "JaxProgram"),
}


def __getattr__(name: str) -> Any:
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, inside = _AT_FIRST_USE[name]
    return getattr(import_module(f"{__name__}.{module}"), inside)
