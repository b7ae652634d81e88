"""Complex matrices: solutions, least squares, determinants.

Gradients by complex numbers are ∂f/∂re + i ∂f/∂im; w is pulled back to that of Re Σ w̅ y.
"""

import numpy as np

import xgrad

SIZES = {"small": {"n": 3}, "medium": {"n": 12}, "large": {"n": 150}}


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def draw_matrix(rng, n):
    """Singular values from 1/2 to 2."""
    U, V = (np.linalg.qr(draw_complex(rng, n, n))[0] for _ in range(2))
    return {"A": (U * rng.uniform(0.5, 2.0, size=n)) @ V}


@xgrad.case(
    wrt=("A", "b"),
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Giles 2008, Collected matrix derivative results for forward and reverse mode "
    "algorithmic differentiation, section 2.3.1, with conjugate transposes",
)
def complex_solve(xp, A, b):  # A (n, n), b (n,) complex -> (n,)
    """A⁻¹ b."""
    return xp.linalg.solve(A, b)


@complex_solve.inputs
def draw_system(rng, n):
    return {**draw_matrix(rng, n), "b": draw_complex(rng, n)}


@complex_solve.formula("jvp")
def push_solution(xp, A, b, v):
    """A⁻¹ (db − dA x)."""
    dA, db = v
    return xp.linalg.solve(A, db - xp.matmul(dA, xp.linalg.solve(A, b)))


@complex_solve.formula("vjp")
def pull_solution(xp, A, b, w):
    """(−g xᴴ, g) with g = A⁻ᴴ w."""
    x, g = xp.linalg.solve(A, b), xp.linalg.solve(xp.conj(A).T, w)
    return -g[:, None] * xp.conj(x)[None, :], g


@xgrad.case(
    wrt=("z", "A"),
    sizes={"small": {"m": 4, "n": 3}, "medium": {"m": 30, "n": 10}, "large": {"m": 500, "n": 200}},
    source="Kreutz-Delgado 2009, The complex gradient operator and the CR-calculus, "
    "arXiv:0906.4835, section 6",
)
def complex_least_squares(xp, z, A, b):  # z (n,), A (m, n), b (m,) complex -> ()
    """½ |A z − b|²."""
    return xp.sum(xp.abs(xp.matmul(A, z) - b) ** 2) / 2


@complex_least_squares.inputs
def draw_overdetermined(rng, m, n):
    return {"z": draw_complex(rng, n), "A": draw_complex(rng, m, n), "b": draw_complex(rng, m)}


@complex_least_squares.formula("gradient")
def pull_residual(xp, z, A, b):
    """Aᴴ r and r zᴴ with r = A z − b."""
    r = xp.matmul(A, z) - b
    return xp.matmul(xp.conj(A).T, r), r[:, None] * xp.conj(z)[None, :]


@xgrad.case(
    wrt="A",
    sizes=SIZES,
    source="Petersen & Pedersen 2012, The Matrix Cookbook, section 4.3",
)
def complex_log_determinant(xp, A):  # A (n, n) complex -> ()
    """log |det A|."""
    return xp.linalg.slogdet(A)[1]


complex_log_determinant.inputs(draw_matrix)


@complex_log_determinant.formula("gradient")
def pull_determinant(xp, A):
    """A⁻ᴴ."""
    return xp.conj(xp.linalg.inv(A)).T
