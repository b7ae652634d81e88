"""Derivatives of higher order along one direction: by every nesting, and by differences."""

import os

import numpy as np
import pytest
from truths import setting_of, truth_of

import xgrad
from xgrad.errors import UsageError
from xgrad.judging import Judge
from xgrad.numbers import midpoint
from xgrad.problem import OPERATORS, Setting, find_cases
from xgrad.problem.operators import ORDERS
from xgrad.techniques import OK, Method, evaluate

_rng = np.random.default_rng(5)
INPUTS = {"x": _rng.normal(size=3), "A": _rng.normal(size=(2, 3))}
MODES = ("torch.reverse", "torch.reverse:func", "torch.reverse:over_forward", "torch.forward",
         "torch.forward:over_reverse", "jax.reverse", "jax.reverse:over_forward", "jax.forward",
         "jax.forward:over_reverse", "jax.forward:taylor")  # fmt: skip
# In which third and fourth derivatives were looked at; all of them with XGRAD_ORDERS=22.
LOOKED_AT = [
    *("himmelblau", "product", "softened_gravity", "sine", "square", "softmax_cross_entropy"),
    *("mlp_input", "lse", "tsne_kl", "rosenbrock", "sigmoid_layer", "mean_squared_error"),
    *("cyclic_field", "square_gradient_field", "beale", "logistic_regression", "linear_layer"),
    *("ridge_regression", "lennard_jones", "gelu", "freudenstein_roth", "kmeans"),
][: int(os.environ.get("XGRAD_ORDERS", "2"))]
REASONS = ("jax.experimental.jet has no rule for", "jax.experimental.jet loses a tracer")


def waves(xp, x, A):  # x (3,), A (2, 3) -> (2,)
    return xp.exp(xp.matmul(A, x))


def formula_of(order, factor=1.0):
    """exp(Ax) ∘ (Av)ᵏ."""

    def formula(xp, x, A, v):
        return factor * waves(xp, x, A) * xp.matmul(A, v) ** order

    return {f"directional_{order}": formula}


@pytest.mark.parametrize("order", ORDERS)
def test_a_right_formula_is_certified_to_forty_digits_and_a_wrong_one_is_not(order):
    right, wrong, other = (
        truth_of(waves, INPUTS, f"directional_{order}", formula)
        for formula in (formula_of(order), formula_of(order, 1 + 1e-12),
                        {f"directional_{order}": formula_of(order - 1)[f"directional_{order - 1}"]})
    )  # fmt: skip
    assert (right.kind, right.digits > 40) == ("certified", True)
    assert (wrong.kind, round(wrong.digits)) == ("definition", 12)
    assert (other.kind, other.digits < 3) == ("definition", True)
    assert np.all(np.abs(midpoint(right.exact - wrong.exact)) < 1e-40 * np.abs(right.high))
    setting = setting_of(waves, INPUTS)
    exact = np.exp(INPUTS["A"] @ INPUTS["x"]) * (INPUTS["A"] @ setting.v[0]) ** order
    assert np.allclose(right.high, exact, rtol=1e-13, atol=0)


@pytest.mark.parametrize("order", [3, 4])
def test_every_nesting_agrees(order):
    judge = Judge(setting_of(waves, INPUTS), "cpu")
    for name in MODES:
        row = judge.judge(method(name), OPERATORS[f"directional_{order}"]).row
        assert (row["verdict"], row["digits"] > 14) == ("agrees", True), row


def method(name):
    framework, _, label = name.partition(".")
    return Method(framework, *label.split(":"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("order", ORDERS)
def test_differences_keep_within_their_bound(order, dtype):
    setting = setting_of(waves, INPUTS, formula_of(order), dtype=dtype)
    judge, operator = Judge(setting, "cpu"), OPERATORS[f"directional_{order}"]
    made = judge.judge(Method("numpy", "differences"), operator)
    assert np.all(made.error <= made.outcome.bound)
    assert made.row["verdict"] in ("agrees", "bounded", "inconclusive")
    if dtype == "float64" and order < 6:
        assert made.row["verdict"] == "bounded"


@pytest.mark.parametrize(
    ("function", "order", "left", "right"),
    [
        (lambda xp, x: xp.abs(x) ** 3, 3, -6, 6),
        (lambda xp, x: xp.abs(x), 3, -np.inf, np.inf),  # no second derivative to differentiate
        (lambda xp, x: xp.abs(x) ** 3, 5, -np.inf, np.inf),
    ],
)
def test_a_kink_of_any_order_is_told(function, order, left, right):
    at = {"x": np.array([0.0])}
    truth = truth_of(function, at, f"directional_{order}")
    v = setting_of(function, at).v[0][0]
    sides = sorted([left * v**order, right * v**order])
    assert truth.kind == "kink"
    assert sorted([truth.left[0], truth.right[0]]) == pytest.approx(sides)
    smooth = truth_of(lambda xp, x: x**3, at, f"directional_{order}")
    assert (smooth.kind, smooth.high[0]) == ("definition", pytest.approx(6 * v**3 * (order == 3)))


def test_a_series_without_a_rule_is_no_failure():
    def scanned(xp, x):
        return xp.sum(xp.scan(lambda c, _: (xp.sin(c), None), x, None, length=2)[0])

    setting = setting_of(scanned, {"x": INPUTS["x"]})
    done = evaluate(method("jax.forward:taylor"), OPERATORS["directional_3"], setting, "cpu")
    assert (done.status, done.message) == ("unsupported", REASONS[0] + " scan")


@pytest.mark.parametrize("name", LOOKED_AT)
def test_third_and_fourth_derivatives_of_cases_agree_in_every_mode(name):
    case = next(c for c in find_cases(()) if c.name == name)
    judge = Judge(Setting.make(case, "small", "random", "float64", 0), "cpu")
    for operator in ("directional_3", "directional_4"):
        for each in ("numpy.differences", *MODES):
            made = judge.judge(method(each), OPERATORS[operator])
            if made.outcome.status == OK:
                assert made.row["verdict"] in ("agrees", "bounded"), made.row
            else:
                assert (each, made.outcome.status) == ("jax.forward:taylor", "unsupported")
                assert made.outcome.message.startswith(REASONS)


# --- functions at hand ----------------------------------------------------------------------------


def sine_of_torch(slip):
    """sin with its derivatives by Functions of their own, the third one times 1 + slip."""
    import torch

    def rule(value, derivative, factor):
        class Rule(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return value(x)

            @staticmethod
            def backward(ctx, g):
                return g * derivative(*ctx.saved_tensors) * factor

        return Rule.apply

    third = rule(lambda x: -torch.sin(x), lambda x: -torch.cos(x), 1 + slip)
    second = rule(torch.cos, third, 1.0)
    return rule(torch.sin, second, 1.0), torch.tensor([0.3, 0.7], dtype=torch.float64)


@pytest.mark.parametrize("slip", [0.0, 1e-9])
def test_a_rule_that_is_wrong_in_the_third_derivative_is_caught_there(slip):
    function, x = sine_of_torch(slip)
    frame = xgrad.check(function, x, operators=["directional_2", "directional_3"])
    rows = frame[frame.technique == "reverse"].set_index("operator")
    assert rows.verdict["directional_2"] == "agrees"
    assert rows.verdict["directional_3"] == ("disagrees" if slip else "agrees")
    assert set(rows.referee) == ({"certified", "definition"} if slip else {"certified"})


@pytest.mark.parametrize("slip", [0.0, 1e-9])
def test_a_rule_of_jax_too(slip):
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def cosine(x):
        return jnp.cos(x)

    cosine.defvjp(lambda x: (jnp.cos(x), x), lambda x, g: (-g * jnp.sin(x) * (1 + slip),))

    @jax.custom_vjp
    def sine(x):
        return jnp.sin(x)

    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * cosine(x),))
    frame = xgrad.check(sine, jnp.array([0.3, 0.7]), operators=["jacobian", "directional_2"])
    rows = frame[(frame.technique == "reverse") & (frame.dtype == "float64")].set_index("operator")
    assert rows.verdict["jacobian"] == "agrees"
    assert rows.verdict["directional_2"] == ("disagrees" if slip else "agrees")


@pytest.mark.parametrize("detached", [False, True])
def test_double_backward_of_a_function_of_several_values_is_judged(detached):
    import torch

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * (x.detach() if detached else x) ** 2

    x = torch.tensor([0.3, 0.7, -0.4], dtype=torch.float64)
    frame = xgrad.check(lambda x: Cube.apply(x) * x[0], x, operators="weighted_hvp")
    plain = frame[frame.technique == "reverse"]
    assert set(plain.verdict) == ({"disagrees"} if detached else {"agrees"})
    with pytest.raises(UsageError, match="use weighted_hvp"):
        OPERATORS["hvp"].require([(3,)], (3,))
