"""The equations of a jaxpr with a rule of their own, each as a program at the operands it had."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import source_info_util
from jax.extend.core import ClosedJaxpr, Jaxpr

from xgrad.programs.graphs import ordinal

CUSTOM = {"custom_jvp_call": "custom_jvp", "custom_vjp_call": "custom_vjp"}
STOPPED = "stop_gradient"
# Of what runs other equations those whose derivative is one whole, whatever is inside.
WHOLE = frozenset({*CUSTOM, "custom_linear_solve", STOPPED})
RULED = ("arithmetic", "movement", "order")  # kinds of steps that JAX has a rule for, each


@dataclass(frozen=True)
class Part:
    """An equation where it was evaluated: its function, and those operands that are floats.

    `turn` counts how often it had come before; operands that are one variable share a number in
    `variables`. `where` is `file:line` of what called it, `module` the names around it.
    """

    eqn: Any
    turn: int
    x: list[np.ndarray]
    labels: tuple[str, ...]
    function: Callable[..., Any]
    variables: tuple[int, ...]
    results: list[tuple[tuple[int, ...], bool]]  # shapes of those that are floats; whether used
    where: str
    module: str
    alone: bool  # whether its floats are all that its function depends on

    @property
    def kind(self) -> str:
        """`custom` where somebody wrote its derivative, `stopped` where it stops gradients."""
        name = self.eqn.primitive.name
        return "custom" if name in CUSTOM else "stopped" if name == STOPPED else "primitive"

    @property
    def name(self) -> str:
        """`norm.custom_vjp`, or the primitive."""
        if self.kind != "custom":
            return str(self.eqn.primitive.name)
        inner = self.eqn.params["call_jaxpr"].jaxpr.debug_info.func_name
        return f"{inner}.{CUSTOM[self.eqn.primitive.name]}"


@dataclass
class Listener:
    """A hook that gathers the parts of a run; `path` are the steps that the walk is inside of."""

    path: list[Any] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    _turns: dict[int, int] = field(default_factory=dict)

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """Note a part, and leave it as it is: inside of a whole one, none counts."""
        turn = self._turns.get(id(step.eqn), 0)
        self._turns[id(step.eqn)] = turn + 1
        ruled = step.kind in RULED or step.name in WHOLE
        moves = any(map(_is_float, operands)) and any(map(_of_floats, step.eqn.outvars))
        if ruled and moves and not any(outer.name in WHOLE for outer in self.path):
            self.parts.append(_part(step.eqn, self.path, turn, operands, made))
        return made


@dataclass
class Shift:
    """A hook that adds to the results of one part."""

    part: Part
    by: Sequence[np.ndarray]
    turn: int = 0

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """The results to go on with."""
        if step.eqn is not self.part.eqn:
            return made
        self.turn += 1
        if self.turn - 1 != self.part.turn:
            return made
        left = iter(self.by)
        moved = [next(left) if _of_floats(v) else None for v in step.eqn.outvars]
        return [
            y if by is None or y is None else np.asarray(y + by, dtype=object)
            for y, by in zip(made, moved, strict=True)
        ]


def place(source: Any) -> str:
    """`file:line` of the program's source; empty where JAX knows none outside of itself and us."""
    said = str(source_info_util.summarize(source)) if source is not None else ""
    found = re.match(r"(.+?:\d+)", said)
    return found[1] if found and not said.startswith(_OURS) else ""


_OURS = str(Path(__file__).parents[2])  # where a function is called that is asked for by itself


def find_narrowing(jaxpr: Any, around: str = "") -> str:
    """The first equation that makes a shorter float of float64: `float32 at file:line`."""
    for eqn in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        where = place(eqn.source_info) or around
        kinds = [v.aval.dtype for v in eqn.outvars if _of_floats(v)]
        if any(a.aval.dtype == np.float64 for a in eqn.invars) and kinds:
            least = min(kinds, key=lambda kind: kind.itemsize)
            if least.itemsize < 8:
                return f"{least.name} at {where}" if where else least.name
        for inner in _inside(eqn.params.values()):
            if found := find_narrowing(inner, where):
                return found
    return ""


def _inside(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (ClosedJaxpr, Jaxpr)):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _inside(value)


def _names(source: Any) -> list[str]:
    """`jax.named_scope`s, and what Flax and Equinox call their modules; not the transforms."""
    return re.findall(r"[^/()]+(?=[/)]|$)", str(source.name_stack))


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _of_floats(variable: Any) -> bool:
    return bool(jnp.issubdtype(variable.aval.dtype, jnp.inexact))


def _part(eqn: Any, path: list[Any], turn: int, operands: list[Any], made: list[Any]) -> Part:
    places = [k for k, a in enumerate(operands) if _is_float(a)]
    sources = [*(outer.eqn.source_info for outer in path), eqn.source_info]

    def function(*floats: Any) -> Any:
        given = list(operands)
        for k, a in zip(places, floats, strict=True):
            given[k] = jnp.asarray(a, dtype=eqn.invars[k].aval.dtype)
        bound = eqn.primitive.get_bind_params(eqn.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        return eqn.primitive.bind(*functions, *given, **params)

    results = [
        (tuple(v.aval.shape), y is not None)
        for v, y in zip(eqn.outvars, made, strict=True)
        if _of_floats(v)
    ]
    return Part(
        eqn=eqn,
        turn=turn,
        x=[operands[k] for k in places],
        labels=tuple(map(ordinal, places)),
        function=function,
        variables=tuple(id(eqn.invars[k]) for k in places),
        results=results,
        where=next(filter(None, map(place, reversed(sources))), ""),
        module="/".join(name for source in sources for name in _names(source)),
        alone=len(places) == len(operands),
    )
