"""Weight normalization: the length of every row of weights apart from its direction."""

import xgrad


@xgrad.case(
    wrt=("V", "g"),
    sizes={
        "small": {"out": 4, "d": 5},
        "medium": {"out": 16, "d": 32},
        "large": {"out": 512, "d": 512},
    },
    operators=("vjp",),
    source="Salimans & Kingma 2016, Weight normalization, arXiv:1602.07868, eq. 2 and 3",
)
def weight_norm(xp, V, g):  # V (out, d), g (out, 1) -> (out, d)
    """g v / |v| for every row v."""
    return g * V / length(xp, V)


def length(xp, V):
    """|v| of every row: (out, 1)."""
    return xp.sqrt(xp.sum(V * V, axis=1, keepdims=True))


@weight_norm.inputs
def draw(rng, out, d):
    return {"V": rng.normal(size=(out, d)), "g": rng.uniform(0.5, 1.5, size=(out, 1))}


@weight_norm.formula("vjp")
def vjp(xp, V, g, w):
    """g / |v| (w − u (u·w)) and u·w, u = v / |v|."""
    norm = length(xp, V)
    u = V / norm
    along = xp.sum(u * w, axis=1, keepdims=True)
    return g / norm * (w - u * along), along


@weight_norm.implementation("torch", name="_weight_norm")
def torch_weight_norm(V, g):
    import torch

    return torch._weight_norm(V, g, 0)
