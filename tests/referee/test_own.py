"""A function without a formula: a framework's own derivative is its candidate, if it is right."""

from dataclasses import replace

import numpy as np
import pytest
from truths import X, setting_of

from xgrad.judging import Judge
from xgrad.numbers import ball
from xgrad.problem import OPERATORS
from xgrad.referee import Referee
from xgrad.techniques import OK, Method, Outcome, evaluate

GRADIENT, FORMULA = OPERATORS["gradient"], Method("numpy", "formula")
SMOOTH = {
    "gradient": lambda xp, x: xp.logsumexp(x) + xp.sum(xp.sin(x) * x),
    "hessian": lambda xp, x: xp.logsumexp(x),
    "hvp": lambda xp, x: xp.sum(xp.exp(x) * xp.flip(x)),
    "jacobian": lambda xp, x: xp.softmax(x),
    "jvp": lambda xp, x: xp.cumulative_sum(xp.tanh(x)),
    "vjp": lambda xp, x: xp.softmax(x) * x,
}


def truth_of(function, operator="gradient", x=X, **options):
    return Referee(setting_of(function, {"x": x}, **options)).truth(OPERATORS[operator])


@pytest.mark.parametrize("operator", SMOOTH)
def test_what_torch_makes_of_a_function_is_certified_and_is_the_definition(operator):
    truth = truth_of(SMOOTH[operator], operator)
    assert (truth.kind, truth.by) == ("certified", "torch's own derivative in balls")
    assert truth.digits >= 40
    defined = Referee(setting_of(SMOOTH[operator], {"x": X})).truth(
        OPERATORS[operator], independent=True
    )
    assert np.max(truth.error(defined.exact)) <= 1e-31 * np.max(np.abs(truth.high))


@pytest.mark.parametrize("share", [1e-3, 1e-9, 1e-20])
def test_a_derivative_that_is_off_is_no_candidate(monkeypatch, share):
    from xgrad.referee import own

    right = own.CANDIDATES["gradient"]
    monkeypatch.setitem(
        own.CANDIDATES, "gradient", lambda s, p: right(s, p) * (1 + ball(np.array(share)))
    )
    truth = truth_of(SMOOTH["gradient"])
    assert (truth.kind, truth.note, truth.noises) == ("definition", "", None)
    monkeypatch.undo()
    assert truth_of(SMOOTH["gradient"]).kind == "certified"


def test_without_any_framework_the_definition_is_taken_along_every_coordinate(monkeypatch):
    monkeypatch.setattr("xgrad.referee.referee.find_own", lambda setting: None)
    assert truth_of(SMOOTH["gradient"]).kind == "definition"


def test_what_has_no_ball_rule_in_torch_is_left_to_the_definition(monkeypatch):
    from xgrad.programs import NoBallRule
    from xgrad.referee import own

    def fails(setting, program):
        raise NoBallRule("no ball rule for aten.foo")

    monkeypatch.setitem(own.CANDIDATES, "gradient", fails)
    assert truth_of(SMOOTH["gradient"]).kind == "definition"


def test_a_constant_that_torch_rounds_is_recognised_as_what_it_is():
    truth = truth_of(lambda xp, x: xp.sum(xp.sin(xp.pi * x)))
    assert truth.kind == "certified"
    assert "with constants recognised" in truth.note


def test_at_a_kink_there_are_slopes_and_no_candidate():
    truth = truth_of(lambda xp, x: xp.sum(xp.abs(x)), x=np.array([1.0, 0.0, -2.0]))
    assert truth.kind == "kink"
    assert np.array_equal(truth.left, [1, -1, -1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rounding_is_sampled_on_demand_and_hides_no_small_mistake(dtype):
    """Σ softmax is 1 and its gradient what is left of terms that cancel: noise must be measured."""
    setting = setting_of(lambda xp, x: xp.sum(xp.softmax(x) * 1e3) + x[0], {"x": X}, dtype=dtype)
    right = evaluate(Method("numpy", "complex_step"), GRADIENT, setting, "cpu")
    wide = replace(setting, dtype="float64")
    truth = Referee(wide).truth(GRADIENT)
    judge = Judge(setting, "cpu")
    for method in (Method("torch", "reverse"), Method("jax", "reverse")):
        assert judge.judge(method, GRADIENT).row["verdict"] == "agrees"
    assert right.status == OK
    step = 1e-4 if dtype == "float32" else 1e-11
    for k in range(X.size):
        wrong = truth.high.copy()
        wrong[k] += 1e2 * step
        row = judge.weigh(FORMULA, GRADIENT, Outcome(OK, wrong)).row
        assert row["verdict"] == "disagrees"
