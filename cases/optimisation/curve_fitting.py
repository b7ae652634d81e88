"""Least-squares fits of small nonlinear models to data, with full Hessians."""

import numpy as np

import xgrad

MGH = "Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem"


def least_squares_gradient(xp, r, J):
    """2 Jᵀr, from the columns of J."""
    return 2 * xp.stack([xp.sum(r * column) for column in J])


def least_squares_hessian(xp, r, J, K):
    """2 (JᵀJ + Σ r ∇²r), from the columns of J and K[i, j] = ∂ᵢⱼr for i ≤ j where it is not 0."""

    def entry(i, j):
        return xp.sum(J[i] * J[j] + r * K.get((min(i, j), max(i, j)), 0))

    n = range(len(J))
    return 2 * xp.stack([xp.stack([entry(i, j) for j in n]) for i in n])


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 9")
def gaussian(xp, x, t, y):  # x (3,), t (15,), y (15,) -> ()
    """Σ (x₁ exp(−x₂ (t − x₃)² / 2) − y)²."""
    return xp.sum((x[0] * xp.exp(-x[1] * (t - x[2]) ** 2 / 2) - y) ** 2)


@gaussian.inputs
def draw_gaussian(rng):
    """Around the start (0.4, 1, 0), with the table of the normal density."""
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
    x = rng.uniform([0.2, 0.8, -0.2], [0.6, 1.2, 0.2])
    return {"x": x, "t": (8 - np.arange(1, 16)) / 2, "y": np.array([*half, 0.3989, *half[::-1]])}


@gaussian.formula("gradient")
def gaussian_gradient(xp, x, t, y):
    """2 Jᵀr, J = e (1, −x₁ s² / 2, x₁ x₂ s), s = t − x₃, e = exp(−x₂ s² / 2)."""
    s = t - x[2]
    e = xp.exp(-x[1] * s * s / 2)
    J = e, -x[0] * e * s * s / 2, x[0] * x[1] * e * s
    return least_squares_gradient(xp, x[0] * e - y, J)


@gaussian.formula("hessian")
def gaussian_hessian(xp, x, t, y):
    """2 (JᵀJ + Σ r ∇²r)."""
    s = t - x[2]
    e, b = xp.exp(-x[1] * s * s / 2), s * s / 2
    J = e, -x[0] * e * b, x[0] * x[1] * e * s
    K = {
        (0, 1): -e * b,
        (0, 2): x[1] * e * s,
        (1, 1): x[0] * e * b * b,
        (1, 2): x[0] * e * s * (1 - x[1] * b),
        (2, 2): x[0] * x[1] * e * (2 * x[1] * b - 1),
    }
    return least_squares_hessian(xp, x[0] * e - y, J, K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 10")
def meyer(xp, x, t, y):  # x (3,), t (16,), y (16,) -> ()
    """Σ (x₁ exp(x₂ / (t + x₃)) − y)²: the resistance of a thermistor."""
    return xp.sum((x[0] * xp.exp(x[1] / (t + x[2])) - y) ** 2)


@meyer.inputs
def draw_meyer(rng):
    """Around the minimum at (0.00561, 6181, 345), where the scales differ by 10⁶."""
    table = "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872"
    x = [0.00561, 6181, 345] * rng.uniform(0.95, 1.05, size=3)
    return {"x": x, "t": 45.0 + 5 * np.arange(1, 17), "y": np.array(table.split(), dtype=float)}


@meyer.formula("gradient")
def meyer_gradient(xp, x, t, y):
    """2 Jᵀr, J = e (1, x₁ / s, −x₁ x₂ / s²), s = t + x₃, e = exp(x₂ / s)."""
    s = t + x[2]
    e = xp.exp(x[1] / s)
    J = e, x[0] * e / s, -x[0] * x[1] * e / s**2
    return least_squares_gradient(xp, x[0] * e - y, J)


@meyer.formula("hessian")
def meyer_hessian(xp, x, t, y):
    """2 (JᵀJ + Σ r ∇²r)."""
    s = t + x[2]
    e, b = xp.exp(x[1] / s), x[1] / s
    J = e, x[0] * e / s, -x[0] * b * e / s
    K = {
        (0, 1): e / s,
        (0, 2): -b * e / s,
        (1, 1): x[0] * e / s**2,
        (1, 2): -x[0] * e * (1 + b) / s**2,
        (2, 2): x[0] * b * e * (2 + b) / s**2,
    }
    return least_squares_hessian(xp, x[0] * e - y, J, K)


@xgrad.case(wrt="x", operators=("gradient",), source=f"{MGH} 11")
def gulf_research(xp, x, t, y):  # x (3,), t (m,), y (m,) -> ()
    """Σ (exp(−|y − x₂|^x₃ / x₁) − t)²: the variable is in the exponent twice."""
    return xp.sum((xp.exp(-(xp.abs(y - x[1]) ** x[2]) / x[0]) - t) ** 2)


@gulf_research.inputs
def draw_gulf(rng):
    """Around the minimum at (50, 25, 1.5), with x₂ below every y."""
    t = np.arange(1, 100) / 100
    x = [50, 20, 1.5] * rng.uniform(0.8, 1.2, size=3)
    return {"x": x, "t": t, "y": 25 + (-50 * np.log(t)) ** (2 / 3)}


@gulf_research.formula("gradient")
def gulf_gradient(xp, x, t, y):
    """2 Jᵀr, J = e p / x₁ (1 / x₁, x₃ / (y − x₂), −log |y − x₂|), p = |y − x₂|^x₃."""
    s = y - x[1]
    p = xp.abs(s) ** x[2]
    e = xp.exp(-p / x[0])
    c = e * p / x[0]
    J = c / x[0], c * x[2] / s, -c * xp.log(xp.abs(s))
    return least_squares_gradient(xp, e - t, J)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 12")
def box_three_dimensional(xp, x, t):  # x (3,), t (10,) -> ()
    """Σ (exp(−t x₁) − exp(−t x₂) − x₃ (exp(−t) − exp(−10 t)))²."""
    r = xp.exp(-t * x[0]) - xp.exp(-t * x[1]) - x[2] * (xp.exp(-t) - xp.exp(-10 * t))
    return xp.sum(r**2)


@box_three_dimensional.inputs
def draw_box(rng):
    return {"x": rng.uniform([0, 5, 0], [3, 15, 20]), "t": np.arange(1, 11) / 10}


@box_three_dimensional.formula("gradient")
def box_gradient(xp, x, t):
    """2 Jᵀr, J = (−t e, t h, −g), e = exp(−t x₁), h = exp(−t x₂), g = exp(−t) − exp(−10 t)."""
    e, h, g = xp.exp(-t * x[0]), xp.exp(-t * x[1]), xp.exp(-t) - xp.exp(-10 * t)
    return least_squares_gradient(xp, e - h - x[2] * g, (-t * e, t * h, -g))


@box_three_dimensional.formula("hessian")
def box_hessian(xp, x, t):
    """2 (JᵀJ + Σ r ∇²r)."""
    e, h, g = xp.exp(-t * x[0]), xp.exp(-t * x[1]), xp.exp(-t) - xp.exp(-10 * t)
    K = {(0, 0): t * t * e, (1, 1): -t * t * h}
    return least_squares_hessian(xp, e - h - x[2] * g, (-t * e, t * h, -g), K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 15")
def kowalik_osborne(xp, x, u, y):  # x (4,), u (11,), y (11,) -> ()
    """Σ (y − x₁ (u² + u x₂) / (u² + u x₃ + x₄))²: an enzyme reaction."""
    return xp.sum((y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])) ** 2)


@kowalik_osborne.inputs
def draw_kowalik_osborne(rng):
    """Around the start (0.25, 0.39, 0.415, 0.39), with the data of the reaction."""
    u = "4 2 1 0.5 0.25 0.167 0.125 0.1 0.0833 0.0714 0.0625"
    y = "0.1957 0.1947 0.1735 0.1600 0.0844 0.0627 0.0456 0.0342 0.0323 0.0235 0.0246"
    x = [0.25, 0.39, 0.415, 0.39] * rng.uniform(0.5, 1.5, size=4)
    return {"x": x, "u": np.array(u.split(), dtype=float), "y": np.array(y.split(), dtype=float)}


@kowalik_osborne.formula("gradient")
def kowalik_osborne_gradient(xp, x, u, y):
    """2 Jᵀr, J = (−a, −x₁ u, x₁ a u, x₁ a) / d, a / d the fraction."""
    d = u**2 + u * x[2] + x[3]
    a = (u**2 + u * x[1]) / d
    J = -a, -x[0] * u / d, x[0] * a * u / d, x[0] * a / d
    return least_squares_gradient(xp, y - x[0] * a, J)


@kowalik_osborne.formula("hessian")
def kowalik_osborne_hessian(xp, x, u, y):
    """2 (JᵀJ + Σ r ∇²r)."""
    d = u**2 + u * x[2] + x[3]
    a = (u**2 + u * x[1]) / d
    J = -a, -x[0] * u / d, x[0] * a * u / d, x[0] * a / d
    K = {
        (0, 1): -u / d,
        (0, 2): a * u / d,
        (0, 3): a / d,
        (1, 2): x[0] * u**2 / d**2,
        (1, 3): x[0] * u / d**2,
        (2, 2): -2 * x[0] * a * u**2 / d**2,
        (2, 3): -2 * x[0] * a * u / d**2,
        (3, 3): -2 * x[0] * a / d**2,
    }
    return least_squares_hessian(xp, y - x[0] * a, J, K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 16")
def brown_dennis(xp, x, t):  # x (4,), t (20,) -> ()
    """Σ ((x₁ + t x₂ − exp t)² + (x₃ + x₄ sin t − cos t)²)²."""
    a, b = x[0] + t * x[1] - xp.exp(t), x[2] + x[3] * xp.sin(t) - xp.cos(t)
    return xp.sum((a**2 + b**2) ** 2)


@brown_dennis.inputs
def draw_brown_dennis(rng):
    """Around the start (25, 5, −5, −1)."""
    return {"x": [25, 5, -5, -1] * rng.uniform(0.5, 1.5, size=4), "t": np.arange(1, 21) / 5}


@brown_dennis.formula("gradient")
def brown_dennis_gradient(xp, x, t):
    """2 Jᵀr, J = 2 (a, a t, b, b sin t), r = a² + b²."""
    a, b = x[0] + t * x[1] - xp.exp(t), x[2] + x[3] * xp.sin(t) - xp.cos(t)
    J = 2 * a, 2 * a * t, 2 * b, 2 * b * xp.sin(t)
    return least_squares_gradient(xp, a**2 + b**2, J)


@brown_dennis.formula("hessian")
def brown_dennis_hessian(xp, x, t):
    """2 (JᵀJ + Σ r ∇²r)."""
    s = xp.sin(t)
    a, b = x[0] + t * x[1] - xp.exp(t), x[2] + x[3] * s - xp.cos(t)
    J = 2 * a, 2 * a * t, 2 * b, 2 * b * s
    K = {(0, 0): 2, (0, 1): 2 * t, (1, 1): 2 * t * t, (2, 2): 2, (2, 3): 2 * s, (3, 3): 2 * s * s}
    return least_squares_hessian(xp, a**2 + b**2, J, K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 18")
def biggs_exp6(xp, x, t, y):  # x (6,), t (13,), y (13,) -> ()
    """Σ (x₃ exp(−t x₁) − x₄ exp(−t x₂) + x₆ exp(−t x₅) − y)²."""
    r = x[2] * xp.exp(-t * x[0]) - x[3] * xp.exp(-t * x[1]) + x[5] * xp.exp(-t * x[4]) - y
    return xp.sum(r**2)


@biggs_exp6.inputs
def draw_biggs(rng):
    """Around the start (1, 2, 1, 1, 1, 1)."""
    t = np.arange(1, 14) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return {"x": [1, 2, 1, 1, 1, 1] * rng.uniform(0.5, 1.5, size=6), "t": t, "y": y}


@biggs_exp6.formula("gradient")
def biggs_gradient(xp, x, t, y):
    """2 Jᵀr, J = (−t x₃ e, t x₄ h, e, −h, −t x₆ g, g), e, h, g the exponentials."""
    e, h, g = xp.exp(-t * x[0]), xp.exp(-t * x[1]), xp.exp(-t * x[4])
    J = -t * x[2] * e, t * x[3] * h, e, -h, -t * x[5] * g, g
    return least_squares_gradient(xp, x[2] * e - x[3] * h + x[5] * g - y, J)


@biggs_exp6.formula("hessian")
def biggs_hessian(xp, x, t, y):
    """2 (JᵀJ + Σ r ∇²r)."""
    e, h, g = xp.exp(-t * x[0]), xp.exp(-t * x[1]), xp.exp(-t * x[4])
    J = -t * x[2] * e, t * x[3] * h, e, -h, -t * x[5] * g, g
    K = {
        (0, 0): t * t * x[2] * e,
        (0, 2): -t * e,
        (1, 1): -t * t * x[3] * h,
        (1, 3): t * h,
        (4, 4): t * t * x[5] * g,
        (4, 5): -t * g,
    }
    return least_squares_hessian(xp, x[2] * e - x[3] * h + x[5] * g - y, J, K)
