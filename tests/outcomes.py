"""What one method makes of a function at hand: its row, and the digits that it has right."""

import numpy as np

from xgrad.checking.mathematics import make_case
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee
from xgrad.techniques import Method, evaluate

X = np.array([0.7, -0.43, 1.9, -1.3, 0.2])


def setting_of(function, operator="gradient", x=X, dtype="float64", **case):
    made = make_case(function, {"x": x}, operators=operator, **case)
    return Setting.make(made, "small", "given", dtype, 0)


def method_of(text):
    framework, _, label = text.partition(".")
    technique, _, variant = label.partition(":")
    return Method(framework, technique, variant)


def judged(function, method, operator="gradient", **options):
    """The row of one method on a function at one point."""
    judge = Judge(setting_of(function, operator, **options), "cpu")
    return judge.judge(method_of(method), OPERATORS[operator]).row


def digits_of(function, method, operator="gradient", **options):
    """The digits that a method has right, by the referee."""
    setting, row = setting_of(function, operator, **options), OPERATORS[operator]
    truth = Referee(setting).truth(row, independent=True)
    outcome = evaluate(method_of(method), row, setting, "cpu")
    assert (truth.kind, outcome.status) == ("definition", "ok"), outcome
    return -np.log10(np.max(truth.error(outcome.flat)) / np.max(np.abs(truth.high)) + 1e-18)


def sine_times(xp, x):
    return xp.sum(xp.sin(x) * x)
