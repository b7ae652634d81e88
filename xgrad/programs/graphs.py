"""A run's backward graph, for whoever asks which of its rules is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Edge = tuple[int, int]  # a step, or an input of the whole, by number, and which of its results
Array = np.ndarray | None  # None is zero


@dataclass
class Step:
    """One rule of the backward program: an operation's, or a custom function's.

    `received` are the cotangents of its results and `sent` those that it made for its inputs;
    `cut` are values that it takes and that no gradient goes back to. `key` finds it in other runs.
    """

    name: str
    key: int
    where: str = ""
    module: str = ""
    inputs: tuple[Edge | None, ...] = ()
    labels: tuple[str, ...] = ()
    received: tuple[Array, ...] = ()
    sent: tuple[Array, ...] = ()
    cut: tuple[tuple[str, np.ndarray], ...] = ()
    before: int | None = None  # the step through which the output reaches it

    @property
    def ran(self) -> bool:
        """Whether the backward came here."""
        return bool(self.received)


@dataclass
class Graph:
    """The steps of one run by number, with the values on its edges.

    `given` are cotangents that came from outside, and `taken` the gradients that were returned.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    values: dict[Edge, np.ndarray] = field(default_factory=dict)
    given: dict[Edge, list[np.ndarray]] = field(default_factory=dict)
    taken: dict[Edge, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Replay:
    """A step's own function, to be called again while its run stands still."""

    inputs: list[np.ndarray]  # those that have a gradient, in the order of the labels
    compute: Callable[[list[np.ndarray]], list[np.ndarray]]


def ordinal(k: int) -> str:
    """`second input`."""
    return f"{_ORDINALS[k]} input" if k < len(_ORDINALS) else f"input {k + 1}"


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

Look = Callable[[Replay], None]
