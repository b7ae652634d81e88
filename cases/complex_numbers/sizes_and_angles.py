"""|z|, |z|², arg z, z/|z|: what is read off complex numbers, with a kink at 0 and a cut.

Gradients by complex numbers are ∂f/∂re + i ∂f/∂im.
"""

import numpy as np

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 30}, "large": {"n": 300}}


def draw_points(rng, n):
    return {"z": rng.normal(size=n) + 1j * rng.normal(size=n)}


@xgrad.case(wrt="z", sizes=SIZES, source="Kreutz-Delgado 2009, arXiv:0906.4835, section 4.2")
def modulus(xp, z):  # z (n,) complex -> ()
    """Σ |z|."""
    return xp.sum(xp.abs(z))


modulus.inputs(draw_points)


@modulus.point("origin")
def point_at_origin():
    """A cone's tip: any slope of size 1 and less."""
    return {"z": np.array([0j, 1.0 - 2.0j])}


@modulus.formula("gradient")
def pull_modulus(xp, z):
    return z / xp.abs(z)


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("gradient", "hessian", "hvp"),
    source="Kreutz-Delgado 2009, arXiv:0906.4835, section 4.2",
)
def squared_modulus(xp, z, a):  # z (n,) complex, a (n,) -> ()
    """Σ a |z|²."""
    return xp.sum(a * xp.real(xp.conj(z) * z))


@squared_modulus.inputs
def draw_weighted(rng, n):
    return {**draw_points(rng, n), "a": rng.uniform(0.5, 2.0, size=n)}


@squared_modulus.formula("gradient")
def pull_squares(xp, z, a):
    return 2 * a * z


@squared_modulus.formula("hvp")
def bend_squares(xp, z, a, v):
    return 2 * a * v


@squared_modulus.formula("hessian")
def squares_table(xp, z, a):
    """2 a in both parts: (n, 2, n, 2)."""
    pairs = xp.reshape(xp.stack([a, a], axis=-1), (-1,))
    n = a.shape[0]
    return xp.reshape(2 * pairs[:, None] * xp.eye(2 * n), (n, 2, n, 2))


@xgrad.case(wrt="z", sizes=SIZES, source="Ahlfors 1979, Complex Analysis, section 1.2.2")
def weighted_angle(xp, z, a):  # z (n,) complex, a (n,) -> ()
    """Σ a arg z."""
    return xp.sum(a * xp.angle(z))


weighted_angle.inputs(draw_weighted)


@weighted_angle.point("on the cut")
def point_on_the_cut():
    """arg jumps from −π to π across the negative axis."""
    return {"z": np.array([-1.0 + 0.0j, 0.5 + 1.0j]), "a": np.array([1.0, 2.0])}


@weighted_angle.formula("gradient")
def pull_angle(xp, z, a):
    """i a / z̅."""
    return 1j * a / xp.conj(z)


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent neural networks, ICML",
)
def phase(xp, z):  # z (n,) complex -> (n,)
    """z / |z|."""
    return z / xp.abs(z)


phase.inputs(draw_points)


def across(xp, z, v):
    """(v − u Re u̅ v) / |z| with u = z/|z|: its own adjoint."""
    u = z / xp.abs(z)
    return (v - u * xp.real(xp.conj(u) * v)) / xp.abs(z)


@phase.formula("jvp")
def push_phase(xp, z, v):
    return across(xp, z, v)


@phase.formula("vjp")
def pull_phase(xp, z, w):
    return across(xp, z, w)
