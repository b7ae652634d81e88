"""Balls: exact inputs, seventy digits, budgets, and what they refuse."""

import operator
import subprocess
import sys
from fractions import Fraction

import flint
import numpy as np
import pytest
from expressions import DATA, evaluate, lines

from xgrad.errors import BudgetExceeded
from xgrad.frameworks import find_framework
from xgrad.numbers import Ball, ball, budget, halves, midpoint, precision
from xgrad.numbers.balls.array import radius

xp = find_framework("ball").namespace()


@pytest.fixture
def digits():
    """256 bits."""
    with find_framework("ball").scope():
        yield


def exact(element):
    """The one number that an exact ball holds."""
    mantissa, exponent = element.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


SOURCES = [0.1, np.float32(0.1), np.float16(0.1), np.longdouble(1) / 3, [0.1], np.float64(1e-300)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: type(s).__name__)
def test_floats_are_taken_exactly(digits, source):
    for made in (ball(source), xp.asarray(source), xp.add(source, 0), xp.abs(source)):
        want = Fraction(*np.ravel(source)[0].as_integer_ratio())
        assert exact(np.ravel(made.data)[0]) == want
        assert np.all(radius(made) == 0)


def test_python_floats_among_themselves_make_exact_balls(digits):
    assert exact(xp.add(0.1, 0.2).data[()]) == Fraction(0.1) + Fraction(0.2)
    assert exact(xp.maximum(0.1, 0.2).data[()]) == Fraction(0.2)
    assert exact(xp.sum(np.array([0.1, 0.2])).data[()]) == Fraction(0.1) + Fraction(0.2)


VANISHING = lines("""
    xp.exp(xp.log(p)) - p
    xp.sin(x) ** 2 + xp.cos(x) ** 2 - 1
    xp.tan(x) - xp.sin(x) / xp.cos(x)
    xp.cosh(x) ** 2 - xp.sinh(x) ** 2 - 1
    xp.tanh(x) * xp.cosh(x) - xp.sinh(x)
    xp.sin(xp.asin(q)) - q
    xp.cos(xp.acos(q)) - q
    xp.tan(xp.atan(x)) - x
    xp.sinh(xp.asinh(x)) - x
    xp.cosh(xp.acosh(p + 1)) - p - 1
    xp.tanh(xp.atanh(q)) - q
    xp.hypot(x, y) * xp.sin(xp.atan2(y, x)) - y
    xp.expm1(x) - (xp.exp(x) - 1)
    xp.log1p(p) - xp.log(1 + p)
    xp.log2(p) - xp.log10(p) / xp.log10(xp.asarray(2.0))
    xp.sqrt(p) - p ** 0.5
    xp.erf(x) + xp.erfc(x) - 1
    xp.lgamma(q) - xp.lgamma(q + 1) + xp.log(xp.abs(q))
    xp.digamma(q) - xp.digamma(q + 1) + 1 / q
    xp.expit(x) + xp.expit(-x) - 1
    xp.softplus(x) - xp.softplus(-x) - x
    xp.logaddexp(x, y) - xp.log(xp.exp(x) + xp.exp(y))
    xp.logsumexp(1000 * x) - xp.log(xp.sum(xp.exp(1000 * x)))
    xp.sum(xp.softmax(x), axis=-1) - 1
    xp.log_softmax(x) - xp.log(xp.softmax(x))
    xp.floor_divide(x, p) * p + xp.remainder(x, p) - x
    xp.divide(k, n) * n - k
    xp.mean(k) * 12 - xp.sum(k)
    xp.var(x) - xp.mean(x ** 2) + xp.mean(x) ** 2
    xp.std(x, axis=0, correction=1) ** 2 - xp.var(x, axis=0, correction=1)
    xp.linspace(0.0, 1.0, 7) * 6 - xp.arange(7)
    xp.arange(0.0, 1.0, 0.1) - 0.1 * xp.astype(xp.arange(10), xp.float64)
    xp.sin(xp.pi)
    xp.log(xp.e) - 1
    xp.linalg.inv(a) @ a - xp.eye(4)
    xp.linalg.inv(m) @ m - xp.eye(4)
    a @ xp.linalg.solve(a, v) - v
    m @ xp.linalg.solve(m, s) - s
    xp.linalg.cholesky(s) @ xp.linalg.cholesky(s).T - s
    xp.linalg.slogdet(a).logabsdet - xp.log(xp.abs(xp.linalg.det(a)))
    xp.linalg.matrix_power(a, -2) @ a @ a - xp.eye(4)
    xp.linalg.vector_norm(x, ord=3) ** 3 - xp.sum(xp.abs(x) ** 3)
    xp.einsum('bij,bjk,kl->bil', m, m, a) - m @ m @ a
    xp.tensordot(t, x) - xp.einsum('bij,ij->b', t, x)
    xp.sum(xp.diff(x, axis=1), axis=1) - x[:, -1] + x[:, 0]
    xp.cumulative_sum(x, axis=1)[:, -1] - xp.sum(x, axis=1)
""")


@pytest.mark.parametrize("identity", VANISHING)
def test_identities_hold_to_seventy_digits(digits, identity):
    (rest,) = evaluate("ball", identity)
    assert np.all(np.abs(midpoint(rest)) < 1e-70)
    assert np.all(radius(rest) < 1e-70)


X = ball(np.ones((2, 2)))
REFUSED = {
    "float": (lambda: float(X[0, 0]), "keep x an array"),
    "int": (lambda: int(X[0, 0]), "keep x an array"),
    "index": (lambda: [1, 2][X[0, 0]], "keep x an array"),
    "bool": (lambda: bool(X[0, 0]), r"xp\.where"),
    "if": (lambda: 1 if X[0, 0] * 2 else 0, r"xp\.where"),
    "setitem": (lambda: operator.setitem(X, 0, 1.0), r"xp\.where, xp\.concat or xp\.stack"),
    "numpy array": (lambda: np.asarray(X), "functions of xp"),
    "numpy function": (lambda: np.linalg.norm(X), "functions of xp"),
    "length": (lambda: len(X[0, 0]), "no length"),
    "iteration": (lambda: list(X[0, 0]), "no length"),
    "hash": (lambda: hash(X), "unhashable"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_cut_the_derivative_is_refused_with_a_remedy(what):
    action, remedy = REFUSED[what]
    with pytest.raises(TypeError, match=remedy):
        action()


OPERATORS = [
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"),
    *("lt", "le", "gt", "ge", "eq", "ne"),
]
LEFTS = (
    *(DATA["p"], DATA["n"], np.ones(4, dtype=bool), DATA["p"].astype(np.float32)),
    *(np.float64(1.5), np.float32(0.5), np.int64(2), np.bool_(True), np.asarray(2), 0.5, 3, True),
)


@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_and_numpy_arrays_on_either_side_give_balls(digits, name):
    apply, y = getattr(operator, name), DATA["p"][::-1] + 0.01
    for left in LEFTS:
        wide = np.asarray(left) if np.asarray(left).dtype.kind == "i" else np.float64(left)
        for got, want in (
            (apply(left, ball(y)), apply(wide, y)),
            (apply(ball(y), left), apply(y, wide)),
        ):
            assert isinstance(got, Ball) == (want.dtype != bool)
            np.testing.assert_allclose(midpoint(got), want, rtol=1e-14)


def test_matrix_products_with_numpy_arrays_on_either_side():
    a, v = DATA["a"], DATA["v"]
    for got in (a @ ball(v), ball(a) @ v, a.tolist() @ ball(v)):
        np.testing.assert_allclose(midpoint(got), a @ v, rtol=1e-14)


def test_comparisons_and_steps_look_at_midpoints():
    wide = ball(np.array([flint.arb(1, 0.25)]))
    assert radius(wide) >= 0.25
    assert wide == 1
    assert not wide < 1
    assert midpoint(xp.floor(wide)) == 1
    assert radius(xp.maximum(wide, 1)) == radius(wide)  # the first where they tie


@pytest.mark.parametrize(
    ("subscripts", "operands"),
    [("ij,jk->ik", "xx"), ("ij,ij->ij", "xa"), ("ij,j", "xw"), ("i,i,i->", "vvw")],
)
def test_einsum_refuses_lengths_that_do_not_match(subscripts, operands):
    with pytest.raises(ValueError, match="length"):
        xp.einsum(subscripts, *(ball(DATA[k]) for k in operands))


def test_a_cumulative_sum_of_a_matrix_needs_an_axis():
    with pytest.raises(ValueError, match="axis"):
        xp.cumulative_sum(X)


def square(times):
    for _ in range(times):
        X * X


def test_work_beyond_the_budget_is_refused():
    with budget(seconds=1e-3, gigabytes=1):
        square(10)
        with pytest.raises(BudgetExceeded, match="operations"):
            square(1000)
    with budget(seconds=1, gigabytes=1e-4), pytest.raises(BudgetExceeded, match="array of 10,000"):
        xp.zeros((100, 100))
    square(1000)  # no budget is left behind


def test_budgets_count_the_same_each_time_and_include_inner_ones():
    def spent(inner):
        with budget(seconds=10, gigabytes=1) as ledger:
            square(5)
            with budget(seconds=1, gigabytes=1):
                square(inner)
            return ledger.spent

    assert spent(0) == spent(0) > 0
    assert spent(5) == 2 * spent(0)


def test_precision_is_restored():
    before = flint.ctx.prec
    with precision(1000):
        assert flint.ctx.prec == 1000
        assert np.all(radius(xp.exp(X)) < 1e-290)
    with pytest.raises(ZeroDivisionError), precision(77):
        xp.linalg.inv(X)
    assert flint.ctx.prec == before


def test_the_scope_gives_at_least_256_bits():
    with precision(1000), find_framework("ball").scope():
        assert flint.ctx.prec == 1000
    with precision(64), find_framework("ball").scope():
        assert flint.ctx.prec == 256


def test_halves_hold_106_bits(digits):
    value = xp.pi * xp.exp(ball(DATA["x"]))
    high, low = halves(value)
    rest = midpoint((value - high - low) / value)
    assert np.all(np.abs(rest) < 2.0**-105)
    np.testing.assert_array_equal(high, midpoint(value))
    np.testing.assert_array_equal(halves(ball([np.inf, np.nan]))[1], [0.0, 0.0])


def test_balls_work_without_the_namespace_being_asked_for():
    code = "from xgrad.frameworks.ball import ball; print((1 + ball([2.0])).shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1,)", done.stderr
