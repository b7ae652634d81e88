"""The inverse, and quadratic forms in it."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="X",
    sizes={"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 300}},
    operators=("jvp", "vjp"),
    source="Giles 2008, An extended collection of matrix derivative results for forward and "
    "reverse mode algorithmic differentiation, section 2.2.3; Petersen & Pedersen 2012, eq. 59",
)
def inverse(xp, X):  # X (n, n) -> (n, n)
    """X⁻¹."""
    return xp.linalg.inv(X)


@inverse.inputs
def draw_matrix(rng, n):
    return {"X": np.eye(n) + 0.4 * rng.normal(size=(n, n)) / np.sqrt(n)}


@inverse.formula("jvp")
def push_inverse(xp, X, v):
    """−X⁻¹ V X⁻¹."""
    Y = xp.linalg.inv(X)
    return -xp.matmul(xp.matmul(Y, v), Y)


@inverse.formula("vjp")
def pull_inverse(xp, X, w):
    """−X⁻ᵀ W X⁻ᵀ."""
    Y = xp.linalg.inv(X)
    return -xp.matmul(xp.matmul(Y.T, w), Y.T)


@xgrad.case(
    wrt=("A", "b"),
    sizes={"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 500}},
    operators=("gradient", "hvp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 61 and 81; "
    "Giles 2008, An extended collection of matrix derivative results, section 2.3.3",
)
def inverse_quadratic_form(xp, A, b):  # A (n, n), b (n,) -> ()
    """bᵀ A⁻¹ b, by a linear system."""
    return xp.vecdot(b, xp.linalg.solve(A, b))


@inverse_quadratic_form.inputs
def draw_system(rng, n):
    A = 2 * np.eye(n) + 0.4 * rng.normal(size=(n, n)) / np.sqrt(n)
    return {"A": A, "b": rng.normal(size=n)}


inverse_quadratic_form.known(
    "torch.forward:twice",
    "torch's forward rule of solve keeps the LU factors of the value fixed when it is "
    "differentiated again: https://github.com/pytorch/pytorch/issues/192540",
    operator="hvp",
)


@inverse_quadratic_form.formula("gradient")
def system_gradient(xp, A, b):
    """(−A⁻ᵀ b bᵀ A⁻ᵀ, A⁻¹ b + A⁻ᵀ b)."""
    x, y = xp.linalg.solve(A, b), xp.linalg.solve(A.T, b)
    return -y[:, None] * x[None, :], x + y


@inverse_quadratic_form.formula("hvp")
def system_hvp(xp, A, b, v):
    """With x = A⁻¹b, y = A⁻ᵀb and their derivatives x', y': (−y' xᵀ − y x'ᵀ, x' + y')."""
    V, u = v
    x, y = xp.linalg.solve(A, b), xp.linalg.solve(A.T, b)
    dx = xp.linalg.solve(A, u - xp.matmul(V, x))
    dy = xp.linalg.solve(A.T, u - xp.matmul(V.T, y))
    return -dy[:, None] * x[None, :] - y[:, None] * dx[None, :], dx + dy


@xgrad.case(
    wrt=("X", "m", "S"),
    sizes={"small": {"k": 3, "n": 3}, "medium": {"k": 10, "n": 10}, "large": {"k": 2_000, "n": 50}},
    source="Mahalanobis 1936; Petersen & Pedersen 2012, The Matrix Cookbook, eq. 61 and 86",
)
def mahalanobis_distance(xp, X, m, S):  # X (k, n), m (n,), S (n, n) -> ()
    """Σ √((x − m)ᵀ S⁻¹ (x − m)) over the rows of X."""
    D = X - m
    return xp.sum(xp.sqrt(xp.vecdot(D, xp.linalg.solve(S, D.T).T)))


@mahalanobis_distance.inputs
def draw_points(rng, k, n):
    root = rng.normal(size=(n, 2 * n)) / np.sqrt(2 * n)
    return {
        "X": rng.normal(size=(k, n)),
        "m": 0.3 * rng.normal(size=n),
        "S": root @ root.T + 0.5 * np.eye(n),
    }


@mahalanobis_distance.formula("gradient")
def distance_gradient(xp, X, m, S):
    """With Z = (X − m) S⁻¹, T = (X − m) S⁻ᵀ and distances r: G = (Z + T) / 2r, −Σ G, −Zᵀ T / 2r."""
    D = X - m
    Z, T = xp.linalg.solve(S.T, D.T).T, xp.linalg.solve(S, D.T).T
    r = xp.sqrt(xp.vecdot(D, T))[:, None]
    G = (Z + T) / (2 * r)
    return G, -xp.sum(G, axis=0), -xp.matmul(Z.T, T / (2 * r))
