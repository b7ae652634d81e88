"""A result beside the truth: errors, tolerances, and the slopes at kinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xgrad.numbers import EPS, SMALLEST, Ball, midpoint, spacing
from xgrad.referee import Truth
from xgrad.techniques import DIGITS_OF_ZERO, Outcome

BALL_DIGITS = 40.0  # that a formula in balls must show


@dataclass
class Comparison:
    """A result beside the truth, as it can be seen: values, errors and tolerances, flat."""

    truth: Truth
    got: np.ndarray
    error: np.ndarray
    tolerance: np.ndarray
    noise: np.ndarray
    kinked: np.ndarray
    in_balls: bool
    dtype: str
    multiple: float = float("nan")  # of the plain implementation's error
    element: Callable[[int], str] = str  # the name of a flat element

    @classmethod
    def make(
        cls, truth: Truth, outcome: Outcome, tolerance: np.ndarray, noise: np.ndarray, dtype: str
    ) -> Comparison:
        """The errors of an outcome; at a kink they are distances to the interval of slopes."""
        got = truth.seen(outcome.flat)
        values = np.asarray(midpoint(got) if isinstance(got, Ball) else got)
        error, kinked = truth.error(got), truth.kinked
        made = cls(truth, values, error, tolerance, noise, kinked, isinstance(got, Ball), dtype)
        if truth.left is not None and truth.right is not None:
            low, high = truth.slopes
            bounded = np.isfinite(low) | np.isfinite(high)  # or any number is a convention
            outside = np.where(bounded, np.maximum(np.maximum(low - values, values - high), 0), 0)
            made.error = np.where(made.kinked, outside, error)
        if truth.unknown is not None:
            made.error = np.where(truth.unknown, 0.0, made.error)
        return made

    def widened(self, more: np.ndarray) -> Comparison:
        """The same with a wider tolerance, where noise has been measured."""
        return replace(self, tolerance=self.tolerance + more, noise=np.maximum(self.noise, more))

    @property
    def want(self) -> np.ndarray:
        """The truth, in float64."""
        return np.asarray(self.truth.high)

    @cached_property
    def excess(self) -> np.ndarray:
        """The error over the tolerance, element by element."""
        with np.errstate(all="ignore"):
            none = np.where(self.error > 0, np.inf, 0.0)
            share = np.where(self.tolerance > 0, self.error / self.tolerance, none)
        return np.where(np.isnan(self.error), np.inf, share)

    @property
    def beyond(self) -> np.ndarray:
        """Which elements are further off than rounding takes a right result."""
        return np.asarray((self.excess > 1) & ~self.kinked)

    @property
    def outside(self) -> np.ndarray:
        """Which finite elements lie beyond both slopes of a kink."""
        return np.asarray((self.excess > 1) & self.kinked & np.isfinite(self.got))

    @property
    def worst(self) -> int:
        """The element furthest beyond its tolerance."""
        return int(np.argmax(self.excess)) if self.excess.size else 0

    @property
    def largest(self) -> float:
        """The largest error."""
        return float(np.max(np.where(np.isnan(self.error), np.inf, self.error), initial=0.0))

    @property
    def top(self) -> float:
        """The largest element of the truth; 0 below all floats, and of rounding in balls."""
        sizes = np.abs(self.want)
        size = float(np.max(sizes, initial=0.0, where=~np.isnan(sizes)))
        rounding = 10.0**-BALL_DIGITS * np.max(self.noise, initial=0.0)
        return size if size > max(rounding, SMALLEST["float64"]) else 0.0

    @property
    def is_vague(self) -> bool:
        """Whether the truth leaves an element more room than the largest one has."""
        bound = self.truth.bound
        return bound is not None and bool(np.max(bound, initial=0.0) > self.top)

    @property
    def relative(self) -> float:
        """The largest error over the largest element; NaN where the truth is zero."""
        return self.largest / self.top if self.top else np.nan

    @property
    def ulps(self) -> float:
        """The largest error in spacings of the dtype at the largest element."""
        return self.largest / spacing(self.top, self.dtype) if self.top else np.nan

    @property
    def digits(self) -> float:
        """Decimal digits of agreement, at most those of the dtype."""
        cap = DIGITS_OF_ZERO if self.in_balls else -np.log10(EPS[self.dtype])
        with np.errstate(divide="ignore"):
            return float(np.clip(-np.log10(self.relative), 0.0, cap)) + 0.0

    @property
    def name(self) -> str:
        """The name of the worst element."""
        return self.element(self.worst) if self.error.size else ""

    def at(self, values: np.ndarray) -> float:
        """What the worst element has in an array."""
        return float(values.reshape(-1)[self.worst]) if self.error.size else np.nan


def describe_slopes(found: Comparison) -> str:
    """The set of slopes at the first kinks, and what was returned."""
    low, high, got, outside = (
        a.reshape(-1) for a in (*found.truth.slopes, found.got, found.outside)
    )
    shown = []
    for k in np.flatnonzero(found.kinked.reshape(-1))[:3]:
        place = ", outside" if outside[k] else ""
        slopes = f"slopes {low[k]:g} and {high[k]:g}, returned {got[k]:g}"
        shown.append(f"kink at {found.element(int(k))}: {slopes}{place}")
    more = int(found.kinked.sum()) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more > 0 else "")
