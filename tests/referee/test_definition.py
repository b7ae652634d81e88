"""Truths by the definition alone: where there is no formula, or one that fails."""

import numpy as np
import pytest
from truths import X, field, logsumexp, setting_of, truth_of

from xgrad.problem import OPERATORS
from xgrad.referee import Referee


def test_slopes_far_below_the_function_are_found_in_more_bits():
    x = np.array([0.1, 0.5, 0.9])
    truth = truth_of(lambda xp, x: xp.sum(xp.exp(-300 * x * x)), {"x": x}, "gradient")
    assert np.allclose(truth.high, -600 * x * np.exp(-300 * x * x), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda xp, x: xp.sum(xp.softmax(x)), "gradient"),
        (field, "curl"),
        (lambda xp, x: xp.sum(0 * x) + 3, "gradient"),
        (lambda xp, x: xp.maximum(0 * x, -x * x) * xp.abs(x), "derivative"),
    ],
)
def test_a_zero_truth_is_exactly_zero(function, operator):
    truth = truth_of(function, {"x": X[:3]}, operator)
    assert truth.kind == "definition"
    assert not np.any(truth.high)
    assert not np.any(truth.low)


def test_a_curl_that_is_almost_zero_is_not_zero():
    almost = lambda xp, x: field(xp, x) + xp.asarray([0.0, 0.0, 1e-30]) * x[1]  # noqa: E731
    truth = truth_of(almost, {"x": X[:3]}, "curl")
    assert np.allclose(truth.high, [1e-30, 0, 0], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda xp, x: xp.sum(x) * xp.linalg.matrix_rank(x[None, :]), "has no 'matrix_rank'"),
        (lambda xp, x: xp.sum(np.sin(x)), "TypeError in ball arithmetic"),
        (lambda xp, x: xp.sum(xp.log(x - 10)), "the truth is not finite at this point"),
    ],
)
def test_what_fails_in_balls_gives_no_truth_and_says_why(function, reason):
    setting = setting_of(lambda xp, x: xp.sum(x), {"x": X})
    setting.case.function = function
    truth = Referee(setting).truth(OPERATORS["gradient"])
    assert truth.kind == "none"
    assert reason in truth.label


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (lambda xp, x: x.nonsense(), "the formula fails in ball arithmetic: AttributeError"),
        (lambda xp, x: x[:2], "the formula fails in ball arithmetic: ValueError: wrong shape"),
        (lambda xp, x: x / 0, "the formula is not finite"),
    ],
)
def test_a_formula_that_fails_leaves_the_definition(formula, reason):
    truth = truth_of(logsumexp, {"x": X}, "gradient", formula)
    assert truth.kind == "definition"
    assert truth.note.startswith(reason)
    assert np.allclose(truth.high, np.exp(X) / np.sum(np.exp(X)), rtol=1e-15, atol=0)
