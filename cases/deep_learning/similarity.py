"""Losses of embeddings: triplets with a margin, InfoNCE, CLIP's and SimCLR's."""

import numpy as np

import xgrad

MARGIN = 0.005
TEMPERATURE = 0.5
SIZES = {
    "small": {"n": 4, "d": 3},
    "medium": {"n": 16, "d": 8},
    "large": {"n": 256, "d": 128},
}


@xgrad.case(
    wrt=("anchor", "near", "far"),
    sizes=SIZES,
    operators=("gradient",),
    source="Balntas, Riba, Ponsa & Mikolajczyk 2016, Learning local feature descriptors with "
    "triplets and shallow convolutional neural networks, BMVC; as in "
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html",
)
def triplet_margin(xp, anchor, near, far):  # anchor, near, far (n, d) -> ()
    """mean max(0, |a − p| − |a − n| + margin), some triplets within the margin and some beyond."""
    hinge = distance(xp, anchor - near) - distance(xp, anchor - far) + MARGIN
    return xp.mean(xp.maximum(hinge, xp.zeros_like(hinge)))


def distance(xp, a):
    """The Euclidean length of every row: (n,)."""
    return xp.sqrt(xp.sum(a * a, axis=1))


@triplet_margin.inputs
def draw_triplets(rng, n, d):
    """Hundredths apart: near at 1, far at 1 ± 1/4 in even triplets and at 2 ± 1/4 in odd ones."""
    anchor, near, far = rng.normal(size=(3, n, d)) / 100
    length = (1 + np.arange(n) % 2 + rng.uniform(-0.25, 0.25, size=n)) / 100
    near *= 0.01 / np.linalg.norm(near, axis=1, keepdims=True)
    far *= length[:, None] / np.linalg.norm(far, axis=1, keepdims=True)
    return {"anchor": anchor, "near": anchor + near, "far": anchor + far}


@triplet_margin.formula("gradient")
def triplet_gradient(xp, anchor, near, far):
    """u − v, −u and v over n where the hinge is open; u and v are the units a − p and a − n."""
    to_near, to_far = distance(xp, anchor - near), distance(xp, anchor - far)
    share = xp.astype(to_near - to_far + MARGIN > 0, anchor.dtype) / anchor.shape[0]
    u = (share / to_near)[:, None] * (anchor - near)
    v = (share / to_far)[:, None] * (anchor - far)
    return u - v, -u, v


@triplet_margin.implementation("torch", name="F.triplet_margin_loss")
def torch_triplet(anchor, near, far):
    import torch

    return torch.nn.functional.triplet_margin_loss(anchor, near, far, margin=MARGIN)


@triplet_margin.implementation("jax", name="optax.triplet_margin_loss")
def optax_triplet(anchor, near, far):
    import optax

    return optax.losses.triplet_margin_loss(anchor, near, far, margin=MARGIN).mean()


for dtype in ("float64", "float32"):
    triplet_margin.known(
        "torch.reverse:F.triplet_margin_loss",
        "adds 1e-6 to every difference of coordinates (eps) before it takes the norm",
        dtype=dtype,
    )
    triplet_margin.known(
        "jax.reverse:optax.triplet_margin_loss",
        "adds 1e-6 to every squared distance (eps) before it takes the root",
        dtype=dtype,
    )


@xgrad.case(
    wrt=("Q", "K"),
    sizes=SIZES,
    operators=("gradient",),
    source="van den Oord, Li & Vinyals 2018, Representation learning with contrastive predictive "
    "coding, arXiv:1807.03748, eq. 4",
)
def info_nce(xp, Q, K):  # Q (n, d), K (n, d) -> ()
    """−mean_i log softmax(QKᵀ / τ)_ii, τ = 1/2: query i belongs to key i."""
    return matched(xp, xp.matmul(Q, K.T) / TEMPERATURE)


def matched(xp, S):
    """Mean cross-entropy of the rows of scores, the diagonal being right."""
    return xp.mean(xp.logsumexp(S, axis=1)) - xp.sum(S * xp.eye(S.shape[0])) / S.shape[0]


def slope(xp, S):
    """(softmax(S) − I) / n."""
    return (xp.softmax(S, axis=1) - xp.eye(S.shape[0])) / S.shape[0]


@info_nce.inputs
def draw_pairs(rng, n, d):
    Q = rng.normal(size=(n, d)) / d**0.25
    return {"Q": Q, "K": Q + rng.normal(size=(n, d)) / d**0.25}


@info_nce.formula("gradient")
def info_nce_gradient(xp, Q, K):
    """A K / τ and Aᵀ Q / τ with A = (softmax(QKᵀ / τ) − I) / n."""
    A = slope(xp, xp.matmul(Q, K.T) / TEMPERATURE) / TEMPERATURE
    return xp.matmul(A, K), xp.matmul(A.T, Q)


@xgrad.case(
    wrt=("images", "texts", "scale"),
    sizes=SIZES,
    operators=("gradient",),
    source="Radford et al. 2021, Learning transferable visual models from natural language "
    "supervision, arXiv:2103.00020, section 2.3 and figure 3",
)
def clip_loss(xp, images, texts, scale):  # images, texts (n, d), scale () -> ()
    """Half the InfoNCE of both directions for S = exp(scale) · cosines of images and texts."""
    S = xp.exp(scale) * xp.matmul(unit(xp, images), unit(xp, texts).T)
    return (matched(xp, S) + matched(xp, S.T)) / 2


def unit(xp, a):
    """Every row over its length."""
    return a / distance(xp, a)[:, None]


def project(xp, a, w):
    """The vjp of `unit`: (w − u (u·w)) / |a|."""
    u = unit(xp, a)
    return (w - u * xp.sum(u * w, axis=1, keepdims=True)) / distance(xp, a)[:, None]


@clip_loss.inputs
def draw_clip(rng, n, d):
    drawn = draw_pairs(rng, n, d)
    return {"images": drawn["Q"], "texts": drawn["K"], "scale": np.log(5.0)}


@clip_loss.formula("gradient")
def clip_gradient(xp, images, texts, scale):
    """A through S, projected off the unit vectors; Σ A ∘ S for the logarithm of the scale."""
    U, V = unit(xp, images), unit(xp, texts)
    S = xp.exp(scale) * xp.matmul(U, V.T)
    A = (slope(xp, S) + slope(xp, S.T).T) / 2
    to_images, to_texts = xp.exp(scale) * xp.matmul(A, V), xp.exp(scale) * xp.matmul(A.T, U)
    return project(xp, images, to_images), project(xp, texts, to_texts), xp.sum(A * S)


@xgrad.case(
    wrt="Z",
    sizes=SIZES,
    operators=("gradient",),
    source="Chen, Kornblith, Norouzi & Hinton 2020, A simple framework for contrastive learning of "
    "visual representations, arXiv:2002.05709, section 2.1, eq. 1",
)
def nt_xent(xp, Z, partner):  # Z (n, d), partner (n,) -> ()
    """−mean_i log softmax_{j≠i}(cos(z_i, z_j) / τ) at the partner of i, τ = 1/2."""
    S = cosines(xp, Z)
    chosen = xp.take_along_axis(S, partner[:, None], axis=1)
    return xp.mean(xp.logsumexp(S, axis=1) - chosen[:, 0])


def cosines(xp, Z):
    """cos / τ of all pairs, and a score on the diagonal whose exponential is 0."""
    U = unit(xp, Z)
    return xp.matmul(U, U.T) / TEMPERATURE - 1e4 * xp.eye(Z.shape[0])


@nt_xent.inputs
def draw_views(rng, n, d):
    """Rows 2k and 2k + 1 are two views of one thing."""
    things = np.repeat(rng.normal(size=(n // 2, d)), 2, axis=0)
    return {"Z": things + rng.normal(size=(n, d)) / 2, "partner": np.arange(n) ^ 1}


@nt_xent.formula("gradient")
def nt_xent_gradient(xp, Z, partner):
    """(A + Aᵀ) U / τ projected off the unit vectors U, A = (softmax − one-hot(partner)) / n."""
    n = Z.shape[0]
    right = xp.astype(xp.arange(n)[None, :] == partner[:, None], Z.dtype)
    A = (xp.softmax(cosines(xp, Z), axis=1) - right) / n
    return project(xp, Z, xp.matmul(A + A.T, unit(xp, Z)) / TEMPERATURE)


@nt_xent.implementation("jax", name="optax.ntxent")
def optax_nt_xent(Z, partner):
    import jax.numpy as jnp
    import optax

    labels = jnp.minimum(partner, jnp.arange(partner.shape[0]))
    return optax.losses.ntxent(Z, labels, temperature=TEMPERATURE)
