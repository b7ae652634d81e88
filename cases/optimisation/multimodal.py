"""Functions with many minima, in any number of variables."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 6}, "medium": {"n": 300}, "large": {"n": 100_000}}
SURVEY = "Jamil & Yang 2013, arXiv:1308.4008, function"
LIBRARY = "Surjanovic & Bingham 2013, https://www.sfu.ca/~ssurjano/"


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source=f"{SURVEY} 144; {LIBRARY}stybtang.html",
)
def styblinski_tang(xp, x):  # x (n,) -> ()
    """½ Σ (x⁴ − 16 x² + 5 x)."""
    return xp.sum(x**4 - 16 * x**2 + 5 * x) / 2


@styblinski_tang.inputs
def draw_styblinski_tang(rng, n):
    return {"x": rng.uniform(-5, 5, size=n)}


@styblinski_tang.formula("gradient")
def styblinski_tang_gradient(xp, x):
    """2 x³ − 16 x + 5/2."""
    return 2 * x**3 - 16 * x + 2.5


@styblinski_tang.formula("hvp")
def styblinski_tang_hvp(xp, x, v):
    """(6 x² − 16) v."""
    return (6 * x * x - 16) * v


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source=f"{SURVEY} 1; {LIBRARY}ackley.html",
)
def ackley(xp, x):  # x (n,) -> ()
    """−20 exp(−ρ / 5) − exp(mean cos 2πx) + 20 + e, ρ = √(mean x²)."""
    rho = xp.sqrt(xp.mean(x * x))
    return 20 + np.e - 20 * xp.exp(-rho / 5) - xp.exp(xp.mean(xp.cos(2 * np.pi * x)))


@ackley.inputs
def draw_ackley(rng, n):
    """Away from the minimum at 0, which is the tip of a cone."""
    return {"x": rng.uniform(-4, 4, size=n)}


@ackley.formula("gradient")
def ackley_gradient(xp, x):
    """(4 exp(−ρ / 5) x / ρ + 2π sin(2πx) exp(mean cos 2πx)) / n."""
    rho, c = xp.sqrt(xp.mean(x * x)), 2 * np.pi
    waves = c * xp.sin(c * x) * xp.exp(xp.mean(xp.cos(c * x)))
    return (4 * xp.exp(-rho / 5) * x / rho + waves) / x.shape[0]


@ackley.formula("hvp")
def ackley_hvp(xp, x, v):
    """The cone's a (v − (1/5 + 1/ρ) (x·v) x / nρ), a = 4 exp(−ρ / 5) / nρ, and the waves'."""
    n, c, rho = x.shape[0], 2 * np.pi, xp.sqrt(xp.mean(x * x))
    s, e = xp.sin(c * x), xp.exp(xp.mean(xp.cos(c * x)))
    cone = v - (rho + 5) / (5 * rho**2) * xp.mean(x * v) * x
    waves = c * (c * e) * (xp.cos(c * x) * v - s * xp.mean(s * v))
    return (4 * xp.exp(-rho / 5) / rho * cone + waves) / n


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source=f"{SURVEY} 59; {LIBRARY}griewank.html",
)
def griewank(xp, x):  # x (n,) -> ()
    """Σ x² / 4000 − Π cos(x_i / √i) + 1."""
    roots = xp.sqrt(xp.arange(1.0, x.shape[0] + 1))
    return xp.sum(x * x) / 4000 - xp.prod(xp.cos(x / roots)) + 1


@griewank.inputs
def draw_griewank(rng, n):
    """Where no cosine vanishes and their product stays well above 0."""
    return {"x": rng.uniform(-2, 2, size=n) * np.sqrt(np.arange(1, n + 1) / n)}


@griewank.formula("gradient")
def griewank_gradient(xp, x):
    """x / 2000 + P tan(x_i / √i) / √i, P the product of the cosines."""
    roots = xp.sqrt(xp.arange(1.0, x.shape[0] + 1))
    return x / 2000 + xp.prod(xp.cos(x / roots)) * xp.tan(x / roots) / roots


@griewank.formula("hvp")
def griewank_hvp(xp, x, v):
    """v / 2000 + P ((1 + tan²) v / i − t (t·v)), t = tan(x_i / √i) / √i."""
    roots = xp.sqrt(xp.arange(1.0, x.shape[0] + 1))
    t, P = xp.tan(x / roots) / roots, xp.prod(xp.cos(x / roots))
    return v / 2000 + P * ((1 / roots**2 + t * t) * v - t * xp.sum(t * v))


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source=f"{LIBRARY}levy.html; Levy & Montalvo 1985, The tunneling algorithm for the global "
    "minimization of functions, SIAM J. Sci. Stat. Comput. 6(1)",
)
def levy(xp, x):  # x (n,) -> ()
    """sin² πw₁ + Σ (w − 1)² (1 + 10 sin²(πw + 1)), the last 1 + sin² 2πw; w = 1 + (x − 1) / 4."""
    u, a, rate, shift = levy_waves(xp, x)
    waves = u * u * (1 + a * xp.sin(rate * (u + 1) + shift) ** 2)
    return xp.sin(np.pi * u[0]) ** 2 + xp.sum(waves)


def levy_waves(xp, x):
    """u, and a, rate, shift in a sin²(rate w + shift): 10, π, 1, but for the last 1, 2π, 0."""
    n = x.shape[0]
    last = xp.astype(xp.arange(n) == n - 1, x.dtype)
    return (x - 1) / 4, 10 - 9 * last, np.pi * (1 + last), 1 - last


@levy.inputs
def draw_levy(rng, n):
    return {"x": rng.uniform(-10, 10, size=n)}


@levy.formula("gradient")
def levy_gradient(xp, x):
    """A quarter of 2u (1 + a sin²φ) + u² a φ' sin 2φ, and of π sin 2πu for the first."""
    u, a, rate, shift = levy_waves(xp, x)
    phase = rate * (u + 1) + shift
    slope = 2 * u * (1 + a * xp.sin(phase) ** 2) + u * u * a * rate * xp.sin(2 * phase)
    first = np.pi * xp.sin(2 * np.pi * u[:1])
    return (slope + xp.concat([first, xp.zeros((x.shape[0] - 1,))])) / 4


@levy.formula("hvp")
def levy_hvp(xp, x, v):
    """v / 16 of 2 (1 + a sin²φ) + 4u a φ' sin 2φ + 2u² a φ'² cos 2φ, and 2π² cos 2πu first."""
    u, a, rate, shift = levy_waves(xp, x)
    phase = rate * (u + 1) + shift
    bend = 2 * (1 + a * xp.sin(phase) ** 2) + 4 * u * a * rate * xp.sin(2 * phase)
    bend = bend + 2 * u * u * a * rate**2 * xp.cos(2 * phase)
    first = 2 * np.pi * (np.pi * xp.cos(2 * np.pi * u[:1]))
    return (bend + xp.concat([first, xp.zeros((x.shape[0] - 1,))])) * v / 16


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("gradient",),
    source=f"{LIBRARY}rastr.html; Mühlenbein, Schomisch & Born 1991, The parallel genetic "
    "algorithm as function optimizer, Parallel Computing 17",
)
def rastrigin(xp, x):  # x (n,) -> ()
    """Σ (x² − 10 cos 2πx + 10)."""
    return xp.sum(x * x - 10 * xp.cos(2 * np.pi * x) + 10)


@rastrigin.inputs
def draw_rastrigin(rng, n):
    return {"x": rng.uniform(-5.12, 5.12, size=n)}


@rastrigin.formula("gradient")
def rastrigin_gradient(xp, x):
    """2x + 20π sin 2πx."""
    return 2 * x + 10 * (2 * np.pi * xp.sin(2 * np.pi * x))
