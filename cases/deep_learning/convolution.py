"""Convolutions as sums over the offsets of a kernel: causal and dilated, same, and transposed."""

from itertools import product

import xgrad

DILATION = 2
OFFSETS = tuple(product(range(3), range(3)))  # of a kernel of 3 by 3


@xgrad.case(
    wrt=("x", "K"),
    sizes={
        "small": {"n": 1, "C": 2, "T": 6, "out": 2},
        "medium": {"n": 2, "C": 4, "T": 16, "out": 4},
        "large": {"n": 8, "C": 32, "T": 512, "out": 32},
    },
    operators=("vjp",),
    source="van den Oord et al. 2016, WaveNet, arXiv:1609.03499, section 2.1",
)
def causal_conv1d(xp, x, K):  # x (n, C, T), K (out, C, 3) -> (n, out, T)
    """y_ot = Σ_cj K_ocj x_c(t − 2(2 − j)): dilated, and blind to the future."""
    pairs = ((later(xp, x, DILATION * (2 - j)), K[..., j]) for j in range(3))
    return sum(xp.einsum("nct,oc->not", moved, tap) for moved, tap in pairs)


def later(xp, x, steps):
    """x delayed along the last axis, zeros before it; earlier where the steps are negative."""
    T = x.shape[-1]
    zeros = xp.zeros((*x.shape[:-1], abs(steps)))
    if steps < 0:
        return xp.concat([x, zeros], axis=-1)[..., -steps:]
    return xp.concat([zeros, x], axis=-1)[..., :T]


@causal_conv1d.inputs
def draw_sequences(rng, n, C, T, out):
    K = rng.normal(size=(out, C, 3)) / (3 * C) ** 0.5
    return {"x": rng.normal(size=(n, C, T)), "K": K}


@causal_conv1d.formula("vjp")
def causal_vjp(xp, x, K, w):
    """w at as many steps later, through Kᵀ; and Σ w times x at as many steps earlier."""
    steps = [DILATION * (2 - j) for j in range(3)]
    back = ((later(xp, w, -s), K[..., j]) for j, s in enumerate(steps))
    dx = sum(xp.einsum("not,oc->nct", moved, tap) for moved, tap in back)
    dK = [xp.einsum("not,nct->oc", w, later(xp, x, s)) for s in steps]
    return dx, xp.stack(dK, axis=-1)


@causal_conv1d.implementation("torch", name="F.conv1d")
def torch_conv1d(x, K):
    import torch

    padded = torch.nn.functional.pad(x, (2 * DILATION, 0))
    return torch.nn.functional.conv1d(padded, K, dilation=DILATION)


@causal_conv1d.implementation("jax", name="lax.conv_general_dilated")
def jax_conv1d(x, K):
    import jax

    return jax.lax.conv_general_dilated(x, K, (1,), [(2 * DILATION, 0)], rhs_dilation=(DILATION,))


@xgrad.case(
    wrt=("x", "K"),
    sizes={
        "small": {"n": 1, "C": 2, "H": 3, "W": 3, "out": 1},
        "medium": {"n": 2, "C": 3, "H": 6, "W": 6, "out": 4},
        "large": {"n": 4, "C": 32, "H": 28, "W": 28, "out": 32},
    },
    operators=("vjp",),
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.5, eq. 9.11 and 9.13",
)
def conv2d(xp, x, K):  # x (n, C, H, W), K (out, C, 3, 3) -> (n, out, H, W)
    """y_ohw = Σ_cpq K_ocpq x_c(h + p − 1)(w + q − 1), zeros around the image."""
    return correlate(xp, pad(xp, x, 1), K)


def correlate(xp, x, K):
    """Σ_cpq K_ocpq x_c(h + p)(w + q) where the kernel lies inside x."""
    taps = ((window(x, p, q), K[..., p, q]) for p, q in OFFSETS)
    return sum(xp.einsum("nchw,oc->nohw", seen, tap) for seen, tap in taps)


def window(x, p, q):
    """What the element p, q of a kernel sees of x."""
    return x[..., p : x.shape[-2] - 2 + p, q : x.shape[-1] - 2 + q]


def pad(xp, x, width):
    """Zeros around the last two axes."""
    rows = xp.zeros((*x.shape[:-2], width, x.shape[-1]))
    tall = xp.concat([rows, x, rows], axis=-2)
    columns = xp.zeros((*tall.shape[:-1], width))
    return xp.concat([columns, tall, columns], axis=-1)


@conv2d.inputs
def draw_images(rng, n, C, H, W, out):
    K = rng.normal(size=(out, C, 3, 3)) / (9 * C) ** 0.5
    return {"x": rng.normal(size=(n, C, H, W)), "K": K}


@conv2d.formula("vjp")
def conv2d_vjp(xp, x, K, w):
    """w convolved with the kernel turned by half a turn, and Σ w times what each element sees."""
    turned = xp.flip(xp.permute_dims(K, (1, 0, 2, 3)), axis=(2, 3))
    return correlate(xp, pad(xp, w, 1), turned), seen_by_kernel(xp, w, pad(xp, x, 1))


def seen_by_kernel(xp, y, x):
    """Σ_nhw y_nohw x_nc(h + p)(w + q): (n, out, ...), (n, C, ...) -> (out, C, 3, 3)."""
    seen = [xp.einsum("nohw,nchw->oc", y, window(x, p, q)) for p, q in OFFSETS]
    return xp.reshape(xp.stack(seen, axis=-1), (y.shape[1], x.shape[1], 3, 3))


@conv2d.implementation("torch", name="F.conv2d")
def torch_conv2d(x, K):
    import torch

    return torch.nn.functional.conv2d(x, K, padding=1)


@conv2d.implementation("jax", name="lax.conv")
def jax_conv2d(x, K):
    import jax

    return jax.lax.conv(x, K, (1, 1), "SAME")


@xgrad.case(
    wrt=("x", "K"),
    sizes={
        "small": {"n": 1, "C": 1, "H": 3, "W": 3, "out": 2},
        "medium": {"n": 2, "C": 3, "H": 6, "W": 6, "out": 4},
        "large": {"n": 4, "C": 32, "H": 14, "W": 14, "out": 32},
    },
    operators=("vjp",),
    source="Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, "
    "arXiv:1603.07285, chapter 4",
)
def transposed_conv2d(xp, x, K):  # x (n, C, H, W), K (C, out, 3, 3) -> (n, out, 2H + 1, 2W + 1)
    """y_o(2h + p)(2w + q) = Σ K_copq x_chw: the transpose of a convolution with stride 2."""
    turned = xp.flip(xp.permute_dims(K, (1, 0, 2, 3)), axis=(2, 3))
    return correlate(xp, pad(xp, spread(xp, x), 2), turned)


def spread(xp, x):
    """Zeros between the pixels: (..., H, W) -> (..., 2H − 1, 2W − 1)."""
    *lead, H, W = x.shape
    none = xp.zeros(x.shape)
    rows = xp.reshape(xp.stack([x, none], axis=-2), (*lead, 2 * H, W))
    none = xp.zeros(rows.shape)
    return xp.reshape(xp.stack([rows, none], axis=-1), (*lead, 2 * H, 2 * W))[..., :-1, :-1]


@transposed_conv2d.inputs
def draw_transposed(rng, n, C, H, W, out):
    K = rng.normal(size=(C, out, 3, 3)) / (3 * C) ** 0.5
    return {"x": rng.normal(size=(n, C, H, W)), "K": K}


@transposed_conv2d.formula("vjp")
def transposed_vjp(xp, x, K, w):
    """The convolution with stride 2 of w, and Σ x times what each element of it sees of w."""
    dx = correlate(xp, w, K)[..., ::2, ::2]
    return dx, seen_by_kernel(xp, spread(xp, x), w)


@transposed_conv2d.implementation("torch", name="F.conv_transpose2d")
def torch_transposed(x, K):
    import torch

    return torch.nn.functional.conv_transpose2d(x, K, stride=2)


@transposed_conv2d.implementation("jax", name="lax.conv_transpose")
def jax_transposed(x, K):
    import jax

    axes = ("NCHW", "OIHW", "NCHW")
    return jax.lax.conv_transpose(
        x, K, (2, 2), "VALID", dimension_numbers=axes, transpose_kernel=True
    )
