"""One step of Newton's method as a map: its Jacobian holds third derivatives."""

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 3, "m": 5}, "medium": {"n": 6, "m": 12}, "large": {"n": 12, "m": 24}},
    source="Nocedal & Wright 2006, Numerical Optimization, 2nd ed., eq. 2.15",
)
def newton_step(xp, x, A):  # x (n,), A (m, n) -> (n,)
    """x − H⁻¹g of f = Σ exp(Ax) + ½|x|²."""
    g = xp.gradient(objective)(x, A)
    return x - xp.linalg.solve(xp.hessian(objective)(x, A), g[:, None])[:, 0]


def objective(xp, x, A):
    """Convex, with a Hessian of at least 1."""
    return xp.sum(xp.exp(xp.matmul(A, x))) + xp.sum(x * x) / 2


@newton_step.inputs
def draw(rng, n, m):
    return {"x": rng.normal(size=n), "A": rng.normal(size=(m, n)) / 2}


@newton_step.formula("jacobian")
def jacobian(xp, x, A):
    """I − H⁻¹(H − Aᵀ diag(e ∘ Ap) A), p = H⁻¹g, e = exp(Ax): H changes as p is held."""
    e = xp.exp(xp.matmul(A, x))
    H = xp.matmul(A.T, e[:, None] * A) + xp.eye(x.shape[0])
    p = xp.linalg.solve(H, (xp.matmul(A.T, e) + x)[:, None])
    change = xp.matmul(A.T, e[:, None] * xp.matmul(A, p) * A)
    return xp.eye(x.shape[0]) - xp.linalg.solve(H, H - change)
