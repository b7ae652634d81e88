"""A rule at fault: where its function was called, what is wrong with it, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgrad.errors import agreeing
from xgrad.programs import Graph
from xgrad.referee.slips import Endless, Slip

NAMED = 3  # rules in one line
SHOWN = 6  # steps of a chain in one line


@dataclass(frozen=True)
class Fault:
    """A rule that breaks the law, where its function was called, and what is wrong with it.

    `share` is that of the whole gap that comes from here; `chain` leads here from the output.
    """

    name: str
    module: str
    where: str
    digits: float
    share: float
    slips: tuple[Slip | Endless, ...] = ()
    cut: tuple[str, ...] = ()  # inputs that no gradient goes back to
    untold: str = ""  # why nobody can say which input's gradient it is
    chain: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`called by layers.3.norm at model.py:41`."""
        file, _, line = self.where.rpartition(":")
        said = f" by {self.module}" if self.module else ""
        said += f" at {Path(file).name}:{line}" if file else ""
        return f"called{said}" if said else ""

    def __str__(self) -> str:
        head = ", ".join(filter(None, (f"`{self.name}`", self.place)))
        return f"{head}: {self._said}"

    @property
    def path(self) -> str:
        """The names from the output down, the middle of many left out."""
        names = [function_of(each.partition(", ")[0]) for each in self.chain[:-1]]
        if len(names) > SHOWN:
            names = [*names[: SHOWN // 2], "…", *names[-SHOWN // 2 :]]
        return " ← ".join(["output", *names, self.name])

    @property
    def _said(self) -> str:
        if self.cut:
            return (
                f"no gradient goes back to its {', '.join(self.cut)} (detached, or under no_grad)"
            )
        if self.slips:
            return "; ".join(str(slip) for slip in self.slips)
        return agreeing(self.digits) + (f" ({self.untold})" if self.untold else "")


def blame_text(faults: Sequence[Fault]) -> str:
    """The rules at fault in one line: each function once, where most of the gap comes from."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.name, fault)
    said = []
    for fault in list(first.values())[:NAMED]:
        more = sum(f.name == fault.name for f in faults) - 1
        others = f", and {more} more of its calls" if more else ""
        said.append(f"{fault}{others}" + (f" [{fault.path}]" if fault.chain else ""))
    left = len(first) - NAMED
    return "; ".join(said + ([f"and {left} other rules"] if left > 0 else []))


def chain_to(graph: Graph, number: int) -> tuple[str, ...]:
    """The steps from the output down to one."""
    chain: list[str] = []
    at: int | None = number
    while at is not None:
        step = graph.steps[at]
        place = Fault(step.name, step.module, step.where, 0, 0).place
        chain.append(f"{step.name}, {place}" if place else step.name)
        at = step.before
    return tuple(reversed(chain))


def function_of(name: str) -> str:
    """The function of a rule: `Cube` of `Cube.backward`."""
    return name.removesuffix(".backward").partition(" (")[0]
