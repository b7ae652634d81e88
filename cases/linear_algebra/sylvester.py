"""Sylvester's equation A X + X B = C."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("A", "B", "C"),
    sizes={"small": {"m": 3, "n": 2}, "medium": {"m": 6, "n": 5}, "large": {"m": 24, "n": 20}},
    operators=("jvp", "vjp"),
    source="Kao & Hennequin 2020, Automatic differentiation of Sylvester, Lyapunov, and algebraic "
    "Riccati equations, arXiv:2011.11430",
)
def sylvester(xp, A, B, C):  # A (m, m), B (n, n), C (m, n) -> (m, n)
    """X with A X + X B = C, as one linear system in the elements of X."""
    m, n = C.shape
    left = A[:, None, :, None] * xp.eye(n)[None, :, None, :]
    right = xp.eye(m)[:, None, :, None] * B.T[None, :, None, :]
    system = xp.reshape(left + right, (m * n, m * n))
    return xp.reshape(xp.linalg.solve(system, xp.reshape(C, (m * n,))), (m, n))


@sylvester.inputs
def draw(rng, m, n):
    """No eigenvalue of A near one of −B."""
    return {
        "A": 2 * np.eye(m) + 0.4 * rng.normal(size=(m, m)) / np.sqrt(m),
        "B": np.eye(n) + 0.4 * rng.normal(size=(n, n)) / np.sqrt(n),
        "C": rng.normal(size=(m, n)),
    }


@sylvester.formula("jvp")
def push(xp, A, B, C, v):
    """The solution for dC − dA X − X dB."""
    dA, dB, dC = v
    X = sylvester(xp, A, B, C)
    return sylvester(xp, A, B, dC - xp.matmul(dA, X) - xp.matmul(X, dB))


@sylvester.formula("vjp")
def pull(xp, A, B, C, w):
    """(−Y Xᵀ, −Xᵀ Y, Y) with Aᵀ Y + Y Bᵀ = W."""
    X, Y = sylvester(xp, A, B, C), sylvester(xp, A.T, B.T, w)
    return -xp.matmul(Y, X.T), -xp.matmul(X.T, Y), Y


@sylvester.formula("vjp", name="scipy", frameworks=("numpy",))
def scipy_pull(xp, A, B, C, w):
    """The same by Schur's decomposition: scipy.linalg.solve_sylvester."""
    import scipy.linalg

    X = scipy.linalg.solve_sylvester(A, B, C)
    Y = scipy.linalg.solve_sylvester(A.T, B.T, w)
    return -xp.matmul(Y, X.T), -xp.matmul(X.T, Y), Y
