"""Pooling of images over windows of two by two."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 1, "C": 2, "H": 4, "W": 4},
    "medium": {"n": 2, "C": 4, "H": 8, "W": 8},
    "large": {"n": 16, "C": 64, "H": 28, "W": 28},
}


def windows(xp, x):
    """(n, C, H, W) -> (n, C, H / 2, 2, W / 2, 2)."""
    n, C, H, W = x.shape
    return xp.reshape(x, (n, C, H // 2, 2, W // 2, 2))


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("vjp",),
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.3",
)
def max_pool2d(xp, x):  # x (n, C, H, W) -> (n, C, H / 2, W / 2)
    """The largest of every window."""
    return xp.max(windows(xp, x), axis=(3, 5))


@max_pool2d.inputs
def draw(rng, n, C, H, W):
    """No two pixels of a window are nearer than 1/2."""
    steps = np.broadcast_to([0, 0.5, 1, 1.5], (n, C, H // 2, W // 2, 4))
    pixels = rng.permuted(steps, axis=-1) + rng.normal(size=(n, C, H // 2, W // 2, 1))
    pixels = pixels.reshape(n, C, H // 2, W // 2, 2, 2)
    return {"x": pixels.transpose(0, 1, 2, 4, 3, 5).reshape(n, C, H, W)}


@max_pool2d.formula("vjp")
def max_vjp(xp, x, w):
    """w at the largest pixel of every window, 0 at the others."""
    seen = windows(xp, x)
    largest = seen == xp.max(seen, axis=(3, 5), keepdims=True)
    return xp.reshape(xp.astype(largest, x.dtype) * w[:, :, :, None, :, None], x.shape)


@max_pool2d.implementation("torch", name="F.max_pool2d")
def torch_max_pool(x):
    import torch

    return torch.nn.functional.max_pool2d(x, 2)


@max_pool2d.implementation("jax", name="lax.reduce_window")
def jax_max_pool(x):
    import jax
    import jax.numpy as jnp

    shape = (1, 1, 2, 2)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, shape, shape, "VALID")


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("vjp",),
    source="LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE 86(11), section II.A",
)
def average_pool2d(xp, x):  # x (n, C, H, W) -> (n, C, H / 2, W / 2)
    """The mean of every window."""
    return xp.mean(windows(xp, x), axis=(3, 5))


@average_pool2d.inputs
def draw_images(rng, n, C, H, W):
    return {"x": rng.normal(size=(n, C, H, W))}


@average_pool2d.formula("vjp")
def average_vjp(xp, x, w):
    """A quarter of w at every pixel of a window."""
    shape = windows(xp, x).shape
    return xp.reshape(xp.broadcast_to(w[:, :, :, None, :, None] / 4, shape), x.shape)


@average_pool2d.implementation("torch", name="F.avg_pool2d")
def torch_average_pool(x):
    import torch

    return torch.nn.functional.avg_pool2d(x, 2)
