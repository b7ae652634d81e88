"""The judge: wrong derivatives are named, element by element, and right ones never accused."""

from functools import lru_cache

import numpy as np
import pytest

import xgrad
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import element_name

BOTH = ("float64", "float32")


def make(name, function, draw, gradient, *, wrt="x", **formulas):
    """A case with a gradient, and named formulas that run in NumPy when asked for."""
    case = xgrad.case(function, wrt=wrt, name=name)
    case.inputs(draw)
    case.formula("gradient")(gradient)
    for each, formula in formulas.items():
        case.formula("gradient", name=each, frameworks=("numpy",), default=False)(formula)
    return case


# --- functions with different ways to be hard -----------------------------------------------------


def logsumexp(xp, x):
    return xp.logsumexp(x)


def rosenbrock(xp, x):
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(xp, x):
    t = 200 * (x[1:] - x[:-1] ** 2)
    zero = xp.zeros((1,))
    return xp.concat([-2 * x[:-1] * t - 2 * (1 - x[:-1]), zero]) + xp.concat([zero, t])


def logdet(xp, x):
    return xp.linalg.slogdet(x)[1]


def stiff(xp, x):
    return xp.sum(xp.exp(10 * x)) + xp.sum(xp.exp(-8 * x))


def scaled(xp, x):
    return xp.sum(xp.log1p(x * x))


def cancelling(xp, x):
    return xp.sum(xp.softmax(x))


def cancelling_gradient(xp, x):
    s = xp.softmax(x)
    return s - s * xp.sum(s)


def bilinear(xp, x):
    return xp.sum(xp.sin(xp.matmul(x, x))) + xp.sum(x * x) / 1000


def bilinear_gradient(xp, x):
    c = xp.cos(xp.matmul(x, x))
    return xp.matmul(c, x.T) + xp.matmul(x.T, c) + x / 500


def normal(*shape):
    return lambda rng: {"x": rng.normal(size=shape)}


FUNCTIONS = {
    "logsumexp": (logsumexp, normal(12), lambda xp, x: xp.softmax(x)),
    "rosenbrock": (rosenbrock, normal(8), rosenbrock_gradient),
    "logdet": (
        logdet,
        lambda rng: {"x": rng.normal(size=(5, 5)) + 2 * np.eye(5)},
        lambda xp, x: xp.linalg.inv(x).T,
    ),
    "stiff": (
        stiff,
        lambda rng: {"x": rng.uniform(-1, 1, size=9)},
        lambda xp, x: 10 * xp.exp(10 * x) - 8 * xp.exp(-8 * x),
    ),
    "scaled": (
        scaled,
        lambda rng: {"x": rng.choice([-1, 1], 9) * 10.0 ** rng.uniform(-8, 8, size=9)},
        lambda xp, x: 2 * x / (1 + x * x),
    ),
    "cancelling": (cancelling, normal(10), cancelling_gradient),
    "bilinear": (bilinear, normal(4, 4), bilinear_gradient),
}


def largest(g):
    return np.unravel_index(np.argmax(np.abs(g)), g.shape)


def changed(g, by):
    g = g.copy()
    k = largest(g)
    g[k] = by(g[k])
    return g


MISTAKES = {
    "sign": lambda g: changed(g, np.negative),
    "factor": lambda g: 2 * g,
    "half": lambda g: g / 2,
    "transposed": lambda g: g.T if g.ndim == 2 else g[::-1],
    "element": lambda g: changed(g, lambda v: v * (1 + 1e-5)),
    "overall": lambda g: g * (1 + 1e-5),
    "zeroed": lambda g: changed(g, lambda v: 0 * v),
    "nothing": lambda g: 0 * g,
    "dropped": lambda g: (
        g - (1e-3 * np.cos(np.arange(g.size)).reshape(g.shape) * g).astype(g.dtype)
    ),
    "nan": lambda g: changed(g, lambda v: np.nan),
}
SINGLE = ("sign", "element", "zeroed", "nan")


@lru_cache
def function(name):
    """The case of that name, with a formula for each mistake."""

    def planted(mistake):
        return lambda xp, x: MISTAKES[mistake](gradient(xp, x)).astype(x.dtype)

    value, draw, gradient = FUNCTIONS[name]
    return make(name, value, draw, gradient, **{m: planted(m) for m in MISTAKES})


WRONG = [name for name in FUNCTIONS if name != "cancelling"]


@pytest.mark.many
@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_disagree_and_the_worst_element_is_named(verdicts, name, dtype):
    case = function(name)
    rows = verdicts(case, "numpy.formula:*", dtype=dtype)
    assert {r["technique"]: r["verdict"] for r in rows} == {
        f"formula:{mistake}": "disagrees" for mistake in MISTAKES
    }
    at = Setting.make(case, "small", "random", dtype, 0)
    truth = FUNCTIONS[name][2](np, at.inputs["x"]) if name != "logsumexp" else None
    for row in rows:
        mistake = row["technique"].partition(":")[2]
        if mistake in SINGLE and truth is not None:
            flat = int(np.ravel_multi_index(largest(truth), truth.shape))
            assert row["worst"] == element_name(OPERATORS["gradient"], at, flat)
            assert row["message"].startswith("1 of ")


RIGHT = ("numpy.*", "torch.reverse", "torch.reverse:func", "torch.forward", "torch.formula")
LONG_SCALES = "scaled"  # where differences cannot see small elements: their bounds are not ours


@pytest.mark.many
@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_gradients_are_never_accused(verdicts, name, dtype):
    rows = verdicts(function(name), *RIGHT, dtype=dtype, seed=range(20))
    rows = [r for r in rows if r["status"] != "unsupported"]
    if name == LONG_SCALES:
        rows = [r for r in rows if r["technique"] != "differences"]
    assert len(rows) > 100
    wrong = [r for r in rows if r["verdict"] not in ("agrees", "bounded")]
    assert [(r["technique"], r["seed"], r["verdict"], r["message"]) for r in wrong] == []
    unsure = {r["technique"] for r in rows if r["verdict"] == "bounded"}
    assert unsure <= {"differences"}


@pytest.mark.many(3)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_gradients_of_jax_are_never_accused(verdicts, name):
    rows = verdicts(function(name), "jax.reverse", "jax.forward", dtype=BOTH)
    assert {r["verdict"] for r in rows} == {"agrees"}


def test_a_cancelling_gradient_may_not_be_wrong_by_more_than_its_terms(verdicts):
    off = {"off": lambda xp, x: xp.full(x.shape, 1e-5, dtype=x.dtype)}
    case = make("nearly_zero", *FUNCTIONS["cancelling"], **off)
    for row in verdicts(case, "numpy.formula:off", dtype=BOTH):
        assert row["verdict"] == "disagrees"
        assert "zero everywhere" in row["message"]


# --- lost digits ----------------------------------------------------------------------------------


def small(low, high):
    return lambda rng: {"x": 10.0 ** rng.uniform(low, high, size=6)}


def versine_gradient(xp, x):
    """Of log(1 − cos x), without cancellation."""
    return xp.cos(x / 2) / xp.sin(x / 2)


versine = make(
    "versine",
    lambda xp, x: xp.sum(xp.log(2 * xp.sin(x / 2) ** 2)),
    small(-2, -1),
    versine_gradient,
    naive=lambda xp, x: xp.sin(x) / (1 - xp.cos(x)),
    doubled=lambda xp, x: 2 * xp.sin(x) / (1 - xp.cos(x)),
    off=lambda xp, x: versine_gradient(xp, x) * (1 + xp.asarray(1e-4, dtype=x.dtype)),
    short=lambda xp, x: versine_gradient(xp, x).astype(np.float32).astype(x.dtype),
    shorter=lambda xp, x: (
        np.float32(0.1) * versine_gradient(xp, x).astype(np.float32) / np.float32(0.1)
    ).astype(x.dtype),
)


@pytest.mark.parametrize("dtype", BOTH)
def test_right_mathematics_with_lost_digits_is_unstable(verdict, dtype):
    row = verdict(versine, "numpy.formula:naive", dtype=dtype, seed=1)
    assert row["verdict"] == "unstable"
    assert row["hint"].startswith("right mathematics, ")
    assert row["hint"].endswith(" digits lost to rounding")
    lost = {"float64": 15.65, "float32": 6.92}[dtype] - row["digits"]
    assert abs(float(row["hint"].split()[2]) - lost) < 1


def test_the_derivative_of_a_naive_function_is_unstable_and_that_of_a_stable_one_agrees(verdicts):
    def naive(xp, x):
        return xp.sum(xp.log((1 - xp.cos(x)) / (x * x)))

    def gradient(xp, x):
        """cot(x/2) − 2/x, by its series where the two cancel."""
        return -x / 6 - x**3 / 360 - x**5 / 15120 - x**7 / 604800

    def seen(value, draw):
        case = xgrad.case(value, wrt="x", name="ratio")
        case.inputs(draw)
        rows = verdicts(case, "torch.reverse", "jax.reverse", "numpy.complex_step")
        return {(r["framework"], r["technique"]): r["verdict"] for r in rows}

    assert "disagrees" not in seen(naive, small(-3, -2)).values()
    assert set(seen(lambda xp, x: gradient(xp, x)[0], small(-3, -2)).values()) == {"agrees"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", BOTH)
def test_lost_digits_excuse_no_mistake(verdict, dtype, seed):
    for name in ("doubled", "off"):
        row = verdict(versine, f"numpy.formula:{name}", dtype=dtype, seed=seed)
        assert row["verdict"] == "disagrees"


@pytest.mark.parametrize("name", ["short", "shorter"])
def test_a_shorter_dtype_inside_is_no_lost_digits(verdict, name):
    row = verdict(versine, f"numpy.formula:{name}")
    assert row["verdict"] == "disagrees"
    assert row["hint"].startswith("lower precision inside")


# --- differences ----------------------------------------------------------------------------------


def test_differences_that_cannot_resolve_are_inconclusive_and_say_why(verdict):
    row = verdict(function("logsumexp"), "numpy.differences:central@1e-6", dtype="float32")
    assert (row["verdict"], row["status"]) == ("inconclusive", "ok")
    assert row["digits"] < 3
    assert "rounding" in row["message"]


def test_a_bound_that_the_truth_violates_is_told(verdict, monkeypatch):
    monkeypatch.setattr("xgrad.techniques.differences.Differences.prepare", bounded_wrongly)
    row = verdict(function("rosenbrock"), "numpy.differences")
    assert (row["verdict"], row["rule"]) == ("inconclusive", "within its own bound")
    assert "past what differences claim" in row["message"]


def bounded_wrongly(self, framework, variant, operator, setting, device):
    from xgrad.techniques import Result

    return lambda at: Result(flat=np.ones(at.x_size), bound=np.full(at.x_size, 1e-9))


# --- kinks, NaN, zero -----------------------------------------------------------------------------


@pytest.fixture
def corner():
    """Σ|x| at (0, 2)."""
    case = xgrad.case(lambda xp, x: xp.sum(xp.abs(x)), wrt="x", name="corner")
    case.point("corner")(lambda: {"x": np.array([0.0, 2.0])})
    return case


@pytest.mark.parametrize(("method", "slope"), [("torch.reverse", "0"), ("jax.reverse", "1")])
def test_a_kink_is_a_convention_with_its_slopes(verdict, corner, method, slope):
    row = verdict(corner, method)
    assert (row["verdict"], row["referee"]) == ("convention", "kink")
    assert row["message"] == f"kink at x[0]: slopes -1 and 1, returned {slope}"


def test_a_wrong_element_beside_a_kink_disagrees(verdict, corner):
    corner.formula("gradient", name="wrong")(lambda xp, x: xp.sign(x) * 1.5)
    row = verdict(corner, "numpy.formula:wrong")
    assert (row["verdict"], row["worst"]) == ("disagrees", "x[1]")


def test_a_value_outside_the_slopes_is_told(verdict, corner):
    corner.formula("gradient", name="outside")(lambda xp, x: xp.sign(x) + 5 * (x == 0))
    row = verdict(corner, "numpy.formula:outside")
    assert "returned 5, outside" in row["message"]
    assert row["error"] == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_where_the_truth_is_fails(verdict, value):
    def hole(xp, x):
        return changed(rosenbrock_gradient(xp, x), lambda v: value)

    case = make("hole", *FUNCTIONS["rosenbrock"], hole=hole)
    row = verdict(case, "numpy.formula:hole")
    assert (row["status"], row["verdict"], row["digits"]) == ("nonfinite", "disagrees", 0)
    assert "1 of 8 elements are NaN or infinite: " in row["message"]
    assert row["worst"] in row["message"]


def test_nan_against_nan_is_no_agreement(verdicts):
    def log(xp, x):
        return xp.log(-x * x)

    case = make("nowhere", lambda xp, x: xp.sum(log(xp, x)), normal(3), log)
    rows = verdicts(case, "numpy.formula", "torch.formula", "torch.reverse", "jax.formula")
    assert not {"agrees", "convention"} & {r["verdict"] for r in rows}
    assert {r["status"] for r in rows if r["technique"] == "formula"} == {"nonfinite"}
    assert all(r["referee"].startswith("none: ") for r in rows)


def test_a_formula_for_zero_accuses_nobody(verdicts):
    def zero(xp, x):
        return xp.zeros_like(x)

    case = make("zero", cancelling, normal(10), zero)
    rows = verdicts(case, "torch.reverse", "numpy.complex_step", dtype=BOTH, seed=range(5))
    assert {r["verdict"] for r in rows} <= {"agrees", "unstable"}
    assert {r["hint"] for r in rows} <= {"", "right mathematics: what is left of terms that cancel"}


def test_a_zero_truth_says_so(verdict):
    row = verdict(function("cancelling"), "torch.reverse")
    assert row["verdict"] == "agrees"
    assert "the truth is zero everywhere: digits are undefined" in row["message"]
    assert all(np.isnan(row[k]) for k in ("relative_error", "digits", "ulps"))


# --- names ----------------------------------------------------------------------------------------

NAMES = {
    ("gradient", 0): "mu[0]",
    ("gradient", 2): "S[0,0]",
    ("gradient", 5): "S[1,0]",
    ("gradient", 8): "s",
    ("hessian", 9 * 3 + 8): "S[0,1]/s",
    ("hessian", 0): "mu[0]/mu[0]",
    ("jacobian", 9 * 5 + 2): "y[1,2]/S[0,0]",
    ("vjp", 1): "mu[1]",
    ("jvp", 5): "y[1,2]",
    ("divergence", 0): "divergence",
    ("value", 3): "y[1,0]",
}


@pytest.mark.parametrize(("operator", "k"), NAMES)
def test_elements_are_named_as_an_array_index(operator, k):
    shapes = {"mu": (2,), "S": (2, 3), "s": ()}
    case = xgrad.case(lambda xp, mu, S, s: mu, wrt=tuple(shapes), name="names")
    case.inputs(lambda rng: {name: np.ones(shape) for name, shape in shapes.items()})
    at = Setting.make(case, "small", "random", "float64", 0)
    at.__dict__["y_shape"] = () if operator in ("gradient", "hessian", "divergence") else (2, 3)
    assert element_name(OPERATORS[operator], at, k) == NAMES[operator, k]


def test_a_single_value_is_named_y(verdict):
    row = verdict(function("rosenbrock"), "torch.formula", operators=("value",))
    assert (row["verdict"], row["worst"]) == ("agrees", "y")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1.25, "disagrees")])
def test_a_quarter_too_much_is_no_rounding_in_short_types(dtype, factor, verdict):
    @xgrad.case(wrt="x", operators=("gradient",))
    def cubes(xp, x):
        return xp.sum(x * x * x)

    cubes.inputs(lambda rng: {"x": rng.normal(size=8)})
    cubes.formula("gradient")(lambda xp, x: 3 * x * x)
    cubes.formula("gradient", name="off", default=False)(lambda xp, x: factor * 3 * x * x)
    for seed in range(10):
        frame = xgrad.run(cubes, methods=("torch.formula:off",), dtypes=(dtype,), seed=seed)
        assert list(frame["verdict"]) == [verdict]
