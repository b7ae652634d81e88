"""Columns that share no value are gone along at once, and only those."""

import numpy as np
import pytest

from xgrad.numbers import ball, midpoint
from xgrad.techniques import BASIS, Definition, Stencil
from xgrad.techniques.columns import find_groups

xp = ball(np.zeros(1)).namespace
SHAPE = (12, 4)
N = 48


def halves(seed=0, n=N):
    return np.round(2 * np.random.default_rng(seed).normal(size=n)) / 2


def rows_of(x):
    return xp.reshape(x, SHAPE)


APART = {
    "elementwise": lambda x: xp.maximum(x, 0.0) * x,
    "one value each, moved": lambda x: xp.flip(xp.abs(x)) ** 2,
    "the largest of a row": lambda x: xp.max(rows_of(x), axis=-1),
    "softmax of columns": lambda x: xp.reshape(
        xp.exp(rows_of(x)) / xp.sum(xp.exp(rows_of(x)), axis=0, keepdims=True), (-1,)
    ),
}
TOGETHER = {
    "all of them": lambda x: xp.sum(x**2) * x,
    "a neighbour": lambda x: x * xp.concat([x[1:], x[:1]]),
    "differences": lambda x: x - xp.concat([x[1:], x[:1]]),
    "both sides at a kink": lambda x: xp.maximum(x, 0.0) * xp.maximum(xp.flip(x), 0.0),
    "only both at once": lambda x: xp.minimum(xp.abs(x), xp.abs(xp.concat([x[1:], x[:1]]))),
}


def slopes(function, x, weights, v=None, shapes=()):
    slots = (BASIS,) if v is None else (BASIS, v)
    definition = Definition(function, x, shapes=shapes)
    return definition, definition.slopes(Stencil(slots, weights))


@pytest.mark.many
@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("name", [*APART, *TOGETHER])
def test_slopes_are_those_of_one_column_after_the_other(name, second):
    function, x = (APART | TOGETHER)[name], halves()
    if name == "only both at once":
        x = 0 * x
    rng = np.random.default_rng(1)
    weights = rng.normal(size=np.asarray(function(ball(x)).shape).prod())
    v = 1 + rng.random(N) if second else None  # one way: at a kink of slopes steps have a say
    (_, want), (_, got) = (slopes(function, x, weights, v, s) for s in ((), (SHAPE,)))
    smooth = ~(want.kinks | want.jumps)  # at a kink the central slope is that of no step
    for side, told in (("central", smooth), ("left", ...), ("right", ...)):
        a, b = (midpoint(getattr(each, side))[told] for each in (want, got))
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-30)
    assert np.array_equal(want.kinks, got.kinks)
    assert np.array_equal(want.jumps, got.jumps)


@pytest.mark.parametrize("second", [False, True])
def test_a_value_that_is_missing_beyond_an_edge_is_missing_of_one_column(second):
    x, v = halves(), np.ones(N) if second else None
    _, got = slopes(lambda x: xp.sqrt(2.0 - x) + x, x, np.ones(N), v, (SHAPE,))
    assert np.array_equal(got.jumps, x == 2.0)


def counted(function, x, shapes):
    calls = []

    def f(point):
        calls.append(1)
        return function(point)

    slopes(f, x, None, None, shapes)
    return len(calls)


@pytest.mark.parametrize("name", APART)
def test_columns_that_share_no_value_cost_less(name):
    one, many = (counted(APART[name], halves(), s) for s in ((SHAPE,), ()))
    assert one < many


@pytest.mark.parametrize("name", TOGETHER)
def test_columns_that_share_a_value_stay_by_themselves(name):
    function, x, h = TOGETHER[name], np.zeros(N), 2.0**-30

    def move(columns):
        return [function(ball(x + sign * h * columns)) for sign in (1, -1)]

    assert find_groups(move, [(N,)]) is None
