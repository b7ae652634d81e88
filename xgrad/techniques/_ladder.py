"""Extrapolated differences: a ladder of steps along each direction, and what it is worth.

Central differences at ever shorter steps, extrapolated to step 0 (Richardson 1911; Ridders 1982,
Advances in Engineering Software 4(2), 75-76). The rounding noise of the function is measured from
differences of nearby values, as Moré and Wild 2011 (SIAM J. Sci. Comput. 33(3), 1292-1314) do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, comb, prod
from typing import Any

import numpy as np

from xgrad.frameworks import Framework
from xgrad.setting import EPS, Setting, rounded, scale
from xgrad.techniques._stencil import Stencil, combine, points, unit_length

RATIO = 2.2  # between neighbouring steps; halving would keep a step at multiples of a period
LEVELS = 6  # steps in one rung, and columns of Richardson's tableau
FIRST = 0.2  # the longest step, relative to the inputs
ROWS = 4_096  # evaluations in one batch, at most
ELEMENTS = 2**21  # numbers in one batch of inputs, at most
LOUD = 8.0  # values below this many times their noise say nothing
TINY = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}

Directions = tuple[np.ndarray, ...]
Lengths = tuple[Any, ...]  # how far to go along each direction, in multiples of it


@dataclass
class Sampler:
    """The function at rows of flat float64 points, evaluated in the dtype, in batches."""

    framework: Framework
    setting: Setting
    device: str

    def __post_init__(self) -> None:
        arguments = self.setting.arguments(self.framework, self.device)
        f = self.setting.function(arguments)
        xp = arguments.xp

        def flat(row: Any) -> Any:
            return xp.reshape(f(*self.setting.split(row, xp)), (-1,))

        self._batched = self.framework.batch(flat)
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

    def __call__(self, rows: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Values (rows, y) at points (rows, x) that the dtype holds, in batches of one length."""
        found = []
        size = ceil(len(rows) / ceil(len(rows) / self.rows))
        for start in range(0, len(rows), size):
            part = np.asarray(rows[start : start + size])
            padded = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            put = self.framework.put(padded, self.setting.dtype, self.device)
            found.append(self.framework.get(self._batched(put))[: len(part)])
        self.evaluations += len(rows)
        return np.concatenate(found)

    def blocks(self, items: Sequence[int], each: int) -> Iterator[Sequence[int]]:
        """Items that need so many rows each, in lists that fill a batch."""
        size = max(1, self.rows // each)
        return (items[start : start + size] for start in range(0, len(items), size))

    def held(self, point: np.ndarray) -> np.ndarray:
        """The nearest point that the dtype holds."""
        return rounded(point, self.setting.dtype)


# --- noise ---------------------------------------------------------------------------------------


def noise(sample: Sampler, rng: np.random.Generator, lines: int = 4, count: int = 8) -> np.ndarray:
    """The rounding noise of each value: high differences of values on short random lines.

    The k-th difference of a smooth function at such spacing vanishes, that of independent noise of
    variance s² has variance s² C(2k, k); k = 4 to 6 are used, and the largest line counts. Lines
    start at the point, so that they see one side of a kink; the longer ones see coarser noise.
    """
    x, eps = sample.x, sample.eps
    short, long = min(64 * eps, eps**0.5 / 4), eps**0.5 / 4
    rows = []
    for spacing in (short, long) * (lines // 2):
        direction = rng.uniform(0.5, 1, x.size) * rng.choice([-1, 1], x.size) * scale(x)
        rows += [sample.held(x + t * spacing * direction) for t in range(count)]
    values = sample(rows).reshape(lines, count, -1)
    size = np.max(np.abs(values), axis=(0, 1))
    unit = np.where(size > 0, size, 1.0)  # squares of tiny values would vanish
    estimates = [
        np.sqrt(np.mean(np.diff(values / unit, n=k, axis=1) ** 2, axis=1) / comb(2 * k, k))
        for k in (4, 5, 6)
    ]
    measured = unit * np.max(np.median(estimates, axis=0), axis=0)
    return np.fmax(2 * measured, 0.5 * eps * size + TINY[sample.setting.dtype])


def quantum(values: np.ndarray) -> np.ndarray:
    """The largest power of two that divides all values along the first axis, 0 where none vary.

    Where large terms cancel, it is the spacing of the terms.
    """
    mantissa, exponent = np.frexp(np.where(np.isfinite(values), values, 0.0))
    whole = np.abs(mantissa * 2.0**53).astype(np.int64)
    lowest = np.where(whole == 0, np.inf, np.ldexp((whole & -whole) * 2.0**-53, exponent))
    vary = np.any(values != values[:1], axis=0)
    return np.where(vary, np.min(lowest, axis=0), 0.0)


# --- ladders -------------------------------------------------------------------------------------


@dataclass
class Ladder:
    """Differences along one tuple of directions at ever shorter steps, values (levels, y).

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

    def limit(self, probe: Ladder) -> None:
        """Keep near what a probe found, whose step is long for the scale of its elements."""
        (slope,), (rounding,) = probe.slopes, probe.rounding
        slack = rounding + np.abs(slope) / 4
        self.low, self.high = slope - slack, slope + slack


def climb(
    sample: Sampler, stencil: Stencil, block: Sequence[int], rung: int, rough: np.ndarray
) -> list[Ladder]:
    """One rung for the tuples of directions of these numbers, the first with probes where due."""
    tuples = [stencil.direction(k, sample.x.size) for k in block]
    plans = [_rung(sample, stencil, d, rung) for d in tuples]
    ladders = _differences(sample, stencil, tuples, plans, rough)
    probes = [_probe(sample, stencil, d) if rung == 0 else [] for d in tuples]
    due = [k for k, plan in enumerate(probes) if plan]
    if due:
        here, plans = [tuples[k] for k in due], [probes[k] for k in due]
        found = _differences(sample, stencil, here, plans, rough)
        for k, probe in zip(due, found, strict=True):
            ladders[k].limit(probe)
    return ladders


def _rung(sample: Sampler, stencil: Stencil, directions: Directions, rung: int) -> list[Lengths]:
    """The steps of a rung; those of rung 0 begin at a share of the inputs' scale."""
    x = sample.x
    units = [scale(x) if stencil.elementwise else unit_length(x, d, floor=1.0) for d in directions]
    levels = range(LEVELS * rung, LEVELS * (rung + 1))
    return [tuple(FIRST * RATIO**-k * unit for unit in units) for k in levels]


def _probe(sample: Sampler, stencil: Stencil, directions: Directions) -> list[Lengths]:
    """One step in the scale of elements that lie far below the others; else none."""
    usual = [unit_length(sample.x, d, floor=1.0) for d in directions]
    own = [unit_length(sample.x, d, floor=0.0) for d in directions]
    last = FIRST * RATIO**-LEVELS
    far = [b < last * a for a, b in zip(usual, own, strict=True)]
    if stencil.elementwise or not any(far):
        return []
    choices = zip(usual, own, far, strict=True)
    return [tuple(FIRST * b if f else max(FIRST * b, last * a) for a, b, f in choices)]


def _differences(
    sample: Sampler,
    stencil: Stencil,
    tuples: list[Directions],
    plans: list[list[Lengths]],
    rough: np.ndarray,
) -> list[Ladder]:
    """The stencil along tuples of directions at the lengths planned for each, in one batch."""
    widths: list[Any] = []
    rows: list[np.ndarray] = []
    for directions, plan in zip(tuples, plans, strict=True):
        for lengths in plan:
            steps = tuple(s * d for s, d in zip(lengths, directions, strict=True))
            held = [sample.held(p) for p in points(sample.x, steps)]
            widths.append(_width(held, directions, stencil))
            rows += held
    levels = len(plans[0])
    values = sample(rows).reshape(len(tuples), levels, 2 ** len(stencil.slots), -1)
    return [
        _ladder(sample, v, widths[k * levels : (k + 1) * levels], rough)
        for k, v in enumerate(values)
    ]


def _ladder(sample: Sampler, values: np.ndarray, widths: list[Any], rough: np.ndarray) -> Ladder:
    """Slopes of values (levels, points, y), and the rounding error that each may have."""
    size = np.max(np.abs(values), axis=(0, 1))
    spacing = quantum(values.reshape(-1, values.shape[-1]))
    coarse = np.maximum(rough, spacing)
    loud = (spacing > 0) & (coarse > np.maximum(size / LOUD, TINY[sample.setting.dtype]))
    coarse = np.where(loud, np.inf, coarse)
    count = values.shape[1]
    slopes, rounding = [], []
    for level, width in zip(values, widths, strict=True):
        slopes.append(combine(list(level), width))
        here = np.fmax(coarse, sample.eps * np.max(np.abs(level), axis=0))
        rounding.append(count * here / np.abs(width))
    return Ladder(np.array(slopes), np.array(rounding))


def _width(held: list[np.ndarray], directions: Directions, stencil: Stencil) -> Any:
    """The full width of the difference in multiples of the directions, as held points have it."""
    if len(held) == 2:
        moved = [held[0] - held[1]]
    else:
        pp, pm, mp, mm = held
        moved = [(pp + pm - mp - mm) / 2, (pp - pm + mp - mm) / 2]
    if stencil.elementwise:
        return np.prod(moved, axis=0)
    return prod(float(np.dot(m, d) / np.dot(d, d)) for m, d in zip(moved, directions, strict=True))


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
