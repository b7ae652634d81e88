"""A saddle point by gradient steps inside gradient steps: min over x of max over y."""

import numpy as np

import xgrad

RATE = 1 / 8


@xgrad.case(
    wrt="start",
    sizes={
        "small": {"n": 2, "steps": 2},
        "medium": {"n": 2, "steps": 4},
        "large": {"n": 2, "steps": 6},
    },
    source="Siskind & Pearlmutter 2008, Using polyvariant union-free flow analysis to compile a "
    "higher-order functional-programming language with a first-class derivative operator to "
    "efficient Fortran-like code, Purdue TR-ECE-08-01, the example saddle; GradBench, saddle",
)
def saddle(xp, start, C, steps):  # start (n,), C (n, n) -> (n,)
    """x after steps down max over y of f(x, y), that by as many steps up from y = 0."""

    def highest(xp, x):
        y = xp.zeros_like(x)
        for _ in range(steps):
            y = y + RATE * xp.gradient(lambda xp, y: objective(xp, x, y, C))(y)
        return objective(xp, x, y, C)

    x = start
    for _ in range(steps):
        x = x - RATE * xp.gradient(highest)(x)
    return x


def objective(xp, x, y, C):
    """f = |x|² + x C y − |y|²: a saddle at 0."""
    return xp.sum(x * x) + xp.sum(x * xp.matmul(C, y)) - xp.sum(y * y)


@saddle.inputs
def draw(rng, n, steps):
    return {"start": rng.normal(size=n), "C": rng.normal(size=(n, n)), "steps": steps}


@saddle.point("textbook")
def textbook():
    """From (1, 1), without a product: the saddle of |x|² − |y|²."""
    return {"start": np.ones(2), "C": np.zeros((2, 2)), "steps": 2}


@saddle.formula("jacobian")
def jacobian(xp, start, C, steps):
    """(I − rate H)ˢ, H = 2I + 2(ρ − ρ²) C Cᵀ: after the steps up y = ρ Cᵀx, a geometric sum."""
    rho = (1 - (1 - 2 * RATE) ** steps) / 2
    eye = xp.eye(start.shape[0])
    once = (1 - 2 * RATE) * eye - 2 * RATE * (rho - rho * rho) * xp.matmul(C, C.T)
    whole = eye
    for _ in range(steps):
        whole = xp.matmul(once, whole)
    return whole
