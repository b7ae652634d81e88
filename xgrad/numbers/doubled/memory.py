"""Memory of large arrays that nobody needs any more, for the next of their size.

The system hands out pages full of zeros, and writing these takes as long as a sum of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

LEAST = 2**17  # floats, a megabyte: less is not given back to the system at once
MOST = 12  # arrays that wait

_waiting: ContextVar[list[np.ndarray] | None] = ContextVar("waiting", default=None)


@contextmanager
def reused_memory() -> Iterator[None]:
    """Keep memory for the next array of a size, until the end."""
    token = _waiting.set([])
    try:
        yield
    finally:
        _waiting.reset(token)


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """An array of float64 with anything in it."""
    waiting = _waiting.get()
    if waiting is None or np.prod(shape) < LEAST:
        return np.empty(shape)
    at = next((k for k, memory in enumerate(waiting) if memory.shape == shape), None)
    return np.asarray(_Lent(np.empty(shape) if at is None else waiting.pop(at), waiting))


class _Lent:
    """What an array has its memory from: gone with the last array that looks into it."""

    def __init__(self, memory: np.ndarray, waiting: list[np.ndarray]):
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._waiting = memory, waiting

    def __del__(self) -> None:
        self._waiting.append(self._memory)
        del self._waiting[:-MOST]
