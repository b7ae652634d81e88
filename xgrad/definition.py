"""The definition of the derivative in ball arithmetic: differences whose steps are no compromise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.frameworks.ball import Ball, ball, midpoint, precision
from xgrad.techniques._stencil import Stencil, combine, points
from xgrad.techniques.differences import unit_length

STEP_BITS = 170  # steps are 2^-170 of the scale: a slope from two points has 51 digits
VALUE_BITS = 214  # bits beyond each step, so that rounding stays behind the step's own error
KINK = 2.0**-30  # relative gap between right and left slopes that is no curvature


@dataclass(frozen=True)
class Slopes:
    """The definition in the flat layout, and the one-sided slopes where they differ."""

    central: Ball
    left: Ball | None = None
    right: Ball | None = None

    @property
    def kinked(self) -> bool:
        """Whether the point is a kink."""
        return self.left is not None


@dataclass
class Definition:
    """Differences of a flat function at a point; `attempt` doubles the bits and the step's.

    `function` takes and returns flat ball arrays; `x` is the point in float64.
    """

    function: Callable[[Ball], Ball]
    x: np.ndarray
    attempt: int = 0

    def bits(self, steps: int) -> int:
        """The precision that so many nested steps need."""
        return (STEP_BITS * max(1, steps) + VALUE_BITS) << self.attempt

    def step(self, direction: np.ndarray) -> Ball:
        """The length of the step along a direction, a power of two in its scale."""
        length = 2.0 ** np.floor(np.log2(unit_length(self.x, direction)))
        return ball(length) * ball(2.0**-STEP_BITS) ** (1 << self.attempt)

    def along(self, direction: np.ndarray, shares: np.ndarray) -> Ball:
        """The slope along `direction`, from one point ahead and one behind at other distances.

        The point behind lies at `shares` of the way, element by element, so that the slope is
        that along (1 + shares) · direction, and no kink can hide in symmetry.
        """
        with precision(self.bits(1)):
            ahead = ball(direction) * self.step(direction)
            behind = ahead * ball(shares)
            x = ball(self.x)
            return (self.function(x + ahead) - self.function(x - behind)) / self.step(direction)

    def slopes(self, stencil: Stencil) -> Slopes:
        """Central differences along every tuple of directions of a stencil.

        With one slot, right and left slopes are compared too: where they differ there is a kink.
        """
        with precision(self.bits(len(stencil.slots))):
            x = ball(self.x)
            centre = self.function(x) if len(stencil.slots) == 1 else None
            rows = [self._row(x, centre, d) for d in stencil.directions(self.x.size)]
            central, left, right = (self._assembled(stencil, [r[k] for r in rows]) for k in range(3))
            gaps = [np.max(np.abs(midpoint(r[2] - r[1])), initial=0.0) for r in rows]
            sizes = [np.max(np.abs(midpoint(s)), initial=0.0) for r in rows for s in r[1:]]
            kinked = max(gaps) > KINK * max(sizes)
            return Slopes(central, left, right) if kinked else Slopes(central)

    def _assembled(self, stencil: Stencil, rows: list[Ball]) -> Ball:
        table = np.array([r.data for r in rows], dtype=object).reshape(len(rows), -1)
        return ball(stencil.assemble(table, self.x.size))

    def _row(self, x: Ball, centre: Ball | None, directions: Any) -> tuple[Ball, Ball, Ball]:
        """Central, left and right slope along a tuple of directions."""
        lengths = [self.step(d) for d in directions]
        steps = tuple(ball(d) * h for d, h in zip(directions, lengths, strict=True))
        values = [self.function(p) for p in points(x, steps)]
        width = ball(1.0)
        for h in lengths:
            width = width * h * 2
        central = combine(values, width)
        if centre is None:
            return central, central, central
        (h,) = lengths
        return central, (centre - values[1]) / h, (values[0] - centre) / h


def agreement(candidate: Ball, along: Ball, direction: np.ndarray | None, elementwise: bool) -> float:
    """Digits to which a candidate agrees with a slope, relative to the terms that make it up.

    The candidate's last axis is contracted with the direction, multiplied where the map is
    elementwise, and compared as it is without a direction.
    """
    xp = candidate.namespace
    got, terms = candidate, xp.abs(candidate)
    if direction is not None and elementwise:
        got, terms = got * ball(direction), terms * xp.abs(ball(direction))
    elif direction is not None:
        got = xp.tensordot(got, ball(direction), axes=1)
        terms = xp.tensordot(terms, xp.abs(ball(direction)), axes=1)
    gap = float(np.max(np.abs(midpoint(got - along)), initial=0.0))
    size = float(np.max([midpoint(terms).max(initial=0.0), np.abs(midpoint(along)).max(initial=0.0)]))
    if gap == 0.0:
        return 77.0
    return float(-np.log10(gap / size)) if np.isfinite(gap) and size else 0.0
