"""What comes with a truth: its noise, its hundred bits, and that it is kept."""

import numpy as np
import pytest
from truths import X, logsumexp, setting_of, softmax, truth_of

from xgrad.numbers import midpoint, precision
from xgrad.problem import OPERATORS
from xgrad.referee import Referee


@pytest.mark.parametrize(("dtype", "eps"), [("float64", 2.0**-52), ("float32", 2.0**-23)])
def test_noise_has_the_size_of_rounding(dtype, eps):
    formula = lambda xp, x: (x + 1e3) - 1e3  # noqa: E731
    cancels = truth_of(lambda xp, x: xp.sum(x * x) / 2, {"x": X}, "gradient", formula, dtype=dtype)
    plain = truth_of(logsumexp, {"x": X}, "gradient", softmax, dtype=dtype)
    assert np.all(plain.noise < 16 * eps * np.abs(plain.high))
    assert np.all(plain.noise > 0.02 * eps * np.abs(plain.high))
    assert np.all((cancels.noise > 50 * eps) & (cancels.noise < 4000 * eps))


def test_noise_of_a_sum_that_cancels_has_the_size_of_its_terms():
    def turn(xp, x):  # its divergence x − x is exactly 0, whatever x
        return xp.stack([x[0] ** 2 / 2, -x[0] * x[1]])

    def jacobian(xp, x):
        zero = 0 * x[0]
        return xp.stack([xp.stack([x[0], zero]), xp.stack([-x[1], -x[0]])])

    formulas = {"jacobian": jacobian, "divergence": lambda xp, x: 0 * xp.sum(x)}
    truth = truth_of(turn, {"x": np.array([3.0, 4.0])}, "divergence", formulas)
    assert (truth.kind, float(truth.high)) == ("certified", 0.0)
    assert 3 * 2.0**-54 < truth.noise < 24 * 2.0**-52


def test_the_truth_holds_a_hundred_bits():
    truth = truth_of(lambda xp, x: xp.sum(x / 3), {"x": np.ones(2)}, "gradient")
    assert truth.high[0] == 1 / 3
    assert truth.low[0] == pytest.approx(float(1 / 3 - 6004799503160661 / 2**54), abs=1e-16)
    with precision(256):
        assert abs(midpoint(truth.exact * 3 - 1)[0]) < 1e-45


def test_truths_are_kept_and_an_independent_one_is_another():
    referee = Referee(setting_of(logsumexp, {"x": X}, softmax))
    row = OPERATORS["gradient"]
    assert referee.truth(row) is referee.truth(row)
    assert referee.truth(row, independent=True).kind == "definition"
    assert referee.truth(row).kind == "certified"
