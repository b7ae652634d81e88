"""What a wrong result does not look like: no pattern is made up, and none is named by chance."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from planted import BOTH, SUM, changed, evidence, hint, noisy, setting, truth

import xgrad
from xgrad.numbers import rounded
from xgrad.problem import Setting
from xgrad.table import records

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
    (row,) = records(xgrad.check(function, {"x": x}, formula=formula, **options))
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
