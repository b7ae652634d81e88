"""Linear regression with Gaussian noise, and ridge regression."""

import math

import xgrad


@xgrad.case(
    wrt=("beta", "log_sigma"),
    sizes={
        "small": {"n": 8, "d": 3},
        "medium": {"n": 200, "d": 20},
        "large": {"n": 20_000, "d": 200},
    },
    operators=("gradient", "hessian"),
    source="Murphy 2012, Machine Learning: A Probabilistic Perspective, section 7.3",
)
def linear_regression(xp, beta, log_sigma, X, y):  # beta (d,), log_sigma (), X (n, d), y (n,) -> ()
    """−log ∏ N(y | Xβ, σ²) = |y − Xβ|² / 2σ² + n log σ + ½ n log 2π."""
    r = y - xp.matmul(X, beta)
    constant = y.shape[0] * math.log(2 * math.pi) / 2
    return xp.sum(r * r) * xp.exp(-2 * log_sigma) / 2 + y.shape[0] * log_sigma + constant


@linear_regression.inputs
def draw(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d)
    y = X @ beta + 0.5 * rng.normal(size=n)
    return {"beta": beta + 0.3 * rng.normal(size=d), "log_sigma": rng.normal() / 4, "X": X, "y": y}


@linear_regression.formula("gradient")
def score(xp, beta, log_sigma, X, y):
    """−Xᵀr / σ² and n − |r|² / σ², with r = y − Xβ."""
    r, precision = y - xp.matmul(X, beta), xp.exp(-2 * log_sigma)
    return -precision * xp.matmul(X.T, r), y.shape[0] - precision * xp.sum(r * r)


@linear_regression.formula("hessian")
def information(xp, beta, log_sigma, X, y):
    """XᵀX / σ², 2Xᵀr / σ² and 2|r|² / σ², the observed information."""
    r, precision = y - xp.matmul(X, beta), xp.exp(-2 * log_sigma)
    mixed = 2 * precision * xp.matmul(X.T, r)
    return (precision * xp.matmul(X.T, X), mixed), (mixed, 2 * precision * xp.sum(r * r))


@xgrad.case(
    wrt="beta",
    sizes={
        "small": {"n": 10, "d": 6},
        "medium": {"n": 300, "d": 100},
        "large": {"n": 5_000, "d": 2_000},
    },
    operators=("gradient", "hvp"),
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, eq. 3.43",
)
def ridge_regression(xp, beta, X, y, penalty):  # beta (d,), X (n, d), y (n,), penalty () -> ()
    """½ |y − Xβ|² + ½ λ |β|²."""
    r = y - xp.matmul(X, beta)
    return (xp.sum(r * r) + penalty * xp.sum(beta * beta)) / 2


@ridge_regression.inputs
def draw_ridge(rng, n, d):
    X, beta = rng.normal(size=(n, d)), rng.normal(size=d)
    y = X @ rng.normal(size=d) + rng.normal(size=n)
    return {"beta": beta, "X": X, "y": y, "penalty": rng.uniform(0.5, 2)}


@ridge_regression.formula("gradient")
def normal_equations(xp, beta, X, y, penalty):
    """Xᵀ (Xβ − y) + λβ."""
    return xp.matmul(X.T, xp.matmul(X, beta) - y) + penalty * beta


@ridge_regression.formula("hvp")
def regularised_gram(xp, beta, X, y, penalty, v):
    """(XᵀX + λI) v."""
    return xp.matmul(X.T, xp.matmul(X, v)) + penalty * v


@ridge_regression.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, beta, X, y, penalty):
    """scikit-learn's squared loss and penalty, n times its mean over the observations."""
    from sklearn._loss import HalfSquaredError
    from sklearn.linear_model._linear_loss import LinearModelLoss

    n = len(y)
    loss = LinearModelLoss(HalfSquaredError(), fit_intercept=False)
    return (n * loss.gradient(beta, X, y, l2_reg_strength=penalty / n)).astype(beta.dtype)
