"""Derivatives inside derivatives that a forward mode without tags mixes up."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 5}, "medium": {"n": 50}, "large": {"n": 500}},
    operators=("derivative", "second_derivative"),
    source="Siskind & Pearlmutter 2005, Perturbation confusion and referential transparency: "
    "correct functional implementation of forward-mode AD, IFL 2005, eq. 2",
)
def perturbation_confusion(xp, x):  # x (n,) -> (n,)
    """x · d/dy (x + y) at y = 1, which is x: its derivative is 1, and 2 where tangents mix."""
    return x * xp.jvp(lambda xp, y: x + y)(xp.ones_like(x), xp.ones_like(x))


@perturbation_confusion.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n)}


@perturbation_confusion.point("textbook")
def textbook():
    """x = 1."""
    return {"x": np.ones(1)}


@perturbation_confusion.formula("derivative")
def one(xp, x):
    """1."""
    return xp.ones_like(x)


@perturbation_confusion.formula("second_derivative")
def zero(xp, x):
    """0."""
    return xp.zeros_like(x)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 5}, "medium": {"n": 50}, "large": {"n": 500}},
    operators=("derivative", "second_derivative"),
    source="Manzyuk, Pearlmutter, Radul, Rush & Siskind 2019, Perturbation confusion in forward "
    "automatic differentiation of higher-order functions, J. Functional Programming 29, e12, "
    "section 2",
)
def slope_at_itself(xp, x):  # x (n,) -> (n,)
    """x · d/dy (x y³) at y = x, which is 3 x⁴: x is a constant inside, and the place outside."""
    return x * xp.jvp(lambda xp, y: x * y**3)(x, xp.ones_like(x))


slope_at_itself.inputs(draw)


@slope_at_itself.formula("derivative")
def cube(xp, x):
    """12 x³."""
    return 12 * x**3


@slope_at_itself.formula("second_derivative")
def square(xp, x):
    """36 x²."""
    return 36 * x**2
