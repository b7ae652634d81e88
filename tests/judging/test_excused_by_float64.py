"""Digits that float32 loses are excused where float64 has them: of what is judged itself."""

import numpy as np
import pytest

import xgrad
from xgrad.judging import DISAGREES, UNSTABLE, Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import OK, Method, Outcome

GRADIENT, FORMULA = OPERATORS["gradient"], Method("numpy", "formula")
OFF = 1.0 + 1e-5  # some eighty roundings of float32


@pytest.fixture(scope="module", params=["square", "softmax_cross_entropy"])
def judge(request):
    """A judge of a case in float32."""
    (case,) = xgrad.load_cases(request.param)
    return Judge(Setting.make(case, "small", "random", "float32", 0), "cpu")


def off(findings):
    """The derivative, off by the same factor wherever it is asked for."""
    return Outcome(OK, findings.truth(GRADIENT).high * OFF)


def off_in_float32(findings):
    return off(findings) if findings.setting.dtype == "float32" else right(findings)


def right(findings):
    return Outcome(OK, findings.truth(GRADIENT).high)


def verdict(judge, again):
    outcome = again(judge.findings)
    outcome = Outcome(OK, np.asarray(outcome.flat, dtype=np.float32).astype(np.float64))
    return judge.weigh(FORMULA, GRADIENT, outcome, again).row["verdict"]


def test_a_factor_that_float64_has_too_is_a_mistake(judge):
    assert verdict(judge, off) == DISAGREES


def test_a_factor_that_float32_has_alone_is_lost_digits(judge):
    assert verdict(judge, off_in_float32) == UNSTABLE


def test_no_factor_agrees(judge):
    assert verdict(judge, right) == "agrees"
