"""To how many digits a candidate and a slope agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.numbers import Ball, ball, midpoint

DIGITS_OF_ZERO = 77.0  # of 256 bits: what is said where nothing is off


@dataclass(frozen=True)
class Agreement:
    """How far a candidate is from a slope, and the size of the terms that make it up."""

    gap: float
    size: float

    @property
    def digits(self) -> float:
        """The digits to which they agree."""
        if self.gap == 0.0:
            return DIGITS_OF_ZERO
        known = np.isfinite(self.gap) and self.size > 0
        return max(0.0, float(-np.log10(self.gap / self.size))) if known else 0.0


def agreement(
    candidate: Ball, along: Ball, directions: Sequence[Any], elementwise: bool, terms: float = 0.0
) -> Agreement:
    """A candidate against a slope.

    The candidate's last axes are contracted with the directions, last first; elements of an
    elementwise map are multiplied by them. `terms` is the size of what the slope was summed from.
    """
    xp = candidate.namespace
    got, size = candidate, np.abs(midpoint(candidate))
    for d in reversed(directions):
        far = np.abs(midpoint(ball(d)))
        if elementwise:
            got, size = got * ball(d), size * far
        else:
            got, size = xp.tensordot(got, ball(d), axes=1), np.tensordot(size, far, axes=1)
    gap = float(np.max(np.abs(midpoint(got - along)), initial=0.0))
    sizes = (float(np.max(a, initial=0.0)) for a in (size, np.abs(midpoint(along))))
    return Agreement(gap, max(terms, *sizes))
