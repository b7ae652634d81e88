"""k-means as an optimisation problem: its cost, and Newton's step, which is Lloyd's."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 12, "k": 3, "d": 2},
    "medium": {"n": 200, "k": 10, "d": 8},
    "large": {"n": 10_000, "k": 100, "d": 8},
}
SOURCE = (
    "Bottou & Bengio 1994, Convergence properties of the K-means algorithms, NIPS 7, 585-592; "
    "GradBench, evals/kmeans/README.md, https://github.com/gradbench/gradbench"
)


@xgrad.case(
    wrt="centroids",
    sizes=SIZES,
    operators=("gradient", "hessian", "hvp"),
    source=SOURCE,
)
def kmeans(xp, centroids, points):  # centroids (k, d), points (n, d) -> ()
    """Σᵢ minⱼ |pᵢ − cⱼ|²."""
    gap = points - xp.take(centroids, nearest(xp, centroids, points), axis=0)
    return xp.sum(gap * gap)


def nearest(xp, centroids, points):
    """The centroid that each point is closest to: |p − c|² − |p|² is least."""
    squares = xp.sum(centroids * centroids, axis=1)
    return xp.argmin(squares - 2 * xp.matmul(points, centroids.T), axis=1)


def sizes_of(xp, of, k):
    """How many points each centroid has: (k, 1)."""
    return xp.segment_sum(xp.ones((of.shape[0], 1)), of, k)


@kmeans.inputs
def draw(rng, n, k, d):
    """Points around centroids, nearer to their own than the half of the way to any other."""
    centroids = 2 * rng.normal(size=(k, d))
    distances = np.linalg.norm(centroids[:, None] - centroids, axis=-1)
    radius = 0.4 * np.min(distances[np.triu_indices(k, 1)])
    offsets = rng.uniform(-1, 1, size=(n, d)) / np.sqrt(d)
    return {"centroids": centroids, "points": centroids[np.arange(n) % k] + radius * offsets}


@kmeans.formula("gradient")
def gradient(xp, centroids, points):
    """2 Σ (c − p) over the points of each centroid."""
    of = nearest(xp, centroids, points)
    gap = xp.take(centroids, of, axis=0) - points
    return 2 * xp.segment_sum(gap, of, centroids.shape[0])


@kmeans.formula("hessian")
def hessian(xp, centroids, points):
    """Diagonal: twice the number of points of each centroid."""
    k, d = centroids.shape
    diagonal = 2 * sizes_of(xp, nearest(xp, centroids, points), k)
    same = xp.reshape(xp.eye(k * d), (k, d, k, d))
    return diagonal[:, :, None, None] * same


@kmeans.formula("hvp")
def hvp(xp, centroids, points, v):
    """2 nⱼ vⱼ."""
    return 2 * sizes_of(xp, nearest(xp, centroids, points), centroids.shape[0]) * v


@xgrad.case(
    wrt=("centroids", "points"),
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source=SOURCE,
)
def kmeans_step(xp, centroids, points):  # centroids (k, d), points (n, d) -> (k, d)
    """g / h, the gradient over the diagonal of the Hessian: each centroid less its points' mean."""
    of = nearest(xp, centroids, points)
    k = centroids.shape[0]
    return centroids - xp.segment_sum(points, of, k) / sizes_of(xp, of, k)


kmeans_step.inputs(draw)


@kmeans_step.formula("jvp")
def step_jvp(xp, centroids, points, v):
    """The same of v: the step is linear as long as no point changes sides."""
    of = nearest(xp, centroids, points)
    k = centroids.shape[0]
    return v[0] - xp.segment_sum(v[1], of, k) / sizes_of(xp, of, k)


@kmeans_step.formula("vjp")
def step_vjp(xp, centroids, points, w):
    """w for the centroids, −wⱼ / nⱼ for each point of the j-th."""
    of = nearest(xp, centroids, points)
    return w, -xp.take(w / sizes_of(xp, of, centroids.shape[0]), of, axis=0)
