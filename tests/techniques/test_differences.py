"""Differences: their bound holds, is of use, and the plain schemes are those of the textbook."""

from functools import cache

import numpy as np
import pytest

from xgrad.checking.mathematics import make_case
from xgrad.frameworks import find_framework
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Referee
from xgrad.techniques import Ladder, Method, Sampler, evaluate, extrapolate, sampling
from xgrad.techniques import ladder as _ladder
from xgrad.techniques.differences import TECHNIQUE
from xgrad.techniques.sampling import noise, quantum

N = 8


def normal(rng):
    return rng.normal(size=N)


def wide(rng):
    """From 1e-8 to 1e8 in one array."""
    return 10.0 ** rng.uniform(-8, 8, N) * rng.choice([-1, 1], N)


def some_zero(rng):
    return rng.normal(size=N) * (np.arange(N) % 3 > 0)


def positive(rng):
    return rng.uniform(0.1, 3, N)


def rosenbrock(xp, x):
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def cancelling(xp, x):
    return xp.sum(x + 1e3) - xp.sum(x + 1e3 - x**3)


# name: function, inputs, operators; ordinary ones reach 11 digits, 4 in float32
ORDINARY = {
    "squares": (lambda xp, x: xp.sum(x * x), normal, "gradient hessian hvp"),
    "Rosenbrock": (rosenbrock, normal, "gradient hessian hvp"),
    "log-sum-exp": (lambda xp, x: xp.logsumexp(x), normal, "gradient hessian hvp"),
    "waves": (lambda xp, x: xp.sum(xp.cos(x) * xp.exp(x)), some_zero, "gradient hessian"),
    "softmax": (lambda xp, x: xp.softmax(x), normal, "jacobian vjp jvp"),
    "roots": (lambda xp, x: xp.sum(xp.sqrt(x)) / xp.prod(x), positive, "gradient hessian"),
    "norm": (lambda xp, x: xp.sqrt(xp.sum(x * x)), some_zero, "gradient hessian laplacian"),
    "swirl": (lambda xp, x: xp.roll(x, 1) * xp.sin(x), normal, "divergence"),
}
HARD = {
    "wide squares": (lambda xp, x: xp.sum(x * x), wide, "gradient hvp"),
    "wide tanh": (lambda xp, x: xp.tanh(x), wide, "derivative jacobian second_derivative"),
    "wide log": (lambda xp, x: xp.sum(xp.log(xp.abs(x))), wide, "gradient hvp"),
    "wide sine": (lambda xp, x: xp.sin(x), wide, "derivative"),
    "stiff": (lambda xp, x: xp.sum(xp.exp(20 * x)), normal, "gradient hessian"),
    "stiff bells": (lambda xp, x: xp.exp(-300 * x * x), normal, "derivative second_derivative"),
    "Runge": (lambda xp, x: 1 / (1 + 25 * x * x), normal, "derivative second_derivative"),
    "oscillating": (lambda xp, x: xp.sum(xp.sin(50 * x)), normal, "gradient hvp"),
    "oscillating map": (lambda xp, x: xp.sin(50 * x), normal, "second_derivative jacobian"),
    "cancelling": (cancelling, normal, "gradient hvp"),
    "cancelled": (lambda xp, x: (xp.exp(x) + 1e3) - 1e3, normal, "derivative jacobian"),
}
TABLE = {**ORDINARY, **HARD}
SEEDS = range(2)


def setting_of(function, x, operator="gradient", dtype="float64"):
    return Setting.make(
        make_case(function, {"x": x}, operators=operator), "small", "given", dtype, 0
    )


def measured(setting, operator, framework="numpy"):
    """Error, bound and size of the truth, element by element."""
    truth = Referee(setting).truth(OPERATORS[operator], independent=True)
    outcome = evaluate(Method(framework, "differences"), OPERATORS[operator], setting, "cpu")
    assert (truth.kind, outcome.status) == ("definition", "ok"), (truth.note, outcome.message)
    parts = truth.error(outcome.flat), outcome.bound, np.abs(truth.high)
    return [np.asarray(p).reshape(-1) for p in parts]


@cache
def measurements(dtype):
    """For each function and operator of the table, what was measured at every seed."""
    return {
        (name, operator): [
            measured(setting_of(function, draw(np.random.default_rng([7, seed])), operator, dtype),
                     operator)
            for seed in SEEDS
        ]
        for name, (function, draw, operators) in TABLE.items()
        for operator in operators.split()
    }  # fmt: skip


def summary(dtypes, scale=1.0):
    """The share of elements within the bound, and the median of bound over error."""
    rows = [m for d in dtypes for many in measurements(d).values() for m in many]
    error, bound = (np.concatenate([row[k] for row in rows]) for k in (0, 1))
    with np.errstate(all="ignore"):
        ratio = np.where(bound == 0, np.where(error == 0, 1.0, 0.0), scale * bound / error)
    return np.mean(error <= scale * bound), np.median(ratio), error.size


def test_the_truth_lies_within_the_bound_and_the_bound_says_something():
    within, median, count = summary(["float64", "float32"])
    said = f"{within:.5%} of {count} elements within; median of bound/error {median:.0f}"
    assert count > 3500
    assert within >= 0.999, said
    assert median < 1000, said


def test_a_bound_that_is_but_a_little_too_small_would_be_noticed():
    within, median, _ = summary(["float64", "float32"], scale=1 / 64)
    assert within < 0.999, (within, median)


@pytest.mark.parametrize(
    ("dtype", "first", "second", "resolved"),
    [("float64", 12, 10, 1e-10), ("float32", 4.3, 3, 1e-3)],
)
def test_ordinary_functions_reach_their_digits(dtype, first, second, resolved):
    worst = {1: np.inf, 2: np.inf}
    for (name, operator), many in measurements(dtype).items():
        order = OPERATORS[operator].order
        if name in ORDINARY:
            digits = [-np.log10(np.max(e) / np.max(size)) for e, _, size in many if np.max(e)]
            worst[order] = min([worst[order], *digits])
        if name in ORDINARY and order == 1:  # so that a derivative off by this much is caught
            assert all(np.max(b) < resolved * np.max(size) for _, b, size in many), (name, operator)
    assert worst[1] > first, worst
    assert worst[2] > second, worst


@pytest.mark.many(2)
@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_batched_frameworks_keep_the_bound(framework, dtype):
    for name in ("Rosenbrock", "wide log", "cancelling"):
        function, draw, _ = TABLE[name]
        setting = setting_of(function, draw(np.random.default_rng(3)), dtype=dtype)
        error, bound, _ = measured(setting, "gradient", framework)
        assert np.all(error <= bound), name


# --- where steps alone would fool ----------------------------------------------------------------

AWKWARD = {
    "aliasing": (lambda xp, x: xp.sin(402.1238596594935 * x), np.array([1.0, 2.0, 3.0])),
    "saturated": (lambda xp, x: xp.tanh(x), np.array([1e-9, 1e-3, 2.0, 1e5, 1e6])),
    "a kink nearby": (lambda xp, x: xp.maximum(x, 1.0), np.array([0.999, 1.001, 1.0000001, 3.0])),
    "a sum of scales": (lambda xp, x: x**2 + 1e6 * x, np.array([1e-6, 1.0, 1e7])),
    "constant": (lambda xp, x: 0 * x + 3.0, np.array([1.0, -2.0])),
    "zeros": (lambda xp, x: 0 * x, np.array([1.0, 0.0])),
}


@pytest.mark.parametrize("operator", ["derivative", "jacobian"])
@pytest.mark.parametrize("name", AWKWARD)
def test_what_fools_a_single_ladder_stays_within_the_bound(name, operator):
    function, x = AWKWARD[name]
    error, bound, _ = measured(setting_of(function, x, operator), operator)
    assert np.all(error <= bound)
    assert np.all(np.isfinite(bound))


@pytest.mark.many(2)
@pytest.mark.parametrize("framework", ["numpy", "jax"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_step_below_the_spacing_of_some_elements_is_no_step_along_v(framework, dtype):
    """Beside 1 a step of 1e-17 is none, beside 0 it is one: along another direction."""

    def turned(xp, x):
        return (x[1] - x[2]) / (x[0] + x[3])

    setting = setting_of(turned, np.array([1.0, 0.0, 0.0, 1.0]), "jvp", dtype)
    error, bound, size = measured(setting, "jvp", framework)
    assert np.all(error <= bound)
    assert np.max(bound) < (1e-9 if dtype == "float64" else 1e-2) * np.max(size)


def test_a_kink_nearby_is_resolved_by_shorter_steps():
    function, x = AWKWARD["a kink nearby"]
    error, bound, _ = measured(setting_of(function, x, "derivative"), "derivative")
    assert np.max(bound) < 1e-4
    assert np.max(error) < 1e-8


@pytest.mark.parametrize(
    ("function", "dtype"),
    [
        (lambda xp, x: xp.sum(xp.log(x)), "float64"),  # no value on one side
        (lambda xp, x: xp.sum(xp.sin(1e12 * x)), "float32"),  # nothing but noise
    ],
)
def test_what_no_step_resolves_is_unsupported_and_says_why(function, dtype):
    setting = setting_of(function, np.array([0.0, 0.0]) if dtype == "float64" else normal(
        np.random.default_rng(1)), dtype=dtype)  # fmt: skip
    outcome = evaluate(Method("numpy", "differences"), OPERATORS["gradient"], setting, "cpu")
    assert outcome.status == "unsupported"
    assert "no step resolves a slope" in outcome.message


def test_an_element_at_the_edge_of_the_domain_has_no_bound_and_spoils_no_other():
    setting = setting_of(lambda xp, x: x**1.5, np.array([1.0, 0.0]), "jacobian")
    outcome = evaluate(Method("numpy", "differences"), OPERATORS["jacobian"], setting, "cpu")
    assert np.isinf(outcome.bound[1, 1])
    assert abs(outcome.flat[0, 0] - 1.5) <= outcome.bound[0, 0] < 1e-10


# --- the pieces ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1e-10, 1e-12])
def test_noise_has_the_size_of_the_noise(level):
    def rough(xp, x):  # a fast wave stands for rounding
        return xp.sum(x * x) + level * xp.sin(1e15 * xp.sum(x))

    sample = Sampler(find_framework("numpy"), setting_of(rough, np.array([0.3, 0.7])), "cpu")
    (found,) = noise(sample)
    assert 0.3 < found / (2 * level / np.sqrt(2)) < 4


def test_noise_sees_one_side_of_a_kink():
    kinked = setting_of(lambda xp, x: xp.sum(xp.abs(x)), np.array([0.0, 1.0]))
    sample = Sampler(find_framework("numpy"), kinked, "cpu")
    (found,) = noise(sample)
    assert found < 1e-15


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([0.25, 0.75, -2.0], 0.25), ([3.0, 3.0, 3.0], 0.0), ([0.0, 6.0, 2.0], 2.0), ([0.0, 0.0], 0.0),
     ([1.0, 1 + 2**-52, 1.0], 2.0**-52), ([np.inf, 1.0, 0.5], 0.5)],
)  # fmt: skip
def test_the_quantum_divides_all_values(values, wanted):
    assert quantum(np.array(values)[:, None])[0] == wanted


def test_extrapolation_of_a_polynomial_is_exact_and_shorter_steps_overrule_longer_ones():
    h = 0.2 * _ladder.RATIO ** -np.arange(6.0)
    smooth = Ladder((1 + 3 * h**2 - h**4)[:, None], np.full((6, 1), 1e-15))
    value, error = extrapolate(smooth)
    assert abs(value[0] - 1) < 1e-13
    assert error[0] < 1e-12
    contradicted = Ladder(np.array([5.0, 5, 5, 1, 1, 1])[:, None], np.full((6, 1), 1e-9))
    value, error = extrapolate(contradicted)
    assert value[0] == pytest.approx(1.0)
    limited = Ladder(np.full((6, 1), 0.0), np.full((6, 1), 1e-9), low=9.0, high=11.0)
    assert extrapolate(limited)[1][0] >= 9.0


# --- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_gradient_of_a_thousand_inputs_takes_few_calls_of_bounded_size(framework, monkeypatch):
    one, sizes = type(find_framework(framework)), []
    batch = one.batch

    def counting(self, f, xp):
        mapped = batch(self, f, xp)
        return lambda rows, rest: sizes.append(tuple(rows.shape)) or mapped(rows, rest)

    monkeypatch.setattr(one, "batch", counting)
    x = np.random.default_rng(2).normal(size=1_000)
    setting = setting_of(lambda xp, x: xp.sum(xp.sin(x) * x), x)
    outcome = evaluate(Method(framework, "differences"), OPERATORS["gradient"], setting, "cpu")
    assert np.all(np.abs(outcome.flat - np.sin(x) - x * np.cos(x)) <= outcome.bound)
    assert np.max(outcome.bound) < 1e-6
    assert len(sizes) <= 10
    assert sum(rows for rows, _ in sizes) < 15 * 1_000
    assert max(rows * n for rows, n in sizes) <= sampling.ELEMENTS


def test_a_function_sees_one_point_in_numpy_too():
    shapes = set()

    def watched(xp, x):
        shapes.add(x.shape)
        return xp.sum(x * x)

    setting = setting_of(watched, np.ones(5))
    evaluate(Method("numpy", "differences"), OPERATORS["gradient"], setting, "cpu")
    assert shapes == {(5,)}


def test_too_many_inputs_are_unsupported_with_the_remedy():
    setting = setting_of(lambda xp, x: xp.sum(x * x), np.ones(50_000))
    outcome = evaluate(Method("numpy", "differences"), OPERATORS["gradient"], setting, "cpu")
    assert outcome.status == "unsupported"
    assert "50,000 inputs" in outcome.message
    assert "jvp takes one direction at any size" in outcome.message
    jvp = evaluate(Method("numpy", "differences"), OPERATORS["jvp"], setting, "cpu")
    assert jvp.status == "ok"


# --- as written by hand --------------------------------------------------------------------------


def by_hand(f, x, h, scheme):
    """The loop of the textbook, in the dtype of x."""
    columns = []
    for k in range(x.size):
        e = np.zeros_like(x)
        e[k] = h
        if scheme == "central":
            columns.append((f(x + e) - f(x - e)) / (2 * h))
        else:
            columns.append((f(x + e) - f(x)) / h)
    return np.stack(columns, axis=-1)


BY_HAND = {
    "gradient": lambda xp, x: xp.sum(xp.exp(x) * xp.sin(x)),
    "jacobian": lambda xp, x: xp.exp(x)[:2] * xp.sin(x[0]),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("scheme", ["forward", "central"])
@pytest.mark.parametrize("operator", BY_HAND)
def test_a_plain_scheme_is_the_textbook_formula_bit_for_bit(operator, scheme, dtype):
    x = np.random.default_rng(5).normal(size=6)
    setting = setting_of(BY_HAND[operator], x, operator, dtype)
    xp = find_framework("numpy").namespace(dtype)
    for step in ("1e-1", "1e-3", "0.0078125", "3e-2"):
        method = Method("numpy", "differences", f"{scheme}@{step}")
        outcome = evaluate(method, OPERATORS[operator], setting, "cpu")
        h = np.dtype(dtype).type(step)
        hand = by_hand(lambda a: BY_HAND[operator](xp, a), setting.flat_x.astype(dtype), h, scheme)
        assert hand.dtype == dtype
        assert np.array_equal(outcome.flat, hand.astype(np.float64))
        error = Referee(setting).truth(OPERATORS[operator]).error(outcome.flat)
        assert np.all(error <= outcome.bound)
        assert np.max(outcome.bound) < 100 * np.max(error)


def test_another_step_or_scheme_gives_another_result():
    setting = setting_of(BY_HAND["gradient"], np.random.default_rng(5).normal(size=6))
    variants = ("central@1e-3", "central@1.0001e-3", "forward@1e-3", "central", "forward")
    found = [
        evaluate(Method("numpy", "differences", v), OPERATORS["gradient"], setting, "cpu")
        for v in variants
    ]
    assert len({tuple(f.flat) for f in found}) == len(variants)
    assert "step 1e-03" in found[0].message


@pytest.mark.parametrize(
    ("variant", "operator", "dtype", "status", "message"),
    [
        ("central@abc", "gradient", "float64", "error", "a step is a positive number"),
        ("central@0", "gradient", "float64", "error", "a step is a positive number"),
        ("forward@-1", "gradient", "float64", "error", "a step is a positive number"),
        ("@1e-3", "gradient", "float64", "unsupported", "name forward or central"),
        ("central@1e-9", "gradient", "float16", "unsupported", "1e-09 is 0.0 in float16"),
        ("central", "hessian", "float64", "unsupported", "first derivatives only"),
        ("", "value", "float64", "unsupported", "not a derivative"),
    ],
)
def test_a_call_that_makes_no_sense_says_so(variant, operator, dtype, status, message):
    setting = setting_of(BY_HAND["gradient"], np.ones(3), operator, dtype)
    outcome = evaluate(Method("numpy", "differences", variant), OPERATORS[operator], setting, "cpu")
    assert outcome.status == status
    assert message in outcome.message


def test_plain_schemes_have_no_place_where_steps_are_no_compromise():
    assert TECHNIQUE.variants(find_framework("ball"), None) == {"": True}
    assert {"forward", "central"} < set(TECHNIQUE.variants(find_framework("numpy"), None))
