"""Operations of a library as cases: each point is a sample call, with arguments of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import find_framework
from xgrad.problem.cases import Case, Known
from xgrad.problem.foreign import take_at_hand
from xgrad.problem.trial import settle

SIZE = "small"


class Sample(NamedTuple):
    """A call: a function of the framework's arrays, and its arguments as `check` takes them."""

    function: Callable[..., Any]
    inputs: Any


@dataclass(eq=False, repr=False)
class Operation(Case):
    """A case whose points are sample calls by name, drawn when they are first needed."""

    draw_samples: Callable[[], dict[str, Sample]] = dict
    made: dict[str, Case] = field(default_factory=dict, init=False)

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """The calls by the names of their points."""
        return self.draw_samples()

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def places(self, sizes: Iterable[str]) -> list[tuple[str, str]]:
        """A point for each sample."""
        return [(SIZE, name) for name in self.samples] if SIZE in sizes else []

    def at(self, point: str) -> Case:
        """The case of one sample; raises `UsageError` where it has nothing to differentiate."""
        if point not in self.samples:
            raise unknown(f"sample of {self.name}", point, self.samples)
        if point not in self.made:
            self.made[point] = self._case_of(self.samples[point], point)
        return self.made[point]

    def _case_of(self, sample: Sample, point: str) -> Case:
        own = find_framework(self.framework)
        made, functions = take_at_hand(*sample, own, ())
        settle(made, functions, functions[0].device, functions[0].dtype(made.wrt))
        made.points[point] = made.points["given"]
        made.name, made.path, made.source = self.name, self.path, self.source
        made.operators, made.knowns = self.operators, self.knowns
        return made


def make_operation(
    name: str,
    framework: str,
    path: Path,
    draw_samples: Callable[[], dict[str, Sample]],
    limits: Iterable[Known] = (),
) -> Operation:
    """An operation of a framework that a case file lists; `draw_samples` makes its points.

    `limits` are differences that the framework documents, or declines to judge itself.
    """
    return Operation(
        function=_elsewhere, name=name, wrt=(), sizes={SIZE: {}}, operators=None, methods=(),
        source="", path=path, framework=framework, draw_samples=draw_samples, knowns=[*limits],
    )  # fmt: skip


def _elsewhere(xp: Any, /, **inputs: Any) -> Any:
    raise UsageError("an operation is called at one of its samples")
