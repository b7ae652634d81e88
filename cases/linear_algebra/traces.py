"""Traces of products and of powers."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="X",
    sizes={
        "small": {"p": 4, "m": 3, "n": 2},
        "medium": {"p": 10, "m": 15, "n": 20},
        "large": {"p": 200, "m": 300, "n": 400},
    },
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 118",
)
def trace_of_product(xp, X, A, B, C):  # X (m, n), A (p, m), B (n, n), C (m, p) -> ()
    """tr(A X B Xᵀ C)."""
    return xp.linalg.trace(xp.matmul(xp.matmul(xp.matmul(xp.matmul(A, X), B), X.T), C))


@trace_of_product.inputs
def draw_product(rng, p, m, n):
    shapes = {"X": (m, n), "A": (p, m), "B": (n, n), "C": (m, p)}
    return {name: rng.normal(size=shape) / np.sqrt(shape[1]) for name, shape in shapes.items()}


@trace_of_product.formula("gradient")
def product_gradient(xp, X, A, B, C):
    """Aᵀ Cᵀ X Bᵀ + C A X B."""
    left = xp.matmul(C, A)
    return xp.matmul(xp.matmul(left.T, X), B.T) + xp.matmul(xp.matmul(left, X), B)


@xgrad.case(
    wrt="X",
    sizes={"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 300}},
    operators=("gradient", "hvp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 121 and 90",
)
def trace_of_power(xp, X):  # X (n, n) -> ()
    """tr X⁵."""
    return xp.linalg.trace(xp.linalg.matrix_power(X, 5))


@trace_of_power.inputs
def draw_power(rng, n):
    return {"X": rng.normal(size=(n, n)) / np.sqrt(n) + np.eye(n)}


@trace_of_power.formula("gradient")
def power_gradient(xp, X):
    """5 (X⁴)ᵀ."""
    return 5 * xp.linalg.matrix_power(X, 4).T


@trace_of_power.formula("hvp")
def power_hvp(xp, X, v):
    """5 (V X³ + X V X² + X² V X + X³ V)ᵀ."""
    square = xp.matmul(X, X)
    inner = xp.matmul(v, X) + xp.matmul(X, v)
    return 5 * (xp.matmul(inner, square) + xp.matmul(square, inner)).T
