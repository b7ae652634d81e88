"""Rotary position embedding: pairs of features turned by an angle that grows with the position."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    sizes={
        "small": {"heads": 2, "tokens": 3, "d": 4},
        "medium": {"heads": 2, "tokens": 16, "d": 16},
        "large": {"heads": 8, "tokens": 512, "d": 64},
    },
    operators=("vjp", "jvp"),
    source="Su et al. 2021, RoFormer: enhanced transformer with rotary position embedding, "
    "arXiv:2104.09864, section 3.4.2",
)
def rotary_embedding(xp, x):  # x (heads, tokens, d) -> (heads, tokens, d)
    """The pair (x_2i, x_2i+1) of token t turned by t · 10000^(−2i / d)."""
    return turn(xp, x, angles(xp, x))


def angles(xp, x):
    """t · 10000^(−2i / d) for token t and pair i: (tokens, d / 2)."""
    _, tokens, d = x.shape
    rate = 10_000.0 ** (-np.arange(0, d, 2) / d)
    return xp.asarray(np.arange(tokens)[:, None] * rate)


def turn(xp, x, angle):
    """Every pair of features turned by its angle."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = xp.cos(angle), xp.sin(angle)
    turned = xp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return xp.reshape(turned, x.shape)


@rotary_embedding.inputs
def draw(rng, heads, tokens, d):
    return {"x": rng.normal(size=(heads, tokens, d))}


@rotary_embedding.formula("vjp")
def vjp(xp, x, w):
    """w turned back: a rotation's transpose is its inverse."""
    return turn(xp, w, -angles(xp, x))


@rotary_embedding.formula("jvp")
def jvp(xp, x, v):
    """v turned as x is: the map is linear."""
    return turn(xp, v, angles(xp, x))


@rotary_embedding.implementation("torch", name="complex")
def torch_complex(x):
    import torch

    _, tokens, d = x.shape
    rate = 10_000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = (torch.arange(tokens)[:, None] * rate).to(x)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:2], d // 2, 2))
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).reshape(x.shape)
