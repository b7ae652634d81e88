"""A derivative as a plan of directions: which differences of a function make it up.

The same plan serves floats, where steps are a compromise, and 256-bit balls, where they are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from xgrad.problem import Operator, Setting

BASIS = "basis"  # a slot that runs over the unit vectors
ONES = "ones"  # a slot along all elements of an elementwise map at once


@dataclass(frozen=True)
class Stencil:
    """A function with slots: D_slot1 D_slot2 f, its value axis weighted, its axes contracted.

    A slot is a flat direction, BASIS or ONES. `weights` sum over the value axis, `coefficients`
    over all axes of the result. A single slot is taken `power` times.
    """

    slots: tuple[Any, ...] = ()
    weights: Any = None
    coefficients: np.ndarray | None = None
    power: int = 1

    @property
    def order(self) -> int:
        """How many derivatives are taken."""
        return len(self.slots) + self.power - 1

    def directions(self, n: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The tuples of flat directions to take differences along, the last slot fastest."""
        for k in range(n**self.free):
            yield tuple(rows[0] for rows in self.block(np.array([k]), n))

    def indices(self, numbers: Any, n: int) -> list[Any]:
        """The tuples of these numbers: for each slot, the element moved; None for a direction."""
        found: list[Any] = []
        for slot in reversed(self.slots):
            free = isinstance(slot, str) and slot == BASIS
            found.insert(0, numbers % n if free else None)
            numbers = numbers // n if free else numbers
        return found

    def block(self, numbers: Any, n: int, xp: Any = np) -> list[Any]:
        """The tuples of these numbers: for each slot, a row (n,) for each tuple."""
        found = []
        for slot, index in zip(self.slots, self.indices(numbers, n), strict=True):
            if index is None:
                direction = xp.ones(n) if isinstance(slot, str) else slot
                found.append(xp.broadcast_to(direction, (len(numbers), n)))
            else:
                found.append(xp.where(xp.arange(n) == index[:, None], 1.0, 0.0))
        return found

    @property
    def given(self) -> list[Any]:
        """The slots that are directions."""
        return [slot for slot in self.slots if not isinstance(slot, str)]

    def along(self, given: list[Any]) -> Stencil:
        """The same with other directions in their place."""
        rest = iter(given)
        return replace(
            self, slots=tuple(s if isinstance(s, str) else next(rest) for s in self.slots)
        )

    @property
    def free(self) -> int:
        """How many axes of the result run over the inputs."""
        return sum(isinstance(slot, str) and slot == BASIS for slot in self.slots)

    @property
    def elementwise(self) -> bool:
        """Whether the slots are along all elements of an elementwise map."""
        return any(isinstance(slot, str) and slot == ONES for slot in self.slots)

    @property
    def symmetric(self) -> bool:
        """Whether exchanging the two axes changes nothing."""
        return self.free == 2

    def draw(self, setting: Setting, rng: np.random.Generator) -> list[np.ndarray]:
        """Random legal directions for the free slots, one for all slots of an elementwise map."""
        if self.elementwise:
            return [setting.draw_flat_direction(rng)] * len(self.slots)
        return [setting.draw_flat_direction(rng) for _ in range(self.free)]

    def filled(self, directions: list[Any]) -> Stencil:
        """The same with the slots that are free, or along ones, along given directions."""
        rest = iter(directions)
        slots = tuple(next(rest) if isinstance(s, str) else s for s in self.slots)
        return replace(self, slots=slots)

    def assemble(self, table: np.ndarray, n: int) -> np.ndarray:
        """The flat result of a table (directions, y): weights, axes and coefficients applied."""
        table = table.T  # (y, directions)
        lead: tuple[int, ...] = (table.shape[0],)
        if self.weights is not None:
            table, lead = np.asarray(np.dot(self.weights, table)), ()
        table = table.reshape((*lead, *(n,) * self.free))
        if self.coefficients is None:
            return table
        flat = self.coefficients.reshape((-1, table.size))
        summed = np.asarray(np.dot(flat, table.reshape(-1)))
        return summed.reshape(()) if len(flat) == 1 else summed

    def assemble_bounds(self, table: np.ndarray, n: int) -> np.ndarray:
        """The same for error bounds: they add up whatever the signs."""
        weights = None if self.weights is None else np.abs(self.weights)
        coefficients = None if self.coefficients is None else np.abs(self.coefficients)
        return replace(self, weights=weights, coefficients=coefficients).assemble(table, n)


@dataclass(frozen=True)
class Planner:
    """Operators as stencils: the differentiator that only writes down what is to be done.

    With `gradient_known`, a gradient costs no slot: the function of the stencil is the gradient.
    `unit` is the 1 of elementwise maps of complex numbers, in pairs.
    """

    gradient_known: bool = False
    unit: np.ndarray | None = None
    _one: ClassVar[np.ndarray] = np.ones(1)

    def jvp(self, f: Stencil, v: Any) -> Stencil:
        """One more slot, along v."""
        return replace(f, slots=(*f.slots, v))

    along = jvp

    def directional(self, f: Stencil, v: Any, order: int) -> Stencil:
        """One more slot, along v so many times."""
        return replace(f, slots=(*f.slots, v), power=order)

    def ones(self, f: Stencil) -> Stencil:
        """One more slot, along all elements."""
        return replace(f, slots=(*f.slots, ONES if self.unit is None else self.unit))

    def vjp(self, f: Stencil, w: Any) -> Stencil:
        """One more free slot, the value axis weighted."""
        return replace(f, slots=(*f.slots, BASIS), weights=w)

    def gradient(self, f: Stencil, w: Any = None) -> Stencil:
        """The vjp along w, of a scalar along 1; the function itself where that is known."""
        return f if self.gradient_known else self.vjp(f, self._one if w is None else w)

    def jacobian(self, f: Stencil) -> Stencil:
        """One more free slot."""
        return replace(f, slots=(*f.slots, BASIS))

    def contract(self, coefficients: np.ndarray, f: Stencil) -> Stencil:
        """Coefficients on the finished table."""
        return replace(f, coefficients=coefficients)


def points(x: Any, steps: tuple[Any, ...], power: int = 1) -> list[Any]:
    """The points of the central stencil of two steps, or of one that is taken `power` times."""
    if len(steps) == 1:
        (h,) = steps
        return [x + h * k for k in range(power, -power - 1, -2)]
    h, k = steps
    return [x + h + k, x + h - k, x - h + k, x - h - k]


def combine(values: list[Any], width: Any, power: int = 1) -> Any:
    """The central difference of values at `points`, over the product of the full widths."""
    if len(values) == power + 1:
        return repeated(values) / width
    pp, pm, mp, mm = values
    return ((pp - pm) - (mp - mm)) / width


def repeated(values: list[Any]) -> Any:
    """The last difference of values at equal distances, the farthest ahead first."""
    while len(values) > 1:
        values = [a - b for a, b in pairwise(values)]
    return values[0]


def plan(operator: Operator, setting: Setting, planner: Planner | None = None) -> Stencil:
    """The operator as a stencil, its directions flat."""
    v = w = None
    if "v" in operator.directions:
        v = setting.flat_v
    if "w" in operator.directions:
        w = setting.w.reshape(-1)
    rule: Any = operator.derive
    made: Stencil = rule(
        planner or Planner(unit=setting.unit), Stencil(), v, w, setting.x_shapes[0]
    )
    return made


def length(x: np.ndarray, direction: np.ndarray, zero: float | None = None) -> float:
    """The longest multiple of a direction that moves every element of x within its `room`."""
    return float(unit_length(room(x, zero=zero), direction))


def unit_length(far: Any, direction: Any, xp: Any = np) -> Any:
    """The same where the room is known."""
    moved = direction != 0
    least = xp.min(xp.where(moved, far, xp.inf) / xp.where(moved, xp.abs(direction), 1.0))
    return xp.where(xp.any(moved), least, 1.0)


def room(x: Any, floor: float = 1 / 8, zero: float | None = None, xp: Any = np) -> Any:
    """How far each element may move: by its own scale.

    That is at least `floor` times the scale of a typical element, so that elements near zero do
    not shrink the step; that of an element at zero is `zero`, else the typical one's.
    """
    size = xp.abs(x)
    rising, count = xp.sort(xp.where(x == 0, xp.inf, size)), xp.sum(x != 0)
    median = (rising[(count - 1) // 2] + rising[count // 2]) / 2
    typical = xp.where(count > 0, median, 1.0)
    return xp.maximum(xp.where(x == 0, typical if zero is None else zero, size), floor * typical)
