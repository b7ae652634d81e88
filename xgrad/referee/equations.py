"""Which equation of a jaxpr has a wrong rule: each beside its own function, where it was used.

Unlike a graph of torch's, a jaxpr shows no cotangents as they pass. So each equation gets random
ones, and a wrong one is named only where its results matter for the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers import ball, precision
from xgrad.programs import refuses
from xgrad.referee.endless import find_endless_equations
from xgrad.referee.faults import Fault
from xgrad.referee.slips import Slip, slip_of
from xgrad.referee.tangents import (
    BENT,
    COORDINATES,
    LEAST,
    NOTHING,
    WORKING,
    array,
    conjugated,
    direction,
    in_reals,
    is_complex,
    product,
    size,
    step,
)

KINDS = ("custom", "primitive", "stopped")  # where mistakes are looked for first
PARTS = (arb(1), acb(0, 1))  # of a complex number; a real one has the first
MOST = 256  # equations of one kind that are looked at

Parts = Sequence[np.ndarray]


def find_equation_faults(
    program: Any, x: Parts, rng: np.random.Generator, order: int = 1
) -> list[Fault]:
    """The equations that their own functions refute, fewest digits first.

    Rules that somebody wrote by hand; where none of these is wrong, JAX's own; else gradients that
    are stopped. Of second order those of the gradient's program, else of the function's.
    """
    if order > 1:
        once = program.gradient([direction(y.shape, rng) for y in program.value(x)])
        return _found(once, x, rng) or _found(program, x, rng)
    return _found(program, x, rng)


def _found(program: Any, x: Parts, rng: np.random.Generator) -> list[Fault]:
    with precision(WORKING):
        endless = find_endless_equations(program, x)
        if endless:
            return endless
        h, v = step(), [direction(a.shape, rng) for a in x]
        ahead, behind = (
            [part.x for part, _ in program.parts([array(a + b * (h * side))
             for a, b in zip(x, v, strict=True)])]
            for side in (1, -1)
        )  # fmt: skip
        runs = list(zip(program.parts(x), ahead, behind, strict=True))
        for kind in KINDS:
            some = (run for run in runs if run[0][0].kind == kind)
            found = [_fault(program, x, *run, rng) for run in islice(some, MOST)]
            faults = [fault for fault in found if fault is not None]
            if faults:
                return sorted(faults, key=lambda fault: fault.digits)
    return []


def _fault(
    program: Any, x: Parts, run: tuple[Any, Any], ahead: Parts, behind: Parts, rng: Any
) -> Fault | None:
    """What is wrong with one equation, as its operands move; None where nothing is that matters."""
    part, alone = run
    along = [array((a - b) / (2 * step())) for a, b in zip(ahead, behind, strict=True)]
    if not any(size(t) for t in along):
        return None
    try:
        slips = _slips(part, alone, along, rng)
    except Exception as error:
        if refuses(error):
            return None
        raise
    if not slips or not _matters(program, x, part, rng):
        return None
    digits = min(slip.digits for slip in slips)
    cut = tuple(slip.of for slip in slips) if part.kind == "stopped" else ()
    return Fault(part.name, part.module, part.where, digits, 0.0, slips, cut)


def _slips(part: Any, alone: Any, along: Parts, rng: np.random.Generator) -> tuple[Slip, ...]:
    """The inputs whose gradients are wrong, where the law is broken as all move as they do."""
    here = alone.value(part.x)
    w = [array(_drawn(y, rng) * int(used))
         for y, (_, used) in zip(here, part.results, strict=True)]  # fmt: skip
    made = [conjugated(g) for g in alone.vjp(part.x, list(map(conjugated, w)))]
    slope, mine = _slope(alone, part.x, along, w, here), arb(0)
    terms = 0.0
    for got, t in zip(made, along, strict=True):
        value, sizes = product(got, t)
        mine, terms = mine + value, terms + sizes
    if slope is None or slip_of("", array([mine]), array([slope]), terms).digits >= LEAST:
        return ()
    if not abs(float(slope - mine)) > NOTHING * max(terms, 1.0):
        return ()
    found = []
    for variable in dict.fromkeys(part.variables):
        places = [k for k, other in enumerate(part.variables) if other == variable]
        if size(along[places[0]]) > NOTHING * size(part.x[places[0]]):
            got = array(sum(made[k] for k in places))
            slip = _slip(alone, part.x, places, got, w, part.labels[places[0]], rng)
            found += [slip] if slip.digits < LEAST else []
    return tuple(found)


def _slip(
    alone: Any,
    x: Parts,
    places: list[int],
    got: np.ndarray,
    w: Parts,
    label: str,
    rng: np.random.Generator,
) -> Slip:
    """One input's gradient beside the right one: element by element, where these are few."""

    def slope(t: np.ndarray) -> Any:
        return _slope(alone, x, [t if k in places else array(0 * a) for k, a in enumerate(x)], w)

    turns = PARTS if is_complex(got) else PARTS[:1]
    if got.size <= COORDINATES:
        units = np.eye(got.size).reshape(got.size, *got.shape)
        want = [sum(slope(ball(u).data * turn) * turn for turn in turns) for u in units]
        right = np.array(want, dtype=object).reshape(got.shape)
        return slip_of(label, in_reals(got), in_reals(right))
    v = _drawn(got, rng)
    mine, terms = product(got, v)
    return slip_of(label, array([mine]), array([slope(v)]), terms)


def _drawn(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random direction, in both parts of what is complex."""
    turns = PARTS if is_complex(like) else PARTS[:1]
    return array(sum(direction(like.shape, rng) * turn for turn in turns))


def _slope(alone: Any, x: Parts, along: Parts, w: Parts, here: Parts | None = None) -> Any:
    """⟨w, the results as the inputs move⟩; None at a kink, which is seen where `here` is known."""
    h = step()
    ahead, behind = (
        alone.value([array(a + t * (h * side)) for a, t in zip(x, along, strict=True)])
        for side in (1, -1)
    )
    total, bend, terms = arb(0), arb(0), 0.0
    for n, (g, one, other) in enumerate(zip(w, ahead, behind, strict=True)):
        value, sizes = product(g, array((one - other) / (2 * h)))
        total, terms = total + value, terms + sizes
        if here is not None:
            bend += product(g, array((one + other - 2 * here[n]) / h))[0]
    return None if abs(float(bend)) > BENT * max(terms, 1.0) else total


def _matters(program: Any, x: Parts, part: Any, rng: np.random.Generator) -> bool:
    """Whether the output moves with the results of a part."""
    h = step()
    u = [direction(shape, rng) for shape, _ in part.results]
    ahead, behind = (
        program.shifted(part, [array(a * (h * side)) for a in u]).value(x) for side in (1, -1)
    )
    moved = max((size(array((a - b) / h)) for a, b in zip(ahead, behind, strict=True)), default=0.0)
    return moved > NOTHING
