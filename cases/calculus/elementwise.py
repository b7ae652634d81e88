"""The sine, elementwise: its first and second derivative."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 100}, "medium": {"n": 10_000}, "large": {"n": 1_000_000}},
    operators=("derivative", "second_derivative"),
    source="Abramowitz & Stegun 1964, Handbook of Mathematical Functions, eq. 4.3.105 and 4.3.106",
)
def sine(xp, x):  # x (n,) -> (n,)
    """sin x."""
    return xp.sin(x)


@sine.inputs
def draw(rng, n):
    return {"x": rng.uniform(-np.pi, np.pi, size=n)}


@sine.point("grid")
def grid():
    """0, 0.001, …, 1."""
    return {"x": np.arange(1001) / 1000}


@sine.formula("derivative")
def cosine(xp, x):
    """cos x."""
    return xp.cos(x)


@sine.formula("second_derivative")
def minus_sine(xp, x):
    """−sin x."""
    return -xp.sin(x)
