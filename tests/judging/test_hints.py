"""What a wrong result looks like: each planted pattern is named, and nothing is made up."""

import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import xgrad
from xgrad.judging.hints import find_hint
from xgrad.judging.pieces import Elsewhere, Evidence
from xgrad.numbers import EPS, rounded
from xgrad.problem import OPERATORS, Setting
from xgrad.table import records

SHAPES = {"W": (6, 7), "S": (5, 5), "b": (9,), "c": (9,), "s": (), "t": ()}
BOTH = ("float64", "float32")


def setting(*names, dtype="float64", n=12, longer=0):
    """A scalar function of arrays with these names, whose size says n = 12."""
    parameters = ", ".join(names)
    function = eval(f"lambda xp, {parameters}: 0.0")
    rng = np.random.default_rng(3)
    drawn = {
        name: np.asarray(rng.normal(size=[length + longer for length in SHAPES[name]]))
        for name in names
    }
    case = xgrad.case(function, wrt=names, name="planted", sizes={"small": {"n": n}})
    case.inputs(lambda rng, n: drawn)
    made = Setting.make(case, "small", "random", dtype, 0)
    made.__dict__["y_shape"] = ()
    return made


def evidence(got, want, at, operator="gradient", **elsewhere):
    """A flat result beside the truth, with the tolerance of a few roundings."""
    tolerance = 32 * EPS[at.dtype] * np.abs(want)
    found = Elsewhere(**{name: (lambda e=e: e) for name, e in elsewhere.items()})
    return Evidence(got, want, tolerance, OPERATORS[operator], at, found)


def hint(got, want, at, operator="gradient", **elsewhere):
    """The hint for a flat result, with no other place to look at unless one is given."""
    return find_hint(evidence(got, want, at, operator, **elsewhere))


def planted_hint(plant, at, sizes=(), operator="gradient", noise="", shape=None):
    """The hint for a mistake that is made alike at points nearby, far away, and at other sizes."""

    def there(seed, at=at, off=0.0):
        moved = 1 + off * np.random.default_rng(seed).uniform(0.5, 1, shape or at.x_size)
        want = truth(at, 1 if off else seed, shape) * moved
        got = plant(want) if plant.__code__.co_argcount == 1 else plant(want, at)
        return noisy(got, noise, seed) if noise else got, want, at, operator

    near = [evidence(*there(seed, off=off)) for seed, off in ((11, 2**-6), (12, -(2**-6)))]
    far = [evidence(*there(13))]
    others = [evidence(*there(14 + k, at)) for k, at in enumerate(sizes)]
    return hint(*there(1), near=near, far=far, sizes=others)


def truth(at, seed=1, size=None):
    """Numbers of both signs, none near zero, none alike."""
    rng = np.random.default_rng(seed)
    size = at.x_size if size is None else size
    return rng.uniform(0.5, 2.0, size) * rng.choice([-1, 1], size)


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


def n_of(at):
    return at.case.sizes["small"]["n"]


THREE, TWO = [1, 4, 6], [2, 5]
SUM, MEAN = "a sum in place of a mean", "a mean in place of a sum"
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


# --- nothing is made up --------------------------------------------------------------------------

TERMS = {  # of a gradient: no two are multiples of each other, whatever the length
    "square": lambda x: 2 * x,
    "cube": lambda x: 3 * x * np.abs(x),
    "fourth": lambda x: 4 * x * np.sum(x * x),
    "exponential": lambda x: np.exp(x - 1),
    "radial": lambda x: x * np.exp(-np.sum(x * x) / 8),
    "sine": lambda x: np.sin(x + 0.3),
    "mixed": lambda x: np.sum(np.cos(x)) * np.ones_like(x),
    "root": lambda x: x / np.sqrt(1 + np.sum(x * x)),
    "inverse": lambda x: 1 / (2 + x),
}
WEIGHTS = st.sampled_from([1.0, 2.0, 3.0, 0.5, -1.0, -0.5, 1.7, 0.01])


@st.composite
def cut_branches(draw):
    """A gradient of some terms, what is left of it when others are cut, and a point."""
    names = draw(st.permutations(sorted(TERMS)))
    kept = {name: draw(WEIGHTS) for name in names[: draw(st.integers(1, 3))]}
    lost = {name: draw(WEIGHTS) for name in names[3 : 3 + draw(st.integers(1, 2))]}
    count = draw(st.integers(1, 6))
    special = st.sampled_from([np.ones(count), np.full(count, 2.0), np.arange(1.0, count + 1)])
    generic = st.integers(0, 999).map(lambda k: np.random.default_rng(k).normal(size=count))
    return kept, lost, draw(special | generic)


def summed(terms, x):
    return sum((weight * TERMS[name](x) for name, weight in terms.items()), np.zeros(x.shape))


def at_point(x, dtype):
    """A setting of a scalar function at x."""
    case = xgrad.case(lambda xp, x: 0.0, wrt="x", name="cut", sizes={"small": {"n": x.size}})
    case.point("given")(lambda: {"x": x})
    made = Setting.make(case, "small", "given", dtype, 0)
    made.__dict__["y_shape"] = ()
    return made


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(cut=cut_branches(), dtype=st.sampled_from(BOTH), seed=st.integers(0, 999))
def test_a_cut_branch_is_no_factor_and_no_length(cut, dtype, seed):
    kept, lost, x = cut
    rng = np.random.default_rng(seed)

    def moved(step):
        return x + step * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape)

    def there(x):
        at = at_point(x, dtype)
        full, part = summed({**kept, **lost}, at.flat_x), summed(kept, at.flat_x)
        return rounded(part, dtype), full, at

    near, far = ([evidence(*there(moved(by))) for _ in range(2)] for by in (2.0**-6, 0.25))
    sizes = [evidence(*there(np.append(x, rng.uniform(1, 2, more)))) for more in (1, 2)]
    said = hint(*there(x), near=near, far=far, sizes=sizes)
    assert "factor" not in said
    assert "=" not in said
    assert "mean" not in said
    assert "sign" not in said


INVENTED = {
    "one third": (
        lambda xp, x: xp.sum(x**3 + 3 * x**2),
        lambda xp, x: 3 * x**2,
        np.ones(3),
        "a term 6 x missing",
    ),
    "one third of a single number": (
        lambda xp, x: xp.sum(x**3 + 3 * x**2),
        lambda xp, x: 3 * x**2,
        np.ones(1),
        "",
    ),
    "one third and no term": (
        lambda xp, x: xp.sum(x**3) + 6 * xp.sum(xp.exp(x - 1)),
        lambda xp, x: 3 * x**2,
        np.ones(3),
        "",
    ),
    "a sign": (
        lambda xp, x: xp.sum(x**4 - 4 * x**2),
        lambda xp, x: 4 * x**3,
        np.ones(3),
        "a term 8 x too much",
    ),
    "two thirds": (
        lambda xp, x: xp.sum(x**3),
        lambda xp, x: 2 * x**2,
        np.array([1.0, 2.0, 0.5]),
        "constant factor 3/2 too small",
    ),
    "a small term": (
        lambda xp, x: xp.sum(x**3) + 1e-7 * xp.sum(xp.sin(3 * x)),
        lambda xp, x: 3 * x**2,
        np.array([1.0, 2.0, 0.5, 0.7, 1.1]),
        "",
    ),
}


@pytest.mark.parametrize("name", INVENTED)
@pytest.mark.parametrize("dtype", BOTH)
def test_what_fits_by_chance_is_not_named(name, dtype):
    function, formula, x, expected = INVENTED[name]
    options = {"dtypes": (dtype,), "methods": ("numpy.formula",), "devices": ("cpu",)}
    (row,) = records(xgrad.check(function, {"x": x}, formula=formula, **options, invariances=()))
    if name == "a small term" and dtype == "float32":
        assert "precision" not in row["hint"]
        return
    assert (row["verdict"], row["hint"]) == ("disagrees", expected)


def mean_of(points):
    """A case of a mean whose gradient is that of a sum."""
    case = xgrad.case(lambda xp, x: xp.mean(xp.exp(x)), wrt="x", name="mean",
                      sizes={"small": {"n": 4, "d": 3}})  # fmt: skip
    case.formula("gradient")(lambda xp, x: xp.exp(x))
    if "random" in points:
        case.inputs(lambda rng, n, d: {"x": rng.normal(size=(n, d))})
    if "fixed" in points:
        case.point("fixed")(lambda: {"x": np.linspace(0, 1, 12).reshape(4, 3)})
    if "even" in points:
        case.inputs(even)
    return case


def even(rng, n, d):
    if n % 2:
        raise ValueError("n must be even")
    return {"x": rng.normal(size=(n, d))}


FOLLOWED = f"constant factor 12 = x.size too large: {SUM}"


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (("random",), FOLLOWED),
        (("random", "fixed"), FOLLOWED),
        (("even",), FOLLOWED),
        (("fixed",), "constant factor 12 too large"),
    ],
)
def test_a_case_is_asked_at_other_lengths(points, expected):
    frame = xgrad.run(mean_of(points), methods=("numpy.formula",), dtypes=("float64",))
    assert {row["hint"] for row in records(frame)} == {expected}


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
