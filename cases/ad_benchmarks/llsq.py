"""Least squares: a polynomial fitted to the sign function on [−1, 1]."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    sizes={
        "small": {"m": 4, "n": 16},
        "medium": {"m": 128, "n": 512},
        "large": {"m": 128, "n": 16_392},
    },
    operators=("gradient", "hvp"),
    source="cmpad, llsq_obj, https://cmpad.readthedocs.io/llsq_obj.html; "
    "GradBench 2025, evals/llsq/README.md, https://github.com/gradbench/gradbench",
)
def llsq(xp, x, t):  # x (m,), t (n,) -> ()
    """½ Σᵢ (sign tᵢ − Σⱼ xⱼ tᵢʲ)², j from 0."""
    return xp.sum((xp.sign(t) - polynomial(xp, x, t)) ** 2) / 2


def powers(xp, t, m):
    """t to t^(m − 1): (n, m − 1)."""
    return xp.cumulative_prod(xp.broadcast_to(t[:, None], (t.shape[0], m - 1)), axis=1)


def polynomial(xp, x, t):
    """Σⱼ xⱼ tʲ: (n,)."""
    return x[0] + xp.matmul(powers(xp, t, x.shape[0]), x[1:])


def moments(xp, r, t, m):
    """Σᵢ rᵢ tᵢʲ, the transpose of `polynomial`: (m,)."""
    return xp.concat([xp.sum(r, keepdims=True), xp.matmul(r, powers(xp, t, m))])


@llsq.inputs
def draw(rng, m, n):
    return {"x": rng.uniform(size=m), "t": np.linspace(-1, 1, n)}


@llsq.formula("gradient")
def gradient(xp, x, t):
    """Σᵢ (Σₖ xₖ tᵢᵏ − sign tᵢ) tᵢʲ."""
    return moments(xp, polynomial(xp, x, t) - xp.sign(t), t, x.shape[0])


@llsq.formula("hvp")
def hvp(xp, x, t, v):
    """Σᵢ Σₖ vₖ tᵢᵏ tᵢʲ."""
    return moments(xp, polynomial(xp, v, t), t, x.shape[0])
