"""Two polynomials of the textbook: partial derivatives, and the gradient of x·x."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("x", "y"),
    operators=("value", "gradient", "hessian"),
    source="Stewart 2015, Calculus, 8th ed., section 14.3, partial derivatives",
)
def product(xp, x, y):  # x (), y () -> ()
    """(x + y)(y + 3)."""
    return (x + y) * (y + 3)


@product.inputs
def draw(rng):
    return {"x": np.asarray(rng.normal()), "y": np.asarray(rng.normal())}


@product.point("textbook")
def textbook():
    """At (1, 2) the partial derivatives are 5 and 8."""
    return {"x": np.asarray(1.0), "y": np.asarray(2.0)}


@product.formula("gradient")
def gradient(xp, x, y):
    """(y + 3, (x + y) + (y + 3))."""
    return y + 3, (x + y) + (y + 3)


@product.formula("hessian")
def hessian(xp, x, y):
    """((0, 1), (1, 2))."""
    zero = xp.zeros(())
    return (zero, zero + 1), (zero + 1, zero + 2)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 3}, "medium": {"n": 100}, "large": {"n": 1_000}},
    operators=("value", "gradient", "hessian", "hvp", "laplacian"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 131",
)
def square(xp, x):  # x (n,) -> ()
    """x·x."""
    return xp.sum(x * x)


@square.inputs
def draw_vector(rng, n):
    return {"x": rng.normal(size=n)}


@square.formula("gradient")
def square_gradient(xp, x):
    """2x."""
    return 2 * x


@square.formula("hessian")
def square_hessian(xp, x):
    """2I."""
    return 2 * xp.eye(x.shape[0])
