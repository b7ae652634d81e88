"""A pendulum on a cart, whose equations of motion are taken from its Lagrangian."""

import xgrad

GRAVITY = 9.81


@xgrad.case(
    wrt="state",
    source="Cranmer, Greydanus, Hoyer, Battaglia, Spergel & Ho 2020, Lagrangian neural networks, "
    "arXiv:2003.04630, eq. 6; Landau & Lifshitz 1976, Mechanics, 3rd ed., section 5, problem 2",
)
def cart_pendulum(xp, state, M, m, l):  # state (4,), M, m, l () -> (2,)
    """q″ = (∂²L/∂q′²)⁻¹ (∂L/∂q − ∂²L/∂q∂q′ q′) of q = (place of the cart, angle), q, q′ = state."""
    q, speed = state[:2], state[2:]

    def momentum(xp, q):
        return xp.gradient(lambda xp, speed: lagrangian(xp, q, speed, M, m, l))(speed)

    mass = xp.hessian(lambda xp, speed: lagrangian(xp, q, speed, M, m, l))(speed)
    force = xp.gradient(lambda xp, q: lagrangian(xp, q, speed, M, m, l))(q)
    turning = xp.jvp(momentum)(q, speed)
    return xp.linalg.solve(mass, (force - turning)[:, None])[:, 0]


def lagrangian(xp, q, speed, M, m, l):
    """Kinetic less potential energy, the angle that of the rod from hanging down."""
    s, c = l * xp.sin(q[1]), l * xp.cos(q[1])
    across, up = speed[0] + c * speed[1], s * speed[1]
    return (M * speed[0] * speed[0] + m * (across * across + up * up)) / 2 + m * GRAVITY * c


@cart_pendulum.inputs
def draw(rng):
    M, m, l = rng.uniform(0.5, 2, size=3)
    return {"state": rng.normal(size=4), "M": M, "m": m, "l": l}


@cart_pendulum.formula("jacobian")
def jacobian(xp, state, M, m, l):
    """x″ = m s (lω² + gc) / (M + m s²) and θ″ = −(g s + c x″) / l; x and x′ do not matter."""
    s, c, turn = xp.sin(state[1]), xp.cos(state[1]), state[3]
    pull = l * turn * turn + GRAVITY * c
    whole = M + m * s * s
    x = m * s * pull / whole
    x_angle = (m * (c * pull - GRAVITY * s * s) - x * 2 * m * s * c) / whole
    x_turn = 2 * m * s * l * turn / whole
    angle_angle = -(GRAVITY * c - s * x + c * x_angle) / l
    angle_turn = -c * x_turn / l
    zero = xp.zeros_like(x)
    rows = ((zero, x_angle, zero, x_turn), (zero, angle_angle, zero, angle_turn))
    return xp.stack([xp.stack(row) for row in rows])
