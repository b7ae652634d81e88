"""Regressions of a binary outcome: logit and probit."""

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
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, "
    "eq. 4.20, 4.21 and 4.22",
)
def logistic_regression(xp, beta, X, y):  # beta (d,), X (n, d), y (n,) of 0 and 1 -> ()
    """Σ log(1 + exp η) − yη with η = Xβ: the negative log-likelihood of P(y = 1) = σ(η)."""
    eta = xp.matmul(X, beta)
    return xp.sum(xp.softplus(eta) - xp.astype(y, eta.dtype) * eta)


@logistic_regression.inputs
def draw(rng, n, d):
    return {
        "beta": rng.normal(size=d) / d**0.5,
        "X": rng.normal(size=(n, d)),
        "y": rng.permutation(n) % 2,
    }


@logistic_regression.formula("gradient")
def logit_score(xp, beta, X, y):
    """Xᵀ (p − y) with p = σ(Xβ)."""
    p = xp.expit(xp.matmul(X, beta))
    return xp.matmul(X.T, p - xp.astype(y, p.dtype))


@logistic_regression.formula("hessian")
def logit_information(xp, beta, X, y):
    """Xᵀ diag(p (1 − p)) X."""
    eta = xp.matmul(X, beta)
    weight = xp.expit(eta) * xp.expit(-eta)
    return xp.matmul(X.T, weight[:, None] * X)


@logistic_regression.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, beta, X, y):
    """scikit-learn's binomial loss, n times its mean."""
    return (len(y) * sklearn_loss().gradient(beta, X, y.astype(X.dtype))).astype(beta.dtype)


@logistic_regression.formula("hessian", name="sklearn", frameworks=("numpy",))
def sklearn_hessian(xp, beta, X, y):
    """The same loss's Hessian."""
    _, hessian, _ = sklearn_loss().gradient_hessian(beta, X, y.astype(X.dtype))
    return (len(y) * hessian).astype(beta.dtype)


def sklearn_loss():
    from sklearn._loss import HalfBinomialLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    return LinearModelLoss(HalfBinomialLoss(), fit_intercept=False)


@logistic_regression.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_logit_score(xp, beta, X, y):
    """statsmodels' score of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Logit

    return -Logit(y, X).score(beta).astype(beta.dtype)


@logistic_regression.formula("hessian", name="statsmodels", frameworks=("numpy",))
def statsmodels_logit_hessian(xp, beta, X, y):
    """statsmodels' Hessian of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Logit

    return -Logit(y, X).hessian(beta).astype(beta.dtype)


@logistic_regression.implementation("torch", name="F.binary_cross_entropy_with_logits")
def torch_logistic(beta, X, y):
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(
        X @ beta, y.to(beta.dtype), reduction="sum"
    )


@xgrad.case(
    wrt="beta",
    sizes=SIZES,
    operators=("gradient", "hessian"),
    source="Greene 2012, Econometric Analysis, 7th edition, section 17.3",
)
def probit_regression(xp, beta, X, y):  # beta (d,), X (n, d), y (n,) of 0 and 1 -> ()
    """−Σ log Φ(qη) with η = Xβ and q = 2y − 1: the negative log-likelihood of P(y = 1) = Φ(η)."""
    z = signs(xp, beta, y) * xp.matmul(X, beta)
    return -xp.sum(xp.log(normal_cdf(xp, z)))


def signs(xp, beta, y):
    return xp.astype(2 * y - 1, beta.dtype)


def normal_cdf(xp, z):
    return xp.erfc(-z / xp.sqrt(xp.asarray(2.0))) / 2


def mills(xp, z):
    """φ(z) / Φ(z)."""
    return xp.exp(-z * z / 2) / (xp.sqrt(xp.asarray(2.0) * xp.pi) * normal_cdf(xp, z))


probit_regression.inputs(draw)


@probit_regression.formula("gradient")
def probit_score(xp, beta, X, y):
    """−Xᵀλ with λ = q φ(qη) / Φ(qη)."""
    q = signs(xp, beta, y)
    return -xp.matmul(X.T, q * mills(xp, q * xp.matmul(X, beta)))


@probit_regression.formula("hessian")
def probit_information(xp, beta, X, y):
    """Xᵀ diag(λ (λ + η)) X."""
    q, eta = signs(xp, beta, y), xp.matmul(X, beta)
    ratio = q * mills(xp, q * eta)
    return xp.matmul(X.T, (ratio * (ratio + eta))[:, None] * X)


@probit_regression.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_probit_score(xp, beta, X, y):
    """statsmodels' score of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Probit

    return -Probit(y, X).score(beta).astype(beta.dtype)


@probit_regression.formula("hessian", name="statsmodels", frameworks=("numpy",))
def statsmodels_probit_hessian(xp, beta, X, y):
    """statsmodels' Hessian of the log-likelihood."""
    from statsmodels.discrete.discrete_model import Probit

    return -Probit(y, X).hessian(beta).astype(beta.dtype)
