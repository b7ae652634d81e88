"""What a run did: each step with its operands and results, and the line that asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jax.extend import source_info_util


@dataclass(frozen=True)
class Node:
    """One step. An array that one node returns is the very operand of those that read it."""

    step: Any
    operands: list[Any]
    results: list[Any]

    @property
    def operation(self) -> str:
        """The primitive's name."""
        return str(self.step.name)

    @property
    def where(self) -> str:
        """`file:line:column (function)` of the program's source."""
        return str(source_info_util.summarize(self.step.eqn.source_info))


@dataclass
class Tape:
    """The nodes of runs in order, those inside of calls and loops before the call itself."""

    nodes: list[Node] = field(default_factory=list)

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """Add a step, and leave it as it is."""
        self.nodes.append(Node(step, operands, made))
        return made
