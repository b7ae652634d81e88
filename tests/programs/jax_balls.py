"""Arrays of balls from floats, and back."""

import numpy as np

from xgrad.numbers import Ball, ball, midpoint


def balls(*arrays):
    """Object arrays of these numbers, exactly."""
    return [ball(np.asarray(a, dtype=np.float64)).data for a in arrays]


def floats(arrays):
    return [midpoint(Ball(a)) for a in arrays]


def close(got, want):
    return all(np.allclose(g, w, rtol=1e-11, atol=1e-12) for g, w in zip(got, want, strict=True))
