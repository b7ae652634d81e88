"""The walk over a jaxpr: its live equations in order, each by its rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint
from jax.extend.core import ClosedJaxpr, Literal

from xgrad.numbers import LEDGER
from xgrad.programs.constants import recognising
from xgrad.programs.jax.control import call, called_by
from xgrad.programs.jax.kinds import BALLS, Arithmetic
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.rules import Rule
from xgrad.programs.jax.terms import cost

Hook = Callable[["Step", list[Any], list[Any]], list[Any]]
Places = dict[Any, int]  # by variable, and by the id of a literal


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
    """The steps of a jaxpr, pruned to the outputs that are wanted.

    With `flat` those of the jaxprs that it calls are among them: a call costs as much as ten steps.
    """

    def __init__(
        self,
        jaxpr: Any,
        wanted: Sequence[bool] | None = None,
        arithmetic: Arithmetic = BALLS,
        *,
        flat: bool = False,
    ):
        self.arithmetic, self._flat = arithmetic, flat
        self.source = jaxpr  # kept, so that its id stays its own
        self.size = 0
        self.steps: list[Step] = []
        self._given: list[tuple[int, Any]] = []  # constants
        self._known: set[int] = set()
        inner, places = self._opened(jaxpr, {})
        self.inputs = [self._place(v, places) for v in inner.invars]
        asked = wanted or [True] * len(inner.outvars)
        self._add(inner, asked, places)
        self.outputs = [
            self._place(a, places) if used else None
            for a, used in zip(inner.outvars, asked, strict=True)
        ]
        self._end()
        costs = [step.cost for step in self.steps if not step.constant]
        prices = [0, *map(arithmetic.price, costs)]
        self.cost, self.most, self.rest = sum(costs), max(prices), sum(prices) - max(prices)
        self._constants: dict[tuple[int, bool], list[tuple[int, Any]]] = {}

    def _opened(self, jaxpr: Any, places: Places) -> tuple[Any, Places]:
        """A jaxpr whose constants have their places."""
        closed = isinstance(jaxpr, ClosedJaxpr)
        inner = jaxpr.jaxpr if closed else jaxpr
        for variable, value in zip(inner.constvars, jaxpr.consts if closed else (), strict=True):
            self._give(self._place(variable, places), value)
        return inner, places

    def _give(self, place: int, value: Any) -> None:
        self._given.append((place, value))
        self._known.add(place)

    def _place(self, atom: Any, places: Places) -> int:
        literal = isinstance(atom, Literal)
        key = id(atom) if literal else atom
        if key not in places:
            places[key] = self.size
            self.size += 1
            if literal:
                self._give(places[key], atom.val)
        return places[key]

    def _add(self, jaxpr: Any, wanted: Sequence[bool], places: Places) -> None:
        """The live steps of a jaxpr, and of those that it calls."""
        for eqn, used in _live(jaxpr, wanted):
            kind, rule = self.arithmetic.rule_of(eqn)
            called = called_by(eqn) if self._flat and rule is call else None
            if called is None:
                self._step(eqn, used, kind, rule, places)
                continue
            given = [self._place(a, places) for a in eqn.invars]
            variables = getattr(called, "jaxpr", called).invars
            inner, own = self._opened(called, dict(zip(variables, given, strict=True)))
            self._add(inner, used, own)
            for variable, atom, is_used in zip(eqn.outvars, inner.outvars, used, strict=True):
                if is_used:
                    places[variable] = self._place(atom, own)

    def _step(
        self, eqn: Any, used: tuple[bool, ...], kind: str, rule: Rule, places: Places
    ) -> None:
        reads = [self._place(a, places) for a in eqn.invars]
        writes = [self._place(v, places) for v in eqn.outvars]
        constant = kind in ("native", "whole") and self._known.issuperset(reads)
        if constant:
            self._known.update(writes)
        self.steps.append(Step(eqn, kind, rule, reads, writes, used, [], cost(eqn), constant))

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


def _live(jaxpr: Any, wanted: Sequence[bool]) -> list[tuple[Any, tuple[bool, ...]]]:
    """The equations that the wanted outputs need, each with which of its outputs."""
    needed = {id(a) for a, used in zip(jaxpr.outvars, wanted, strict=True) if used}
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
        flat = not self._watching  # who watches sees calls as such
        key = id(jaxpr), wanted, flat
        if key not in self.plans:
            self.plans[key] = Plan(jaxpr, wanted, self.arithmetic, flat=flat)
        plan = self.plans[key]
        slots: list[Any] = [None] * plan.size
        for place, value in plan.constants():
            slots[place] = value if self.rounding is None else self.rounding.constant(value)
        for place, value in zip(plan.inputs, values, strict=True):
            slots[place] = value
        self._charge(plan)
        for step in plan.steps:
            operands = [slots[i] for i in step.reads]
            if step.constant:
                made = self._constant(step, operands)
            elif self._watching:
                made = self._seen(step, operands)
            else:
                made = step.rule(self, step, operands)
            for place, value in zip(step.writes, made, strict=True):
                slots[place] = value
            for place in step.ends:
                slots[place] = None
        return [None if place is None else slots[place] for place in plan.outputs]

    def _charge(self, plan: Plan) -> None:
        """Count the operations of a plan at once, and its largest array."""
        self.elementary += plan.cost
        LEDGER.charge(plan.most)
        LEDGER.spend(plan.rest)

    def thawed(self) -> Walk:
        """The same with nothing frozen: what is run more often beside the point than at it."""
        return Walk(self.plans, None, self.rounding, self.hooks, self.arithmetic)

    def _constant(self, step: Step, operands: list[Any]) -> list[Any]:
        """What rests on no input, made once."""
        if None not in step.found:
            step.found[None] = step.rule(self, step, operands)
        made: list[Any] = step.found[None]
        return made

    def _seen(self, step: Step, operands: list[Any]) -> list[Any]:
        """What a step makes, and each hook of it."""
        self.path.append(step)
        made = step.rule(self, step, operands)
        self.path.pop()
        for hook in self._watching:
            made = hook(step, operands, made)
        return made
