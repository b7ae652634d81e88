"""The heat equation on a ring: misfit of the final temperature, and its adjoint."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("u", "kappa"),
    sizes={
        "small": {"n": 10, "steps": 12},
        "medium": {"n": 100, "steps": 50},
        "large": {"n": 10_000, "steps": 200},
    },
    source="LeVeque 2007, Finite Difference Methods for Ordinary and Partial Differential "
    "Equations, chapter 9; Giles & Pierce 2000, An introduction to the adjoint approach to "
    "design, Flow, Turbulence and Combustion 65, 393-415",
)
def heat_equation(xp, u, kappa, observed, steps):  # u, kappa, observed (n,) -> ()
    """½ |u_T − observed|² after steps u_j ← u_j + κ_j (u_{j+1} − u_j) − κ_{j−1} (u_j − u_{j−1})."""
    u, _ = xp.scan(lambda u, _: (diffused(xp, u, kappa), None), u, None, length=steps)
    return xp.sum((u - observed) ** 2) / 2


def slope(xp, u):
    """u_{j+1} − u_j on the ring."""
    return xp.roll(u, -1) - u


def diffused(xp, u, kappa):
    """One explicit step: what flows in minus what flows out. Its matrix is symmetric."""
    flow = kappa * slope(xp, u)
    return u + flow - xp.roll(flow, 1)


@heat_equation.inputs
def draw(rng, n, steps):
    x = 2 * np.pi * np.arange(n) / n
    return {
        "u": np.sin(x) + 0.5 * rng.normal(size=n),
        "kappa": rng.uniform(0.1, 0.4, size=n),
        "observed": np.sin(x + 0.5) + 0.1 * rng.normal(size=n),
        "steps": steps,
    }


@heat_equation.formula("gradient")
def discrete_adjoint(xp, u, kappa, observed, steps):
    """λ_0 and −Σ_t slope(u_t) slope(λ_{t+1}): λ_T = u_T − observed diffuses back in time."""

    def forward(u, _):
        return diffused(xp, u, kappa), u

    def back(carry, u):
        adjoint, by_kappa = carry
        by_kappa = by_kappa - slope(xp, u) * slope(xp, adjoint)
        return (diffused(xp, adjoint, kappa), by_kappa), None

    last, path = xp.scan(forward, u, None, length=steps)
    gradients, _ = xp.scan(back, (last - observed, xp.zeros_like(kappa)), xp.flip(path, axis=0))
    return gradients
