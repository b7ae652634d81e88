"""Rotations by no angle: maps between vectors and rotations at the identity.

A rotation vector ω has an angle θ = |ω| and an axis ω / θ. At ω = 0 there is no axis, and the maps
are smooth: they are power series in ω. With the axis guarded, ω / θ = 0 there, they lose their
first derivative.
"""

import numpy as np

import xgrad

MURRAY = "Murray, Li & Sastry 1994, A Mathematical Introduction to Robotic Manipulation, eq. 2.14"
SOLA = "Solà 2017, Quaternion kinematics for the error-state Kalman filter, arXiv:1711.02508, "
AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")
UNDER_ROOT = "one imaginary step makes s = −h², and √s has no real value there"
NO_AXIS = "the guard has no axis at the identity, and the derivative is that of the guard"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def cross_matrix(xp, w):
    """[ω]: [ω] x = ω × x."""
    x, y, z = w[0], w[1], w[2]
    o = 0 * x
    return xp.stack([xp.stack([o, -z, y]), xp.stack([z, o, -x]), xp.stack([-y, x, o])])


def guarded(xp, s):
    """√s with √0 = 0 kept off the tape, and what to divide by: 1 in place of 0."""
    root = xp.sqrt(xp.where(s == 0, xp.ones_like(s), s))
    return xp.where(s == 0, xp.zeros_like(s), root), root


NONE = at(w=[0.0, 0.0, 0.0])


@xgrad.case(wrt="w", operators=("jacobian",), source=MURRAY)
def rotation_by_axis(xp, w):  # w (3,) -> (3, 3)
    """I + sin θ [a] + (1 − cos θ) [a]², a the axis guarded: at ω = 0 the derivative is [v]."""
    theta, divisor = guarded(xp, xp.sum(w * w))
    A = cross_matrix(xp, w / divisor)
    A = xp.where(theta == 0, xp.zeros_like(A), A)
    return xp.eye(3) + xp.sin(theta) * A + (1 - xp.cos(theta)) * xp.matmul(A, A)


@xgrad.case(wrt="w", operators=("jacobian",), source=MURRAY + "; DLMF 4.19.1 and 4.19.2")
def rotation_by_series(xp, w):  # w (3,) -> (3, 3)
    """I + S [ω] + C [ω]², S = sin θ / θ, C = (1 − cos θ) / θ² by their series: near ω = 0."""
    s, K = xp.sum(w * w), cross_matrix(xp, w)
    S = 1 - s / 6 * (1 - s / 20 * (1 - s / 42))
    C = (1 - s / 12 * (1 - s / 30 * (1 - s / 56))) / 2
    return xp.eye(3) + S * K + C * xp.matmul(K, K)


GENERATORS = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    GENERATORS[_k, _j, _i], GENERATORS[_j, _k, _i] = 1.0, -1.0

for _case in (rotation_by_axis, rotation_by_series):
    _case.point("identity")(NONE)
    _case.formula("jacobian")(lambda xp, w: xp.asarray(GENERATORS))
for _method in AUTODIFF:
    rotation_by_axis.known(_method, NO_AXIS)


@xgrad.case(wrt="r", operators=("vjp",), source=SOLA + "eq. 101")
def quaternion_of(xp, r):  # r (3,) -> (4,)
    """(cos ½θ, r sin ½θ / θ), θ = |r|, the quotient ½ where θ = 0: right to first order."""
    theta, divisor = guarded(xp, xp.sum(r * r))
    half = xp.where(theta == 0, xp.ones_like(theta) / 2, xp.sin(divisor / 2) / divisor)
    return xp.concat([xp.stack([xp.cos(theta / 2)]), half * r])


quaternion_of.point("identity")(at(r=[0.0, 0.0, 0.0]))
quaternion_of.formula("vjp")(lambda xp, r, w: w[1:] / 2 - w[0] * r / 4)


@xgrad.case(wrt="q", operators=("jacobian",), source=SOLA + "eq. 105")
def logarithm_of(xp, q):  # q (4,) -> (3,)
    """2 u atan2(|v|, q₀), q = (q₀, v), u = v / |v| guarded, at the identity: (0, 2 I)."""
    v = q[1:]
    length, divisor = guarded(xp, xp.sum(v * v))
    angle = 2 * xp.atan2(length, q[0])
    return xp.where(length == 0, xp.zeros_like(v), v * (angle / divisor))


@xgrad.case(wrt="q", operators=("jacobian",), source=SOLA + "eq. 105; DLMF 4.24.3")
def logarithm_by_series(xp, q):  # q (4,) -> (3,)
    """(2 v / q₀) (1 − t/3 + t²/5 − …), t = |v|²/q₀², near the identity."""
    v = q[1:]
    t = xp.sum(v * v) / q[0] ** 2
    return 2 * v / q[0] * (1 - t / 3 + t * t / 5)


for _case in (logarithm_of, logarithm_by_series):
    _case.point("identity")(at(q=[1.0, 0.0, 0.0, 0.0]))
    _case.formula("jacobian")(lambda xp, q: 2 * xp.eye(4)[1:, :])
for _method in AUTODIFF:
    logarithm_of.known(_method, NO_AXIS)


@xgrad.case(
    wrt="q", operators=("gradient",), source="Huynh 2009, J. Math. Imaging and Vision 35, eq. 20"
)
def angle_of(xp, q):  # q (4,) -> ()
    """2 atan2(|v|, q₀), the angle of a rotation, at the identity: a cone, slopes −2 and 2."""
    length, _ = guarded(xp, xp.sum(q[1:] ** 2))
    return 2 * xp.atan2(length, q[0])


angle_of.point("identity")(at(q=[1.0, 0.0, 0.0, 0.0]))


@xgrad.case(
    wrt="v",
    operators=("jacobian",),
    source="Ganea, Bécigneul & Hofmann 2018, Hyperbolic neural networks, NeurIPS, eq. 12",
)
def poincare_exponential(xp, v):  # v (n,) -> (n,)
    """tanh |v| v / |v| in the Poincaré ball, 0 at v = 0: the derivative there is I."""
    length, divisor = guarded(xp, xp.sum(v * v))
    return xp.tanh(length) * (v / divisor)


poincare_exponential.point("origin")(at(v=[0.0, 0.0]))
poincare_exponential.formula("jacobian")(lambda xp, v: xp.eye(2))
for _method in AUTODIFF:
    poincare_exponential.known(_method, NO_AXIS)


for _case in (rotation_by_axis, quaternion_of, poincare_exponential):
    _case.known("numpy.complex_step", UNDER_ROOT)
