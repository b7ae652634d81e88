"""Score matching: a model of a density fitted by the derivatives of its logarithm alone."""

import numpy as np

import xgrad


@xgrad.case(
    wrt=("W", "b", "v"),
    sizes={
        "small": {"n": 3, "d": 2, "k": 3},
        "medium": {"n": 6, "d": 3, "k": 6},
        "large": {"n": 8, "d": 3, "k": 8},
    },
    operators=("gradient",),
    source="Hyvärinen 2005, Estimation of non-normalized statistical models by score matching, "
    "JMLR 6, 695-709, eq. 4",
)
def score_matching(xp, W, b, v, x):  # W (k, d), b, v (k,), x (n, d) -> ()
    """mean (Σ ∂s_i/∂x_i + ½|s|²), s = ∇ log p(x), log p = −½|x|² − Σ v log cosh(Wx + b)."""

    def score(xp, x):
        return xp.gradient(lambda xp, x: log_density(xp, x, W, b, v))(x)

    units = np.eye(x.shape[1])[:, None] + np.zeros((1, x.shape[0], 1))  # along each axis, each row
    slopes = [xp.jvp(score)(x, xp.asarray(unit))[:, i] for i, unit in enumerate(units)]
    s = score(xp, x)
    return xp.mean(sum(slopes) + xp.sum(s * s, axis=1) / 2)


def log_density(xp, x, W, b, v):
    """Σ over the rows of the logarithm of the density, up to its constant."""
    z = xp.matmul(x, W.T) + b
    return -xp.sum(x * x) / 2 - xp.sum(xp.logaddexp(z, -z) * v)


@score_matching.inputs
def draw(rng, n, d, k):
    b, v = rng.normal(size=(2, k))
    return {"W": rng.normal(size=(k, d)), "b": b, "v": v, "x": rng.normal(size=(n, d))}


@score_matching.formula("gradient")
def gradient(xp, W, b, v, x):
    """With h = tanh(Wx + b), c = 1 − h²: s = −x − (vh)W, Σ ∂s_i/∂x_i = −d − Σ v c |w|²."""
    n = x.shape[0]
    h = xp.tanh(xp.matmul(x, W.T) + b)
    c, lengths = 1 - h * h, xp.sum(W * W, axis=1)
    s = -(x + xp.matmul(v * h, W)) / n
    back = xp.matmul(s, W.T)
    da = c * v * (2 * h * lengths / n - back)
    dW = xp.matmul(da.T, x) - xp.matmul((v * h).T, s) - 2 * (v * xp.mean(c, axis=0))[:, None] * W
    return dW, xp.sum(da, axis=0), -xp.sum(h * back, axis=0) - lengths * xp.mean(c, axis=0)
