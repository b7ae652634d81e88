"""Norms and approximations by singular values."""

import numpy as np

import xgrad

SIZES = {"small": {"m": 5, "n": 3}, "medium": {"m": 20, "n": 12}, "large": {"m": 300, "n": 100}}


def draw(rng, m, n):
    """Singular values from 1 to n, about 1 apart."""
    U, V = (np.linalg.qr(rng.normal(size=(k, n)))[0] for k in (m, n))
    return {"A": (U * (1 + np.arange(n) + rng.uniform(0, 0.5, size=n))) @ V.T}


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Watson 1992, Characterization of the subdifferential of some matrix norms, "
    "Linear Algebra and its Applications 170, 33-45",
)
def nuclear_norm(xp, A):  # A (m, n) -> ()
    """The sum of the singular values of A."""
    return xp.sum(xp.linalg.svdvals(A))


nuclear_norm.inputs(draw)


@nuclear_norm.implementation("torch", name="linalg.matrix_norm")
def torch_nuclear_norm(A):
    import torch

    return torch.linalg.matrix_norm(A, ord="nuc")


@nuclear_norm.implementation("jax", name="numpy.linalg.norm")
def jax_nuclear_norm(A):
    import jax.numpy as jnp

    return jnp.linalg.norm(A, ord="nuc")


@nuclear_norm.formula("gradient")
def polar_factor(xp, A):
    """U Vᵀ."""
    U, _, Vh = xp.linalg.svd(A, full_matrices=False)
    return xp.matmul(U, Vh)


@nuclear_norm.formula("hvp")
def along_polar_factor(xp, A, v):
    """U ((M − Mᵀ) / (σᵢ + σⱼ)) Vᵀ + (I − U Uᵀ) D V Σ⁻¹ Vᵀ along D, with M = Uᵀ D V."""
    U, s, Vh = xp.linalg.svd(A, full_matrices=False)
    D = xp.matmul(v, Vh.T)
    M = xp.matmul(U.T, D)
    turn = (M - M.T) / (s[:, None] + s[None, :])
    return xp.matmul(xp.matmul(U, turn) + (D - xp.matmul(U, M)) / s, Vh)


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    source="Giles 2008, An extended collection of matrix derivative results for forward and "
    "reverse mode algorithmic differentiation, spectral norm",
)
def spectral_norm(xp, A):  # A (m, n) -> ()
    """The largest singular value of A."""
    return xp.linalg.matrix_norm(A, ord=2)


spectral_norm.inputs(draw)


@spectral_norm.formula("gradient")
def leading_pair(xp, A):
    """u₁ v₁ᵀ, the singular vectors of the largest."""
    U, _, Vh = xp.linalg.svd(A, full_matrices=False)
    return U[:, 0][:, None] * Vh[0, :][None, :]


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    source="Golub & Van Loan 2013, Matrix Computations, theorem 2.4.8 (Eckart and Young 1936)",
)
def low_rank_error(xp, A):  # A (m, n) -> ()
    """½ |A − A₂|² in the Frobenius norm, A₂ the best approximation of rank 2."""
    return xp.sum((A - rank_two(xp, A)) ** 2) / 2


def rank_two(xp, A):
    """u₁ σ₁ v₁ᵀ + u₂ σ₂ v₂ᵀ."""
    U, s, Vh = xp.linalg.svd(A, full_matrices=False)
    return xp.matmul(U[:, :2] * s[:2], Vh[:2, :])


low_rank_error.inputs(draw)


@low_rank_error.formula("gradient")
def remainder(xp, A):
    """A − A₂: at the best approximation its own derivative drops out."""
    return A - rank_two(xp, A)
