"""The penalties of a ridge regression, judged by new data: a gradient through an argmin."""

import xgrad


@xgrad.case(
    wrt="penalties",
    sizes={"small": {"n": 6, "d": 3}, "medium": {"n": 32, "d": 8}, "large": {"n": 128, "d": 16}},
    source="Bengio 2000, Gradient-based optimization of hyperparameters, Neural Computation 12(8), "
    "1889-1900, section 3.1",
)
def validation_loss(xp, penalties, X, y, X_new, y_new):  # penalties (d,), X (n, d), y (n,) -> ()
    """½|X′w − y′|² at the w that is least in training: one Newton step from 0 is there."""
    start = xp.zeros_like(penalties)
    slope = xp.gradient(training)(start, penalties, X, y)
    curvature = xp.hessian(training)(start, penalties, X, y)
    w = -xp.linalg.solve(curvature, slope[:, None])[:, 0]
    return xp.sum((xp.matmul(X_new, w) - y_new) ** 2) / 2


def training(xp, w, penalties, X, y):
    """½|Xw − y|² + ½ Σ exp(penalty) w²."""
    return (xp.sum((xp.matmul(X, w) - y) ** 2) + xp.sum(xp.exp(penalties) * w * w)) / 2


@validation_loss.inputs
def draw(rng, n, d):
    X, X_new = rng.normal(size=(2, n, d))
    y, y_new = rng.normal(size=(2, n))
    return {"penalties": rng.normal(size=d), "X": X, "y": y, "X_new": X_new, "y_new": y_new}


@validation_loss.formula("gradient")
def gradient(xp, penalties, X, y, X_new, y_new):
    """−exp(penalty) w H⁻¹ X′ᵀ(X′w − y′), H = XᵀX + diag exp(penalty), w = H⁻¹Xᵀy."""
    scale = xp.exp(penalties)
    H = xp.matmul(X.T, X) + scale * xp.eye(X.shape[1])
    w = xp.linalg.solve(H, xp.matmul(X.T, y)[:, None])[:, 0]
    slope = xp.matmul(X_new.T, xp.matmul(X_new, w) - y_new)
    return -scale * w * xp.linalg.solve(H, slope[:, None])[:, 0]
