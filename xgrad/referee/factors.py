"""A candidate that is wrong by one factor, set right: the truth at the cost of two directions."""

from __future__ import annotations

import numpy as np

from xgrad.numbers import Ball, ball, midpoint


def without_factor(candidate: Ball, direction: Ball, slopes: Ball, near: float) -> Ball | None:
    """The candidate over the one number that it has too much, told by slopes along a direction.

    Whether that is the definition is to be seen along others. None where the number is 1 to `near`
    digits: that is no factor.
    """
    got = candidate.namespace.tensordot(candidate, direction, axes=1)
    k = int(np.argmax(np.abs(midpoint(slopes))))
    factor = ball(got.data.reshape(-1)[k]) / ball(slopes.data.reshape(-1)[k])
    off = abs(float(midpoint(factor - 1.0)))
    if not 10.0**-near < off < np.inf or not float(midpoint(factor)):
        return None
    return candidate / factor
