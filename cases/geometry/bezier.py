"""The length of Bézier curves, by Gauss–Legendre quadrature of the speed."""

import math

import numpy as np

import xgrad

NODES = 16


@xgrad.case(
    wrt="P",
    sizes={
        "small": {"n": 2, "degree": 3},
        "medium": {"n": 40, "degree": 5},
        "large": {"n": 5_000, "degree": 5},
    },
    source="Farin 2002, Curves and Surfaces for CAGD, 5th ed., section 5.3; Pomax, A Primer on "
    "Bézier Curves, pomax.github.io/bezierinfo/#arclength",
)
def bezier_length(xp, P):  # P (n, degree + 1, 2) -> ()
    """Σ_curves ∫₀¹ |B′(t)| dt with B′ = degree Σ_i b_i(t) (P_{i+1} − P_i)."""
    weights, speed, _, _ = hodograph(xp, P)
    return xp.sum(weights * speed)


def hodograph(xp, P):
    """Quadrature weights (q,), |B′| (n, q), B′ (n, q, 2), degree · b_i (q, degree)."""
    degree = P.shape[1] - 1
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    t = (nodes + 1) / 2
    basis = [math.comb(degree - 1, i) * t**i * (1 - t) ** (degree - 1 - i) for i in range(degree)]
    basis = xp.asarray(degree * np.stack(basis, axis=1))
    velocity = xp.matmul(basis, P[:, 1:, :] - P[:, :-1, :])
    speed = xp.sqrt(xp.sum(velocity * velocity, axis=-1))
    return xp.asarray(weights / 2), speed, velocity, basis


@bezier_length.inputs
def draw(rng, n, degree):
    """Control points that run along x, so that no speed is near zero."""
    P = rng.normal(size=(n, degree + 1, 2)) / 3
    P[:, :, 0] = np.arange(degree + 1) + rng.uniform(-0.3, 0.3, size=(n, degree + 1))
    return {"P": P}


@bezier_length.formula("gradient")
def tension(xp, P):
    """degree Σ_t weight b_i(t) B′/|B′|, + at P_{i+1} and − at P_i."""
    weights, speed, velocity, basis = hodograph(xp, P)
    pull = xp.matmul(basis.T, velocity * (weights / speed)[:, :, None])
    edge = xp.zeros_like(P[:, :1, :])
    return xp.concat([edge, pull], axis=1) - xp.concat([pull, edge], axis=1)
