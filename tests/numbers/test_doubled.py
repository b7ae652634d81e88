"""Pairs of floats: exact steps, thirty digits, ends of the range, and what float64 says there."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from pair_numbers import draw_numbers, in_balls, require_digits, seeds

from xgrad.errors import UsageError
from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled, ball, doubled, from_ball, nearest, precision, to_ball
from xgrad.numbers.doubled import exact, pairs

FEW = settings(max_examples=40, deadline=None, derandomize=True)


def fraction(high, low):
    return Fraction(float(high)) + Fraction(float(low))


@FEW
@given(seeds())
def test_sums_and_products_of_floats_lose_nothing(rng):
    a, b = (draw_numbers(rng, -300, 300).high for _ in range(2))
    for x, y, *sums in zip(a, b, *exact.two_sum(a, b), strict=True):
        assert fraction(*sums) == Fraction(x) + Fraction(y)
    for x, y, *product in zip(a, b, *exact.two_product(a, b), strict=True):
        assert fraction(*product) == Fraction(x) * Fraction(y)
    for x, *square in zip(a, *exact.two_square(a), strict=True):
        assert fraction(*square) == Fraction(x) ** 2


@pytest.mark.parametrize("exponent", [-1074, -1030, -1000, 0, 996, 1022])
def test_halves_have_26_bits_up_to_the_ends_of_the_range(exponent):
    a = np.array([1.0, 1.2345678901234567, 1.9999999, 1.4142135623730951]) * 2.0**exponent
    for x, high, low in zip(a, *exact.split(a), strict=True):
        assert Fraction(high) + Fraction(low) == Fraction(x)
        for half in (high, low):
            mantissa = abs(Fraction(half)).numerator
            assert half == 0 or (mantissa // (mantissa & -mantissa)).bit_length() <= 27


# Exponents of 2 of the arguments: results keep above 2**-968 and below 2**1022.
ARITHMETIC = {
    "add": (-960, 1020),
    "subtract": (-960, 1020),
    "multiply": (-480, 510),
    "divide": (-480, 500),
    "hypot": (-960, 1020),
}


@pytest.mark.parametrize("name", ARITHMETIC)
@FEW
@given(seeds())
def test_thirty_digits_over_the_whole_range(name, rng):
    x, y = (draw_numbers(rng, *ARITHMETIC[name]) for _ in range(2))
    near = x + x.high * (draw_numbers(rng, -20, 20).high * 2.0**-30)  # which cancels
    for other in (y, -near, near, Doubled.of(y.high)):
        require_digits(30, getattr(xp, name)(x, other), in_balls(name, x, other))


@FEW
@given(seeds())
def test_thirty_digits_of_one_number(rng):
    wide, even = draw_numbers(rng, -480, 510), draw_numbers(rng, -960, 1020, signs=(1,))
    for name, x in (("square", wide), ("reciprocal", wide), ("sqrt", even), ("abs", -even)):
        require_digits(30, getattr(xp, name)(x), in_balls(name, x))
    require_digits(30, wide**2, in_balls("square", wide))
    require_digits(30, 3.0 * x - x, in_balls("multiply", x, 2))
    require_digits(30, 1 / wide, in_balls("reciprocal", wide))
    require_digits(30, even**0.5, in_balls("sqrt", even))
    for power in (3, -7, 64):
        x = draw_numbers(rng, -7, 7)
        require_digits(29, x**power, in_balls("pow", x, power))


def without_low(x, y):
    """A product that forgets what rounding took: the nearest mistake."""
    product = x[0] * y[0]
    return exact.fast_two_sum(product, x[0] * y[1] + x[1] * y[0])


def without_cross(x, y):
    product, rest = exact.two_product(x[0], y[0])
    return exact.fast_two_sum(product, rest + x[0] * y[1])


def sloppy_sum(x, y):
    """The sum of Dekker's time, which loses its digits where numbers cancel."""
    high, rest = exact.two_sum(x[0], y[0])
    return exact.fast_two_sum(high, rest + (x[1] + y[1]))


@pytest.mark.parametrize("wrong", [without_low, without_cross])
def test_a_product_that_forgets_a_part_is_caught(wrong):
    rng = np.random.default_rng(1)
    x, y = draw_numbers(rng, -9, 9), draw_numbers(rng, -9, 9)
    want = in_balls("multiply", x, y)
    require_digits(30, Doubled(*pairs.multiply((x.high, x.low), (y.high, y.low))), want)
    with pytest.raises(AssertionError, match="digits in place of 30"):
        require_digits(30, Doubled(*wrong((x.high, x.low), (y.high, y.low))), want)


def test_a_sum_that_is_sloppy_where_it_cancels_is_caught():
    x = draw_numbers(np.random.default_rng(1), 0, 1)
    y = Doubled.of(-x.high, x.high * 1e-17)
    want = in_balls("add", x, y)
    require_digits(30, x + y, want)
    with pytest.raises(AssertionError, match="digits in place of 30"):
        require_digits(30, Doubled(*sloppy_sum((x.high, x.low), (y.high, y.low))), want)


def test_below_the_range_bits_end_at_the_least_float():
    rng, least = np.random.default_rng(2), ball(2.0**-1074)
    for name, exponents in (("multiply", (-530, -500)), ("add", (-1040, -1000))):
        x, y = draw_numbers(rng, *exponents), draw_numbers(rng, *exponents)
        require_digits(-0.7, getattr(xp, name)(x, y), in_balls(name, x, y), scale=least)
    tiny = doubled(2.0**-1074)
    assert nearest(tiny + tiny) == 2.0**-1073
    assert nearest(tiny * 0.25) == 0.0


def test_above_the_range_is_infinity_and_2_to_996_is_none():
    big = Doubled.of(np.array([2.0**996, 2.0**1000, 2.0**1021]), np.array([1e280, 1e281, 1e288]))
    for name in ("add", "multiply", "divide"):
        for other in (Doubled.of(1.25, 1e-17), Doubled.of(-0.7, 3e-18)):
            require_digits(30, getattr(xp, name)(big, other), in_balls(name, big, other))
    with np.errstate(over="ignore", invalid="ignore"):
        for made in (big * big, big * 2.0**900, xp.exp(doubled(1e4)), doubled(1e308) * 10):
            assert np.all(made.high == np.inf)
            assert np.all(made.low == 0)
        assert np.all((-big * big).high == -np.inf)


SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.0]
UNARY = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sqrt", "square", "reciprocal", "abs"),
    *("negative", "sign", "floor", "ceil", "trunc", "round", "isfinite", "isnan", "isinf"),
)
BINARY = (
    *("add", "subtract", "multiply", "divide", "pow", "atan2", "hypot", "maximum", "minimum"),
    *("logaddexp", "floor_divide", "less", "less_equal", "greater", "greater_equal", "equal"),
    *("not_equal", "copysign"),
)


def require_floats(got, want):
    np.testing.assert_allclose(nearest(got), want, rtol=1e-15, atol=0)
    if isinstance(got, Doubled):
        assert np.all(np.isfinite(got.low))


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("name", UNARY)
def test_infinities_and_nan_are_what_floats_make_of_them(name):
    require_floats(getattr(xp, name)(doubled(SPECIAL)), getattr(np, name)(np.array(SPECIAL)))


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("name", BINARY)
def test_pairs_of_infinities_and_nan_too(name):
    a, b = (m.ravel() for m in np.meshgrid(SPECIAL, SPECIAL))
    with np.errstate(all="ignore"):
        want = getattr(np, name)(a, b)
        if name == "floor_divide":  # NumPy's own is NaN where the quotient is infinite
            want = np.floor(a / b)
    if name == "atan2":  # the side of −π is not kept for a zero with a sign
        keep = ~((b == 0) | (np.signbit(a) & (a == 0)))
        a, b, want = a[keep], b[keep], want[keep]
    require_floats(getattr(xp, name)(doubled(a), doubled(b)), want)


SCIPY = {"erf": "erf", "erfc": "erfc", "digamma": "digamma", "lgamma": "gammaln", "expit": "expit"}


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("name", SCIPY)
def test_special_functions_end_where_scipys_do(name):
    import scipy.special

    x = np.array([np.inf, np.nan, 0.0, 1.0, 2.0, -3.0, 8.0, 30.0, -30.5, 0.5])
    want = getattr(scipy.special, SCIPY[name])(x)
    np.testing.assert_allclose(
        nearest(getattr(xp, name)(doubled(x))), want, rtol=4e-15, atol=1e-300
    )


def test_ordinary_numbers_warn_of_nothing():
    x = Doubled.of(np.array([0.0, 0.3, -0.7, 0.9]), np.array([0.0, 1e-18, 1e-18, -1e-18]))
    domain = {"log", "log2", "log10", "sqrt", "acosh", "reciprocal"}
    with np.errstate(all="raise", under="ignore"):
        for name in UNARY:
            getattr(xp, name)(xp.abs(x) + 1.0 if name in domain else x)
        for name in ("erf", "erfc", "expit", "softplus"):
            getattr(xp, name)(x)
        for name in BINARY:
            getattr(xp, name)(x + 2.0, x + 1.5)
        xp.softmax(x), xp.logsumexp(x), xp.var(x), xp.sum(0.0 * x), xp.matmul(x, x)


def test_arguments_are_left_as_they_were():
    x, y = (draw_numbers(np.random.default_rng(k), -3, 0, signs=(1,)) for k in (1, 2))
    for part in (x.high, x.low, y.high, y.low):
        part.flags.writeable = False  # what is changed in place raises
    for name in (*UNARY, "erf", "erfc", "lgamma", "digamma", "softplus", "expit"):
        getattr(xp, name)(x + 1.0 if name == "acosh" else x)
    for name in BINARY:
        getattr(xp, name)(x, y)
        getattr(xp, name)(x[:, None], y[None, :])
        getattr(xp, name)(0.75, y)
    xp.sum(x), xp.prod(x), xp.cumulative_sum(x), xp.matmul(x[:, None], y[None, :]), xp.sort(x)


def test_comparisons_see_the_low_part():
    small = Doubled.of(np.array([1.0, 1.0, 1.0]), np.array([0.0, 1e-20, -1e-20]))
    one = doubled(1.0)
    assert (small == one).tolist() == [True, False, False]
    assert (small != one).tolist() == [False, True, True]
    assert (small > one).tolist() == [False, True, False]
    assert (small >= one).tolist() == [True, True, False]
    assert (small < one).tolist() == [False, False, True]
    assert (small <= one).tolist() == [True, False, True]
    assert xp.maximum(small, one).low.tolist() == [0.0, 1e-20, 0.0]
    assert xp.minimum(small, one).low.tolist() == [0.0, 0.0, -1e-20]
    assert xp.max(small).low == 1e-20
    assert xp.min(small).low == -1e-20
    assert (xp.argmax(small), xp.argmin(small)) == (1, 2)
    assert xp.sort(small).low.tolist() == [-1e-20, 0.0, 1e-20]
    assert xp.argsort(small, descending=True).tolist() == [1, 0, 2]
    assert xp.clip(small, one, 2.0).low.tolist() == [0.0, 1e-20, 0.0]


WHOLE = ("floor", "ceil", "trunc", "round")


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_are_exact_beside_every_half(name):
    high = np.array([3.0, 2.5, 3.5, -2.5, -3.0, 0.0, 0.3, 2.0**60, -(2.0**53), 2.0**52 + 0.5])
    low = np.array([1e-20, -1e-20, 0.0, 4.5, -7.5, 0.49])
    x = doubled(high)[:, None] + low
    require_digits(99, getattr(xp, name)(x), in_balls(name, x))


def test_remainders_and_quotients_meet_balls():
    rng = np.random.default_rng(3)
    x, y = draw_numbers(rng, 0, 60), draw_numbers(rng, 0, 10)
    x = Doubled.of(np.append(x.high, [6.0, -6.0, 1.0]), np.append(x.low, [0.0, 1e-20, 0.0]))
    y = Doubled.of(np.append(y.high, [3.0, 3.0, -0.25]), np.append(y.low, [0.0, 0.0, 0.0]))
    require_digits(99, x // y, in_balls("floor_divide", x, y))
    require_digits(30, x % y, in_balls("remainder", x, y), scale=to_ball(xp.abs(x) + xp.abs(y)))


def test_floats_and_whole_numbers_are_taken_exactly():
    for value in (0.1, np.float32(0.1), np.longdouble(1) / 3, 2**53 + 1, -(2**105) - 1, True, 7):
        made = doubled(value)
        assert fraction(made.high, made.low) == Fraction(*value.as_integer_ratio())
    for kind in (np.int64, np.uint64):
        for value in (np.iinfo(kind).max, np.iinfo(kind).min, 2**53 + 1):
            made = doubled(np.array([value], dtype=kind))
            assert fraction(made.high[0], made.low[0]) == int(value)
    pair = Doubled.of(1e-20, 1.0)
    assert (pair.high, pair.low) == (1.0, 1e-20)
    assert Doubled.of([1.0, 2.0], 1).high.tolist() == [2.0, 3.0]
    with pytest.raises(UsageError, match="give real ones"):
        doubled(np.array([1j]))
    with pytest.raises(UsageError, match="str is no array"):
        doubled("1.0")


def test_balls_and_back():
    with precision(300):
        third = ball(1.0) / 3
        assert abs(float((to_ball(from_ball(third)) - third).data[()])) < 2.0**-107
        x = draw_numbers(np.random.default_rng(4), -90, 90)
        back = from_ball(to_ball(x))
    assert np.array_equal(back.high, x.high)
    assert np.array_equal(back.low, x.low)
    with pytest.raises(UsageError, match="complex balls"):
        from_ball(ball(np.array([1j])))


def test_arrays_are_immutable_and_no_python_numbers():
    x = doubled([1.0, 2.0])
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2,), 1, 2, 2, "doubled")
    assert x[0].shape == ()
    assert x[None, ::-1].high.tolist() == [[2.0, 1.0]]
    assert x[np.array([True, False])].shape == (1,)
    assert [row.high for row in x] == [1.0, 2.0]
    with pytest.raises(TypeError, match="immutable"):
        x[0] = 1.0
    with pytest.raises(TypeError, match="cuts the derivative"):
        float(x[0])
    with pytest.raises(TypeError, match="NumPy's own functions"):
        np.asarray(x)


def test_constants_hold_their_digits_and_what_is_missing_says_so():
    require_digits(31, xp.pi, in_balls("acos", doubled(-1.0)))
    require_digits(31, xp.e, in_balls("exp", doubled(1.0)))
    assert math.isclose(xp.finfo(xp.float64).eps, 2.0**-105)
    for place, name, said in (
        (xp, "gradient", "xp has no 'gradient'"),
        (xp, "exxp", "xp has no 'exxp' for this framework; nearest: exp"),
        (xp.linalg, "eigh", "xp.linalg has no 'eigh'"),
    ):
        with pytest.raises(AttributeError) as refused:
            getattr(place, name)
        assert said in str(refused.value)
