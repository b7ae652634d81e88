"""The famous derivative checks, as the shipped cases redo them, and what every shipped case has."""

import dataclasses
import re
import resource

import numpy as np
import pytest
import torch

import xgrad
from xgrad import Budget
from xgrad.judging import is_failure
from xgrad.problem import OPERATORS, Setting
from xgrad.table import records
from xgrad.techniques import choose_methods, evaluate

# The conventions at kinks, some of which are mistakes, have tests of their own.
SHIPPED = {c.name: c for c in xgrad.load_cases() if c.path and c.path.parent.name != "conventions"}
FILES = ("elementwise", "polynomials", "fields", "layers", "mlp", "softmax", "tsne")
CASES = {name: c for name, c in SHIPPED.items() if c.path.stem in FILES}
CERTIFIED = re.compile(r"formula in floats of \d+ bits, certified along .*directions to 1\d digits")


def outcome(name, method, *, size="small", dtype="float64", point="random", operator="gradient"):
    """What a method returns, flat."""
    at = Setting.make(CASES[name], size, point, dtype, 0)
    (chosen,) = choose_methods(CASES[name], (method,))
    found = evaluate(chosen, OPERATORS[operator], at, "cpu")
    assert found.status == "ok", found.message
    return found.flat


@pytest.fixture(scope="module")
def everything():
    """All shipped cases at their smallest size, every method, both precisions."""
    return records(xgrad.run(CASES.values(), devices=("cpu",), workers=2))


# --- t-SNE ----------------------------------------------------------------------------------------


def test_the_published_gradient_of_tsne_lacks_a_factor_4_on_every_framework(verdicts):
    rows = verdicts(CASES["tsne_kl"], "*.formula:original", operators=("gradient",))
    assert {r["framework"] for r in rows} == {"numpy", "torch", "jax", "ball"}
    for row in rows:
        assert (row["verdict"], row["hint"]) == ("disagrees", "constant factor 4 too small")


def test_the_published_gradient_of_tsne_is_not_in_a_run_that_does_not_name_it(everything):
    assert not [r for r in everything if "original" in r["technique"]]


# --- linear and sigmoid layers --------------------------------------------------------------------

LAYERS = ("linear_layer", "sigmoid_layer", "mean_squared_error")


def test_half_a_sum_in_place_of_a_mean_is_a_factor_4(verdicts):
    rows = verdicts(CASES["mean_squared_error"], "*.formula:half_sum")
    assert len(rows) == 4
    for row in rows:
        assert row["verdict"] == "disagrees"
        assert row["hint"] == "constant factor 4 = T.size/2 too large: a sum in place of a mean"


@pytest.mark.parametrize("name", LAYERS)
def test_hand_made_differences_of_a_layer_tell_few_digits_in_float32(verdict, name):
    row = verdict(CASES[name], "numpy.differences:central@1e-4", dtype="float32")
    assert row["verdict"] == "bounded"
    assert row["digits"] < 4.5
    assert 1e-4 < row["error"] < 5e-2
    assert "rounding" in row["message"]


# --- a network's output by its input --------------------------------------------------------------


def test_a_forward_step_of_1e_minus_6_is_rounding_in_float32_and_explain_says_so(verdict, call):
    method = "numpy.differences:forward@1e-6"
    row = verdict(CASES["mlp_input"], method, dtype="float32", operators=("gradient",))
    assert row["verdict"] == "inconclusive"
    assert row["digits"] < 2
    said = call("explain", "mlp_input", "gradient", method, "--dtype", "float32")
    assert said.exit_code == 0
    assert "the rest is rounding: float32 numbers near f are" in said.stdout
    assert "take a longer step or a wider type" in said.stdout


# --- softmax cross-entropy ------------------------------------------------------------------------


def by_hand(Z, labels):
    """(softmax(Z) − one-hot(labels)) / n in torch."""
    return (torch.softmax(Z, 1) - torch.nn.functional.one_hot(labels, Z.shape[1])) / len(Z)


KERNELS = {
    "dtype": (
        lambda xp, Z, labels: torch.tensor(by_hand(Z, labels).tolist()),
        "wrong dtype: gradient is float32, asked for float64",
    ),
    "shape": (
        lambda xp, Z, labels: by_hand(Z, labels).T,
        "wrong shape: got (10, 8), gradient has (8, 10)",
    ),
    "device": (
        lambda xp, Z, labels: by_hand(Z, labels).to("meta"),
        "wrong device: gradient is on meta, asked for cpu",
    ),
}


@pytest.mark.parametrize("wrong", KERNELS)
def test_a_wrong_dtype_shape_or_device_is_a_finding_of_its_own(verdict, wrong):
    kernel, finding = KERNELS[wrong]
    shipped = CASES["softmax_cross_entropy"]
    case = dataclasses.replace(shipped, formulas=list(shipped.formulas))
    case.formula("gradient", name="kernel", frameworks=("torch",), default=False)(kernel)
    row = verdict(case, "torch.formula:kernel", operators=("gradient",))
    assert (row["status"], row["verdict"]) == ("error", "")
    assert row["message"].startswith(finding)


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-6), ("float64", 1e-14)])
def test_the_softmax_formula_is_autograd_to_the_last_digits(dtype, close):
    formula, autograd = (
        outcome("softmax_cross_entropy", f"torch.{technique}", size="medium", dtype=dtype)
        for technique in ("formula", "reverse")
    )
    assert 0 <= np.sum(np.abs(formula - autograd)) < close


def test_beyond_the_budget_probes_judge_and_say_what_the_evidence_is(verdict):
    few = {"sizes": ("medium",), "budget": Budget(gigabytes=1e-3)}
    row = verdict(CASES["softmax_cross_entropy"], "torch.reverse", operators=("gradient",), **few)
    assert (row["verdict"], row["referee"]) == ("agrees", "probes")
    assert CERTIFIED.match(row["message"])
    assert "beyond the budget" in row["message"]


@pytest.mark.slow
def test_the_size_of_the_published_timing_is_judged_within_6_gigabytes(verdict):
    big = {"sizes": ("source",), "dtype": "float32"}
    row = verdict(CASES["softmax_cross_entropy"], "torch.reverse", operators=("gradient",), **big)
    assert (row["verdict"], row["referee"]) == ("agrees", "probes")
    assert CERTIFIED.match(row["message"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 6e6  # kilobytes


# --- calculus -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
@pytest.mark.parametrize("point", ["random", "grid"])
def test_autograd_of_the_sine_is_the_formula_bit_for_bit(operator, point):
    reverse, formula = (
        outcome("sine", f"torch.{technique}", operator=operator, point=point)
        for technique in ("reverse", "formula")
    )
    assert np.array_equal(reverse, formula)


@pytest.mark.parametrize("method", ["numpy.formula", "torch.reverse", "jax.reverse"])
def test_the_textbook_partial_derivatives_are_5_and_8(method):
    assert outcome("product", method, point="textbook").tolist() == [5, 8]


@pytest.mark.parametrize("method", ["torch.reverse", "torch.reverse:ones", "jax.reverse:ones"])
def test_the_divergence_of_the_gradient_of_x_x_is_6(method):
    assert outcome("square_gradient_field", method, operator="divergence") == 6


def test_the_shortcut_of_ones_disagrees_where_the_jacobian_is_full(verdicts):
    rows = verdicts(CASES["cyclic_field"], "*.reverse:ones", operators=("divergence",))
    assert {r["framework"]: r["verdict"] for r in rows} == {
        "torch": "disagrees",
        "jax": "disagrees",
    }


@pytest.mark.parametrize("method", ["torch.reverse", "numpy.formula"])
def test_a_gradient_field_has_no_curl(method):
    assert not outcome("gradient_field", method, operator="curl").any()


# --- every shipped case ---------------------------------------------------------------------------


def test_nothing_in_the_source_problems_disagrees_or_fails(everything):
    assert {r["case"] for r in everything} == set(CASES)
    wrong = [r for r in everything if is_failure(r)]
    assert [(r["case"], r["operator"], r["technique"], r["message"]) for r in wrong] == []


# At a multiple of I eigenvectors turn at once, and the definition is right to 33 digits only.
TURNING = {"exponential_by_eigenvectors"}


@pytest.mark.many(40)
@pytest.mark.parametrize("name", [c.name for c in SHIPPED.values() if c.formulas])
def test_every_shipped_formula_is_right_to_40_digits(verdicts, name):
    rows = verdicts(SHIPPED[name], "numpy.formula", seed=(0, 1, 2))
    judged = [r for r in rows if r["status"] != "unsupported" and r["referee"] != "kink"]
    assert judged  # of what is unsupported there is no formula, and of a kink no single truth
    referee = "definition" if name in TURNING else "certified"
    assert {r["referee"] for r in judged if r["operator"] != "value"} == {referee}
    assert {r["verdict"] for r in judged} == {"agrees"}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_case_has_a_source_a_title_and_its_sizes(name):
    case = SHIPPED[name]
    assert any(c.isdigit() for c in case.source), "a source has a year"
    assert case.title.endswith(".")
    scaled = list(case.sizes)[:3] == ["small", "medium", "large"]
    fixed = list(case.sizes) == ["small"] and not case.sizes["small"]
    assert scaled or fixed or case.points
