"""Which rule of a backward program is the first to make a NaN or an infinity of finite numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgrad.numbers import ball
from xgrad.programs import Graph, Step, refuses
from xgrad.referee.faults import Fault, chain_to
from xgrad.referee.slips import Endless
from xgrad.referee.tangents import array

Parts = Sequence[np.ndarray]


def find_endless(graph: Graph) -> list[Fault]:
    """The rules of a graph from which what is not finite comes to a gradient that is returned."""
    if all(map(_is_finite, graph.taken.values())):
        return []
    return [
        _fault(step, _slips(step), chain_to(graph, k))
        for k, step in graph.steps.items()
        if step.ran and all(map(_is_finite, step.received)) and _arrives(graph, k)
    ]


def find_endless_equations(program: Any, x: Parts) -> list[Fault]:
    """The equations of a jaxpr whose rules make it of any cotangent at the operands they have.

    Nothing where the gradient of the whole is finite.
    """
    whole = program.vjp(x, [_ones(y.shape) for y in program.value(x)])
    if all(map(_is_finite, whole)):
        return []
    found = ((part, _of_equation(part, alone)) for part, alone in program.parts(x))
    return [_fault(part, slips, ()) for part, slips in found if slips]


def _arrives(graph: Graph, number: int) -> bool:
    """Whether what is not finite of a step goes on to an input of the whole."""
    todo, seen = [number], {number}
    while todo:
        step = graph.steps[todo.pop()]
        for edge, g in zip(step.inputs, step.sent, strict=False):
            if edge is None or _is_finite(g):
                continue
            if edge in graph.taken:
                return True
            if edge[0] in graph.steps and edge[0] not in seen:
                seen.add(edge[0])
                todo.append(edge[0])
    return False


def _slips(step: Step) -> tuple[Endless, ...]:
    found = []
    for edge, label, g in zip(step.inputs, step.labels, step.sent, strict=False):
        if edge is not None and g is not None and not _is_finite(g):
            at = ~_finite(g)
            alike = [r for r in step.received if r is not None and r.shape == g.shape]
            masked = bool(alike) and all(b == 0 for r in alike for b in r[at].reshape(-1))
            found.append(Endless(label, int(np.sum(at)), g.size, masked))
    return tuple(found)


def _of_equation(part: Any, alone: Any) -> tuple[Endless, ...]:
    """The operands that an equation sends it to, where they are finite and its results used."""
    if not any(used for _, used in part.results) or not all(map(_is_finite, part.x)):
        return ()
    try:
        ones = [array(_ones(shape) * int(on)) for shape, on in part.results]
        sent = alone.vjp(part.x, ones)
    except Exception as error:
        if refuses(error):
            return ()
        raise
    return tuple(
        Endless(label, int(np.sum(~_finite(g))), g.size)
        for label, g in zip(part.labels, sent, strict=True)
        if not _is_finite(g)
    )


def _fault(rule: Any, slips: tuple[Endless, ...], chain: tuple[str, ...]) -> Fault:
    return Fault(rule.name, rule.module, rule.where, 0.0, 0.0, slips, chain=chain)


def _ones(shape: tuple[int, ...]) -> np.ndarray:
    return array(ball(np.ones(shape)).data)


def _finite(g: np.ndarray) -> np.ndarray:
    """Which elements are."""
    return np.asarray([b.is_finite() for b in g.reshape(-1)], dtype=bool).reshape(g.shape)


def _is_finite(g: np.ndarray | None) -> bool:
    return g is None or bool(np.all(_finite(g)))
