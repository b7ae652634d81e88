"""A trained network's output with respect to its input: the check that float32 steps spoil."""

from functools import lru_cache

import numpy as np

import xgrad

# Steps as people write them by hand: 1e-6 is far below what float32 resolves here.
BY_HAND = ("numpy.differences:forward@1e-6", "numpy.differences:central@1e-6")


@xgrad.case(
    wrt="x",
    sizes={
        "small": {"d": 4, "hidden": 16},
        "medium": {"d": 50, "hidden": 64},
        "large": {"d": 500, "hidden": 256},
    },
    operators=("value", "gradient"),
    methods=BY_HAND,
    source="Rumelhart, Hinton & Williams 1986, Nature 323, 533-536; Goodfellow, Bengio & "
    "Courville 2016, Deep Learning, section 6.5.6",
)
def mlp_input(xp, x, W1, b1, W2, b2, w3, b3):  # x (d,) -> ()
    """w₃ · tanh(W₂ tanh(W₁ x + b₁) + b₂) + b₃."""
    h = xp.tanh(xp.matmul(W1, x) + b1)
    k = xp.tanh(xp.matmul(W2, h) + b2)
    return xp.sum(w3 * k) + b3


@mlp_input.inputs
def draw(rng, d, hidden):
    """A point near the training data, and the weights that the training arrived at."""
    return {"x": rng.normal(size=d), **trained(d, hidden)}


@mlp_input.formula("gradient")
def backpropagation(xp, x, W1, b1, W2, b2, w3, b3):
    """W₁ᵀ ((1 − h²) ∘ W₂ᵀ ((1 − k²) ∘ w₃))."""
    h = xp.tanh(xp.matmul(W1, x) + b1)
    k = xp.tanh(xp.matmul(W2, h) + b2)
    return xp.matmul(W1.T, (1 - h * h) * xp.matmul(W2.T, (1 - k * k) * w3))


@lru_cache(maxsize=8)
def trained(d, hidden, steps=200, rate=0.05):
    """Weights after a short training run on a smooth function, from a fixed seed."""
    rng = np.random.default_rng(1986)
    data = rng.normal(size=(64, d))
    target = 0.5 + np.sin(data[:, 0]) / (1 + data[:, 1 % d] ** 2)
    W1, b1 = rng.normal(size=(hidden, d)) / np.sqrt(d), np.zeros(hidden)
    W2, b2 = rng.normal(size=(hidden, hidden)) / np.sqrt(hidden), np.zeros(hidden)
    w3, b3 = rng.normal(size=hidden) / np.sqrt(hidden), 0.0
    for _ in range(steps):
        h = np.tanh(data @ W1.T + b1)
        k = np.tanh(h @ W2.T + b2)
        miss = (k @ w3 + b3 - target) / len(data)
        dk = np.outer(miss, w3) * (1 - k**2)
        dh = dk @ W2 * (1 - h**2)
        w3, b3 = w3 - rate * k.T @ miss, b3 - rate * miss.sum()
        W2, b2 = W2 - rate * dk.T @ h, b2 - rate * dk.sum(axis=0)
        W1, b1 = W1 - rate * dh.T @ data, b1 - rate * dh.sum(axis=0)
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "w3": w3, "b3": np.asarray(b3)}
