"""The double pendulum by Runge–Kutta steps: how the end depends on the start."""

import numpy as np

import xgrad

STEP = 1 / 64
GRAVITY = 9.81


@xgrad.case(
    wrt="start",
    sizes={"small": {"steps": 16}, "medium": {"steps": 128}, "large": {"steps": 500}},
    source="Landau & Lifshitz 1976, Mechanics, 3rd ed., section 5, problem 1; Hairer, Nørsett & "
    "Wanner 1993, Solving Ordinary Differential Equations I, section II.1, table 1.2",
)
def double_pendulum(xp, start, steps):  # start (4,) -> (4,)
    """(θ₁, θ₂, θ₁′, θ₂′) after RK4 steps; equal masses on rods of length 1."""
    return runge_kutta(xp, lambda z: xp.stack(motion(xp, z)), start, steps)


def runge_kutta(xp, field, y, steps):
    """The classical method of order 4."""

    def step(y, _):
        k1 = field(y)
        k2 = field(y + STEP / 2 * k1)
        k3 = field(y + STEP / 2 * k2)
        k4 = field(y + STEP * k3)
        return y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return xp.scan(step, y, None, length=steps)[0]


def motion(xp, z):
    """(θ₁′, θ₂′, θ₁″, θ₂″), the accelerations from 2θ₁″ + cθ₂″ = F₁, cθ₁″ + θ₂″ = F₂."""
    s, c = xp.sin(z[0] - z[1]), xp.cos(z[0] - z[1])
    first = -s * z[3] * z[3] - 2 * GRAVITY * xp.sin(z[0])
    second = s * z[2] * z[2] - GRAVITY * xp.sin(z[1])
    return z[2], z[3], *accelerations(s, c, first, second)


def accelerations(s, c, first, second):
    """The solution of ((2, c), (c, 1)) a = F, whose determinant is 1 + s²."""
    det = 1 + s * s
    return (first - c * second) / det, (2 * second - c * first) / det


@double_pendulum.inputs
def draw(rng, steps):
    return {"start": rng.uniform(-1, 1, size=4), "steps": steps}


@double_pendulum.point("nearly upright")
def upright():
    """Both rods up, a thousandth off: small changes grow."""
    return {"start": np.array([np.pi - 1e-3, np.pi + 1e-3, 0.0, 0.0]), "steps": 16}


@double_pendulum.formula("jacobian")
def sensitivity(xp, start, steps):
    """RK4 on the variational equation V′ = (∂motion/∂z) V, V(0) = I, beside z itself."""

    def field(y):
        z = y[:, 0]
        s, c = xp.sin(z[0] - z[1]), xp.cos(z[0] - z[1])
        moved = motion(xp, z)
        v1, v2, u1, u2 = (y[row, 1:] for row in range(4))
        turn = v1 - v2
        first = -c * z[3] * z[3] * turn - 2 * s * z[3] * u2 - 2 * GRAVITY * xp.cos(z[0]) * v1
        second = c * z[2] * z[2] * turn + 2 * s * z[2] * u1 - GRAVITY * xp.cos(z[1]) * v2
        first, second = first + s * turn * moved[3], second + s * turn * moved[2]
        rows = xp.stack([u1, u2, *accelerations(s, c, first, second)])
        return xp.concat([xp.stack(moved)[:, None], rows], axis=1)

    y = xp.concat([start[:, None], xp.eye(4)], axis=1)
    return runge_kutta(xp, field, y, steps)[:, 1:]
