"""Linear and sigmoid layers under squared errors, with integer weights: the gradient exercise."""

import xgrad

SIZES = {
    "small": {"n": 4, "d": 3, "C": 2},
    "medium": {"n": 100, "d": 50, "C": 10},
    "large": {"n": 1_000, "d": 500, "C": 100},
}
BY_HAND = ("numpy.differences:central@1e-4",)  # as the exercise takes them


@xgrad.case(
    wrt="W",
    sizes=SIZES,
    methods=BY_HAND,
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 3.12 and 3.13",
)
def linear_layer(xp, X, W, T):  # X (n, d), W (d, C), T (n, C) -> ()
    """½ Σ (Y − T)² with Y = XW."""
    return xp.sum((xp.matmul(X, W) - T) ** 2) / 2


@linear_layer.inputs
def draw_linear(rng, n, d, C):
    X, W = integers(rng, n, d, C)
    return {"X": X, "W": W, "T": X @ W + rng.integers(-2, 3, size=(n, C))}


def integers(rng, n, d, C):
    """X and W with small integer entries, as floats."""
    X = rng.integers(-2, 3, size=(n, d)).astype(float)
    W = rng.integers(-2, 3, size=(d, C)).astype(float)
    return X, W


@linear_layer.formula("gradient")
def linear_gradient(xp, X, W, T):
    """Xᵀ (Y − T)."""
    return xp.matmul(X.T, xp.matmul(X, W) - T)


@xgrad.case(
    wrt="W",
    sizes=SIZES,
    methods=BY_HAND,
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 5.14 and section 5.3.1",
)
def mean_squared_error(xp, X, W, T):  # X (n, d), W (d, C), T (n, C) -> ()
    """mean (Y − T)² with Y = XW: the linear layer's error up to a factor."""
    return xp.mean((xp.matmul(X, W) - T) ** 2)


mean_squared_error.inputs(draw_linear)


@mean_squared_error.formula("gradient")
def mean_gradient(xp, X, W, T):
    """2 / (nC) Xᵀ (Y − T)."""
    return xp.matmul(X.T, xp.matmul(X, W) - T) * (2 / (T.shape[0] * T.shape[1]))


mean_squared_error.formula("gradient", name="half_sum", default=False)(linear_gradient)


@xgrad.case(
    wrt="W",
    sizes=SIZES,
    methods=BY_HAND,
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.88 and 5.56",
)
def sigmoid_layer(xp, X, W, T):  # X (n, d), W (d, C), T (n, C) -> ()
    """½ Σ (Y − T)² with Y = σ(XW)."""
    return xp.sum((xp.expit(xp.matmul(X, W)) - T) ** 2) / 2


@sigmoid_layer.inputs
def draw_sigmoid(rng, n, d, C):
    X, W = integers(rng, n, d, C)
    return {"X": X, "W": W, "T": rng.integers(2, size=(n, C)).astype(float)}


@sigmoid_layer.formula("gradient")
def sigmoid_gradient(xp, X, W, T):
    """Xᵀ (Y ∘ (1 − Y) ∘ (Y − T))."""
    Y = xp.expit(xp.matmul(X, W))
    return xp.matmul(X.T, Y * (1 - Y) * (Y - T))
