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
    "GradBench 2025, evals/llsq/README.md, https://github.com/gradbench/gradbench; blocks of "
    "powers: Paterson & Stockmeyer 1973, SIAM J. Comput. 2(1), section 2",
)
def llsq(xp, x, t):  # x (m,), t (n,) -> ()
    """½ Σᵢ (sign tᵢ − Σⱼ xⱼ tᵢʲ)², j from 0."""
    r = xp.sign(t) - polynomial(xp, x, t)
    return xp.sum(r * r) / 2


def polynomial(xp, x, t):
    """Σⱼ xⱼ tʲ = Σₐ (Σ_b x_{as+b} tᵇ) (tˢ)ᵃ: (n,)."""
    m, s = x.shape[0], side(x.shape[0])
    inner, outer = blocks(xp, t, m)
    if m % s:
        x = xp.concat([x, xp.zeros(-m % s)])
    table = xp.reshape(x, (-1, s))
    return xp.sum(xp.matmul(inner, xp.matrix_transpose(table)) * outer, axis=1)


def moments(xp, r, t, m):
    """Σᵢ rᵢ tᵢʲ, the transpose of `polynomial`: (m,)."""
    inner, outer = blocks(xp, t, m)
    table = xp.matmul(xp.matrix_transpose(r[:, None] * outer), inner)
    return xp.reshape(table, (-1,))[:m]


def blocks(xp, t, m):
    """tᵇ for b below s, (n, s), and (tˢ)ᵃ for a below m / s: every power below m is a product."""
    s = side(m)
    inner = powers(xp, t, s + 1)
    return inner[:, :s], powers(xp, inner[:, s], -(-m // s))


def side(m):
    """A power of two s ≥ √m, so that blocks of s powers are about as many as they are long."""
    return 2 ** (((m - 1).bit_length() + 1) // 2)


def powers(xp, t, s):
    """1 to tˢ⁻¹: (n, s)."""
    factors = [xp.ones((t.shape[0], 1)), xp.broadcast_to(t[:, None], (t.shape[0], s - 1))]
    return xp.cumulative_prod(xp.concat(factors, axis=1), axis=1)


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
