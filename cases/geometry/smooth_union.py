"""The smooth union of spheres, as a signed distance."""

import numpy as np

import xgrad

SHARPNESS = 4.0


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 4}, "medium": {"n": 200}, "large": {"n": 50_000}},
    operators=("gradient", "hessian", "laplacian"),
    source="Quílez 2013, Smooth minimum, iquilezles.org/articles/smin, exponential",
)
def smooth_union(xp, x, centres, radii):  # x (3,), centres (n, 3), radii (n,) -> ()
    """−log Σ exp(−k (|x − c| − r)) / k: a minimum without edges."""
    _, length = rays(xp, x, centres)
    return -xp.logsumexp(-SHARPNESS * (length - radii)) / SHARPNESS


def rays(xp, x, centres):
    """Unit vectors from the centres and their distances: (n, 3), (n,)."""
    d = x - centres
    length = xp.sqrt(xp.sum(d * d, axis=-1))
    return d / length[:, None], length


@smooth_union.inputs
def draw(rng, n):
    """Centres away from the point, where distances have kinks."""
    x = rng.normal(size=3)
    away = rng.normal(size=(n, 3))
    away = away / np.linalg.norm(away, axis=-1, keepdims=True)
    centres = x + away * rng.uniform(0.5, 2, size=(n, 1))
    return {"x": x, "centres": centres, "radii": rng.uniform(0.2, 1, size=n)}


def blended(xp, x, centres, radii):
    """The share of each sphere, its ray, its distance, and the gradient."""
    u, length = rays(xp, x, centres)
    share = xp.softmax(-SHARPNESS * (length - radii))
    return share, u, length, xp.matmul(share, u)


@smooth_union.formula("gradient")
def normal(xp, x, centres, radii):
    """Σ p u with p the softmax of −k (|x − c| − r), u the unit vectors from the centres."""
    return blended(xp, x, centres, radii)[3]


@smooth_union.formula("hessian")
def curvature(xp, x, centres, radii):
    """Σ p (I − uuᵀ)/ℓ − k (Σ p uuᵀ − ggᵀ) with the gradient g, ℓ = |x − c|."""
    share, u, length, g = blended(xp, x, centres, radii)
    weights = share / length
    spread = xp.matmul(u.T, (weights + SHARPNESS * share)[:, None] * u)
    return xp.sum(weights) * xp.eye(3) - spread + SHARPNESS * g[:, None] * g


@smooth_union.formula("laplacian")
def mean_curvature(xp, x, centres, radii):
    """Σ 2p/ℓ − k (1 − |g|²)."""
    share, _, length, g = blended(xp, x, centres, radii)
    return 2 * xp.sum(share / length) - SHARPNESS * (1 - xp.sum(g * g))
