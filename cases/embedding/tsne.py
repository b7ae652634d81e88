"""t-SNE: the Kullback–Leibler divergence of Student-t affinities in the plane from given ones."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="Y",
    sizes={"small": {"n": 20}, "medium": {"n": 100}, "large": {"n": 400}},
    operators=("value", "gradient"),
    source="van der Maaten & Hinton 2008, Visualizing data using t-SNE, JMLR 9, eq. 4 and 5",
)
def tsne_kl(xp, Y, P):  # Y (n, 2), P (n, n) -> ()
    """KL(P‖Q) = Σ p log(p / q), q = w / Σw, w_ij = 1 / (1 + |y_i − y_j|²), i ≠ j."""
    w = student(xp, Y)
    same = xp.eye(Y.shape[0])  # log 1 = 0 in place of log 0 on the diagonal
    return xp.sum(P * xp.log((P + same) / (w / xp.sum(w) + same)))


def student(xp, Y):
    """w_ij = 1 / (1 + |y_i − y_j|²), 0 on the diagonal: (n, 2) -> (n, n)."""
    d = Y[:, None, :] - Y[None, :, :]
    return (1 - xp.eye(Y.shape[0])) / (1 + xp.sum(d * d, axis=-1))


@tsne_kl.inputs
def draw(rng, n):
    """Gaussian affinities of three clusters in ten dimensions, symmetric, summing to 1."""
    centres = 3 * rng.normal(size=(3, 10))
    data = centres[rng.integers(3, size=n)] + rng.normal(size=(n, 10))
    distances = np.sum((data[:, None] - data[None]) ** 2, axis=-1)
    P = np.exp(-distances / np.median(distances))
    np.fill_diagonal(P, 0)
    return {"Y": rng.normal(size=(n, 2)), "P": P / P.sum()}


@tsne_kl.formula("gradient")
def gradient(xp, Y, P):
    """4 Σ_j (p_ij − q_ij Σp) w_ij (y_i − y_j): equation 5, for affinities of any sum.

    Equation 5 takes Σp = 1, which floats meet to rounding only. For symmetric P.
    """
    w = student(xp, Y)
    force = (P - xp.sum(P) * w / xp.sum(w)) * w
    return 4 * (xp.sum(force, axis=1)[:, None] * Y - xp.matmul(force, Y))


@tsne_kl.formula("gradient", name="original", default=False)
def original(xp, Y, P):
    """The reference implementation's, which leaves out the 4."""
    w = student(xp, Y)
    force = (P - w / xp.sum(w)) * w
    return xp.sum(force, axis=1)[:, None] * Y - xp.matmul(force, Y)


@tsne_kl.formula("gradient", name="sklearn", frameworks=("numpy",))
def sklearn_gradient(xp, Y, P):
    """scikit-learn's own, of its exact method: flat Y, and P above the diagonal only."""
    from scipy.spatial.distance import squareform
    from sklearn.manifold._t_sne import _kl_divergence

    n, dimensions = Y.shape
    pairs = squareform(P, checks=False)
    return _kl_divergence(Y.ravel(), pairs, 1, n, dimensions)[1].reshape(n, dimensions)
