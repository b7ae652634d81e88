"""Survival with censoring: Cox's partial likelihood, and Weibull accelerated failure times."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 10, "d": 3},
    "medium": {"n": 200, "d": 20},
    "large": {"n": 10_000, "d": 100},
}


@xgrad.case(
    wrt="beta",
    sizes=SIZES,
    operators=("gradient", "hessian"),
    source="Klein & Moeschberger 2003, Survival Analysis, 2nd edition, section 8.3",
)
def cox_regression(xp, beta, X, died):  # beta (d,), X (n, d), died (n,) of 0 and 1 -> ()
    """−Σ_died η_i − log Σ_{j ≤ i} exp η_j, η = Xβ: partial likelihood, times falling, no ties."""
    eta, died = xp.matmul(X, beta), xp.astype(died, beta.dtype)
    top = xp.max(eta)
    at_risk = xp.log(xp.cumulative_sum(xp.exp(eta - top))) + top
    return xp.sum(died * (at_risk - eta))


@cox_regression.inputs
def draw(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    order = np.argsort(-rng.exponential(np.exp(-X @ beta)))
    died = rng.permutation(n) % 3 > 0
    return {
        "beta": beta + 0.3 * rng.normal(size=d) / d**0.5,
        "X": X[order],
        "died": died.astype(int),
    }


def hazards(xp, beta, X, died):
    """The hazard ratios w = exp η, Σ w at risk, and Breslow's cumulative hazard of each time."""
    w = xp.exp(xp.matmul(X, beta))
    at_risk = xp.cumulative_sum(w)
    jumps = xp.astype(died, beta.dtype) / at_risk
    return w, at_risk, xp.flip(xp.cumulative_sum(xp.flip(jumps)))


@cox_regression.formula("gradient")
def martingale_residuals(xp, beta, X, died):
    """−Xᵀ (δ − w Λ), Λ_j = Σ_{i ≥ j} δ_i / Σ_{k ≤ i} w_k, w = exp Xβ."""
    w, _, Lambda = hazards(xp, beta, X, died)
    return xp.matmul(X.T, w * Lambda - xp.astype(died, beta.dtype))


@cox_regression.formula("hessian")
def information(xp, beta, X, died):
    """Xᵀ diag(w Λ) X − Σ_died x̄x̄ᵀ, x̄ the mean of x at risk, weighted by w."""
    w, at_risk, Lambda = hazards(xp, beta, X, died)
    mean = xp.cumulative_sum(w[:, None] * X, axis=0) / at_risk[:, None]
    dead = xp.astype(died, beta.dtype)[:, None] * mean
    return xp.matmul(X.T, (w * Lambda)[:, None] * X) - xp.matmul(mean.T, dead)


@cox_regression.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_score(xp, beta, X, died):
    """statsmodels' score of the log partial likelihood."""
    return -statsmodels_model(X, died).score(beta).astype(beta.dtype)


@cox_regression.formula("hessian", name="statsmodels", frameworks=("numpy",))
def statsmodels_hessian(xp, beta, X, died):
    """The same model's Hessian."""
    return -statsmodels_model(X, died).hessian(beta).astype(beta.dtype)


def statsmodels_model(X, died):
    from statsmodels.duration.hazard_regression import PHReg

    times = np.arange(len(died), 0, -1)
    return PHReg(times, X, status=died, ties="breslow")


@xgrad.case(
    wrt=("beta", "log_sigma"),
    sizes=SIZES,
    operators=("gradient", "hessian"),
    source="Kalbfleisch & Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd "
    "edition, section 3.6",
)
def weibull_regression(xp, beta, log_sigma, X, log_t, died):  # X (n, d), log_t, died (n,) -> ()
    """Σ exp z − δ (z − log σ), z = (log t − Xβ) / σ: Weibull times, those with δ = 0 censored."""
    z = (log_t - xp.matmul(X, beta)) * xp.exp(-log_sigma)
    return xp.sum(xp.exp(z) - xp.astype(died, beta.dtype) * (z - log_sigma))


@weibull_regression.inputs
def draw_weibull(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    log_sigma = rng.uniform(-0.7, 0.2)
    event = X @ beta + np.exp(log_sigma) * np.log(rng.exponential(size=n))
    censored = X @ beta + np.exp(log_sigma) * np.log(rng.exponential(2, size=n))
    return {
        "beta": beta + 0.2 * rng.normal(size=d) / d**0.5,
        "log_sigma": log_sigma,
        "X": X,
        "log_t": np.minimum(event, censored),
        "died": (event < censored).astype(int),
    }


def standardised(xp, beta, log_sigma, X, log_t, died):
    """z, exp z, δ − exp z and 1 / σ."""
    rate = xp.exp(-log_sigma)
    z = (log_t - xp.matmul(X, beta)) * rate
    return z, xp.exp(z), xp.astype(died, beta.dtype) - xp.exp(z), rate


@weibull_regression.formula("gradient")
def weibull_score(xp, beta, log_sigma, X, log_t, died):
    """Xᵀ (δ − exp z) / σ and Σ δ + z (δ − exp z)."""
    z, _, miss, rate = standardised(xp, beta, log_sigma, X, log_t, died)
    return rate * xp.matmul(X.T, miss), xp.sum(xp.astype(died, beta.dtype) + z * miss)


@weibull_regression.formula("hessian")
def weibull_information(xp, beta, log_sigma, X, log_t, died):
    """Xᵀ diag(exp z) X / σ², Xᵀ (z exp z − δ + exp z) / σ and Σ z (z exp z − δ + exp z)."""
    z, e, miss, rate = standardised(xp, beta, log_sigma, X, log_t, died)
    mixed = rate * xp.matmul(X.T, z * e - miss)
    return (rate**2 * xp.matmul(X.T, e[:, None] * X), mixed), (mixed, xp.sum(z * (z * e - miss)))
