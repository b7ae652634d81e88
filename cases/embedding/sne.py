"""Stochastic neighbour embedding: asymmetric Gaussian neighbourhoods, in t-SNE's first form."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="Y",
    sizes={"small": {"n": 15}, "medium": {"n": 100}, "large": {"n": 400}},
    operators=("gradient",),
    source="Hinton & Roweis 2002, Stochastic neighbor embedding, NIPS 15, eq. 4 and 5",
)
def sne_cost(xp, Y, P):  # Y (n, 2), P (n, n) -> ()
    """Σ_i KL(P_i‖Q_i), q_ij = w_ij / Σ_k w_ik, w_ij = exp(−|y_i − y_j|²), i ≠ j."""
    same = xp.eye(Y.shape[0])  # log 1 = 0 in place of log 0 on the diagonal
    return xp.sum(P * xp.log((P + same) / (neighbours(xp, Y) + same)))


def neighbours(xp, Y):
    """q_ij, 0 on the diagonal: (n, 2) -> (n, n)."""
    d = Y[:, None, :] - Y[None, :, :]
    w = (1 - xp.eye(Y.shape[0])) * xp.exp(-xp.sum(d * d, axis=-1))
    return w / xp.sum(w, axis=1, keepdims=True)


@sne_cost.inputs
def draw(rng, n):
    """Gaussian neighbourhoods of three clusters, as wide as each point's median distance."""
    centres = 3 * rng.normal(size=(3, 10))
    data = centres[rng.integers(3, size=n)] + rng.normal(size=(n, 10))
    distances = np.sum((data[:, None] - data[None]) ** 2, axis=-1)
    P = np.exp(-distances / np.median(distances, axis=1, keepdims=True))
    np.fill_diagonal(P, 0)
    return {"Y": rng.normal(size=(n, 2)), "P": P / P.sum(axis=1, keepdims=True)}


@sne_cost.formula("gradient")
def gradient(xp, Y, P):
    """2 Σ_j (p_ij − q_ij Σ_k p_ik + p_ji − q_ji Σ_k p_jk) (y_i − y_j), for rows P of any sum."""
    force = P - neighbours(xp, Y) * xp.sum(P, axis=1, keepdims=True)
    force = force + force.T
    return 2 * (xp.sum(force, axis=1)[:, None] * Y - xp.matmul(force, Y))
