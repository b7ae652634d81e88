"""The price of a bond by its yield: duration and convexity."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="y",
    sizes={
        "small": {"n": 10, "payments": 8},
        "medium": {"n": 200, "payments": 20},
        "large": {"n": 20_000, "payments": 60},
    },
    operators=("derivative", "second_derivative"),
    source="Luenberger 1998, Investment Science, sections 3.5 and 3.7",
)
def bond_price(xp, y, cash, times):  # y (n,), cash, times (m,) -> (n,)
    """Σ_k c_k (1 + y)^{−t_k} for every yield y."""
    return xp.matmul(discount(xp, y, times), cash)


def discount(xp, y, times):
    """(1 + y)^{−t}: (n, m)."""
    return xp.exp(-xp.log1p(y)[:, None] * times)


@bond_price.inputs
def draw(rng, n, payments):
    """Half-yearly coupons, and the face value with the last."""
    cash = np.full(payments, rng.uniform(1, 4))
    cash[-1] += 100
    times = np.arange(1, payments + 1) / 2
    return {"y": rng.uniform(0.01, 0.1, size=n), "cash": cash, "times": times}


@bond_price.formula("derivative")
def minus_duration(xp, y, cash, times):
    """−Σ t c (1 + y)^{−t−1}: the price times its modified duration, negative."""
    return -xp.matmul(discount(xp, y, times), times * cash) / (1 + y)


@bond_price.formula("second_derivative")
def convexity(xp, y, cash, times):
    """Σ t (t + 1) c (1 + y)^{−t−2}: the price times its convexity."""
    return xp.matmul(discount(xp, y, times), times * (times + 1) * cash) / (1 + y) ** 2
