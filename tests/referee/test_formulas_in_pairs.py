"""Formulas of large problems: certified in double-double, or left to balls."""

import math
from functools import cache

import numpy as np
import pytest
from truths import element, setting_of, truth_of

import xgrad
from xgrad.problem import OPERATORS
from xgrad.referee import Budget, Referee, doubled

MANY = 8_000  # inputs, of which balls make a fifth of a second
QUICK = Budget(quick=True)
RNG = np.random.default_rng(4)
X = RNG.uniform(0.5, 2.0, MANY)


def energy(xp, x):
    return xp.sum(xp.log(1 + x * x) * xp.sin(x))


def gradient(xp, x):
    return 2 * x / (1 + x * x) * xp.sin(x) + xp.log(1 + x * x) * xp.cos(x)


def curvature(xp, x, v):
    q = 1 + x * x
    second = 2 * (1 - x * x) / (q * q) * xp.sin(x) + 4 * x / q * xp.cos(x) - xp.log(q) * xp.sin(x)
    return second * v


RIGHT = {"gradient": gradient, "hvp": curvature}


def spoilt(operator, change):
    """The right formulas, one of them changed."""
    if operator == "gradient":
        return RIGHT | {operator: lambda xp, x: change(xp, gradient(xp, x))}
    return RIGHT | {operator: lambda xp, x, v: change(xp, curvature(xp, x, v))}


@cache
def right(operator):
    """The truth by the right formulas."""
    return truth_of(energy, {"x": X}, operator, RIGHT, budget=QUICK)


@pytest.mark.parametrize("operator", RIGHT)
def test_a_right_formula_of_many_inputs_is_certified_in_double_double(operator):
    truth = right(operator)
    assert (truth.kind, truth.digits > 20) == ("certified", True)
    assert "the formula in double-double, 2" in truth.note


def test_few_inputs_keep_their_forty_digits():
    truth = truth_of(energy, {"x": X[:50]}, "gradient", RIGHT)
    assert truth.kind == "certified"
    assert truth.digits > 40


@pytest.mark.many(3)
@pytest.mark.parametrize("operator", RIGHT)
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e-12, 1e-15])
def test_one_element_that_is_off_is_the_definitions_and_no_others(operator, size):
    truth = truth_of(energy, {"x": X}, operator, spoilt(operator, element(7, size)), budget=QUICK)
    assert truth.kind == "definition"
    assert truth.high == pytest.approx(right(operator).high, rel=1e-15)


def test_a_wrong_gradient_makes_no_hessian_right():
    twice = lambda xp, made: 2 * made  # noqa: E731
    wrong = spoilt("gradient", twice) | {"hvp": spoilt("hvp", twice)["hvp"]}
    referee = Referee(setting_of(energy, {"x": X}, wrong), QUICK)
    assert referee._in_pairs(OPERATORS["hvp"]) is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_tolerance_is_that_of_longer_floats(dtype, monkeypatch):
    x = X.astype(dtype).astype(np.float64)

    def truth():
        return truth_of(energy, {"x": x}, "gradient", RIGHT, dtype=dtype)

    in_pairs = truth()
    monkeypatch.setattr(doubled, "WORTH", math.inf)
    in_balls = truth()
    assert "double-double" in in_pairs.note
    assert in_balls.digits > 40
    louder, longer = (np.median(t.noise) for t in (in_pairs, in_balls))
    assert 0.5 < louder / longer < 1.1  # the largest of three, and of eight


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_element_too_small_to_be_seen_beside_the_others_is_left_to_balls(share):
    """1e-22 of the largest: slopes in pairs have too few digits to see whether it is right."""
    x = np.concatenate([X, [-50.0]])
    formula = {"gradient": lambda xp, x: xp.exp(x) * (1 + share * (x < -40))}
    referee = Referee(setting_of(lambda xp, x: xp.sum(xp.exp(x)), {"x": x}, formula), QUICK)
    assert referee._in_pairs(OPERATORS["gradient"]) is None


def test_a_kink_among_many_inputs_is_told_with_its_slopes():
    x = X.copy()
    x[3] = 0.0
    sign = {"gradient": lambda xp, x: xp.sign(x) * xp.exp(-xp.abs(x))}
    truth = truth_of(
        lambda xp, x: -xp.sum(xp.exp(-xp.abs(x))), {"x": x}, "gradient", sign, budget=QUICK
    )
    assert truth.kind == "kink"
    assert (truth.left[3], truth.right[3]) == (-1.0, 1.0)


def bent(xp, x):
    """Huber's loss, whose curvature jumps at 1, of numbers that are 1 and others."""
    inside = xp.abs(x) <= 1.0
    return xp.sum(xp.exp(xp.where(inside, x * x / 2, xp.abs(x) - 0.5)))


@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-5])
def test_where_only_curvature_jumps_there_is_one_slope(off):
    """Central differences and fourth ones are the same on both sides of such a point, and wrong."""
    x = X.copy()
    x[3] = 1.0
    slope = lambda xp, x: xp.exp(xp.where(x <= 1.0, x * x / 2, x - 0.5)) * xp.clip(x, -1.0, 1.0)  # noqa: E731
    change = element(3, off)
    truth = truth_of(
        bent, {"x": x}, "gradient", {"gradient": lambda xp, x: change(xp, slope(xp, x))}
    )
    assert truth.kind in ("definition", "certified")
    assert truth.high[3] == pytest.approx(np.exp(0.5), rel=1e-15)


@pytest.mark.parametrize("share", [1e-3, 1e-8])
def test_a_function_with_too_few_digits_beside_a_point_has_no_kink_there(share):
    """(exp(x) − 1) / x loses digits near 0: sides that differ by what is lost are no slopes."""

    def quotient(xp, x):
        near = x == 0
        return xp.sum(xp.where(near, 1.0, (xp.exp(x) - 1) / xp.where(near, 1.0, x)))

    def slope(xp, x):
        near, y = x == 0, xp.where(x == 0, 1.0, x)
        return xp.where(near, 0.5 * (1 + share), (xp.exp(y) * (y - 1) + 1) / (y * y))

    x = X.copy()
    x[3] = 0.0
    found = Referee(setting_of(quotient, {"x": x}, {"gradient": slope}), QUICK)
    truth = found._in_pairs(OPERATORS["gradient"])
    assert truth is None or truth.kind != "kink"
    if truth is not None and not truth.directions:
        assert truth.high[3] == pytest.approx(0.5, rel=1e-13)


def test_a_loop_over_few_numbers_is_done_in_balls():
    def loop(xp, x):
        h = x
        for _ in range(600):
            h = xp.sin(h)
        return xp.sum(h)

    def product(xp, x):
        h, slope = x, 1.0
        for _ in range(600):
            h, slope = xp.sin(h), slope * xp.cos(h)
        return slope

    truth = truth_of(loop, {"x": X[:200]}, "gradient", {"gradient": product}, budget=QUICK)
    assert truth.kind == "certified"
    assert truth.digits > 40


def test_a_variant_that_is_slightly_wrong_is_refuted_in_pairs():
    frame = xgrad.check(
        energy, {"x": X}, formula=spoilt("gradient", lambda xp, made: made * (1 + 1e-12)),
        operators="gradient", methods="numpy.formula", quick=True,
    )  # fmt: skip
    assert set(frame["verdict"]) == {"disagrees"}


def test_what_the_budget_does_not_hold_is_not_begun_in_pairs():
    referee = Referee(setting_of(energy, {"x": X}, RIGHT), Budget(seconds=1e-3, quick=True))
    assert referee._in_pairs(OPERATORS["gradient"]) is None
