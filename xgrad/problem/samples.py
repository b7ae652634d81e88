"""Operations of a library as cases: each point is a sample call, with arguments of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import find_framework
from xgrad.problem.cases import Case, Known
from xgrad.problem.foreign import AtHand, take_at_hand
from xgrad.problem.trial import settle
from xgrad.problem.written import Written

SIZE = "small"


class Sample(NamedTuple):
    """A call: a function of the framework's arrays, and its arguments as `check` takes them.

    `written` is the same as text, of variables that are called as the inputs are. `structure`
    has the words of inputs that are no free matrices, as `check` takes them.
    """

    function: Callable[..., Any]
    inputs: Any
    written: Written | None = None
    structure: Mapping[str, str] | None = None


@dataclass(eq=False, repr=False)
class Operation(Case):
    """A case whose points are sample calls by name, drawn when they are first needed."""

    draw_samples: Callable[[], dict[str, Sample]] = dict
    names: tuple[str, ...] = ()  # of the points, where they are known without drawing
    dtypes: tuple[str, ...] = ()  # that the library offers it in; none: whatever is asked
    made: dict[Callable[..., Any], Case] = field(default_factory=dict, init=False)

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
        return [(SIZE, name) for name in self.names or self.samples] if SIZE in sizes else []

    def takes(self, dtype: str) -> bool:
        """Whether the library offers the operation in a dtype."""
        return not self.dtypes or dtype in self.dtypes

    def at(self, point: str) -> Case:
        """The case of one sample; raises `UsageError` where it has nothing to differentiate.

        Samples of one function share a case, and what is traced and compiled for it.
        """
        if point not in self.samples:
            raise unknown(f"sample of {self.name}", point, self.samples)
        sample = self.samples[point]
        known = self.made.get(sample.function)
        if known is None or point not in known.points:
            own = find_framework(self.framework)
            taken = take_at_hand(sample.function, sample.inputs, own, (), None, sample.structure)
            known = known or self._settled(sample, *taken)
            known.points[point] = taken[0].points["given"]
            self.made[sample.function] = known
        return known

    def _settled(self, sample: Sample, made: Case, functions: list[AtHand]) -> Case:
        settle(made, functions, functions[0].device, functions[0].dtype(made.wrt))
        made.name, made.path, made.source = self.name, self.path, self.source
        made.operators, made.knowns = self.operators, self.knowns
        made.written = sample.written if functions[0].seed is None else None  # no draws elsewhere
        return made


def make_operation(
    name: str,
    framework: str,
    path: Path,
    draw_samples: Callable[[], dict[str, Sample]],
    limits: Iterable[Known] = (),
    names: Iterable[str] = (),
    dtypes: Iterable[str] = (),
) -> Operation:
    """An operation of a framework that a case file lists; `draw_samples` makes its points.

    `limits` are differences that the framework documents, or declines to judge itself; `names`
    are those of the points, where they are known without drawing them; `dtypes` those in which
    the library offers it, where not in all.
    """
    return Operation(
        function=_elsewhere, name=name, wrt=(), sizes={SIZE: {}}, operators=None, methods=(),
        source="", path=path, framework=framework, draw_samples=draw_samples, knowns=[*limits],
        names=tuple(names), dtypes=tuple(dtypes),
    )  # fmt: skip


def _elsewhere(xp: Any, /, **inputs: Any) -> Any:
    raise UsageError("an operation is called at one of its samples")
