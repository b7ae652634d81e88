"""Ties of max, min and sort: kinks, and smooth functions that are written through them.

At a tie autodiff takes one element, or shares the derivative among those that tie. What is
symmetric in them is smooth, and either convention is right to first order; to second order both are
wrong, since the choice itself changes beside the tie.
"""

import numpy as np

import xgrad

CLARKE = "Clarke 1983, Optimization and Nonsmooth Analysis, section 2.3"
ORDER = "David & Nagaraja 2003, Order Statistics, 3rd ed., section 1.1; "
AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")
SHARED = (
    "max and min share the derivative at a tie, as constants: their product loses its cross term"
)


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


EQUAL = at(x=[1.25, 1.25])


@xgrad.case(wrt="x", operators=("hessian",), source=ORDER + CLARKE)
def product_of_extremes(xp, x):  # x (2,) -> ()
    """max(x₀, x₁) · min(x₀, x₁) = x₀x₁ at x₀ = x₁: the Hessian is ((0, 1), (1, 0))."""
    return xp.maximum(x[0], x[1]) * xp.minimum(x[0], x[1])


product_of_extremes.point("tie")(EQUAL)
product_of_extremes.formula("gradient")(lambda xp, x: xp.flip(x))
product_of_extremes.formula("hessian")(lambda xp, x: 1 - xp.eye(2))


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=ORDER + CLARKE)
def square_of_range(xp, x):  # x (2,) -> ()
    """(max x − min x)² = (x₀ − x₁)² at x₀ = x₁: the Hessian is ((2, −2), (−2, 2))."""
    return (xp.max(x) - xp.min(x)) ** 2


@xgrad.case(wrt="x", operators=("hessian",), source=ORDER + CLARKE)
def square_of_difference(xp, x):  # x (2,) -> ()
    """(x₀ − x₁)² at x₀ = x₁: the same, without extremes."""
    return (x[0] - x[1]) ** 2


for _case in (square_of_range, square_of_difference):
    _case.point("tie")(EQUAL)
    _case.formula("gradient")(lambda xp, x: 2 * (x - xp.flip(x)))
    _case.formula("hessian")(lambda xp, x: 4 * xp.eye(2) - 2)
for _case in (product_of_extremes, square_of_range):
    for _method in AUTODIFF:
        _case.known(_method, SHARED, operator="hessian")


@xgrad.case(wrt="x", operators=("hvp",), source=ORDER + "DLMF 4.2.1")
def shifted_logsumexp(xp, x):  # x (n,) -> ()
    """m + log Σ exp(x − m), m = max x, at a tie: free of m, so that no convention matters."""
    m = xp.max(x)
    return m + xp.log(xp.sum(xp.exp(x - m)))


shifted_logsumexp.point("tie")(at(x=[0.5, 2.0, 2.0, -1.0]))
shifted_logsumexp.formula("gradient")(lambda xp, x: xp.softmax(x, axis=-1))


@shifted_logsumexp.formula("hvp")
def softmax_along(xp, x, v):
    """s ∘ (v − s·v), s the softmax."""
    s = xp.softmax(x, axis=-1)
    return s * (v - xp.sum(s * v))


@xgrad.case(wrt="x", operators=("gradient",), source=ORDER + "section 7.4 on linear functions")
def energy_of_sorted(xp, x):  # x (n,) -> ()
    """Σ of the squares of the sorted elements at ties: Σx², the gradient is 2x."""
    return xp.sum(xp.sort(x) ** 2)


energy_of_sorted.point("ties")(at(x=[1.0, 3.0, 1.0, 3.0]))
energy_of_sorted.formula("gradient")(lambda xp, x: 2 * x)


@xgrad.case(
    wrt="x",
    operators=("gradient",),
    source="Villani 2003, Topics in Optimal Transportation, theorem 2.18; " + CLARKE,
)
def transport_cost(xp, x, y):  # x (n,), y (n,) -> ()
    """Σ (sort x − sort y)² where two x are equal and their partners are not: a kink."""
    return xp.sum((xp.sort(x) - xp.sort(y)) ** 2)


transport_cost.point("tie")(at(x=[1.0, 0.0, 1.0], y=[0.5, 2.0, -1.0]))


@xgrad.case(
    wrt="x",
    operators=("gradient",),
    source="Rudin, Osher & Fatemi 1992, Nonlinear total variation, Physica D 60; " + CLARKE,
)
def total_variation(xp, x):  # x (n,) -> ()
    """Σ|x_{i+1} − x_i| on a step of two flat parts: slopes ±1 inside, 0 to ±2 at its ends."""
    return xp.sum(xp.abs(x[1:] - x[:-1]))


total_variation.point("flat")(at(x=[1.0, 1.0, 4.0, 4.0]))


@xgrad.case(
    wrt="x",
    operators=("jvp",),
    source="Boureau, Ponce & LeCun 2010, ICML, A theoretical analysis of feature pooling; "
    + CLARKE,
)
def pooled(xp, x):  # x (2, n) -> (n,)
    """The maximum of each pair, equal in some: along v the slopes are its larger and lesser."""
    return xp.max(x, axis=0)


pooled.point("ties")(at(x=[[1.0, 2.0, 0.5], [1.0, 3.0, 0.5]]))
