"""Kinks: told with their slopes, and apart from what only looks like one."""

from dataclasses import replace

import numpy as np
import pytest
from truths import KINK, truth_of

import xgrad
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee
from xgrad.table import records

# name: function, formula with a convention, left and right slopes at KINK
KINKS = {
    "abs": (lambda xp, x: xp.sum(xp.abs(x)), lambda xp, x: xp.sign(x), (-1, 1)),
    "relu": (
        lambda xp, x: xp.sum(xp.maximum(x, 0 * x)), lambda xp, x: xp.astype(x > 0, x.dtype),
        (0, 1),
    ),
    "relu, one half": (
        lambda xp, x: xp.sum(xp.maximum(x, 0 * x)), lambda xp, x: (xp.sign(x) + 1) / 2, (0, 1),
    ),
    "beside a slope of 1e12": (
        lambda xp, x: 1e12 * (x[0] ** 2 + x[2]) + xp.abs(x[1]),
        lambda xp, x: 1e12 * xp.stack([2 * x[0], 0 * x[1], 1 + 0 * x[2]]), (-1, 1),
    ),
    "clip at its bound": (
        lambda xp, x: xp.sum(xp.clip(x, 0.0, 5.0)),
        lambda xp, x: xp.astype((x >= 0) & (x <= 5), x.dtype), (0, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("with_formula", [False, True])
def test_a_kink_has_a_left_and_a_right_slope_and_its_neighbours_one(name, with_formula):
    function, formula, (left, right) = KINKS[name]
    truth = truth_of(function, {"x": KINK}, "gradient", formula if with_formula else None)
    assert truth.kind == "kink"
    assert (truth.left[1], truth.right[1]) == (left, right)
    others = [0, 2]
    assert np.array_equal(truth.left[others], truth.right[others])
    assert np.array_equal(truth.left[others], truth.high[others])


@pytest.mark.parametrize(
    ("function", "operator", "x", "left", "right"),
    [
        (lambda xp, x: xp.abs(x), "derivative", KINK, [1, -1, -1], [1, 1, -1]),
        (lambda xp, x: xp.abs(x), "divergence", KINK, -1, 1),
        (lambda xp, x: xp.max(x), "gradient", [1.0, 3.0, 3.0], [0, 0, 0], [0, 1, 1]),
        (lambda xp, x: xp.sqrt(xp.sum(x * x)), "gradient", [0.0, 0.0], [-1, -1], [1, 1]),
        (lambda xp, x: xp.sum(xp.maximum(x, 0 * x) ** 2), "hessian", [0.0], [[0]], [[2]]),
        (lambda xp, x: xp.maximum(x, 0 * x) ** 2, "second_derivative", [0.0, 1], [0, 2], [2, 2]),
        (lambda xp, x: x * xp.abs(x), "second_derivative", [0.0, -1], [-2, -2], [2, -2]),
        (lambda xp, x: xp.sum(xp.abs(x)), "hessian", [0.0], [[-np.inf]], [[np.inf]]),
        (lambda xp, x: xp.abs(x), "second_derivative", [0.0, 1], [-np.inf, 0], [np.inf, 0]),
        (lambda xp, x: xp.sum(xp.sign(x)), "gradient", [0.0, 1], [np.inf, 0], [np.inf, 0]),
        (lambda xp, x: xp.floor(x), "derivative", [2.0, 2.5], [np.inf, 0], [0, 0]),
        (lambda xp, x: xp.sum(xp.sqrt(x)), "gradient", [0.0], [np.nan], [np.inf]),
        (lambda xp, x: xp.sum(xp.pow(x * x, 0.25)), "gradient", [0.0], [-np.inf], [np.inf]),
    ],
)
def test_kinks_of_every_kind_are_told_with_their_slopes(function, operator, x, left, right):
    truth = truth_of(function, {"x": np.asarray(x)}, operator)
    assert truth.kind == "kink"
    if np.all(np.isneginf(left) == np.isposinf(right)) and np.any(np.isinf(right)):
        left, right = np.fmin(left, right), np.fmax(left, right)  # between the sides: no order
        truth.left, truth.right = (f(truth.left, truth.right) for f in (np.fmin, np.fmax))
    assert np.array_equal(truth.left, left, equal_nan=True)
    assert np.array_equal(truth.right, right)
    assert np.all(np.isfinite(truth.high))


@pytest.mark.parametrize(
    ("function", "operator", "x", "want"),
    [
        (lambda xp, x: xp.sum(xp.maximum(x, 0 * x) ** 2), "gradient", [0.0, 1.5, -1], [0, 3, 0]),
        (lambda xp, x: xp.sum(x * xp.abs(x)), "gradient", [0.0, -1.5], [0, 3]),
        (lambda xp, x: xp.sum(x * xp.abs(x)), "gradient", [0.0], [0]),
        (lambda xp, x: xp.sum(xp.abs(x) ** 3), "hessian", [0.0], [[0]]),
        (lambda xp, x: xp.abs(x), "curl", KINK, [0, 0, 0]),
        (lambda xp, x: xp.sum(x * x), "gradient", [0.0, 0.0], [0, 0]),
        (lambda xp, x: xp.sum(xp.abs(x)), "gradient", [1e-30, -1e-30, 2], [1, -1, 1]),
        (lambda xp, x: xp.sin(x), "derivative", [0.0, 1e-300], [1, 1]),
    ],
)
def test_what_only_looks_like_a_kink_has_one_slope(function, operator, x, want):
    truth = truth_of(function, {"x": np.asarray(x)}, operator)
    assert truth.kind == "definition"
    assert np.array_equal(truth.high, want)


@pytest.mark.parametrize("seed", [0, 26, 35, 76, 78, 99])  # at all but 0 one probe lay so
def test_no_probe_lies_on_one_side_of_a_tie_alone(seed):
    """Σ of slopes that change places at x₀ = x₁: a slope of either side is no derivative."""
    case = xgrad.case(
        lambda xp, x: xp.where(x[0] < x[1], 3 * x[0] + x[1], x[0] + 3 * x[1]) + x[2] * x[2],
        wrt="x", name="tie", sizes={"small": {}},
    )  # fmt: skip
    case.inputs(lambda rng: {"x": np.array([0.7, 0.7, rng.normal()])})
    case.formula("gradient")(lambda xp, x: xp.stack([xp.asarray(1.0), xp.asarray(3.0), 2 * x[2]]))
    for formulas in (case.formulas, []):
        at = Setting.make(replace(case, formulas=formulas), "small", "random", "float64", seed)
        truth = Referee(at).truth(OPERATORS["gradient"])
        assert truth.kind == "kink", truth.note
        assert (list(truth.left[:2]), list(truth.right[:2])) == ([3, 3], [1, 1])


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "convention"), (1 + 3e-8, "disagrees")])
def test_a_kink_of_a_hundred_millionth_is_one(slope, verdict):
    torch = pytest.importorskip("torch")

    class Bent(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1e-8 * torch.abs(x)

        @staticmethod
        def backward(ctx, g):
            return g * slope

    x = torch.zeros((), dtype=torch.float64)
    (row,) = records(xgrad.check(Bent.apply, (x,), methods="torch.reverse"))
    assert row["verdict"] == verdict


@pytest.mark.parametrize(("slope", "verdict"), [(2.0, "agrees"), (0.0, "disagrees")])
def test_at_an_end_of_the_domain_the_slope_of_the_side_that_has_values_is_the_truth(slope, verdict):
    """A quantile is NaN outside of [0, 1], and has one slope at 0."""
    jax, jnp = pytest.importorskip("jax"), pytest.importorskip("jax.numpy")

    @jax.custom_jvp
    def line(q):
        return 2 * q

    line.defjvps(lambda g, ans, q: g * jnp.where(q == 0, slope, 2.0))
    with jax.enable_x64(True):
        found = xgrad.check(
            lambda q: jnp.where((q < 0) | (q > 1), jnp.nan, line(q)),
            jnp.array([0.0, 0.3, 0.5]),
            operators=["vjp"],
            methods="jax.reverse",
        )
    assert set(found["verdict"]) == {verdict}, found["message"].tolist()
