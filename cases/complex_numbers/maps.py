"""Maps of the plane: holomorphic ones, whose complex derivative f' is all there is, and others.

A formula of such a derivative is complex; of a map that has none the Jacobian is that of the pairs
(re, im), with both axes behind those of the value and of the input.
"""

import numpy as np

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 30}, "large": {"n": 300}}


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def draw_points(rng, n):
    return {"z": draw_complex(rng, n)}


def diagonal(xp, a):
    return a[:, None] * xp.eye(a.shape[0])


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("derivative", "second_derivative", "jacobian", "jvp", "vjp"),
    source="Needham 1997, Visual Complex Analysis, section 3.3",
)
def moebius(xp, z, M):  # z (n,), M (2, 2) complex -> (n,)
    """(a z + b) / (c z + d)."""
    return (M[0, 0] * z + M[0, 1]) / (M[1, 0] * z + M[1, 1])


@moebius.inputs
def draw_moebius(rng, n):
    return {**draw_points(rng, n), "M": draw_complex(rng, 2, 2) + 2 * np.eye(2)}


def moebius_slope(xp, z, M):
    """(a d − b c) / (c z + d)²."""
    return (M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]) / (M[1, 0] * z + M[1, 1]) ** 2


moebius.formula("derivative")(moebius_slope)


@moebius.formula("second_derivative")
def moebius_bend(xp, z, M):
    """−2 c f' / (c z + d)."""
    return -2 * M[1, 0] * moebius_slope(xp, z, M) / (M[1, 0] * z + M[1, 1])


@moebius.formula("jacobian")
def moebius_table(xp, z, M):
    return diagonal(xp, moebius_slope(xp, z, M))


@moebius.formula("jvp")
def push_moebius(xp, z, M, v):
    return moebius_slope(xp, z, M) * v


@moebius.formula("vjp")
def pull_moebius(xp, z, M, w):
    """The conjugate of f' times w."""
    return xp.conj(moebius_slope(xp, z, M)) * w


@xgrad.case(
    wrt=("z", "c"),
    sizes={"small": {"n": 3, "d": 3}, "medium": {"n": 20, "d": 6}, "large": {"n": 500, "d": 12}},
    operators=("jvp", "vjp"),
    source="Knuth 1997, The Art of Computer Programming 2, section 4.6.4",
)
def complex_polynomial(xp, z, c):  # z (n,), c (d + 1,) complex -> (n,)
    """Σ cₖ zᵏ by Horner's rule."""
    return horner(xp, z, c)[0]


def horner(xp, z, c):
    """p(z), p'(z)."""
    p, slope = c[-1] + 0 * z, 0 * z
    for k in range(c.shape[0] - 2, -1, -1):
        p, slope = p * z + c[k], slope * z + p
    return p, slope


@complex_polynomial.inputs
def draw_polynomial(rng, n, d):
    return {**draw_points(rng, n), "c": draw_complex(rng, d + 1)}


@complex_polynomial.formula("jvp")
def push_polynomial(xp, z, c, v):
    """p' dz + Σ dcₖ zᵏ."""
    dz, dc = v
    return horner(xp, z, c)[1] * dz + horner(xp, z, dc)[0]


@complex_polynomial.formula("vjp")
def pull_polynomial(xp, z, c, w):
    """p̅' w, and Σ w z̅ᵏ for each k."""
    powers = [w]
    for _ in range(c.shape[0] - 1):
        powers.append(powers[-1] * xp.conj(z))
    return xp.conj(horner(xp, z, c)[1]) * w, xp.sum(xp.stack(powers), axis=1)


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("derivative", "jvp", "vjp"),
    source="Ahlfors 1979, Complex Analysis, section 3.4.3",
)
def principal_logarithm(xp, z):  # z (n,) complex -> (n,)
    """log z, cut along the negative axis."""
    return xp.log(z)


principal_logarithm.inputs(draw_points)


@principal_logarithm.point("on the cut")
def point_on_the_cut():
    """The imaginary part jumps from −π to π there: no slope across."""
    return {"z": np.array([-1.0 + 0.0j, -2.0 + 0.0j])}


@principal_logarithm.formula("derivative")
def logarithm_slope(xp, z):
    return 1 / z


@principal_logarithm.formula("jvp")
def push_logarithm(xp, z, v):
    return v / z


@principal_logarithm.formula("vjp")
def pull_logarithm(xp, z, w):
    return w / xp.conj(z)


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("jacobian", "vjp"),
    source="Needham 1997, Visual Complex Analysis, section 3.2",
)
def inversion(xp, z, c):  # z (n,), c (n,) complex -> (n,)
    """c / z̅, which turns angles round: no complex derivative."""
    return c / xp.conj(z)


@inversion.inputs
def draw_inversion(rng, n):
    return {**draw_points(rng, n), "c": draw_complex(rng, n)}


@inversion.formula("jacobian")
def inversion_table(xp, z, c):
    """y = g z̅ for small steps, g = −c/z̅²: ∂y/∂re = g, ∂y/∂im = −i g."""
    g = -c / xp.conj(z) ** 2
    a, b = diagonal(xp, xp.real(g)), diagonal(xp, xp.imag(g))
    return xp.stack([xp.stack([a, b], axis=-1), xp.stack([b, -a], axis=-1)], axis=1)


@inversion.formula("vjp")
def pull_inversion(xp, z, c, w):
    """g w̅."""
    return -c / xp.conj(z) ** 2 * xp.conj(w)
