"""Extrapolated differences: a ladder of steps along each direction, and what it is worth.

Central differences at ever shorter steps, extrapolated to step 0 (Richardson 1911; Ridders 1982,
Advances in Engineering Software 4(2), 75-76). The rounding noise of the function is measured from
differences of nearby values, as Moré and Wild 2011 (SIAM J. Sci. Comput. 33(3), 1292-1314) do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, comb, prod
from typing import Any, NamedTuple

import numpy as np

from xgrad.frameworks import Framework
from xgrad.numbers import EPS, rounded
from xgrad.problem import Arguments, Setting, generator, scale
from xgrad.techniques.stencil import Stencil, combine, points, room, unit_length

RATIO = 2.2  # between neighbouring steps; halving would keep a step at multiples of a period
LEVELS = 6  # steps in one rung, and columns of Richardson's tableau
FIRST = 0.2  # the longest step, relative to the inputs
ROWS = 4_096  # evaluations in one batch, at most
ELEMENTS = 2**21  # numbers in one batch of inputs, at most
LOUD = 8.0  # values below this many times their noise say nothing
TINY = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}


@dataclass
class Sampler:
    """The function at rows of flat float64 points, evaluated in the dtype, in batches."""

    framework: Framework
    setting: Setting
    device: str
    batched: Callable[[Any, Any], Any] | None = None  # of a setting that differs in values only

    def __post_init__(self) -> None:
        arrays = {k: a for k, a in self.setting.inputs.items() if isinstance(a, np.ndarray)}
        others = set(arrays) - set(self.setting.case.wrt)
        put = self.setting.arguments
        self.rest = put(self.framework, self.device).rest if others else {}
        self.x = self.setting.flat_x
        self._batched = self.batched or batch(self.framework, self.setting, self.device)
        width = max(1, sum(a.size for a in arrays.values()), prod(self.setting.y_shape))
        self.rows = int(max(1, min(ROWS, ELEMENTS // width)))
        self.evaluations = 0

    @property
    def xp(self) -> Any:
        """The library of what is done with the values."""
        return np

    @property
    def lines(self) -> np.ndarray:
        """Directions in which the noise is looked for."""
        return noise_lines(self.setting.seed, self.x.size)

    @property
    def eps(self) -> float:
        """The spacing of the dtype at 1."""
        return EPS[self.setting.dtype]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Values (rows, y) at points (rows, x) that the dtype holds, in batches of one length."""
        found = []
        size = self._length(len(rows))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            if len(part) < size:
                part = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            put = self.framework.put(part, self.setting.dtype, self.device)
            found.append(self.framework.get(self._batched(put, self.rest)))
        self.evaluations += len(rows)
        return np.concatenate(found)[: len(rows)]

    def _length(self, count: int) -> int:
        """Rows of a batch; of few different lengths, where each is compiled anew."""
        size = ceil(count / ceil(count / self.rows))
        if not self.framework.traces(""):
            return size
        quarter = max(8, 2 ** (size.bit_length() - 3))
        return min(self.rows, ceil(size / quarter) * quarter)

    def blocks(self, items: np.ndarray, each: int) -> Iterator[np.ndarray]:
        """Items that need so many rows each, in parts that fill a batch."""
        size = max(1, self.rows // each)
        return (items[start : start + size] for start in range(0, len(items), size))

    def held(self, point: np.ndarray) -> np.ndarray:
        """The nearest point that the dtype holds."""
        return rounded(point, self.setting.dtype)


@dataclass
class Trace:
    """The same inside a function that is compiled, where point and inputs are its arguments."""

    xp: Any
    x: Any
    rest: Any
    lines: Any
    setting: Setting
    batched: Callable[[Any, Any], Any]

    @property
    def eps(self) -> float:
        """The spacing of the dtype at 1."""
        return EPS[self.setting.dtype]

    def __call__(self, rows: Any) -> Any:
        """Values (rows, y) in float64."""
        held = self.xp.astype(rows, getattr(self.xp, self.setting.dtype))
        return self.xp.astype(self.batched(held, self.rest), self.xp.float64)

    def held(self, point: Any) -> Any:
        """The nearest point that the dtype holds."""
        short = self.xp.astype(point, getattr(self.xp, self.setting.dtype))
        return self.xp.astype(short, self.xp.float64)


def batch(
    framework: Framework, setting: Setting, device: str, *, by_hand: bool = False
) -> Callable[[Any, Any], Any]:
    """The case at rows of flat points and the inputs that are not differentiated.

    `by_hand` rounds in NumPy as a loop over the points does; float32 sums depend on it.
    """
    xp, static = framework.namespace(setting.dtype, device), setting.static

    def flat(xp: Any, row: Any, rest: Any) -> Any:
        xs = setting.split(row, xp)
        return xp.reshape(setting.function(Arguments(xp, xs, rest, static))(*xs), (-1,))

    if by_hand and framework.host_only:
        return lambda rows, rest: xp.stack([flat(xp, row, rest) for row in rows])
    return framework.batch(flat, xp)


# --- noise ---------------------------------------------------------------------------------------


LINES, COUNT = 4, 8  # on which the noise is looked for, and the points of each


@lru_cache(maxsize=1)
def noise_lines(seed: int, n: int) -> np.ndarray:
    """Directions (LINES, n) for inputs of size 1, the same for every point of a seed."""
    rng = generator(seed, "noise")
    return rng.uniform(0.5, 1, (LINES, n)) * rng.choice([-1, 1], (LINES, n))


def _noise_points(xp: Any, x: Any, lines: Any, eps: float) -> Any:
    """Points (LINES, COUNT, x) on short lines from the point, every other one a little longer."""
    short, long = min(64 * eps, eps**0.5 / 4), eps**0.5 / 4
    spacings = np.array((short, long) * (LINES // 2))[:, None, None] * np.arange(COUNT)[:, None]
    return x + spacings * (lines * scale(x, xp))[:, None]


def noise(sample: Sampler | Trace) -> Any:
    """The rounding noise of each value: high differences of values along `noise_lines`.

    The k-th difference of a smooth function at such spacing vanishes, that of independent noise of
    variance s² has variance s² C(2k, k); k = 4 to 6 are used, and the largest line counts. Lines
    start at the point, so that they see one side of a kink; the longer ones see coarser noise.
    """
    xp, eps = sample.xp, sample.eps
    at = xp.reshape(_noise_points(xp, sample.x, sample.lines, eps), (LINES * COUNT, -1))
    values = xp.reshape(sample(sample.held(at)), (LINES, COUNT, -1))
    size = xp.max(xp.abs(values), axis=(0, 1))
    unit = xp.where(size > 0, size, 1.0)  # squares of tiny values would vanish
    estimates = []
    difference = xp.diff(values / unit, n=3, axis=1)
    for k in (4, 5, 6):
        difference = xp.diff(difference, axis=1)
        estimates.append(xp.sqrt(xp.mean(difference**2, axis=1) / comb(2 * k, k)))
    low, middle, high = estimates
    median = xp.maximum(xp.minimum(low, middle), xp.minimum(xp.maximum(low, middle), high))
    measured = unit * xp.max(median, axis=0)
    return xp.fmax(2 * measured, 0.5 * eps * size + TINY[sample.setting.dtype])


def quantum(values: Any, xp: Any = np) -> Any:
    """The largest power of two that divides all values along the last axis but one.

    It is 0 where none vary. Where large terms cancel, it is the spacing of the terms.
    """
    size = xp.abs(xp.where(xp.isfinite(values), values, 0.0))
    bits = size.view(np.int64)
    shorter = (bits & (bits - 1)).view(np.float64)  # the same without its lowest bit
    lowest = xp.where(bits & (2**52 - 1) == 0, size, size - shorter)
    lowest = xp.where(size == 0, xp.inf, lowest)
    vary = xp.any(values != values[..., :1, :], axis=-2)
    return xp.where(vary, xp.min(lowest, axis=-2), 0.0)


# --- ladders -------------------------------------------------------------------------------------


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
            far = room(x, floor, xp=xp)
            one = numbers.shape
            return tuple(
                xp.broadcast_to(unit_length(far, slot, xp), one) if at is None else far[at]
                for slot, at in slots
            )

        return cls(lengths(1.0), lengths(0.0))

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
    directions = stencil.block(numbers, n, xp)
    moves = tuple(s * d[:, None] for s, d in zip(lengths, directions, strict=True))
    held = sample.held(xp.stack(points(sample.x, moves), axis=2))  # (tuples, levels, points, x)
    values = sample(xp.reshape(held, (-1, n)))
    values = xp.reshape(values, (*held.shape[:3], -1))
    moved = _moved([held[:, :, k] for k in range(held.shape[2])])
    if stencil.elementwise:
        return _ladder(sample, values, prod(moved), rough)
    indices = stencil.indices(numbers, n)
    widths = [_along(xp, *each) for each in zip(moved, directions, indices, strict=True)]
    made = _ladder(sample, values, prod(widths), rough)
    for each in zip(moved, directions, indices, widths, strict=True):
        off = xp.moveaxis(_astray(xp, *each), 1, 0)
        made.rounding = made.rounding + off * xp.max(xp.abs(made.slopes), axis=2)[..., None]
    return made


def _ladder(sample: Sampler | Trace, values: Any, widths: Any, rough: Any) -> Ladder:
    """Slopes of values (tuples, levels, points, y), and the rounding error that each may have."""
    xp, (tuples, levels, count, y) = sample.xp, values.shape
    largest = xp.max(xp.abs(values), axis=2)
    size = xp.max(largest, axis=1)
    spacing = quantum(xp.reshape(values, (tuples, levels * count, y)), xp)
    coarse = xp.maximum(rough, spacing)
    loud = (spacing > 0) & (coarse > xp.maximum(size / LOUD, TINY[sample.setting.dtype]))
    coarse = xp.where(loud, xp.inf, coarse)
    slopes = combine([values[:, :, k] for k in range(count)], widths)
    rounding = count * xp.fmax(coarse[:, None], sample.eps * largest) / xp.abs(widths)
    return Ladder(xp.moveaxis(slopes, 1, 0), xp.moveaxis(rounding, 1, 0))


def _moved(held: list[Any]) -> list[Any]:
    """How far the points of a stencil lie apart in each of its slots, as the dtype holds them."""
    if len(held) == 2:
        return [held[0] - held[1]]
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


def extrapolate(ladder: Ladder, xp: Any = np) -> tuple[Any, Any]:
    """The best entry of Richardson's tableau and its estimated error, for each value.

    The estimate is the larger distance to the two entries that it was made from, the rounding
    noise as the tableau amplifies it, and what entries of shorter steps contradict beyond theirs.
    """
    entries, rounding = ladder.slopes, ladder.rounding
    best = xp.where(xp.isfinite(entries[0]), entries[0], 0.0)  # ± inf, where nothing is better
    error = xp.full(best.shape, xp.inf, dtype=entries.dtype)
    for j in range(1, min(len(entries), LEVELS)):
        factor = RATIO ** (2 * j)
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
