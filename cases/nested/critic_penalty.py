"""The gradient penalty of a critic, written with the gradient that it is a penalty of."""

import xgrad


@xgrad.case(
    wrt=("W", "b"),
    sizes={
        "small": {"n": 3, "d": 2, "k": 4},
        "medium": {"n": 5, "d": 4, "k": 8},
        "large": {"n": 16, "d": 8, "k": 16},
    },
    operators=("gradient",),
    source="Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, Improved training of "
    "Wasserstein GANs, arXiv:1704.00028, eq. 3",
)
def critic_penalty(xp, W, b, x):  # W (k, d), b (k,), x (n, d) -> ()
    """mean (|∇D(x)| − 1)² of the critic D(x) = log Σ exp(Wx + b)."""
    slopes = xp.gradient(lambda xp, x: xp.sum(critic(xp, x, W, b)))(x)
    return xp.mean((xp.sqrt(xp.sum(slopes * slopes, axis=1)) - 1) ** 2)


def critic(xp, x, W, b):
    """D of each row."""
    return xp.logsumexp(xp.matmul(x, W.T) + b, axis=1)


@critic_penalty.inputs
def draw(rng, n, d, k):
    return {"W": rng.normal(size=(k, d)), "b": rng.normal(size=k), "x": rng.normal(size=(n, d))}


@critic_penalty.formula("gradient")
def gradient(xp, W, b, x):
    """g = pW with the softmax p; r = 2 (1 − 1/|g|) g / n, and q = p (rWᵀ − Σ p rWᵀ) through p."""
    p = xp.softmax(xp.matmul(x, W.T) + b, axis=1)
    g = xp.matmul(p, W)
    length = xp.sqrt(xp.sum(g * g, axis=1, keepdims=True))
    r = 2 * (1 - 1 / length) * g / x.shape[0]
    back = xp.matmul(r, W.T)
    q = p * (back - xp.sum(p * back, axis=1, keepdims=True))
    return xp.matmul(p.T, r) + xp.matmul(q.T, x), xp.sum(q, axis=0)
