"""Losses of classifiers: smoothed labels, z-loss, a fused head, focal, and distillation."""

import xgrad

SIZES = {
    "small": {"n": 5, "C": 7},
    "medium": {"n": 32, "C": 20},
    "large": {"n": 512, "C": 1_000},
}
SMOOTHING = 0.1
Z_WEIGHT = 1e-4
GAMMA, ALPHA = 2.0, 0.25
TEMPERATURE = 4.0


def draw(rng, n, C):
    return {"Z": 2 * rng.normal(size=(n, C)), "labels": rng.integers(C, size=n)}


def chosen(xp, Z, labels):
    """z_{i, labels_i}: (n,)."""
    return xp.take_along_axis(Z, labels[:, None], axis=1)[:, 0]


def one_hot(xp, Z, labels):
    """1 at the label of each row: (n, C)."""
    return xp.astype(xp.arange(Z.shape[1])[None, :] == labels[:, None], Z.dtype)


@xgrad.case(
    wrt="Z",
    sizes=SIZES,
    operators=("gradient",),
    source="Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, Rethinking the Inception architecture "
    "for computer vision, arXiv:1512.00567, section 7",
)
def label_smoothing(xp, Z, labels):  # Z (n, C), labels (n,) -> ()
    """mean_i (log Σ_j exp z_ij − (1 − ε) z_{i, labels_i} − ε mean_j z_ij), ε = 0.1."""
    likely = (1 - SMOOTHING) * chosen(xp, Z, labels) + SMOOTHING * xp.mean(Z, axis=1)
    return xp.mean(xp.logsumexp(Z, axis=1) - likely)


label_smoothing.inputs(draw)


@label_smoothing.formula("gradient")
def label_smoothing_gradient(xp, Z, labels):
    """(softmax(Z) − (1 − ε) one-hot(labels) − ε / C) / n."""
    target = (1 - SMOOTHING) * one_hot(xp, Z, labels) + SMOOTHING * xp.ones_like(Z) / Z.shape[1]
    return (xp.softmax(Z, axis=1) - target) / Z.shape[0]


@label_smoothing.implementation("torch", name="F.cross_entropy")
def torch_label_smoothing(Z, labels):
    import torch

    return torch.nn.functional.cross_entropy(Z, labels, label_smoothing=SMOOTHING)


@label_smoothing.implementation("jax", name="optax.softmax_cross_entropy")
def optax_label_smoothing(Z, labels):
    import jax
    import optax

    smooth = optax.smooth_labels(jax.nn.one_hot(labels, Z.shape[1], dtype=Z.dtype), SMOOTHING)
    return optax.softmax_cross_entropy(Z, smooth).mean()


@xgrad.case(
    wrt="Z",
    sizes=SIZES,
    operators=("gradient",),
    source="Chowdhery et al. 2022, PaLM: scaling language modeling with pathways, "
    "arXiv:2204.02311, section 5",
)
def z_loss(xp, Z, labels):  # Z (n, C), labels (n,) -> ()
    """mean_i (L_i − z_{i, labels_i} + 1e-4 L_i²), L_i = log Σ_j exp z_ij."""
    total = xp.logsumexp(Z, axis=1)
    return xp.mean(total - chosen(xp, Z, labels) + Z_WEIGHT * total * total)


z_loss.inputs(draw)


@z_loss.formula("gradient")
def z_loss_gradient(xp, Z, labels):
    """((1 + 2e-4 L) softmax(Z) − one-hot(labels)) / n."""
    total = xp.logsumexp(Z, axis=1, keepdims=True)
    p = (1 + 2 * Z_WEIGHT * total) * xp.softmax(Z, axis=1)
    return (p - one_hot(xp, Z, labels)) / Z.shape[0]


@xgrad.case(
    wrt=("X", "W"),
    sizes={
        "small": {"n": 4, "d": 3, "C": 6},
        "medium": {"n": 32, "d": 8, "C": 20},
        "large": {"n": 512, "d": 128, "C": 1_000},
    },
    operators=("gradient",),
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.108 and 4.109; fused in "
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear_cross_entropy.html",
)
def linear_cross_entropy(xp, X, W, labels):  # X (n, d), W (C, d), labels (n,) -> ()
    """Softmax cross-entropy of the logits XWᵀ: the head of a language model."""
    Z = xp.matmul(X, W.T)
    return xp.mean(xp.logsumexp(Z, axis=1) - chosen(xp, Z, labels))


@linear_cross_entropy.inputs
def draw_head(rng, n, d, C):
    return {
        "X": rng.normal(size=(n, d)),
        "W": rng.normal(size=(C, d)),
        "labels": rng.integers(C, size=n),
    }


@linear_cross_entropy.formula("gradient")
def linear_cross_entropy_gradient(xp, X, W, labels):
    """A W and Aᵀ X with A = (softmax(XWᵀ) − one-hot(labels)) / n."""
    Z = xp.matmul(X, W.T)
    A = (xp.softmax(Z, axis=1) - one_hot(xp, Z, labels)) / Z.shape[0]
    return xp.matmul(A, W), xp.matmul(A.T, X)


@linear_cross_entropy.implementation("torch", name="F.linear_cross_entropy")
def torch_linear_cross_entropy(X, W, labels):
    """In chunks, which finds the gradients on the way forward."""
    import torch

    if not hasattr(torch.nn, "LinearCrossEntropyOptions"):
        raise NotImplementedError("torch has linear_cross_entropy from 2.13 on")
    options = torch.nn.LinearCrossEntropyOptions()
    return torch.nn.functional.linear_cross_entropy(X, W, labels, options=options)


@xgrad.case(
    wrt="z",
    sizes={"small": {"n": 10}, "medium": {"n": 500}, "large": {"n": 200_000}},
    operators=("gradient",),
    source="Lin, Goyal, Girshick, He & Dollár 2017, Focal loss for dense object detection, "
    "arXiv:1708.02002, eq. 5 and appendix B",
)
def focal_loss(xp, z, labels):  # z (n,), labels (n,) of 0 and 1 -> ()
    """−mean α_t (1 − p_t)^γ log p_t, p_t = σ(±z); γ = 2, α = 1/4 for the label 1."""
    y, weight = signs(xp, z, labels)
    return xp.mean(weight * xp.expit(-y * z) ** GAMMA * xp.softplus(-y * z))


def signs(xp, z, labels):
    """±1 and α_t of every label."""
    t = xp.astype(labels, z.dtype)
    return 2 * t - 1, ALPHA * t + (1 - ALPHA) * (1 - t)


@focal_loss.inputs
def draw_binary(rng, n):
    return {"z": 2 * rng.normal(size=n), "labels": rng.integers(2, size=n)}


@focal_loss.formula("gradient")
def focal_gradient(xp, z, labels):
    """α_t y (1 − p_t)^γ (γ p_t log p_t + p_t − 1) / n."""
    y, weight = signs(xp, z, labels)
    p, q = xp.expit(y * z), xp.expit(-y * z)
    return -weight * y * q**GAMMA * (GAMMA * p * xp.softplus(-y * z) + q) / z.shape[0]


@focal_loss.implementation("jax", name="optax.sigmoid_focal_loss")
def optax_focal(z, labels):
    import optax

    return optax.sigmoid_focal_loss(z, labels, alpha=ALPHA, gamma=GAMMA).mean()


@xgrad.case(
    wrt="Z",
    sizes=SIZES,
    operators=("gradient",),
    source="Hinton, Vinyals & Dean 2015, Distilling the knowledge in a neural network, "
    "arXiv:1503.02531, section 2",
)
def distillation(xp, Z, teacher):  # Z (n, C), teacher (n, C) -> ()
    """T² mean_i KL(softmax(t_i / T) ‖ softmax(z_i / T)), T = 4, from logits t of the teacher."""
    p = xp.softmax(teacher / TEMPERATURE, axis=1)
    behind = xp.log_softmax(teacher / TEMPERATURE, axis=1)
    divergence = xp.sum(p * (behind - xp.log_softmax(Z / TEMPERATURE, axis=1)), axis=1)
    return TEMPERATURE**2 * xp.mean(divergence)


@distillation.inputs
def draw_teacher(rng, n, C):
    return {"Z": 4 * rng.normal(size=(n, C)), "teacher": 4 * rng.normal(size=(n, C))}


@distillation.formula("gradient")
def distillation_gradient(xp, Z, teacher):
    """T (softmax(Z / T) − softmax(t / T)) / n."""
    p, q = (xp.softmax(a / TEMPERATURE, axis=1) for a in (teacher, Z))
    return TEMPERATURE * (q - p) / Z.shape[0]


@distillation.implementation("torch", name="F.kl_div")
def torch_distillation(Z, teacher):
    import torch

    log_q, log_p = (torch.log_softmax(a / TEMPERATURE, dim=1) for a in (Z, teacher))
    kl_div = torch.nn.functional.kl_div
    return TEMPERATURE**2 * kl_div(log_q, log_p, reduction="batchmean", log_target=True)


@distillation.implementation("jax", name="optax.kl_divergence")
def optax_distillation(Z, teacher):
    import jax
    import optax

    log_q = jax.nn.log_softmax(Z / TEMPERATURE, axis=1)
    p = jax.nn.softmax(teacher / TEMPERATURE, axis=1)
    return TEMPERATURE**2 * optax.kl_divergence(log_q, p).mean()
