"""UMAP: the fuzzy cross-entropy of a layout in the plane."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="Y",
    sizes={"small": {"n": 12}, "medium": {"n": 100}, "large": {"n": 400}},
    operators=("gradient",),
    source="McInnes, Healy & Melville 2018, UMAP, arXiv:1802.03426v3, section 3.2, Graph layout",
)
def umap_cross_entropy(xp, Y, P, a, b):  # Y (n, 2), P (n, n) symmetric, a (), b () -> ()
    """Σ_{i<j} p log(p / q) + (1 − p) log((1 − p) / (1 − q)), q = 1 / (1 + a |y_i − y_j|²ᵇ)."""
    apart, same = 1 - xp.eye(Y.shape[0]), xp.eye(Y.shape[0])
    odds = a * squares(xp, Y) ** b  # (1 − q) / q
    entropy = P * xp.log(P + same) + (1 - P) * xp.log(1 - P)
    return xp.sum(apart * (entropy + xp.log1p(odds) - (1 - P) * xp.log(odds))) / 2


def squares(xp, Y):
    """|y_i − y_j|², 1 on the diagonal: (n, 2) -> (n, n)."""
    d = Y[:, None, :] - Y[None, :, :]
    return xp.sum(d * d, axis=-1) + xp.eye(Y.shape[0])


@umap_cross_entropy.inputs
def draw(rng, n):
    """Memberships of three clusters, united as fuzzy sets; a and b of min_dist = 0.1."""
    centres = 3 * rng.normal(size=(3, 10))
    data = centres[rng.integers(3, size=n)] + rng.normal(size=(n, 10))
    distances = np.sqrt(np.sum((data[:, None] - data[None]) ** 2, axis=-1)) + 9 * np.eye(n)
    nearest = distances.min(axis=1, keepdims=True)
    one_way = np.exp(-0.5 - (distances - nearest) / nearest) * (1 - np.eye(n))
    P = one_way + one_way.T - one_way * one_way.T
    return {"Y": 2 * rng.normal(size=(n, 2)), "P": P, "a": np.array(1.577), "b": np.array(0.895)}


@umap_cross_entropy.formula("gradient")
def gradient(xp, Y, P, a, b):
    """2b Σ_j (p_ij − q_ij) (y_i − y_j) / |y_i − y_j|²: attraction and repulsion in one."""
    D = squares(xp, Y)
    return springs(xp, 2 * b * (P - 1 / (1 + a * D**b)) / D, Y)


@umap_cross_entropy.formula("gradient", name="misprint", default=False)
def misprint(xp, Y, P, a, b):
    """As printed in the paper, with 1 + |y_i − y_j|² where 1 + a |y_i − y_j|²ᵇ should divide.

    https://github.com/lmcinnes/umap/issues/930
    """
    D = squares(xp, Y)
    attraction = 2 * a * b * D ** (b - 1) / (1 + D) * P
    repulsion = 2 * b / (D * (1 + a * D**b)) * (1 - P)
    return springs(xp, attraction - repulsion, Y)


def springs(xp, A, Y):
    """Σ_j a_ij (y_i − y_j): (n, n), (n, 2) -> (n, 2)."""
    return xp.sum(A, axis=1)[:, None] * Y - xp.matmul(A, Y)
