"""Rotations of points: by a quaternion, and by an axis times an angle."""

import math

import numpy as np

import xgrad

SERIES_BELOW = 0.25  # of the squared angle: eight terms are exact to rounding there


@xgrad.case(
    wrt="q",
    sizes={"small": {"n": 4}, "medium": {"n": 100}, "large": {"n": 700}},
    source="Solà 2017, Quaternion kinematics for the error-state Kalman filter, "
    "arXiv:1711.02508, section 4.3.2",
)
def quaternion_rotation(xp, q, x):  # q (4,), x (n, 3) -> (n, 3)
    """((w² − u·u) x + 2 (u·x) u + 2w u×x) / |q|², q = (w, u) of any length."""
    w, u = q[0], q[1:]
    turned = (
        (w * w - xp.sum(u * u)) * x + 2 * xp.matmul(x, u)[:, None] * u + 2 * w * cross(xp, u, x)
    )
    return turned / xp.sum(q * q)


def cross(xp, u, x):
    """u × x for every row of x."""
    return xp.linalg.cross(xp.broadcast_to(u, x.shape), x)


def hat(xp, x):
    """[x]×, the matrix of x × ·: (n, 3) -> (n, 3, 3)."""
    zero = xp.zeros_like(x[:, 0])
    rows = (
        (zero, -x[:, 2], x[:, 1]),
        (x[:, 2], zero, -x[:, 0]),
        (-x[:, 1], x[:, 0], zero),
    )
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


@quaternion_rotation.inputs
def draw_quaternion(rng, n):
    return {"q": rng.normal(size=4), "x": rng.normal(size=(n, 3))}


def unit_jacobian(xp, q, x):
    """2 (w x + u×x) and 2 ((u·x) I + u xᵀ − x uᵀ − w [x]×): the Jacobian for |q| = 1."""
    w, u = q[0], q[1:]
    by_w = w * x + cross(xp, u, x)
    by_u = (
        xp.matmul(x, u)[:, None, None] * xp.eye(3)
        + u[:, None] * x[:, None, :]
        - x[:, :, None] * u
        - w * hat(xp, x)
    )
    return 2 * xp.concat([by_w[:, :, None], by_u], axis=-1)


quaternion_rotation.formula("jacobian", name="unit", default=False)(unit_jacobian)


@quaternion_rotation.formula("jacobian")
def normalised_jacobian(xp, q, x):
    """(J − 2 y qᵀ) / |q|² with J the Jacobian of the numerator, y the rotated point."""
    y = quaternion_rotation(xp, q, x)
    return (unit_jacobian(xp, q, x) - 2 * y[:, :, None] * q) / xp.sum(q * q)


@xgrad.case(
    wrt="r",
    sizes={"small": {"n": 4}, "medium": {"n": 100}, "large": {"n": 700}},
    source="Gallego & Yezzi 2015, A compact formula for the derivative of a 3-D rotation in "
    "exponential coordinates, arXiv:1312.0788, eq. 8",
)
def axis_angle_rotation(xp, r, x):  # r (3,), x (n, 3) -> (n, 3)
    """x + sin θ/θ r×x + (1 − cos θ)/θ² r×(r×x), θ = |r|: Rodrigues, by series near 0."""
    s = xp.sum(r * r)
    a, _, b, _ = coefficients(xp, s)
    return x + a * cross(xp, r, x) + b * twice(xp, r, x)


def twice(xp, r, x):
    """r × (r × x) = (r·x) r − |r|² x."""
    return xp.matmul(x, r)[:, None] * r - xp.sum(r * r) * x


def coefficients(xp, s):
    """a = sin θ/θ, a′, b = (1 − cos θ)/θ², b′ as functions of s = θ²."""
    small = s < SERIES_BELOW
    near, far = xp.where(small, s, 0 * s), xp.where(small, 1 + 0 * s, s)
    angle = xp.sqrt(far)
    a, b = xp.sin(angle) / angle, (1 - xp.cos(angle)) / far
    closed = a, (xp.cos(angle) - a) / (2 * far), b, (a / 2 - b) / far
    taylor = *series(near, 1), *series(near, 2)
    return [xp.where(small, t, c) for t, c in zip(taylor, closed, strict=True)]


def series(s, first):
    """Σ (−s)^k / (2k + first)! to k = 7, and its derivative."""
    value = slope = 0 * s
    for k in reversed(range(8)):
        slope = slope * s + value
        value = value * s + (-1) ** k / math.factorial(2 * k + first)
    return value, slope


@axis_angle_rotation.inputs
def draw_axis_angle(rng, n):
    """Angles between 1 and 3."""
    axis = rng.normal(size=3)
    return {
        "r": axis / np.linalg.norm(axis) * rng.uniform(1, 3),
        "x": rng.normal(size=(n, 3)),
    }


@axis_angle_rotation.point("small angle")
def small_angle():
    """|r| near 1e-5, where 1 − cos θ has lost all digits of a float32."""
    return {"r": 1e-5 * np.array([0.4, -0.5, 0.7]), "x": np.eye(3) + 0.5}


@axis_angle_rotation.point("identity")
def identity():
    """r = 0, where sin θ/θ needs its limit."""
    return {"r": np.zeros(3), "x": np.eye(3) + 0.5}


@axis_angle_rotation.formula("jacobian")
def rotation_jacobian(xp, r, x):
    """−a [x]× + 2a′ (r×x) rᵀ + b ((r·x) I + r xᵀ − 2 x rᵀ) + 2b′ (r×(r×x)) rᵀ."""
    a, a_slope, b, b_slope = coefficients(xp, xp.sum(r * r))
    bend = (
        xp.matmul(x, r)[:, None, None] * xp.eye(3)
        + r[:, None] * x[:, None, :]
        - 2 * x[:, :, None] * r
    )
    by_angle = a_slope * cross(xp, r, x) + b_slope * twice(xp, r, x)
    return b * bend - a * hat(xp, x) + 2 * by_angle[:, :, None] * r


@axis_angle_rotation.formula(
    "jacobian", name="compact", frameworks=("numpy", "torch", "jax"), default=False
)
def compact_jacobian(xp, r, x):
    """−R [x]× (r rᵀ + (Rᵀ − I) [r]×) / θ²: Gallego and Yezzi's, which has no value at r = 0."""
    identity = xp.eye(3)
    R = axis_angle_rotation(xp, r, identity).T  # its rows are R e_k
    inner = r[:, None] * r + xp.matmul(R.T - identity, hat(xp, r[None, :])[0, ...])
    return -xp.matmul(xp.matmul(R, hat(xp, x)), inner / xp.sum(r * r))
