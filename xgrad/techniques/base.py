from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.errors import unknown
from xgrad.frameworks import Framework
from xgrad.problem import Case, Operator, Setting


@dataclass(frozen=True)
class Result:
    """What a technique computed: parts in the operator's layout, and differences' own bound.

    `native` holds the framework's arrays; techniques that finish on the host leave it empty and
    give `flat`, with `bound` the error that they admit, element by element.
    """

    native: Any = None
    flat: np.ndarray | Any = None
    bound: np.ndarray | None = None
    note: str = ""


Compute = Callable[[Setting], Result]


def _native(result: Any) -> Result:
    return Result(native=result)


@dataclass(frozen=True)
class Staged:
    """A computation in its three steps, so that a timer can see the second one alone.

    `put` places the inputs of a setting on the device, `run` computes from what it returns, and
    `finish` makes a result of that. Where a framework traces, `run` is `recorded`.
    """

    put: Callable[[Setting], tuple[Any, ...]]
    run: Callable[..., Any]
    finish: Callable[[Any], Result] = _native
    recorded: bool = True

    def __call__(self, at: Setting) -> Result:
        return self.finish(self.run(*self.put(at)))


class Technique(ABC):
    """A way to differentiate, of which a framework is asked what it needs."""

    name: str

    @abstractmethod
    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """The variants on a framework, by name, and whether each runs when none is asked for.

        The plain variant is named "". A case adds those of its own formulas.
        """

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """Whether the method makes sense for an operator, known without running anything."""
        return operator.order > 0

    def takes_step(self, variant: str) -> bool:
        """Whether a step may follow the variant, as in `central@1e-4`."""
        return False

    @abstractmethod
    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """A function that computes the operator; raises `Unsupported` where the technique does not.

        It takes the setting, or one that differs in its inputs' values only, so that what is
        compiled once serves many points. Runs inside `framework.scope(device)`.
        """


def parse_step(method: str, text: str) -> float:
    """The step in `…@1e-4`; raises `UsageError` where it is no positive number."""
    try:
        step = float(text)
    except ValueError:
        step = 0.0
    if not (0 < step < float("inf")):
        raise unknown(f"step in {method}; a step is a positive number; step", text, ("1e-4",))
    return step
