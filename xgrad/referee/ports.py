"""Whether two programs are the same function: their values in balls, at and near a point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xgrad.errors import digits_told
from xgrad.numbers import BITS, Ball, ball, midpoint, precision
from xgrad.programs import recognised_constants
from xgrad.referee.grades import APPROXIMATE, CERTIFIED

NEARBY = 3  # random points, beside the one that was given
WAY = 0.125  # of the size of each input, to them
MOST = 77.0  # digits that balls resolve

Values = Callable[[Ball], Ball]


def common_digits(one: Values, other: Values, x: np.ndarray, draws: list[np.ndarray]) -> float:
    """To how many digits two functions agree, where they agree least."""
    points = [x, *(x + WAY * d for d in draws)]
    with precision(BITS):
        found = _least(one, other, points)
        if APPROXIMATE.least <= found < CERTIFIED.least:
            with recognised_constants():
                found = max(found, _least(one, other, points))
    return found


def describe_sameness(digits: float, original: str) -> str:
    """What so many digits say of a port beside its original."""
    agree = f"values agree to {digits_told(int(digits))} at {NEARBY + 1} points in balls"
    if digits >= CERTIFIED.least:
        return f"the same function as {original}: {agree}"
    if digits >= APPROXIMATE.least:
        return f"the same function as {original} but for constants rounded to floats: {agree}"
    return f"another function than {original}: {agree}"


def _least(one: Values, other: Values, points: list[np.ndarray]) -> float:
    return min(_digits(one(ball(p)), other(ball(p))) for p in points)


def _digits(a: Ball, b: Ball) -> float:
    """Digits of the largest value that two have in common; those that are in neither are left."""
    gap, size = np.abs(midpoint(a - b)), np.abs(midpoint(b))
    known = np.isfinite(midpoint(a)) & np.isfinite(size)
    if np.any(np.isfinite(midpoint(a)) != np.isfinite(size)) or not known.any():
        return 0.0
    share = np.max(gap, where=known, initial=0.0) / (np.max(size, where=known, initial=0.0) or 1.0)
    return float(np.clip(-np.log10(share), 0.0, MOST)) if share else MOST
