"""What a run did: each operation with its arguments and results, its line and its module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as modules
from torch.utils._pytree import tree_leaves

from xgrad.programs.torch.boxes import TABLE, is_float, numbers_of
from xgrad.programs.torch.watching import where


@dataclass(frozen=True)
class Node:
    """One operation. Its arguments and results name balls by number, 0 for an ordinary float.

    Movement keeps numbers, so that a result is known wherever it turns up as an argument.
    """

    operation: str
    arguments: tuple[np.ndarray, ...]
    results: tuple[np.ndarray, ...]
    where: str
    module: str
    values: tuple[np.ndarray, ...]


@dataclass
class Inside:
    """Which module is called, by its name in the outermost one where `names` has none."""

    names: Mapping[torch.nn.Module, str] = field(default_factory=dict)
    _stack: list[str] = field(default_factory=list)
    _outer: dict[torch.nn.Module, str] = field(default_factory=dict)

    @property
    def now(self) -> str:
        """The innermost module that is called now; empty outside of all."""
        return self._stack[-1] if self._stack else ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Know which module is called inside."""

        def enter(module: torch.nn.Module, args: Any) -> None:
            if not self._stack:
                self._outer = {m: name for name, m in module.named_modules() if name}
            name = self.names.get(module) or self._outer.get(module) or type(module).__name__
            self._stack.append(name)

        def leave(module: torch.nn.Module, args: Any, out: Any) -> None:
            self._stack.pop()

        hooks = (
            modules.register_module_forward_pre_hook(enter),
            modules.register_module_forward_hook(leave, always_call=True),
        )
        try:
            yield
        finally:
            self._stack.clear()
            for hook in hooks:
                hook.remove()


@dataclass
class Tape:
    """The nodes of a run in order; `names` says what modules are called."""

    names: Mapping[torch.nn.Module, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    inside: Inside = field(init=False)

    def __post_init__(self) -> None:
        self.inside = Inside(self.names)

    def note(self, operation: str, given: Any, made: Any) -> None:
        """Add an operation."""
        results = tuple(numbers_of(t) for t in tree_leaves(made) if is_float(t))
        self.nodes.append(
            Node(
                operation,
                tuple(numbers_of(t) for t in tree_leaves(given) if is_float(t)),
                results,
                where(),
                self.inside.now,
                tuple(_balls(r) for r in results),
            )
        )


def _balls(numbers: np.ndarray) -> np.ndarray:
    """The balls of numbers, and None for an ordinary float."""
    balls = np.full(numbers.shape, None, dtype=object)
    balls[numbers > 0] = TABLE.find(numbers[numbers > 0])
    return balls
