"""Every operator, by every usual method, against the referee; and the identities between them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from xgrad.checking.mathematics import make_case
from xgrad.errors import UsageError
from xgrad.judging import Judge
from xgrad.numbers import midpoint
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import OK, Method, choose_methods, evaluate, techniques

_rng = np.random.default_rng(11)
X3, A23, M22 = _rng.normal(size=3), _rng.normal(size=(2, 3)), _rng.normal(size=(2, 2))


def _two_inputs(xp, x, A):  # x (3,), A (2, 3) -> ()
    return xp.sum(xp.sin(xp.matmul(A, x))) + xp.sum(x**3) * xp.exp(A[0, 1])


def _table(xp, x, A):  # x (3,), A (2, 3) -> (2, 3)
    return xp.exp(A) * xp.sin(x) + xp.sum(x * x)


def _swirl(xp, x):  # x (3,) -> (3,)
    return xp.stack([x[0] * x[1], xp.sin(x[1]) * x[2], x[2] * x[0] ** 2])


# name: function, inputs, wrt, operators
FUNCTIONS = {
    "scalar of two inputs": (
        _two_inputs,
        {"x": X3, "A": A23},
        ("x", "A"),
        "value gradient jacobian hessian jvp vjp hvp directional_2",
    ),
    "table of two inputs": (
        _table,
        {"x": X3, "A": A23},
        ("A", "x"),
        "value jacobian jvp vjp weighted_hvp directional_2",
    ),
    "scalar of a vector": (
        lambda xp, x: xp.logsumexp(x) * xp.sum(x * x),
        {"x": X3},
        "x",
        "gradient hessian hvp laplacian",
    ),
    "scalar of a scalar": (
        lambda xp, x: xp.exp(x) * xp.sin(x),
        {"x": np.asarray(0.7)},
        "x",
        "derivative second_derivative gradient jacobian hessian divergence laplacian",
    ),
    "elementwise map": (
        lambda xp, x: xp.tanh(x) * x,
        {"x": A23},
        "x",
        "value derivative second_derivative jacobian divergence",
    ),
    "field": (_swirl, {"x": X3}, "x", "jacobian divergence curl jvp vjp"),
    "field of matrices": (
        lambda xp, X: xp.matmul(X, X),
        {"X": M22},
        "X",
        "jacobian divergence",
    ),
}
PAIRS = [(name, operator) for name, row in FUNCTIONS.items() for operator in row[3].split()]


def judge_of(name, formula=None):
    function, inputs, wrt, operators = FUNCTIONS[name]
    case = make_case(function, inputs, wrt=wrt, operators=operators.split(), formula=formula)
    return Judge(Setting.make(case, "small", "given", "float64", 0), "cpu")


def usual_methods(judge, operator):
    every = [*choose_methods(judge.setting.case, None), Method("ball", "differences")]
    case = judge.setting.case
    return [m for m in every if techniques()[m.technique].applies(m.variant, operator, case)]


def planted(setting, operator, flat):
    """A formula that returns given numbers, in the structure that formulas have."""
    edges = np.cumsum([a.size for a in setting.x])[:-1]

    def split(array, lead, axis):
        parts = np.split(array, edges, axis=axis)
        return [p.reshape(lead + s) for p, s in zip(parts, setting.x_shapes, strict=True)]

    def blocks():
        rows = zip(np.split(flat, edges), setting.x_shapes, strict=True)
        return [tuple(split(row, s, 1)) for row, s in rows]

    structure = {
        "x": lambda: tuple(split(flat, (), 0)),
        "yx": lambda: tuple(split(flat, setting.y_shape, 1)),
        "xx": lambda: tuple(blocks()),
    }.get(operator.layout, lambda: flat.reshape(setting.y_shape if operator.layout else ()))()
    while isinstance(structure, tuple) and len(structure) == 1:
        (structure,) = structure
    return lambda xp, **inputs: tree(xp.asarray, structure)


def tree(function, value):
    return tuple(tree(function, v) for v in value) if isinstance(value, tuple) else function(value)


@pytest.mark.many
@pytest.mark.parametrize(("name", "operator"), PAIRS)
def test_every_usual_method_agrees_with_the_referee(name, operator):
    judge, row = judge_of(name), OPERATORS[operator]
    truth, found = judge.truth(row), {}
    for method in usual_methods(judge, row):
        outcome = judge.outcome(method, row)
        assert outcome.status == (OK if applicable(method, row) else "unsupported"), outcome
        if outcome.status == OK:
            error = np.max(midpoint(truth.error(outcome.flat)))
            found[str(method)] = error / np.max(np.abs(truth.high))
            assert outcome.bound is None or np.all(truth.error(outcome.flat) <= outcome.bound)
    assert len(found) >= (2 if operator == "value" else 6)
    assert max(e for m, e in found.items() if "differences" not in m) < 1e-14, found
    assert max(found.values()) < 1e-10, found
    assert found.get("ball.differences", 0) < 1e-40


def applicable(method, operator):
    """Formulas here are of the value alone."""
    return method.technique != "formula" or operator.order == 0


@pytest.mark.parametrize(("name", "operator"), PAIRS)
def test_one_element_slightly_off_is_not_certified_and_shows(name, operator):
    row, truth = OPERATORS[operator], judge_of(name).truth(OPERATORS[operator])
    wrong = truth.high.copy()
    k = np.argmax(np.abs(wrong))
    wrong.reshape(-1)[k] *= 1 + 1e-9
    judge = judge_of(name, {operator: planted(judge_of(name).setting, row, wrong)})
    outcome, found = judge.outcome(Method("numpy", "formula"), row), judge.truth(row)
    assert found.kind == "definition"
    assert np.argmax(found.error(outcome.flat)) == k
    assert np.max(found.error(outcome.flat)) == pytest.approx(
        1e-9 * np.max(np.abs(wrong)), rel=1e-3
    )


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-9, "disagrees")])
def test_the_verdict_on_a_curl_follows_from_it(factor, verdict):
    def curl(xp, x):
        return factor * -xp.stack([xp.sin(x[1]), 2 * x[0] * x[2], x[0]])

    judge = judge_of("field", {"curl": curl})
    assert judge.judge(Method("torch", "formula"), OPERATORS["curl"]).row["verdict"] == verdict
    assert judge.judge(Method("torch", "forward"), OPERATORS["curl"]).row["verdict"] == "agrees"


@pytest.mark.parametrize(
    ("operator", "x_shapes", "y_shape", "message"),
    [
        ("gradient", [(3,)], (2,), r"scalar value, got shape \(2,\): use jacobian or vjp"),
        ("hessian", [(3,)], (1,), "scalar value.*use jacobian or vjp"),
        ("hvp", [(3,), ()], (3,), "scalar value.*use weighted_hvp"),
        ("laplacian", [(3,)], (3,), "scalar value.*use jacobian or vjp"),
        ("laplacian", [(3,), (2,)], (), "one input in wrt, got 2: use hessian"),
        ("derivative", [(3,)], (2,), "shape of its input.*use gradient or jacobian"),
        ("second_derivative", [(3,)], (), "shape of its input.*use gradient or jacobian"),
        ("derivative", [(3,), (3,)], (3,), "one input in wrt, got 2: use jacobian"),
        ("divergence", [(3,)], (2,), "shape of its input.*use gradient or jacobian"),
        ("divergence", [(3,), (3,)], (3,), "one input in wrt, got 2: use jacobian"),
        ("curl", [(2,)], (2,), r"field of shape \(3,\), got \(2,\): use jacobian"),
        ("curl", [(3,)], (2,), "shape of its input"),
    ],
)
def test_shapes_that_an_operator_does_not_have_name_the_remedy(
    operator, x_shapes, y_shape, message
):
    with pytest.raises(UsageError, match=f"^{operator} needs .*{message}"):
        OPERATORS[operator].require(x_shapes, y_shape)


@pytest.mark.parametrize("method", ["torch.reverse", "numpy.differences", "ball.differences"])
def test_the_error_reaches_the_row(method):
    judge = judge_of("field")
    framework, technique = method.split(".")
    row = judge.judge(Method(framework, technique), OPERATORS["hessian"]).row
    assert (row["status"], row["verdict"]) == ("error", "")
    assert "use jacobian or vjp" in row["message"]


# --- identities, for random polynomials ----------------------------------------------------------

few = settings(max_examples=5, derandomize=True, deadline=None, database=None)
polynomials = st.lists(
    st.tuples(st.integers(-5, 5), st.tuples(*[st.integers(0, 3)] * 3)), min_size=1, max_size=4
)
points = st.tuples(*[st.floats(-2, 2).map(lambda a: round(a, 3))] * 3).map(np.array)
TRANSFORMED = [Method("torch", "reverse"), Method("torch", "reverse", "func"),
               Method("torch", "forward")]  # fmt: skip


def polynomial(terms):
    """Σ c x^p y^q z^r, and its gradient as a field, as functions of (xp, x)."""

    def monomials(xp, x, powers, skip=None):
        product = xp.ones(())
        for k, p in enumerate(powers):
            factor = x[k] ** p if k != skip else p * x[k] ** max(p - 1, 0)
            product = product * factor
        return product

    def value(xp, x):
        return sum(c * monomials(xp, x, p) for c, p in terms) + 0 * xp.sum(x)

    def field(xp, x):
        rows = [sum(c * monomials(xp, x, p, k) for c, p in terms) for k in range(3)]
        return xp.stack([row + 0 * x[0] for row in rows])

    return value, field


def computed(method, operator, setting):
    outcome = evaluate(method, OPERATORS[operator], setting, "cpu")
    assert outcome.status == OK, outcome
    return outcome.flat


def near(a, b, scale=1.0):
    return np.all(np.abs(a - b) <= 1e-12 * (np.max(np.abs(a), initial=0.0) + scale))


def setting_of(function, x):
    return Setting.make(make_case(function, {"x": x}), "small", "given", "float64", 0)


@few
@given(polynomials, points)
def test_all_transforms_give_the_same_operators(terms, x):
    value, field = polynomial(terms)
    for function, operators in (
        (value, "gradient jacobian hessian jvp vjp hvp laplacian"),
        (field, "jacobian jvp vjp divergence curl"),
    ):
        setting = setting_of(function, x)
        for operator in operators.split():
            first, *others = (computed(m, operator, setting) for m in TRANSFORMED)
            assert all(near(first, other, 100.0) for other in others), operator


@few
@given(polynomials, points)
def test_operators_are_made_of_each_other(terms, x):
    value, field = polynomial(terms)
    at, over = setting_of(value, x), setting_of(field, x)
    (v,) = at.v
    for method in TRANSFORMED:
        hessian, jacobian = computed(method, "hessian", at), computed(method, "jacobian", over)
        assert near(hessian, jacobian, 100.0)
        assert near(computed(method, "hvp", at), hessian @ v, 100.0)
        assert near(computed(method, "laplacian", at), np.trace(hessian), 100.0)
        assert near(computed(method, "divergence", over), np.trace(jacobian), 100.0)
        assert near(computed(method, "curl", over), np.zeros(3), 100.0)
        assert near(computed(method, "jvp", over), jacobian @ over.v[0], 100.0)
        assert near(computed(method, "vjp", over), over.w @ jacobian, 100.0)


def test_the_curl_of_a_field_that_is_no_gradient_is_not_zero():
    setting = setting_of(lambda xp, x: xp.stack([-x[1], x[0], 0 * x[2]]), X3)
    assert np.array_equal(computed(Method("torch", "forward"), "curl", setting), [0, 0, 2])
