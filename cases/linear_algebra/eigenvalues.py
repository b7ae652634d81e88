"""Eigenvalues and eigenspaces of a symmetric matrix, along symmetric directions."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 200}}


def draw(rng, n):
    """Eigenvalues about 1 apart, on either side of 0."""
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return {"S": symmetrised((Q * (np.arange(n) - n / 3 + rng.uniform(0, 0.5, size=n))) @ Q.T)}


def symmetrised(M):
    return (M + M.T) / 2


def symmetric(rng, S):
    return symmetrised(rng.normal(size=S.shape))


@xgrad.case(
    wrt="S",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 67; Magnus 1985, On differentiating "
    "eigenvalues and eigenvectors, Econometric Theory 1, 179-191, theorem 1",
)
def eigenvalues(xp, S):  # S (n, n) symmetric -> (n,)
    """The eigenvalues λ of S, ascending."""
    return xp.linalg.eigvalsh(S)


eigenvalues.inputs(draw)
eigenvalues.direction(symmetric)


@eigenvalues.implementation("torch", name="linalg.eigh")
def torch_eigh(S):
    import torch

    return torch.linalg.eigh(S).eigenvalues


@eigenvalues.implementation("jax", name="lax.linalg.eigh")
def jax_eigh(S):
    import jax

    return jax.lax.linalg.eigh(S)[1]


@eigenvalues.formula("jvp")
def push_eigenvalues(xp, S, v):
    """dλᵢ = vᵢᵀ V vᵢ, vᵢ the eigenvectors."""
    vectors = xp.linalg.eigh(S).eigenvectors
    return xp.sum(vectors * xp.matmul(v, vectors), axis=0)


@eigenvalues.formula("vjp")
def pull_eigenvalues(xp, S, w):
    """Σ wᵢ vᵢ vᵢᵀ."""
    vectors = xp.linalg.eigh(S).eigenvectors
    return xp.matmul(vectors * w, vectors.T)


@xgrad.case(
    wrt="S",
    sizes=SIZES,
    operators=("jvp", "vjp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 68; "
    "Kato 1995, Perturbation Theory for Linear Operators, section II.2.1",
)
def principal_projector(xp, S):  # S (n, n) symmetric -> (n, n)
    """P = Σ v vᵀ over the eigenvectors of the two largest eigenvalues: no sign shows in it."""
    top = xp.linalg.eigh(S).eigenvectors[:, -2:]
    return xp.matmul(top, top.T)


principal_projector.inputs(draw)
principal_projector.direction(symmetric)
principal_projector.known(
    "torch.forward",
    "forward mode takes unit vectors, which are no symmetric directions",
    operator="vjp",
)


def spaces(xp, S):
    """Bases of the other eigenvectors and of the top two, and the gaps of their eigenvalues."""
    values, vectors = xp.linalg.eigh(S)
    return vectors[:, :-2], vectors[:, -2:], values[None, -2:] - values[:-2, None]


@principal_projector.formula("jvp")
def push_projector(xp, S, v):
    """X + Xᵀ with X = L ((Lᵀ V T) / gaps) Tᵀ, T the top eigenvectors, L the others."""
    low, top, gaps = spaces(xp, S)
    turn = xp.matmul(xp.matmul(low.T, v), top) / gaps
    half = xp.matmul(xp.matmul(low, turn), top.T)
    return half + half.T


@principal_projector.formula("vjp")
def pull_projector(xp, S, w):
    """The same of the symmetric part of W: the map is its own adjoint."""
    return push_projector(xp, S, (w + w.T) / 2)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 6}, "medium": {"n": 100}, "large": {"n": 1_000}},
    operators=("gradient", "hvp"),
    source="Trefethen & Bau 1997, Numerical Linear Algebra, lecture 27",
)
def rayleigh_quotient(xp, x, S):  # x (n,), S (n, n) symmetric -> ()
    """xᵀ S x / xᵀ x."""
    return xp.vecdot(x, xp.matmul(S, x)) / xp.vecdot(x, x)


@rayleigh_quotient.inputs
def draw_vector(rng, n):
    return {"x": rng.normal(size=n), "S": symmetrised(rng.normal(size=(n, n)) / np.sqrt(n))}


@rayleigh_quotient.formula("gradient")
def residual(xp, x, S):
    """2 (S x − r x) / xᵀx, r the quotient."""
    return 2 * (xp.matmul(S, x) - rayleigh_quotient(xp, x, S) * x) / xp.vecdot(x, x)


@rayleigh_quotient.formula("hvp")
def along_residual(xp, x, S, v):
    """2 (S v − r v − (gᵀv) x − (xᵀv) g) / xᵀx, g the gradient."""
    r, g = rayleigh_quotient(xp, x, S), residual(xp, x, S)
    turned = xp.matmul(S, v) - r * v - xp.vecdot(g, v) * x - xp.vecdot(x, v) * g
    return 2 * turned / xp.vecdot(x, x)
