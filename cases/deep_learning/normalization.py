"""Normalization layers: x̂ = (x − mean) / √(var + ε) over the features, the batch or a group."""

import xgrad

EPSILON = 1e-5


def standardize(xp, x, axis):
    """x̂ and 1 / √(var + ε), the mean and the variance being those of x along the axes."""
    centred = x - xp.mean(x, axis=axis, keepdims=True)
    scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=axis, keepdims=True) + EPSILON)
    return centred * scale, scale


def turn(xp, w, x_hat, scale, axis):
    """scale (w − mean w − x̂ mean(w x̂)): the Jacobian of x̂ is symmetric, so jvp and vjp alike."""
    along = xp.mean(w * x_hat, axis=axis, keepdims=True)
    return scale * (w - xp.mean(w, axis=axis, keepdims=True) - x_hat * along)


@xgrad.case(
    wrt=("x", "gain", "bias"),
    sizes={
        "small": {"tokens": 4, "d": 6},
        "medium": {"tokens": 16, "d": 32},
        "large": {"tokens": 512, "d": 768},
    },
    operators=("vjp", "jvp"),
    source="Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450, section 3",
)
def layer_norm(xp, x, gain, bias):  # x (tokens, d), gain (d,), bias (d,) -> (tokens, d)
    """g x̂ + b, x̂ = (x − mean x) / √(var x + ε) over the features of each token."""
    x_hat, _ = standardize(xp, x, -1)
    return gain * x_hat + bias


@layer_norm.inputs
def draw_tokens(rng, tokens, d):
    return {
        "x": 0.5 + rng.normal(size=(tokens, d)),
        "gain": rng.uniform(0.5, 1.5, size=d),
        "bias": rng.normal(size=d),
    }


@layer_norm.formula("vjp")
def layer_norm_vjp(xp, x, gain, bias, w):
    """(gw − mean(gw) − x̂ mean(gw x̂)) / √(var + ε), Σ w x̂ and Σ w."""
    x_hat, scale = standardize(xp, x, -1)
    dx = turn(xp, gain * w, x_hat, scale, -1)
    return dx, xp.sum(w * x_hat, axis=0), xp.sum(w, axis=0)


@layer_norm.formula("vjp", name="constant_statistics", default=False)
def constant_statistics(xp, x, gain, bias, w):
    """g w / √(var + ε) in place of the first: mean and variance taken for constants."""
    x_hat, scale = standardize(xp, x, -1)
    return gain * w * scale, xp.sum(w * x_hat, axis=0), xp.sum(w, axis=0)


@layer_norm.formula("jvp")
def layer_norm_jvp(xp, x, gain, bias, v):
    """g (v − mean v − x̂ mean(v x̂)) / √(var + ε) + v_g x̂ + v_b."""
    v_x, v_gain, v_bias = v
    x_hat, scale = standardize(xp, x, -1)
    return gain * turn(xp, v_x, x_hat, scale, -1) + v_gain * x_hat + v_bias


@layer_norm.implementation("torch", name="F.layer_norm")
def torch_layer_norm(x, gain, bias):
    import torch

    return torch.nn.functional.layer_norm(x, gain.shape, gain, bias, eps=EPSILON)


@layer_norm.implementation("jax", name="nn.standardize")
def jax_standardize(x, gain, bias):
    import jax

    return gain * jax.nn.standardize(x, axis=-1, epsilon=EPSILON) + bias


@xgrad.case(
    wrt=("x", "gain"),
    sizes=layer_norm.sizes,
    operators=("vjp",),
    source="Zhang & Sennrich 2019, Root mean square layer normalization, arXiv:1910.07467, "
    "section 4",
)
def rms_norm(xp, x, gain):  # x (tokens, d), gain (d,) -> (tokens, d)
    """g x / √(mean x² + ε) over the features of each token."""
    return gain * x * inverse_root_mean_square(xp, x)


def inverse_root_mean_square(xp, x):
    """1 / √(mean x² + ε) of each token: (tokens, 1)."""
    return 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + EPSILON)


@rms_norm.inputs
def draw_without_bias(rng, tokens, d):
    drawn = draw_tokens(rng, tokens, d)
    return {"x": drawn["x"], "gain": drawn["gain"]}


@rms_norm.formula("vjp")
def rms_norm_vjp(xp, x, gain, w):
    """r (gw − x̂ mean(gw x̂)) with x̂ = r x, r = 1 / √(mean x² + ε), and Σ w x̂."""
    scale = inverse_root_mean_square(xp, x)
    x_hat = x * scale
    along = xp.mean(gain * w * x_hat, axis=-1, keepdims=True)
    return scale * (gain * w - x_hat * along), xp.sum(w * x_hat, axis=0)


@rms_norm.implementation("torch", name="F.rms_norm")
def torch_rms_norm(x, gain):
    import torch

    return torch.nn.functional.rms_norm(x, gain.shape, gain, eps=EPSILON)


@xgrad.case(
    wrt=("x", "gain", "bias"),
    sizes={
        "small": {"n": 4, "C": 2, "H": 2, "W": 2},
        "medium": {"n": 8, "C": 4, "H": 4, "W": 4},
        "large": {"n": 32, "C": 64, "H": 14, "W": 14},
    },
    operators=("vjp",),
    source="Ioffe & Szegedy 2015, Batch normalization, arXiv:1502.03167, algorithm 1 and section 3",
)
def batch_norm(xp, x, gain, bias):  # x (n, C, H, W), gain (C,), bias (C,) -> (n, C, H, W)
    """g x̂ + b, x̂ over the batch and the pixels of each channel, as in training."""
    x_hat, _ = standardize(xp, x, (0, 2, 3))
    return channels(gain) * x_hat + channels(bias)


def channels(a):
    """(C,) -> (C, 1, 1), beside images."""
    return a[:, None, None]


@batch_norm.inputs
def draw_images(rng, n, C, H, W):
    return {
        "x": 0.5 + rng.normal(size=(n, C, H, W)),
        "gain": rng.uniform(0.5, 1.5, size=C),
        "bias": rng.normal(size=C),
    }


@batch_norm.formula("vjp")
def batch_norm_vjp(xp, x, gain, bias, w):
    """g (w − mean w − x̂ mean(w x̂)) / √(var + ε), Σ w x̂ and Σ w."""
    batch = (0, 2, 3)
    x_hat, scale = standardize(xp, x, batch)
    dx = channels(gain) * turn(xp, w, x_hat, scale, batch)
    return dx, xp.sum(w * x_hat, axis=batch), xp.sum(w, axis=batch)


@batch_norm.implementation("torch", name="F.batch_norm")
def torch_batch_norm(x, gain, bias):
    import torch

    return torch.nn.functional.batch_norm(x, None, None, gain, bias, training=True, eps=EPSILON)


@xgrad.case(
    wrt=("x", "gain", "bias"),
    sizes={
        "small": {"n": 2, "C": 4, "H": 2, "W": 2},
        "medium": {"n": 4, "C": 8, "H": 4, "W": 4},
        "large": {"n": 32, "C": 64, "H": 14, "W": 14},
    },
    operators=("vjp",),
    source="Wu & He 2018, Group normalization, arXiv:1803.08494, section 3.1",
)
def group_norm(xp, x, gain, bias):  # x (n, C, H, W), gain (C,), bias (C,) -> (n, C, H, W)
    """g x̂ + b, x̂ over the pixels and channels of each half of the channels of each image."""
    x_hat, _ = standardize(xp, halves(xp, x), -1)
    return channels(gain) * xp.reshape(x_hat, x.shape) + channels(bias)


def halves(xp, x):
    """Images as two groups of channels: (n, C, H, W) -> (n, 2, CHW / 2)."""
    n, C, H, W = x.shape
    return xp.reshape(x, (n, 2, C * H * W // 2))


group_norm.inputs(draw_images)


@group_norm.formula("vjp")
def group_norm_vjp(xp, x, gain, bias, w):
    """(gw − mean(gw) − x̂ mean(gw x̂)) / √(var + ε), Σ w x̂ and Σ w."""
    x_hat, scale = standardize(xp, halves(xp, x), -1)
    dx = turn(xp, halves(xp, channels(gain) * w), x_hat, scale, -1)
    rest = (0, 2, 3)
    dgain = xp.sum(w * xp.reshape(x_hat, x.shape), axis=rest)
    return xp.reshape(dx, x.shape), dgain, xp.sum(w, axis=rest)


@group_norm.implementation("torch", name="F.group_norm")
def torch_group_norm(x, gain, bias):
    import torch

    return torch.nn.functional.group_norm(x, 2, gain, bias, eps=EPSILON)
