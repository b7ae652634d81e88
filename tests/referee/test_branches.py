"""Where more than two branches meet, what any of them has is a convention; the rest is wrong."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from kinks import relu_with
from truths import truth_of

import xgrad
from xgrad.numbers import ball
from xgrad.referee import beside
from xgrad.techniques import Stencil

TIED = np.array([0.5, 0.5, 0.5, 2.0])


def judged(function, inputs, operator, formula):
    """The row of a NumPy-style function with its formula."""
    found = xgrad.check(
        function, inputs, operators=[operator], formula={operator: formula}, methods="numpy.formula"
    )
    return found.iloc[0]


def middle(xp, x):
    """The middle one of three numbers."""
    return xp.sum(x[:3]) - xp.max(x[:3]) + xp.max(-x[:3])


SHARES = {
    "one of the three": ([1.0, 0.0, 0.0, 0.0], "convention"),
    "a third of each": ([1 / 3, 1 / 3, 1 / 3, 0.0], "convention"),
    "more than all": ([1.01, 0.0, 0.0, 0.0], "disagrees"),
    "less than none": ([0.0, -0.01, 1.0, 0.0], "disagrees"),
    "one that is not tied": ([1.0, 0.0, 0.0, 0.001], "disagrees"),
}


@pytest.mark.parametrize("name", SHARES)
def test_the_middle_of_three_equal_numbers_has_the_slopes_of_each(name):
    shares, verdict = SHARES[name]
    row = judged(middle, {"x": TIED}, "gradient", lambda xp, x: 0 * x + xp.asarray(shares))
    assert row["verdict"] == verdict, row["message"]


def test_its_slopes_along_the_coordinates_are_none_and_beside_it_there_are_all():
    truth = truth_of(middle, {"x": TIED}, "gradient")
    assert truth.kind == "kink"
    assert np.array_equal(truth.left, [0, 0, 0, 0])
    assert np.allclose(truth.right, [1, 1, 1, 0], rtol=1e-12, atol=0)


@pytest.mark.parametrize(("slope", "verdict"), [(0.0, "convention"), (-0.01, "disagrees")])
def test_two_kinks_that_hide_each_other_along_a_direction_are_two(slope, verdict):
    """relu(t) − relu(t) is 0 on both sides, and each may have a slope of its own."""

    relu = relu_with(slope)
    zero = torch.zeros(2, dtype=torch.float64)
    found = xgrad.check(lambda x: relu(x[0]) - relu(x[1]), zero, operators=["gradient"])
    assert set(found["verdict"]) == {verdict}, found["message"].tolist()


class Rates:
    """Slopes of a function of many numbers by a formula for those along a direction."""

    def __init__(self, rate):
        self.rate, self.asked = rate, 0

    def slopes(self, stencil):
        (d,) = stencil.slots
        self.asked += 1
        ahead, behind = self.rate(d), -self.rate(-d)
        central = ball(np.array([(ahead + behind) / 2]))
        return SimpleNamespace(central=central, kinks=np.array([not np.isclose(ahead, behind)]))


RATES = {
    "linear": (lambda d: np.sum(d), True),
    "two kinks that hide each other": (lambda d: max(d[7], 0) - max(d[90], 0) + d[0], False),
    "a bend where one moves alone": (lambda d: d[3] if d[40] else 2 * d[3], False),
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("seed", range(5))
def test_of_many_inputs_parts_tell_whether_coordinates_must_be_asked(name, seed):
    rate, adds = RATES[name]
    definition, stencil = Rates(rate), Stencil(slots=(np.ones(100),))
    setting = SimpleNamespace(generator=lambda _: np.random.default_rng(seed))
    whole = definition.slopes(stencil)
    assert not whole.kinks.any()
    assert beside._adds_up(definition, stencil, setting, whole) is adds
    assert definition.asked <= 1 + 2 * beside.SPLITS


@pytest.mark.parametrize(
    ("function", "x", "v"),
    [
        (jnp.sort, [0.5, 0.5, 0.5], [0.3, 0.9, -0.4]),
        (lambda x: jnp.copysign(x[0], x[1]), [0.0, 0.0], [0.7, -0.2]),
        (lambda x: jax.nn.relu(x[0]) - jax.nn.relu(x[1]), [0.0, 0.0], [0.3, 0.3]),
        (lambda x: jnp.where(x[0] != 0, x[1], x[2]), [0.0, 0.5, 0.5], [1.0, 0.4, -0.3]),
    ],
)  # fmt: skip
def test_along_a_direction_jax_returns_what_one_of_the_branches_has(function, x, v):
    with jax.enable_x64(True):
        found = xgrad.check(function, jnp.array(x), operators=["jvp"], methods="jax.forward")
    assert set(found["verdict"]) <= {"convention", "agrees"}, found["message"].tolist()


def test_where_a_single_point_is_set_apart_its_neighbours_decide():
    """A guard whose branch has no slope is wrong where the function is smooth."""

    def guarded(x):
        return jnp.where(x == 0, 1.0, jnp.exp(x) * (1 + x - x)) + 0 * x

    with jax.enable_x64(True):
        found = xgrad.check(guarded, jnp.array(0.0), operators=["gradient"])
    assert set(found["verdict"]) == {"disagrees"}, found["message"].tolist()
