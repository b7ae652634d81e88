"""Extrapolated differences: a ladder of steps along each direction, and what it is worth.

Central differences at ever shorter steps, extrapolated to step 0 (Richardson 1911; Ridders 1982,
Advances in Engineering Software 4(2), 75-76). The rounding noise of the function is measured from
differences of nearby values, as Moré and Wild 2011 (SIAM J. Sci. Comput. 33(3), 1292-1314) do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, comb, prod
from typing import Any

import numpy as np

from xgrad.frameworks import Framework
from xgrad.setting import EPS, Arguments, Setting, rounded, scale
from xgrad.techniques._stencil import Stencil, combine, points, unit_lengths

RATIO = 2.2  # between neighbouring steps; halving would keep a step at multiples of a period
LEVELS = 6  # steps in one rung, and columns of Richardson's tableau
FIRST = 0.2  # the longest step, relative to the inputs
ROWS = 4_096  # evaluations in one batch, at most
ELEMENTS = 2**21  # numbers in one batch of inputs, at most
LOUD = 8.0  # values below this many times their noise say nothing
TINY = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}

Directions = list[np.ndarray]  # for each slot, a row for each tuple: (tuples, x)


@dataclass
class Sampler:
    """The function at rows of flat float64 points, evaluated in the dtype, in batches."""

    framework: Framework
    setting: Setting
    device: str
    batched: Callable[[Any, Any], Any] | None = None  # of a setting that differs in values only

    def __post_init__(self) -> None:
        self._rest = self.setting.arguments(self.framework, self.device).rest
        self._batched = self.batched or batch(self.framework, self.setting, self.device)
        constants = [a.size for a in self.setting.inputs.values() if isinstance(a, np.ndarray)]
        width = max(1, sum(constants), prod(self.setting.y_shape))
        self.rows = int(max(1, min(ROWS, ELEMENTS // width)))
        self.evaluations = 0

    @property
    def x(self) -> np.ndarray:
        """The point, flat."""
        return self.setting.flat_x

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
            found.append(self.framework.get(self._batched(put, self._rest)))
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


def batch(framework: Framework, setting: Setting, device: str) -> Callable[[Any, Any], Any]:
    """The case at rows of flat points and the inputs that are not differentiated."""
    xp, static = framework.namespace(setting.dtype, device), setting.static

    def flat(row: Any, rest: Any) -> Any:
        xs = setting.split(row, xp)
        return xp.reshape(setting.function(Arguments(xp, xs, rest, static))(*xs), (-1,))

    return framework.batch(flat)


# --- noise ---------------------------------------------------------------------------------------


def noise(sample: Sampler, rng: np.random.Generator, lines: int = 4, count: int = 8) -> np.ndarray:
    """The rounding noise of each value: high differences of values on short random lines.

    The k-th difference of a smooth function at such spacing vanishes, that of independent noise of
    variance s² has variance s² C(2k, k); k = 4 to 6 are used, and the largest line counts. Lines
    start at the point, so that they see one side of a kink; the longer ones see coarser noise.
    """
    x, eps = sample.x, sample.eps
    short, long = min(64 * eps, eps**0.5 / 4), eps**0.5 / 4
    spacings = np.array((short, long) * (lines // 2))[:, None, None] * np.arange(count)[:, None]
    signs = [rng.uniform(0.5, 1, x.size) * rng.choice([-1, 1], x.size) for _ in range(lines)]
    rows = sample.held(x + spacings * (np.array(signs) * scale(x))[:, None])
    values = sample(rows.reshape(-1, x.size)).reshape(lines, count, -1)
    size = np.max(np.abs(values), axis=(0, 1))
    unit = np.where(size > 0, size, 1.0)  # squares of tiny values would vanish
    estimates = [
        np.sqrt(np.mean(np.diff(values / unit, n=k, axis=1) ** 2, axis=1) / comb(2 * k, k))
        for k in (4, 5, 6)
    ]
    measured = unit * np.max(np.median(estimates, axis=0), axis=0)
    return np.fmax(2 * measured, 0.5 * eps * size + TINY[sample.setting.dtype])


def quantum(values: np.ndarray) -> np.ndarray:
    """The largest power of two that divides all values along the last axis but one.

    It is 0 where none vary. Where large terms cancel, it is the spacing of the terms.
    """
    mantissa, exponent = np.frexp(np.where(np.isfinite(values), values, 0.0))
    whole = np.abs(mantissa * 2.0**53).astype(np.int64)
    lowest = np.where(whole == 0, np.inf, np.ldexp((whole & -whole) * 2.0**-53, exponent))
    vary = np.any(values != values[..., :1, :], axis=-2)
    return np.where(vary, np.min(lowest, axis=-2), 0.0)


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
        slopes, rounding = self.slopes[:, chosen], self.rounding[:, chosen]
        return Ladder(slopes, rounding, self.low[chosen], self.high[chosen])

    def limit(self, chosen: np.ndarray, probe: Ladder) -> None:
        """Keep some near what a probe found, whose step is long for the scale of its elements."""
        (slope,), (rounding,) = probe.slopes, probe.rounding
        slack = rounding + np.abs(slope) / 4
        self.low[chosen], self.high[chosen] = slope - slack, slope + slack


def climb(
    sample: Sampler, stencil: Stencil, directions: Directions, rung: int, rough: np.ndarray
) -> Ladder:
    """One rung along tuples of directions, the first with probes where due."""
    x = sample.x
    usual = [unit_lengths(x, d, floor=1.0) for d in directions]
    steps = FIRST * RATIO ** -np.arange(LEVELS * rung, LEVELS * (rung + 1.0))
    if stencil.elementwise:
        units = [np.broadcast_to(scale(x), d.shape)[:, None] for d in directions]
        return _differences(sample, stencil, directions, [steps[:, None] * u for u in units], rough)
    lengths = [(steps * u[:, None])[..., None] for u in usual]
    ladder = _differences(sample, stencil, directions, lengths, rough)
    own = [unit_lengths(x, d, floor=0.0) for d in directions]
    last = FIRST * RATIO**-LEVELS
    far = [b < last * a for a, b in zip(usual, own, strict=True)]
    due = np.flatnonzero(np.any(far, axis=0))
    if rung == 0 and due.size:  # one step in the scale of elements that lie far below the others
        choices = zip(usual, own, far, strict=True)
        probe = [np.where(f, FIRST * b, np.fmax(FIRST * b, last * a))[due] for a, b, f in choices]
        here = [d[due] for d in directions]
        lengths = [p[:, None, None] for p in probe]
        ladder.limit(due, _differences(sample, stencil, here, lengths, rough))
    return ladder


def _differences(
    sample: Sampler,
    stencil: Stencil,
    directions: Directions,
    lengths: list[np.ndarray],
    rough: np.ndarray,
) -> Ladder:
    """The stencil along tuples of directions, at lengths (tuples, levels, 1 or x), in one batch."""
    steps = tuple(s * d[:, None] for s, d in zip(lengths, directions, strict=True))
    held = sample.held(np.stack(points(sample.x, steps), axis=2))  # (tuples, levels, points, x)
    values = sample(held.reshape(-1, held.shape[-1])).reshape(*held.shape[:3], -1)
    return _ladder(sample, values, _widths(held, directions, stencil), rough)


def _ladder(sample: Sampler, values: np.ndarray, widths: np.ndarray, rough: np.ndarray) -> Ladder:
    """Slopes of values (tuples, levels, points, y), and the rounding error that each may have."""
    tuples, levels, count, y = values.shape
    largest = np.max(np.abs(values), axis=2)
    size = np.max(largest, axis=1)
    spacing = quantum(values.reshape(tuples, levels * count, y))
    coarse = np.maximum(rough, spacing)
    loud = (spacing > 0) & (coarse > np.maximum(size / LOUD, TINY[sample.setting.dtype]))
    coarse = np.where(loud, np.inf, coarse)
    slopes = combine([values[:, :, k] for k in range(count)], widths)
    rounding = count * np.fmax(coarse[:, None], sample.eps * largest) / np.abs(widths)
    low, high = np.full((2, tuples, y), [[[-np.inf]], [[np.inf]]])
    return Ladder(slopes.swapaxes(0, 1), rounding.swapaxes(0, 1), low, high)


def _widths(held: np.ndarray, directions: Directions, stencil: Stencil) -> np.ndarray:
    """The full widths of differences in multiples of the directions, as held points have them."""
    if held.shape[2] == 2:
        moved = [held[:, :, 0] - held[:, :, 1]]
    else:
        pp, pm, mp, mm = (held[:, :, k] for k in range(4))
        moved = [(pp + pm - mp - mm) / 2, (pp - pm + mp - mm) / 2]
    if stencil.elementwise:
        return np.asarray(prod(moved))
    pairs = zip(moved, directions, strict=True)
    along = [np.einsum("tlx,tx->tl", m, d) / np.sum(d * d, axis=1)[:, None] for m, d in pairs]
    return np.asarray(prod(along))[..., None]


# --- extrapolation -------------------------------------------------------------------------------


def extrapolate(ladder: Ladder) -> tuple[np.ndarray, np.ndarray]:
    """The best entry of Richardson's tableau and its estimated error, for each value.

    The estimate is the larger distance to the two entries that it was made from, the rounding
    noise as the tableau amplifies it, and what entries of shorter steps contradict beyond theirs.
    """
    entries, rounding = ladder.slopes, ladder.rounding
    best = np.nan_to_num(entries[0], posinf=0.0, neginf=0.0)  # ± inf, where nothing is better
    error = np.full(best.shape, np.inf, dtype=entries.dtype)
    for j in range(1, min(len(entries), LEVELS)):
        factor = RATIO ** (2 * j)
        coarse, fine = entries[:-1], entries[1:]
        entries = fine + (fine - coarse) / (factor - 1)
        rounding = (factor * rounding[1:] + rounding[:-1]) / (factor - 1)
        made = np.maximum(np.abs(entries - fine), np.abs(entries - coarse) / factor)
        guess = made + rounding + _contradiction(ladder, entries, rounding)
        for value, size in zip(entries, guess, strict=True):
            better = size < error
            best = np.where(better, value, best)
            error = np.where(better, size, error)
    return best, error


def _contradiction(ladder: Ladder, entries: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """How far each entry lies outside of what those of shorter steps, and a probe, allow."""
    low = np.fmax.accumulate((entries - rounding)[::-1], axis=0)[::-1]
    high = np.fmin.accumulate((entries + rounding)[::-1], axis=0)[::-1]
    low, high = np.fmax(low, ladder.low), np.fmin(high, ladder.high)
    return np.asarray(np.fmax(0.0, np.fmax(low - entries, entries - high)))
