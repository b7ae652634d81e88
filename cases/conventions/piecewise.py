"""Piecewise linear functions at their joints."""

import numpy as np

import xgrad

SOURCE = "Griewank & Walther 2008, Evaluating Derivatives, 2nd ed., chapter 14; "


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


@xgrad.case(wrt="x", source=SOURCE + "Rockafellar 1970, Convex Analysis, section 23")
def absolute(xp, x):  # x () -> ()
    """|x| at 0: slopes −1 and 1."""
    return xp.abs(x)


absolute.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source=SOURCE + "Nair & Hinton 2010, ICML; Bertoin et al. 2021, NeurIPS")
def relu(xp, x):  # x () -> ()
    """max(x, 0) at 0: slopes 0 and 1."""
    return xp.maximum(x, xp.zeros_like(x))


relu.point("zero")(at(x=0.0))


@relu.implementation("torch", name="relu")
def torch_relu(x):
    import torch

    return torch.relu(x)


@relu.implementation("jax", name="nn.relu")
def jax_relu(x):
    import jax

    return jax.nn.relu(x)


@xgrad.case(wrt="x", source=SOURCE + "Maas, Hannun & Ng 2013, ICML, section 2")
def leaky_relu(xp, x):  # x () -> ()
    """max(x, 0) + 0.01 min(x, 0) at 0: slopes 0.01 and 1."""
    zero = xp.zeros_like(x)
    return xp.maximum(x, zero) + 0.01 * xp.minimum(x, zero)


leaky_relu.point("zero")(at(x=0.0))


@leaky_relu.implementation("torch", name="F.leaky_relu")
def torch_leaky_relu(x):
    import torch

    return torch.nn.functional.leaky_relu(x)


@leaky_relu.implementation("jax", name="nn.leaky_relu")
def jax_leaky_relu(x):
    import jax

    return jax.nn.leaky_relu(x)


@xgrad.case(wrt="x", source=SOURCE + "Courbariaux et al. 2016, arXiv:1602.02830, eq. 4")
def clipped(xp, x):  # x () -> ()
    """clip(x, −1, 1) at both bounds: slopes 0 and 1."""
    return xp.clip(x, -1.0, 1.0)


clipped.point("lower")(at(x=-1.0))
clipped.point("upper")(at(x=1.0))


@xgrad.case(wrt="x", source=SOURCE + "Cortes & Vapnik 1995, Support-vector networks, eq. 14")
def hinge(xp, x):  # x () -> ()
    """max(0, 1 − x) at the joint x = 1: slopes −1 and 0."""
    return xp.maximum(xp.zeros_like(x), 1 - x)


hinge.point("joint")(at(x=1.0))


@xgrad.case(wrt="x", source="Huber 1964, Robust estimation of a location parameter, eq. 2.5")
def huber(xp, x):  # x () -> ()
    """½x² inside |x| ≤ 1, |x| − ½ outside: the joint at 1 is smooth to first order."""
    a = xp.abs(x)
    return xp.where(a <= 1, 0.5 * x * x, a - 0.5)


huber.point("joint")(at(x=1.0))


@xgrad.case(wrt="x", source="Hendrycks & Gimpel 2016 compare it; Howard et al. 2019, ICCV, eq. 1")
def hard_sigmoid(xp, x):  # x () -> ()
    """clip(x + 3, 0, 6) / 6 at x = −3: slopes 0 and 1/6."""
    return xp.clip(x + 3, 0.0, 6.0) / 6


hard_sigmoid.point("lower")(at(x=-3.0))


@hard_sigmoid.implementation("torch", name="F.hardsigmoid")
def torch_hard_sigmoid(x):
    import torch

    return torch.nn.functional.hardsigmoid(x)


@hard_sigmoid.implementation("jax", name="nn.hard_sigmoid")
def jax_hard_sigmoid(x):
    import jax

    return jax.nn.hard_sigmoid(x)
