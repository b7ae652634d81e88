"""Functions at hand: `check` judges them, `assert_agreement` raises with the whole story."""

import functools
from contextlib import nullcontext

import numpy as np
import pytest

import xgrad
from xgrad import UsageError, assert_agreement, check

X = {"x": np.array([3.0, 4.0, -1.0])}
QUICK = {"devices": ("cpu",), "methods": ("numpy.formula", "torch.reverse", "numpy.differences")}


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x))


def gradient(xp, x):
    return x / norm(xp, x)


def wrong(xp, x):
    return 2 * x / norm(xp, x)


def test_check_returns_a_row_for_each_verdict():
    frame = check(norm, X, formula=gradient, dtypes=("float64", "float32"), **QUICK)
    assert len(frame) == 6
    assert set(frame["dtype"]) == {"float64", "float32"}
    assert set(frame["case"]) == {"norm"}
    judged = frame[frame["technique"] != "differences"]
    assert set(judged["verdict"]) == {"agrees"}
    assert set(judged["referee"]) == {"certified"}


def test_without_a_formula_the_definition_judges_and_confirms_what_torch_makes_of_it():
    frame = check(norm, X, dtypes=("float64",), **QUICK)
    seen = frame[frame["status"] == "ok"]
    assert set(seen["referee"]) == {"certified"}
    assert all("torch's own derivative in balls" in said for said in seen["message"])
    assert set(seen["technique"]) == {"reverse", "differences"}


def test_a_wrong_formula_disagrees_and_the_others_do_not():
    frame = check(norm, X, formula=wrong, dtypes=("float64",), **QUICK)
    verdicts = dict(zip(frame["technique"], frame["verdict"], strict=True))
    assert verdicts["formula"] == "disagrees"
    assert verdicts["reverse"] == "agrees"


def test_formulas_by_operator_and_several_inputs():
    def bilinear(xp, a, b, scale):
        return scale * xp.sum(a * b)

    formulas = {
        "gradient": lambda xp, a, b, scale: (scale * b, scale * a),
        "hvp": lambda xp, a, b, scale, v: (scale * v[1], scale * v[0]),
    }
    inputs = {"a": [1.0, 2.0], "b": [0.5, -1.0], "scale": 3}
    options = {"wrt": ("a", "b"), "operators": ("gradient", "hvp"), "dtypes": ("float64",)}
    frame = check(bilinear, inputs, formula=formulas, **options, **QUICK)
    assert set(frame["operator"]) == {"gradient", "hvp"}
    assert set(frame[frame["technique"] == "formula"]["verdict"]) == {"agrees"}


def test_the_formula_of_a_vector_is_its_jacobian():
    def squares(xp, x):
        return x * x

    def jacobian(xp, x):
        return 2 * x * xp.eye(3)

    frame = check(squares, X, formula=jacobian, dtypes=("float64",), **QUICK)
    assert set(frame["operator"]) == {"jacobian"}
    assert set(frame[frame["technique"] == "formula"]["verdict"]) == {"agrees"}


def test_the_inputs_are_left_as_they_were():
    inputs = {"x": np.array([3.0, 4.0])}
    check(norm, inputs, **QUICK)
    assert inputs["x"].tolist() == [3.0, 4.0]


def test_agreement_is_silent():
    assert assert_agreement(norm, X, formula=gradient, **QUICK) is None


def test_disagreement_leads_with_verdict_worst_element_and_cause():
    with pytest.raises(AssertionError) as caught:
        assert_agreement(norm, X, formula=wrong, dtypes=("float64", "float32"), **QUICK)
    lines = str(caught.value).splitlines()
    assert lines[0] == "norm gradient, numpy.formula float64 cpu at given: disagrees"
    assert lines[1].startswith("  worst x[")
    assert lines[2] == (
        "  3 of 3 elements beyond tolerance; the formula agrees with the definition to 0 digits"
    )
    assert lines[3] == "  looks like: constant factor 2 too large"
    assert lines[4] == "  agree with the referee (definition): torch.reverse"
    assert lines[-1] == "  1 more of 6 rows failed"
    assert len(lines) < 20


@pytest.mark.parametrize("k", range(3))
def test_one_element_off_by_1e_5_is_named(k):
    def nearly(xp, x):
        return gradient(xp, x) * (1 + xp.where(xp.arange(3) == k, 1e-5, 0.0))

    with pytest.raises(AssertionError, match=rf"worst x\[{k}\]: "):
        assert_agreement(norm, X, formula=nearly, dtypes=("float64",), **QUICK)


def test_a_case_is_asserted_like_a_function():
    case = xgrad.case(norm, wrt="x", name="length")
    case.inputs(lambda rng: {"x": rng.normal(size=3)})
    assert_agreement(case, **QUICK)
    case.formula("gradient")(wrong)
    with pytest.raises(AssertionError) as caught:
        assert_agreement(case, **QUICK)
    assert "reproduce: xgrad explain " in str(caught.value)
    assert "::length gradient numpy.formula --dtype float64" in str(caught.value)


@pytest.mark.parametrize(
    ("x", "share", "fails"),
    [(8e-7, 0.25, True), (8e-7, 0, False), (3e-3, 0.25, False), (3e-3, 0.9, True)],
)
def test_an_unstable_result_fails_below_a_share_of_digits(x, share, fails):
    case = xgrad.case(lambda xp, x: xp.sum(xp.log(2 * xp.sin(x / 2) ** 2)), wrt="x", name="versine")
    case.point("small")(lambda: {"x": x * np.array([0.8, 1.0, 1.3])})
    case.formula("gradient")(lambda xp, x: xp.cos(x / 2) / xp.sin(x / 2))
    case.formula("gradient", name="naive")(lambda xp, x: xp.sin(x) / (1 - xp.cos(x)))
    options = {"dtypes": ("float64",), "methods": ("numpy.formula:naive",)}
    found = pytest.raises(AssertionError, match=": unstable") if fails else nullcontext()
    with found:
        assert_agreement(case, least_digits=share, **options)


def test_a_share_of_digits_lies_between_0_and_1():
    with pytest.raises(xgrad.UsageError, match=r"least_digits=25: give a share"):
        assert_agreement(norm, X, least_digits=25, **QUICK)


def test_a_function_that_fails_is_no_agreement():
    def broken(xp, x):
        return xp.sum(x) / 0 + undefined  # noqa: F821

    with pytest.raises(AssertionError, match="NameError: name 'undefined' is not defined"):
        assert_agreement(broken, X, operators=("gradient",), **QUICK)


def test_nothing_judged_is_no_agreement():
    def cut(xp, x):
        return float(x[0]) * xp.sum(x)

    with pytest.raises(AssertionError, match=r"cut: no derivative could be judged: .*float"):
        assert_agreement(cut, X, methods=("torch.reverse",), devices=("cpu",))
    with pytest.raises(AssertionError, match=r"could be judged: torch sees no device"):
        assert_agreement(norm, X, methods=("torch.reverse",), devices=("cuda:99",))


MISTAKES = {
    "no xp": (lambda: check(lambda x: x, X), r"\(x\): write it as NumPy-style math with the array"),
    "no inputs": (lambda: assert_agreement(norm), "the inputs are missing"),
    "another input": (lambda: assert_agreement(norm, {"y": 1.0}), "case norm: inputs lack 'x'"),
    "integers": (lambda: assert_agreement(norm, {"x": np.arange(3)}), "return it as floats"),
    "wrt": (lambda: check(norm, X, wrt="z"), "case norm: wrt 'z' is no input; inputs: x"),
    "operator": (lambda: check(norm, X, operators="grad"), "did you mean 'gradient'"),
    "method": (lambda: check(norm, X, methods=("torch.revers",)), "did you mean 'torch.reverse'"),
    "operator of a formula": (lambda: check(norm, X, formula={"grad": gradient}), "'gradient'"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_wrong_call_names_the_remedy(what):
    action, message = MISTAKES[what]
    with pytest.raises((UsageError, AssertionError), match=message):
        action()


def test_callables_without_a_name_have_their_type_s():
    frame = check(functools.partial(norm), X, dtypes=("float64",), **QUICK)
    assert set(frame["case"]) == {"partial"}
