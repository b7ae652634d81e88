"""The referee: right formulas are certified, wrong ones are not."""

import numpy as np
import pytest
from truths import (
    MISTAKES,
    RIGHT,
    A,
    X,
    element,
    logsumexp,
    quadratic,
    quadratic_gradient,
    softmax,
    softmax_jacobian,
    truth_of,
)

from xgrad.techniques import DIGITS_OF_ZERO


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_formula_is_certified_to_forty_digits(name):
    truth = truth_of(*RIGHT[name])
    assert truth.kind == "certified", truth.note
    assert 40 <= truth.digits <= DIGITS_OF_ZERO
    assert truth.noise is not None


@pytest.mark.parametrize("name", RIGHT)
def test_the_definition_alone_finds_the_same(name):
    function, inputs, operator, _ = RIGHT[name]
    certified, defined = truth_of(*RIGHT[name]), truth_of(function, inputs, operator)
    assert defined.kind == "definition"
    gap = np.abs((certified.high - defined.high) + (certified.low - defined.low))
    assert np.max(gap) <= 1e-31 * np.max(np.abs(certified.high))


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", ["gradient", "jacobian", "hessian", "derivative"])
def test_a_mistake_is_not_certified_and_the_definition_takes_over(name, mistake):
    function, inputs, operator, formula = RIGHT[name]
    right = formula[operator] if isinstance(formula, dict) else formula
    wrong = {operator: lambda xp, x: MISTAKES[mistake](xp, right(xp, x))}
    truth = truth_of(function, inputs, operator, wrong)
    assert truth.kind == "definition"
    assert truth.note.startswith("the formula agrees with the definition to ")
    assert np.max(np.abs(truth.high - truth_of(*RIGHT[name]).high)) < 1e-15


def test_a_transpose_is_not_certified():
    wrong = lambda xp, A, b: quadratic_gradient(xp, A, b).T  # noqa: E731
    assert truth_of(quadratic, {"A": A, "b": X[:3]}, "gradient", wrong).kind == "definition"


def test_the_note_counts_the_digits():
    wrong = lambda xp, x: element(2, 1e-30)(xp, softmax(xp, x))  # noqa: E731
    note = truth_of(logsumexp, {"x": X}, "gradient", wrong).note
    assert note == "the formula agrees with the definition to 31 digits"  # one of six elements


@pytest.mark.parametrize("size", [1.0, -1.0, 1e-12])
def test_a_mistake_in_an_element_far_below_the_others_is_not_certified(size):
    x = np.array([0.0, 1.0, -46.0])  # softmax: 0.27, 0.73, 3e-21
    right = truth_of(logsumexp, {"x": x}, "gradient", softmax)
    wrong = lambda xp, x: element(2, size)(xp, softmax(xp, x))  # noqa: E731
    found = truth_of(logsumexp, {"x": x}, "gradient", wrong)
    assert (right.kind, found.kind) == ("certified", "definition")
    assert found.high[2] == right.high[2] == pytest.approx(np.exp(-47) / (1 + np.exp(-1)))


def test_a_mistake_of_the_gradient_does_not_make_a_hessian_right():
    wrong = {"gradient": lambda xp, x: 2 * softmax(xp, x),
             "hessian": lambda xp, x: 2 * softmax_jacobian(xp, x)}  # fmt: skip
    truth = truth_of(logsumexp, {"x": X}, "hessian", wrong)
    assert truth.kind == "definition"
    assert np.allclose(truth.high, truth_of(*RIGHT["hessian"]).high, rtol=1e-15, atol=0)


ILL_CONDITIONED = {
    "scales": (
        lambda xp, x: xp.sum(xp.sin(x)), {"x": 10.0 ** np.linspace(-6, 6, 6)},
        lambda xp, x: xp.cos(x),
    ),
    "cancellation": (
        lambda xp, x: (x[0] + x[1] - x[2]) ** 2, {"x": np.array([1e12, 1.0, 1e12])},
        lambda xp, x: 2 * (x[0] + x[1] - x[2]) * xp.asarray([1.0, 1.0, -1.0]),
    ),
    "a nearly singular inverse": (
        lambda xp, B: xp.sum(xp.linalg.inv(B)), {"B": np.array([[1, 1], [1, 1 + 1e-12]])},
        lambda xp, B: -xp.matmul(
            xp.matmul(xp.linalg.inv(B).T, xp.ones((2, 2))), xp.linalg.inv(B).T
        ),
    ),
    "fast waves": (
        lambda xp, x: xp.sum(xp.sin(1e12 * x)), {"x": X}, lambda xp, x: 1e12 * xp.cos(1e12 * x),
    ),
    "faster waves": (
        lambda xp, x: xp.sum(xp.sin(1e30 * x)), {"x": X}, lambda xp, x: 1e30 * xp.cos(1e30 * x),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ILL_CONDITIONED)
def test_ill_conditioned_formulas_are_certified_and_their_mistakes_are_not(name):
    function, inputs, formula = ILL_CONDITIONED[name]
    assert truth_of(function, inputs, "gradient", formula).kind == "certified"
    wrong = lambda xp, **given: formula(xp, **given) * (1 + xp.asarray(1e-20))  # noqa: E731
    assert truth_of(function, inputs, "gradient", wrong).kind == "definition"
