"""Steps: what is constant almost everywhere, and jumps."""

import numpy as np

import xgrad

SOURCE = "Bengio, Léonard & Courville 2013, arXiv:1308.3432: gradients through steps"


def at(x):
    """A point function for a scalar x."""
    return lambda: {"x": np.asarray(x, dtype=float)}


@xgrad.case(wrt="x", source=SOURCE)
def signum(xp, x):  # x () -> ()
    """sign x at 0, where it jumps: infinite slopes."""
    return xp.sign(x)


signum.point("zero")(at(0.0))


@xgrad.case(wrt="x", source=SOURCE)
def rounded_down(xp, x):  # x () -> ()
    """floor x at an integer: a jump on the left, 0 on the right."""
    return xp.floor(x)


rounded_down.point("integer")(at(2.0))


@xgrad.case(wrt="x", source=SOURCE)
def rounded_to_even(xp, x):  # x () -> ()
    """round x at a half: a jump on one side."""
    return xp.round(x)


rounded_to_even.point("half")(at(2.5))


@xgrad.case(wrt="x", source=SOURCE)
def sawtooth(xp, x):  # x () -> ()
    """x mod 1 at an integer: a jump on the left, 1 on the right."""
    return xp.remainder(x, xp.ones_like(x))


sawtooth.point("integer")(at(2.0))


@xgrad.case(wrt="x", source=SOURCE)
def step_between(xp, x):  # x () -> ()
    """sign x away from 0: the derivative is 0."""
    return xp.sign(x) * 2 + x


step_between.point("one")(at(1.0))
