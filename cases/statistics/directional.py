"""The Fisher distribution of directions in space."""

import math

import numpy as np

import xgrad


@xgrad.case(
    wrt="eta",
    sizes={"small": {"m": 2, "n": 5}, "medium": {"m": 50, "n": 5}, "large": {"m": 20_000, "n": 10}},
    operators=("gradient", "hvp"),
    source="Mardia & Jupp 2000, Directional Statistics, sections 9.3.2 and 10.3.1",
)
def fisher_directions(xp, eta, X):  # eta (m, 3), X (m, n, 3) unit vectors -> ()
    """Σ log(4π sinh κ / κ) − η·x: m samples of concentration κ = |η| about the direction η / κ."""
    kappa = xp.sqrt(xp.sum(eta * eta, axis=1))
    log_sinh = kappa + xp.log1p(-xp.exp(-2 * kappa)) - math.log(2)
    normaliser = math.log(4 * math.pi) + log_sinh - xp.log(kappa)
    return X.shape[1] * xp.sum(normaliser) - xp.sum(eta * xp.sum(X, axis=1))


@fisher_directions.inputs
def draw(rng, m, n):
    """Concentrations between 1.5 and 6, directions anywhere."""
    eta, X = rng.normal(size=(m, 3)), rng.normal(size=(m, n, 3))
    eta *= rng.uniform(1.5, 6, size=(m, 1)) / np.linalg.norm(eta, axis=1, keepdims=True)
    X += 0.5 * eta[:, None]
    return {"eta": eta, "X": X / np.linalg.norm(X, axis=2, keepdims=True)}


def langevin(xp, eta):
    """u = η / κ, κ, and A(κ) = coth κ − 1 / κ, the mean length."""
    kappa = xp.sqrt(xp.sum(eta * eta, axis=1, keepdims=True))
    return eta / kappa, kappa, 1 / xp.tanh(kappa) - 1 / kappa


@fisher_directions.formula("gradient")
def score(xp, eta, X):
    """n A(κ) u − Σ x."""
    u, _, A = langevin(xp, eta)
    return X.shape[1] * A * u - xp.sum(X, axis=1)


@fisher_directions.formula("hvp")
def information(xp, eta, X, v):
    """n (A' uuᵀv + A / κ (v − uuᵀv)), A' = 1 / κ² − 1 / sinh² κ."""
    u, kappa, A = langevin(xp, eta)
    along = xp.sum(u * v, axis=1, keepdims=True) * u
    slope = 1 / kappa**2 - 1 / xp.sinh(kappa) ** 2
    return X.shape[1] * (slope * along + A / kappa * (v - along))
