"""Sums of squares in two variables: curved valleys, several minima, bad scales."""

import numpy as np

import xgrad

MGH = "Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem"


def least_squares_gradient(xp, r, J):
    """2 Jᵀr, from the columns of J."""
    return 2 * xp.stack([xp.sum(r * column) for column in J])


def least_squares_hessian(xp, r, J, K):
    """2 (JᵀJ + Σ r ∇²r), from the columns of J and K = ∂₁₁r, ∂₁₂r, ∂₂₂r."""
    h11 = xp.sum(J[0] * J[0] + r * K[0])
    h12 = xp.sum(J[0] * J[1] + r * K[1])
    h22 = xp.sum(J[1] * J[1] + r * K[2])
    return 2 * xp.stack([xp.stack([h11, h12]), xp.stack([h12, h22])])


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 2")
def freudenstein_roth(xp, x):  # x (2,) -> ()
    """(−13 + x₁ + ((5 − x₂) x₂ − 2) x₂)² + (−29 + x₁ + ((x₂ + 1) x₂ − 14) x₂)²."""
    return xp.sum(freudenstein_roth_residuals(xp, x) ** 2)


def freudenstein_roth_residuals(xp, x):
    a, b = x[0], x[1]
    return xp.stack([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def freudenstein_roth_slopes(xp, x):
    b = x[1]
    return xp.ones((2,)), xp.stack([(10 - 3 * b) * b - 2, (3 * b + 2) * b - 14])


@freudenstein_roth.inputs
def draw_freudenstein_roth(rng):
    return {"x": rng.uniform(-5, 5, size=2)}


@freudenstein_roth.formula("gradient")
def freudenstein_roth_gradient(xp, x):
    """2 Jᵀr."""
    r, J = freudenstein_roth_residuals(xp, x), freudenstein_roth_slopes(xp, x)
    return least_squares_gradient(xp, r, J)


@freudenstein_roth.formula("hessian")
def freudenstein_roth_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r): the cubics bend in x₂ only, by 10 − 6 x₂ and 6 x₂ + 2."""
    r, J = freudenstein_roth_residuals(xp, x), freudenstein_roth_slopes(xp, x)
    return least_squares_hessian(xp, r, J, (0, 0, xp.stack([10 - 6 * x[1], 6 * x[1] + 2])))


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 3")
def powell_badly_scaled(xp, x):  # x (2,) -> ()
    """(10⁴ x₁ x₂ − 1)² + (exp(−x₁) + exp(−x₂) − 1.0001)²."""
    return xp.sum(powell_residuals(xp, x) ** 2)


def powell_residuals(xp, x):
    e = xp.exp(-x)
    return xp.stack([1e4 * x[0] * x[1] - 1, e[0] + e[1] - 1.0001])


def powell_slopes(xp, x):
    e = xp.exp(-x)
    return xp.stack([1e4 * x[1], -e[0]]), xp.stack([1e4 * x[0], -e[1]])


@powell_badly_scaled.inputs
def draw_powell(rng):
    """Around the minimum at (1.098e-5, 9.106)."""
    return {"x": rng.uniform(0.5, 1.5, size=2) * [1e-5, 9]}


@powell_badly_scaled.formula("gradient")
def powell_gradient(xp, x):
    """2 Jᵀr."""
    return least_squares_gradient(xp, powell_residuals(xp, x), powell_slopes(xp, x))


@powell_badly_scaled.formula("hessian")
def powell_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r)."""
    e, zero, one = xp.exp(-x), xp.zeros(()), xp.ones(())
    K = xp.stack([zero, e[0]]), xp.stack([1e4 * one, zero]), xp.stack([zero, e[1]])
    return least_squares_hessian(xp, powell_residuals(xp, x), powell_slopes(xp, x), K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 4")
def brown_badly_scaled(xp, x):  # x (2,) -> ()
    """(x₁ − 10⁶)² + (x₂ − 2·10⁻⁶)² + (x₁ x₂ − 2)²."""
    return xp.sum(brown_residuals(xp, x) ** 2)


def brown_residuals(xp, x):
    return xp.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def brown_slopes(xp, x):
    zero, one = xp.zeros(()), xp.ones(())
    return xp.stack([one, zero, x[1]]), xp.stack([zero, one, x[0]])


@brown_badly_scaled.inputs
def draw_brown(rng):
    """Around the minimum at (10⁶, 2·10⁻⁶)."""
    return {"x": rng.uniform(0.5, 1.5, size=2) * [1e6, 2e-6]}


@brown_badly_scaled.point("start")
def start_brown():
    return {"x": np.ones(2)}


@brown_badly_scaled.formula("gradient")
def brown_gradient(xp, x):
    """2 Jᵀr."""
    return least_squares_gradient(xp, brown_residuals(xp, x), brown_slopes(xp, x))


@brown_badly_scaled.formula("hessian")
def brown_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r): only x₁ x₂ bends."""
    K = 0, xp.asarray([0.0, 0.0, 1.0]), 0
    return least_squares_hessian(xp, brown_residuals(xp, x), brown_slopes(xp, x), K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 5")
def beale(xp, x):  # x (2,) -> ()
    """Σ_i (y_i − x₁ (1 − x₂ⁱ))², y = (1.5, 2.25, 2.625)."""
    return xp.sum(beale_residuals(xp, x) ** 2)


def beale_residuals(xp, x):
    b = x[1]
    return xp.asarray([1.5, 2.25, 2.625]) - x[0] * (1 - xp.stack([b, b**2, b**3]))


def beale_slopes(xp, x):
    a, b = x[0], x[1]
    return xp.stack([b, b**2, b**3]) - 1, a * xp.stack([xp.ones(()), 2 * b, 3 * b**2])


@beale.inputs
def draw_beale(rng):
    return {"x": rng.uniform(-2, 2, size=2)}


@beale.formula("gradient")
def beale_gradient(xp, x):
    """2 Jᵀr."""
    return least_squares_gradient(xp, beale_residuals(xp, x), beale_slopes(xp, x))


@beale.formula("hessian")
def beale_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r): ∂₁₂r = i x₂ⁱ⁻¹, ∂₂₂r = i (i − 1) x₁ x₂ⁱ⁻²."""
    a, b = x[0], x[1]
    K = 0, xp.stack([xp.ones(()), 2 * b, 3 * b**2]), xp.stack([xp.zeros(()), 2 * a, 6 * a * b])
    return least_squares_hessian(xp, beale_residuals(xp, x), beale_slopes(xp, x), K)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=f"{MGH} 6")
def jennrich_sampson(xp, x):  # x (2,) -> ()
    """Σ_{i ≤ 10} (2 + 2i − exp(i x₁) − exp(i x₂))²."""
    i = xp.arange(1.0, 11.0)
    return xp.sum((2 + 2 * i - xp.exp(i * x[0]) - xp.exp(i * x[1])) ** 2)


@jennrich_sampson.inputs
def draw_jennrich_sampson(rng):
    return {"x": rng.uniform(0.1, 0.4, size=2)}


@jennrich_sampson.formula("gradient")
def jennrich_sampson_gradient(xp, x):
    """2 Jᵀr, with columns −i exp(i x)."""
    i = xp.arange(1.0, 11.0)
    e, h = xp.exp(i * x[0]), xp.exp(i * x[1])
    return least_squares_gradient(xp, 2 + 2 * i - e - h, (-i * e, -i * h))


@jennrich_sampson.formula("hessian")
def jennrich_sampson_hessian(xp, x):
    """2 (JᵀJ + Σ r ∇²r): ∂₁₁r = −i² exp(i x₁), ∂₂₂r = −i² exp(i x₂)."""
    i = xp.arange(1.0, 11.0)
    e, h = xp.exp(i * x[0]), xp.exp(i * x[1])
    K = -i * i * e, 0, -i * i * h
    return least_squares_hessian(xp, 2 + 2 * i - e - h, (-i * e, -i * h), K)


@xgrad.case(
    wrt="x",
    operators=("gradient", "hessian"),
    source="Jamil & Yang 2013, A literature survey of benchmark functions for global optimization "
    "problems, arXiv:1308.4008, function 65; Himmelblau 1972, Applied Nonlinear Programming",
)
def himmelblau(xp, x):  # x (2,) -> ()
    """(x₁² + x₂ − 11)² + (x₁ + x₂² − 7)²."""
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


@himmelblau.inputs
def draw_himmelblau(rng):
    return {"x": rng.uniform(-5, 5, size=2)}


@himmelblau.formula("gradient")
def himmelblau_gradient(xp, x):
    """(4 x₁ r₁ + 2 r₂, 2 r₁ + 4 x₂ r₂)."""
    r, s = x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7
    return xp.stack([4 * x[0] * r + 2 * s, 2 * r + 4 * x[1] * s])


@himmelblau.formula("hessian")
def himmelblau_hessian(xp, x):
    """((12 x₁² + 4 x₂ − 42, 4 (x₁ + x₂)), (4 (x₁ + x₂), 4 x₁ + 12 x₂² − 26))."""
    across = 4 * (x[0] + x[1])
    first = xp.stack([12 * x[0] ** 2 + 4 * x[1] - 42, across])
    return xp.stack([first, xp.stack([across, 4 * x[0] + 12 * x[1] ** 2 - 26])])
