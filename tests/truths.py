"""Truths of functions at hand, their right formulas, and mistakes to plant in these."""

import numpy as np

from xgrad.checking.mathematics import make_case
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee

_rng = np.random.default_rng(17)
X, A = _rng.normal(size=6), _rng.normal(size=(3, 3))
KINK = np.array([1.5, 0.0, -2.0])


def setting_of(function, inputs, formula=None, wrt=(), dtype="float64"):
    case = make_case(function, inputs, wrt=wrt or next(iter(inputs)), formula=formula)
    return Setting.make(case, "small", "given", dtype, 0)


def truth_of(function, inputs, operator, formula=None, *, budget=None, **options):
    """By the formula where one is given, else by the definition alone."""
    setting = setting_of(function, inputs, formula, **options)
    return Referee(setting, budget).truth(OPERATORS[operator], independent=formula is None)


def logsumexp(xp, x):
    return xp.logsumexp(x)


def softmax(xp, x):
    return xp.softmax(x)


def softmax_jacobian(xp, x):
    p = xp.softmax(x)
    return xp.eye(x.shape[0]) * p - p[:, None] * p[None, :]


def quadratic(xp, A, b):
    return xp.sum(xp.matmul(A, b) ** 2)


def quadratic_gradient(xp, A, b):
    return 2 * xp.matmul(A, b)[:, None] * b[None, :]


def field(xp, x):
    """∇(x² y + sin(y z))."""
    c = xp.cos(x[1] * x[2])
    return xp.stack([2 * x[0] * x[1], x[0] * x[0] + x[2] * c, x[1] * c])


RIGHT = {
    "gradient": (logsumexp, {"x": X}, "gradient", softmax),
    "gradient of a matrix": (quadratic, {"A": A, "b": X[:3]}, "gradient", quadratic_gradient),
    "jacobian": (softmax, {"x": X}, "jacobian", softmax_jacobian),
    "jvp by its jacobian": (softmax, {"x": X}, "jvp", {"jacobian": softmax_jacobian}),
    "vjp by its jacobian": (softmax, {"x": X}, "vjp", {"jacobian": softmax_jacobian}),
    "jvp by its gradient": (logsumexp, {"x": X}, "jvp", {"gradient": softmax}),
    "divergence": (softmax, {"x": X}, "divergence", {"jacobian": softmax_jacobian}),
    "hessian": (logsumexp, {"x": X}, "hessian", {"hessian": softmax_jacobian}),
    "hessian through its gradient": (
        logsumexp, {"x": X}, "hessian", {"gradient": softmax, "hessian": softmax_jacobian},
    ),
    "hvp": (logsumexp, {"x": X}, "hvp", {"gradient": softmax, "hessian": softmax_jacobian}),
    "laplacian": (logsumexp, {"x": X}, "laplacian", {"hessian": softmax_jacobian}),
    "derivative": (
        lambda xp, x: xp.sin(x), {"x": X}, "derivative", {"derivative": lambda xp, x: xp.cos(x)},
    ),
    "second derivative": (
        lambda xp, x: xp.sin(x), {"x": X}, "second_derivative",
        {"second_derivative": lambda xp, x: -xp.sin(x)},
    ),
    "x at 0": (
        lambda xp, x: xp.sum(xp.sin(x) * xp.exp(x)), {"x": np.zeros(4)}, "gradient",
        lambda xp, x: xp.exp(x) * (xp.sin(x) + xp.cos(x)),
    ),
    "a gradient that is 0 at 0": (
        lambda xp, x: xp.sum(x * x), {"x": np.zeros(4)}, "gradient", lambda xp, x: 2 * x,
    ),
    "a zero truth": (
        lambda xp, x: xp.sum(xp.softmax(x)), {"x": X}, "gradient", lambda xp, x: 0 * x,
    ),
    "curl of a gradient": (field, {"x": X[:3]}, "curl", {"curl": lambda xp, x: 0 * x}),
}  # fmt: skip


def element(k, factor):
    """A mistake in one element: times a factor given as numbers whose product it is."""

    def change(xp, result):
        unit = xp.asarray(np.eye(np.prod(result.shape, dtype=int))[k].reshape(result.shape))
        return result + result * unit * xp.asarray(factor)

    return change


MISTAKES = {
    "sign": lambda xp, g: -g,
    "factor": lambda xp, g: g / 2,
    "factor 1 + 1e-15": lambda xp, g: g + g * xp.asarray(1e-15),
    "shift": lambda xp, g: xp.roll(g, 1),
    "one sign": element(1, -2.0),
    "one element zeroed": element(0, -1.0),
    "one element 1 + 1e-9": element(2, 1e-9),
    "one element 1 + 1e-12": element(2, 1e-12),
    "one element 1 + 1e-30": element(2, 1e-30),
}
