"""Multinomial logit: regression of a choice among several, the first of them the reference."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="B",
    sizes={
        "small": {"n": 12, "d": 3, "C": 4},
        "medium": {"n": 300, "d": 20, "C": 8},
        "large": {"n": 10_000, "d": 100, "C": 40},
    },
    operators=("gradient", "hvp"),
    source="Böhning 1992, Multinomial logistic regression algorithm, Annals of the Institute of "
    "Statistical Mathematics 44(1), 197-200",
)
def multinomial_logit(xp, B, X, y):  # B (d, C − 1), X (n, d), y (n,) in range(C) -> ()
    """Σ log Σ_c exp η_c − η_y with η = [0, XB]: the negative log-likelihood."""
    eta = utilities(xp, B, X)
    return xp.sum(xp.logsumexp(eta, axis=1) - xp.take_along_axis(eta, y[:, None], axis=1)[:, 0])


def utilities(xp, B, X):
    """η (n, C), zero for the reference."""
    eta = xp.matmul(X, B)
    return xp.concat([xp.zeros_like(eta[:, :1]), eta], axis=1)


@multinomial_logit.inputs
def draw(rng, n, d, C):
    return {
        "B": rng.normal(size=(d, C - 1)) / d**0.5,
        "X": rng.normal(size=(n, d)),
        "y": rng.permutation(n) % C,
    }


@multinomial_logit.formula("gradient")
def score(xp, B, X, y):
    """Xᵀ (P − Y), without the reference; P the probabilities, Y the choices in indicators."""
    P = xp.softmax(utilities(xp, B, X), axis=1)
    Y = xp.astype(xp.arange(P.shape[1])[None, :] == y[:, None], P.dtype)
    return xp.matmul(X.T, (P - Y)[:, 1:])


@multinomial_logit.formula("hvp")
def information(xp, B, X, y, v):
    """Xᵀ (P ∘ (U − Σ P∘U)), U = [0, Xv], without the reference."""
    P, U = xp.softmax(utilities(xp, B, X), axis=1), utilities(xp, v, X)
    return xp.matmul(X.T, (P * (U - xp.sum(P * U, axis=1, keepdims=True)))[:, 1:])


@multinomial_logit.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, B, X, y):
    """scikit-learn's multinomial loss with the reference's coefficients at 0, n times its mean."""
    loss, coefficients = sklearn_loss(B)
    return (len(y) * loss.gradient(coefficients, X, y.astype(X.dtype))[1:].T).astype(B.dtype)


@multinomial_logit.formula("hvp", name="sklearn", frameworks=("numpy",))
def sklearn_hvp(xp, B, X, y, v):
    """The same loss's Hessian product."""
    loss, coefficients = sklearn_loss(B)
    _, product = loss.gradient_hessian_product(coefficients, X, y.astype(X.dtype))
    direction = np.vstack([np.zeros_like(v[:, :1].T), v.T])
    return (len(y) * product(direction)[1:].T).astype(B.dtype)


def sklearn_loss(B):
    from sklearn._loss import HalfMultinomialLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    coefficients = np.vstack([np.zeros_like(B[:, :1].T), B.T])
    loss = HalfMultinomialLoss(n_classes=len(coefficients))
    return LinearModelLoss(loss, fit_intercept=False), coefficients


@multinomial_logit.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_score(xp, B, X, y):
    """statsmodels' score of the log-likelihood, choice by choice."""
    from statsmodels.discrete.discrete_model import MNLogit

    return -MNLogit(y, X).score(B.T.reshape(-1)).reshape(B.T.shape).T.astype(B.dtype)
