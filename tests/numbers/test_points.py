"""Points of a function of balls at once: the balls, verdicts and budgets of one by one."""

import operator

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_batched import CONSTANT, EXPRESSIONS, REST, function
from test_batched import points as floats

from xgrad.errors import BudgetExceeded
from xgrad.numbers import (
    NAMESPACE,
    SECONDS_PER_ELEMENT,
    ball,
    batched,
    budget,
    in_full,
    midpoint,
    precision,
    radius,
)
from xgrad.numbers.balls import points
from xgrad.numbers.batched import Batch, Batched

ONE_BY_ONE = 10**6  # points that would be taken together
_rng = np.random.default_rng(7)
X, A = _rng.normal(size=4), _rng.normal(size=(3, 4))


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    """256 bits, and nothing known of any function."""
    monkeypatch.setattr(points, "_KNOWN", type(points._KNOWN)())
    with precision(256):
        yield


def same(a, b):
    """Whether two arrays of balls are the same bit for bit."""
    return a.shape == b.shape and all(
        bits(one) == bits(other)
        for one, other in zip(a.data.reshape(-1), b.data.reshape(-1), strict=True)
    )


def bits(number):
    parts = (number.real, number.imag) if isinstance(number, flint.acb) else (number,)
    return [(a.mid().man_exp(), a.rad().man_exp()) if a.is_finite() else str(a) for a in parts]


def known(f):
    """What is known of a function after its points were taken."""
    return points._KNOWN[f.__code__]


def taken(name, f, *args, alone=False):
    """A derivative, and the operations it took."""
    with pytest.MonkeyPatch.context() as patch, budget(10, 1) as ledger:
        if alone:
            patch.setattr(points, "FEWEST", ONE_BY_ONE)
        return getattr(NAMESPACE, name)(f)(*args), ledger.spent


def require_the_same(name, f, *args):
    """All at once and one by one: the same balls, for the same operations."""
    (got, cost), (want, price) = (taken(name, f, *args, alone=a) for a in (False, True))
    assert same(got, want)
    assert cost == price
    return got


# --- the same numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_function_has_the_balls_of_one_by_one(expression):
    f, rows = function(expression), ball(floats())

    def of(xp, row, rest):
        return f(xp, row, REST)

    got = points.values(of, rows.data, ({},))
    assert (known(of).tried, known(of).alone) == (True, False)
    assert same(ball(got), points._Points()._one_by_one(rows, (of, ({},))))


@pytest.mark.parametrize("expression", sorted(CONSTANT))
def test_values_that_do_not_depend_on_the_point_are_taken_one_by_one(expression):
    f, rows = function(expression), ball(floats())

    def of(xp, row):
        return f(xp, row, REST)

    got = points.values(of, rows.data, ())
    assert known(of).alone
    assert same(ball(got), points._Points()._one_by_one(rows, (of, ())))


SIDES = [operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.matmul]


@pytest.mark.parametrize("apply", SIDES)
@pytest.mark.parametrize("other", [ball(X), X], ids=["ball", "numpy"])
def test_balls_and_arrays_on_either_side_of_a_batch(apply, other):
    rows = ball(_rng.normal(size=(5, 4)))
    xp = Batched(NAMESPACE, np.inf)
    for left, right in ((other, Batch(rows, xp)), (Batch(rows, xp), other)):
        got = apply(left, right)
        assert isinstance(got, Batch)
        for k in range(5):
            sides = (side if side is other else rows[k] for side in (left, right))
            np.testing.assert_array_equal(midpoint(got.data)[k], midpoint(apply(*sides)))


def smooth(xp, x, a, scale):
    z = xp.matmul(a, x) * scale
    return xp.sum(xp.exp(xp.sin(z)) * z) + xp.logsumexp(x) / xp.sum(x * x)


def waves(xp, x, a, scale):
    return xp.where(x > 0, xp.tanh(x * scale), x) + xp.sum(xp.matmul(a, x) ** 2)


def inner(xp, x, a, scale):
    return xp.sum(xp.gradient(smooth)(x, a, scale) ** 2)


def spectral(xp, x, a, scale):
    return xp.fft.rfft(x * scale + xp.matmul(a.T, xp.matmul(a, x)))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([2.0**-40, 1.0, 2.0**40]))
def test_derivatives_at_any_point_are_those_of_one_by_one(seed, size, scale):
    rng = np.random.default_rng(seed)
    x, a = scale * rng.normal(size=size), ball(rng.normal(size=(3, size)))
    for name, f, *between in (
        ("gradient", smooth),
        ("jacobian", waves),
        ("hessian", smooth),
        ("gradient", inner),
        ("jvp", waves, rng.normal(size=size)),
        ("vjp", waves, rng.normal(size=size)),
    ):
        require_the_same(name, f, ball(x), *between, a, ball(1 / scale))


def test_one_number_and_none_and_complex_values():
    require_the_same("gradient", lambda xp, x: xp.sin(x), ball(0.3))
    require_the_same("jacobian", lambda xp, x: xp.reshape(x * x, (1, 1)), ball(0.3))
    got = require_the_same("jacobian", spectral, ball(X), ball(A), ball(2.0))
    assert got.dtype == "complex ball"
    assert taken("jacobian", lambda xp, x: x, ball(np.ones((0,))))[0].shape == (0, 0)


# --- what is not taken at once --------------------------------------------------------------------

REFUSED = {
    "no rule": lambda xp, x: xp.sum(xp.tile(x, (2,))),
    "a choice by numbers": lambda xp, x: x[0] if x[0] > x[1] else x[1] * x[1],
    "a derivative inside": lambda xp, x: xp.sum(xp.gradient(lambda xp, x: xp.sum(x**3))(x)),
    "the functions of outside": lambda xp, x: NAMESPACE.sum(NAMESPACE.exp(x)),
    "a constant": lambda xp, x: xp.asarray(1.5),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_no_rule_covers_goes_one_by_one_and_is_not_tried_again(why):
    tries = []

    def f(xp, x):
        tries.append(isinstance(x, Batch))
        return REFUSED[why](xp, x)

    require_the_same("gradient", f, ball(X))
    before = sum(tries)
    taken("gradient", f, ball(X))
    assert known(f).alone
    assert (before, sum(tries)) == (1, 1)


def test_a_mistake_of_the_function_is_told_as_one_by_one():
    with pytest.raises(ValueError, match="broadcast"):
        taken("gradient", lambda xp, x: xp.sum(x + xp.ones(7)), ball(X))
    with pytest.raises(ValueError, match=r"xp.gradient needs a scalar value, got shape \(4,\)"):
        taken("gradient", lambda xp, x: x, ball(X))


def test_few_points_are_not_worth_a_check():
    def f(xp, x):
        assert not isinstance(x, Batch)
        return xp.sum(x * x)

    assert midpoint(taken("gradient", f, ball([0.5]))[0]) == pytest.approx([1.0])


def test_many_points_come_in_parts(monkeypatch):
    monkeypatch.setattr(batched, "MOST", 100)
    sizes = []

    def f(xp, x):
        sizes.append(len(x.data) if isinstance(x, Batch) else 1)
        return xp.sum(x[:, None] * x[None, :])

    require_the_same("gradient", f, ball(X))
    assert not known(f).alone
    assert max(sizes[1:]) <= 2


# --- what is wrong is noticed ---------------------------------------------------------------------


def times(factor):
    """A rule of batches that is slightly off at some of the points."""

    def wrong(self, x, *args, **keywords):
        made = self.base.sum(x.data, axis=tuple(range(1, x.ndim + 1)))
        return self.wrapped(made * factor(len(x.data)))

    return wrong


def only(*rows):
    return lambda n: ball(np.where(np.isin(np.arange(n) % n, [r % n for r in rows]), 1e-60, 0)) + 1


def shuffled(self, x, *args, **keywords):
    made = self.base.sum(x.data, axis=tuple(range(1, x.ndim + 1)))
    return self.wrapped(made[np.roll(np.arange(len(x.data)), 1)])


RULES = {
    "all off by 1e-60": times(lambda n: ball(1) + ball(1e-60)),
    "the first": times(only(0)),
    "the last": times(only(-1)),
    "rows of others": shuffled,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_slightly_wrong_does_not_reach_the_result(rule, monkeypatch):
    def f(xp, x):
        return xp.sum(xp.exp(x))

    monkeypatch.setattr(Batched, "_sum", RULES[rule], raising=False)
    assert same(taken("gradient", f, ball(X))[0], taken("gradient", f, ball(X), alone=True)[0])
    assert known(f).alone


def test_a_function_that_is_known_is_looked_at_once_a_time(monkeypatch):
    """Each time at another point: what is wrong of one of nine is seen within nine times."""

    def f(xp, x):
        return xp.sum(xp.exp(x))

    taken("gradient", f, ball(X))
    monkeypatch.setattr(Batched, "_sum", times(only(5)), raising=False)
    for _ in range(9):
        got, _ = taken("gradient", f, ball(X))
    assert known(f).alone
    assert same(got, taken("gradient", f, ball(X), alone=True)[0])


def test_shapes_that_are_new_are_looked_at_as_the_first_were(monkeypatch):
    def f(xp, x, a):
        return xp.sum(xp.exp(x)) * xp.sum(a)

    taken("gradient", f, ball(X), ball(A))
    monkeypatch.setattr(Batched, "_sum", times(only(-1)), raising=False)
    for x, a in ((X[:2], A), (X, A[0])):
        points._KNOWN[f.__code__].alone = False
        got, _ = taken("gradient", f, ball(x), ball(a))
        assert same(got, taken("gradient", f, ball(x), ball(a), alone=True)[0])
        assert known(f).alone


def test_points_that_cost_differently_are_taken_one_by_one():
    calls = []

    def f(xp, x):
        calls.append(x)
        more = xp.exp(xp.ones(len(calls)))
        return xp.sum(x * x) * more[0]

    taken("gradient", f, ball(X))
    assert known(f).alone


# --- kinks, budgets, digits -----------------------------------------------------------------------


def test_kinks_are_nan_and_vertices_are_not():
    x = ball([0.0, 1.0, 0.0, -2.0])
    kinked = require_the_same("gradient", lambda xp, x: xp.sum(xp.abs(x)) + x[2], x)
    smooth = require_the_same("gradient", lambda xp, x: xp.sum(xp.abs(x) * x), x)
    rows = require_the_same("jacobian", lambda xp, x: xp.abs(x), x)
    assert np.array_equal(midpoint(kinked), [np.nan, 1.0, np.nan, -1.0], equal_nan=True)
    assert midpoint(smooth) == pytest.approx([0.0, 2.0, 0.0, 4.0], abs=1e-18)
    assert np.array_equal(midpoint(rows), np.diag([np.nan, 1.0, np.nan, -1.0]), equal_nan=True)


def test_a_budget_ends_where_it_does_one_by_one():
    def f(xp, x):
        return xp.sum(xp.exp(xp.matmul(ball(A), x)))

    x = ball(X)
    _, price = taken("gradient", f, x)
    with budget((price + 0.5) * SECONDS_PER_ELEMENT, 1) as ledger:
        NAMESPACE.gradient(f)(x)
        assert ledger.spent == price
    for less in (0.5, 0.7 * price):
        with (
            budget((price - less) * SECONDS_PER_ELEMENT, 1),
            pytest.raises(BudgetExceeded, match="operations"),
        ):
            NAMESPACE.gradient(f)(x)
    assert not known(f).alone


def test_an_array_that_only_the_points_together_make_too_large_is_not_made():
    def f(xp, x):
        return xp.sum(x[:, None] * x[None, :])

    with budget(10, 40 * 1000 / 2**30):
        got = NAMESPACE.gradient(f)(ball(X))
    assert same(got, taken("gradient", f, ball(X), alone=True)[0])


def test_digits_of_nested_ones_are_those_of_one_by_one():
    def of():
        return in_full(lambda x: NAMESPACE.hessian(smooth)(x, ball(A), 1.0))(ball(X))

    got = of()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "FEWEST", ONE_BY_ONE)
        want = of()
    assert same(got, want)
    assert np.all(radius(got) == 0)
