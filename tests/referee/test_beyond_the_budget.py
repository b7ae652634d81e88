"""Beyond the budget: formulas in longer floats, random directions, or no truth."""

import numpy as np
import pytest
from truths import MISTAKES, RIGHT, X, logsumexp, truth_of

from xgrad.referee import Budget


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
    truth = truth_of(logsumexp, {"x": x}, "gradient", budget=Budget(seconds=0.01))
    p = np.exp(x) / np.sum(np.exp(x))
    assert (truth.kind, len(truth.directions)) == ("probes", 4)
    assert np.allclose(truth.seen(p), truth.high, rtol=1e-13, atol=0)
    p[3] *= 1 + 1e-9
    assert not np.allclose(truth.seen(p), truth.high, rtol=1e-13, atol=0)


def test_what_is_beyond_the_budget_is_foreseen_and_not_begun():
    x, calls = np.random.default_rng(3).normal(size=400), []

    def counted(xp, x):
        calls.append(x.shape)
        return logsumexp(xp, x)

    truth = truth_of(counted, {"x": x}, "gradient", budget=Budget(seconds=0.2))
    assert (truth.kind, "beyond the budget" in truth.note) == ("probes", True)
    assert len(calls) < 60


def test_beyond_any_budget_there_is_no_truth():
    truth = truth_of(logsumexp, {"x": X}, "gradient", budget=Budget(seconds=1e-6))
    assert (truth.kind, "no formula to evaluate" in truth.note) == ("none", True)


def test_the_value_is_the_function_itself_whatever_a_formula_says():
    wrong = {"value": lambda xp, x: 2 * xp.logsumexp(x)}
    truth = truth_of(logsumexp, {"x": X}, "value", wrong)
    assert truth.high == pytest.approx(np.log(np.sum(np.exp(X))), rel=1e-15)
