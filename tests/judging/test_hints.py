"""What a wrong result looks like: each planted pattern is named."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from planted import BOTH, MEAN, SUM, changed, hint, planted_hint, rolled, setting, truth
from truths import setting_of

from xgrad.judging import Judge
from xgrad.numbers import rounded


def n_of(at):
    return at.case.sizes["small"]["n"]


THREE, TWO = [1, 4, 6], [2, 5]
VECTOR = {
    "2": (lambda g: 2 * g, "constant factor 2 too large"),
    "half": (lambda g: g / 2, "constant factor 2 too small"),
    "4": (lambda g: g / 4, "constant factor 4 too small"),
    "3/2": (lambda g: g * 1.5, "constant factor 3/2 too large"),
    "2/3": (lambda g: g * 2 / 3, "constant factor 3/2 too small"),
    "100": (lambda g: g * 100, "constant factor 100 too large"),
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
    "one element": (changed(3, lambda g: 7 * g), "one element, constant factor 7 too large"),
    "one number": (changed(3, lambda g: 0.3), "one element"),
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
LENGTHS = {
    "n": (lambda g, at: g * n_of(at), f"constant factor 12 = n too large: {SUM}"),
    "1/n": (lambda g, at: g / n_of(at), f"constant factor 12 = n too small: {MEAN}"),
    "size": (lambda g, at: g * g.size, f"constant factor 9 = b.shape[0] too large: {SUM}"),
    "2 n": (lambda g, at: g * 2 * n_of(at), f"constant factor 24 = 2 n too large: {SUM}"),
    "n/2": (lambda g, at: g * n_of(at) / 2, f"constant factor 6 = n/2 too large: {SUM}"),
    "n/(n-1)": (
        lambda g, at: g * n_of(at) / (n_of(at) - 1),
        "constant factor 1.09091 = n/(n − 1) too large: n − 1 in place of n",
    ),
    "(n-1)/n": (
        lambda g, at: g / n_of(at) * (n_of(at) - 1),
        "constant factor 1.09091 = n/(n − 1) too small: n in place of n − 1",
    ),
}
CONSTANTS = {
    "n": (lambda g, at: g * 12, "constant factor 12 too large"),
    "1/n": (lambda g, at: g / 12, "constant factor 12 too small"),
    "size": (lambda g, at: g * 9, "constant factor 9 too large"),
    "2 n": (lambda g, at: g * 24, "constant factor 24 too large"),
    "n/2": (lambda g, at: g * 6, "constant factor 6 too large"),
    "n/(n-1)": (lambda g, at: g * 12 / 11, "constant factor 12/11 too large"),
    "(n-1)/n": (lambda g, at: g * 11 / 12, "constant factor 12/11 too small"),
}


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", VECTOR)
def test_a_mistake_in_a_vector_is_named(name, dtype):
    plant, expected = VECTOR[name]
    assert alike(planted_hint(plant, setting("b", dtype=dtype), noise=dtype), expected)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", LENGTHS)
def test_a_length_is_named_where_the_factor_follows_it(name, dtype):
    at = setting("b", dtype=dtype)
    sizes = [setting("b", dtype=dtype, n=12 + k, longer=2 * k) for k in (1, 2)]
    plant, expected = LENGTHS[name]
    assert planted_hint(plant, at, sizes, noise=dtype) == expected
    constant, number = CONSTANTS[name]
    assert planted_hint(constant, at, sizes, noise=dtype) == number


@pytest.mark.parametrize("name", LENGTHS)
def test_without_another_size_a_factor_is_a_number(name):
    assert planted_hint(LENGTHS[name][0], setting("b")) == CONSTANTS[name][1]


@pytest.mark.parametrize("name", ["2", "3/2", "pi", "-1", "-2", "one sign", "some doubled",
                                  "one element", "constant"])  # fmt: skip
def test_without_another_point_no_number_is_named(name):
    at = setting("b")
    want = truth(at)
    said = hint(VECTOR[name][0](want), want, at)
    assert said == ("one element" if name.startswith("one ") else "")


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
    "rounded to 16 bits": (
        lambda g: rounded(g, "bfloat16"),
        "lower precision inside: all numbers are bfloat16's",
    ),
    "16 bits on the way": (
        lambda g: rounded(g * np.pi, "float16") / np.pi,
        "lower precision inside: errors as 16-bit types make them",
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_a_shorter_type_inside_is_named(name):
    plant, expected = ROUNDED[name]
    assert planted_hint(plant, setting("b")) == expected


def test_16_bits_inside_float32_are_named():
    at = setting("b", dtype="float32")
    expected = "lower precision inside: all numbers are float16's"
    assert planted_hint(lambda g: rounded(g, "float16"), at) == expected


NO_ROUNDING = {
    "a small term": lambda g: g + 1e-7 * np.cos(3 * np.arange(9)) * np.abs(g),
    "one element with no digit right": changed(3, lambda g: -3.3 * g),
    "errors of 1e-3": lambda g: g * (1 + 1e-2 * np.cos(5 * np.arange(9))),
    "two digits": lambda g: np.round(g, 1),
}


@pytest.mark.parametrize("name", NO_ROUNDING)
def test_small_errors_are_no_lower_precision(name):
    """Errors of the same share at every point, or beside an element without a right digit."""
    at = setting("b")
    if name == "one element with no digit right":
        said = planted_hint(lambda g: NO_ROUNDING[name](float32_inside(g * np.pi) / np.pi), at)
    else:
        said = planted_hint(NO_ROUNDING[name], at)
    assert "precision" not in said


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
    assert planted_hint(plant, setting(of), noise="float64") == expected


def test_a_transposed_jacobian_is_named():
    at = setting("b")
    at.__dict__["y_shape"] = (9,)
    want = np.random.default_rng(5).normal(size=(9, 9))
    assert hint(want.T, want, at, "jacobian") == "transpose of jacobian"


def test_a_missing_multiple_of_the_inputs_is_named():
    at = setting("b")
    assert planted_hint(lambda g, at: g - 0.01 * at.flat_x, at) == "a term 0.01 b missing"
    assert planted_hint(lambda g, at: g + 0.5 * at.flat_x, at) == "a term 0.5 b too much"


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
    "scalar": (one_part("s", lambda g: 2 * g), "one element, constant factor 2 too large"),
}


@pytest.mark.parametrize("name", PARTS)
def test_one_of_several_gradients_is_named(name):
    plant, expected = PARTS[name]
    at = setting("S", "b", "c", "s")

    def in_parts(g):
        names = zip(at.case.wrt, (a.reshape(-1) for a in at.split(g, np)), strict=True)
        return np.concatenate(list(plant(dict(names)).values()))

    said = planted_hint(in_parts, at)
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
    def both(g):
        return np.concatenate([g[:25].reshape(5, 5).T.reshape(-1), g[25:] / 2])

    said = planted_hint(both, setting("S", "b"))
    assert said == "S: transpose of S; b: constant factor 2 too small"


SCALARS = {
    2.0: "constant factor 2 too large",
    -1.0: "the sign",
    1 / 12: "constant factor 12 too small",
    1.2345678: "",
    0.0: "one element zeroed",
}


@pytest.mark.parametrize("factor", SCALARS)
def test_a_single_number_has_few_patterns(factor):
    at = setting("b")
    said = planted_hint(lambda g: factor * g, at, operator="laplacian", shape=1)
    assert said == SCALARS[factor]
    alone = hint(np.asarray(factor * 1.7), np.asarray(1.7), at, "laplacian")
    assert alone == ("" if factor else SCALARS[factor])


def test_a_small_element_that_lost_digits_is_named_where_the_largest_lost_none():
    judge = Judge(setting_of(lambda xp, x: xp.sum(x**2), {"x": np.ones(3)}), "cpu")
    found = SimpleNamespace(name="x[3]", want=1e-3, error=1e-13, at=lambda value: value)
    said = "right mathematics, digits lost to rounding in small elements: x[3] keeps 10.0 of 15.7"
    assert judge._lost(found, 15.6) == said
    assert judge._lost(found, 14.6) == "right mathematics, 1 digit lost to rounding"
