"""Extrapolated differences: a ladder of steps along each direction, and what it is worth.

Central differences at ever shorter steps, extrapolated to step 0 (Richardson 1911; Ridders 1982,
Advances in Engineering Software 4(2), 75-76). The rounding noise of the function is measured from
differences of nearby values (`sampling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from xgrad.problem import scale
from xgrad.techniques.sampling import TINY, Sampler, Trace, noise, quantum
from xgrad.techniques.stencil import Stencil, combine, points, room, unit_length

RATIO = 2.2  # between neighbouring steps; halving would keep a step at multiples of a period
LEVELS = 6  # steps in one rung, and columns of Richardson's tableau
FIRST = 0.2  # the longest step, relative to the inputs
LOUD = 8.0  # values below this many times their noise say nothing


@dataclass
class Ladder:
    """Differences along tuples of directions at ever shorter steps, (levels, tuples, y).

    `rounding` is the error that each may have of it; `low` and `high` limit the slope, where a
    probe in the scale of the elements themselves says something.
    """

    slopes: np.ndarray
    rounding: np.ndarray
    low: Any = -np.inf
    high: Any = np.inf

    def continued(self, rung: Ladder) -> Ladder:
        """With the shorter steps of another rung."""
        slopes = np.concatenate([self.slopes, rung.slopes])
        return Ladder(slopes, np.concatenate([self.rounding, rung.rounding]), self.low, self.high)

    def of(self, chosen: np.ndarray) -> Ladder:
        """The ladders of some tuples of directions."""
        low, high = self.limits()
        return Ladder(self.slopes[:, chosen], self.rounding[:, chosen], low[chosen], high[chosen])

    def limit(self, chosen: np.ndarray, probe: Ladder) -> None:
        """Keep some near what a probe found, whose step is long for the scale of its elements."""
        (slope,), (rounding,) = probe.slopes, probe.rounding
        slack = rounding + np.abs(slope) / 4
        self.low, self.high = self.limits()
        self.low[chosen], self.high[chosen] = slope - slack, slope + slack

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """`low` and `high` of each tuple and value."""
        shape = self.slopes.shape[1:]
        return np.broadcast_to(self.low, shape).copy(), np.broadcast_to(self.high, shape).copy()


class Reach(NamedTuple):
    """How far to go along tuples of directions, in multiples of them, slot by slot.

    `usual` is in the scale of typical inputs, `own` in that of the elements moved, (tuples,).
    """

    usual: tuple[Any, ...]
    own: tuple[Any, ...]

    @classmethod
    def of(cls, x: Any, stencil: Stencil, numbers: Any, xp: Any = np) -> Reach:
        """That of tuples of directions at a point; (1, x) where each element has its own."""
        if stencil.elementwise:
            return cls(tuple(scale(x, xp)[None] for _ in stencil.slots), ())
        indices = stencil.indices(numbers, x.size)
        slots = list(zip(stencil.slots, indices, strict=True))

        def lengths(floor: float) -> tuple[Any, ...]:
            far = room(x, floor, xp=xp) / stencil.power  # so far the outermost points lie
            one = numbers.shape
            return tuple(
                xp.broadcast_to(unit_length(far, slot, xp), one) if at is None else far[at]
                for slot, at in slots
            )

        return cls(lengths(1.0), lengths(0.0))

    def scaled(self, by: float) -> Reach:
        """Shorter or longer ones."""
        return Reach(tuple(by * u for u in self.usual), tuple(by * u for u in self.own))

    def of_those(self, chosen: np.ndarray) -> Reach:
        """That of some of the tuples."""
        return Reach(tuple(u[chosen] for u in self.usual), tuple(u[chosen] for u in self.own))

    @property
    def low(self) -> list[np.ndarray]:
        """Where elements lie far below the others, slot by slot."""
        last = FIRST * RATIO**-LEVELS
        return [b < last * a for a, b in zip(self.usual, self.own, strict=True)]


def steps(reach: Reach, rung: int) -> list[Any]:
    """The lengths (tuples, levels, 1 or x) of a rung, slot by slot."""
    shares = FIRST * RATIO ** -np.arange(LEVELS * rung, LEVELS * (rung + 1.0))
    return [shares[:, None] * u.reshape(len(u), 1, -1) for u in reach.usual]


def probes(
    sample: Sampler, stencil: Stencil, numbers: np.ndarray, reach: Reach, rough: np.ndarray
) -> tuple[np.ndarray, Ladder] | None:
    """One step in the scale of elements that lie far below the others, where there are any."""
    lows = reach.low if reach.own else []
    due = np.flatnonzero(np.any(lows, axis=0))
    if not due.size:
        return None
    last = FIRST * RATIO**-LEVELS
    lengths = [
        np.where(low, FIRST * own, np.fmax(FIRST * own, last * usual))[due, None, None]
        for usual, own, low in zip(reach.usual, reach.own, lows, strict=True)
    ]
    return due, climb(sample, stencil, numbers[due], lengths, rough)


def climb(
    sample: Sampler | Trace, stencil: Stencil, numbers: Any, lengths: list[Any], rough: Any
) -> Ladder:
    """The stencil along tuples of directions, at lengths (tuples, levels, 1 or x), in one batch."""
    xp, n = sample.xp, sample.x.size
    if xp is np and len(stencil.slots) == stencil.free == stencil.power == 1:
        held, width = _along_axes(sample, numbers, lengths[0][..., 0])
        values = np.reshape(sample(np.reshape(held, (-1, n))), (*held.shape[:3], -1))
        return _ladder(sample, values, width, rough)
    directions = stencil.block(numbers, n, xp)
    moves = tuple(s * d[:, None] for s, d in zip(lengths, directions, strict=True))
    power = stencil.power
    held = sample.held(
        xp.stack(points(sample.x, moves, power), axis=2)
    )  # (tuples, levels, points, x)
    values = sample(xp.reshape(held, (-1, n)))
    values = xp.reshape(values, (*held.shape[:3], -1))
    moved = _moved([held[:, :, k] for k in range(held.shape[2])], power)
    if stencil.elementwise:
        return _ladder(sample, values, prod(moved), rough)
    indices = stencil.indices(numbers, n)
    widths = [_along(xp, *each) for each in zip(moved, directions, indices, strict=True)]
    made = _ladder(sample, values, prod(widths) ** power, rough, power)
    for each in zip(moved, directions, indices, widths, strict=True):
        off = xp.moveaxis(_astray(xp, *each), 1, 0)
        size = xp.where(xp.isfinite(made.slopes), xp.abs(made.slopes), 0.0)
        made.rounding = made.rounding + power * off * xp.max(size, axis=2)[..., None]
    return made


def _along_axes(
    sample: Sampler | Trace, index: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (tuples, levels, 2, x) ahead and behind along single elements, and their distance.

    The same as of unit vectors, without adding the zeros of these to all other elements.
    """
    row, at = np.arange(len(index)), sample.x[index][:, None]
    held = np.empty((*lengths.shape, 2, sample.x.size))
    held[:] = sample.x
    held[row, :, 0, index], held[row, :, 1, index] = at + lengths, at - lengths
    held = sample.held(held)
    return held, (held[row, :, 0, index] - held[row, :, 1, index])[..., None]


def _ladder(
    sample: Sampler | Trace, values: Any, widths: Any, rough: Any, power: int = 1
) -> Ladder:
    """Slopes of values (tuples, levels, points, y), and the rounding error that each may have."""
    xp, (tuples, levels, count, y) = sample.xp, values.shape
    largest = xp.max(xp.abs(values), axis=2)
    size = xp.max(largest, axis=1)
    spacing = quantum(xp.reshape(values, (tuples, levels * count, y)), xp)
    coarse = xp.maximum(rough, spacing)
    loud = (spacing > 0) & (coarse > xp.maximum(size / LOUD, TINY[sample.setting.dtype]))
    coarse = xp.where(loud, xp.inf, coarse)
    slopes = combine([values[:, :, k] for k in range(count)], widths, power)
    weights = 2**power if count == power + 1 else count
    rounding = weights * xp.fmax(coarse[:, None], sample.eps * largest) / xp.abs(widths)
    return Ladder(xp.moveaxis(slopes, 1, 0), xp.moveaxis(rounding, 1, 0))


def _moved(held: list[Any], power: int) -> list[Any]:
    """How far the points of a stencil lie apart in each of its slots, as the dtype holds them."""
    if len(held) == power + 1:
        return [(held[0] - held[-1]) / power]
    pp, pm, mp, mm = held
    return [(pp + pm - mp - mm) / 2, (pp - pm + mp - mm) / 2]


def _along(xp: Any, moved: Any, directions: Any, index: Any) -> Any:
    """The width (tuples, levels, 1) in multiples of the directions, of which one may be a unit."""
    if index is not None:
        return xp.take_along_axis(moved, index[:, None, None], axis=2)
    along = xp.einsum("tlx,tx->tl", moved, directions)
    return (along / xp.sum(directions * directions, axis=1)[:, None])[..., None]


def _astray(xp: Any, moved: Any, directions: Any, index: Any, width: Any) -> Any:
    """How far held points lie off the direction, in steps: below the spacing of some it turns."""
    if index is not None:
        return xp.zeros_like(width)
    off = xp.abs(moved - width * directions[:, None])
    largest = xp.max(xp.abs(directions), axis=1)[:, None, None]
    return xp.max(off, axis=2)[..., None] / xp.abs(width * largest)


# --- extrapolation -------------------------------------------------------------------------------


def extrapolate(ladder: Ladder, xp: Any = np, power: int = 2) -> tuple[Any, Any]:
    """The best entry of Richardson's tableau and its estimated error, for each value.

    `power` is 2 for central differences, whose errors are even in the step, 1 for one-sided ones.

    The estimate is the larger distance to the two entries that it was made from, the rounding
    noise as the tableau amplifies it, and what entries of shorter steps contradict beyond theirs.
    """
    entries, rounding = ladder.slopes, ladder.rounding
    best = xp.where(xp.isfinite(entries[0]), entries[0], 0.0)  # ± inf, where nothing is better
    error = xp.full(best.shape, xp.inf, dtype=entries.dtype)
    for j in range(1, min(len(entries), LEVELS)):
        factor = RATIO ** (power * j)
        coarse, fine = entries[:-1], entries[1:]
        entries = fine + (fine - coarse) / (factor - 1)
        rounding = (factor * rounding[1:] + rounding[:-1]) / (factor - 1)
        made = xp.maximum(xp.abs(entries - fine), xp.abs(entries - coarse) / factor)
        guess = made + rounding + _contradiction(xp, ladder, entries, rounding)
        guess = xp.where(xp.isnan(guess), xp.inf, guess)
        first = xp.argmin(guess, axis=0)[None]
        least = xp.take_along_axis(guess, first, axis=0)[0]
        best = xp.where(least < error, xp.take_along_axis(entries, first, axis=0)[0], best)
        error = xp.minimum(error, least)
    return best, error


def _contradiction(xp: Any, ladder: Ladder, entries: Any, rounding: Any) -> Any:
    """How far each entry lies outside of what those of shorter steps, and a probe, allow."""
    low = xp.fmax(_from_the_end(xp, xp.fmax, entries - rounding), ladder.low)
    high = xp.fmin(_from_the_end(xp, xp.fmin, entries + rounding), ladder.high)
    return xp.fmax(0.0, xp.fmax(low - entries, entries - high))


def _from_the_end(xp: Any, extreme: Any, rows: Any) -> Any:
    """The extreme of each row and those below it."""
    found = [rows[-1]]
    for k in range(len(rows) - 2, -1, -1):
        found.append(extreme(found[-1], rows[k]))
    return xp.stack(found[::-1])


def one_sided(sample: Sampler, direction: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The slope of each value along a direction on one side of the point, and its error."""
    far = unit_length(room(sample.x, 1.0), direction, np)
    lengths = FIRST * RATIO ** -np.arange(2.0 * LEVELS) * far
    rows = sample.held(sample.x + side * lengths[:, None] * direction)
    widths = ((rows - sample.x) @ direction / (direction @ direction))[:, None]
    values = sample(np.concatenate([sample.x[None], rows]))
    size = np.maximum(np.abs(values[1:]), np.abs(values[0]))
    rough = 2 * np.fmax(noise(sample), sample.eps * size)
    with np.errstate(all="ignore"):
        slopes, rounding = (values[1:] - values[0]) / widths, rough / np.abs(widths)
        return extrapolate(Ladder(slopes[:, None], rounding[:, None]), power=1)
