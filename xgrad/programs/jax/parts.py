"""The custom derivatives of a jaxpr, each as a program of its own at the operands that it had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import source_info_util
from jax.extend.core import ClosedJaxpr, Jaxpr

from xgrad.programs.graphs import ordinal

CUSTOM = {"custom_jvp_call": "custom_jvp", "custom_vjp_call": "custom_vjp"}


@dataclass(frozen=True)
class Part:
    """A custom derivative where it was used: its function, and those operands that are floats.

    `turn` counts how often its equation had come before; operands that are one variable share a
    number in `variables`.
    """

    eqn: Any
    turn: int
    x: list[np.ndarray]
    labels: tuple[str, ...]
    function: Callable[..., Any]
    variables: tuple[int, ...]
    results: list[tuple[tuple[int, ...], bool]]  # shapes of those that are floats; whether used

    @property
    def name(self) -> str:
        """`norm.custom_vjp`."""
        inner = self.eqn.params["call_jaxpr"].jaxpr.debug_info.func_name
        return f"{inner}.{CUSTOM[self.eqn.primitive.name]}"

    @property
    def where(self) -> str:
        """`file:line` of what called it."""
        said = str(source_info_util.summarize(self.eqn.source_info)).partition(" (")[0]
        return said.rpartition(":")[0] if said.count(":") > 1 else said


class Listener:
    """A hook that gathers the parts of a run."""

    def __init__(self, jaxpr: Any):
        self.parts: list[Part] = []
        self._asked = {id(eqn) for eqn in differentiated(jaxpr)}
        self._turns: dict[int, int] = {}

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """Note a custom derivative, and leave it as it is."""
        if id(step.eqn) in self._asked:
            turn = self._turns.get(id(step.eqn), 0)
            self._turns[id(step.eqn)] = turn + 1
            self.parts.append(_part(step.eqn, turn, operands, made))
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


def differentiated(jaxpr: Any) -> Iterator[Any]:
    """The equations with custom derivatives that count: inside of another one, none does."""
    for eqn in (jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr).eqns:
        if eqn.primitive.name in CUSTOM:
            yield eqn
            continue
        for inner in _inside(list(eqn.params.values())):
            yield from differentiated(inner)


def _inside(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (ClosedJaxpr, Jaxpr)):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _inside(value)


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _of_floats(variable: Any) -> bool:
    return bool(jnp.issubdtype(variable.aval.dtype, jnp.inexact))


def _part(eqn: Any, turn: int, operands: list[Any], made: list[Any]) -> Part:
    places = [k for k, a in enumerate(operands) if _is_float(a)]
    labels = tuple(map(ordinal, places))

    def function(*floats: Any) -> Any:
        given = list(operands)
        for k, a in zip(places, floats, strict=True):
            given[k] = a
        bound = eqn.primitive.get_bind_params(eqn.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        return eqn.primitive.bind(*functions, *given, **params)

    results = [
        (tuple(v.aval.shape), y is not None)
        for v, y in zip(eqn.outvars, made, strict=True)
        if _of_floats(v)
    ]
    variables = tuple(id(eqn.invars[k]) for k in places)
    x = [operands[k] for k in places]
    return Part(eqn, turn, x, labels, function, variables, results)
