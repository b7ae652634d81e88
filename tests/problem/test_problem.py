"""Cases: what the decorator takes, what it refuses and with which words, and their inputs."""

import numpy as np
import pytest

import xgrad
from xgrad.errors import CaseError, UsageError
from xgrad.problem import Setting, generator
from xgrad.problem.cases import RANDOM


def norm(xp, x, y=2.0):
    """Σ x^y.

    And more.
    """
    return xp.sum(x**y)


def made(**options):
    """A case with inputs, whose decorator got some options."""
    case = xgrad.case(**options)(norm)
    case.inputs(lambda rng, n=3: {"x": rng.normal(size=n)})
    return case


# --- the decorator -------------------------------------------------------------------------------


def test_a_case_has_defaults_and_is_called_like_its_function():
    case = xgrad.case(norm)
    assert (case.name, case.wrt, case.sizes) == ("norm", ("x",), {"small": {}})
    assert (case.operators, case.methods, case.source) == (None, (), "")
    assert case.title == "Σ x^y."
    assert case(np, np.array([1.0, 2.0]), y=3) == 9
    assert case.identifier.endswith("test_problem.py::norm")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrt": "z"}, r"case norm: wrt 'z' is no input; inputs: x, y"),
        ({"wrt": ("x", "xp")}, "wrt 'xp' is no input"),
        ({"wrt": ("x", "x")}, "wrt names 'x' twice"),
        ({"operators": "gradeint"}, "unknown operator of case norm 'gradeint': did you mean 'grad"),
        ({"operators": ("value", "hess")}, "unknown operator of case norm 'hess'.*known: curl"),
        ({"sizes": {"small": 3}}, r"size 'small' is 3; name what it is the size of: {'n': 3}"),
        ({"name": "p", "wrt": "z"}, "case p: wrt"),
    ],
)
def test_a_name_that_means_nothing_is_an_error_with_the_remedy(options, message):
    with pytest.raises(UsageError, match=message):
        xgrad.case(**options)(norm)


def test_a_function_without_inputs_is_no_case():
    with pytest.raises(CaseError, match=r"case f: the signature is \(xp, input, ...\); got \['xp"):

        @xgrad.case
        def f(xp):
            return xp.ones(())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.formula("gradeint"), "unknown operator of a formula of case norm 'gradeint'"),
        (lambda c: c.formula("gradient"), r"two formulas for gradient are called ''; give one"),
        (lambda c: c.formula("gradient", name="a"), "two formulas for gradient are called 'a'"),
        (lambda c: c.formula("jvp", frameworks=("nunpy",)), "framework in case norm 'nunpy': did"),
        (lambda c: c.implementation("torhc", name="f"), "framework in case norm 'torhc': did you"),
        (lambda c: c.point("here"), "point 'here' exists already; choose another name"),
        (lambda c: c.point(RANDOM), "point 'random' exists already"),
    ],
)
def test_what_is_added_to_a_case_is_checked_at_once(call, message):
    case = made()
    case.formula("gradient")(lambda xp, x, y: y * x)
    case.formula("gradient", name="a")(lambda xp, x, y: y * x)
    case.point("here")(lambda: {"x": np.ones(2)})
    with pytest.raises(UsageError, match=message):
        call(case)


def test_formulas_are_found_by_operator_and_name():
    case = made()
    case.formula("gradient", name="naive", default=False)(lambda xp, x, y: 1)
    case.formula("gradient", name="library", frameworks=("numpy",))(lambda xp, x, y: 2)
    assert case.reference_formula("gradient") is None
    case.formula("gradient", name="other")(lambda xp, x, y: 3)
    assert case.reference_formula("gradient").name == "other"
    case.formula("gradient")(lambda xp, x, y: 4)
    assert case.reference_formula("gradient").function(None, 0, 0) == 4
    assert case.find_formula("gradient", "naive").default is False
    assert case.find_formula("gradient", "none") is None
    assert case.find_formula("hessian") is None


# --- inputs --------------------------------------------------------------------------------------


def test_inputs_are_float64_or_integers_and_static_ones_stay():
    case = xgrad.case(lambda xp, x, k, flag, p, word: x, name="c")
    case.inputs(lambda rng: {"x": np.ones(2, np.float32), "k": [1, 2], "flag": True, "p": 0.5,
                             "word": "sum"})  # fmt: skip
    found = case.inputs_at("small")
    assert found["x"].dtype == np.float64
    assert found["k"].dtype.kind == "i"
    assert found["flag"] is True
    assert found["word"] == "sum"
    assert (found["p"].shape, found["p"].dtype) == ((), np.float64)


def test_a_parameter_with_a_default_may_be_left_out():
    assert set(made().inputs_at("small")) == {"x"}


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ([1.0], "inputs returned list; return a dict with x, y"),
        ({"y": 2}, "inputs lack 'x'; return it in the dict"),
        ({"x": np.ones(2), "z": 1}, "input 'z' is no parameter of the function"),
        ({"x": "text"}, "input 'x' has dtype <U4; give floats, integers or complex"),
        ({"x": None}, "input 'x' has dtype object; give floats, integers or complex"),
        ({"x": np.arange(3)}, r"'x' is differentiated and has dtype int64; .*: x.astype\(float\)"),
        ({"x": 3}, "'x' is differentiated and has dtype int64"),
        ({"x": np.ones(2), "y": [1, [2]]}, "inhomogeneous|dtype object"),
    ],
)
@pytest.mark.parametrize("at_a_point", [False, True])
def test_inputs_that_do_not_fit_are_named(drawn, message, at_a_point):
    case = xgrad.case(norm)
    case.inputs(lambda rng: drawn)
    case.point("here")(lambda: drawn)
    with pytest.raises(ValueError, match=message):
        case.inputs_at("small", "here" if at_a_point else RANDOM)


def test_the_errors_of_places_that_are_not_there_name_those_that_are():
    case = made(sizes={"small": {"n": 2}, "large": {"n": 9}})
    with pytest.raises(UsageError, match="unknown size of case norm 'smal': did you mean 'small'"):
        case.inputs_at("smal")
    with pytest.raises(UsageError, match=r"unknown point of case norm 'here'.*known: random"):
        case.inputs_at("small", "here")
    with pytest.raises(CaseError, match=r"has no inputs: add @case\.inputs with draw"):
        xgrad.case(norm).inputs_at("small")


def test_sizes_that_inputs_do_not_take_are_an_error():
    case = made(sizes={"small": {"m": 2}})
    message = r"inputs cannot be drawn at size 'small': .*'m'; write <lambda>\(rng, m\)"
    with pytest.raises(CaseError, match=message):
        case.inputs_at("small")


def test_inputs_depend_on_seed_size_and_name_only():
    case, sizes = made(), {"small": {"n": 3}, "large": {"n": 3}}
    draws = [
        case.inputs_at("small")["x"],
        case.inputs_at("small", seed=1)["x"],
        made(name="other").inputs_at("small")["x"],
        made(sizes=sizes).inputs_at("large")["x"],
    ]
    assert len({tuple(d) for d in draws}) == 4
    assert np.array_equal(draws[0], made(sizes=sizes).inputs_at("small")["x"])
    assert generator(3, "a").integers(1 << 30) == generator(3, "a").integers(1 << 30)
    assert generator(3, "a", "b").integers(1 << 30) != generator(3, "ab").integers(1 << 30)


# --- points --------------------------------------------------------------------------------------


def test_points_with_a_size_are_visited_at_every_size_others_once():
    case = made(sizes={"small": {"n": 2}, "medium": {"n": 4}, "large": {"n": 8}})
    case.point("fixed")(lambda: {"x": np.zeros(3)})
    case.point("scaled")(lambda n: {"x": np.ones(n)})
    assert case.places(["large", "small"]) == [
        ("small", RANDOM), ("large", RANDOM), ("small", "fixed"), ("small", "scaled"),
        ("large", "scaled"),
    ]  # fmt: skip
    assert case.inputs_at("large", "scaled")["x"].shape == (8,)
    assert case.inputs_at("large", "fixed")["x"].shape == (3,)
    assert case.places(["none of these"]) == []


def test_a_case_of_points_alone_draws_nothing():
    case = xgrad.case(norm)
    case.point("one")(lambda: {"x": np.ones(1)})
    assert case.places(["small"]) == [("small", "one")]


# --- several inputs and directions ---------------------------------------------------------------


def test_several_inputs_are_differentiated_in_the_order_of_wrt():
    @xgrad.case(wrt=("b", "A"), operators="gradient")
    def product(xp, A, b):
        return xp.sum(xp.matmul(A, b))

    product.inputs(lambda rng: {"A": rng.normal(size=(2, 3)), "b": rng.normal(size=3)})
    product.formula("gradient")(
        lambda xp, A, b: (xp.sum(A, axis=0), xp.ones((2, 1)) * b)
    )  # db, then dA
    frame = xgrad.run(product, dtypes="float64", methods=("*.formula", "torch.reverse"))
    assert set(frame.verdict) == {"agrees"}
    product.formulas.clear()
    product.formula("gradient")(
        lambda xp, A, b: (xp.sum(A, axis=0), (1 + 1e-12) * xp.ones((2, 1)) * b)
    )
    frame = xgrad.run(product, dtypes="float64", methods=("numpy.formula",))
    assert list(frame.verdict) == ["disagrees"]
    assert frame.worst[0].startswith("A[")


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        (lambda rng, A, b: np.ones(3), r"direction returned shapes \[\(3,\)\]; wanted \[\(2,\), "),
        (lambda rng, A, b: (np.ones(3), np.ones(2)), r"wanted \[\(2,\), \(3,\)\], as b, A"),
    ],
)
def test_a_direction_of_another_shape_is_named(direction, message):
    case = xgrad.case(lambda xp, A, b: xp.sum(A) * xp.sum(b), wrt=("b", "A"), name="c",
                      operators="jvp")  # fmt: skip
    case.inputs(lambda rng: {"A": np.ones(3), "b": np.ones(2)})
    case.direction(direction)
    frame = xgrad.run(case, dtypes="float64", methods=("torch.forward",))
    assert list(frame.status) == ["error"]
    setting = Setting.make(case, "small", RANDOM, "float64", 0)
    with pytest.raises(CaseError, match=message):
        setting.draw_direction(generator(0))
