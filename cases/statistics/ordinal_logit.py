"""Ordinal logit: the proportional-odds regression of a graded outcome."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("beta", "cuts"),
    sizes={
        "small": {"n": 12, "d": 3, "C": 4},
        "medium": {"n": 300, "d": 20, "C": 5},
        "large": {"n": 50_000, "d": 50, "C": 10},
    },
    operators=("gradient",),
    source="McCullagh 1980, Regression models for ordinal data, Journal of the Royal Statistical "
    "Society B 42(2), 109-142, section 2",
)
def ordinal_logit(xp, beta, cuts, X, y):  # beta (d,), cuts (C − 1,) rising, X (n, d), y (n,) -> ()
    """−Σ log(σ(c_y − η) − σ(c_{y−1} − η)), η = Xβ: P(outcome ≤ j) = σ(c_j − η).

    As σ(u) − σ(l) = σ(u) σ(−l) (1 − exp(l − u)), which does not cancel.
    """
    lower, upper, gap, above, below = interval(xp, beta, cuts, X, y)
    width = above * below * xp.log(-xp.expm1(-gap))
    return xp.sum(below * xp.softplus(-upper) + above * xp.softplus(lower) - width)


def interval(xp, beta, cuts, X, y):
    """c_{y−1} − η, c_y − η, their gap (1 at the ends), and which of the two exist."""
    eta, last = xp.matmul(X, beta), cuts.shape[0]
    padded = xp.concat([cuts[:1], cuts, cuts[-1:]])
    lower, upper = padded[y] - eta, padded[y + 1] - eta
    gap = xp.where((y > 0) & (y < last), upper - lower, xp.ones_like(eta))
    return lower, upper, gap, xp.astype(y > 0, eta.dtype), xp.astype(y < last, eta.dtype)


@ordinal_logit.inputs
def draw(rng, n, d, C):
    cuts = np.cumsum(rng.uniform(0.5, 1.5, size=C - 1))
    return {
        "beta": rng.normal(size=d) / d**0.5,
        "cuts": cuts - cuts.mean(),
        "X": rng.normal(size=(n, d)),
        "y": rng.permutation(n) % C,
    }


@ordinal_logit.formula("gradient")
def score(xp, beta, cuts, X, y):
    """Xᵀ (s − t); ∂c_j = Σ_{y = j+1} (t + h) − Σ_{y = j} (s + h).

    s = σ(η − c_y), t = σ(c_{y−1} − η), h = 1 / (exp(c_y − c_{y−1}) − 1), 0 at the ends.
    """
    lower, upper, gap, above, below = interval(xp, beta, cuts, X, y)
    s, t = below * xp.expit(-upper), above * xp.expit(lower)
    h = above * below / xp.expm1(gap)
    of_upper, of_lower = (xp.segment_sum(a + h, y, cuts.shape[0] + 1) for a in (s, t))
    return xp.matmul(X.T, s - t), of_lower[1:] - of_upper[:-1]


@ordinal_logit.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_score(xp, beta, cuts, X, y):
    """statsmodels' score, in c_1 and the logarithms of the gaps, in terms of the cuts."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    gaps = np.diff(cuts)
    parameters = np.concatenate([beta, cuts[:1], np.log(gaps)])
    score = -OrderedModel(y, X, distr="logit").score(parameters).astype(beta.dtype)
    tails = score[len(beta) :] / np.concatenate([np.ones_like(gaps[:1]), gaps])
    return score[: len(beta)], tails - np.concatenate([tails[1:], np.zeros_like(gaps[:1])])


ordinal_logit.known(
    "numpy.formula:statsmodels",
    "OrderedModel.score is a central difference of the log-likelihood: 8 to 9 digits",
    dtype="float64",
)
