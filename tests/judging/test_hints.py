"""What a wrong result looks like: each planted pattern is named, and nothing is made up."""

import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import xgrad
from xgrad.judging.hints import Evidence, find_hint
from xgrad.numbers import EPS
from xgrad.problem import OPERATORS, Setting

SHAPES = {"W": (6, 7), "S": (5, 5), "b": (9,), "c": (9,), "s": (), "t": ()}
BOTH = ("float64", "float32")


def setting(*names, dtype="float64"):
    """A scalar function of arrays with these names, whose size says n = 12."""
    parameters = ", ".join(names)
    function = eval(f"lambda xp, {parameters}: 0.0")
    rng = np.random.default_rng(3)
    drawn = {name: np.asarray(rng.normal(size=SHAPES[name])) for name in names}
    case = xgrad.case(function, wrt=names, name="planted", sizes={"small": {"n": 12}})
    case.inputs(lambda rng, n: drawn)
    made = Setting.make(case, "small", "random", dtype, 0)
    made.__dict__["y_shape"] = ()
    return made


def hint(got, want, at, operator="gradient"):
    """The hint for a flat result beside the truth, with the tolerance of a few roundings."""
    tolerance = 32 * EPS[at.dtype] * np.abs(want)
    return find_hint(Evidence(got, want, tolerance, OPERATORS[operator], at))


def truth(at, seed=1, low=0.5):
    """Numbers of both signs, none near zero, none alike."""
    rng = np.random.default_rng(seed)
    return rng.uniform(low, 2.0, at.x_size) * rng.choice([-1, 1], at.x_size)


def noisy(values, dtype, seed=2):
    """The values with rounding errors of the dtype."""
    rng = np.random.default_rng(seed)
    return values * (1 + EPS[dtype] * rng.uniform(-1, 1, values.shape))


def changed(k, by):
    """A mistake in some elements."""

    def plant(g):
        g = g.copy()
        g[k] = by(g[k])
        return g

    return plant


def rolled(by, fill=None):
    def plant(g):
        g = np.roll(g, by)
        if fill is not None:
            g[0 if by > 0 else -1] = fill
        return g

    return plant


THREE, TWO = [1, 4, 6], [2, 5]
VECTOR = {
    "2": (lambda g: 2 * g, "constant factor 2 too large"),
    "half": (lambda g: g / 2, "constant factor 2 too small"),
    "4": (lambda g: g / 4, "constant factor 4 too small"),
    "n": (lambda g: g * 12, "constant factor 12 = n too large: a sum in place of a mean"),
    "1/n": (lambda g: g / 12, "constant factor 12 = n too small: a mean in place of a sum"),
    "size": (lambda g: g * 9, "constant factor 9 = b.shape[0] too large: a sum in place of a mean"),
    "2 n": (lambda g: g * 24, "constant factor 24 = 2 n too large: a sum in place of a mean"),
    "n/2": (lambda g: g * 6, "constant factor 6 = n/2 too large: a sum in place of a mean"),
    "n/(n-1)": (
        lambda g: g * 12 / 11,
        "constant factor 1.09091 = n/(n − 1) too large: n − 1 in place of n",
    ),
    "(n-1)/n": (
        lambda g: g * 11 / 12,
        "constant factor 1.09091 = n/(n − 1) too small: n in place of n − 1",
    ),
    "3/2": (lambda g: g * 1.5, "constant factor 3/2 too large"),
    "pi": (lambda g: g * np.pi, "constant factor ≈ 3.1416 too large"),
    "1 + 1e-5": (lambda g: g * (1 + 1e-5), "constant factor 1 + 1e-05 too large"),
    "-1": (lambda g: -g, "sign of all elements"),
    "-2": (lambda g: -2 * g, "constant factor 2 too large, and the sign of all elements"),
    "one sign": (changed(3, np.negative), "one sign"),
    "some signs": (changed(THREE, np.negative), "sign of 3 elements"),
    "some doubled": (changed(THREE, lambda g: 2 * g), "3 elements, constant factor 2 too large"),
    "zero": (lambda g: 0 * g, "everything is zero"),
    "one zero": (changed(3, lambda g: 0.0), "one element zeroed"),
    "some zero": (changed(THREE, lambda g: 0.0), "3 elements zeroed"),
    "one element": (changed(3, lambda g: 7 * g), "one element, off by a factor of 7"),
    "one by 1e-5": (
        changed(3, lambda g: g * (1 + 1e-5)),
        "one element, 1e-05 of its size too large",
    ),
    "swap": (changed(TWO, lambda g: g[::-1]), "two elements swapped"),
    "permutation": (changed(THREE, lambda g: np.roll(g, 1)), "3 elements permuted"),
    "reversed": (lambda g: g[::-1], "8 elements permuted"),
    "shift": (rolled(1), "b shifted by one"),
    "shift back": (rolled(-1), "b shifted by one"),
    "shift with zero": (rolled(1, 0.0), "b shifted by one"),
    "constant": (lambda g: g + 0.25, "an additive constant 0.25 too much"),
    "less constant": (lambda g: g - 0.25, "an additive constant 0.25 too little"),
}


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", VECTOR)
def test_a_mistake_in_a_vector_is_named(name, dtype):
    plant, expected = VECTOR[name]
    at = setting("b", dtype=dtype)
    want = truth(at)
    got = noisy(plant(want), dtype)
    assert alike(hint(got, want, at), expected)


def alike(said, expected):
    """Whether two texts are the same, their numbers up to rounding."""
    (words, numbers), (other_words, other_numbers) = map(in_parts, (said, expected))
    return words == other_words and numbers == pytest.approx(other_numbers, rel=0.05)


def in_parts(text):
    """Words, and numbers."""
    number = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
    return number.sub("#", text), [float(n) for n in number.findall(text)]


def float32_inside(g):
    return g.astype(np.float32).astype(np.float64)


ROUNDED = {
    "rounded at the end": (float32_inside, "lower precision inside: all numbers are float32's"),
    "rounded on the way": (
        lambda g: float32_inside(g * np.pi) / np.pi,
        "lower precision inside: errors as float32 makes them",
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_float32_inside_float64_is_named(name):
    plant, expected = ROUNDED[name]
    at = setting("b")
    want = truth(at)
    assert hint(plant(want), want, at) == expected
    assert hint(want * (1 + 1e-3 * truth(at, seed=9)), want, at) == ""


MATRIX = {
    "transpose": ("S", lambda g: g.reshape(5, 5).T.reshape(-1), "transpose of S"),
    "read by columns": (
        "W",
        lambda g: g.reshape(6, 7).T.reshape(-1),
        "layout of W, read by columns",
    ),
    "written by columns": (
        "W",
        lambda g: g.reshape(7, 6).T.reshape(-1),
        "layout of W, read by columns",
    ),
    "rows shifted": ("W", lambda g: np.roll(g.reshape(6, 7), 1, 0).reshape(-1), "W shifted by one"),
    "columns shifted": (
        "W",
        lambda g: np.roll(g.reshape(6, 7), -1, 1).reshape(-1),
        "W shifted by one",
    ),
}


@pytest.mark.parametrize("name", MATRIX)
def test_a_matrix_laid_out_wrongly_is_named(name):
    of, plant, expected = MATRIX[name]
    at = setting(of)
    want = truth(at)
    assert hint(noisy(plant(want), "float64"), want, at) == expected


def test_a_transposed_jacobian_is_named():
    at = setting("b")
    at.__dict__["y_shape"] = (9,)
    want = np.random.default_rng(5).normal(size=(9, 9))
    assert hint(want.T, want, at, "jacobian") == "transpose of jacobian"


def test_a_missing_multiple_of_the_inputs_is_named():
    at = setting("b")
    want = truth(at)
    assert hint(want - 0.01 * at.flat_x, want, at) == "a term 0.01 b missing"
    assert hint(want + 0.5 * at.flat_x, want, at) == "a term 0.5 b too much"


def one_part(name, plant):
    """A mistake in the gradient of one input only."""

    def planted(parts):
        return {k: plant(v) if k == name else v for k, v in parts.items()}

    return planted


PARTS = {
    "factor": (one_part("b", lambda g: 2 * g), "constant factor 2 too large"),
    "zero": (one_part("b", lambda g: 0 * g), "everything is zero"),
    "transpose": (one_part("S", lambda g: g.reshape(5, 5).T.reshape(-1)), "transpose of S"),
    "shift": (one_part("b", rolled(1)), "b shifted by one"),
    "garbage": (one_part("b", lambda g: np.cos(17 * g)), ""),
    "scalar": (one_part("s", lambda g: 2 * g), "one element, off by a factor of 2"),
}


@pytest.mark.parametrize("name", PARTS)
def test_one_of_several_gradients_is_named(name):
    plant, expected = PARTS[name]
    at = setting("S", "b", "c", "s")
    want = truth(at)
    split = dict(zip(at.case.wrt, (a.reshape(-1) for a in at.split(want, np)), strict=True))
    said = hint(np.concatenate(list(plant(split).values())), want, at)
    of = "S" if name == "transpose" else "b"
    alone = f"the gradient of {of} alone"
    assert said == (expected if name == "scalar" else f"{alone}: {expected}" if expected else alone)


@pytest.mark.parametrize("names", [("b", "c"), ("s", "t")])
def test_gradients_that_changed_places_are_named(names):
    at = setting(*names)
    want = truth(at)
    said = hint(np.roll(want, want.size // 2), want, at)
    assert said == f"the gradients of {names[0]} and {names[1]} swapped"


def test_two_mistakes_in_two_inputs_are_both_named():
    at = setting("S", "b")
    want = truth(at)
    got = np.concatenate([want[:25].reshape(5, 5).T.reshape(-1), want[25:] / 2])
    assert hint(got, want, at) == "S: transpose of S; b: constant factor 2 too small"


SCALARS = {
    2.0: "constant factor 2 too large",
    -1.0: "the sign",
    1 / 12: "constant factor 12 = n too small: a mean in place of a sum",
    1.2345678: "",
    0.0: "one element zeroed",
}


@pytest.mark.parametrize("factor", SCALARS)
def test_a_single_number_has_few_patterns(factor):
    at = setting("b")
    want = np.asarray(1.7)
    assert hint(factor * want, want, at, "laplacian") == SCALARS[factor]


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.sampled_from([("b",), ("W",), ("S",), ("s",), ("S", "b"), ("b", "c"), ("s", "b")]),
    dtype=st.sampled_from(BOTH),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e6]),
)
def test_random_numbers_look_like_nothing(seed, names, dtype, scale):
    at = setting(*names, dtype=dtype)
    rng = np.random.default_rng(seed)
    want, got = scale * rng.normal(size=(2, at.x_size))
    assert hint(got, want, at) == ""


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_look_like_nothing(value):
    at = setting("b")
    want = truth(at)
    assert hint(changed(2, lambda g: value)(want), want, at) == ""


def test_a_right_result_looks_like_nothing():
    at = setting("b")
    want = truth(at)
    assert hint(noisy(want, "float64"), want, at) == ""
