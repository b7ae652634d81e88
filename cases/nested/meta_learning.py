"""One step of MAML: the loss after a gradient step, as a function of where it started."""

import xgrad


@xgrad.case(
    wrt=("theta", "rate"),
    sizes={"small": {"n": 6, "d": 3}, "medium": {"n": 32, "d": 8}, "large": {"n": 128, "d": 16}},
    operators=("gradient",),
    source="Finn, Abbeel & Levine 2017, Model-agnostic meta-learning for fast adaptation of deep "
    "networks, arXiv:1703.03400, eq. 1; Li, Zhou, Chen & Li 2017, Meta-SGD, arXiv:1707.09835",
)
def adapted_loss(xp, theta, rate, X, y, X_new, y_new):  # theta, rate (d,), X (n, d), y (n,) -> ()
    """L_new(θ − rate ∘ ∇L(θ)), L the loss of a logistic regression."""
    adapted = theta - rate * xp.gradient(loss)(theta, X, y)
    return loss(xp, adapted, X_new, y_new)


def loss(xp, theta, X, y):
    """mean log(1 + exp z) − y z, z = Xθ."""
    z = xp.matmul(X, theta)
    return xp.mean(xp.softplus(z) - y * z)


@adapted_loss.inputs
def draw(rng, n, d):
    X, X_new = rng.normal(size=(2, n, d))
    y, y_new = (rng.uniform(size=(2, n)) < 0.5).astype(float)
    inputs = {"theta": rng.normal(size=d), "rate": rng.uniform(0.2, 1, size=d)}
    return {**inputs, "X": X, "y": y, "X_new": X_new, "y_new": y_new}


@adapted_loss.formula("gradient")
def gradient(xp, theta, rate, X, y, X_new, y_new):
    """(I − ∇²L diag(rate)) ∇L_new and −∇L ∘ ∇L_new, ∇L = Xᵀ(σ − y)/n, ∇²L = Xᵀ σ(1 − σ) X / n."""
    p = xp.expit(xp.matmul(X, theta))
    before = xp.matmul(X.T, p - y) / X.shape[0]
    adapted = theta - rate * before
    after = xp.matmul(X_new.T, xp.expit(xp.matmul(X_new, adapted)) - y_new) / X_new.shape[0]
    curved = xp.matmul(X.T, p * (1 - p) * xp.matmul(X, rate * after)) / X.shape[0]
    return after - curved, -before * after


@adapted_loss.formula("gradient", name="first order", default=False)
def first_order(xp, theta, rate, X, y, X_new, y_new):
    """The approximation of the paper's section 5.2, which leaves out second derivatives."""
    before = xp.matmul(X.T, xp.expit(xp.matmul(X, theta)) - y) / X.shape[0]
    z = xp.matmul(X_new, theta - rate * before)
    after = xp.matmul(X_new.T, xp.expit(z) - y_new) / X_new.shape[0]
    return after, -before * after
