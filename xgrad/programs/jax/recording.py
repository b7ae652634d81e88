"""What each step of a program computed, and the line of the user's source that asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax.extend import source_info_util


@dataclass(frozen=True)
class Record:
    """One step: its operands and outputs, in the order in which they were computed."""

    step: Any
    operands: list[Any]
    outputs: list[Any]

    @property
    def primitive(self) -> str:
        """The primitive's name."""
        return str(self.step.name)

    @property
    def line(self) -> str:
        """`file:line (function)` of the source that asked for it."""
        return str(source_info_util.summarize(self.step.eqn.source_info))


class Recording(list[Record]):
    """A hook that keeps the records of a run."""

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """Note a step, and leave it as it is."""
        self.append(Record(step, operands, made))
        return made
