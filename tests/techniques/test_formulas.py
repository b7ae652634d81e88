"""Formulas: named, limited, wrong and missing ones, and the names of their directions."""

import pytest
from outcomes import X, judged, sine_times

import xgrad
from xgrad.checking.mathematics import make_case
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import Method


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
