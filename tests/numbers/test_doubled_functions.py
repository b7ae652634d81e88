"""Functions of pairs: twenty-eight digits and more against balls, and mistakes that would show."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from pair_numbers import draw_numbers, in_balls, require_digits, seeds, spread

from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled, doubled, to_ball
from xgrad.numbers.doubled import exponentials, loops, special, tables, trigonometry

# Right digits, relative to the result, over ranges of x; logarithmically where it says so.
FUNCTIONS = [
    ("exp", 31, (-660.0, 709.0), ""),
    ("exp", 31, (1e-30, 1.0), "log"),
    ("expm1", 31, (1e-30, 1.0), "log"),
    ("expm1", 31, (-50.0, 709.0), ""),
    ("log", 31, (1e-290, 1e307), "log"),
    ("log", 30, (0.5, 2.0), ""),
    ("log1p", 29, (1e-30, 1e300), "log"),
    ("log1p", 29, (-0.999, 0.5), ""),
    ("log2", 31, (1e-290, 1e307), "log"),
    ("log10", 31, (1e-290, 1e307), "log"),
    ("sin", 31, (1e-30, 1.0), "log"),
    ("sinh", 31, (1e-30, 710.0), "log"),
    ("cosh", 31, (-710.0, 710.0), ""),
    ("tanh", 30, (1e-30, 100.0), "log"),
    ("asinh", 29, (1e-30, 1e305), "log"),
    ("acosh", 29, (1.0, 1e305), "log"),
    ("atanh", 29, (1e-30, 0.9999), "log"),
    ("atan", 31, (1e-30, 1e30), "log"),
    ("asin", 30, (1e-30, 0.999999), "log"),
    ("acos", 30, (-1.0, 0.9999), ""),
    ("tan", 30, (1e-30, 1.5), "log"),
    ("erf", 31, (1e-30, 8.0), "log"),
    ("erfc", 30, (-8.0, 25.7), ""),
    ("lgamma", 30, (1e-30, 1e10), "log"),
    ("lgamma", 30, (0.3, 12.0), ""),
    ("digamma", 30, (1e-30, 1.4), "log"),
    ("digamma", 30, (1.5, 1e10), "log"),
    ("expit", 30, (-600.0, 600.0), ""),
    ("softplus", 29, (-600.0, 600.0), ""),
    ("sqrt", 31, (1e-290, 1e307), "log"),
]


@pytest.mark.parametrize(("name", "digits", "interval", "how"), FUNCTIONS)
def test_digits_relative_to_the_result(name, digits, interval, how):
    rng = np.random.default_rng(sum(map(ord, name)))
    x = spread(rng, *interval, logarithmic=how == "log")
    require_digits(digits, getattr(xp, name)(x), in_balls(name, x))
    if interval[0] > 0 and name in (
        "expm1",
        "sin",
        "sinh",
        "tanh",
        "asinh",
        "atanh",
        "atan",
        "erf",
    ):
        require_digits(digits, getattr(xp, name)(-x), in_balls(name, -x))


# Where a function vanishes, or its argument is reduced: right digits of numbers near 1.
ABSOLUTE = [
    ("sin", 31, (-1e5, 1e5)),
    ("cos", 31, (-1e5, 1e5)),
    ("sin", 31, (-1e12, 1e12)),
    ("cos", 31, (-1e12, 1e12)),
    ("digamma", 30, (1.3, 1.6)),
    ("lgamma", 31, (0.99, 1.01)),
    ("log", 32, (0.99, 1.01)),
]


@pytest.mark.parametrize(("name", "digits", "interval"), ABSOLUTE)
def test_digits_where_a_function_vanishes(name, digits, interval):
    x = spread(np.random.default_rng(5), *interval)
    require_digits(digits, getattr(xp, name)(x), in_balls(name, x), scale=to_ball(doubled(1.0)))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_zeros_of_the_circle_keep_a_number_s_own_digits(name):
    k = np.arange(-30_000, 30_000, 97)
    x = doubled(np.pi * (k + 0.5) if name == "cos" else np.pi * k + (k == 0))
    require_digits(27.5, getattr(xp, name)(x), in_balls(name, x))


def test_beyond_2_to_40_the_circle_says_nothing():
    for name in ("sin", "cos", "tan"):
        made = getattr(xp, name)(doubled([2.0**40 + 1, 1e12, -1e300]))
        assert np.isnan(made.high).tolist() == [True, False, True]


def test_left_of_zero_gamma_has_the_digits_of_its_terms():
    x = spread(np.random.default_rng(6), -20.0, -0.01)
    for name in ("lgamma", "digamma"):
        sine = xp.abs(xp.sin(xp.pi * (x - xp.round(x))))
        terms = to_ball(xp.abs(getattr(xp, name)(1.0 - x)) + np.pi / sine + xp.abs(xp.log(sine)))
        require_digits(29.5, getattr(xp, name)(x), in_balls(name, x), scale=terms)


def test_functions_of_two():
    rng = np.random.default_rng(7)
    x, y = draw_numbers(rng, -30, 30, (400,)), draw_numbers(rng, -30, 30, (400,))
    require_digits(31, xp.atan2(x, y), in_balls("atan2", x, y))
    a, b = spread(rng, -30.0, 30.0), spread(rng, -30.0, 30.0)
    require_digits(30, xp.logaddexp(a, b), in_balls("logaddexp", a, b))
    base, power = spread(rng, 0.01, 100.0), spread(rng, -100.0, 100.0)
    require_digits(28.5, base**power, in_balls("pow", base, power))
    require_digits(28.5, 2**power, in_balls("pow", 2.0, power))
    whole = np.arange(-9, 10)
    require_digits(30, (-base[:19]) ** whole, in_balls("pow", -base[:19], whole))
    require_digits(30, xp.pow(base, -0.5), in_balls("pow", base, -0.5))
    require_digits(28.5, base**2.5, in_balls("pow", base, 2.5))


def test_a_low_part_decides_at_the_edge_of_a_domain():
    below, above = Doubled.of(1.0, -1e-25), Doubled.of(1.0, 1e-25)
    for name, x in (
        *(("atanh", below), ("atanh", -below), ("acos", below), ("asin", below)),
        *(("acosh", above), ("log", above), ("log", below), ("log1p", -below), ("lgamma", above)),
    ):
        with np.errstate(divide="ignore"):  # of the high part alone
            made = getattr(xp, name)(x)
        require_digits(28, made, in_balls(name, x))


def test_powers_of_two_are_exact():
    whole = np.arange(-1000, 1000, 7)
    powers = doubled(2.0**whole)
    assert np.array_equal(xp.exp2(doubled(whole)).high, 2.0**whole)
    assert np.array_equal(xp.log2(powers).high, whole)
    assert not np.any(xp.log2(powers).low)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seeds())
def test_what_undoes_what(rng):
    x = draw_numbers(rng, -20, 9, signs=(1,))
    require_digits(29, xp.log(xp.exp(x)), to_ball(x), scale=to_ball(xp.maximum(x, 1.0)))
    require_digits(29, xp.log1p(xp.expm1(x)), to_ball(x))
    require_digits(29, xp.sinh(xp.asinh(x)), to_ball(x))
    require_digits(29, xp.tan(xp.atan(x)), to_ball(x))
    require_digits(28, xp.exp(xp.lgamma(x + 1.0) - xp.lgamma(x)), to_ball(x), to_ball(x * x + 9.0))


# The nearest mistakes: a table or a constant in 53 bits, a term too few, a part of π that is gone.
MISTAKES = {
    "a table in 53 bits": ("exp", exponentials._LESS_ONE, "parts"),
    "a table of sines in 53 bits": ("sin", trigonometry._SINES, "parts"),
    "the logarithm of 2 in two parts": ("exp", exponentials, "_PARTS"),
    "π / 256 in two parts": ("cos", trigonometry, "_PARTS"),
    "a term too few of log": ("log", exponentials, "_ODD"),
    "a term too few of exp": ("exp", exponentials, "_FACTORIALS"),
    "a polynomial of erf in floats": ("erf", special._ERF_BY_X, "_coefficients"),
}


def spoiled(value):
    """A table without its low parts, a list without its last."""
    if isinstance(value, np.ndarray):
        kept = np.arange(len(value)) < (len(value) + 1) // 2  # the rest are low parts, last terms
        return np.where(kept[:, None], value, 0.0)
    return [*value[:-1], 0.0] if isinstance(value[-1], float) else value[: len(value) // 2 + 1]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_caught(mistake, monkeypatch):
    name, place, attribute = MISTAKES[mistake]
    x = spread(np.random.default_rng(8), 0.1, 300.0 if name in ("exp", "cos") else 0.9)
    scale = to_ball(doubled(1.0)) if name == "cos" else None
    digits = 31 if name == "cos" else 29.5
    monkeypatch.setattr(loops.Kernel, "_loop", lambda self, kind: None)  # it has its own tables
    require_digits(digits, getattr(xp, name)(x), in_balls(name, x), scale)
    monkeypatch.setattr(place, attribute, spoiled(getattr(place, attribute)))
    with pytest.raises(AssertionError, match="digits in place of"):
        require_digits(digits, getattr(xp, name)(x), in_balls(name, x), scale)


def test_tables_hold_every_power_of_two():
    n = np.arange(-1022, 1024)
    x = doubled(np.ones(n.shape))
    high, low = tables.stretched((x.high, x.low), n.astype(float))
    assert [math.frexp(h) for h in high] == [(0.5, k + 1) for k in n.tolist()]
    assert not np.any(low)
    assert isinstance(Doubled(high, low), Doubled)
