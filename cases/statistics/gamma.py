"""The gamma distribution: regression of a positive outcome with a log link, and shape and rate."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="beta",
    sizes={
        "small": {"n": 10, "d": 5},
        "medium": {"n": 300, "d": 100},
        "large": {"n": 10_000, "d": 1_000},
    },
    operators=("gradient", "hvp"),
    source="McCullagh & Nelder 1989, Generalized Linear Models, 2nd edition, section 8.3",
)
def gamma_regression(xp, beta, X, y):  # beta (d,), X (n, d), y (n,) positive -> ()
    """Σ y / μ + log μ with log μ = Xβ: the negative log-likelihood of shape 1, up to a constant."""
    eta = xp.matmul(X, beta)
    return xp.sum(y * xp.exp(-eta) + eta)


@gamma_regression.inputs
def draw(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    return {"beta": beta, "X": X, "y": np.exp(X @ beta) * rng.gamma(2, 0.5, size=n)}


@gamma_regression.formula("gradient")
def score(xp, beta, X, y):
    """Xᵀ (1 − y / μ)."""
    return xp.matmul(X.T, 1 - y * xp.exp(-xp.matmul(X, beta)))


@gamma_regression.formula("hvp")
def information(xp, beta, X, y, v):
    """Xᵀ ((y / μ) ∘ Xv)."""
    return xp.matmul(X.T, y * xp.exp(-xp.matmul(X, beta)) * xp.matmul(X, v))


@gamma_regression.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, beta, X, y):
    """scikit-learn's gamma loss, n times its mean."""
    return (len(y) * sklearn_loss().gradient(beta, X, y)).astype(beta.dtype)


@gamma_regression.formula("hvp", name="sklearn", frameworks=("numpy",))
def sklearn_hvp(xp, beta, X, y, v):
    """The same loss's Hessian product."""
    _, product = sklearn_loss().gradient_hessian_product(beta, X, y)
    return (len(y) * product(v)).astype(beta.dtype)


def sklearn_loss():
    from sklearn._loss import HalfGammaLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    return LinearModelLoss(HalfGammaLoss(), fit_intercept=False)


@xgrad.case(
    wrt=("shape", "rate"),
    sizes={"small": {"n": 20}, "medium": {"n": 1_000}, "large": {"n": 1_000_000}},
    operators=("gradient", "hessian"),
    source="Choi & Wette 1969, Maximum likelihood estimation of the parameters of the gamma "
    "distribution and their bias, Technometrics 11(4), 683-690",
)
def gamma_likelihood(xp, shape, rate, x):  # shape (), rate (), x (n,) positive -> ()
    """−Σ log Γ(x | α, λ) = n (log Γ(α) − α log λ) + Σ λx − (α − 1) log x."""
    n = x.shape[0]
    data = rate * xp.sum(x) - (shape - 1) * xp.sum(xp.log(x))
    return n * (xp.lgamma(shape) - shape * xp.log(rate)) + data


@gamma_likelihood.inputs
def draw_gamma(rng, n):
    shape, rate = rng.uniform(1.5, 5), rng.uniform(0.5, 2)
    return {"shape": shape, "rate": rate, "x": rng.gamma(1.3 * shape, 1 / rate, size=n)}


@gamma_likelihood.formula("gradient")
def sufficient_statistics(xp, shape, rate, x):
    """n (ψ(α) − log λ) − Σ log x and Σx − nα / λ."""
    n = x.shape[0]
    of_shape = n * (xp.digamma(shape) - xp.log(rate)) - xp.sum(xp.log(x))
    return of_shape, xp.sum(x) - n * shape / rate


@gamma_likelihood.formula("hessian")
def fisher_information(xp, shape, rate, x):
    """n ψ₁(α), −n / λ and nα / λ²: free of the data."""
    n = x.shape[0]
    return (n * xp.polygamma(1, shape), -n / rate), (-n / rate, n * shape / rate**2)


@gamma_likelihood.implementation("torch", name="distributions.Gamma")
def torch_gamma(shape, rate, x):
    import torch

    return -torch.distributions.Gamma(shape, rate, validate_args=False).log_prob(x).sum()


@gamma_likelihood.implementation("jax", name="scipy.stats.gamma")
def jax_gamma(shape, rate, x):
    import jax

    return -jax.scipy.stats.gamma.logpdf(x, shape, scale=1 / rate).sum()


for method in ("torch.reverse*", "torch.forward", "torch.formula"):
    gamma_likelihood.known(
        method,
        "torch's trigamma, polygamma(1, x), ends its asymptotic series too early for float64: "
        "9 to 11 digits",
        operator="hessian",
        dtype="float64",
    )
