"""Regressions that outliers leave alone: Student t errors, Huber's loss, and quantiles."""

import math

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 12, "d": 3},
    "medium": {"n": 300, "d": 50},
    "large": {"n": 10_000, "d": 1_000},
}


@xgrad.case(
    wrt=("beta", "sigma", "nu"),
    sizes=SIZES,
    operators=("gradient",),
    source="Lange, Little & Taylor 1989, Robust statistical modeling using the t distribution, "
    "Journal of the American Statistical Association 84, 881-896",
)
def student_regression(xp, beta, sigma, nu, X, y):  # beta (d,), sigma (), nu (), X (n, d) -> ()
    """−Σ log t_ν((y − Xβ) / σ) / σ: errors of scale σ and ν degrees of freedom."""
    z = (y - xp.matmul(X, beta)) / sigma
    constant = xp.lgamma((nu + 1) / 2) - xp.lgamma(nu / 2) - xp.log(math.pi * nu) / 2
    kernel = (nu + 1) / 2 * xp.sum(xp.log1p(z * z / nu))
    return kernel - z.shape[0] * (constant - xp.log(sigma))


@student_regression.inputs
def draw_student(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    sigma, nu = rng.uniform(0.5, 1.5), rng.uniform(2, 8)
    y = X @ beta + 1.5 * sigma * rng.standard_t(2, size=n)
    return {"beta": beta, "sigma": sigma, "nu": nu, "X": X, "y": y}


@student_regression.formula("gradient")
def student_score(xp, beta, sigma, nu, X, y):
    """−Xᵀ(wz) / σ, Σ (1 − wz²) / σ and ½ Σ ψ(ν/2) − ψ((ν+1)/2) + log(1 + z²/ν) + (1 − wz²) / ν.

    w = (ν + 1) / (ν + z²) is the weight of an observation.
    """
    z = (y - xp.matmul(X, beta)) / sigma
    w = (nu + 1) / (nu + z * z)
    excess = nu * (1 - z * z) / (nu + z * z)  # 1 − wz² without cancellation
    D = xp.digamma(nu / 2) - xp.digamma((nu + 1) / 2)
    of_nu = xp.sum(D + xp.log1p(z * z / nu) + excess / nu) / 2
    return -xp.matmul(X.T, w * z) / sigma, xp.sum(excess) / sigma, of_nu


@student_regression.implementation("torch", name="distributions.StudentT")
def torch_student(beta, sigma, nu, X, y):
    import torch

    errors = torch.distributions.StudentT(nu, X @ beta, sigma, validate_args=False)
    return -errors.log_prob(y).sum()


@student_regression.implementation("jax", name="scipy.stats.t")
def jax_student(beta, sigma, nu, X, y):
    import jax

    return -jax.scipy.stats.t.logpdf(y, nu, X @ beta, sigma).sum()


@xgrad.case(
    wrt=("beta", "sigma"),
    sizes=SIZES,
    operators=("gradient",),
    source="Owen 2007, A robust hybrid of lasso and ridge regression, Contemporary Mathematics "
    "443, 59-71, on the scale in Huber's criterion",
)
def huber_regression(xp, beta, sigma, X, y, bend):  # beta (d,), sigma (), X (n, d), bend () -> ()
    """Σ σ + σ H((y − Xβ) / σ), H(z) = z² where |z| ≤ m, else 2m|z| − m²: Huber's loss and scale."""
    z = (y - xp.matmul(X, beta)) / sigma
    H = xp.where(xp.abs(z) <= bend, z * z, 2 * bend * xp.abs(z) - bend * bend)
    return sigma * (y.shape[0] + xp.sum(H))


@huber_regression.inputs
def draw_huber(rng, n, d):
    """Residuals away from the bend, where the second derivative jumps: |z| < 1.2 or > 1.5."""
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    sigma = rng.uniform(0.5, 1.5)
    inner, outer = rng.uniform(0.1, 1.2, size=n), rng.uniform(1.5, 4, size=n)
    z = np.where(np.arange(n) % 3 == 0, outer, inner) * rng.choice([-1, 1], size=n)
    return {"beta": beta, "sigma": sigma, "X": X, "y": X @ beta + sigma * z, "bend": 1.35}


@huber_regression.formula("gradient")
def huber_score(xp, beta, sigma, X, y, bend):
    """−2 Xᵀ clip(z, −m, m) and Σ 1 − clip(z, −m, m)²."""
    z = (y - xp.matmul(X, beta)) / sigma
    clipped = xp.where(xp.abs(z) <= bend, z, bend * xp.sign(z))
    return -2 * xp.matmul(X.T, clipped), xp.sum(1 - clipped * clipped)


@huber_regression.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_huber(xp, beta, sigma, X, y, bend):
    """The gradient in scikit-learn's HuberRegressor."""
    from sklearn.linear_model._huber import _huber_loss_and_gradient

    w = np.append(beta, sigma)
    _, g = _huber_loss_and_gradient(w, X, y, bend, alpha=0.0, sample_weight=np.ones_like(y))
    return g[:-1].astype(beta.dtype), g[-1].astype(beta.dtype)


@xgrad.case(
    wrt="beta",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Zheng 2011, Gradient descent algorithms for quantile regression with smooth "
    "approximation, doi:10.1007/s13042-011-0031-2",
)
def quantile_regression(xp, beta, X, y, tau, width):  # beta (d,), X (n, d), tau, width () -> ()
    """Σ τr + ω log(1 + exp(−r / ω)) with r = y − Xβ: the pinball loss, smoothed over ω."""
    r = y - xp.matmul(X, beta)
    return tau * xp.sum(r) + width * xp.sum(xp.softplus(-r / width))


@quantile_regression.inputs
def draw_quantile(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d) / d**0.5
    y = X @ beta + rng.normal(size=n)
    return {"beta": beta, "X": X, "y": y, "tau": rng.uniform(0.1, 0.9), "width": 0.4}


@quantile_regression.formula("gradient")
def quantile_score(xp, beta, X, y, tau, width):
    """Xᵀ (σ(−r / ω) − τ)."""
    r = y - xp.matmul(X, beta)
    return xp.matmul(X.T, xp.expit(-r / width) - tau)


@quantile_regression.formula("hvp")
def quantile_curvature(xp, beta, X, y, tau, width, v):
    """Xᵀ (σ(r / ω) σ(−r / ω) / ω ∘ Xv)."""
    z = (y - xp.matmul(X, beta)) / width
    return xp.matmul(X.T, xp.expit(z) * xp.expit(-z) / width * xp.matmul(X, v))
