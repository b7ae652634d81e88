"""Each rule of the verdict decides a case of its own, and its nearest wrong twin is told apart."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gelus import gelu

import xgrad
from xgrad.errors import UsageError
from xgrad.judging import is_failure, rules, share_of_digits, stability
from xgrad.table import records


def judged(function, inputs, **options):
    """The rows of a check by method, in float64 unless said otherwise."""
    options.setdefault("dtypes", ("float64",))
    rows = records(xgrad.check(function, inputs, **options))
    return {f"{r['framework']}.{r['technique']} {r['dtype']}": r for r in rows}


def scaled(factor):
    """Σx² in torch, whose backward pass is off by a factor."""

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x * x).sum()

        @staticmethod
        def backward(ctx, g):
            return factor * 2 * g * ctx.saved_tensors[0]

    return Squares.apply


def test_agrees_is_said_by_one_rule_alone_and_each_rule_says_when():
    saying = [rule for rule in rules.RULES if "AGREES)" in inspect.getsource(rule)]
    saying = [r for r in saying if "Ruling(AGREES" in inspect.getsource(r)]
    assert saying == [rules.within_tolerance]
    assert all(rule.__doc__ for rule in rules.RULES)
    names = [rule.__name__ for rule in rules.RULES]
    assert names.index("no_small_part") < names.index("within_tolerance")
    assert names[-1] == "beyond_tolerance"


@pytest.mark.parametrize(("tolerance", "verdict"), [(np.inf, "inconclusive"), (1e-3, "disagrees")])
def test_nan_where_differences_have_no_bound_is_no_accusation(tolerance, verdict):
    found = SimpleNamespace(
        got=np.array([np.nan, 1.0]),
        beyond=np.array([True, False]),
        tolerance=np.array([tolerance, 1e-9]),
    )
    matter = SimpleNamespace(not_finite=True, value_is_lost=False, found=found)
    assert rules.not_finite_where_the_truth_is(matter).verdict == verdict


# --- a formula that the definition refutes --------------------------------------------------------


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-5, "disagrees")])
def test_a_formula_that_is_refuted_is_wrong_in_every_dtype(factor, verdict):
    rows = judged(
        lambda xp, x: xp.sum(xp.exp(x)),
        {"x": np.array([0.5, -1.0, 2.0])},
        formula=lambda xp, x: factor * xp.exp(x),
        dtypes=("float64", "float32"),
        methods=("numpy.formula",),
    )
    assert {r["verdict"] for r in rows.values()} == {verdict}
    if verdict == "disagrees":
        assert rows["numpy.formula float32"]["rule"] == "refuted in balls"


def test_a_constant_that_python_rounds_refutes_nothing():
    rows = judged(
        lambda xp, x: xp.sum(0.1 * x * x),
        {"x": np.array([0.5, -1.0])},
        formula=lambda xp, x: x / 5,
        methods=("numpy.formula",),
    )
    assert {r["verdict"] for r in rows.values()} == {"agrees"}


# --- differences ----------------------------------------------------------------------------------


def test_differences_within_their_bound_are_bounded_and_right():
    rows = judged(lambda xp, x: xp.sum(xp.exp(x)), {"x": np.array([0.5, -1.0])},
                  methods=("numpy.differences",))  # fmt: skip
    (row,) = rows.values()
    assert row["verdict"] in ("agrees", "bounded")
    assert not is_failure(row)


def test_differences_never_accuse_where_a_kink_lies_within_their_steps():
    hinge = xgrad.case(lambda xp, x: xp.sum(xp.maximum(x - 1, 0)), wrt="x", name="hinge")
    hinge.point("near")(lambda: {"x": np.array([1.0 + 1e-6, 0.3])})
    hinge.formula("gradient")(lambda xp, x: xp.astype(x > 1, x.dtype))
    rows = records(xgrad.run(hinge, dtypes=("float32",)))
    assert not [r for r in rows if r["verdict"] == "disagrees"]
    assert {r["verdict"] for r in rows if r["technique"] == "formula"} == {"agrees"}


# --- kinks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_kink", "verdict"), [(0.0, "convention"), (1.0, "convention"),
                                                  (5.0, "disagrees")])  # fmt: skip
def test_at_a_kink_of_a_torch_function_values_between_the_slopes_are_conventions(at_kink, verdict):
    class Relu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0).sum()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.where(x == 0, at_kink, (x > 0).to(x.dtype))

    rows = judged(Relu.apply, (torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64),),
                  methods=("torch.reverse",))  # fmt: skip
    (row,) = rows.values()
    assert row["verdict"] == verdict
    assert "kink at x[1]: slopes 0 and 1" in row["message"]


@pytest.mark.parametrize("name", ["clamp", "f", "another_name", "limit"])
def test_a_wrong_clamp_beside_its_bound_is_wrong_under_every_name(name):
    class Clamp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(max=1.0).sum()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.where(x < 1, -7.0, 0.0).to(x.dtype)

    def function(x):
        return Clamp.apply(x)

    function.__name__ = name
    x = torch.tensor([np.nextafter(1.0, 0.0), 0.5], dtype=torch.float64)
    (row,) = judged(function, (x,), methods=("torch.reverse",)).values()
    assert row["verdict"] == "disagrees"


# --- no truth, vague truths, values that are none -------------------------------------------------


def test_a_value_that_is_not_finite_has_no_derivative_and_the_others_are_judged():
    rows = judged(
        lambda x: torch.log(x), (torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64),),
        operators="jacobian", methods=("torch.reverse",),
    )  # fmt: skip
    (row,) = rows.values()
    assert row["verdict"] != "disagrees"
    assert "y[1]" in row["message"] + row["referee"]


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-6, "disagrees")])
def test_a_small_mistake_in_torch_is_seen_beside_its_right_twin(factor, verdict):
    x = torch.linspace(1, 2, 5, dtype=torch.float64)
    (row,) = judged(scaled(factor), (x,), methods=("torch.reverse",)).values()
    assert row["verdict"] == verdict


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_a_result_that_is_wrong_at_the_point_alone_is_not_given_its_jump_as_tolerance(shape):
    """exp(−|p − q|²) through a safe norm: every framework has the Hessian 0 at p = q, not −2 I."""

    def kernel(xp, p, q):
        s = xp.sum((p - q) ** 2)
        d = xp.where(s == 0, 0.0, xp.sqrt(xp.where(s == 0, 1.0, s)))
        return xp.exp(-d * d)

    p = np.full(shape, 0.3)
    rows = judged(kernel, {"p": p, "q": p.copy()}, wrt="p", operators="hessian")
    wrong = [r for m, r in rows.items() if m.startswith(("torch", "jax")) and r["verdict"]]
    assert wrong
    assert {r["verdict"] for r in wrong} == {"disagrees"}


# --- lost digits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "verdict", "rule"), [
    (1e-1, "disagrees", "past what lost digits excuse"), (1e-10, "unstable", "lost digits"),
])  # fmt: skip
def test_what_comes_and_goes_by_a_share_is_wrong_and_by_less_it_has_lost_digits(
    share, verdict, rule
):
    @xgrad.case
    def exponentials(xp, x):
        return xp.sum(xp.exp(x))

    exponentials.inputs(lambda rng: {"x": rng.normal(size=5)})

    @exponentials.formula("gradient", frameworks=("numpy",))
    def by_a_library(xp, x):
        return np.exp(x) * (1 + share * np.sin(1e13 * x))  # other digits at each point

    (row,) = xgrad.run([exponentials], dtypes=("float64",), methods=("numpy.formula",)).to_dict(
        "records"
    )
    assert (row["verdict"], row["rule"]) == (verdict, rule)


@pytest.mark.parametrize(("digits", "fails"), [(8.0, False), (3.0, True)])
def test_unstable_fails_where_less_than_a_quarter_of_the_digits_is_left(digits, fails):
    row = {"message": "", "status": "ok", "verdict": "unstable", "digits": digits,
           "dtype": "float64"}  # fmt: skip
    assert is_failure(row) == fails


@pytest.mark.parametrize(("digits", "least", "fails"),
                         [(3.0, 0.0, False), (8.0, 0.9, True), (15.0, 0.9, False)])  # fmt: skip
def test_the_share_of_digits_that_is_left_is_settable(digits, least, fails):
    row = {"message": "", "status": "ok", "verdict": "unstable", "digits": digits,
           "dtype": "float64"}  # fmt: skip
    assert is_failure(row, least) == fails


@pytest.mark.parametrize("given", [-0.1, 1.5, float("nan"), "half", None, True])
def test_a_share_of_digits_lies_between_0_and_1(given):
    with pytest.raises(UsageError, match=r"share=.*: give a share of the dtype's digits, 0 to 1"):
        share_of_digits("share", given)


def test_the_rule_that_decided_is_in_the_row():
    for function, rule in (
        (scaled(2.0), "refuted in balls"),  # its rule is wrong
        (torch.nn.functional.hardsigmoid, "beyond tolerance"),  # its kernel is, in float64
    ):
        x = torch.ones(2, dtype=torch.float64)
        (row,) = judged(function, (x,), methods=("torch.reverse",)).values()
        assert row["rule"] == rule


def test_points_around_are_not_asked_where_they_excuse_nothing(monkeypatch):
    asked, spread = [], stability.Stability.spread
    monkeypatch.setattr(
        stability.Stability,
        "spread",
        lambda self, *given: asked.append(given) or spread(self, *given),
    )
    x = torch.ones(2, dtype=torch.float64)
    (row,) = judged(torch.nn.functional.hardsigmoid, (x,), methods=("torch.reverse",)).values()
    assert (row["verdict"], row["rule"], asked) == ("disagrees", "beyond tolerance", [])


# --- kinks beside other elements -----------------------------------------------------------------


def beside_a_kink(factor):
    """Σ|x| y with x = 0 somewhere, and a part of much cancellation whose gradient may be off."""

    def function(x, y):
        z = (y + 1e4) - 1e4
        return (
            (torch.abs(x) * 1.5).sum()
            + factor * (z * z).sum()
            - (factor - 1) * (z * z).detach().sum()
        )

    return function


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "convention"), (1 + 1e-6, "disagrees")])
def test_rounding_beside_a_kink_is_excused_and_a_mistake_is_not(factor, verdict):
    x = torch.tensor([0.0, 1.3], dtype=torch.float64)
    y = torch.tensor([0.37, -0.81], dtype=torch.float64)
    (row,) = judged(beside_a_kink(factor), (x, y), methods="torch.reverse", invariances=()).values()
    assert (row["referee"], row["verdict"]) == ("kink", verdict)


def quotient(factor):
    """|u/v|² of complex numbers, the gradient of whose small part is off by a factor."""

    def function(u, v):
        z = u / v
        return torch.stack([z.real, factor * z.imag - (factor - 1) * z.imag.detach()])

    return function


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-9, "disagrees")])
def test_small_parts_of_complex_numbers_round_in_the_scale_of_the_whole(factor, verdict):
    u = torch.tensor([1.0 + 1e-9j, 2.0 - 1.3j, 0.7 + 0.1j], dtype=torch.complex128)
    v = torch.tensor([3.0 + 1e-3j, 0.2 + 1e-7j, -1.1 + 2.0j], dtype=torch.complex128)
    (row,) = judged(quotient(factor), (u, v), methods="torch.reverse", operators="vjp",
                    invariances=()).values()  # fmt: skip
    assert row["verdict"] == verdict


def signed(value, slope):
    """Σx² with the sign of its value and of its derivative in float32."""

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (value if x.dtype == torch.float32 else 1) * (x * x).sum()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return (slope if x.dtype == torch.float32 else 1) * 2 * g * x

    return Squares.apply


@pytest.mark.parametrize(
    ("value", "slope", "verdict"),
    [(-1, -1, "inconclusive"), (1, -1, "disagrees"), (1, 1, "agrees")],
)
def test_the_derivative_of_another_value_is_not_judged(value, slope, verdict):
    """As an eigenvector's sign is LAPACK's to choose, in each dtype anew."""
    x = torch.tensor([0.5, -1.25], dtype=torch.float32)
    rows = judged(signed(value, slope), (x,), methods="torch.reverse", invariances=(),
                  dtypes=("float32",))  # fmt: skip
    assert {r["verdict"] for r in rows.values()} == {verdict}


# --- digits that a program loses by its own way ---------------------------------------------------


def sinc_of(x):
    return torch.sinc(x)


def by_series(x):
    """sin πx / πx near 0."""
    square = (torch.pi * x) ** 2
    return 1 - square / 6 * (1 - square / 20 * (1 - square / 42))


@pytest.mark.parametrize(("function", "verdict"), [(sinc_of, "unstable"), (by_series, "agrees")])
def test_a_cancellation_that_another_formula_has_not_is_no_agreement(function, verdict):
    x = torch.tensor(1e-8, dtype=torch.float64)
    (row,) = judged(function, (x,), methods="torch.reverse", invariances=()).values()
    assert row["verdict"] == verdict
    if verdict == "unstable":
        assert is_failure(row)
        assert row["rule"] == "digits lost by its own way"


def test_a_cancellation_of_the_problem_is_excused():
    x = torch.tensor(1e8 + 0.3, dtype=torch.float64)
    (row,) = judged(torch.cos, (x * 3e7,), methods="torch.reverse", invariances=()).values()
    assert row["verdict"] == "agrees"
    y = torch.tensor([1.0 + 1e-15, 1.0], dtype=torch.float64)
    frame = judged(lambda y: (y[0] - y[1]) ** 2, (y,), methods="torch.reverse", invariances=())
    assert {r["verdict"] for r in frame.values()} == {"agrees"}


def off_where_small(factor):
    """torch's GELU, whose gradient is off by a factor where it is small."""
    own = torch.ops.aten.gelu_backward
    return gelu(lambda g, x: own(g, x) * torch.where(x < -5, factor, 1.0))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "unstable"), (1.2, "disagrees")])
def test_digits_that_float32_alone_loses_are_no_mistake(factor, verdict):
    """1 + erf(x) leaves few of them; a factor that float64 has too is one, as small as it is."""
    x = torch.linspace(-6, -0.5, 200, dtype=torch.float32)
    rows = xgrad.check(
        off_where_small(factor), x, operators="vjp", dtypes="float32", methods="torch.reverse"
    )
    assert list(rows["verdict"]) == [verdict]
