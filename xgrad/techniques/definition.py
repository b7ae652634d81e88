"""The definition of the derivative in ball arithmetic, where steps are no compromise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import LEDGER, Ball, ball, in_full, midpoint, precision, working_bits
from xgrad.problem import Arguments, Operator, Setting
from xgrad.techniques.columns import Group, find_groups
from xgrad.techniques.stencil import Stencil, combine, length, plan, points, repeated

STEP_BITS = 170  # steps are 2^-170 of the scale: a slope from two points has 51 digits
VALUE_BITS = 214  # bits beyond each step, so that rounding stays behind the step's own error
DOUBT = 2.0**-60  # relative gap between one-sided slopes that may be no curvature
TINY = 2.0**-100  # of the function over the inputs: slopes to be looked at in more bits
SAME = 1e-20  # relative gap between slopes that are one
GROWTH = 1.5  # of slopes with a step of half the bits: at a jump, a root, a logarithm


@dataclass(frozen=True)
class Slopes:
    """The definition in the flat layout, and where it is none.

    `terms` is the sum of the sizes of what made each element up: a sum that cancels is known to
    the digits of its terms. `left` and `right` are the one-sided slopes, the same but at a kink;
    `jumps` marks elements where a slope is infinite, or missing on one side.
    """

    central: Ball
    terms: np.ndarray
    left: Ball
    right: Ball
    kinks: np.ndarray
    jumps: np.ndarray

    @property
    def kinked(self) -> bool:
        """Whether the point is a kink for some element."""
        return bool(np.any(self.kinks | self.jumps))


@dataclass(frozen=True)
class _Row:
    """Slopes along one tuple of directions, flat over the value.

    `broken` marks values that a step changes by a share, `tiny` slopes far below the function.
    """

    central: Ball
    left: Ball
    right: Ball
    broken: np.ndarray
    tiny: np.ndarray
    kinks: np.ndarray
    jumps: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """The largest distance of two slopes."""
        gaps = (self.right - self.left, self.central - self.left, self.central - self.right)
        return np.asarray(np.max([np.abs(midpoint(gap)) for gap in gaps], axis=0))

    @property
    def size(self) -> np.ndarray:
        """The largest size of a slope."""
        each = (self.central, self.left, self.right)
        return np.asarray(np.max([np.abs(midpoint(s)) for s in each], axis=0))

    def settled(self, near: _Row, doubt: np.ndarray) -> tuple[_Row, np.ndarray]:
        """With the doubt resolved by the same at a shorter step, and where slopes vanish with it.

        At a kink one-sided slopes go on to differ; where there is but curvature they do not, and
        where the function or its slope jumps they grow: on the sides that do, or, where only the
        central slope does, between them.
        """
        where = self.central.namespace.where
        jumps = doubt & ~(near.size <= GROWTH * self.size)
        kinks = doubt & ~jumps & (near.spread > self.spread / 2)
        smooth = doubt & ~jumps & ~kinks
        central = where(jumps, 0.0, where(smooth, near.central, self.central))
        left, right = _limit(self.left, near.left), _limit(self.right, near.right)
        hidden = np.isfinite(midpoint(left)) & np.isfinite(midpoint(right))
        left, right = where(hidden, -np.inf, left), where(hidden, np.inf, right)
        left, right = (
            where(kinks, side, where(jumps, limit, central))
            for side, limit in ((self.left, left), (self.right, right))
        )
        least = np.maximum(near.spread, DOUBT * np.abs(midpoint(self.central)))
        vanishing = smooth & (np.abs(midpoint(near.central)) <= least)
        return _Row(central, left, right, self.broken, self.tiny, kinks, jumps), vanishing

    def only(self, values: np.ndarray) -> _Row:
        """Slopes of these values alone; nothing else moves."""
        where = self.central.namespace.where
        central, left, right = (
            where(values, s, 0.0) for s in (self.central, self.left, self.right)
        )
        kinks, jumps = self.kinks & values, self.jumps & values
        return replace(self, central=central, left=left, right=right, kinks=kinks, jumps=jumps)

    def without(self, broken: np.ndarray) -> _Row:
        """With no slope where a lower derivative has none: it may be anything."""
        if not np.any(broken):
            return self
        where = self.central.namespace.where
        left, right = where(broken, -np.inf, self.left), where(broken, np.inf, self.right)
        return replace(self, left=left, right=right, jumps=self.jumps | broken)


@dataclass
class Definition:
    """Differences of a flat function at a point; `attempt` doubles the bits and the step's.

    `function` takes and returns flat ball arrays; `x` is the point in float64. Columns that share
    no value are gone along at once. `centre` is the value at x, where somebody keeps it; `price`
    what a value costs, in operations, once that is known.
    """

    function: Callable[[Ball], Ball]
    x: np.ndarray
    attempt: int = 0
    shapes: Sequence[tuple[int, ...]] = ()  # of the inputs that x is made of, where known
    centre: Callable[[], Ball] | None = None
    price: int | None = None
    _steps: dict[bytes, Ball] = field(default_factory=dict, init=False)  # powers of two: exact
    _values: dict[tuple[tuple[int, bytes], ...], tuple[int, Ball]] = field(
        default_factory=dict, init=False
    )
    _finer: dict[int, Definition] = field(default_factory=dict, init=False)

    def bits(self, steps: int) -> int:
        """The precision that a product of so many steps needs."""
        return (STEP_BITS * max(1, steps) + VALUE_BITS) << self.attempt

    def length(self, direction: np.ndarray) -> float:
        """How far to go along a direction in the scale of x, which is 1 at 0 as in directions."""
        return length(self.x, direction, zero=1.0)

    def step(self, direction: np.ndarray) -> Ball:
        """The length of the step along a direction, a power of two in its scale."""
        key = direction.tobytes()
        if key not in self._steps:
            length = 2.0 ** np.floor(np.log2(self.length(direction)))
            self._steps[key] = ball(length) * ball(2.0**-STEP_BITS) ** (1 << self.attempt)
        return self._steps[key]

    def side(self, direction: np.ndarray, sign: int) -> Ball:
        """The slope along a direction by the point ahead of x alone, or by the one behind."""
        with precision(self.bits(1)):
            far, here = self.beyond((sign, direction)), self.beyond()
            return (far - here) * sign / self.step(direction)

    def bend(self, one: np.ndarray, other: np.ndarray, sign: int) -> Ball:
        """How the slope along one direction changes along the other, on one side of x.

        Ahead along `other`, and ahead or behind along `one`: no kink through x has all of the four
        points on one side for both signs, nor its values on two planes.
        """
        with precision(self.bits(2)):
            ahead = self.beyond((sign, one), (1, other)) - self.beyond((sign, one))
            here = self.beyond((1, other)) - self.beyond()
            return (ahead - here) * sign / (self.step(one) * self.step(other))

    def beyond(self, *moves: tuple[int, np.ndarray]) -> Ball:
        """The function a step along each of some directions, ahead (1) or behind (−1); kept.

        In the bits in which the caller works, or more.
        """
        key = tuple((sign, direction.tobytes()) for sign, direction in moves)
        bits = working_bits()
        if key not in self._values or self._values[key][0] < bits:
            if moves or self.centre is None:
                point = ball(self.x)
                for sign, direction in moves:
                    point = point + ball(direction) * self.step(direction) * sign
                value = self.function(point)
            else:
                value = self.centre()
            self._values[key] = bits, value
        return self._values[key][1]

    def slopes(self, stencil: Stencil) -> Slopes:
        """Central differences along every tuple of directions of a stencil, kinks told apart."""
        n = self.x.size
        with precision(self.bits(stencil.order)):
            rows = self._rows(stencil)
            sides = [[r.central for r in rows], [r.left for r in rows], [r.right for r in rows]]
            central, left, right = (self._assembled(stencil, each) for each in sides)
            sizes, kinks, jumps = (
                stencil.assemble_bounds(np.array(each, dtype=float), n)
                for each in (
                    [np.abs(midpoint(r.central)) for r in rows],
                    [r.kinks for r in rows],
                    [r.jumps for r in rows],
                )
            )
            return Slopes(_cleared(central, sizes), sizes, left, right, kinks > 0, jumps > 0)

    def _rows(self, stencil: Stencil) -> list[_Row]:
        """Slopes along every tuple of directions; of columns that share no value, from one step."""
        n = self.x.size
        groups = self._groups(stencil)
        self._foresee(stencil, len(groups) if groups else n**stencil.free)
        if not groups:
            return [self._smooth(d, stencil.power) for d in stencil.directions(n)]
        rows: dict[int, _Row] = {}
        for group in groups:
            directions = tuple(stencil.filled([group.direction(n)]).slots)
            together = self._smooth(directions, stencil.power)
            rows |= {int(j): together.only(group.owners == j) for j in group.columns}
        return [rows[j] for j in range(n)]

    def _groups(self, stencil: Stencil) -> list[Group] | None:
        """Columns that may be gone along at once, by what values do at the steps of the stencil."""
        if stencil.free != 1 or stencil.power != 1 or stencil.elementwise or not self.shapes:
            return None
        x, others = ball(self.x), stencil.given
        h = self.step(np.ones(self.x.size))
        along = [ball(d) * self.step(d) for d in others]
        corners = [x + k * s for k in along for s in (-1, 1)] + [x]

        def move(columns: np.ndarray) -> list[Ball]:
            step = ball(columns.astype(float)) * h
            return [self.function(at + step * sign) for at in corners for sign in (1, -1)]

        return find_groups(move, self.shapes)

    def _foresee(self, stencil: Stencil, columns: int) -> None:
        """Raise `BudgetExceeded` at once where all the points of a stencil cost too much."""
        if self.price is None:
            before = LEDGER.spent
            _ = self.function(ball(self.x)) if self.centre else self.beyond()
            self.price = LEDGER.spent - before
        count = (stencil.power + 1) * 2 ** (len(stencil.slots) - 1)
        LEDGER.foresee(self.price * count * columns)

    def _assembled(self, stencil: Stencil, rows: list[Ball]) -> Ball:
        table = np.array([r.data for r in rows], dtype=object).reshape(len(rows), -1)
        return ball(stencil.assemble(table, self.x.size))

    def _smooth(self, directions: tuple[np.ndarray, ...], power: int) -> _Row:
        """Slopes along a tuple of directions; none where those of lower order have a kink."""
        row = self._row(directions, power)
        for lower in range(1, power):
            before = self._row(directions, lower)
            row = row.without(before.kinks | before.jumps)
        return row

    def _row(self, directions: tuple[np.ndarray, ...], power: int = 1) -> _Row:
        """Slopes along a tuple of directions; where they leave doubt, with shorter steps too."""
        first = self._sides(directions, power)
        doubt = first.broken | ~(first.spread <= DOUBT * first.size)
        if np.any(doubt):
            row, faint = first.settled(self._nearer(1)._sides(directions, power), doubt)
        else:
            row, faint = replace(first, left=first.central, right=first.central), doubt
        faint = faint | ((first.tiny | _unsure(row.central)) & ~row.kinks & ~row.jumps)
        if not np.any(faint):
            return row
        central = self._magnified(directions, power, first.central, faint)
        where = central.namespace.where
        central, left, right = (
            where(faint, central, s) for s in (row.central, row.left, row.right)
        )
        return replace(row, central=central, left=left, right=right)

    def _nearer(self, times: int) -> Definition:
        """The same at shorter steps, which shares the points that directions share."""
        if times not in self._finer:
            self._finer[times] = Definition(
                self.function, self.x, self.attempt + times, self.shapes
            )
        return self._finer[times]

    def _magnified(self, directions: Any, power: int, before: Ball, faint: np.ndarray) -> Ball:
        """Slopes that may be 0, in so many bits that two steps agree; exactly 0 where none do."""
        where, central = before.namespace.where, before * 0.0
        for times in (1, 2):
            found = self._nearer(times)._sides(directions, power).central
            same = np.abs(midpoint(found - before)) <= SAME * np.abs(midpoint(found))
            central, faint = where(faint & same, found, central), faint & ~same
            if not np.any(faint):
                break
            before = found
        return central

    def _sides(self, directions: tuple[np.ndarray, ...], power: int = 1) -> _Row:
        """Slopes along a tuple of directions: central, and on both sides."""
        order = len(directions) + power - 1
        with precision(self.bits(order)):
            x, lengths = ball(self.x), [self.step(d) for d in directions]
            steps = tuple(ball(d) * h for d, h in zip(directions, lengths, strict=True))
            values = [self.function(p) for p in points(x, steps, power)]
            width = (lengths[0] if len(lengths) == 1 else lengths[0] * lengths[1]) ** power
            if power == 1:
                ahead = self._one_sided(directions, values[0], 1)
                behind = self._one_sided(directions, values[-1], -1)
            else:
                ahead, behind = (
                    self._all_on_one(x, steps[0] * s, power) * s**power for s in (1, -1)
                )
            central = combine(values, width * 2**order, power)
            size = max(float(np.max(np.abs(midpoint(v)), initial=0.0)) for v in values)
            broken = _broken(ahead, behind, size) & (order == 1)
            length = float(np.prod([self.length(d) for d in directions])) ** power
            tiny = np.abs(midpoint(central)) * length < TINY * size
            none = np.zeros(central.shape, dtype=bool)
            return _Row(central, behind / width, ahead / width, broken, tiny, none, none)

    def _one_sided(self, directions: Any, far: Ball, sign: int) -> Ball:
        """f(x + h) − f(x), or f(x + h + k) − f(x + h) − f(x + k) + f(x); negative steps behind."""
        centre = self.beyond()
        if len(directions) == 1:
            return (far - centre) * sign
        h, k = (self.beyond((sign, d)) for d in directions)
        return far - h - k + centre

    def _all_on_one(self, x: Ball, step: Ball, power: int) -> Ball:
        """The difference of that order of values from x on, at equal distances."""
        here = [self.beyond()]
        return repeated([self.function(x + step * k) for k in range(power, 0, -1)] + here)


def _limit(side: Ball, nearer: Ball) -> Ball:
    """One-sided slopes where some grow without end as the step shrinks: those are infinite."""
    a, b = midpoint(side), midpoint(nearer)
    endless = np.abs(b) > GROWTH * np.abs(a)
    return ball(np.where(endless, np.copysign(np.inf, b), b))


def _unsure(values: Ball) -> np.ndarray:
    """Which balls contain 0 and more."""
    found = [a.is_finite() and not a.is_zero() and 0 in a for a in values.data.reshape(-1)]
    return np.array(found, dtype=bool).reshape(values.shape)


def _broken(ahead: Ball, behind: Ball, size: float) -> np.ndarray:
    """Where a step changes the value by a share of it: at a jump, or at a root."""
    moved = np.maximum(np.abs(midpoint(ahead)), np.abs(midpoint(behind)))
    return np.asarray(moved > DOUBT * size)


def _cleared(values: Ball, terms: np.ndarray) -> Ball:
    """The values, with exact zeros where all digits of the terms cancel."""
    gone = np.abs(midpoint(values)) < 1e-40 * terms
    return values.namespace.where(gone, 0.0, values) if np.any(gone) else values


def flat_function(
    setting: Setting, arguments: Arguments, compute: Callable[[Arguments], Any] | None = None
) -> Callable[[Ball], Ball]:
    """A function of ball arguments as one of a flat array; without `compute`, the case's own."""

    def flat(x: Ball) -> Ball:
        given = arguments._replace(xs=setting.split(x, x.namespace))
        if compute is not None:
            return ball(compute(given))
        y = ball(setting.function(given)(*given.xs))
        return y.namespace.reshape(y, (-1,))

    return in_full(flat)


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
