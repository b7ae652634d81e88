"""The referee: right formulas are certified, wrong ones are not, kinks are told apart."""

import numpy as np
import pytest

import xgrad
from xgrad.checking.checks import make_case
from xgrad.errors import NotElementwise
from xgrad.numbers import midpoint, precision
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Budget, Referee
from xgrad.techniques import DIGITS_OF_ZERO, Method, evaluate

_rng = np.random.default_rng(17)
X, A = _rng.normal(size=6), _rng.normal(size=(3, 3))
KINK = np.array([1.5, 0.0, -2.0])


def setting_of(function, inputs, formula=None, wrt=(), dtype="float64"):
    case = make_case(function, inputs, wrt=wrt, formula=formula)
    return Setting.make(case, "small", "given", dtype, 0)


def truth_of(function, inputs, operator, formula=None, *, budget=None, **options):
    setting = setting_of(function, inputs, formula, **options)
    return Referee(setting, budget).truth(OPERATORS[operator])


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


# --- certificates --------------------------------------------------------------------------------

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


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_formula_is_certified_to_forty_digits(name):
    truth = truth_of(*RIGHT[name])
    assert truth.kind == "certified", truth.note
    assert 40 <= truth.digits <= DIGITS_OF_ZERO
    assert truth.noise is not None


@pytest.mark.parametrize("name", RIGHT)
def test_the_definition_alone_finds_the_same(name):
    function, inputs, operator, _ = RIGHT[name]
    certified, defined = truth_of(*RIGHT[name]), truth_of(function, inputs, operator)
    assert defined.kind == "definition"
    gap = np.abs((certified.high - defined.high) + (certified.low - defined.low))
    assert np.max(gap) <= 1e-31 * np.max(np.abs(certified.high))


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


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", ["gradient", "jacobian", "hessian", "derivative"])
def test_a_mistake_is_not_certified_and_the_definition_takes_over(name, mistake):
    function, inputs, operator, formula = RIGHT[name]
    right = formula[operator] if isinstance(formula, dict) else formula
    wrong = {operator: lambda xp, x: MISTAKES[mistake](xp, right(xp, x))}
    truth = truth_of(function, inputs, operator, wrong)
    assert truth.kind == "definition"
    assert truth.note.startswith("the formula agrees with the definition to ")
    assert np.max(np.abs(truth.high - truth_of(*RIGHT[name]).high)) < 1e-15


def test_a_transpose_is_not_certified():
    wrong = lambda xp, A, b: quadratic_gradient(xp, A, b).T  # noqa: E731
    assert truth_of(quadratic, {"A": A, "b": X[:3]}, "gradient", wrong).kind == "definition"


def test_the_note_counts_the_digits():
    wrong = lambda xp, x: element(2, 1e-30)(xp, softmax(xp, x))  # noqa: E731
    note = truth_of(logsumexp, {"x": X}, "gradient", wrong).note
    assert note == "the formula agrees with the definition to 31 digits"  # one of six elements


@pytest.mark.parametrize("size", [1.0, -1.0, 1e-12])
def test_a_mistake_in_an_element_far_below_the_others_is_not_certified(size):
    x = np.array([0.0, 1.0, -46.0])  # softmax: 0.27, 0.73, 3e-21
    right = truth_of(logsumexp, {"x": x}, "gradient", softmax)
    wrong = lambda xp, x: element(2, size)(xp, softmax(xp, x))  # noqa: E731
    found = truth_of(logsumexp, {"x": x}, "gradient", wrong)
    assert (right.kind, found.kind) == ("certified", "definition")
    assert found.high[2] == right.high[2] == pytest.approx(np.exp(-47) / (1 + np.exp(-1)))


def test_a_mistake_of_the_gradient_does_not_make_a_hessian_right():
    wrong = {"gradient": lambda xp, x: 2 * softmax(xp, x),
             "hessian": lambda xp, x: 2 * softmax_jacobian(xp, x)}  # fmt: skip
    truth = truth_of(logsumexp, {"x": X}, "hessian", wrong)
    assert truth.kind == "definition"
    assert np.allclose(truth.high, truth_of(*RIGHT["hessian"]).high, rtol=1e-15, atol=0)


ILL_CONDITIONED = {
    "scales": (
        lambda xp, x: xp.sum(xp.sin(x)), {"x": 10.0 ** np.linspace(-6, 6, 6)},
        lambda xp, x: xp.cos(x),
    ),
    "cancellation": (
        lambda xp, x: (x[0] + x[1] - x[2]) ** 2, {"x": np.array([1e12, 1.0, 1e12])},
        lambda xp, x: 2 * (x[0] + x[1] - x[2]) * xp.asarray([1.0, 1.0, -1.0]),
    ),
    "a nearly singular inverse": (
        lambda xp, B: xp.sum(xp.linalg.inv(B)), {"B": np.array([[1, 1], [1, 1 + 1e-12]])},
        lambda xp, B: -xp.matmul(
            xp.matmul(xp.linalg.inv(B).T, xp.ones((2, 2))), xp.linalg.inv(B).T
        ),
    ),
    "fast waves": (
        lambda xp, x: xp.sum(xp.sin(1e12 * x)), {"x": X}, lambda xp, x: 1e12 * xp.cos(1e12 * x),
    ),
    "faster waves": (
        lambda xp, x: xp.sum(xp.sin(1e30 * x)), {"x": X}, lambda xp, x: 1e30 * xp.cos(1e30 * x),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ILL_CONDITIONED)
def test_ill_conditioned_formulas_are_certified_and_their_mistakes_are_not(name):
    function, inputs, formula = ILL_CONDITIONED[name]
    assert truth_of(function, inputs, "gradient", formula).kind == "certified"
    wrong = lambda xp, **given: formula(xp, **given) * (1 + xp.asarray(1e-20))  # noqa: E731
    assert truth_of(function, inputs, "gradient", wrong).kind == "definition"


# --- without formula -----------------------------------------------------------------------------


def test_slopes_far_below_the_function_are_found_in_more_bits():
    x = np.array([0.1, 0.5, 0.9])
    truth = truth_of(lambda xp, x: xp.sum(xp.exp(-300 * x * x)), {"x": x}, "gradient")
    assert np.allclose(truth.high, -600 * x * np.exp(-300 * x * x), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda xp, x: xp.sum(xp.softmax(x)), "gradient"),
        (field, "curl"),
        (lambda xp, x: xp.sum(0 * x) + 3, "gradient"),
        (lambda xp, x: xp.maximum(0 * x, -x * x) * xp.abs(x), "derivative"),
    ],
)
def test_a_zero_truth_is_exactly_zero(function, operator):
    truth = truth_of(function, {"x": X[:3]}, operator)
    assert truth.kind == "definition"
    assert not np.any(truth.high)
    assert not np.any(truth.low)


def test_a_curl_that_is_almost_zero_is_not_zero():
    almost = lambda xp, x: field(xp, x) + xp.asarray([0.0, 0.0, 1e-30]) * x[1]  # noqa: E731
    truth = truth_of(almost, {"x": X[:3]}, "curl")
    assert np.allclose(truth.high, [1e-30, 0, 0], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda xp, x: xp.sum(x) * xp.linalg.matrix_rank(x[None, :]), "has no 'matrix_rank'"),
        (lambda xp, x: xp.sum(np.sin(x)), "TypeError in ball arithmetic"),
        (lambda xp, x: xp.sum(xp.log(x - 10)), "the truth is not finite at this point"),
    ],
)
def test_what_fails_in_balls_gives_no_truth_and_says_why(function, reason):
    setting = setting_of(lambda xp, x: xp.sum(x), {"x": X})
    setting.case.function = function
    truth = Referee(setting).truth(OPERATORS["gradient"])
    assert truth.kind == "none"
    assert reason in truth.label


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (lambda xp, x: x.nonsense(), "the formula fails in ball arithmetic: AttributeError"),
        (lambda xp, x: x[:2], "the formula fails in ball arithmetic: ValueError: wrong shape"),
        (lambda xp, x: x / 0, "the formula is not finite"),
    ],
)
def test_a_formula_that_fails_leaves_the_definition(formula, reason):
    truth = truth_of(logsumexp, {"x": X}, "gradient", formula)
    assert truth.kind == "definition"
    assert truth.note.startswith(reason)
    assert np.allclose(truth.high, np.exp(X) / np.sum(np.exp(X)), rtol=1e-15, atol=0)


# --- kinks ---------------------------------------------------------------------------------------

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


# --- maps that are not elementwise ---------------------------------------------------------------


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
@pytest.mark.parametrize(
    "function",
    [
        lambda xp, x: xp.cumulative_sum(x),
        lambda xp, x: x * xp.sum(x),
        lambda xp, x: xp.softmax(x),
        lambda xp, x: xp.cumulative_sum(xp.abs(x)),
        lambda xp, x: xp.sin(x) + 1e-12 * xp.roll(x, 1),
    ],
)
def test_a_map_that_is_not_elementwise_is_an_error_with_any_formula(function, operator):
    for formula in (None, {operator: lambda xp, x: 0 * x}):
        with pytest.raises(NotElementwise, match="is not diagonal; use jacobian, jvp or vjp"):
            truth_of(function, {"x": KINK}, operator, formula)


# --- beyond the budget ---------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [Budget(seconds=1e-6), Budget(gigabytes=1e-9)])
@pytest.mark.parametrize(
    ("name", "digits"),
    [("gradient", 15), ("jacobian", 15), ("vjp by its jacobian", 15), ("jvp by its jacobian", 15),
     ("hessian", 12), ("hvp", 12), ("derivative", 15), ("second derivative", 12)],
)  # fmt: skip
def test_beyond_the_budget_a_formula_is_checked_in_longer_floats(name, digits, budget):
    truth = truth_of(*RIGHT[name], budget=budget)
    assert (truth.kind, truth.digits > digits) == ("probes", True), truth.note
    assert "beyond the budget" in truth.note
    exact = truth_of(*RIGHT[name])
    gap = np.abs((truth.high - exact.high) + (truth.low - exact.low))
    assert np.max(gap) < 1e-17 * np.max(np.abs(exact.high))


@pytest.mark.parametrize("mistake", ["sign", "one sign", "one element 1 + 1e-9"])
@pytest.mark.parametrize("name", ["gradient", "jacobian", "derivative"])
def test_beyond_the_budget_a_mistake_gives_no_truth(name, mistake):
    function, inputs, operator, formula = RIGHT[name]
    right = formula[operator] if isinstance(formula, dict) else formula
    wrong = {operator: lambda xp, x: MISTAKES[mistake](xp, right(xp, x))}
    truth = truth_of(function, inputs, operator, wrong, budget=Budget(seconds=1e-6))
    assert truth.kind == "none"
    assert "in longer floats the formula agrees" in truth.note


def test_beyond_the_budget_without_formula_random_directions_remain():
    x = np.random.default_rng(3).normal(size=100)
    truth = truth_of(logsumexp, {"x": x}, "gradient", budget=Budget(seconds=0.005))
    p = np.exp(x) / np.sum(np.exp(x))
    assert (truth.kind, len(truth.directions)) == ("probes", 4)
    assert np.allclose(truth.seen(p), truth.high, rtol=1e-13, atol=0)
    p[3] *= 1 + 1e-9
    assert not np.allclose(truth.seen(p), truth.high, rtol=1e-13, atol=0)


def test_beyond_any_budget_there_is_no_truth():
    truth = truth_of(logsumexp, {"x": X}, "gradient", budget=Budget(seconds=1e-6))
    assert (truth.kind, "no formula to evaluate" in truth.note) == ("none", True)


def test_the_value_is_the_function_itself_whatever_a_formula_says():
    wrong = {"value": lambda xp, x: 2 * xp.logsumexp(x)}
    truth = truth_of(logsumexp, {"x": X}, "value", wrong)
    assert truth.high == pytest.approx(np.log(np.sum(np.exp(X))), rel=1e-15)


# --- legal directions ----------------------------------------------------------------------------


@pytest.fixture
def logdet():
    @xgrad.case(wrt="S", operators=("gradient", "jvp", "hvp"))
    def logdet(xp, S):
        return 2 * xp.sum(xp.log(xp.linalg.diagonal(xp.linalg.cholesky(S))))

    @logdet.inputs
    def draw(rng):
        root = rng.normal(size=(4, 4))
        return {"S": root @ root.T + 4 * np.eye(4)}

    @logdet.direction
    def symmetric(rng, S):
        v = rng.normal(size=S.shape)
        return v + v.T

    return logdet


@pytest.mark.parametrize("method", ["torch.reverse", "torch.forward", "jax.reverse"])
def test_gradients_of_a_symmetric_matrix_agree_along_symmetric_directions(logdet, method):
    setting = Setting.make(logdet, "small", "random", "float64", 0)
    truth = Referee(setting).truth(OPERATORS["gradient"])
    framework, technique = method.split(".")
    got = evaluate(Method(framework, technique), OPERATORS["gradient"], setting, "cpu").flat
    assert (truth.kind, truth.note) == ("probes", "4 random directions, legal directions only")
    assert np.allclose(truth.seen(got), truth.high, rtol=1e-13, atol=0)
    inverse = np.linalg.inv(setting.inputs["S"]).reshape(-1)
    assert np.allclose(truth.seen(inverse), truth.high, rtol=1e-13, atol=0)
    assert not np.allclose(truth.seen(got * (1 + 1e-11)), truth.high, rtol=1e-13, atol=0)


def test_a_formula_is_certified_along_legal_directions_and_a_wrong_one_is_not(logdet):
    logdet.formula("gradient")(lambda xp, S: xp.linalg.inv(S))
    setting = Setting.make(logdet, "small", "random", "float64", 0)
    assert Referee(setting).truth(OPERATORS["gradient"]).kind == "certified"
    logdet.formulas.clear()
    logdet.formula("gradient")(lambda xp, S: xp.linalg.inv(S) * (1 + xp.asarray(1e-20)))
    assert Referee(setting).truth(OPERATORS["gradient"]).kind == "probes"


def test_jvp_takes_a_legal_direction_and_unit_vectors_are_refused(logdet):
    frame = xgrad.run(logdet, dtypes="float64", operators="jvp", workers=0)
    judged = frame[frame.status == "ok"]
    assert set(judged.verdict[judged.technique != "differences"]) == {"agrees"}
    assert set(judged.verdict) <= {"agrees", "inconclusive"}
    for operator, status in (("jvp", "ok"), ("gradient", "unsupported"), ("hvp", "unsupported")):
        setting = Setting.make(logdet, "small", "random", "float64", 0)
        outcome = evaluate(Method("numpy", "differences"), OPERATORS[operator], setting, "cpu")
        assert outcome.status == status, outcome


# --- what comes with the truth -------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "eps"), [("float64", 2.0**-52), ("float32", 2.0**-23)])
def test_noise_has_the_size_of_rounding(dtype, eps):
    formula = lambda xp, x: (x + 1e3) - 1e3  # noqa: E731
    cancels = truth_of(lambda xp, x: xp.sum(x * x) / 2, {"x": X}, "gradient", formula, dtype=dtype)
    plain = truth_of(logsumexp, {"x": X}, "gradient", softmax, dtype=dtype)
    assert np.all(plain.noise < 16 * eps * np.abs(plain.high))
    assert np.all(plain.noise > 0.02 * eps * np.abs(plain.high))
    assert np.all((cancels.noise > 50 * eps) & (cancels.noise < 4000 * eps))


def test_noise_of_a_sum_that_cancels_has_the_size_of_its_terms():
    def turn(xp, x):  # its divergence x − x is exactly 0, whatever x
        return xp.stack([x[0] ** 2 / 2, -x[0] * x[1]])

    def jacobian(xp, x):
        zero = 0 * x[0]
        return xp.stack([xp.stack([x[0], zero]), xp.stack([-x[1], -x[0]])])

    formulas = {"jacobian": jacobian, "divergence": lambda xp, x: 0 * xp.sum(x)}
    truth = truth_of(turn, {"x": np.array([3.0, 4.0])}, "divergence", formulas)
    assert (truth.kind, float(truth.high)) == ("certified", 0.0)
    assert 3 * 2.0**-54 < truth.noise < 24 * 2.0**-52


def test_the_truth_holds_a_hundred_bits():
    truth = truth_of(lambda xp, x: xp.sum(x / 3), {"x": np.ones(2)}, "gradient")
    assert truth.high[0] == 1 / 3
    assert truth.low[0] == pytest.approx(float(1 / 3 - 6004799503160661 / 2**54), abs=1e-16)
    with precision(256):
        assert abs(midpoint(truth.exact * 3 - 1)[0]) < 1e-45


def test_truths_are_kept_and_an_independent_one_is_another():
    referee = Referee(setting_of(logsumexp, {"x": X}, softmax))
    row = OPERATORS["gradient"]
    assert referee.truth(row) is referee.truth(row)
    assert referee.truth(row, independent=True).kind == "definition"
    assert referee.truth(row).kind == "certified"
