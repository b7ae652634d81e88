"""Where several branches of a function meet: the slopes that it has at points beside.

Along one direction a function may have one slope and yet be no linear map there: the middle of
three equal numbers, a sign of 0 times 0. What a framework may return there is what the branches
that meet have, or what the slopes along the coordinates add up to. Both sides of a kink are such
slopes too; they stay.

Source: generalised gradients as limits of gradients beside the point, Clarke, Optimization and
Nonsmooth Analysis, 1983, section 2.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xgrad.numbers import Ball, ball, midpoint, precision
from xgrad.problem import Setting
from xgrad.techniques import BASIS, Definition, Slopes, Stencil

BESIDE_BITS = 90, 80  # how far beside: 2^-80 of the scale, which the steps of slopes are far below
POINTS = 16  # beside, for the slopes of all branches
LOOKED = 8  # of them, to see whether there is more than one branch
SAME = 1e-15  # of a slope, that one branch has at all of them
LEAST = 1e-18  # of the largest slope
SUMMED = 1e-12  # of parts, that their sum in floats is off by
SPLITS = 12  # of the inputs into two parts: they keep any two apart, but for one pair in 4,096


def meets_branches(
    definition: Definition, stencil: Stencil, setting: Setting, points: int = LOOKED
) -> bool:
    """Whether a value has slopes beside the point that are not between its two sides here.

    Along one direction, a random one of those that are free; seen at so many points beside.
    """
    rng = setting.generator("branches")
    along = [setting.draw_flat_direction(rng) for _ in range(stencil.free)]
    each = replace(stencil.filled(along) if along else stencil, weights=None)
    slopes = definition.slopes(each)
    found = _beside(definition, each, setting, slopes, points)
    return bool(np.any(_apart(*_sides(slopes), found) & ~slopes.jumps))


def with_branches(
    definition: Definition, stencil: Stencil, setting: Setting, slopes: Slopes
) -> Slopes:
    """The slopes, and between those of all branches where they are more than two sides."""
    low, high = _sides(slopes)
    found = []
    if meets_branches(definition, stencil, setting):
        found += _beside(definition, stencil, setting, slopes, POINTS)
    alone = stencil.order == 1 and not stencil.free  # along one direction
    if alone and not _adds_up(definition, stencil, setting, slopes):
        found += _by_coordinates(definition, stencil, slopes)
    wider = _apart(low, high, found) & ~slopes.jumps
    where = slopes.central.namespace.where
    left = where(wider, ball(np.fmin.reduce([low, *found])), slopes.left)
    right = where(wider, ball(np.fmax.reduce([high, *found])), slopes.right)
    return replace(slopes, left=left, right=right, kinks=slopes.kinks | wider)


def _sides(slopes: Slopes) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the higher of the slopes on either side."""
    left, right = midpoint(slopes.left), midpoint(slopes.right)
    return np.minimum(left, right), np.maximum(left, right)


def _beside(
    definition: Definition, stencil: Stencil, setting: Setting, slopes: Slopes, count: int
) -> list[np.ndarray]:
    """The slopes at some points beside that are not between both sides here, where there are any.

    NaN where there is none, and that the distance moves.
    """
    rng, found, sides = setting.generator("beside"), [], _sides(slopes)
    for _ in range(count):
        d = setting.draw_flat_direction(rng)
        near = _slopes_at(definition, stencil, d, BESIDE_BITS[0])
        if not np.any(_apart(*sides, [near])):
            continue
        far = _slopes_at(definition, stencil, d, BESIDE_BITS[1])
        size = np.fmax(np.abs(near), np.abs(far))
        found.append(np.where(np.abs(far - near) <= SAME * size, near, np.nan))
    return found


def _slopes_at(definition: Definition, stencil: Stencil, d: np.ndarray, bits: int) -> np.ndarray:
    """The slopes so near beside the point."""
    with precision(definition.bits(stencil.order)):
        shift = ball(d) * ball(definition.length(d)) * ball(2.0**-bits)
    there = replace(definition, function=partial(_moved, definition.function, shift), centre=None)
    return midpoint(there.slopes(stencil).central)


def _moved(function: Callable[[Ball], Ball], shift: Ball, x: Ball) -> Ball:
    return function(x + shift)


def _adds_up(definition: Definition, stencil: Stencil, setting: Setting, slopes: Slopes) -> bool:
    """Whether slopes along parts of the direction add up, in each of some random partings of many.

    Then those along coordinates are taken to, which cost one each; few inputs are not parted.
    """
    (direction,) = stencil.slots
    if direction.size <= 4 * SPLITS or np.any(slopes.kinks):
        return False
    rng = setting.generator("splits")
    for _ in range(SPLITS):
        chosen = rng.random(direction.size) < 0.5
        parts = [definition.slopes(replace(stencil, slots=(np.where(where, direction, 0.0),)))
                 for where in (chosen, ~chosen)]  # fmt: skip
        if any(np.any(part.kinks) for part in parts):
            return False
        both = np.stack([midpoint(part.central) for part in parts], axis=-1)
        if not np.all(_is_sum(slopes.central, both)):
            return False
    return True


def _by_coordinates(definition: Definition, stencil: Stencil, slopes: Slopes) -> list[np.ndarray]:
    """The least and the most that slopes along the coordinates add up to, of sides of their own.

    Where they have one side each and do not add up to the slopes, as if the point were set apart,
    or where those that are gone along do: kinks of single coordinates. NaN elsewhere.
    """
    (direction,) = stencil.slots
    table = definition.slopes(replace(stencil, slots=(BASIS,)))
    behind, ahead = (midpoint(side) * direction for side in (table.left, table.right))
    behind, ahead = np.where(direction > 0, (behind, ahead), (ahead, behind))
    one_each = ~np.any(table.kinks, axis=-1)
    added = [_is_sum(side, parts) for side, parts in ((slopes.left, behind), (slopes.right, ahead))]
    told = ~np.any(table.jumps, axis=-1) & (one_each != np.all(added, axis=0))  # both: no kink
    return [np.where(told, np.sum(pick((behind, ahead), axis=0), axis=-1), np.nan)
            for pick in (np.min, np.max)]  # fmt: skip


def _is_sum(slopes: Ball, parts: np.ndarray) -> np.ndarray:
    """Where slopes are what parts of them add up to."""
    gap = np.abs(np.sum(parts, axis=-1) - midpoint(slopes))
    return np.asarray(gap <= SUMMED * np.sum(np.abs(parts), axis=-1))


def _apart(low: np.ndarray, high: np.ndarray, found: list[np.ndarray]) -> np.ndarray:
    """Which elements have slopes that are not between two; what is not finite is no slope."""
    sizes = [np.where(np.isfinite(each), np.abs(each), 0.0) for each in (low, high, *found)]
    room = np.maximum(SAME * np.max(sizes, axis=0), LEAST * np.max(sizes, initial=0.0))
    beyond = [(each < low - room) | (each > high + room) for each in found]
    return np.any([np.zeros(low.shape, dtype=bool), *beyond], axis=0)
