"""Largest, smallest, middle and sorted elements where some are equal."""

import numpy as np

import xgrad

SOURCE = "Clarke 1983, Optimization and Nonsmooth Analysis, section 2.3"
TIE = (1.0, 3.0, 3.0, 2.0)


def tie(x=TIE):
    """A point function for x with equal elements."""
    return lambda: {"x": np.asarray(x, dtype=float)}


def pair():
    """Two equal numbers."""
    return {"x": np.asarray(2.0), "y": np.asarray(2.0)}


@xgrad.case(wrt="x", source=SOURCE)
def largest(xp, x):  # x (n,) -> ()
    """max x where two elements share the maximum: each has the slopes 0 and 1."""
    return xp.max(x)


largest.point("tie")(tie())


@largest.implementation("torch", name="max(dim)")
def torch_max_along(x):
    import torch

    return torch.max(x, dim=0).values


@xgrad.case(wrt="x", source=SOURCE)
def smallest(xp, x):  # x (n,) -> ()
    """min x where two elements share the minimum: each has the slopes 0 and 1."""
    return xp.min(x)


smallest.point("tie")(tie((3.0, 1.0, 2.0, 1.0)))


@xgrad.case(wrt=("x", "y"), source=SOURCE)
def larger(xp, x, y):  # x (), y () -> ()
    """max(x, y) at x = y: slopes 0 and 1 for each."""
    return xp.maximum(x, y)


larger.point("tie")(pair)


@xgrad.case(wrt=("x", "y"), source=SOURCE)
def smaller(xp, x, y):  # x (), y () -> ()
    """min(x, y) at x = y: slopes 0 and 1 for each."""
    return xp.minimum(x, y)


smaller.point("tie")(pair)


@xgrad.case(wrt="x", source=SOURCE)
def sorted_largest_two(xp, x):  # x (n,) -> ()
    """The sum of the second and half the first of the sorted elements, two of them equal."""
    s = xp.sort(x)
    return s[-2] + 0.5 * s[-1]


sorted_largest_two.point("tie")(tie())


@xgrad.case(wrt="x", source=SOURCE)
def middle(xp, x):  # x (n,) with n odd -> ()
    """The median of five where the middle is shared by two."""
    return xp.sort(x)[x.shape[0] // 2]


middle.point("tie")(tie((5.0, 2.0, 1.0, 2.0, 4.0)))


@middle.implementation("torch", name="median")
def torch_median(x):
    import torch

    return torch.median(x)


@middle.implementation("jax", name="numpy.median")
def jax_median(x):
    import jax.numpy as jnp

    return jnp.median(x)


@xgrad.case(wrt="x", source=SOURCE)
def top_two(xp, x):  # x (n,) -> ()
    """The sum of the two largest where the second is shared."""
    return xp.sum(xp.sort(x)[-2:])


top_two.point("tie")(tie((4.0, 3.0, 3.0, 1.0)))


@top_two.implementation("torch", name="topk")
def torch_top_two(x):
    import torch

    return torch.topk(x, 2).values.sum()


@top_two.implementation("jax", name="lax.top_k")
def jax_top_two(x):
    import jax

    return jax.lax.top_k(x, 2)[0].sum()


@xgrad.case(wrt="x", source=SOURCE)
def spread(xp, x):  # x (n,) -> ()
    """max x − min x where all elements are equal: slopes −1 and 1 for each."""
    return xp.max(x) - xp.min(x)


spread.point("constant")(tie((2.0, 2.0, 2.0)))
