"""The function of a setting at rows of points, in batches, and the rounding noise of its values.

The noise is measured from differences of nearby values, as Moré and Wild 2011 (SIAM J. Sci. Comput.
33(3), 1292-1314) do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, comb, prod
from typing import Any

import numpy as np

from xgrad.frameworks import Framework
from xgrad.numbers import EPS, rounded
from xgrad.problem import Arguments, Setting, generator, scale

ROWS = 4_096  # evaluations in one batch, at most
ELEMENTS = 2**21  # numbers in one batch of inputs, at most
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


LINES, COUNT = 6, 8  # on which the noise is looked for, and the points of each
FINE = 4  # of the lines: the others see what only shows over longer ways


@lru_cache(maxsize=1)
def noise_lines(seed: int, n: int) -> np.ndarray:
    """Directions (LINES, n) for inputs of size 1, the same for every point of a seed."""
    rng = generator(seed, "noise")
    made = rng.uniform(0.5, 1, (LINES, n)) * rng.choice([-1, 1], (LINES, n))
    made[FINE + 1 :: 2] = -made[FINE:-1:2]  # the longest go both ways: a kink lies on one side
    return made


def _noise_points(xp: Any, x: Any, lines: Any, eps: float) -> Any:
    """Points (LINES, COUNT, x) on short lines from the point, every other one a little longer."""
    short, long = min(64 * eps, eps**0.5 / 4), eps**0.5 / 4
    each = (short, long) * (FINE // 2) + (eps**0.25 / 2,) * (LINES - FINE)
    spacings = np.array(each)[:, None, None] * np.arange(COUNT)[:, None]
    return x + spacings * (lines * scale(x, xp))[:, None]


def noise(sample: Sampler | Trace) -> Any:
    """The rounding noise of each value: high differences of values along `noise_lines`.

    The k-th difference of a smooth function at such spacing vanishes, that of independent noise of
    variance s² has variance s² C(2k, k); k = 4 to 6 are used, and the largest line counts. Lines
    start at the point, so that they see one side of a kink. The longest see values that stand still
    over short ways, as of terms that cancel; there the least estimate counts, for what is left of
    the function itself falls with k, and a kink lies on one side.
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
    least = xp.minimum(low, xp.minimum(middle, high))
    seen = xp.maximum(xp.max(median[:FINE], axis=0), xp.min(least[FINE:], axis=0))
    measured = unit * seen
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
