"""Operations of a library as cases: each point is a sample call, with arguments of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import find_framework
from xgrad.problem.cases import Case
from xgrad.problem.foreign import take_at_hand
from xgrad.problem.trial import settle
from xgrad.problem.written import Written

SIZE = "small"


class Sample(NamedTuple):
    """A call: a function of the framework's arrays, and its arguments as `check` takes them.

    `written` is the same as text, of variables that are called as the inputs are.
    """

    function: Callable[..., Any]
    inputs: Any
    written: Written | None = None


@dataclass(eq=False, repr=False)
class Operation(Case):
    """A case whose points are sample calls by name, drawn when they are first needed."""

    draw_samples: Callable[[], dict[str, Sample]] = dict
    made: dict[str, Case] = field(default_factory=dict, init=False)

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """The calls by the names of their points."""
        return self.draw_samples()

    @property
    def mathematics(self) -> str:
        """Nothing: the library documents it."""
        return ""

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
        made, functions = take_at_hand(sample.function, sample.inputs, own, ())
        settle(made, functions, functions[0].device, functions[0].dtype(made.wrt))
        made.points[point] = made.points["given"]
        made.name, made.path, made.source = self.name, self.path, self.source
        made.operators, made.knowns = self.operators, self.knowns
        made.written = sample.written if functions[0].seed is None else None  # no draws elsewhere
        return made


def make_operation(
    name: str, framework: str, path: Any, draw_samples: Callable[[], dict[str, Sample]]
) -> Operation:
    """An operation of a framework that a case file lists; `draw_samples` makes its points."""
    if not callable(draw_samples):
        raise UsageError(f"operation {name}: draw_samples is a function that returns samples")
    return Operation(
        function=_elsewhere, name=name, wrt=(), sizes={SIZE: {}}, operators=None, methods=(),
        source="", path=path, framework=framework, draw_samples=draw_samples,
    )  # fmt: skip


def _elsewhere(xp: Any, /, **inputs: Any) -> Any:
    raise UsageError("an operation is called at one of its samples")
