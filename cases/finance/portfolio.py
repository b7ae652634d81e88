"""The growth rate of a portfolio: expected logarithmic utility."""

import xgrad


@xgrad.case(
    wrt="b",
    sizes={
        "small": {"n": 20, "assets": 6},
        "medium": {"n": 200, "assets": 100},
        "large": {"n": 2_000, "assets": 1_000},
    },
    operators=("gradient", "hvp"),
    source="Cover & Thomas 2006, Elements of Information Theory, 2nd ed., sections 16.1 and 16.2",
)
def growth_rate(xp, b, X):  # b (assets,), X (n, assets) -> ()
    """mean log Xb for price relatives X and a portfolio b."""
    return xp.mean(xp.log(xp.matmul(X, b)))


@growth_rate.inputs
def draw(rng, n, assets):
    return {
        "b": rng.dirichlet([2.0] * assets),
        "X": rng.lognormal(0.02, 0.3, size=(n, assets)),
    }


@growth_rate.formula("gradient")
def relative_wealth(xp, b, X):
    """mean x / (x·b), which the optimal portfolio holds at 1."""
    return xp.matmul(X.T, 1 / xp.matmul(X, b)) / X.shape[0]


@growth_rate.formula("hvp")
def curvature(xp, b, X, v):
    """−mean x (x·v) / (x·b)²."""
    return -xp.matmul(X.T, xp.matmul(X, v) / xp.matmul(X, b) ** 2) / X.shape[0]
