"""Values behind a `detach` recorded at one point and replayed at others."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xgrad.programs.failures import Escape
from xgrad.programs.torch.boxes import decode, encode

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(__file__).parent)
_DISPATCH = (f"{_HERE}/mode", f"{_HERE}/watching", f"{_TORCH}/_dynamo", f"{_TORCH}/_compile")


@dataclass
class Frozen:
    """The values that the program itself detached, in order; torch's own detaching is not frozen.

    Inside `autograd.Function`s and under `no_grad`, nothing is differentiated anyway.
    """

    values: list[np.ndarray] = field(default_factory=list)
    replaying: bool = False
    _next: int = 0

    def start(self) -> None:
        """Begin a run."""
        self._next = 0
        if not self.replaying:
            self.values.clear()

    def detached(self, t: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """What the program gets for t detached."""
        if not self.replaying:
            self.values.append(decode(made))
            return made
        if self._next >= len(self.values) or self.values[self._next].shape != tuple(t.shape):
            raise Escape("the program detaches other values here than where they were recorded")
        self._next += 1
        return encode(self.values[self._next - 1])


def is_meant(t: Any) -> bool:
    """Whether the program itself asks for this `detach`, of something differentiated."""
    if not (torch.is_grad_enabled() and t.requires_grad):
        return False
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_DISPATCH):
        frame = frame.f_back
    return frame is not None and not frame.f_code.co_filename.startswith((_TORCH, _HERE))
