"""`xgrad explain`: the verdict in detail, the others, the step curve and its picture."""

import pytest

from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import choose_methods
from xgrad.telling import explain, explanation_text

FILE = '''
    """Exponentials."""
    import xgrad


    @xgrad.case(wrt="x", operators=("gradient", "jacobian", "hessian"), source="Euler 1748")
    def growth(xp, x):
        """Σeˣ."""
        return xp.sum(xp.exp(x))


    @growth.inputs
    def draw(rng):
        return {"x": rng.normal(size=12)}


    @growth.formula("gradient")
    def gradient(xp, x):
        return xp.exp(x)


    growth.formula("gradient", name="wrong", default=False)(lambda xp, x: 2 * xp.exp(x))
'''


@pytest.fixture
def told(write, call):
    """What `xgrad explain` prints about a method."""
    write("growth.py", FILE)

    def ask(method, *options, operator="gradient"):
        return call("explain", "growth.py", operator, method, *options)

    return ask


def test_a_wrong_method_is_explained_with_elements_hint_and_the_others(told):
    result = told("torch.formula:wrong")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "growth gradient, torch.formula:wrong float64 cpu: disagrees"
    assert lines[1:3] == ["  Σeˣ.", "  source: Euler 1748"]
    assert lines[3].startswith("  referee: the formula, certified: it agrees with the definition")
    assert "  12 of 12 elements beyond tolerance" in lines
    assert "  looks like: constant factor 2 too large" in lines
    (heading,) = (k for k, line in enumerate(lines) if line.startswith("element  "))
    table = lines[heading + 1 : heading + 9]
    assert all(line.startswith("x[") for line in table)
    assert lines[heading + 9] == "… and 4 more, nearer to their tolerance"
    assert any(line.split()[:2] == ["torch.reverse", "agrees"] for line in lines)


def test_a_right_method_ends_with_status_0(told):
    result = told("jax.reverse")
    assert result.exit_code == 0
    assert result.stdout.startswith("growth gradient, jax.reverse float64 cpu: agrees\n")


def test_the_step_curve_turns_up_in_short_floats_and_not_in_balls(write):
    from xgrad import load_cases

    (case,) = load_cases(write("growth.py", FILE))
    at = Setting.make(case, "small", "random", "float64", 0)
    (method,) = choose_methods(case, ("numpy.differences:central@1e-6",))
    made = explain(at, OPERATORS["gradient"], method, Judge(at, "cpu"))
    curve = made.curve
    assert curve is not None
    assert 1e-3 < curve.best("float32")[0] < 1e-1
    assert 1e-6 < curve.best("float64")[0] < 1e-4
    assert curve.best("256 bits")[0] == min(curve.steps)
    assert curve.errors["256 bits"] == sorted(curve.errors["256 bits"], reverse=True)
    assert curve.marked == 1e-6
    assert explanation_text(made).count("  <\n") == 1


BLAMES = {
    "numpy.differences:central@1e-6": "the rest is rounding: float32 numbers near f are",
    "numpy.differences:forward@1": "the step is too long for the curvature; take a shorter one",
}


HINGE = """
import xgrad

@xgrad.case(wrt="x", source="a hinge 1e-6 away")
def hinge(xp, x):
    return xp.maximum(x, 0.0 * x) * 3 + xp.sin(x)

@hinge.point("near")
def near():
    import numpy as np
    return {"x": np.asarray(1e-6)}

@hinge.formula("gradient")
def slope(xp, x):
    return 3 + xp.cos(x)
"""


@pytest.mark.parametrize(("step", "crosses"), [("1e-3", True), ("1e-5", True), ("1e-7", False)])
def test_a_kink_within_the_step_is_told_as_one(call, write, step, crosses):
    method = f"numpy.differences:central@{step}"
    done = call("explain", f"{write('hinge.py', HINGE)}::hinge", "gradient", method)
    assert done.exit_code == 0
    assert ("a kink or a jump lies within the step; take one of 1e-06 or" in done.stdout) == crosses
    assert not (crosses and "too long for the curvature" in done.stdout)


@pytest.mark.parametrize("method", BLAMES)
def test_the_cause_of_a_bad_difference_is_named(told, method):
    assert BLAMES[method] in told(method, "--dtype", "float32").stdout


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_picture_is_of_the_kind_that_its_name_says(told, tmp_path, suffix):
    magic = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    result = told("numpy.formula", "--picture", f"below/curve{suffix}")
    assert f"  picture: below/curve{suffix}\n" in result.stdout
    assert (tmp_path / "below" / f"curve{suffix}").read_bytes().startswith(magic)


def test_without_a_name_the_picture_goes_to_results(told, tmp_path):
    told("numpy.differences:central@1e-6")
    (picture,) = (tmp_path / "results" / "explain").iterdir()
    assert picture.name == "growth-gradient-numpy.differences-central-1e-6-float64.png"


def test_second_order_has_no_step_curve(told, tmp_path):
    result = told("torch.reverse", operator="hessian")
    assert result.exit_code == 0
    assert "step curve" not in result.stdout
    assert not (tmp_path / "results").exists()


def test_a_method_that_does_not_apply_says_why(told):
    result = told("numpy.formula", operator="hessian")
    assert result.exit_code == 5
    assert "numpy.formula float64 cpu: unsupported" in result.stdout
    assert "case growth has no formula for hessian" in result.stdout
    assert "no result to show" in result.stdout
