"""Gaussian-process regression: the marginal likelihood of a squared-exponential kernel."""

import math

import numpy as np

import xgrad


@xgrad.case(
    wrt=("log_length", "log_amplitude", "log_noise"),
    sizes={
        "small": {"n": 8, "d": 2},
        "medium": {"n": 50, "d": 5},
        "large": {"n": 500, "d": 20},
    },
    operators=("gradient",),
    source="Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, eq. 5.8 and 5.9",
)
def gaussian_process(xp, log_length, log_amplitude, log_noise, X, y):  # log_length (d,) -> ()
    """½ yᵀK⁻¹y + ½ log |K| + ½ n log 2π, K = s² exp(−½ Σ (x − x')² / l²) + σ²I."""
    K = kernel(xp, log_length, log_amplitude, X)[0] + noise(xp, log_noise, X)
    L = xp.linalg.cholesky(K)
    z = xp.linalg.solve(L, y)
    constant = y.shape[0] * math.log(2 * math.pi) / 2
    return xp.sum(z * z) / 2 + xp.sum(xp.log(xp.linalg.diagonal(L))) + constant


def kernel(xp, log_length, log_amplitude, X):
    """s² exp(−½ Σ D) (n, n), and D = (x − x')² / l² (n, n, d)."""
    scaled = X * xp.exp(-log_length)
    gap = scaled[:, None, :] - scaled[None, :, :]
    D = gap * gap
    return xp.exp(2 * log_amplitude - xp.sum(D, axis=2) / 2), D


def noise(xp, log_noise, X):
    """σ²I."""
    return xp.exp(2 * log_noise) * xp.eye(X.shape[0])


@gaussian_process.inputs
def draw(rng, n, d):
    X = rng.normal(size=(n, d))
    return {
        "log_length": rng.uniform(-0.3, 0.5, size=d) + math.log(d) / 2,
        "log_amplitude": rng.uniform(-0.3, 0.3),
        "log_noise": rng.uniform(-1.2, -0.6),
        "X": X,
        "y": np.sin(2 * X[:, 0]) + 0.4 * rng.normal(size=n),
    }


@gaussian_process.formula("gradient")
def score(xp, log_length, log_amplitude, log_noise, X, y):
    """−½ tr((ααᵀ − K⁻¹) ∂K), α = K⁻¹y; ∂K is D_k ∘ F, 2F and 2σ²I, F the kernel without noise."""
    F, D = kernel(xp, log_length, log_amplitude, X)
    S = noise(xp, log_noise, X)
    inverse = xp.linalg.inv(F + S)
    a = xp.matmul(inverse, y)
    A = inverse - a[:, None] * a[None, :]
    of_length = xp.einsum("ij,ijk->k", A * F, D) / 2
    return of_length, xp.sum(A * F), xp.sum(A * S)


@gaussian_process.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_score(xp, log_length, log_amplitude, log_noise, X, y):
    """scikit-learn's, in the logarithms of s², l and σ², without the jitter of its default."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    shape = ConstantKernel() * RBF(np.ones(len(log_length))) + WhiteKernel()
    model = GaussianProcessRegressor(shape, alpha=0.0, optimizer=None).fit(X, y)
    theta = np.concatenate([[2 * log_amplitude], log_length, [2 * log_noise]])
    _, score = model.log_marginal_likelihood(theta, eval_gradient=True)
    g = -score.astype(y.dtype)
    return g[1:-1], 2 * g[0], 2 * g[-1]
