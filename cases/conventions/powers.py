"""Powers, products and logarithms at zero."""

import numpy as np

import xgrad


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


@xgrad.case(wrt="x", source="IEEE 754-2019, section 9.2: pow")
def square_by_power(xp, x):  # x () -> ()
    """x ** 2 by a general power at 0: smooth, the derivative is 0."""
    return xp.pow(x, xp.asarray(2.0))


square_by_power.point("zero")(at(x=0.0))


@xgrad.case(wrt="p", source="IEEE 754-2019, section 9.2: pow")
def power_of_zero(xp, p):  # p () -> ()
    """0 ** p at p = 2 with respect to the exponent: 0 all around."""
    return xp.pow(xp.asarray(0.0), p)


power_of_zero.point("two")(at(p=2.0))


@xgrad.case(wrt="x", source="Abramowitz & Stegun 1964, section 4.2")
def cube_root_of_square(xp, x):  # x () -> ()
    """(x²)^(1/3) at 0: a cusp, the slopes are infinite on both sides."""
    return xp.pow(x * x, xp.asarray(1.0) / 3)


cube_root_of_square.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source="Cover & Thomas 2006, Elements of Information Theory, section 2.1")
def entropy_term(xp, x):  # x () -> ()
    """x log x at 0, by continuity 0: the slope from the right is −∞."""
    positive = x > 0
    return xp.where(positive, x * xp.log(xp.where(positive, x, xp.ones_like(x))), 0 * x)


entropy_term.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source="Petersen & Pedersen 2012, The Matrix Cookbook, section 2.1")
def product_with_one_zero(xp, x):  # x (n,) -> ()
    """Πx with one zero: smooth, the derivative there is the product of the others."""
    return xp.prod(x)


product_with_one_zero.point("one zero")(at(x=[2.0, 0.0, 3.0]))


@xgrad.case(wrt="x", source="Petersen & Pedersen 2012, The Matrix Cookbook, section 2.1")
def product_with_two_zeros(xp, x):  # x (n,) -> ()
    """Πx with two zeros: smooth, every derivative is 0."""
    return xp.prod(x)


product_with_two_zeros.point("two zeros")(at(x=[0.0, 5.0, 0.0]))


@xgrad.case(wrt="x", source="Petersen & Pedersen 2012, The Matrix Cookbook, section 2.1")
def running_product_with_zero(xp, x):  # x (n,) -> ()
    """Σ of the running products with one zero: smooth."""
    return xp.sum(xp.cumulative_prod(x))


running_product_with_zero.point("one zero")(at(x=[2.0, 0.0, 3.0]))


@xgrad.case(wrt="x", source="Petersen & Pedersen 2012, The Matrix Cookbook, section 2.1")
def running_product_with_zeros(xp, x):  # x (n,) -> ()
    """Σ of the running products with two zeros: smooth."""
    return xp.sum(xp.cumulative_prod(x))


running_product_with_zeros.point("two zeros")(at(x=[2.0, 0.0, 3.0, 0.0]))


@xgrad.case(wrt="x", source="Abramowitz & Stegun 1964, section 4.1")
def log_of_square(xp, x):  # x () -> ()
    """log(1 + x²) at 0 through log1p: smooth, the derivative is 0."""
    return xp.log1p(x * x)


log_of_square.point("zero")(at(x=0.0))
