"""Rosenbrock's banana valley in the plane, and its chain in n dimensions."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    operators=("gradient", "hessian"),
    source="Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem 1; Rosenbrock 1960, "
    "An automatic method for finding the greatest or least value of a function, Comput. J. 3",
)
def rosenbrock(xp, x):  # x (2,) -> ()
    """100 (x₂ − x₁²)² + (1 − x₁)²."""
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


@rosenbrock.inputs
def draw(rng):
    return {"x": rng.normal(size=2)}


@rosenbrock.point("start")
def start():
    """At (−1.2, 1) the gradient is (−215.6, −88)."""
    return {"x": np.array([-1.2, 1.0])}


@rosenbrock.formula("gradient")
def gradient(xp, x):
    """(−400 x₁ (x₂ − x₁²) − 2 (1 − x₁), 200 (x₂ − x₁²))."""
    above = x[1] - x[0] ** 2
    return xp.stack([-400 * x[0] * above - 2 * (1 - x[0]), 200 * above])


@rosenbrock.formula("hessian")
def hessian(xp, x):
    """((1200 x₁² − 400 x₂ + 2, −400 x₁), (−400 x₁, 200))."""
    first = xp.stack([1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]])
    return xp.stack([first, xp.stack([-400 * x[0], 200 * xp.ones(())])])


@rosenbrock.formula("hessian", name="scipy.rosen_hess", frameworks=("numpy",))
def scipy_hessian(xp, x):
    from scipy.optimize import rosen_hess

    return rosen_hess(x)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 10}, "medium": {"n": 300}, "large": {"n": 100_000}},
    operators=("gradient", "hvp"),
    source="https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.rosen.html; "
    "Jamil & Yang 2013, arXiv:1308.4008, function 105",
)
def chained_rosenbrock(xp, x):  # x (n,) -> ()
    """Σ_i 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@chained_rosenbrock.inputs
def draw_chain(rng, n):
    return {"x": rng.normal(size=n)}


@chained_rosenbrock.formula("gradient")
def chained_gradient(xp, x):
    """Link i gives −400 x_i (x_{i+1} − x_i²) − 2 (1 − x_i) at i, 200 (x_{i+1} − x_i²) at i + 1."""
    above = x[1:] - x[:-1] ** 2
    zero = xp.zeros((1,))
    here = -400 * x[:-1] * above - 2 * (1 - x[:-1])
    return xp.concat([here, zero]) + xp.concat([zero, 200 * above])


@chained_rosenbrock.formula("hvp")
def chained_hvp(xp, x, v):
    """The tridiagonal Hessian: 1200 x_i² − 400 x_{i+1} + 2 and 200, −400 x_i beside them."""
    zero = xp.zeros((1,))
    here = (1200 * x[:-1] ** 2 - 400 * x[1:] + 2) * v[:-1] - 400 * x[:-1] * v[1:]
    return xp.concat([here, zero]) + xp.concat([zero, 200 * v[1:] - 400 * x[:-1] * v[:-1]])


@chained_rosenbrock.formula("gradient", name="scipy.rosen_der", frameworks=("numpy",))
def scipy_gradient(xp, x):
    from scipy.optimize import rosen_der

    return rosen_der(x)


@chained_rosenbrock.formula("hvp", name="scipy.rosen_hess_prod", frameworks=("numpy",))
def scipy_hvp(xp, x, v):
    from scipy.optimize import rosen_hess_prod

    return rosen_hess_prod(x, v)
