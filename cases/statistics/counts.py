"""Regressions of counts with a log link: Poisson, negative binomial and zero-inflated Poisson."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 10, "d": 3},
    "medium": {"n": 300, "d": 30},
    "large": {"n": 20_000, "d": 100},
}


@xgrad.case(
    wrt="beta",
    sizes=SIZES,
    operators=("gradient", "hessian"),
    source="Cameron & Trivedi 2013, Regression Analysis of Count Data, 2nd edition, section 3.2",
)
def poisson_regression(xp, beta, X, y):  # beta (d,), X (n, d), y (n,) counts -> ()
    """Σ μ − y log μ + log y! with log μ = Xβ: the negative log-likelihood."""
    eta, y = xp.matmul(X, beta), xp.astype(y, beta.dtype)
    return xp.sum(xp.exp(eta) - y * eta + xp.lgamma(y + 1))


@poisson_regression.inputs
def draw_poisson(rng, n, d):
    X, beta = design(rng, n, d)
    return {"beta": beta, "X": X, "y": rng.poisson(3 * np.exp(X @ beta))}


def design(rng, n, d):
    return rng.normal(size=(n, d)), 0.7 * rng.normal(size=d) / d**0.5


@poisson_regression.formula("gradient")
def poisson_score(xp, beta, X, y):
    """Xᵀ (μ − y)."""
    return xp.matmul(X.T, xp.exp(xp.matmul(X, beta)) - xp.astype(y, beta.dtype))


@poisson_regression.formula("hessian")
def poisson_information(xp, beta, X, y):
    """Xᵀ diag(μ) X."""
    return xp.matmul(X.T, xp.exp(xp.matmul(X, beta))[:, None] * X)


@poisson_regression.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, beta, X, y):
    """scikit-learn's Poisson loss, n times its mean."""
    return (len(y) * sklearn_loss().gradient(beta, X, y.astype(X.dtype))).astype(beta.dtype)


@poisson_regression.formula("hessian", name="sklearn", frameworks=("numpy",))
def sklearn_hessian(xp, beta, X, y):
    """The same loss's Hessian."""
    _, hessian, _ = sklearn_loss().gradient_hessian(beta, X, y.astype(X.dtype))
    return (len(y) * hessian).astype(beta.dtype)


def sklearn_loss():
    from sklearn._loss import HalfPoissonLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    return LinearModelLoss(HalfPoissonLoss(), fit_intercept=False)


@poisson_regression.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_poisson_score(xp, beta, X, y):
    """statsmodels' score of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Poisson

    return -Poisson(y, X).score(beta).astype(beta.dtype)


@poisson_regression.formula("hessian", name="statsmodels", frameworks=("numpy",))
def statsmodels_poisson_hessian(xp, beta, X, y):
    """statsmodels' Hessian of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Poisson

    return -Poisson(y, X).hessian(beta).astype(beta.dtype)


@poisson_regression.implementation("torch", name="F.poisson_nll_loss")
def torch_poisson(beta, X, y):
    import torch

    loss = torch.nn.functional.poisson_nll_loss(X @ beta, y.to(beta.dtype), reduction="sum")
    return loss + torch.lgamma(y.to(beta.dtype) + 1).sum()


@xgrad.case(
    wrt=("beta", "alpha"),
    sizes=SIZES,
    operators=("gradient", "hessian"),
    source="Cameron & Trivedi 2013, Regression Analysis of Count Data, 2nd edition, section 3.3.1; "
    "Lawless 1987, Canadian Journal of Statistics 15, 209-225",
)
def negative_binomial(xp, beta, alpha, X, y):  # beta (d,), alpha (), X (n, d), y (n,) -> ()
    """−Σ log P(y), mean μ = exp Xβ, variance μ + αμ²: NB2, with the dispersion α."""
    eta, y, size = xp.matmul(X, beta), xp.astype(y, beta.dtype), 1 / alpha
    choose = xp.lgamma(y + size) - xp.lgamma(size) - xp.lgamma(y + 1)
    odds = xp.log(alpha) + eta
    return xp.sum((y + size) * xp.softplus(odds) - y * odds - choose)


@negative_binomial.inputs
def draw_negative_binomial(rng, n, d):
    X, beta = design(rng, n, d)
    alpha = rng.uniform(0.4, 1.2)
    mean = 4 * np.exp(X @ beta)
    y = rng.negative_binomial(0.5 / alpha, 1 / (1 + 2 * alpha * mean))
    return {"beta": beta, "alpha": alpha, "X": X, "y": y}


@negative_binomial.formula("gradient")
def negative_binomial_score(xp, beta, alpha, X, y):
    """Xᵀr and Σ (ψ(y + s) − ψ(s) − log(1 + αμ) + αr) s², with r = (μ − y) / (1 + αμ), s = 1/α."""
    mu, y, size = xp.exp(xp.matmul(X, beta)), xp.astype(y, beta.dtype), 1 / alpha
    r = (mu - y) / (1 + alpha * mu)
    D = xp.digamma(y + size) - xp.digamma(size) - xp.log1p(alpha * mu) + alpha * r
    return xp.matmul(X.T, r), xp.sum(D) * size**2


@negative_binomial.formula("hessian")
def negative_binomial_information(xp, beta, alpha, X, y):
    """Xᵀ diag(μ (1 + αy) / (1 + αμ)²) X, −Xᵀ (μr / (1 + αμ)) and Σ s² D' − 2s³ D.

    D is the summand of the score and D' = −s² (ψ₁(y + s) − ψ₁(s)) − (y + αμr) / (1 + αμ).
    """
    mu, y, size = xp.exp(xp.matmul(X, beta)), xp.astype(y, beta.dtype), 1 / alpha
    q = 1 + alpha * mu
    r = (mu - y) / q
    D = xp.digamma(y + size) - xp.digamma(size) - xp.log1p(alpha * mu) + alpha * r
    trigamma = xp.polygamma(1, y + size) - xp.polygamma(1, size)
    slope = -(size**2) * trigamma - (y + alpha * mu * r) / q
    mixed = -xp.matmul(X.T, mu * r / q)
    weight = mu * (1 + alpha * y) / q**2
    last = xp.sum(size**2 * slope - 2 * size**3 * D)
    return (xp.matmul(X.T, weight[:, None] * X), mixed), (mixed, last)


@negative_binomial.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_negative_binomial_score(xp, beta, alpha, X, y):
    """statsmodels' score of the log-likelihood, in its general form NB-P with p = 2."""
    from statsmodels.discrete.discrete_model import NegativeBinomialP

    score = -NegativeBinomialP(y, X, p=2).score(np.append(beta, alpha)).astype(beta.dtype)
    return score[:-1], score[-1]


@negative_binomial.formula("hessian", name="statsmodels", frameworks=("numpy",))
def statsmodels_negative_binomial_hessian(xp, beta, alpha, X, y):
    """The same model's Hessian of the log-likelihood."""
    from statsmodels.discrete.discrete_model import NegativeBinomialP

    H = -NegativeBinomialP(y, X, p=2).hessian(np.append(beta, alpha)).astype(beta.dtype)
    return (H[:-1, :-1], H[:-1, -1]), (H[-1, :-1], H[-1, -1])


for method in ("torch.reverse*", "torch.forward", "torch.formula"):
    negative_binomial.known(
        method,
        "torch's trigamma, polygamma(1, x), ends its asymptotic series too early for float64: "
        "9 to 11 digits",
        operator="hessian",
        dtype="float64",
    )


@xgrad.case(
    wrt=("gamma", "beta"),
    sizes=SIZES,
    operators=("gradient",),
    source="Lambert 1992, Zero-inflated Poisson regression, Technometrics 34(1), 1-14",
)
def zero_inflated_poisson(xp, gamma, beta, X, y):  # gamma, beta (d,), X (n, d), y (n,) -> ()
    """−Σ log P(y), y = 0 with odds exp Xγ, else Poisson with log μ = Xβ."""
    g, eta, count = xp.matmul(X, gamma), xp.matmul(X, beta), xp.astype(y, beta.dtype)
    mu = xp.exp(eta)
    poisson = count * eta - mu - xp.lgamma(count + 1)
    return xp.sum(xp.softplus(g) - xp.where(y == 0, xp.logaddexp(g, -mu), poisson))


@zero_inflated_poisson.inputs
def draw_zero_inflated(rng, n, d):
    X, beta = design(rng, n, d)
    gamma = rng.normal(size=d) / d**0.5
    poisson = rng.poisson(2 * np.exp(X @ beta))
    structural = np.arange(n) % 3 == 0
    return {"gamma": gamma, "beta": beta, "X": X, "y": np.where(structural, 0, poisson)}


@zero_inflated_poisson.formula("gradient")
def zero_inflated_score(xp, gamma, beta, X, y):
    """Xᵀ (σ(Xγ) − z) and Xᵀ ((1 − z) μ − y), z = [y = 0] σ(Xγ + μ): of what state the zeros are."""
    g, mu = xp.matmul(X, gamma), xp.exp(xp.matmul(X, beta))
    z = xp.astype(y == 0, beta.dtype) * xp.expit(g + mu)
    miss = (1 - z) * mu - xp.astype(y, beta.dtype)
    return xp.matmul(X.T, xp.expit(g) - z), xp.matmul(X.T, miss)


@zero_inflated_poisson.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_zero_inflated_score(xp, gamma, beta, X, y):
    """statsmodels' score of the log-likelihood."""
    from statsmodels.discrete.count_model import ZeroInflatedPoisson

    score = -ZeroInflatedPoisson(y, X, exog_infl=X).score(np.append(gamma, beta))
    return tuple(np.split(score.astype(beta.dtype), 2))
