"""Values behind a `detach` or under `no_grad`, recorded at one point and replayed at others."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map

from xgrad.programs.failures import Escape
from xgrad.programs.torch.boxes import decode, encode, is_float

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(__file__).parent)
_DISPATCH = (f"{_HERE}/mode", f"{_HERE}/watching", f"{_HERE}/freezing", f"{_TORCH}/_dynamo",
             f"{_TORCH}/_compile", f"{_TORCH}/utils/_contextlib",
             f"{_TORCH}/utils/_device",
             f"{_TORCH}/autograd/grad_mode")  # fmt: skip
_AUTHORS = {  # functions of torch's that stop gradients as a program would
    f"{_TORCH}/nn/functional.py": "gumbel_softmax",
    f"{_TORCH}/nn/utils/parametrizations.py": "forward",  # spectral_norm
    f"{_TORCH}/nn/utils/spectral_norm.py": "compute_weight",
}


@dataclass
class Frozen:
    """The values that the program itself detached, in order; torch's own detaching is not frozen.

    Under the program's own `no_grad` every differentiated tensor that is read is frozen. Inside of
    `autograd.Function`s nothing is differentiated anyway.
    """

    values: list[np.ndarray] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  # `file:line` of each
    replaying: bool = False
    stopped: str = ""  # `file:line` of a `no_grad` of the program's own, while under it
    unread: str = ""  # what stops reverse mode and not forward mode, in torch's word
    _next: int = 0

    def start(self) -> None:
        """Begin a run."""
        self._next, self.stopped = 0, ""
        if not self.replaying:
            self.values.clear()
            self.places.clear()

    def switch(self, enabled: bool) -> None:
        """Note that gradients are switched on or off, where the program itself does."""
        if enabled:
            self.stopped = ""
        elif torch.is_grad_enabled():
            self.stopped = asker()

    @property
    def reads(self) -> bool:
        """Whether what is read now is held."""
        return bool(self.stopped) or torch.is_inference_mode_enabled()

    def read(self, args: Any, written: tuple[Any, ...]) -> Any:
        """Arguments with the differentiated tensors among them held."""
        if any(isinstance(t, torch.Tensor) and t.requires_grad for t in written):
            raise Escape("a differentiated tensor is written to under no_grad")

        def held(t: Any) -> Any:
            if not (isinstance(t, torch.Tensor) and t.requires_grad and is_float(t)):
                return t
            self.unread = "no_grad" if self.stopped else self.unread
            return self.detached(t, t, place)

        place = self.stopped or asker()
        return tree_map(held, args)

    def detached(self, t: torch.Tensor, made: torch.Tensor, place: str = "") -> torch.Tensor:
        """What the program gets for t detached."""
        if not self.replaying:
            self.values.append(decode(made))
            self.places.append(place or asker())
            return made
        if self._next >= len(self.values) or self.values[self._next].shape != tuple(t.shape):
            raise Escape("the program detaches other values here than where they were recorded")
        self._next += 1
        return encode(self.values[self._next - 1])

    def padded(
        self,
        made: torch.Tensor,
        weight: torch.Tensor,
        indices: torch.Tensor,
        padding: int = -1,
        *rest: Any,
    ) -> torch.Tensor:
        """An embedding, the rows of its padding held: their gradient is zero by convention."""
        rows = indices == padding
        if padding < 0 or not weight.requires_grad or not rows.any():
            return made
        self.unread = "padding_idx"
        made[rows] = self.detached(made[rows], made[rows], f"padding_idx={padding} of embedding")
        return made


def is_meant(t: Any) -> bool:
    """Whether the program itself asks for this `detach`, of something differentiated."""
    return bool(torch.is_grad_enabled() and t.requires_grad and asker())


def asker() -> str:
    """`file:line` of the program that asks for what runs now; empty where torch itself does."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_DISPATCH):
        frame = frame.f_back
    if frame is None:
        return ""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    if file.startswith((_TORCH, _HERE)) and name != _AUTHORS.get(file):
        return ""
    return f"{file}:{frame.f_lineno}"
