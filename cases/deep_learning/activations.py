"""Smooth activations: GELU, its tanh approximation, and SiLU, element by element."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 10}, "medium": {"n": 1_000}, "large": {"n": 100_000}}
ROOT, CUBE = (2 / np.pi) ** 0.5, 0.044715  # as the authors fitted them


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("derivative", "second_derivative"),
    source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415, section 2",
)
def gelu(xp, x):  # x (n,) -> (n,)
    """x Φ(x), Φ the standard normal distribution function."""
    return x * normal_distribution(xp, x)


def normal_distribution(xp, x):
    """Φ(x) = erfc(−x / √2) / 2, which keeps its digits in the left tail."""
    return xp.erfc(-x / xp.sqrt(xp.asarray(2.0))) / 2


def normal_density(xp, x):
    """φ(x) = exp(−x² / 2) / √(2π)."""
    return xp.exp(-x * x / 2) / xp.sqrt(2 * xp.asarray(xp.pi))


@gelu.inputs
def draw(rng, n):
    return {"x": rng.uniform(-2, 3, size=n)}


@gelu.point("tail")
def tail():
    """Where 1 + erf(x / √2), which torch takes, cancels."""
    return {"x": np.linspace(-5.5, -4, 7)}


@gelu.formula("derivative")
def gelu_derivative(xp, x):
    """Φ(x) + x φ(x)."""
    return normal_distribution(xp, x) + x * normal_density(xp, x)


@gelu.formula("second_derivative")
def gelu_curvature(xp, x):
    """(2 − x²) φ(x)."""
    return (2 - x * x) * normal_density(xp, x)


@gelu.implementation("torch", name="F.gelu")
def torch_gelu(x):
    import torch

    return torch.nn.functional.gelu(x)


@gelu.implementation("jax", name="nn.gelu")
def jax_gelu(x):
    import jax

    return jax.nn.gelu(x, approximate=False)


@xgrad.case(wrt="x", sizes=SIZES, operators=("derivative",), source=gelu.source)
def gelu_tanh(xp, x):  # x (n,) -> (n,)
    """x (1 + tanh u) / 2 = x σ(2u), u = √(2/π) (x + 0.044715 x³)."""
    return x * xp.expit(2 * cubic(x))


def cubic(x):
    """√(2/π) (x + 0.044715 x³)."""
    return ROOT * (x + CUBE * x * x * x)


gelu_tanh.inputs(draw)


@gelu_tanh.point("tail")
def tanh_tail():
    """Where 1 + tanh u, which torch and JAX take, cancels."""
    return {"x": np.linspace(-4, -3, 5)}


@gelu_tanh.formula("derivative")
def gelu_tanh_derivative(xp, x):
    """σ(2u) + 2 x σ(2u) σ(−2u) u', u' = √(2/π) (1 + 3 · 0.044715 x²)."""
    u = cubic(x)
    slope = ROOT * (1 + 3 * (CUBE * x * x))
    return xp.expit(2 * u) * (1 + 2 * x * slope * xp.expit(-2 * u))


@gelu_tanh.implementation("torch", name="F.gelu")
def torch_gelu_tanh(x):
    import torch

    return torch.nn.functional.gelu(x, approximate="tanh")


@gelu_tanh.implementation("jax", name="nn.gelu")
def jax_gelu_tanh(x):
    import jax

    return jax.nn.gelu(x, approximate=True)


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    operators=("derivative",),
    source="Elfwing, Uchibe & Doya 2018, Sigmoid-weighted linear units, arXiv:1702.03118, "
    "section 2; Ramachandran, Zoph & Le 2017, arXiv:1710.05941, section 4",
)
def silu(xp, x):  # x (n,) -> (n,)
    """x σ(x), also called swish."""
    return x * xp.expit(x)


silu.inputs(draw)


@silu.formula("derivative")
def silu_derivative(xp, x):
    """σ(x) (1 + x σ(−x))."""
    return xp.expit(x) * (1 + x * xp.expit(-x))


@silu.implementation("torch", name="F.silu")
def torch_silu(x):
    import torch

    return torch.nn.functional.silu(x)


@silu.implementation("jax", name="nn.silu")
def jax_silu(x):
    import jax

    return jax.nn.silu(x)
