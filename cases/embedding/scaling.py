"""Multidimensional scaling: raw stress, as SMACOF takes it, and Kruskal's normalised stress."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 12}, "medium": {"n": 100}, "large": {"n": 400}}


def distances(xp, X):
    """|x_i − x_j|, 1 on the diagonal, where the root has no slope: (n, 2) -> (n, n)."""
    d = X[:, None, :] - X[None, :, :]
    return xp.sqrt(xp.sum(d * d, axis=-1) + xp.eye(X.shape[0]))


def springs(xp, A, X):
    """Σ_j a_ij (x_i − x_j) for symmetric A: (n, n), (n, 2) -> (n, 2)."""
    return xp.sum(A, axis=1)[:, None] * X - xp.matmul(A, X)


@xgrad.case(
    wrt="X",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="de Leeuw & Mair 2009, Multidimensional scaling using majorization: SMACOF in R, "
    "J. Stat. Softw. 31(3), section 2",
)
def raw_stress(xp, X, W, delta):  # X (n, 2), W (n, n), delta (n, n), both symmetric -> ()
    """Σ_{i<j} w_ij (d_ij − δ_ij)², d_ij = |x_i − x_j|."""
    return xp.sum(W * (distances(xp, X) - delta) ** 2) / 2


@raw_stress.inputs
def draw_raw(rng, n):
    """Sammon's weights 1 / δ for distances between points in five dimensions."""
    inputs = draw(rng, n)
    return {**inputs, "W": (1 - np.eye(n)) / (inputs["delta"] + np.eye(n))}


def draw(rng, n):
    data = rng.normal(size=(n, 5))
    delta = np.sqrt(np.sum((data[:, None] - data[None]) ** 2, axis=-1))
    return {"X": 2 * rng.normal(size=(n, 2)), "delta": delta}


@raw_stress.formula("gradient")
def raw_gradient(xp, X, W, delta):
    """2 (V − B(X)) X = 2 Σ_j w_ij (1 − δ_ij / d_ij) (x_i − x_j)."""
    return 2 * springs(xp, W * (1 - delta / distances(xp, X)), X)


@raw_stress.formula("hvp")
def raw_hvp(xp, X, W, delta, v):
    """2 Σ_j w ((1 − δ / d) (v_i − v_j) + δ (x_i − x_j)·(v_i − v_j) / d³ (x_i − x_j))."""
    d = distances(xp, X)
    along = xp.sum((X[:, None, :] - X[None, :, :]) * (v[:, None, :] - v[None, :, :]), axis=-1)
    tension, change = W * (1 - delta / d), W * delta * along / d**3
    return 2 * (springs(xp, tension, v) + springs(xp, change, X))


@xgrad.case(
    wrt="X",
    sizes=SIZES,
    operators=("gradient",),
    source="Kruskal 1964, Multidimensional scaling by optimizing goodness of fit to a nonmetric "
    "hypothesis, Psychometrika 29(1), 1-27; Nonmetric multidimensional scaling: a numerical "
    "method, Psychometrika 29(2), 115-129, for the gradient",
)
def kruskal_stress(xp, X, delta):  # X (n, 2), delta (n, n), symmetric -> ()
    """√(Σ (d_ij − δ_ij)² / Σ d_ij²) over i ≠ j: Stress-1."""
    apart, d = 1 - xp.eye(X.shape[0]), distances(xp, X)
    return xp.sqrt(xp.sum(apart * (d - delta) ** 2) / xp.sum(apart * d * d))


kruskal_stress.inputs(draw)


@kruskal_stress.formula("gradient")
def kruskal_gradient(xp, X, delta):
    """2S Σ_j ((1 − δ_ij / d_ij) / Σ(d − δ)² − 1 / Σd²) (x_i − x_j), S the stress."""
    apart, d = 1 - xp.eye(X.shape[0]), distances(xp, X)
    misfit, scale = xp.sum(apart * (d - delta) ** 2), xp.sum(apart * d * d)
    tension = apart * ((1 - delta / d) / misfit - 1 / scale)
    return 2 * xp.sqrt(misfit / scale) * springs(xp, tension, X)
