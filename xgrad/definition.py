"""The definition of the derivative in ball arithmetic, where steps are no compromise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.frameworks.ball import Ball, ball, midpoint, precision
from xgrad.operators import Operator
from xgrad.setting import Arguments, Setting
from xgrad.techniques._stencil import Stencil, combine, plan, points, unit_length

STEP_BITS = 170  # steps are 2^-170 of the scale: a slope from two points has 51 digits
VALUE_BITS = 214  # bits beyond each step, so that rounding stays behind the step's own error
DIGITS_OF_ZERO = 77.0  # of 256 bits: what is said where nothing is off
KINK = 2.0**-30  # relative gap between right and left slopes that is no curvature


@dataclass(frozen=True)
class Slopes:
    """The definition in the flat layout, and the one-sided slopes where they differ.

    `terms` is the sum of the sizes of what made each element up: a sum that cancels is known to
    the digits of its terms.
    """

    central: Ball
    terms: np.ndarray
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
            central, left, right = (
                self._assembled(stencil, [r[k] for r in rows]) for k in range(3)
            )
            gaps = [np.max(np.abs(midpoint(r[2] - r[1])), initial=0.0) for r in rows]
            sizes = [np.max(np.abs(midpoint(s)), initial=0.0) for r in rows for s in r[1:]]
            kinked = max(gaps) > KINK * max(sizes)
            sizes_of_terms = np.array([np.abs(midpoint(r[0])).reshape(-1) for r in rows])
            terms = stencil.assemble_bounds(sizes_of_terms, self.x.size)
            return Slopes(_cleared(central, terms), terms, *((left, right) if kinked else ()))

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


def _cleared(values: Ball, terms: np.ndarray) -> Ball:
    """The values, with exact zeros where all digits of the terms cancel."""
    gone = np.abs(midpoint(values)) < 1e-40 * terms
    return values.namespace.where(gone, 0.0, values) if np.any(gone) else values


def flat_function(
    setting: Setting, arguments: Arguments, compute: Callable[[Arguments], Any] | None = None
) -> Callable[[Ball], Ball]:
    """A function of ball arguments as one of a flat array; without `compute`, the case's own."""

    def flat(x: Ball) -> Ball:
        given = replace(arguments, xs=setting.split(x, x.namespace))
        if compute is not None:
            return ball(compute(given))
        y = ball(setting.function(given)(*given.xs))
        return y.namespace.reshape(y, (-1,))

    return flat


def define(operator: Operator, setting: Setting) -> Ball:
    """An operator by nothing but differences, along every coordinate that it needs."""
    arguments = setting.arguments(find_framework("ball"), "cpu")
    definition = Definition(flat_function(setting, arguments), setting.flat_x)
    stencil = plan(operator, setting)
    if not stencil.elementwise:
        return definition.slopes(stencil).central
    # of an elementwise map one direction gives all elements
    ones = np.ones(setting.x_size)
    return definition.slopes(Stencil((ones,) * len(stencil.slots))).central


def agreement(
    candidate: Ball, along: Ball, directions: Sequence[Any], elementwise: bool, terms: float = 0.0
) -> float:
    """Digits to which a candidate agrees with a slope, relative to the terms that make it up.

    The candidate's last axes are contracted with the directions, last first; elements of an
    elementwise map are multiplied by them. `terms` is the size of what the slope was summed from.
    """
    xp = candidate.namespace
    got, size = candidate, xp.abs(candidate)
    for d in reversed(directions):
        if elementwise:
            got, size = got * ball(d), size * xp.abs(ball(d))
        else:
            got = xp.tensordot(got, ball(d), axes=1)
            size = xp.tensordot(size, xp.abs(ball(d)), axes=1)
    gap = float(np.max(np.abs(midpoint(got - along)), initial=0.0))
    sizes = [terms, *(float(np.max(np.abs(midpoint(a)), initial=0.0)) for a in (size, along))]
    if gap == 0.0:
        return DIGITS_OF_ZERO
    return max(0.0, float(-np.log10(gap / max(sizes)))) if np.isfinite(gap) else 0.0
