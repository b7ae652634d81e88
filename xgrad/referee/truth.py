"""What the referee knows about an operator: values to 106 bits, slopes at a kink, products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xgrad.numbers import Ball, Doubled, ball, halves, midpoint
from xgrad.techniques import Slopes

NOT_FINITE = "the truth is not finite at this point"
SAME = 1e-12  # of a slope: sides that differ by less have one, and balls tell by how little they do
MET = 1e-25  # of the largest element: the truth beside kinks is kept to 106 bits
NEAR = 1e-10  # of the largest element: what exact numbers and float64 may differ by
PROBES = 4  # random directions where the definition along all would exceed the budget


@dataclass
class Truth:
    """What is known about one operator at one setting, in the flat layout.

    `high` + `low` hold the values to 106 bits. At a kink, `left` and `right` are the slopes. With
    `directions`, values are known along those only, a list of flat directions for each entry.
    """

    kind: str  # certified, definition, probes, kink, none
    note: str = ""
    digits: float = float("nan")
    exact: Ball | None = None
    high: np.ndarray = field(default_factory=lambda: np.zeros(0))
    low: np.ndarray = field(default_factory=lambda: np.zeros(0))
    left: np.ndarray | None = None
    right: np.ndarray | None = None
    directions: list[list[np.ndarray]] = field(default_factory=list)
    noise: np.ndarray | None = None
    bound: np.ndarray | None = None  # how far the truth itself may be off
    refuted: bool = False  # the function's own derivative is not this one in float64 either
    narrowed: str = ""  # a shorter type than is asked for, in which the function itself computes
    unknown: np.ndarray | None = None  # elements without a truth
    by: str = "the formula"  # what was certified
    stops: bool = False  # the function is a loop that ends at a tolerance
    noises: Iterable[np.ndarray] | None = None  # growing with each sample, where drawn on demand

    @property
    def label(self) -> str:
        """The text of the column: the kind, for none with the reason."""
        return f"none: {self.note}" if self.kind == "none" else self.kind

    @property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """At a kink the lower and the higher slope of each element, one where there is one."""
        assert self.left is not None
        assert self.right is not None
        return np.fmin(self.left, self.right), np.fmax(self.left, self.right)

    @property
    def kinked(self) -> np.ndarray:
        """Which elements have two slopes, or none; at an end of the domain there is one."""
        if self.left is None or self.right is None:
            return np.zeros(self.high.shape, dtype=bool)
        low, high = self.slopes
        return ~(np.isfinite(low) & np.isclose(low, high, rtol=SAME, atol=0.0))

    def seen(self, got: Any) -> Any:
        """What the truth can be compared with: got itself, or its products with the directions."""
        if not self.directions:
            return got
        return np.array([contracted(got, d) for d in self.directions]).reshape(-1)

    def meets(self, candidate: Ball) -> bool:
        """Whether a candidate is the truth wherever there is one, to the digits that are kept."""
        gap = np.abs(midpoint(candidate - ball(self.high) - ball(self.low)))
        size = np.max(np.abs(self.high), initial=0.0, where=~self.kinked)
        return bool(np.all((gap <= MET * size) | self.kinked))

    def gap(self, got: Any) -> float:
        """The largest error, of the largest element."""
        size = float(np.max(np.abs(self.high), initial=0.0)) or 1.0
        return float(np.max(self.error(got), initial=0.0)) / size

    def error(self, got: Any) -> np.ndarray:
        """|seen − truth|, element by element, in the digits of both."""
        if isinstance(got, Ball):
            exact = self.exact if self.exact is not None else ball(self.high) + ball(self.low)
            return np.abs(midpoint(got - exact))
        if isinstance(got, Doubled):
            high, low = (np.asarray(part) for part in (got.high, got.low))
            return np.abs((high - self.high) + (low - self.low))
        with np.errstate(all="ignore"):
            if got.dtype == np.longdouble and got.dtype != np.float64:
                high = got.astype(np.float64)
                rest = (got - high).astype(np.float64)
                return np.abs((high - self.high) + (rest - self.low))
            return np.abs((got - self.high) - self.low)


def contracted(got: np.ndarray, directions: Sequence[np.ndarray]) -> np.ndarray:
    """The last axes of a table along directions, last first."""
    for d in reversed(directions):
        got = np.tensordot(got, d, axes=1)
    return got


def products(
    table: np.ndarray, directions: list[np.ndarray], elementwise: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A table along directions, and the same of its sizes."""
    sizes = [np.abs(d) for d in directions]
    if elementwise:
        return table * np.prod(directions, axis=0), np.abs(table) * np.prod(sizes, axis=0)
    return contracted(table, directions), contracted(np.abs(table), sizes)


def finished(kind: str, exact: Ball, note: str = "", digits: float = np.nan) -> Truth:
    """A truth of finite balls, without elements that are none; none where all of them are."""
    high, low = halves(exact)
    finite = np.isfinite(high)
    if not finite.any() and finite.size:
        return Truth("none", NOT_FINITE)
    made = Truth(kind, note, digits, exact, high, low)
    made.unknown = None if finite.all() else ~finite
    return made


def taken(known: Truth, make: Callable[[Ball], Ball]) -> Truth:
    """The truth that is made of another one, by the same evidence."""
    assert known.exact is not None
    made = finished(known.kind, make(known.exact), known.note, known.digits)
    made.by = known.by
    return made


def at_kink(slopes: Slopes) -> Truth:
    """Left and right slopes: there is no single truth here, and at a jump an infinite one.

    A side on which the function has no value has no slope: NaN. There the other is the truth.
    """
    left, right = midpoint(slopes.left), midpoint(slopes.right)
    if np.any(np.isnan(left) & np.isnan(right)):
        return Truth("none", NOT_FINITE)
    note = "the function or its slope jumps" if np.any(slopes.jumps) else ""
    where = slopes.central.namespace.where
    central = where(np.isnan(left) & np.isfinite(right), slopes.right, slopes.central)
    high, low = halves(where(np.isnan(right) & np.isfinite(left), slopes.left, central))
    return Truth("kink", note, high=high, low=low, left=left, right=right)


def is_near(balls: np.ndarray, floats: np.ndarray, near: float) -> bool:
    """Whether floats show the same numbers; what is not finite in both is the same."""
    if balls.size != floats.size:
        return False
    balls, floats = balls.reshape(-1), floats.reshape(-1)
    both = np.isfinite(balls) & np.isfinite(floats)
    size = np.max(np.abs(floats), initial=0.0, where=both)
    return bool(np.all(np.abs(balls - floats)[both] <= near * size)) and bool(
        np.all(np.isfinite(balls) == np.isfinite(floats))
    )
