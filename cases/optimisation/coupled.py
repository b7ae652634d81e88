"""Scalable sums of squares in which every variable meets every other."""

import numpy as np

import xgrad

MGH = "Moré, Garbow & Hillstrom 1981, ACM TOMS 7(1), 17-41, problem"
SIZES = {"small": {"n": 8}, "medium": {"n": 300}, "large": {"n": 100_000}}


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 6}, "medium": {"n": 20}, "large": {"n": 31}},
    operators=("gradient", "hvp"),
    source=f"{MGH} 20",
)
def watson(xp, x, t):  # x (n,), t (29,) -> ()
    """Σ (p' − p² − 1)² + x₁² + (x₂ − x₁² − 1)², p(t) = Σ x_j tʲ⁻¹: a polynomial solves an ODE."""
    p, slope = watson_powers(xp, x, t)
    r = xp.matmul(slope, x) - xp.matmul(p, x) ** 2 - 1
    return xp.sum(r**2) + x[0] ** 2 + (x[1] - x[0] ** 2 - 1) ** 2


def watson_powers(xp, x, t):
    """tʲ⁻¹ and (j − 1) tʲ⁻²: (29, n) both."""
    j = xp.arange(0.0, x.shape[0])
    return t[:, None] ** j, j * t[:, None] ** (j - 1)


@watson.inputs
def draw_watson(rng, n):
    return {"x": rng.normal(size=n), "t": np.arange(1, 30) / 29}


@watson.formula("gradient")
def watson_gradient(xp, x, t):
    """2 (Sᵀr − 2 Pᵀ(Px ∘ r)) and the two last terms'; P = tʲ⁻¹, S = (j − 1) tʲ⁻²."""
    P, S = watson_powers(xp, x, t)
    r = xp.matmul(S, x) - xp.matmul(P, x) ** 2 - 1
    last = x[1] - x[0] ** 2 - 1
    ends = xp.stack([2 * x[0] - 4 * x[0] * last, 2 * last])
    inner = xp.matmul(S.T, r) - 2 * xp.matmul(P.T, xp.matmul(P, x) * r)
    return 2 * inner + xp.concat([ends, xp.zeros((x.shape[0] - 2,))])


@watson.formula("hvp")
def watson_hvp(xp, x, t, v):
    """2 (Jᵀ(Jv) − 2 Pᵀ(r ∘ Pv)), J = S − 2 diag(Px) P, and the two last terms'."""
    P, S = watson_powers(xp, x, t)
    p, q = xp.matmul(P, x), xp.matmul(P, v)
    r, u = xp.matmul(S, x) - p**2 - 1, xp.matmul(S, v) - 2 * p * q
    inner = xp.matmul(S.T, u) - 2 * xp.matmul(P.T, p * u + r * q)
    last = x[1] - x[0] ** 2 - 1
    top = (2 + 8 * x[0] ** 2 - 4 * last) * v[0] - 4 * x[0] * v[1]
    ends = xp.stack([top, 2 * v[1] - 4 * x[0] * v[0]])
    return 2 * inner + xp.concat([ends, xp.zeros((x.shape[0] - 2,))])


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient", "hvp"), source=f"{MGH} 23")
def penalty(xp, x):  # x (n,) -> ()
    """10⁻⁵ Σ (x − 1)² + (Σ x² − ¼)²: Penalty I."""
    return 1e-5 * xp.sum((x - 1) ** 2) + (xp.sum(x * x) - 0.25) ** 2


@penalty.inputs
def draw_penalty(rng, n):
    return {"x": rng.normal(size=n) / np.sqrt(n)}


@penalty.formula("gradient")
def penalty_gradient(xp, x):
    """2·10⁻⁵ (x − 1) + 4 (Σ x² − ¼) x."""
    return 2e-5 * (x - 1) + 4 * (xp.sum(x * x) - 0.25) * x


@penalty.formula("hvp")
def penalty_hvp(xp, x, v):
    """(2·10⁻⁵ + 4 (Σ x² − ¼)) v + 8 (x·v) x."""
    return (2e-5 + 4 * (xp.sum(x * x) - 0.25)) * v + 8 * xp.sum(x * v) * x


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient", "hvp"), source=f"{MGH} 25")
def variably_dimensioned(xp, x):  # x (n,) -> ()
    """Σ (x − 1)² + s² + s⁴, s = Σ j (x_j − 1)."""
    s = xp.sum(xp.arange(1.0, x.shape[0] + 1) * (x - 1))
    return xp.sum((x - 1) ** 2) + s**2 + s**4


@variably_dimensioned.inputs
def draw_variably_dimensioned(rng, n):
    """Where s is of order 1."""
    return {"x": 1 + rng.normal(size=n) / np.sqrt(n) / np.arange(1, n + 1)}


@variably_dimensioned.formula("gradient")
def variably_dimensioned_gradient(xp, x):
    """2 (x − 1) + (2 s + 4 s³) j."""
    j = xp.arange(1.0, x.shape[0] + 1)
    s = xp.sum(j * (x - 1))
    return 2 * (x - 1) + (2 * s + 4 * s**3) * j


@variably_dimensioned.formula("hvp")
def variably_dimensioned_hvp(xp, x, v):
    """2 v + (2 + 12 s²) (j·v) j."""
    j = xp.arange(1.0, x.shape[0] + 1)
    s = xp.sum(j * (x - 1))
    return 2 * v + (2 + 12 * s**2) * xp.sum(j * v) * j


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient", "hvp"), source=f"{MGH} 26")
def trigonometric(xp, x):  # x (n,) -> ()
    """Σ_i (Σ_j (1 − cos x_j) + i (1 − cos x_i) − sin x_i)²."""
    return xp.sum(trigonometric_residuals(xp, x)[0] ** 2)


def trigonometric_residuals(xp, x):
    """r, and i sin x − cos x: the slopes are this on the diagonal, and sin x_j everywhere."""
    i, c, s = xp.arange(1.0, x.shape[0] + 1), xp.cos(x), xp.sin(x)
    return xp.sum(1 - c) + i * (1 - c) - s, i * s - c


@trigonometric.inputs
def draw_trigonometric(rng, n):
    return {"x": rng.uniform(-1, 1, size=n)}


@trigonometric.formula("gradient")
def trigonometric_gradient(xp, x):
    """2 (sin x Σr + (i sin x − cos x) ∘ r)."""
    r, own = trigonometric_residuals(xp, x)
    return 2 * (xp.sin(x) * xp.sum(r) + own * r)


@trigonometric.formula("hvp")
def trigonometric_hvp(xp, x, v):
    """2 (Jᵀ(Jv) + (cos x Σr + (i cos x + sin x) ∘ r) ∘ v)."""
    r, own = trigonometric_residuals(xp, x)
    i, c, s = xp.arange(1.0, x.shape[0] + 1), xp.cos(x), xp.sin(x)
    u = xp.sum(s * v) + own * v
    return 2 * (s * xp.sum(u) + own * u + (c * xp.sum(r) + (i * c + s) * r) * v)


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient",), source=f"{MGH} 27")
def brown_almost_linear(xp, x):  # x (n,) -> ()
    """Σ_{i<n} (x_i + Σ_j x_j − n − 1)² + (Π_j x_j − 1)²."""
    r = x[:-1] + xp.sum(x) - (x.shape[0] + 1)
    return xp.sum(r**2) + (xp.prod(x) - 1) ** 2


@brown_almost_linear.inputs
def draw_brown_almost_linear(rng, n):
    return {"x": 1 + rng.uniform(-1, 1, size=n) / np.sqrt(n)}


@brown_almost_linear.formula("gradient")
def brown_almost_linear_gradient(xp, x):
    """2 (r + Σr + (P − 1) P / x), P = Π x, no r at the last."""
    r, P = x[:-1] + xp.sum(x) - (x.shape[0] + 1), xp.prod(x)
    return 2 * (xp.concat([r, xp.zeros((1,))]) + xp.sum(r) + (P - 1) * P / x)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 8}, "medium": {"n": 60}, "large": {"n": 1_000}},
    operators=("gradient",),
    source=f"{MGH} 35",
)
def chebyquad(xp, x, moments):  # x (n,), moments (n,) -> ()
    """Σ_i (mean_j T_i(2 x_j − 1) − ∫T_i)²: nodes of equal weights that integrate polynomials."""
    i, theta = xp.arange(1.0, x.shape[0] + 1), xp.acos(2 * x - 1)
    return xp.sum((xp.mean(xp.cos(i[:, None] * theta), axis=1) - moments) ** 2)


@chebyquad.inputs
def draw_chebyquad(rng, n):
    """Nodes inside (0, 1); ∫₀¹ T_i(2x − 1) dx = 1 / (1 − i²) for even i, 0 for odd."""
    even = np.arange(2, n + 1, 2)
    moments = np.zeros(n)
    moments[1::2] = 1 / (1 - even**2)
    return {"x": rng.uniform(0.1, 0.9, size=n), "moments": moments}


@chebyquad.formula("gradient")
def chebyquad_gradient(xp, x, moments):
    """4 / n Σ_i r_i i sin iθ / sin θ, θ = arccos(2 x − 1)."""
    i, theta = xp.arange(1.0, x.shape[0] + 1), xp.acos(2 * x - 1)
    angles = i[:, None] * theta
    r = xp.mean(xp.cos(angles), axis=1) - moments
    return 4 * xp.matmul(r * i, xp.sin(angles)) / (xp.sin(theta) * x.shape[0])
