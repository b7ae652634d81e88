"""Numbers of 106 bits for tests: how they are drawn, and how many digits of a result are right."""

import hypothesis.strategies as st
import numpy as np

from xgrad.numbers import NAMESPACE as BALLS
from xgrad.numbers import Doubled, doubled, midpoint, precision, to_ball

COUNT = 24


def draw_numbers(rng, least, most, shape=(COUNT,), signs=(-1, 1)):
    """Numbers with exponents of 2 between two, and low parts of their own."""
    size = rng.uniform(1, 2, shape) * 2.0 ** rng.integers(least, most, shape)
    high = rng.choice(signs, shape) * size
    return Doubled.of(high, high * 2.0**-53 * rng.uniform(-1, 1, shape))


def spread(rng, low, high, shape=(400,), logarithmic=False):
    """Numbers of an interval, evenly or by their logarithm, and low parts of their own."""
    drawn = rng.uniform(*(np.log([low, high]) if logarithmic else (low, high)), shape)
    drawn = np.exp(drawn) if logarithmic else drawn
    return Doubled.of(drawn, drawn * 2.0**-53 * rng.uniform(-1, 1, shape))


def seeds():
    """Generators of numbers, for hypothesis."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def lost(got, want, scale=None):
    """The largest error against balls, relative to them or to a scale."""
    with precision(400):
        made = to_ball(doubled(got))
        scale = BALLS.abs(want if scale is None else scale)
        safe = BALLS.where(scale == 0, 1.0, scale)
        errors = midpoint(BALLS.abs(made - want) / safe)
    assert errors.shape == want.shape
    return float(np.max(errors, initial=0.0))


def require_digits(digits, got, want, scale=None):
    """Raise `AssertionError` where fewer digits are right."""
    error = lost(got, want, scale)
    assert error <= 10.0**-digits, f"{-np.log10(error):.2f} digits in place of {digits}"


def in_balls(function, *arguments, **keywords):
    """A function of `xp` on the same numbers in balls of 400 bits."""
    with precision(400):
        made = [to_ball(a) if isinstance(a, Doubled) else a for a in arguments]
        return getattr(BALLS, function)(*made, **keywords)
