"""A deep equilibrium layer: a fixed point by Newton's method, with the Jacobian taken inside."""

import xgrad

STEPS = 9  # each doubles the digits


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 3}, "medium": {"n": 8}, "large": {"n": 16}},
    source="Bai, Kolter & Koltun 2019, Deep equilibrium models, arXiv:1909.01377, theorem 1",
)
def equilibrium(xp, x, W):  # x (n,), W (n, n) -> (n,)
    """z = tanh(Wz + x), by steps z − J⁻¹ r of the residual r = z − tanh(Wz + x)."""
    z = xp.zeros_like(x)
    for _ in range(STEPS):
        slopes = xp.jacobian(lambda xp, z: residual(xp, z, x, W))(z)
        z = z - xp.linalg.solve(slopes, residual(xp, z, x, W)[:, None])[:, 0]
    return z


def residual(xp, z, x, W):
    """z − tanh(Wz + x)."""
    return z - xp.tanh(xp.matmul(W, z) + x)


@equilibrium.inputs
def draw(rng, n):
    """A contraction: the largest row sum of W is a half."""
    W = rng.normal(size=(n, n))
    return {"x": rng.normal(size=n), "W": W / (2 * abs(W).sum(axis=1, keepdims=True))}


@equilibrium.formula("jacobian")
def implicit(xp, x, W):
    """(I − DW)⁻¹ D with D = diag(1 − z²), by the implicit function theorem."""
    eye, z = xp.eye(x.shape[0]), xp.zeros_like(x)
    for _ in range(STEPS):
        h = xp.tanh(xp.matmul(W, z) + x)
        z = z - xp.linalg.solve(eye - (1 - h * h)[:, None] * W, (z - h)[:, None])[:, 0]
    slopes = (1 - z * z)[:, None]
    return xp.linalg.solve(eye - slopes * W, slopes * eye)
