"""Functions of a matrix: the exponential, and the square root of a symmetric one."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="X",
    sizes={"small": {"n": 3}, "medium": {"n": 12}, "large": {"n": 100}},
    operators=("jvp", "vjp"),
    source="Higham 2008, Functions of Matrices, eq. 3.16 and section 10.2; "
    "Giles 2008, An extended collection of matrix derivative results, section 2.3.5",
)
def matrix_exponential(xp, X):  # X (n, n) -> (n, n)
    """e^X = Σ Xᵏ / k!."""
    return xp.expm(X)


@matrix_exponential.inputs
def draw(rng, n):
    return {"X": rng.normal(size=(n, n)) / np.sqrt(n)}


@matrix_exponential.formula("jvp")
def push_exponential(xp, X, v):
    """The upper right block of exp [[X, V], [0, X]]."""
    n = X.shape[0]
    upper = xp.concat([X, v], axis=1)
    lower = xp.concat([xp.zeros_like(X), X], axis=1)
    return xp.expm(xp.concat([upper, lower], axis=0))[:n, n:]


@matrix_exponential.formula("vjp")
def pull_exponential(xp, X, w):
    """The same of Xᵀ along W."""
    return push_exponential(xp, X.T, w)


@matrix_exponential.formula("jvp", name="scipy", frameworks=("numpy",))
def scipy_push(xp, X, v):
    """scipy.linalg.expm_frechet."""
    import scipy.linalg

    return xp.astype(scipy.linalg.expm_frechet(X, v, compute_expm=False), X.dtype)


@xgrad.case(
    wrt="S",
    sizes={"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 200}},
    operators=("jvp", "vjp"),
    source="Higham 2008, Functions of Matrices, theorem 3.11 (Daleckii and Krein)",
)
def matrix_square_root(xp, S):  # S (n, n) symmetric -> (n, n)
    """R with R R = S by the eigenvectors of S, whose large derivatives cancel and cost digits."""
    values, vectors = xp.linalg.eigh(S)
    return xp.matmul(vectors * xp.sqrt(values), vectors.T)


@matrix_square_root.inputs
def draw_definite(rng, n):
    """Eigenvalues from 1 to n, about 1 apart."""
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    S = (Q * (1 + np.arange(n) + rng.uniform(0, 0.25, size=n))) @ Q.T
    return {"S": (S + S.T) / 2}


@matrix_square_root.direction
def symmetric(rng, S):
    v = rng.normal(size=S.shape)
    return v + v.T


matrix_square_root.known(
    "torch.forward",
    "forward mode takes unit vectors, which are no symmetric directions",
    operator="vjp",
)


@matrix_square_root.formula("jvp")
def push_root(xp, S, v):
    """The solution D of R D + D R = V: Q ((Qᵀ V Q) / (√λᵢ + √λⱼ)) Qᵀ."""
    values, Q = xp.linalg.eigh(S)
    roots = xp.sqrt(values)
    inner = xp.matmul(xp.matmul(Q.T, v), Q) / (roots[:, None] + roots[None, :])
    return xp.matmul(xp.matmul(Q, inner), Q.T)


@matrix_square_root.formula("vjp")
def pull_root(xp, S, w):
    """The same of the symmetric part of W: the map is its own adjoint."""
    return push_root(xp, S, (w + w.T) / 2)
