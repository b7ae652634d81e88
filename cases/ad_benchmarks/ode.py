"""A chain of differential equations by Runge and Kutta, differentiated in its parameters."""

import numpy as np

import xgrad

SHARES = (1, 2, 2, 1)  # of the slopes in a step, in sixths


@xgrad.case(
    wrt="x",
    sizes={
        "small": {"n": 8, "s": 8},
        "medium": {"n": 100, "s": 100},
        "large": {"n": 1_000, "s": 1_000},
    },
    operators="gradient",
    source="cmpad, an_ode, https://cmpad.readthedocs.io/an_ode.html; GradBench, "
    "evals/ode/README.md, https://github.com/gradbench/gradbench; Hairer, Nørsett & Wanner 1993, "
    "Solving Ordinary Differential Equations I, section II.1",
)
def ode(xp, x, s):  # x (n,), s integer -> ()
    """The last element of y(2), after s steps of RK4 on yᵢ′ = xᵢ yᵢ₋₁, y₋₁ = 1, y(0) = 0."""
    return solve(xp, x, s)[0][-1]


def solve(xp, x, s):
    """y(2), and y before each step."""
    one, h = xp.ones((1,)), 2 / s

    def step(y, _):
        (k1, k2, k3, k4), _ = slopes(xp, one, x, y, h)
        return y + h / 6 * (k1 + 2 * (k2 + k3) + k4), y

    return xp.scan(step, xp.zeros_like(x), None, length=s)


def slopes(xp, one, x, y, h):
    """The four slopes of a step, and what x is multiplied with in each: y with 1 put before it."""
    p1 = xp.concat([one, y[:-1]])
    k1 = x * p1
    p2 = xp.concat([one, (y + h / 2 * k1)[:-1]])
    k2 = x * p2
    p3 = xp.concat([one, (y + h / 2 * k2)[:-1]])
    k3 = x * p3
    p4 = xp.concat([one, (y + h * k3)[:-1]])
    return (k1, k2, k3, x * p4), (p1, p2, p3, p4)


@ode.inputs
def draw(rng, n, s):
    """Exactly, yᵢ(2) = Πⱼ 2 xⱼ / (j + 1): xⱼ near (j + 1) / 2 keeps all of them near 1."""
    return {"x": np.arange(1, n + 1) / 2 * np.exp(rng.normal(size=n) / np.sqrt(n)), "s": s}


@ode.formula("gradient")
def adjoint(xp, x, s):
    """The steps backwards: λ ← (∂y⁺/∂y)ᵀ λ, and ∂x the sum of (∂y⁺/∂x)ᵀ λ."""
    one, none, h = xp.ones((1,)), xp.zeros((1,)), 2 / s
    _, ys = solve(xp, x, s)

    def back(carry, y):
        dy, dx = carry
        _, before = slopes(xp, one, x, y, h)
        ahead, dpoint = dy, xp.zeros_like(x)
        for p, share, reach in zip(before[::-1], SHARES, (0, h, h / 2, h / 2), strict=True):
            dslope = h / 6 * share * dy + reach * dpoint
            dx = dx + dslope * p
            dpoint = xp.concat([(x * dslope)[1:], none])
            ahead = ahead + dpoint
        return (ahead, dx), None

    last = xp.concat([xp.zeros_like(x[1:]), one])
    (_, dx), _ = xp.scan(back, (last, xp.zeros_like(x)), xp.flip(ys, axis=0))
    return dx
