"""A pendulum on a cart, whose equations of motion are taken from its Lagrangian."""

import xgrad

GRAVITY = 9.81


@xgrad.case(
    wrt="angle",
    source="Cranmer, Greydanus, Hoyer, Battaglia, Spergel & Ho 2020, Lagrangian neural networks, "
    "arXiv:2003.04630, eq. 6; Landau & Lifshitz 1976, Mechanics, 3rd ed., section 5, problem 2",
)
def cart_pendulum(xp, angle, cart, M, m, rod):  # angle, cart (2,), M, m, rod () -> (2,)
    """q″ = (∂²L/∂q′²)⁻¹ (∂L/∂q − ∂²L/∂q∂q′ q′), q = (place, angle), each with its speed."""
    q, speed = (xp.stack([cart[k], angle[k]]) for k in range(2))

    def momentum(xp, q):
        return xp.gradient(lambda xp, speed: lagrangian(xp, q, speed, M, m, rod))(speed)

    mass = xp.hessian(lambda xp, speed: lagrangian(xp, q, speed, M, m, rod))(speed)
    force = xp.gradient(lambda xp, q: lagrangian(xp, q, speed, M, m, rod))(q)
    turning = xp.jvp(momentum)(q, speed)
    return xp.linalg.solve(mass, (force - turning)[:, None])[:, 0]


def lagrangian(xp, q, speed, M, m, rod):
    """Kinetic less potential energy, the angle that of the rod from hanging down."""
    s, c = rod * xp.sin(q[1]), rod * xp.cos(q[1])
    across, up = speed[0] + c * speed[1], s * speed[1]
    return (M * speed[0] * speed[0] + m * (across * across + up * up)) / 2 + m * GRAVITY * c


@cart_pendulum.inputs
def draw(rng):
    M, m, rod = rng.uniform(0.5, 2, size=3)
    return {"angle": rng.normal(size=2), "cart": rng.normal(size=2), "M": M, "m": m, "rod": rod}


@cart_pendulum.formula("jacobian")
def jacobian(xp, angle, cart, M, m, rod):
    """x″ = m s (lω² + gc) / (M + m s²) and θ″ = −(g s + c x″) / l; x and x′ do not matter."""
    s, c, turn = xp.sin(angle[0]), xp.cos(angle[0]), angle[1]
    pull = rod * turn * turn + GRAVITY * c
    whole = M + m * s * s
    x = m * s * pull / whole
    x_angle = (m * (c * pull - GRAVITY * s * s) - x * 2 * m * s * c) / whole
    x_turn = 2 * m * s * rod * turn / whole
    angle_angle = -(GRAVITY * c - s * x + c * x_angle) / rod
    angle_turn = -c * x_turn / rod
    rows = (x_angle, x_turn), (angle_angle, angle_turn)
    return xp.stack([xp.stack(row) for row in rows])
