"""Long valleys in three and more variables: the helix, Powell's singular function, Wood's."""

import numpy as np

import xgrad

MGH = "Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem"
TURN = 2 * np.pi


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 7")
def helical_valley(xp, x):  # x (3,) -> ()
    """100 (x₃ − 10 θ)² + 100 (ρ − 1)² + x₃², the angle θ in turns, ρ = √(x₁² + x₂²)."""
    rho = xp.sqrt(x[0] ** 2 + x[1] ** 2)
    return 100 * (x[2] - 10 * angle(xp, x)) ** 2 + 100 * (rho - 1) ** 2 + x[2] ** 2


def angle(xp, x):
    """arctan(x₂ / x₁) / 2π, and ½ more where x₁ < 0: smooth but for x₁ = 0."""
    return xp.atan(x[1] / x[0]) / TURN + xp.astype(x[0] < 0, x.dtype) / 2


@helical_valley.inputs
def draw_helix(rng):
    x = rng.normal(size=3)
    x[0] += np.copysign(0.5, x[0])
    return {"x": x}


@helical_valley.point("start")
def start_helix():
    """(−1, 0, 0), where atan2 would jump."""
    return {"x": np.array([-1.0, 0.0, 0.0])}


@helical_valley.formula("gradient")
def helical_gradient(xp, x):
    """∇θ = (−x₂, x₁) / 2πρ², ∇ρ = (x₁, x₂) / ρ."""
    rho = xp.sqrt(x[0] ** 2 + x[1] ** 2)
    lag = x[2] - 10 * angle(xp, x)
    turning = -2000 * lag / (TURN * rho**2)
    outward = 200 * (rho - 1) / rho
    return xp.stack([
        outward * x[0] - turning * x[1],
        outward * x[1] + turning * x[0],
        200 * lag + 2 * x[2],
    ])  # fmt: skip


@helical_valley.formula("hessian")
def helical_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r), r = (10 (x₃ − 10 θ), 10 (ρ − 1), x₃)."""
    a, b, rho = x[0], x[1], xp.sqrt(x[0] ** 2 + x[1] ** 2)
    out_a, out_b = a / rho, b / rho  # ∇ρ
    turn_a, turn_b = -b / (TURN * rho**2), a / (TURN * rho**2)  # ∇θ
    twist, gap = 10 * (x[2] - 10 * angle(xp, x)) / (TURN * rho**4), (rho - 1) / rho
    aa = 100 * turn_a**2 + out_a**2 + gap * out_b**2 - 2 * twist * a * b
    bb = 100 * turn_b**2 + out_b**2 + gap * out_a**2 + 2 * twist * a * b
    ab = 100 * turn_a * turn_b + (1 - gap) * out_a * out_b + twist * (a**2 - b**2)
    ac, bc, cc = -10 * turn_a, -10 * turn_b, 101 * xp.ones(()) / 100
    rows = (aa, ab, ac), (ab, bb, bc), (ac, bc, cc)
    return 200 * xp.stack([xp.stack(row) for row in rows])


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 8}, "medium": {"n": 400}, "large": {"n": 100_000}},
    operators=("gradient", "hvp"),
    source=f"{MGH} 13 and 22",
)
def powell_singular(xp, x):  # x (n,), n a multiple of 4 -> ()
    """Σ (x₁ + 10 x₂)² + 5 (x₃ − x₄)² + (x₂ − 2 x₃)⁴ + 10 (x₁ − x₄)⁴ over fours of variables."""
    a, b, c, d = quarters(xp, x)
    return xp.sum((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4)


def quarters(xp, x):
    """The first of every four variables, the second, the third and the fourth."""
    fours = xp.reshape(x, (-1, 4))
    return tuple(fours[:, i] for i in range(4))


@powell_singular.inputs
def draw_powell(rng, n):
    """Around the start (3, −1, 0, 1, …)."""
    return {"x": np.tile([3.0, -1.0, 0.0, 1.0], n // 4) + rng.normal(size=n)}


@powell_singular.point("minimum")
def minimum_powell(n):
    """The minimum, where the Hessian is singular and Newton's method slow."""
    return {"x": np.zeros(n)}


@powell_singular.formula("gradient")
def powell_gradient(xp, x):
    """(2 p + 40 s³, 20 p + 4 q³, 10 t − 8 q³, −10 t − 40 s³), p, t, q, s the four brackets."""
    a, b, c, d = quarters(xp, x)
    p, t, q, s = a + 10 * b, c - d, (b - 2 * c) ** 3, (a - d) ** 3
    parts = 2 * p + 40 * s, 20 * p + 4 * q, 10 * t - 8 * q, -10 * t - 40 * s
    return xp.reshape(xp.stack(parts, axis=1), x.shape)


@powell_singular.formula("hvp")
def powell_hvp(xp, x, v):
    """The gradient with p and t of v, 3 q² times q of v and 3 s² times s of v."""
    (a, b, c, d), (e, f, g, h) = quarters(xp, x), quarters(xp, v)
    p, t = e + 10 * f, g - h
    q, s = 3 * (b - 2 * c) ** 2 * (f - 2 * g), 3 * (a - d) ** 2 * (e - h)
    parts = 2 * p + 40 * s, 20 * p + 4 * q, 10 * t - 8 * q, -10 * t - 40 * s
    return xp.reshape(xp.stack(parts, axis=1), x.shape)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 14")
def wood(xp, x):  # x (4,) -> ()
    """Rosenbrock's valley in x₁, x₂, one of 90 in x₃, x₄; 10 (x₂ + x₄ − 2)² + (x₂ − x₄)² / 10."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    valleys = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return valleys + 10 * (b + d - 2) ** 2 + (b - d) ** 2 / 10


@wood.inputs
def draw_wood(rng):
    return {"x": rng.uniform(-3, 3, size=4)}


@wood.formula("gradient")
def wood_gradient(xp, x):
    """Two of Rosenbrock's valleys, and 20 (x₂ + x₄ − 2) ± (x₂ − x₄) / 5 between them."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    one, two, both, apart = b - a**2, d - c**2, 20 * (b + d - 2), (b - d) / 5
    return xp.stack([
        -400 * a * one - 2 * (1 - a),
        200 * one + both + apart,
        -360 * c * two - 2 * (1 - c),
        180 * two + both - apart,
    ])  # fmt: skip


@wood.formula("hessian")
def wood_hessian(xp, x):
    """Two blocks like Rosenbrock's, with 20 + 1/5 added at x₂ and x₄, and 20 − 1/5 between them."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    zero, fifth = xp.zeros(()), xp.ones(()) / 5
    rows = (
        (1200 * a**2 - 400 * b + 2, -400 * a, zero, zero),
        (-400 * a, 220 + fifth, zero, 20 - fifth),
        (zero, zero, 1080 * c**2 - 360 * d + 2, -360 * c),
        (zero, 20 - fifth, -360 * c, 200 + fifth),
    )
    return xp.stack([xp.stack(row) for row in rows])
