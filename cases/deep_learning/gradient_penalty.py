"""The gradient penalty of a Wasserstein critic: a loss that holds a derivative itself."""

import xgrad


@xgrad.case(
    wrt=("W", "b", "v"),
    sizes={
        "small": {"n": 3, "d": 3, "hidden": 4},
        "medium": {"n": 16, "d": 8, "hidden": 16},
        "large": {"n": 256, "d": 64, "hidden": 256},
    },
    operators=("gradient",),
    source="Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, Improved training of "
    "Wasserstein GANs, arXiv:1704.00028, eq. 3",
)
def gradient_penalty(xp, W, b, v, x):  # W (d, hidden), b (hidden,), v (hidden,), x (n, d) -> ()
    """mean (|∇D(x)| − 1)² of the critic D(x) = v · tanh(xW + b), ∇D = W(v ∘ (1 − tanh²))."""
    slopes = xp.matmul(v * (1 - xp.tanh(xp.matmul(x, W) + b) ** 2), W.T)
    return xp.mean((xp.sqrt(xp.sum(slopes * slopes, axis=1)) - 1) ** 2)


@gradient_penalty.inputs
def draw(rng, n, d, hidden):
    return {
        "W": rng.normal(size=(d, hidden)) / d**0.5,
        "b": rng.normal(size=hidden) / 2,
        "v": 2 * rng.normal(size=hidden) / hidden**0.5,
        "x": rng.normal(size=(n, d)),
    }


@gradient_penalty.formula("gradient")
def gradient(xp, W, b, v, x):
    """r = 2 (1 − 1/|g|) g / n, c = 1 − h²: gᵀ side rᵀ(v c), and −2 h c v (rW) through h."""
    h = xp.tanh(xp.matmul(x, W) + b)
    c = 1 - h * h
    g = xp.matmul(v * c, W.T)
    length = xp.sqrt(xp.sum(g * g, axis=1, keepdims=True))
    r = 2 * (1 - 1 / length) * g / x.shape[0]
    back = xp.matmul(r, W)
    da = -2 * h * c * v * back
    return xp.matmul(r.T, v * c) + xp.matmul(x.T, da), xp.sum(da, axis=0), xp.sum(back * c, axis=0)


@gradient_penalty.implementation("torch", name="autograd.grad")
def torch_penalty(W, b, v, x):
    import torch

    x = x.detach().requires_grad_()
    total = (torch.tanh(x @ W + b) @ v).sum()
    (slopes,) = torch.autograd.grad(total, x, create_graph=True)
    return ((slopes.norm(dim=1) - 1) ** 2).mean()


@gradient_penalty.implementation("jax", name="grad")
def jax_penalty(W, b, v, x):
    import jax
    import jax.numpy as jnp

    slopes = jax.vmap(jax.grad(lambda row: jnp.tanh(row @ W + b) @ v))(x)
    return jnp.mean((jnp.linalg.norm(slopes, axis=1) - 1) ** 2)
