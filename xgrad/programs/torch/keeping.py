"""What a run must leave as it was: every tensor that it did not make; and room for numbers."""

from __future__ import annotations

from typing import Any

import torch

from xgrad.programs.failures import Escape
from xgrad.programs.torch.boxes import is_boxed, is_float

HALF = {
    torch.float32: torch.float64,
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.complex64: torch.complex128,
    torch.complex32: torch.complex128,
}


class Journal:
    """The bytes of every storage before its first write."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Any, Any]] = {}

    def keep(self, target: Any) -> None:
        """Remember a tensor, or a list of them, that is about to be written to."""
        if isinstance(target, (list, tuple)):
            for each in target:
                self.keep(each)
        elif isinstance(target, torch.Tensor) and target.layout == torch.strided:
            storage = target.untyped_storage()
            if storage.nbytes() and storage.data_ptr() not in self._before:
                self._before[storage.data_ptr()] = storage, storage.clone()

    def restore(self) -> None:
        """Write back what was."""
        for storage, before in self._before.values():
            if storage.nbytes() == before.nbytes():
                storage.copy_(before)
        self._before.clear()


class NoRoom(Escape):
    """Boxes would be written to a tensor too narrow for them."""


def require_room(target: Any, given: Any) -> None:
    """Raise `NoRoom` where boxes would be written to a tensor too narrow for them."""
    narrow = isinstance(target, torch.Tensor) and target.dtype in HALF
    if narrow and is_float(given) and is_boxed(given):
        raise NoRoom(f"balls written to a tensor of {target.dtype}: make it float64 before")


def floats_in(values: Any) -> set[bool]:
    """Of the tensors of floats, also in lists, whether they are narrow: both, one or none."""
    found = set()
    for value in values:
        if isinstance(value, torch.Tensor):
            if value.dtype in HALF:
                found.add(True)
            elif value.dtype in _WIDE:
                found.add(False)
        elif isinstance(value, (list, tuple)):
            found |= floats_in(value)
    return found


_WIDE = {*HALF.values()}
