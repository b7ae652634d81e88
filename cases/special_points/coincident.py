"""Points that coincide: kernels and distances at r = 0, through a distance and without one.

A distance has a cone at r = 0, and what is made of it there is smooth or not. Code that guards √s
against s = 0, r = √s where s > 0 and 0 elsewhere, has a value without NaN and a derivative 0 of
r, so that the second derivative of every kernel of r comes out as 0 there.
"""

import numpy as np

import xgrad

RASMUSSEN = "Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, section 4.2.1"
GUARDED = "the guard takes r as constant at r = 0, so the curvature k''(0) of the kernel is lost"
AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def near(rng, n):
    """Two points about half apart."""
    q = rng.normal(size=n)
    return {"p": q + 0.5 * rng.normal(size=n), "q": q}


SAME = at(p=[0.75, -1.25], q=[0.75, -1.25])
SIZES = {"small": {"n": 2}}


def guarded_distance(xp, p, q):
    """|p − q|, with √0 kept off the tape: (d,), (d,) -> ()."""
    s = xp.sum((p - q) ** 2)
    return xp.where(s == 0, xp.zeros_like(s), xp.sqrt(xp.where(s == 0, xp.ones_like(s), s)))


# --- exp(−|p − q|²) -------------------------------------------------------------------------------


@xgrad.case(wrt="p", sizes=SIZES, operators=("gradient", "hessian"), source=RASMUSSEN + ", eq. 4.9")
def gaussian_of_distance(xp, p, q):  # p (n,), q (n,) -> ()
    """exp(−r²) with r = |p − q| guarded: the Hessian at p = q is −2 I."""
    return xp.exp(-(guarded_distance(xp, p, q) ** 2))


@xgrad.case(wrt="p", sizes=SIZES, operators=("gradient", "hessian"), source=RASMUSSEN + ", eq. 4.9")
def gaussian_of_difference(xp, p, q):  # p (n,), q (n,) -> ()
    """exp(−Σ(p − q)²), without a root: the Hessian at p = q is −2 I."""
    return xp.exp(-xp.sum((p - q) ** 2))


def gaussian_gradient(xp, p, q):
    """−2 k d, d = p − q."""
    return -2 * (p - q) * xp.exp(-xp.sum((p - q) ** 2))


def gaussian_hessian(xp, p, q):
    """k (4 d dᵀ − 2 I)."""
    d = p - q
    return xp.exp(-xp.sum(d * d)) * (4 * d[:, None] * d[None, :] - 2 * xp.eye(d.shape[0]))


for _case in (gaussian_of_distance, gaussian_of_difference):
    _case.point("coincident")(SAME)
    _case.formula("gradient")(gaussian_gradient)
    _case.formula("hessian")(gaussian_hessian)
gaussian_of_distance.inputs(near)  # beside the point the guard is right
for _method in AUTODIFF:
    gaussian_of_distance.known(_method, GUARDED, operator="hessian", point="coincident")
gaussian_of_distance.known(
    "numpy.complex_step",
    "one imaginary step makes s = −h², and √s has no real value there",
    operator="gradient",
    point="coincident",
)


# --- other kernels --------------------------------------------------------------------------------


@xgrad.case(wrt="p", operators=("hessian",), source=RASMUSSEN + ", eq. 4.17")
def matern_three_halves(xp, p, q):  # p (n,), q (n,) -> ()
    """(1 + √3 r) exp(−√3 r): twice differentiable at p = q and no more, the Hessian is −3 I."""
    u = xp.sqrt(xp.asarray(3.0)) * guarded_distance(xp, p, q)
    return (1 + u) * xp.exp(-u)


matern_three_halves.point("coincident")(SAME)


@matern_three_halves.formula("hessian")
def matern_three_halves_hessian(xp, p, q):
    """−3 e^(−u) (I − √3 d dᵀ / r): from k = 1 − 3r²/2 + O(r³), the last term is 0 at r = 0."""
    d, r = p - q, guarded_distance(xp, p, q)
    root = xp.sqrt(xp.asarray(3.0))
    turned = root * d[:, None] * d[None, :] / xp.where(r == 0, xp.ones_like(r), r)
    return -3 * xp.exp(-root * r) * (xp.eye(d.shape[0]) - turned)


@xgrad.case(wrt="p", operators=("hessian",), source=RASMUSSEN + ", eq. 4.17")
def matern_five_halves(xp, p, q):  # p (n,), q (n,) -> ()
    """(1 + √5 r + 5r²/3) exp(−√5 r), the polynomial in r guarded: −(5/3) I at p = q."""
    u = xp.sqrt(xp.asarray(5.0)) * guarded_distance(xp, p, q)
    return (1 + u + u * u / 3) * xp.exp(-u)


matern_five_halves.point("coincident")(SAME)


@matern_five_halves.formula("hessian")
def matern_five_halves_hessian(xp, p, q):
    """−(5/3) e^(−u) ((1 + u) I − 5 d dᵀ): from k = 1 − 5r²/6 + O(r⁴)."""
    d, u = p - q, xp.sqrt(xp.asarray(5.0)) * guarded_distance(xp, p, q)
    inner = (1 + u) * xp.eye(d.shape[0]) - 5 * d[:, None] * d[None, :]
    return xp.exp(-u) * inner * -5 / 3


for _case in (matern_three_halves, matern_five_halves):
    for _method in AUTODIFF:
        _case.known(_method, GUARDED)


@xgrad.case(
    wrt="X",
    operators=("hvp",),
    source="van der Maaten & Hinton 2008, Visualizing data using t-SNE, JMLR 9, section 3.3",
)
def student_affinities(xp, X):  # X (n, d) -> ()
    """Σ_ij 1 / (1 + |x_i − x_j|²) with two of the points equal, self-pairs included."""
    d = X[:, None, :] - X[None, :, :]
    return xp.sum(1 / (1 + xp.sum(d * d, axis=-1)))


student_affinities.point("two equal")(at(X=[[1.0, 2.0], [1.0, 2.0], [0.0, 1.5]]))


@student_affinities.formula("gradient")
def student_forces(xp, X):
    """−4 Σ_j w_ij² (x_i − x_j)."""
    d = X[:, None, :] - X[None, :, :]
    w = 1 / (1 + xp.sum(d * d, axis=-1))
    return -4 * xp.sum((w * w)[:, :, None] * d, axis=1)


@student_affinities.formula("hvp")
def student_forces_along(xp, X, v):
    """−4 Σ_j (w² e − 4 w³ (d·e) d), d = x_i − x_j, e = v_i − v_j."""
    d, e = (a[:, None, :] - a[None, :, :] for a in (X, v))
    w = (1 / (1 + xp.sum(d * d, axis=-1)))[:, :, None]
    along = xp.sum(d * e, axis=-1)[:, :, None]
    return -4 * xp.sum(w**2 * e - 4 * w**3 * along * d, axis=1)


@xgrad.case(wrt="X", operators=("hvp",), source=RASMUSSEN + ", eq. 4.9")
def clamped_gram_kernel(xp, X):  # X (n, d) -> ()
    """Σ exp(−max(s, 0)), s_ij = |x_i|² + |x_j|² − 2 x_i·x_j: cancelled squares may be negative.

    On the diagonal, and where points are equal, s = 0 is the clamp's bound. Integers, so that
    floats cancel exactly.
    """
    squares = xp.sum(X * X, axis=1)
    s = squares[:, None] + squares[None, :] - 2 * xp.matmul(X, X.T)
    return xp.sum(xp.exp(-xp.maximum(s, xp.zeros_like(s))))


clamped_gram_kernel.point("two equal")(at(X=[[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]]))


@clamped_gram_kernel.formula("gradient")
def gram_forces(xp, X):
    """−4 Σ_j k_ij (x_i − x_j)."""
    d = X[:, None, :] - X[None, :, :]
    return -4 * xp.sum(xp.exp(-xp.sum(d * d, axis=-1))[:, :, None] * d, axis=1)


@clamped_gram_kernel.formula("hvp")
def gram_forces_along(xp, X, v):
    """−4 Σ_j k_ij (e − 2 (d·e) d), d = x_i − x_j, e = v_i − v_j."""
    d, e = (a[:, None, :] - a[None, :, :] for a in (X, v))
    k = xp.exp(-xp.sum(d * d, axis=-1))[:, :, None]
    return -4 * xp.sum(k * (e - 2 * xp.sum(d * e, axis=-1)[:, :, None] * d), axis=1)


for _method in AUTODIFF:
    clamped_gram_kernel.known(
        _method, "a tie of max shares the derivative: half the curvature at s = 0"
    )


@xgrad.case(
    wrt="p",
    operators=("hessian",),
    source="Binney & Tremaine 2008, Galactic Dynamics, 2nd ed., eq. 2.44a: Plummer's softening",
)
def softened_distance(xp, p, q):  # p (n,), q (n,) -> ()
    """√(|p − q|² + ¼): a distance that is smooth at p = q, where the Hessian is 2 I."""
    return xp.sqrt(xp.sum((p - q) ** 2) + 0.25)


softened_distance.point("coincident")(SAME)


@softened_distance.formula("gradient")
def softened_direction(xp, p, q):
    """d / ρ."""
    return (p - q) / softened_distance(xp, p, q)


@softened_distance.formula("hessian")
def softened_curvature(xp, p, q):
    """(I − d dᵀ / ρ²) / ρ."""
    d, rho = p - q, softened_distance(xp, p, q)
    return (xp.eye(d.shape[0]) - d[:, None] * d[None, :] / rho**2) / rho


@xgrad.case(
    wrt=("a", "b"),
    operators=("gradient",),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, section 2.6; "
    "Nguyen & Bai 2010, ACCV, Cosine similarity metric learning, section 3.3",
)
def cosine_of_equals(xp, a, b):  # a (n,), b (n,) -> ()
    """aᵀb / (|a| |b|) at a = b: the largest value there is, and the gradient 0."""
    return xp.sum(a * b) / xp.sqrt(xp.sum(a * a) * xp.sum(b * b))


cosine_of_equals.point("equal")(at(a=[3.0, 4.0], b=[3.0, 4.0]))


@cosine_of_equals.formula("gradient")
def turned(xp, a, b):
    """(b / β − c a / α) / α for a, α = |a|, β = |b|, c the cosine; for b likewise."""
    alpha, beta = xp.sqrt(xp.sum(a * a)), xp.sqrt(xp.sum(b * b))
    c = xp.sum(a * b) / (alpha * beta)
    return (b / beta - c * a / alpha) / alpha, (a / alpha - c * b / beta) / beta


# --- cones ----------------------------------------------------------------------------------------


@xgrad.case(
    wrt="X",
    operators=("gradient",),
    source="Kruskal 1964, Nonmetric multidimensional scaling, Psychometrika 29, section 4; "
    "Rockafellar 1970, Convex Analysis, section 23",
)
def total_of_distances(xp, X):  # X (n, d) -> ()
    """Σ_{i<j} |x_i − x_j| with two points equal: cones on them, a tangent at the third."""
    n = X.shape[0]
    pairs = [(i, j) for i in range(n) for j in range(i)]
    return sum(guarded_distance(xp, X[i, :], X[j, :]) for i, j in pairs)


total_of_distances.point("two equal")(at(X=[[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]]))


@xgrad.case(
    wrt="p",
    operators=("gradient",),
    source="Hadsell, Chopra & LeCun 2006, CVPR, Dimensionality reduction by learning an invariant "
    "mapping, eq. 4; Rockafellar 1970, Convex Analysis, section 23",
)
def contrastive_push(xp, p, q):  # p (n,), q (n,) -> ()
    """½ max(0, 1 − |p − q|)² of a dissimilar pair that coincides: slopes −1 and 1."""
    gap = 1 - guarded_distance(xp, p, q)
    return 0.5 * xp.maximum(xp.zeros_like(gap), gap) ** 2


contrastive_push.point("coincident")(SAME)


@xgrad.case(
    wrt="p",
    operators=("jvp",),
    source="Rockafellar 1970, Convex Analysis, section 23: one-sided directional derivatives",
)
def distance_along(xp, p, q):  # p (n,), q (n,) -> ()
    """|p − q| at p = q along a direction v: slopes −|v| and |v|."""
    return guarded_distance(xp, p, q)


distance_along.point("coincident")(SAME)
