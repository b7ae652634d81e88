"""Norms, roots and angles where they have no tangent."""

import numpy as np

import xgrad

SOURCE = "Rockafellar 1970, Convex Analysis, section 23: subgradients of norms"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


@xgrad.case(wrt="x", source=SOURCE)
def euclidean_norm(xp, x):  # x (n,) -> ()
    """√Σx² at 0: slopes −1 and 1 along every axis."""
    return xp.sqrt(xp.sum(x * x))


euclidean_norm.point("zero")(at(x=[0.0, 0.0, 0.0]))


@euclidean_norm.implementation("torch", name="linalg.norm")
def torch_norm(x):
    import torch

    return torch.linalg.vector_norm(x)


@euclidean_norm.implementation("jax", name="linalg.norm")
def jax_norm(x):
    import jax.numpy as jnp

    return jnp.linalg.norm(x)


@xgrad.case(wrt="x", source=SOURCE)
def sum_norm(xp, x):  # x (n,) -> ()
    """Σ|x| with one zero element: slopes −1 and 1 there."""
    return xp.sum(xp.abs(x))


sum_norm.point("one zero")(at(x=[1.0, 0.0, -2.0]))


@xgrad.case(wrt="x", source=SOURCE)
def largest_norm(xp, x):  # x (n,) -> ()
    """max |x| where two elements tie with opposite signs."""
    return xp.max(xp.abs(x))


largest_norm.point("tie")(at(x=[2.0, -2.0, 1.0]))


@xgrad.case(wrt="x", source=SOURCE)
def frobenius_norm(xp, x):  # x (n, n) -> ()
    """√Σx² of a matrix at 0."""
    return xp.linalg.matrix_norm(x)


frobenius_norm.point("zero")(at(x=[[0.0, 0.0], [0.0, 0.0]]))


@xgrad.case(wrt=("x", "y"), source=SOURCE)
def distance(xp, x, y):  # x (d,), y (d,) -> ()
    """|x − y| where the points coincide, as in a triplet loss."""
    d = x - y
    return xp.sqrt(xp.sum(d * d))


distance.point("coincident")(at(x=[1.0, 2.0], y=[1.0, 2.0]))


@xgrad.case(wrt="x", source="Abramowitz & Stegun 1964, section 3.3")
def square_root(xp, x):  # x () -> ()
    """√x at 0: the slope from the right is infinite, from the left there is none."""
    return xp.sqrt(x)


square_root.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source="Abramowitz & Stegun 1964, section 3.3")
def root_of_square(xp, x):  # x () -> ()
    """√(x²) = |x| at 0: slopes −1 and 1; a chain rule through √ gives 0 · ∞."""
    return xp.sqrt(x * x)


root_of_square.point("zero")(at(x=0.0))


@xgrad.case(wrt=("x", "y"), source="IEEE 754-2019, section 9.2: hypot")
def hypotenuse(xp, x, y):  # x (), y () -> ()
    """hypot(x, y) at the origin: slopes −1 and 1."""
    return xp.hypot(x, y)


hypotenuse.point("origin")(at(x=0.0, y=0.0))


@xgrad.case(wrt=("y", "x"), source="IEEE 754-2019, section 9.2: atan2")
def angle(xp, y, x):  # y (), x () -> ()
    """atan2(y, x) at the origin, where the angle jumps."""
    return xp.atan2(y, x)


angle.point("origin")(at(y=0.0, x=0.0))


@xgrad.case(wrt="x", source=SOURCE)
def deviation(xp, x):  # x (n,) -> ()
    """The standard deviation of a constant: a norm at 0."""
    return xp.std(x)


deviation.point("constant")(at(x=[2.0, 2.0, 2.0]))


@xgrad.case(wrt="x", source="Casella & Berger 2002, Statistical Inference, definition 5.2.3")
def variance_of_one(xp, x):  # x (1,) -> ()
    """Σ(x − mean)² / n of a single element: 0 whatever it is."""
    return xp.var(x)


variance_of_one.point("single")(at(x=[3.0]))


@xgrad.case(wrt="x", source="Horn & Johnson 2013, Matrix Analysis, 2nd ed., section 6.3")
def spectral_gap(xp, x):  # x (3,) -> (), the matrix ((a, b), (b, c))
    """The difference of the eigenvalues of ((a, b), (b, c)) where they are equal."""
    return xp.sqrt((x[0] - x[2]) ** 2 + 4 * x[1] ** 2)


spectral_gap.point("equal eigenvalues")(at(x=[1.0, 0.0, 1.0]))


@spectral_gap.implementation("torch", name="linalg.eigvalsh")
def torch_gap(x):
    import torch

    m = torch.stack([torch.stack([x[0], x[1]]), torch.stack([x[1], x[2]])])
    values = torch.linalg.eigvalsh(m)
    return values[1] - values[0]


@spectral_gap.implementation("jax", name="linalg.eigvalsh")
def jax_gap(x):
    import jax.numpy as jnp

    values = jnp.linalg.eigvalsh(jnp.array([[x[0], x[1]], [x[1], x[2]]]))
    return values[1] - values[0]
