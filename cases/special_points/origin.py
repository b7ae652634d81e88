"""Zeros: powers, logarithms, roots and norms at 0, where the whole is smooth and a factor is not.

Where x = 0 a chain rule may meet 0 · ∞, and a guard against that may keep the derivative away too.
"""

import numpy as np

import xgrad

IEEE = "IEEE 754-2019, section 9.2: pow"
TORCH = ("torch.reverse*", "torch.forward*")
AUTODIFF = (*TORCH, "jax.reverse*", "jax.forward*")
NEVER = "0 · ∞: the root has an infinite slope where what it is of has none"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


@xgrad.case(wrt="x", operators=("jacobian",), source=IEEE + "; Golub & Van Loan 2013, section 4.6")
def powers(xp, x):  # x () -> (4,)
    """(x⁰, x¹, x², x³) at 0 with 0⁰ = 1: the derivatives are (0, 1, 0, 0)."""
    return xp.pow(x, xp.asarray([0.0, 1.0, 2.0, 3.0]))


powers.point("zero")(at(x=0.0))
powers.formula("jacobian")(lambda xp, x: xp.stack([0 * x, 1 + 0 * x, 2 * x, 3 * x * x]))


@xgrad.case(wrt="x", operators=("hessian",), source=IEEE)
def sum_of_powers(xp, x):  # x (n,) -> ()
    """Σ x_kᵏ, k = 1 to 3, at 0: the second derivatives are 0, 2 and 0."""
    return xp.sum(xp.pow(x, xp.asarray([1.0, 2.0, 3.0])))


sum_of_powers.point("zero")(at(x=[0.0, 0.0, 0.0]))


@sum_of_powers.formula("hessian")
def of_each_power(xp, x):
    """diag(0, 2, 6 x₃)."""
    return xp.asarray([0.0, 2.0, 0.0]) * xp.eye(3) + xp.asarray([0.0, 0.0, 6.0]) * xp.eye(3) * x[2]


for _case in (powers, sum_of_powers):
    for _method in ("jax.reverse", "jax.forward"):
        _case.known(_method, "the exponent 0 times 0^(−1): 0 · ∞ in place of 0")


@xgrad.case(
    wrt=("x", "y"),
    operators=("gradient", "hvp"),
    source="Cover & Thomas 2006, Elements of Information Theory, 2nd ed., section 2.3",
)
def x_log_y_masked(xp, x, y):  # x (), y () -> ()
    """x log y, 0 where x = 0, against 0 log 0: linear in x, with the slope log y there too."""
    return xp.where(x == 0, xp.zeros_like(x), x * xp.log(y))


@xgrad.case(
    wrt=("x", "y"),
    operators=("gradient",),
    source="Cover & Thomas 2006, Elements of Information Theory, 2nd ed., section 2.3",
)
def x_log_y(xp, x, y):  # x (), y () -> ()
    """x log y at x = 0, y > 0, where nothing has to be masked."""
    return x * xp.log(y)


@x_log_y.implementation("torch", name="xlogy")
def torch_x_log_y(x, y):
    import torch

    return torch.xlogy(x, y)


@x_log_y.implementation("jax", name="scipy.special.xlogy")
def jax_x_log_y(x, y):
    import jax

    return jax.scipy.special.xlogy(x, y)


for _case in (x_log_y_masked, x_log_y):
    _case.point("x zero")(at(x=0.0, y=2.5))
    _case.formula("gradient")(lambda xp, x, y: (xp.log(y), x / y))
x_log_y_masked.formula("hvp")(lambda xp, x, y, v: (v[1] / y, v[0] / y - x / y**2 * v[1]))
for _method in (*AUTODIFF, "numpy.complex_step"):
    x_log_y_masked.known(_method, "the branch of the limit is a constant: log y is lost")


@xgrad.case(wrt="x", operators=("gradient",), source="Griewank & Walther 2008, section 14.1")
def root_of_fourth_power(xp, x):  # x () -> ()
    """√(x⁴) = x² at 0: smooth, with the derivative 0."""
    return xp.sqrt(x**4)


root_of_fourth_power.point("zero")(at(x=0.0))
root_of_fourth_power.formula("gradient")(lambda xp, x: 2 * x)


@xgrad.case(wrt="x", operators=("hessian",), source="Rockafellar 1970, Convex Analysis, section 15")
def cube_of_norm(xp, x):  # x (n,) -> ()
    """(Σx²)^(3/2) = |x|³ at the origin: twice differentiable, with the Hessian 0."""
    return xp.sum(x * x) ** 1.5


cube_of_norm.point("origin")(at(x=[0.0, 0.0]))
cube_of_norm.formula("hessian")(lambda xp, x: xp.zeros((2, 2)))
for _case in (root_of_fourth_power, cube_of_norm):
    for _method in AUTODIFF:
        _case.known(_method, NEVER)


@xgrad.case(wrt="x", operators=("gradient",), source="Hardy, Littlewood & Pólya 1952, section 2.10")
def three_norm(xp, x):  # x (n,) -> ()
    """(Σ|x|³)^(1/3) with one x of 0: smooth away from the origin, the derivative there is 0."""
    return xp.sum(xp.abs(x) ** 3) ** (xp.asarray(1.0) / 3)


three_norm.point("one zero")(at(x=[0.0, 1.5, -2.0]))


@three_norm.formula("gradient")
def of_three_norm(xp, x):
    """x |x| / N², N the norm."""
    return x * xp.abs(x) / three_norm(xp, x) ** 2


@xgrad.case(wrt=("y", "x"), operators=("gradient",), source="DLMF 4.23.36 on arctan; " + IEEE)
def angle_on_axis(xp, y, x):  # y (), x () -> ()
    """The angle of (x, y) on the y axis, where y / x is infinite: the gradient is (x, −y) / r²."""
    return xp.atan2(y, x)


angle_on_axis.point("up")(at(y=2.0, x=0.0))
angle_on_axis.formula("gradient")(lambda xp, y, x: (x / (x * x + y * y), -y / (x * x + y * y)))
