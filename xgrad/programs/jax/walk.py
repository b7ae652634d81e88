"""The walk over a jaxpr: its live equations in order, each by its rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint
from jax.extend.core import ClosedJaxpr, Literal

from xgrad.numbers import LEDGER
from xgrad.programs.constants import recognising
from xgrad.programs.jax.kinds import BALLS, Arithmetic
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.rules import Rule
from xgrad.programs.jax.terms import cost

Hook = Callable[["Step", list[Any], list[Any]], list[Any]]


@dataclass(slots=True)
class Step:
    """An equation that the wanted outputs need, with its rule and the places of its values."""

    eqn: Any
    kind: str
    rule: Rule
    reads: list[int]
    writes: list[int]
    wanted: tuple[bool, ...]  # which of its outputs are
    ends: list[int]  # values that no later step reads
    cost: int
    constant: bool
    found: dict[Any, Any] = field(default_factory=dict)  # positions, by the whole operands

    @property
    def name(self) -> str:
        """The primitive's name."""
        return str(self.eqn.primitive.name)

    @property
    def params(self) -> dict[str, Any]:
        """The primitive's parameters."""
        return self.eqn.params


class Plan:
    """The steps of a jaxpr, pruned to the outputs that are wanted."""

    def __init__(
        self, jaxpr: Any, wanted: Sequence[bool] | None = None, arithmetic: Arithmetic = BALLS
    ):
        self.arithmetic = arithmetic
        closed = isinstance(jaxpr, ClosedJaxpr)
        self.source = jaxpr  # kept, so that its id stays its own
        self.jaxpr = jaxpr.jaxpr if closed else jaxpr
        self._places: dict[Any, int] = {}
        self._given: list[tuple[int, Any]] = []  # constants
        for variable, value in zip(
            self.jaxpr.constvars, jaxpr.consts if closed else (), strict=True
        ):
            self._given.append((self._place(variable), value))
        self.inputs = [self._place(v) for v in self.jaxpr.invars]
        live = _live(self.jaxpr, wanted)
        known = {place for place, _ in self._given}
        self.steps = [self._step(eqn, used, known) for eqn, used in live]
        asked = wanted or [True] * len(self.jaxpr.outvars)
        self.outputs = [
            self._place(a) if used else None
            for a, used in zip(self.jaxpr.outvars, asked, strict=True)
        ]
        self._end()
        self.size = len(self._places)
        self._constants: dict[tuple[int, bool], list[tuple[int, Any]]] = {}

    def _place(self, atom: Any) -> int:
        if isinstance(atom, Literal):
            key: Any = id(atom)
            if key not in self._places:
                self._given.append((len(self._places), atom.val))
        else:
            key = atom
        return self._places.setdefault(key, len(self._places))

    def _step(self, eqn: Any, used: tuple[bool, ...], known: set[int]) -> Step:
        reads = [self._place(a) for a in eqn.invars]
        writes = [self._place(v) for v in eqn.outvars]
        kind, rule = self.arithmetic.rule_of(eqn)
        known.update(self._place(a) for a in eqn.invars if isinstance(a, Literal))
        constant = kind in ("native", "whole") and known.issuperset(reads)
        if constant:
            known.update(writes)
        return Step(eqn, kind, rule, reads, writes, used, [], cost(eqn), constant)

    def _end(self) -> None:
        """Note where each value is read last."""
        kept = {*self.inputs, *self.outputs, *(place for place, _ in self._given)}
        for step in reversed(self.steps):
            step.ends = [i for i in {*step.reads, *step.writes} if i not in kept]
            kept.update(step.ends)

    def constants(self) -> list[tuple[int, Any]]:
        """The numbers that the program holds, in its arithmetic."""
        asked = recognising()
        key = (flint.ctx.prec, True) if asked else (0, False)
        if key not in self._constants:
            self._constants[key] = [
                (place, self.arithmetic.put(value)) for place, value in self._given
            ]
        return self._constants[key]


def _live(jaxpr: Any, wanted: Sequence[bool] | None) -> list[tuple[Any, tuple[bool, ...]]]:
    """The equations that the wanted outputs need, each with which of its outputs."""
    asked = wanted or [True] * len(jaxpr.outvars)
    needed = {id(a) for a, used in zip(jaxpr.outvars, asked, strict=True) if used}
    found = []
    for eqn in reversed(jaxpr.eqns):
        used = tuple(id(v) in needed for v in eqn.outvars)
        if any(used):
            needed.update(id(a) for a in eqn.invars)
            found.append((eqn, used))
    return found[::-1]


class Walk:
    """One evaluation of a jaxpr, its plans shared with others.

    `frozen` gives the values behind `stop_gradient`, `rounding` those that floats would have; each
    hook sees every step with its operands and outputs, and returns the outputs to go on with.
    `path` are the steps whose own jaxprs are being run, the outermost first.
    """

    def __init__(
        self,
        plans: dict[Any, Plan],
        frozen: Callable[[Any], Any] | None = None,
        rounding: Rounding | None = None,
        hooks: Sequence[Hook] = (),
        arithmetic: Arithmetic = BALLS,
    ):
        self.plans, self.frozen, self.rounding = plans, frozen, rounding
        self.arithmetic = arithmetic
        self.stops = False  # whether a loop ended by the size of a number: at a tolerance
        self.elementary = 0  # operations of balls that were done, in whatever numbers
        self.hooks: tuple[Hook, ...] = tuple(hooks)
        self.path: list[Step] = []
        self._watching: tuple[Hook, ...] = self.hooks
        if rounding is not None:
            self._watching += (rounding,)

    def run(
        self, jaxpr: Any, values: Sequence[Any], wanted: Sequence[bool] | None = None
    ) -> list[Any]:
        """The wanted outputs of a jaxpr, None for others."""
        key = id(jaxpr), wanted
        if key not in self.plans:
            self.plans[key] = Plan(jaxpr, wanted, self.arithmetic)
        plan = self.plans[key]
        slots: list[Any] = [None] * plan.size
        for place, value in plan.constants():
            slots[place] = value if self.rounding is None else self.rounding.constant(value)
        for place, value in zip(plan.inputs, values, strict=True):
            slots[place] = value
        for step in plan.steps:
            made = self._made(step, [slots[i] for i in step.reads])
            for place, value in zip(step.writes, made, strict=True):
                slots[place] = value
            for place in step.ends:
                slots[place] = None
        return [None if place is None else slots[place] for place in plan.outputs]

    def thawed(self) -> Walk:
        """The same with nothing frozen: what is run more often beside the point than at it."""
        return Walk(self.plans, None, self.rounding, self.hooks, self.arithmetic)

    def _made(self, step: Step, operands: list[Any]) -> list[Any]:
        if step.constant:
            if None not in step.found:
                step.found[None] = step.rule(self, step, operands)
            return step.found[None]
        self.elementary += step.cost
        LEDGER.charge(self.arithmetic.price(step.cost))
        self.path.append(step)
        made = step.rule(self, step, operands)
        self.path.pop()
        for hook in self._watching:
            made = hook(step, operands, made)
        return made
