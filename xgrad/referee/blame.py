"""Which rule of a backward program is wrong, by a law that every right one keeps.

Along one direction v, each value of a program has a tangent, by central differences of the program
at x ± hv. What a rule receives for its results and what it sends to its inputs then obey

    Σ ⟨cotangent of a result, its tangent⟩ = Σ ⟨cotangent of an input, its tangent⟩

The gaps of all rules add up to the gap of the whole, so that none can hide behind another. A rule
that breaks the law is then set beside its own function, one input at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from flint import arb

from xgrad.errors import BudgetExceeded
from xgrad.numbers import ball, precision
from xgrad.programs import Edge, Graph, Replay, Step
from xgrad.referee.endless import find_endless
from xgrad.referee.faults import Fault, chain_to, function_of
from xgrad.referee.slips import Product, Slip, slip_along, slip_of
from xgrad.referee.tangents import (
    BENT,
    COORDINATES,
    LEAST,
    NOTHING,
    WORK,
    WORKING,
    array,
    direction,
    product,
    size,
)
from xgrad.referee.tangents import (
    step as length,
)

DIRECTIONS = 3  # along which a gradient of many elements is told from the right one
# What a program's own functions may raise where they are called again, and nothing of ours.
UNTOLD = (RuntimeError, ValueError, ArithmeticError, BudgetExceeded)

Parts = Sequence[np.ndarray]


@dataclass(eq=False)
class _Law:
    """One rule, or several between which a value is unknown, with both sides of the law."""

    steps: list[tuple[int, Step]] = field(default_factory=list)
    gap: Any = 0
    terms: float = 0.0

    @property
    def digits(self) -> float:
        """To how many digits both sides meet, beside their largest terms."""
        gap = abs(float(self.gap))
        return float(-np.log10(gap / self.terms)) if gap and self.terms else np.inf

    def kinked(self, bent: set[Edge]) -> bool:
        """Whether the functions have a kink here: results are bent, and no input is."""
        taken = {edge for _, step in self.steps for edge in step.inputs}
        made = {(k, n) for k, step in self.steps for n in range(len(step.received))}
        return bool(made & bent) and not taken & bent


def find_faults(program: Any, x: Parts, w: Parts, rng: np.random.Generator) -> list[Fault]:
    """The rules of a program's backward that break the law at x, the largest gap first.

    `w` are cotangents of the outputs. Where the gradient is not finite, those that make it so.
    Nothing where the program takes other ways at x ± hv, and nothing where every rule keeps the
    law.
    """
    with precision(WORKING):
        v = [direction(a.shape, rng) for a in x]
        graph = program.traced(x, w)
        endless = find_endless(graph)
        if endless:
            return endless
        h = length()
        ahead, behind = (
            program.traced([array(a + b * (h * side)) for a, b in zip(x, v, strict=True)])
            for side in (1, -1)
        )
        if not _same(graph, ahead) or not _same(graph, behind):
            return []
        tangents, bent = _tangents(graph, ahead, behind)
        moving = {k: _moving(ahead.steps[k], behind.steps[k]) for k in graph.steps}
        laws = [law for law in _broken(graph, tangents) if not law.kinked(bent)]
        laws = _without_cancelling(laws, moving)
        faults = [_fault(graph, moving, law) for law in laws]
        for k in {fault.name: k for k, fault in reversed(list(enumerate(faults)))}.values():
            try:
                slips = _slips(program, x, laws[k], tangents, rng)
                faults[k] = replace(faults[k], slips=slips)
            except UNTOLD as reason:
                faults[k] = replace(faults[k], untold=f"{type(reason).__name__}: {reason}")
        faults += _hooked(graph, tangents)
        return _shared(faults)


# --- tangents ------------------------------------------------------------------------------------


def _tangents(
    graph: Graph, ahead: Graph, behind: Graph
) -> tuple[dict[Edge, np.ndarray], set[Edge]]:
    """Of every value, by central differences; and the values that both sides tell otherwise."""
    h, found, bent = length(), {}, set()
    for e in graph.values.keys() & ahead.values.keys() & behind.values.keys():
        here, one, other = (run.values[e] for run in (graph, ahead, behind))
        if here.shape == one.shape == other.shape:
            found[e] = array((one - other) / (2 * h))
            if size(array((one + other - 2 * here) / h)) > BENT * size(found[e]):
                bent.add(e)
    return found, bent


def _moving(ahead: Step, behind: Step) -> tuple[str, ...]:
    """Which of the values that are cut off a step depend on x."""
    h, pairs = length(), zip(ahead.cut, behind.cut, strict=True)
    return tuple(
        name
        for (name, a), (_, b) in pairs
        if a.shape == b.shape and size(array((a - b) / h)) > NOTHING * size(a)
    )


def _same(one: Graph, other: Graph) -> bool:
    def shape(graph: Graph) -> Any:
        return {k: (s.name, s.inputs, len(s.cut)) for k, s in graph.steps.items()}

    return bool(shape(one) == shape(other))


# --- the law -------------------------------------------------------------------------------------


def _broken(graph: Graph, tangents: dict[Edge, np.ndarray]) -> list[_Law]:
    """The laws that are broken, the largest gap first."""
    home = _homes(graph, tangents)
    laws: dict[int, _Law] = defaultdict(_Law)
    for k, step in graph.steps.items():
        if not step.ran:
            continue
        law = laws[home(k)]
        law.steps.append((k, step))
        sides = [((k, n), g, 1) for n, g in enumerate(step.received)]
        sides += [(e, g, -1) for e, g in zip(step.inputs, step.sent, strict=False) if e]
        for edge, g, sign in sides:
            if edge in tangents:
                value, terms = product(g, tangents[edge])
                law.gap, law.terms = law.gap + sign * value, law.terms + terms
    least = NOTHING * max((law.terms for law in laws.values()), default=0.0)
    found = [a for a in laws.values() if a.digits < LEAST and abs(float(a.gap)) > least]
    return sorted(found, key=lambda law: -abs(float(law.gap)))


def _without_cancelling(laws: list[_Law], moving: dict[int, tuple[str, ...]]) -> list[_Law]:
    """Values that are cut off where they come in may go out again: log Σ exp(x − m) + m."""
    cut = [law for law in laws if any(moving.get(k) for k, _ in law.steps)]
    total = abs(float(sum((law.gap for law in cut), arb(0))))
    if not total <= 10.0**-LEAST * sum(law.terms for law in cut):
        return laws
    return [law for law in laws if law not in cut]


def _homes(graph: Graph, tangents: dict[Edge, np.ndarray]) -> Callable[[int], int]:
    """Steps between which a value is unknown have one home."""
    above: dict[int, int] = {}

    def home(k: int) -> int:
        while k in above:
            k = above[k]
        return k

    for k, step in graph.steps.items():
        for edge in step.inputs if step.ran else ():
            joined = edge is not None and edge not in tangents and edge[0] in graph.steps
            if joined and home(k) != home(edge[0]):  # type: ignore[index]
                above[home(k)] = home(edge[0])  # type: ignore[index]
    return home


def _hooked(graph: Graph, tangents: dict[Edge, np.ndarray]) -> list[Fault]:
    """Where a cotangent changes between those that send it and the one that receives it."""
    sent: dict[Edge, list[np.ndarray | None]] = defaultdict(list)
    for edge, several in graph.given.items():
        sent[edge] += several
    for step in graph.steps.values():
        for to, g in zip(step.inputs, step.sent, strict=False):
            if to is not None:
                sent[to].append(g)
    arrived: dict[Edge, np.ndarray | None] = dict(graph.taken)
    for k, step in graph.steps.items():
        arrived |= {(k, n): g for n, g in enumerate(step.received)}
    found = []
    least = NOTHING * max(
        (product(g, tangents[e])[1] for e, g in arrived.items() if e in tangents), default=0.0
    )
    for edge in arrived.keys() & sent.keys() & tangents.keys():
        law = _Law()
        for g, sign in [*((g, 1) for g in sent[edge]), (arrived[edge], -1)]:
            value, terms = product(g, tangents[edge])
            law.gap, law.terms = law.gap + sign * value, law.terms + terms
        if law.digits < LEAST and abs(float(law.gap)) > least:
            found.append(_hook(graph, edge, law))
    return found


def _hook(graph: Graph, edge: Edge, law: _Law) -> Fault:
    step = graph.steps.get(edge[0])
    name = f"hook on the result of {function_of(step.name)}" if step else "hook on an input"
    where, module = (step.where, step.module) if step else ("", "")
    chain = chain_to(graph, edge[0]) if step else ()
    return Fault(name, module, where, max(law.digits, 0.0), float(law.gap), chain=chain)


def _shared(faults: list[Fault]) -> list[Fault]:
    """With shares of the whole gap in place of gaps, the largest first."""
    whole = sum(abs(fault.share) for fault in faults)
    ordered = sorted(faults, key=lambda fault: -abs(fault.share))
    return [replace(fault, share=abs(fault.share) / whole) for fault in ordered]


# --- what is wrong with a rule -------------------------------------------------------------------


def _fault(graph: Graph, moving: dict[int, tuple[str, ...]], law: _Law) -> Fault:
    number, step = law.steps[0]
    name = " with ".join(dict.fromkeys(s.name for _, s in law.steps))
    cut = tuple(dict.fromkeys(c for k, _ in law.steps for c in moving.get(k, ())))
    return Fault(name, step.module, step.where, max(law.digits, 0.0), float(law.gap), cut=cut,
                 chain=chain_to(graph, number))  # fmt: skip


@dataclass(frozen=True)
class _Want:
    """The gradient that an input should have where it is small, else its products with directions.

    `slope` is that with the input's tangent.
    """

    slope: Any
    elements: np.ndarray | None
    products: tuple[Product, ...] = ()


def _slips(
    program: Any,
    x: Parts,
    law: _Law,
    tangents: dict[Edge, np.ndarray],
    rng: np.random.Generator,
) -> tuple[Slip, ...]:
    """The inputs whose gradients are wrong, by the step's own function where it can be had."""
    if len(law.steps) > 1:
        return ()
    ((_, step),) = law.steps
    places = [k for k, label in enumerate(step.labels) if label]
    along: list[Any] = [tangents.get(e) for k in places if (e := step.inputs[k]) is not None]
    wants: list[_Want] = []
    program.traced(x, looks={step.key: partial(_look, step, along, wants, rng)})
    if len(wants) != len(places):
        return ()
    slips, gap = [], arb(0)
    for k, want, t in zip(places, wants, along, strict=True):
        g = step.sent[k]
        sent = array(0 * t) if g is None else g
        gap += want.slope - product(sent, t)[0]
        if want.elements is not None:
            slips.append(slip_of(step.labels[k], sent, want.elements))
        else:
            slips.append(slip_along(step.labels[k], sent, want.products))
    if abs(float(gap - law.gap)) > 1e-6 * abs(float(law.gap)):
        return ()  # called again, it is another function
    return tuple(slip for slip in slips if slip.digits < LEAST)


def _look(
    step: Step, along: list[Any], wants: list[_Want], rng: np.random.Generator, replay: Replay
) -> None:
    """For each input what its gradient should be."""
    if len(replay.inputs) != len(along) or any(t is None for t in along):
        return
    for k, (a, t) in enumerate(zip(replay.inputs, along, strict=True)):
        if a.shape != t.shape:
            return
        slope = partial(_slope, replay, k, step.received)
        elements: np.ndarray | None = None
        products: tuple[Product, ...] = ()
        made = sum(g.size for g in step.received if g is not None)
        if (
            a.size <= COORDINATES
            and a.size * made <= WORK
            and all(isinstance(b, arb) for b in a.reshape(-1))
        ):
            units = (ball(u.reshape(a.shape)).data for u in np.eye(a.size))
            elements = np.array([slope(u) for u in units], dtype=object).reshape(a.shape)
        else:
            drawn = [direction(a.shape, rng) for _ in range(DIRECTIONS)]
            products = tuple(Product.of(v, slope) for v in drawn)
        wants.append(_Want(slope(t), elements, products))


def _slope(replay: Replay, k: int, received: Iterable[np.ndarray | None], t: np.ndarray) -> Any:
    """⟨what was received, the step's results as one input moves along t⟩."""
    h = length()
    ahead, behind = (
        replay.compute(
            [array(a + t * (h * side)) if n == k else a for n, a in enumerate(replay.inputs)]
        )
        for side in (1, -1)
    )
    total = arb(0)
    for g, one, other in zip(received, ahead, behind, strict=False):
        total += product(g, array((one - other) / (2 * h)))[0]
    return total
