"""A European call on the binomial tree of Cox, Ross and Rubinstein, and its Greeks."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("S", "K", "r", "sigma"),
    sizes={"small": {"steps": 10}, "medium": {"steps": 100}, "large": {"steps": 1_000}},
    source="Cox, Ross & Rubinstein 1979, Option pricing: a simplified approach, Journal of "
    "Financial Economics 7, 229-263, sections 3 and 5",
)
def binomial_tree(xp, S, K, r, sigma, T, steps):  # S, K, r, sigma, T () -> ()
    """V ← e^{−rh} (p V_up + (1−p) V_down) back from max(S u^{2j−N} − K, 0); u = e^{σ√h}."""
    _, p, discount = market(xp, r, sigma, T / steps)

    def back(V, _):  # what rolls in at the end never reaches the root
        return discount * (p * xp.roll(V, -1) + (1 - p) * V), None

    _, paid = payoffs(xp, S, K, sigma, T, steps)
    return xp.scan(back, paid, None, length=steps)[0][0]


def market(xp, r, sigma, h):
    """u = e^{σ√h}, p = (e^{rh} − 1/u) / (u − 1/u), e^{−rh}."""
    up = xp.exp(sigma * xp.sqrt(h))
    return up, (xp.exp(r * h) - 1 / up) / (up - 1 / up), xp.exp(-r * h)


def payoffs(xp, S, K, sigma, T, steps):
    """The final stock prices and what the call pays at each."""
    ends = S * xp.exp(sigma * xp.sqrt(T / steps) * moves(xp, S, steps))
    return ends, xp.maximum(ends - K, xp.zeros_like(ends))


def moves(xp, S, steps):
    """2j − N: ups minus downs."""
    return xp.astype(2 * xp.arange(steps + 1) - steps, S.dtype)


@binomial_tree.inputs
def draw(rng, steps):
    """Strikes near the money, midway between two final stock prices."""
    S, sigma, T = rng.uniform(0.9, 1.1), rng.uniform(0.2, 0.4), rng.uniform(0.5, 2)
    level = 1 + rng.integers(-2, 2) * 2 + rng.uniform(-0.5, 0.5) + steps % 2
    K = S * np.exp(sigma * np.sqrt(T / steps) * level)
    given = {"S": S, "K": K, "r": rng.uniform(0.01, 0.06), "sigma": sigma, "T": T}
    return {**given, "steps": steps}


@binomial_tree.formula("gradient")
def adjoint(xp, S, K, r, sigma, T, steps):
    """By state prices λ: Σ λ ∂payoff, and with λ one step before, ∂p N e^{−rh} Σ λ (V_up − V_down).

    All N steps multiply by the same matrix, so that each contributes the same to ∂p.
    """
    h = T / steps
    up, p, discount = market(xp, r, sigma, h)

    def forward(prices, _):
        return discount * ((1 - p) * prices + p * xp.roll(prices, 1)), prices

    root = xp.astype(xp.arange(steps + 1) == 0, S.dtype)
    prices, path = xp.scan(forward, root, None, length=steps)
    ends, paid = payoffs(xp, S, K, sigma, T, steps)
    exercised = prices * xp.astype(ends > K, S.dtype)
    by_p = steps * discount * xp.sum(path[-1, ...] * (xp.roll(paid, -1) - paid)) / (up - 1 / up)
    return (
        xp.sum(exercised * ends) / S,
        -xp.sum(exercised),
        by_p * h / discount - T * xp.sum(prices * paid),
        (by_p * (1 / up - p * (up + 1 / up)) + xp.sum(exercised * ends * moves(xp, S, steps)))
        * xp.sqrt(h),
    )
