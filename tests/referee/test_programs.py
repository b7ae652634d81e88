"""torch and JAX functions before the referee: their own programs in balls, or weaker evidence."""

import numpy as np
import pytest
from kinks import relu_with

import xgrad
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.problem.foreign import make_foreign_case
from xgrad.referee import ProgramReferee
from xgrad.table import records
from xgrad.techniques import Method

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

X = np.array([0.3, -0.7, 1.2, 0.9])


def scaled(factor, forward=None):
    """sin x, whose rules are off by factors, in torch."""

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return torch.sin(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.cos(x) * factor

        @staticmethod
        def jvp(ctx, v):
            (x,) = ctx.saved_tensors
            return v * torch.cos(x) * (factor if forward is None else forward)

    return Sine.apply


def scaled_in_jax(factor):
    @jax.custom_jvp
    def sine(x):
        return jnp.sin(x)

    @sine.defjvp
    def rule(xs, vs):
        return jnp.sin(xs[0]), factor * jnp.cos(xs[0]) * vs[0]

    return sine


BOTH = {"torch": (scaled, torch.tensor(X)), "jax": (scaled_in_jax, jnp.asarray(X, jnp.float32))}


def rows_of(function, inputs, **options):
    return records(xgrad.check(function, inputs, **{"invariances": (), **options}))


@pytest.mark.parametrize("framework", BOTH)
def test_a_right_function_is_certified_in_every_dtype(framework):
    make, x = BOTH[framework]
    found = rows_of(make(1.0), (x,))
    assert {(r["verdict"], r["referee"]) for r in found} == {("agrees", "certified")}
    assert all(f"{framework}'s own derivative in balls, 5" in r["message"] for r in found)


@pytest.mark.parametrize("framework", BOTH)
@pytest.mark.parametrize("digits", [3, 6, 9, 12])
def test_a_wrong_rule_is_refuted_in_every_dtype_and_mode(framework, digits):
    make, x = BOTH[framework]
    found = rows_of(make(1 + 10.0**-digits), (x,))
    assert {r["verdict"] for r in found} == {"disagrees"}
    assert {r["technique"] for r in found} == {"reverse", "forward"}
    assert all(f"agrees with the definition to {digits} digits" in r["message"] for r in found)


@pytest.mark.parametrize("spared", [None, 2])
def test_a_factor_is_told_from_one_that_spares_an_element(spared):
    factors = torch.full((4,), 1.5, dtype=torch.float64)
    if spared is not None:
        factors[spared] = 1.0
    x = torch.tensor(X)
    truth = judge_of(lambda x: scaled(factors)(x).sum(), (x,), "torch").truth(OPERATORS["gradient"])
    assert truth.kind == "definition"
    assert truth.note.startswith("torch's own derivative agrees with the definition to ")
    np.testing.assert_allclose(truth.high, np.cos(X), rtol=1e-15)


@pytest.mark.parametrize("detached", [None, "constant"])
def test_zeros_that_forward_mode_only_stands_for_are_a_second_derivative(detached):
    found = rows_of(lambda x: (x * torch.tanh(x).detach()).sum(), (torch.tensor(X[:2]),),
                    operators="hvp", detached=detached)  # fmt: skip
    verdicts = {r["technique"]: r["verdict"] for r in found}
    assert "reverse:over_forward" in verdicts
    assert set(verdicts.values()) == {"agrees" if detached else "disagrees"}


def test_one_mode_may_be_wrong_alone():
    verdicts = {
        r["technique"]: r["verdict"] for r in rows_of(scaled(1.0, 1 + 1e-9), (BOTH["torch"][1],))
    }
    assert verdicts == {"reverse": "agrees", "forward": "disagrees"}
    verdicts = {
        r["technique"]: r["verdict"] for r in rows_of(scaled(1 + 1e-9, 1.0), (BOTH["torch"][1],))
    }
    assert verdicts == {"reverse": "disagrees", "forward": "agrees"}


def test_second_derivatives_are_certified_and_refuted():
    x = torch.tensor(X)
    operators = ("gradient", "hessian", "hvp")
    found = rows_of(lambda x: torch.logsumexp(x, 0), (x,), operators=operators)
    assert {(r["verdict"], r["referee"]) for r in found} == {("agrees", "certified")}
    wrong = rows_of(lambda x: torch.sum(scaled(1 + 1e-9)(x) ** 2), (x[:2],), operators="hvp")
    assert {r["verdict"] for r in wrong} == {"disagrees"}


def test_constants_that_python_rounded_are_recognised():
    (row, _) = rows_of(lambda x: x * 0.7978845608028654, (torch.tensor(X),), operators="jacobian")
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")

    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * (2 / np.pi) ** 0.5

        @staticmethod
        def backward(ctx, g):
            return g * 0.79788456080286536

    (row,) = rows_of(Half.apply, (torch.tensor(X) + 1,))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


def test_a_kernel_that_computes_in_fewer_digits_is_told_from_a_wrong_rule():
    found = rows_of(torch.nn.functional.hardsigmoid, (torch.tensor(X),))
    assert {(r["verdict"], r["referee"]) for r in found} == {("disagrees", "certified")}


def test_kinks_are_conventions_and_values_outside_are_not():
    x = torch.tensor([1.0, 0.0])
    assert {r["verdict"] for r in rows_of(torch.relu, (x,))} == {"convention"}

    assert {r["verdict"] for r in rows_of(relu_with(2.0), (x,))} == {"disagrees"}


def numpy_inside(x):
    return x * float(np.sum(x.detach().numpy()))


def item_inside(x):
    return x * x.sum().item()


def steers(x):
    return x * 2 if x.sum().item() > 0 else x * 3


@pytest.mark.parametrize("function", [numpy_inside, item_inside])
def test_a_number_that_leaves_the_program_is_told_and_weaker_evidence_judges(function):
    for row in rows_of(function, (torch.tensor(X),)):
        assert row["verdict"] == "disagrees"
        assert "weaker evidence" in row["message"]
        assert "not in balls: Escape: " in row["message"]


def test_a_number_that_only_steers_does_no_harm():
    assert {r["referee"] for r in rows_of(steers, (torch.tensor(X),))} == {"certified"}


def cubed():
    """x³ as a kernel of its own, with a backward."""
    name = "xgrad_tests::cubed_without_rule"
    if not hasattr(torch.ops.xgrad_tests, "cubed_without_rule"):
        torch.library.define(name, "(Tensor x) -> Tensor")
        torch.library.impl(name, "CPU")(lambda x: x**3)
        torch.library.register_autograd(
            name, lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g,
            setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
        )  # fmt: skip
    return torch.ops.xgrad_tests.cubed_without_rule


def test_an_operation_without_a_rule_is_named_and_weaker_evidence_judges():
    (row,) = rows_of(lambda x: cubed()(x), (torch.tensor(X),), methods="torch.reverse")
    assert row["verdict"] == "agrees"
    assert "weaker evidence" in row["message"]
    assert "xgrad_tests.cubed_without_rule" in row["message"]


def test_a_value_that_is_not_finite_has_no_derivative_and_the_others_have():
    x = torch.tensor([1.0, -1.0], dtype=torch.float64)
    rows = rows_of(torch.log, (x,), methods="torch.reverse")
    assert {r["verdict"] for r in rows} <= {"agrees", "disagrees", "inconclusive"}
    (row,) = rows_of(lambda x: torch.log(x).sum(), (x,), methods="torch.reverse")
    assert row["verdict"] != "agrees"


def judge_of(function, inputs, framework):
    from xgrad.frameworks import find_framework

    case = make_foreign_case(function, inputs, find_framework(framework), ())
    return Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")


def test_noise_is_drawn_only_where_an_element_is_beyond_plain_rounding():
    judge = judge_of(torch.tanh, (torch.tensor(X),), "torch")
    assert isinstance(judge.findings.referee, ProgramReferee)
    truth = judge.truth(OPERATORS["jacobian"])
    assert truth.noises is not None
    for method in ("reverse", "forward"):
        judge.judge(Method("torch", method), OPERATORS["jacobian"])
    assert truth.noises._kept == []


def test_cancelling_sums_have_the_noise_of_their_terms():
    def cancels(x):
        return torch.softmax(x, 0).sum()

    found = rows_of(cancels, (torch.tensor(X),), operators="gradient")
    assert {r["verdict"] for r in found} == {"agrees"}


def test_a_function_of_float32_parts_is_certified_in_float32():
    layer = torch.nn.Linear(4, 2)
    found = rows_of(lambda x: layer(x).tanh(), (torch.tensor(X, dtype=torch.float32),))
    assert {(r["dtype"], r["verdict"], r["referee"]) for r in found} == {
        ("float32", "agrees", "certified")
    }


def test_beyond_the_budget_there_is_other_evidence():
    x = torch.ones(12, 12, dtype=torch.float64)
    small = xgrad.Budget(seconds=1e-3)
    found = rows_of(lambda x: torch.linalg.matrix_exp(x / 12).sum(), (x,), budget=small,
                    methods="torch.reverse")  # fmt: skip
    assert all("weaker evidence" in r["message"] or r["referee"] != "certified" for r in found)


class Table(torch.autograd.Function):
    """A sine that balls cannot enter and that ends at 1."""

    @staticmethod
    def forward(ctx, x, factor):
        if x.max() > 1:
            raise IndexError("index 271 is out of bounds")
        ctx.factor = factor
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.numpy()))

    @staticmethod
    def backward(ctx, g):
        return ctx.factor * g * torch.cos(ctx.saved_tensors[0]), None


@pytest.mark.parametrize(
    ("place", "factor", "verdict"),
    [(0.5, 1.0, "agrees"), (0.5, 1.001, "disagrees"), (0.95, 1.0, "inconclusive"),
     (0.9999, 1.0, "inconclusive")],
)  # fmt: skip
def test_a_step_out_of_the_domain_is_no_error_of_the_method(place, factor, verdict):
    x = torch.tensor([0.2, place], dtype=torch.float64)
    (row,) = records(xgrad.check(Table.apply, (x, factor), methods="torch.reverse"))
    assert (row["status"], row["verdict"]) == ("ok", verdict), row["message"]
    assert verdict != "inconclusive" or "index 271 is out of bounds" in row["message"]


def test_a_value_without_elements_has_a_derivative_without_any():
    x = torch.ones(3, dtype=torch.float64)
    rows = records(xgrad.check(lambda x: torch.sin(x)[:0], (x,)))
    assert {r["verdict"] for r in rows} == {"agrees"}
