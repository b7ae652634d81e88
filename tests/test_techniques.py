"""The techniques: which run, what they refuse, and that each computes what it says."""

import shutil

import numpy as np
import pytest

import xgrad
from xgrad.checking.checks import make_case
from xgrad.errors import UsageError
from xgrad.frameworks import find_framework
from xgrad.judging import Judge
from xgrad.numbers import midpoint
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee
from xgrad.techniques import (
    Method,
    choose_methods,
    complex_step,
    evaluate,
    require_methods,
    techniques,
)

X = np.array([0.7, -0.43, 1.9, -1.3, 0.2])
M = np.outer(X[:3], X[2:]) + 3 * np.eye(3)


def setting_of(function, operator="gradient", x=X, dtype="float64", **case):
    made = make_case(function, {"x": x}, operators=operator, **case)
    return Setting.make(made, "small", "given", dtype, 0)


def method_of(text):
    framework, _, label = text.partition(".")
    technique, _, variant = label.partition(":")
    return Method(framework, technique, variant)


def judged(function, method, operator="gradient", **options):
    """The row of one method on a function at one point."""
    judge = Judge(setting_of(function, operator, **options), "cpu")
    return judge.judge(method_of(method), OPERATORS[operator]).row


def digits_of(function, method, operator="gradient", **options):
    """The digits that a method has right, by the referee."""
    setting, row = setting_of(function, operator, **options), OPERATORS[operator]
    truth = Referee(setting).truth(row)
    outcome = evaluate(method_of(method), row, setting, "cpu")
    assert (truth.kind, outcome.status) == ("definition", "ok"), outcome
    return -np.log10(np.max(truth.error(outcome.flat)) / np.max(np.abs(truth.high)) + 1e-18)


# --- choosing ------------------------------------------------------------------------------------


@pytest.fixture
def case():
    @xgrad.case(wrt="x", methods=("numpy.differences:central@1e-4",))
    def square(xp, x):
        return xp.sum(x * x)

    square.inputs(lambda rng: {"x": X})
    square.formula("gradient")(lambda xp, x: 2 * x)
    square.formula("gradient", name="naive", default=False)(lambda xp, x: x + x)
    square.formula("gradient", name="library", frameworks=("torch",))(lambda xp, x: 2.0 * x)
    square.implementation("torch", name="F.square")(lambda x: (x**2).sum())
    return square


# patterns: what they choose among, and what they leave out
CHOICES = [
    (None, "numpy.formula torch.reverse torch.reverse:func torch.reverse:F.square jax.forward "
           "torch.formula:library numpy.differences:central@1e-4 numpy.complex_step",
     "torch.reverse:compiled torch.formula:naive numpy.differences:forward ball.differences "
     "jax.reverse:F.square numpy.formula:library jax.formula torch.forward:twice"),
    (("torch.*",), "torch.reverse torch.forward torch.formula torch.reverse:F.square",
     "torch.reverse:compiled torch.reverse:ones torch.formula:naive jax.reverse "
     "torch.differences:central"),
    (("torch.reverse:*",), "torch.reverse:compiled torch.reverse:ones torch.reverse:func",
     "torch.reverse torch.forward"),
    (("*.formula",), "numpy.formula torch.formula jax.formula ball.formula",
     "numpy.formula:naive torch.reverse"),
    (("*.formula:naive",), "numpy.formula:naive ball.formula:naive", "numpy.formula"),
    (("*:central@1e-3",), "numpy.differences:central@1e-3 torch.differences:central@1e-3",
     "numpy.differences:forward@1e-3 torch.reverse:compiled@1e-3"),
    (("ball.*",), "ball.differences ball.formula", "numpy.formula ball.formula:naive"),
    (("numpy.formula", "numpy.*"), "numpy.formula numpy.complex_step", "torch.formula"),
]  # fmt: skip


@pytest.mark.parametrize(("patterns", "inside", "outside"), CHOICES)
def test_a_pattern_chooses_its_methods_and_leaves_unusual_ones_out(case, patterns, inside, outside):
    chosen = [str(m) for m in choose_methods(case, patterns)]
    assert len(chosen) == len(set(chosen))
    assert set(inside.split()) <= set(chosen)
    assert not set(outside.split()) & set(chosen)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("torch.revers", r"unknown method 'torch.revers': did you mean 'torch.reverse'"),
        ("*.formula:nave", "unknown method"),
        ("numpy.differences:central@", "takes no step|positive number|unknown step"),
        ("numpy.differences:central@abc", "a step is a positive number"),
        ("numpy.differences:central@-1e-4", "a step is a positive number"),
        ("numpy.differences:central@inf", "a step is a positive number"),
        ("numpy.differences:forward@nan", "a step is a positive number"),
        ("torch.reverse@1e-4", r"torch.reverse takes no step; these do: .*:central@1e-4"),
        ("numpy.differences@1e-4", "takes no step; these do: numpy.differences:forward@1e-4"),
    ],
)
def test_a_pattern_that_no_method_has_is_an_error_with_the_remedy(case, pattern, message):
    with pytest.raises(UsageError, match=message):
        require_methods([case], (pattern,))


def test_patterns_that_some_method_has_pass(case):
    fine = ("torch.*", "*.formula:naive", "*@1e-3", "numpy.differences:forward@0.5", "*:F.square")
    require_methods([case], fine)


def test_a_method_knows_its_label_and_family():
    method = Method("numpy", "differences", "central@1e-4")
    assert str(method) == "numpy.differences:central@1e-4"
    assert method.label == "differences:central@1e-4"
    assert method.family == "numpy.differences:central"
    assert str(Method("torch", "reverse")) == "torch.reverse"


# --- the complex step ----------------------------------------------------------------------------

ANALYTIC = {
    "abs": lambda xp, x: xp.sum(xp.abs(x) * x),
    "builtin abs": lambda xp, x: xp.sum(abs(x) ** 3),
    "maximum": lambda xp, x: xp.sum(xp.maximum(x, 0.3 * x[0]) * x),
    "relu": lambda xp, x: xp.sum(xp.maximum(x, 0.1)),
    "minimum": lambda xp, x: xp.sum(xp.minimum(x, x[0] * x[1])),
    "max": lambda xp, x: xp.max(x) * xp.min(x),
    "clip": lambda xp, x: xp.sum(xp.clip(x, -0.5, 0.5) ** 2),
    "where": lambda xp, x: xp.sum(xp.where(x > 0, x * x, -x)),
    "mask": lambda xp, x: xp.sum(xp.astype(x >= 0.5, x.dtype) * x * x),
    "branch": lambda xp, x: x[0] * x[1] if x[0] > 0 else x[1],
    "sort": lambda xp, x: xp.sum(xp.sort(x) * xp.arange(5)),
    "logsumexp": lambda xp, x: xp.logsumexp(3 * x),
    "softmax": lambda xp, x: xp.sum(xp.softmax(x) * x),
    "log_softmax": lambda xp, x: xp.sum(xp.log_softmax(x) ** 2),
    "softplus": lambda xp, x: xp.sum(xp.softplus(9 * x)),
    "expit": lambda xp, x: xp.sum(xp.expit(9 * x)),
    "logaddexp": lambda xp, x: xp.sum(xp.logaddexp(x, 2 * x[0] * x)),
    "logaddexp of nothing": lambda xp, x: xp.sum(xp.logaddexp(x, xp.full((5,), -float("inf")))),
    "erf": lambda xp, x: xp.sum(xp.erf(x)),
    "erfc": lambda xp, x: xp.sum(xp.erfc(x)),
    "lgamma": lambda xp, x: xp.sum(xp.lgamma(xp.abs(x) + 0.1)),
    "lgamma of negatives": lambda xp, x: xp.sum(xp.lgamma(x - 2.11)),
    "digamma": lambda xp, x: xp.sum(xp.digamma(xp.abs(x) + 0.1)),
    "norm": lambda xp, x: xp.linalg.vector_norm(x),
    "norm of order 1": lambda xp, x: xp.linalg.vector_norm(x, ord=1) ** 2,
    "norm of order inf": lambda xp, x: xp.linalg.vector_norm(x, ord=float("inf")),
    "matrix norm": lambda xp, x: xp.linalg.matrix_norm(xp.linalg.outer(x, x) + xp.eye(5)),
    "hypot": lambda xp, x: xp.sum(xp.hypot(x, x[0] + x)),
    "var": lambda xp, x: xp.var(x) + xp.var(x[:, None] * x[None, :], axis=0, correction=1)[2],
    "std": lambda xp, x: xp.std(x, correction=1),
    "vecdot": lambda xp, x: xp.vecdot(x, xp.sin(x)) * xp.linalg.vecdot(x, x),
    "matmul": lambda xp, x: (x @ xp.sin(x)) + xp.sum(xp.matmul(x[:, None], x[None, :])),
    "einsum": lambda xp, x: xp.einsum("i,j->", x, xp.sin(x)),
    "powers": lambda xp, x: xp.sum(x**3) + xp.sum(xp.abs(x) ** 1.5) + xp.sum(xp.pow(2.0, x)),
    "logarithms": lambda xp, x: xp.sum(xp.log(x * x) + xp.log1p(x * x) + xp.log2(xp.abs(x))),
    "inverses": lambda xp, x: xp.sum(xp.asin(x / 5) + xp.atanh(x / 5) + xp.acosh(x * x + 1.1)),
    "scan": lambda xp, x: xp.scan(lambda c, a: (xp.sin(c) * a + a, c), x[0], x)[0],
    "matrices": lambda xp, x: xp.sum(xp.linalg.solve(xp.linalg.outer(x, x) + xp.eye(5), x)),
    "logdet": lambda xp, x: xp.linalg.slogdet(xp.linalg.outer(x, x) - 2 * xp.eye(5))[1],
}
STEPWISE = {
    "floor": lambda xp, x: xp.sum(xp.floor(3 * x) * x),
    "ceil": lambda xp, x: xp.sum(xp.ceil(3 * x) * x),
    "round": lambda xp, x: xp.sum(xp.round(3 * x) * x),
    "sign": lambda xp, x: xp.sum(xp.sign(x) * x),
    "remainder": lambda xp, x: xp.sum(x % 0.7),
    "floor_divide": lambda xp, x: xp.sum((x // 0.7) * x),
    "copysign": lambda xp, x: xp.sum(xp.copysign(x, x[0] * x)),
    "atan2": lambda xp, x: xp.sum(xp.atan2(x, x[0] * x)),
    "linalg.cholesky": lambda xp, x: xp.sum(xp.linalg.cholesky(xp.linalg.outer(x, x) + xp.eye(5))),
    "linalg.eigvalsh": lambda xp, x: xp.sum(xp.linalg.eigvalsh(xp.linalg.outer(x, x))),
    "real": lambda xp, x: xp.sum(xp.real(x) * x),
    "conj": lambda xp, x: xp.sum(xp.conj(x) * x),
    "astype to integers": lambda xp, x: xp.sum(xp.astype(9 * x, xp.int64) * x),
}


@pytest.mark.parametrize(("dtype", "digits"), [("float64", 14.5), ("float32", 5.7)])
@pytest.mark.parametrize("name", ANALYTIC)
def test_the_complex_step_is_right_to_the_last_digits(name, dtype, digits):
    assert digits_of(ANALYTIC[name], "numpy.complex_step", dtype=dtype) > digits


def test_a_slightly_wrong_step_would_show_in_these_digits(monkeypatch):
    monkeypatch.setitem(complex_step.STEP, "float64", 1e-4)
    assert digits_of(ANALYTIC["logsumexp"], "numpy.complex_step") < 14


@pytest.mark.parametrize("name", STEPWISE)
def test_the_complex_step_refuses_what_is_not_analytic(name):
    row = judged(STEPWISE[name], "numpy.complex_step")
    assert row["status"] == "unsupported", row
    assert f"{name} is not analytic here" in row["message"]


@pytest.mark.parametrize("name", ["log", "sqrt", "acosh", "pow"])
def test_the_complex_step_leaves_the_domain_where_the_real_function_does(name):
    calls = {"pow": lambda xp, x: xp.sum(x**0.5)}
    function = calls.get(name, lambda xp, x: xp.sum(getattr(xp, name)(x)))
    assert judged(function, "numpy.complex_step")["status"] == "nonfinite"


def test_the_complex_step_of_a_value_that_overflows_is_not_zero():
    overflow = lambda xp, x: xp.sum(xp.log(1 + xp.exp(1e3 * x)))  # noqa: E731
    assert judged(overflow, "numpy.complex_step")["status"] == "nonfinite"


def test_the_complex_step_keeps_small_derivatives():
    x, function = np.array([1.0, 1.3, 1.45]), lambda xp, x: xp.exp(-300 * x * x)
    outcome = evaluate(
        method_of("numpy.complex_step"), OPERATORS["derivative"],
        setting_of(function, "derivative", x=x), "cpu",
    )  # fmt: skip
    assert np.allclose(outcome.flat, -600 * x * np.exp(-300 * x * x), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("operator", "dtype", "message"),
    [("hvp", "float64", "first derivatives only"), ("gradient", "float16", "no complex type")],
)
def test_the_complex_step_has_first_derivatives_and_complex_types(operator, dtype, message):
    row = judged(ANALYTIC["where"], "numpy.complex_step", operator, dtype=dtype)
    assert row["status"] == "unsupported"
    assert message in row["message"]


def test_float_of_an_array_is_an_error_not_a_zero():
    row = judged(lambda xp, x: float(x[0]) * x[1], "numpy.complex_step")
    assert row["status"] == "error"
    assert "cuts the derivative" in row["message"]


# --- reverse mode --------------------------------------------------------------------------------


def sine_times(xp, x):
    return xp.sum(xp.sin(x) * x)


def test_an_implementation_is_what_is_differentiated():
    case = make_case(sine_times, {"x": X}, operators="gradient")
    case.implementation("torch", name="right")(lambda x: (x.sin() * x).sum())
    case.implementation("torch", name="wrong")(lambda x: (x.sin() * x * (1 + 1e-9)).sum())
    judge = Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")
    verdicts = [
        judge.judge(Method("torch", "reverse", name), OPERATORS["gradient"]).row["verdict"]
        for name in ("right", "wrong")
    ]
    assert verdicts == ["agrees", "disagrees"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_reverse_mode_is_right():
    row = judged(sine_times, "torch.reverse:compiled")
    assert (row["status"], row["verdict"]) == ("ok", "agrees"), row


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_shortcut_of_ones_is_right_for_a_diagonal_jacobian_only(framework):
    diagonal, full = lambda xp, x: xp.sin(x) * x, lambda xp, x: x * xp.roll(x, 1)
    method = f"{framework}.reverse:ones"
    assert judged(diagonal, method, "divergence")["verdict"] == "agrees"
    assert judged(full, method, "divergence")["verdict"] == "disagrees"
    assert judged(full, f"{framework}.reverse", "divergence")["verdict"] == "agrees"
    refused = judged(sine_times, method)
    assert (refused["status"], "divergence" in refused["message"]) == ("unsupported", True)


# --- formulas ------------------------------------------------------------------------------------


def test_named_formulas_are_methods_and_limited_ones_stay_where_they_belong(case):
    frame = xgrad.run(case, dtypes="float64", methods=("*.formula", "*.formula:*"), workers=0)
    rows = {f"{r.framework}.{r.technique}": r.verdict for r in frame.itertuples()}
    assert rows == dict.fromkeys(
        ["numpy.formula", "torch.formula", "jax.formula", "ball.formula", "numpy.formula:naive",
         "torch.formula:naive", "jax.formula:naive", "ball.formula:naive", "torch.formula:library"],
        "agrees",
    )  # fmt: skip


def test_a_limited_formula_elsewhere_says_where_it_runs(case):
    judge = Judge(Setting.make(case, "small", "random", "float64", 0), "cpu")
    row = judge.judge(Method("numpy", "formula", "library"), OPERATORS["gradient"]).row
    assert (row["status"], row["message"]) == ("unsupported", "this formula runs on torch only")


def test_a_wrong_named_formula_disagrees_and_the_right_one_does_not(case):
    case.formula("gradient", name="off")(lambda xp, x: 2 * x * (1 + 1e-12))
    judge = Judge(Setting.make(case, "small", "random", "float64", 0), "cpu")
    rows = [
        judge.judge(Method("numpy", "formula", name), OPERATORS["gradient"]).row
        for name in ("", "off")
    ]
    assert [r["verdict"] for r in rows] == ["agrees", "disagrees"]
    assert rows[1]["referee"] == "certified"


def test_a_formula_of_several_inputs_that_is_no_tuple_says_what_to_return():
    case = make_case(
        lambda xp, x, y: xp.sum(x * y), {"x": X, "y": X}, wrt=("x", "y"), operators="gradient",
        formula=lambda xp, x, y: y,
    )  # fmt: skip
    judge = Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")
    row = judge.judge(Method("numpy", "formula"), OPERATORS["gradient"]).row
    assert row["status"] == "error"
    assert "return a tuple in the order of wrt: x, y" in row["message"]


def test_an_operator_without_formula_is_unsupported():
    row = judged(sine_times, "numpy.formula")
    assert (row["status"], row["verdict"]) == ("unsupported", "")
    assert "no formula for gradient" in row["message"]


@pytest.mark.parametrize("technique", ["reverse", "forward"])
def test_the_value_is_no_derivative(technique):
    row = judged(sine_times, f"torch.{technique}", "value")
    assert (row["status"], "not a derivative" in row["message"]) == ("unsupported", True)


# --- maps that are not elementwise ---------------------------------------------------------------

MIXING = {
    "cumulative sum": lambda xp, x: xp.cumulative_sum(x),
    "x sum x": lambda xp, x: x * xp.sum(x),
    "softmax": lambda xp, x: xp.softmax(x),
    "x beside a kink": lambda xp, x: xp.abs(x) + xp.sum(x),
}


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
@pytest.mark.parametrize("name", MIXING)
def test_the_derivative_of_a_map_that_is_not_elementwise_is_an_error(name, operator):
    x = np.array([0.5, -1.0, 0.0]) if "kink" in name else X
    for formula in (None, {operator: lambda xp, x: 0 * x}):
        for method in ("torch.reverse", "jax.forward", "numpy.differences", "ball.differences"):
            row = judged(MIXING[name], method, operator, x=x, formula=formula)
            assert (row["status"], row["verdict"]) == ("error", ""), (method, row)
            assert f"{operator} needs an elementwise map" in row["message"]
            assert "use jacobian, jvp or vjp" in row["message"]


# --- dtypes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_short_floats_run_and_are_judged(framework, dtype):
    for technique in ("reverse", "forward", "differences"):
        row = judged(sine_times, f"{framework}.{technique}", dtype=dtype)
        right = ("agrees", "inconclusive") if technique == "differences" else ("agrees",)
        assert (row["status"], row["verdict"] in right) == ("ok", True), row
    off = judged(sine_times, f"{framework}.formula", dtype=dtype, formula=lambda xp, x: 1.5 * x)
    assert off["verdict"] == "disagrees"


def test_a_dtype_that_a_framework_lacks_is_unsupported():
    row = judged(sine_times, "numpy.formula", dtype="bfloat16")
    assert (row["status"], row["message"]) == ("unsupported", "numpy has no bfloat16")


def test_every_technique_says_in_one_sentence_what_it_is():
    for name, technique in techniques().items():
        assert technique.name == name
        assert type(technique).__doc__.endswith(".")


def test_what_a_trace_freezes_shows_at_the_point_that_is_judged(monkeypatch):
    @xgrad.case(wrt="x", operators=("gradient",))
    def cube(xp, x):
        return xp.sum(x * x * x)

    cube.point("here")(lambda: {"x": np.array([1.0, 2.0])})

    def frozen(self, f, variant=""):
        """A compiler that keeps the first result it computed."""
        kept = []
        return lambda *args: kept[0] if kept else kept.append(f(*args)) or kept[0]

    right = xgrad.run(cube, methods=("jax.reverse",), dtypes=("float64",))
    monkeypatch.setattr(type(find_framework("jax")), "compile", frozen)
    stale = xgrad.run(cube, methods=("jax.reverse",), dtypes=("float64",))
    assert (right["verdict"][0], stale["verdict"][0]) == ("agrees", "disagrees")


def test_seeds_and_points_of_a_case_share_what_is_compiled(monkeypatch):
    @xgrad.case(wrt="x", sizes={"small": {"n": 3}}, operators=("gradient",))
    def cube(xp, x):
        return xp.sum(x * x * x)

    cube.inputs(lambda rng, n: {"x": rng.normal(size=n)})
    cube.point("here")(lambda n: {"x": np.arange(1.0, 1.0 + n)})
    cube.formula("gradient")(lambda xp, x: 3 * x * x)
    framework = type(find_framework("jax"))
    compile_, traced = framework.compile, []

    def counted(self, f, variant=""):
        traced.append(variant)
        return compile_(self, f, variant)

    monkeypatch.setattr(framework, "compile", counted)
    options = {"methods": ("jax.reverse",), "dtypes": ("float64", "float32"), "seed": (0, 1, 2)}
    rows = xgrad.run(cube, **options)
    assert (len(rows), set(rows["verdict"]), len(traced)) == (8, {"agrees"}, 2)
    longer = xgrad.case(wrt="x", sizes={"small": {"n": 3}, "more": {"n": 4}})(cube.function)
    longer.inputs(lambda rng, n: {"x": rng.normal(size=n)})
    longer.formula("gradient")(lambda xp, x: 3 * x * x)
    xgrad.run(longer, sizes=("small", "more"), methods=("jax.reverse",), dtypes=("float64",))
    assert len(traced) == 4


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_forward_mode_takes_second_derivatives_over_reverse_unless_asked_twice(
    framework, monkeypatch
):
    @xgrad.case(wrt="x", operators=("hvp", "hessian", "vjp"))
    def quartic(xp, x):
        return xp.sum(x**4) + x[0] * x[1] ** 2

    quartic.point("here")(lambda: {"x": np.array([1.0, -2.0, 0.5])})
    kind = type(find_framework(framework).transforms("forward"))
    pull, calls = kind.pull, []

    def counted(self, *args, **keywords):
        calls.append(keywords)
        return pull(self, *args, **keywords)

    monkeypatch.setattr(kind, "pull", counted)
    setting = Setting.make(quartic, next(iter(quartic.sizes)), "here", "float64", 0)
    for variant, nested in (("", True), ("twice", False)):
        calls.clear()
        for name in ("hvp", "hessian"):
            method = Method(framework, "forward", variant)
            found = evaluate(method, OPERATORS[name], setting, "cpu")
            defined = evaluate(Method("ball", "differences"), OPERATORS[name], setting, "cpu")
            np.testing.assert_allclose(found.flat, midpoint(defined.flat), rtol=1e-14)
        assert bool(calls) == nested
    usual = xgrad.run(quartic, dtypes=("float64",))
    products = usual[usual["operator"] == "vjp"]
    assert "forward" not in set(products["technique"])
    named = xgrad.run(quartic, methods=("torch.forward",), operators=("vjp",), dtypes=("float64",))
    assert list(named["verdict"]) == ["agrees"]


# --- names of directions --------------------------------------------------------------------------


def weighted(name):
    """Σ w x², w an input; its vjp has the cotangent by another name, or by none."""
    case = xgrad.case(wrt="x", operators=("vjp",))(lambda xp, x, w: w * x * x)
    case.inputs(lambda rng: {"x": rng.normal(size=3), "w": rng.normal(size=3)})
    if name:
        case.formula("vjp")(lambda xp, x, w, u: 2 * w * x * u)
    else:
        case.formula("vjp")(lambda xp, x, w: 2 * w * x)
    return case


def test_an_input_may_have_the_name_of_a_direction():
    rows = xgrad.run(weighted(True), dtypes=("float64",), methods=("*.formula", "torch.reverse"))
    assert set(rows["verdict"]) == {"agrees"}
    assert set(rows.loc[rows["framework"] != "ball", "referee"]) == {"certified"}


def test_a_direction_without_a_name_of_its_own_is_a_clear_error():
    rows = xgrad.run(weighted(False), dtypes=("float64",), methods=("numpy.formula",))
    (message,) = set(rows["message"])
    assert "an input is called w, as the direction of formulas is" in message
