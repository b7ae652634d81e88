"""Multivariate Gaussians: a covariance by its Cholesky factor, and probabilistic PCA."""

import math

import numpy as np

import xgrad


@xgrad.case(
    wrt=("mu", "A"),
    sizes={
        "small": {"n": 6, "d": 3},
        "medium": {"n": 100, "d": 15},
        "large": {"n": 2_000, "d": 200},
    },
    operators=("gradient",),
    source="Pinheiro & Bates 1996, Unconstrained parametrizations for variance-covariance "
    "matrices, Statistics and Computing 6, 289-296, section 2.2",
)
def gaussian_cholesky(xp, mu, A, X):  # mu (d,), A (d, d), X (n, d) -> ()
    """−Σ log N(x | μ, LLᵀ), L lower triangular: l_ij = a_ij below the diagonal exp a_ii."""
    n, d = X.shape
    Z = xp.linalg.solve(factor(xp, A), (X - mu).T)
    constant = n * d * math.log(2 * math.pi) / 2
    return n * xp.sum(xp.linalg.diagonal(A)) + xp.sum(Z * Z) / 2 + constant


def factor(xp, A):
    """The lower triangle of A, its diagonal exponentiated."""
    return xp.tril(A, k=-1) + xp.eye(A.shape[0]) * xp.exp(xp.linalg.diagonal(A))


@gaussian_cholesky.inputs
def draw(rng, n, d):
    return {
        "mu": rng.normal(size=d),
        "A": 0.5 * rng.normal(size=(d, d)) / d**0.5,
        "X": 1.5 * rng.normal(size=(n, d)),
    }


@gaussian_cholesky.formula("gradient")
def score(xp, mu, A, X):
    """−Σ L⁻ᵀz and n I − tril(L⁻ᵀ Σ zzᵀ) ∘ (L on the diagonal, else 1), z = L⁻¹ (x − μ)."""
    L, eye = factor(xp, A), xp.eye(A.shape[0])
    Z = xp.linalg.solve(L, (X - mu).T)
    U = xp.linalg.solve(L.T, Z)
    of_L = -xp.tril(xp.matmul(U, Z.T))
    return -xp.sum(U, axis=1), X.shape[0] * eye + of_L * (1 - eye + eye * L)


@gaussian_cholesky.implementation("torch", name="distributions.MultivariateNormal")
def torch_gaussian(mu, A, X):
    import torch

    L = torch.tril(A, -1) + torch.diag(torch.exp(torch.diagonal(A)))
    normal = torch.distributions.MultivariateNormal(mu, scale_tril=L, validate_args=False)
    return -normal.log_prob(X).sum()


@gaussian_cholesky.implementation("jax", name="scipy.stats.multivariate_normal")
def jax_gaussian(mu, A, X):
    import jax
    import jax.numpy as jnp

    L = jnp.tril(A, -1) + jnp.diag(jnp.exp(jnp.diagonal(A)))
    return -jax.scipy.stats.multivariate_normal.logpdf(X, mu, L @ L.T).sum()


@xgrad.case(
    wrt=("W", "mu", "log_sigma"),
    sizes={
        "small": {"n": 8, "d": 4, "q": 2},
        "medium": {"n": 50, "d": 20, "q": 3},
        "large": {"n": 1_000, "d": 200, "q": 10},
    },
    operators=("gradient",),
    source="Tipping & Bishop 1999, Probabilistic principal component analysis, Journal of the "
    "Royal Statistical Society B 61(3), 611-622, section 3 and appendix A",
)
def probabilistic_pca(xp, W, mu, log_sigma, X):  # W (d, q), mu (d,), log_sigma (), X (n, d) -> ()
    """−Σ log N(x | μ, C), C = WWᵀ + σ²I: the latent coordinates integrated out."""
    n, d = X.shape
    R, C = X - mu, covariance(xp, W, log_sigma)
    quadratic = xp.sum(R.T * xp.linalg.solve(C, R.T))
    logdet = xp.linalg.slogdet(C)[1]
    return (n * d * math.log(2 * math.pi) + n * logdet + quadratic) / 2


def covariance(xp, W, log_sigma):
    return xp.matmul(W, W.T) + xp.exp(2 * log_sigma) * xp.eye(W.shape[0])


@probabilistic_pca.inputs
def draw_pca(rng, n, d, q):
    W, mu, log_sigma = rng.normal(size=(d, q)), rng.normal(size=d), rng.uniform(-0.5, 0.5)
    X = mu + rng.normal(size=(n, q)) @ W.T + np.exp(log_sigma) * rng.normal(size=(n, d))
    near = 0.2 * rng.normal(size=(d, q)), 0.2 * rng.normal(size=d)
    return {"W": W + near[0], "mu": mu + near[1], "log_sigma": log_sigma, "X": X}


@probabilistic_pca.formula("gradient")
def pca_score(xp, W, mu, log_sigma, X):
    """GW, −C⁻¹ Σ (x − μ) and σ² tr G, G = n C⁻¹ − C⁻¹ Σ (x − μ)(x − μ)ᵀ C⁻¹."""
    R, C, eye = X - mu, covariance(xp, W, log_sigma), xp.eye(W.shape[0])
    U = xp.linalg.solve(C, R.T)
    G = X.shape[0] * xp.linalg.solve(C, eye) - xp.matmul(U, U.T)
    return xp.matmul(G, W), -xp.sum(U, axis=1), xp.exp(2 * log_sigma) * xp.linalg.trace(G)
