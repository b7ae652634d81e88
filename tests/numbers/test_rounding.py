"""Monte-Carlo arithmetic: noise where a float rounds, of the size that its rounding has."""

import numpy as np
import pytest
from rounding import (
    BASES,
    COMPOSED,
    DATA,
    FACTOR,
    MOVEMENT,
    SCALES,
    SOLVING,
    WIDE,
    compute,
    deviation,
    typical,
    unit,
)

from xgrad.errors import Unsupported
from xgrad.frameworks import find_framework
from xgrad.numbers import EPS, bare, midpoint, more_digits, noisy, precision
from xgrad.problem import Setting, case
from xgrad.referee.noise import samples


@pytest.fixture(autouse=True)
def digits():
    """The precision that the referee takes its samples in."""
    with precision(128):
        yield


@pytest.mark.many(20)
@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize("expression", SCALES)
def test_noise_has_the_size_of_rounding(basis, expression):
    ratio = typical(basis, expression) / eval(SCALES[expression], {"np": np, **DATA})
    assert np.all(ratio > 0.2), ratio
    assert np.all(ratio < 2.0), ratio


@pytest.mark.many
@pytest.mark.parametrize("expression", SCALES)
def test_noise_is_the_same_relative_to_the_dtype(expression):
    first, *others = (np.max(typical(basis, expression, 40)) for basis in WIDE)
    assert all(first / 2 < other < first * 2 for other in others)


@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize("expression", MOVEMENT)
def test_moving_and_choosing_numbers_rounds_nothing(basis, expression):
    assert np.all(deviation(basis, expression, seed=1) == 0)


@pytest.mark.parametrize("basis", WIDE)
@pytest.mark.parametrize(
    ("expression", "size"),
    [("xp.asarray([0.1, 0.5])", [0.1, 0]), ("xp.full(2, 0.1)", 0.1), ("xp.maximum(x, 9.9)", 9.9),
     ("xp.asarray(np.array([0.3, -2.0]))", [0.3, 0]), ("xp.where(b, 0.7, 0.0)", "0.7 * b"),
     ("xp.stack([xp.asarray(0.1), xp.asarray(2.0)])", [0.1, 0])],
)  # fmt: skip
def test_constants_round_where_the_dtype_does_not_hold_them(basis, expression, size):
    scale = eval(size, dict(DATA)) if isinstance(size, str) else np.asarray(size)
    if BASES[basis][0] == "float64":
        scale = 0 * scale
    found = typical(basis, expression)
    assert np.all(found <= scale)
    assert np.all(found >= 0.2 * scale)


def test_a_constant_that_cancels_is_noise_and_no_mistake():
    """The float32 angle 5.3 is 2e-7 off, and so is a rotation whose terms nearly cancel."""

    @case(wrt="x", operators=("jvp",))
    def turned(xp, x):
        angle = xp.asarray(np.array([5.3]))
        return x * xp.cos(angle) - xp.sin(angle)

    @turned.inputs
    def draw(rng):
        return {"x": np.tan([5.3]).astype(np.float32)}

    setting = Setting.make(turned, "small", "random", "float32", 0)
    drawn = samples(lambda given, v, w: turned.function(given.xp, *given.xs), setting,
                    np.random.default_rng(0), "float64")  # fmt: skip
    assert np.std(drawn) > 0.2 * 5.3 * unit("float32 in float64")


@pytest.mark.parametrize("basis", WIDE)
def test_questions_have_plain_answers(basis):
    for question in ("x > y", "xp.isfinite(x)", "xp.argsort(x)", "xp.any(x > 0)", "xp.sum(b)"):
        noisy, exact = (compute(basis, question, seed) for seed in (0, None))
        np.testing.assert_array_equal(noisy, exact)


@pytest.mark.parametrize("basis", SOLVING)
@pytest.mark.parametrize("expression", COMPOSED)
def test_composed_functions_are_right_up_to_noise(basis, expression):
    exact = compute(basis, expression, None)
    size = 1 + np.max(np.abs(midpoint(exact)))
    gap = deviation(basis, expression, seed=3)
    assert 0 < np.max(gap) < 100 * unit(basis) * size


def test_functions_that_the_arithmetic_lacks_say_so():
    with pytest.raises(AttributeError, match="nearest: softmax"):
        compute("float32 in float64", "xp.softmaxx(x)", 0)
    if more_digits("float64") == "longdouble":
        with pytest.raises(Unsupported, match="erf has no extended-precision version"):
            compute("float64 in longdouble", "xp.erf(x)", 0)


ILL = "xp.linalg.inv(s) xp.linalg.solve(s,v) xp.linalg.cholesky(s) xp.linalg.slogdet(s).logabsdet"


@pytest.mark.parametrize("basis", SOLVING)
@pytest.mark.parametrize("expression", ILL.split())
def test_noise_grows_with_the_condition_number(basis, expression):
    q = np.linalg.qr(FACTOR)[0]

    def noise(condition):
        s = (q * np.geomspace(1 / condition, 1, 4)) @ q.T
        exact = midpoint(compute(basis, expression, None, s=s))
        return np.max(typical(basis, expression, 8, s=s)) / np.max(np.abs(exact))

    well, ill, worse = (noise(condition) for condition in (2.0, 1e2, 1e4))
    assert 0.2 < well < 20
    assert well * 4 < ill < worse / 10


@pytest.mark.parametrize("basis", SOLVING)
def test_each_matrix_of_a_stack_has_its_own_scale(basis):
    alone = typical(basis, "xp.linalg.inv(a)")
    stacked = typical(basis, "xp.linalg.inv(xp.stack([a, 1e8 * a]))[0, ...]")
    np.testing.assert_allclose(stacked, alone, rtol=0.5)


@pytest.mark.parametrize("basis", SOLVING)
def test_the_sign_of_a_determinant_is_exact(basis):
    assert deviation(basis, "xp.linalg.slogdet(-a[:3, :3]).sign", seed=0) == 0


@pytest.mark.parametrize("basis", WIDE)
def test_the_seed_decides_the_noise(basis):
    first, again, other = (deviation(basis, "xp.exp(x) @ a", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_more_digits_are_at_least_eight_bits():
    for dtype, eps in EPS.items():
        wide = more_digits(dtype)
        assert wide == "ball" or np.finfo(wide).eps < eps / 256


@case(sizes={"small": {"n": 6}})
def energy(xp, x, k):
    """A function to take samples of."""
    return xp.sum(x**2 * k)


@energy.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n), "k": rng.integers(1, 5, size=n)}


@pytest.mark.parametrize("arithmetic", ["float64", "ball"])
def test_samples_perturb_inputs_and_operations_reproducibly(arithmetic):
    setting = Setting.make(energy, "small", "random", "float32", seed=0)

    def value(arguments, v, w):
        return energy(arguments.xp, *arguments.xs, **arguments.rest)

    def drawn(compute):
        with find_framework("ball").scope():
            taken = samples(compute, setting, np.random.default_rng(5), arithmetic)
        return np.array([midpoint(s) for s in taken])

    def half(x):
        return x / (EPS["float32"] / 2)

    inputs = drawn(lambda arguments, v, w: arguments.xs[0])
    values = drawn(value)
    x, k = setting.inputs["x"], setting.inputs["k"]
    moved, off = half(np.abs(inputs / x - 1)), half(np.abs(values / np.sum(x**2 * k) - 1))
    assert 0.5 < np.max(moved) <= 1
    assert 0.1 < np.max(off) < 5
    assert len(set(values)) == len(values) == 8
    np.testing.assert_array_equal(values, drawn(value))
    np.testing.assert_array_equal(drawn(lambda arguments, v, w: v[0])[0], setting.v[0])


def many():
    """Noisy arithmetic in floats that round little themselves."""
    return noisy.Noisy(np, "float32", np.random.default_rng(0), in_balls=False)


def test_random_numbers_of_many_elements_are_as_those_of_few():
    xp = many()
    draws = [xp.xi((3, noisy.MANY)) for _ in range(6)]
    for xi in draws:
        assert np.all(np.abs(xi) <= 1.0)
        assert abs(np.mean(xi)) < 0.01
        assert abs(np.var(xi) - 1 / 3) < 0.01
    related = np.abs(np.corrcoef([xi.ravel() for xi in draws]) - np.eye(6))
    assert np.max(related) < 0.05  # from other places of the pool, block by block


def test_large_results_are_rounded_as_small_ones_are():
    xp = many()
    x = np.random.default_rng(1).uniform(1.0, 2.0, size=(3, noisy.MANY))
    for made, exact in (
        (xp.exp(xp.wrapped(x)), np.exp(x)),
        (xp.wrapped(x) / 3.0, x / 3.0),
        (xp.wrapped(x.T, 1.0), x.T),  # in the order of memory
        (xp.wrapped(x.astype(np.longdouble), 1.0), x),
    ):
        units = np.asarray((bare(made) - exact) / exact / xp.unit, dtype=np.float64)
        assert 0.9 < np.max(np.abs(units)) < 1.01
        assert abs(np.mean(units)) < 0.01
        assert abs(np.var(units) - 1 / 3) < 0.01
    assert bare(xp.negative(xp.wrapped(x))).tobytes() == (-x).tobytes()


def test_roundings_of_two_large_results_do_not_cancel():
    xp = many()
    x = np.ones((20, noisy.MANY))
    totals = [np.sum(bare(xp.wrapped(x) * x) - 1.0) / xp.unit for _ in range(40)]
    expected = np.sqrt(x.size / 3)
    assert expected / 2 < np.std(totals) < 2 * expected
    related = np.corrcoef(totals[:-1], totals[1:])[0, 1]
    assert abs(related) < 0.5


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 5])
def test_sums_of_few_terms_are_those_of_numpy(terms):
    xp = many()
    xp.unit = 0.0
    x = np.random.default_rng(2).normal(size=(noisy.MANY, terms))
    for keep in (False, True):
        made = bare(xp.sum(xp.wrapped(x), axis=-1, keepdims=keep))
        np.testing.assert_array_equal(made, np.sum(x, axis=-1, keepdims=keep))
