"""The Cholesky factor of a symmetric positive definite matrix, along symmetric directions."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 300}}
UNIT_VECTORS = "forward mode takes unit vectors, which are no symmetric directions"
ONE_TRIANGLE = "its gradient is not symmetric: it agrees along symmetric directions only"


def draw(rng, n):
    root = rng.normal(size=(n, 2 * n)) / np.sqrt(2 * n)
    return {"S": root @ root.T + 0.5 * np.eye(n)}


def symmetric(rng, S, **rest):
    v = rng.normal(size=S.shape)
    return v + v.T


def lower_half(xp, M):
    """The lower triangle, with half of the diagonal."""
    return (xp.tril(M) + xp.tril(M, k=-1)) / 2


@xgrad.case(
    wrt="S",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Murray 2016, Differentiation of the Cholesky decomposition, arXiv:1602.07527, "
    "section 3; Giles 2008, An extended collection of matrix derivative results",
)
def cholesky(xp, S):  # S (n, n) symmetric -> (n, n)
    """L lower triangular with L Lᵀ = S."""
    return xp.linalg.cholesky(S)


cholesky.inputs(draw)
cholesky.direction(symmetric)


@cholesky.implementation("torch", name="linalg.cholesky_ex")
def torch_cholesky_ex(S):
    import torch

    return torch.linalg.cholesky_ex(S).L


@cholesky.implementation("jax", name="scipy.linalg.cholesky")
def jax_cholesky(S):
    import jax

    return jax.scipy.linalg.cholesky(S, lower=True)


cholesky.known("torch.forward", UNIT_VECTORS, operator="vjp")
cholesky.known("jax.reverse:scipy.linalg.cholesky", ONE_TRIANGLE, operator="vjp")


@cholesky.formula("jvp")
def push_cholesky(xp, S, v):
    """L Φ(L⁻¹ V L⁻ᵀ), Φ the lower triangle with half of the diagonal."""
    L = xp.linalg.cholesky(S)
    inverse = xp.linalg.inv(L)
    return xp.matmul(L, lower_half(xp, xp.matmul(xp.matmul(inverse, v), inverse.T)))


@cholesky.formula("vjp")
def pull_cholesky(xp, S, w):
    """The symmetric part of L⁻ᵀ Φ(Lᵀ W) L⁻¹: W above the diagonal does not count."""
    L = xp.linalg.cholesky(S)
    inverse = xp.linalg.inv(L)
    P = lower_half(xp, xp.matmul(L.T, xp.tril(w)))
    return xp.matmul(xp.matmul(inverse.T, (P + P.T) / 2), inverse)


@xgrad.case(
    wrt="S",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 57; "
    "Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, eq. A.18",
)
def cholesky_log_determinant(xp, S):  # S (n, n) symmetric -> ()
    """log det S = 2 Σ log Lᵢᵢ with S = L Lᵀ."""
    return 2 * xp.sum(xp.log(xp.linalg.diagonal(xp.linalg.cholesky(S))))


cholesky_log_determinant.inputs(draw)
cholesky_log_determinant.direction(symmetric)


@cholesky_log_determinant.formula("gradient")
def inverse(xp, S):
    """S⁻¹."""
    return xp.linalg.inv(S)


@cholesky_log_determinant.formula("hvp")
def along_inverse(xp, S, v):
    """−S⁻¹ V S⁻¹."""
    inverse = xp.linalg.inv(S)
    return -xp.matmul(xp.matmul(inverse, v), inverse)


@xgrad.case(
    wrt=("S", "b"),
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Golub & Van Loan 2013, Matrix Computations, section 4.2.5; "
    "Giles 2008, An extended collection of matrix derivative results, section 2.3.1",
)
def cholesky_solution(xp, S, b):  # S (n, n) symmetric, b (n,) -> (n,)
    """x with S x = b, by the factor of S = L Lᵀ: L⁻ᵀ L⁻¹ b."""
    L = xp.linalg.cholesky(S)
    return xp.linalg.solve(L.T, xp.linalg.solve(L, b))


@cholesky_solution.inputs
def draw_system(rng, n):
    return {**draw(rng, n), "b": rng.normal(size=n)}


@cholesky_solution.direction
def symmetric_and_free(rng, S, b):
    return symmetric(rng, S), rng.normal(size=b.shape)


@cholesky_solution.implementation("torch", name="cholesky_solve")
def torch_cholesky_solve(S, b):
    import torch

    return torch.cholesky_solve(b[:, None], torch.linalg.cholesky(S))[:, 0]


@cholesky_solution.implementation("jax", name="scipy.linalg.cho_solve")
def jax_cho_solve(S, b):
    import jax

    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(S, lower=True), b)


cholesky_solution.known("torch.forward", UNIT_VECTORS, operator="vjp")
cholesky_solution.known("jax.reverse:scipy.linalg.cho_solve", ONE_TRIANGLE, operator="vjp")


@cholesky_solution.formula("jvp")
def push_solution(xp, S, b, v):
    """S⁻¹ (db − dS x)."""
    dS, db = v
    return cholesky_solution(xp, S, db - xp.matmul(dS, cholesky_solution(xp, S, b)))


@cholesky_solution.formula("vjp")
def pull_solution(xp, S, b, w):
    """(−(z xᵀ + x zᵀ) / 2, z) with z = S⁻¹ w."""
    x, z = cholesky_solution(xp, S, b), cholesky_solution(xp, S, w)
    outer = z[:, None] * x[None, :]
    return -(outer + outer.T) / 2, z
