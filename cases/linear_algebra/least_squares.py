"""Least squares: the solution, the pseudoinverse, and the factor R that they are computed with."""

import numpy as np

import xgrad

SIZES = {"small": {"m": 5, "n": 3}, "medium": {"m": 20, "n": 10}, "large": {"m": 500, "n": 200}}


def draw_matrix(rng, m, n):
    """Singular values from 1/2 to 2."""
    U, V = (np.linalg.qr(rng.normal(size=(k, n)))[0] for k in (m, n))
    return {"A": (U * rng.uniform(0.5, 2.0, size=n)) @ V.T}


@xgrad.case(
    wrt=("A", "b"),
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Golub & Pereyra 1973, The differentiation of pseudo-inverses and nonlinear least "
    "squares problems whose variables separate, SIAM J. Numer. Anal. 10, 413-432",
)
def least_squares(xp, A, b):  # A (m, n), b (m,) -> (n,)
    """x that minimises |A x − b|: R⁻¹ Qᵀ b with A = Q R."""
    Q, R = xp.linalg.qr(A)
    return xp.linalg.solve(R, xp.matmul(Q.T, b))


@least_squares.inputs
def draw_problem(rng, m, n):
    return {**draw_matrix(rng, m, n), "b": rng.normal(size=m)}


@least_squares.implementation("torch", name="linalg.lstsq")
def torch_lstsq(A, b):
    import torch

    return torch.linalg.lstsq(A, b[:, None]).solution[:, 0]


@least_squares.implementation("torch", name="linalg.solve_triangular")
def torch_triangular(A, b):
    import torch

    Q, R = torch.linalg.qr(A)
    return torch.linalg.solve_triangular(R, (Q.T @ b)[:, None], upper=True)[:, 0]


@least_squares.implementation("jax", name="numpy.linalg.lstsq")
def jax_lstsq(A, b):
    import jax.numpy as jnp

    return jnp.linalg.lstsq(A, b)[0]


def normal_solve(xp, A, c):
    """(AᵀA)⁻¹ c = R⁻¹ R⁻ᵀ c."""
    R = xp.linalg.qr(A).R
    return xp.linalg.solve(R, xp.linalg.solve(R.T, c))


@least_squares.formula("jvp")
def push_solution(xp, A, b, v):
    """(AᵀA)⁻¹ dAᵀ r + A⁺ (db − dA x), r = b − A x."""
    dA, db = v
    x = least_squares(xp, A, b)
    r = b - xp.matmul(A, x)
    return normal_solve(xp, A, xp.matmul(dA.T, r)) + least_squares(xp, A, db - xp.matmul(dA, x))


@least_squares.formula("vjp")
def pull_solution(xp, A, b, w):
    """(r zᵀ − A z xᵀ, A z) with z = (AᵀA)⁻¹ w."""
    x, z = least_squares(xp, A, b), normal_solve(xp, A, w)
    r, u = b - xp.matmul(A, x), xp.matmul(A, z)
    return r[:, None] * z[None, :] - u[:, None] * x[None, :], u


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413-432, eq. 4.12",
)
def pseudoinverse(xp, A):  # A (m, n) of full column rank -> (n, m)
    """A⁺ = (AᵀA)⁻¹ Aᵀ."""
    return xp.linalg.pinv(A)


pseudoinverse.inputs(draw_matrix)


@pseudoinverse.formula("jvp")
def push_pseudoinverse(xp, A, v):
    """−A⁺ V A⁺ + A⁺ A⁺ᵀ Vᵀ (I − A A⁺)."""
    P = xp.linalg.pinv(A)
    turned = xp.matmul(xp.matmul(P, P.T), v.T)
    outside = turned - xp.matmul(xp.matmul(turned, A), P)
    return outside - xp.matmul(xp.matmul(P, v), P)


@pseudoinverse.formula("vjp")
def pull_pseudoinverse(xp, A, w):
    """−A⁺ᵀ W A⁺ᵀ + (I − A A⁺) Wᵀ A⁺ A⁺ᵀ."""
    P = xp.linalg.pinv(A)
    turned = xp.matmul(w.T, xp.matmul(P, P.T))
    outside = turned - xp.matmul(A, xp.matmul(P, turned))
    return outside - xp.matmul(xp.matmul(P.T, w), P.T)


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Walter & Lehmann 2010, Algorithmic differentiation of linear algebra functions with "
    "application in optimum experimental design, arXiv:1001.1654",
)
def triangular_factor(xp, A):  # A (m, n) -> (n, n)
    """R of A = Q R, with LAPACK's signs."""
    return xp.linalg.qr(A).R


triangular_factor.inputs(draw_matrix)


@triangular_factor.formula("jvp")
def push_factor(xp, A, v):
    """(C − Ω) R with C = Qᵀ V R⁻¹ and the skew Ω that has its lower triangle."""
    Q, R = xp.linalg.qr(A)
    C = xp.matmul(xp.matmul(Q.T, v), xp.linalg.inv(R))
    low = xp.tril(C, k=-1)
    return xp.matmul(C - low + low.T, R)


@triangular_factor.formula("vjp")
def pull_factor(xp, A, w):
    """Q M R⁻ᵀ, M symmetric with the lower triangle of R Wᵀ: W below the diagonal does not count."""
    Q, R = xp.linalg.qr(A)
    M = xp.matmul(R, xp.triu(w).T)
    M = xp.tril(M) + xp.tril(M, k=-1).T
    return xp.matmul(xp.matmul(Q, M), xp.linalg.inv(R).T)
