"""Which custom derivative of a jaxpr is wrong: each beside its own function, where it was used.

Unlike a graph of torch's, a jaxpr shows no cotangents as they pass. So each custom derivative gets
random ones, and a wrong one is named only where its results matter for the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers import ball, precision
from xgrad.referee.blame import Fault
from xgrad.referee.slips import Slip, slip_of
from xgrad.referee.tangents import (
    COORDINATES,
    LEAST,
    NOTHING,
    WORKING,
    array,
    direction,
    product,
    size,
    step,
)

MOST = 64  # custom derivatives that are looked at

Parts = Sequence[np.ndarray]


def find_custom_faults(program: Any, x: Parts, rng: np.random.Generator) -> list[Fault]:
    """The custom derivatives that their own functions refute, fewest digits first."""
    with precision(WORKING):
        found = []
        for part, alone in program.parts(x)[:MOST]:
            slips = _slips(part, alone, rng)
            if slips and _matters(program, x, part, rng):
                digits = min(slip.digits for slip in slips)
                found.append(Fault(part.name, "", part.where, digits, 0.0, slips))
    return sorted(found, key=lambda fault: fault.digits)


def _slips(part: Any, alone: Any, rng: np.random.Generator) -> tuple[Slip, ...]:
    """The inputs whose gradients are wrong."""
    w = [direction(shape, rng) for shape in part.shapes]
    made = alone.vjp(part.x, w)
    here = alone.value(part.x)
    found = []
    for k, (label, got) in enumerate(zip(part.labels, made, strict=True)):
        v = direction(got.shape, rng)
        slope = _slope(alone, part.x, k, v, w, here)
        mine, terms = product(got, v)
        if slope is None or not abs(float(slope - mine)) > NOTHING * max(terms, 1.0):
            continue
        slip = slip_of(label, np.array([mine]), np.array([slope]), terms)
        if slip.digits < LEAST:
            found.append(_looked_at(alone, part.x, k, got, w, slip))
    return tuple(found)


def _looked_at(alone: Any, x: Parts, k: int, got: np.ndarray, w: Parts, slip: Slip) -> Slip:
    """With how it looks, where the elements are few."""
    if got.size > COORDINATES:
        return slip
    units = (ball(u.reshape(got.shape)).data for u in np.eye(got.size))
    want = [_slope(alone, x, k, unit, w) for unit in units]
    return slip_of(slip.of, got, np.array(want, dtype=object).reshape(got.shape))


def _slope(alone: Any, x: Parts, k: int, v: np.ndarray, w: Parts, here: Parts | None = None) -> Any:
    """⟨w, the results as one input moves along v⟩; None at a kink, where `here` is known."""
    h = step()
    ahead, behind = (
        alone.value([array(a + v * (h * side)) if n == k else a for n, a in enumerate(x)])
        for side in (1, -1)
    )
    total, bend, terms = arb(0), arb(0), 0.0
    for n, (g, one, other) in enumerate(zip(w, ahead, behind, strict=True)):
        value, sizes = product(g, array((one - other) / (2 * h)))
        total, terms = total + value, terms + sizes
        if here is not None:
            bend += product(g, array((one + other - 2 * here[n]) / h))[0]
    return None if abs(float(bend)) > NOTHING * max(terms, 1.0) else total


def _matters(program: Any, x: Parts, part: Any, rng: np.random.Generator) -> bool:
    """Whether the output moves with the results of a part."""
    h = step()
    u = [direction(shape, rng) for shape in part.shapes]
    ahead, behind = (
        program.shifted(part, [array(a * (h * side)) for a in u]).value(x) for side in (1, -1)
    )
    moved = max((size(array((a - b) / h)) for a, b in zip(ahead, behind, strict=True)), default=0.0)
    return moved > NOTHING
