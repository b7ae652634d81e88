"""Softmax cross-entropy, the mean over a batch."""

import xgrad


@xgrad.case(
    wrt="Z",
    sizes={
        "small": {"n": 8, "C": 10},
        "medium": {"n": 64, "C": 100},
        "large": {"n": 512, "C": 1_000},
        "source": {"n": 3_200, "C": 3_200},
    },
    operators=("value", "gradient"),
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.108 and 4.109; timed "
    "against autograd at n = C = 3200 in https://iceory.github.io/2018/04/04/manual-vs-auto-gradient/",
)
def softmax_cross_entropy(xp, Z, labels):  # Z (n, C), labels (n,) in 0..C-1 -> ()
    """mean_i (log Σ_j exp z_ij − z_{i, labels_i})."""
    chosen = xp.take_along_axis(Z, labels[:, None], axis=1)
    return xp.mean(xp.logsumexp(Z, axis=1) - chosen[:, 0])


@softmax_cross_entropy.inputs
def draw(rng, n, C):
    return {"Z": rng.normal(size=(n, C)), "labels": rng.integers(C, size=n)}


@softmax_cross_entropy.formula("gradient")
def gradient(xp, Z, labels):
    """(softmax(Z) − one-hot(labels)) / n."""
    one_hot = xp.astype(xp.arange(Z.shape[1])[None, :] == labels[:, None], Z.dtype)
    return (xp.softmax(Z, axis=1) - one_hot) / Z.shape[0]


@softmax_cross_entropy.formula("gradient", name="in_place", frameworks=("numpy", "torch"))
def in_place(xp, Z, labels):
    """The same in one array, as a backward pass is written by hand: no one-hot matrix."""
    n = Z.shape[0]
    S = xp.softmax(Z, axis=1)
    S[xp.arange(n), labels] -= 1
    S /= n
    return S


@softmax_cross_entropy.implementation("torch", name="F.cross_entropy")
def cross_entropy(Z, labels):
    import torch

    return torch.nn.functional.cross_entropy(Z, labels)


@softmax_cross_entropy.implementation("jax", name="optax.softmax_cross_entropy")
def optax_cross_entropy(Z, labels):
    import optax

    return optax.softmax_cross_entropy_with_integer_labels(Z, labels).mean()
