"""The complex step: right to the last digits, or refused where the function is not analytic."""

import numpy as np
import pytest
from outcomes import digits_of, judged, method_of, setting_of

from xgrad.problem import OPERATORS
from xgrad.techniques import complex_step, evaluate

ANALYTIC = {
    "abs": lambda xp, x: xp.sum(xp.abs(x) * x),
    "builtin abs": lambda xp, x: xp.sum(abs(x) ** 3),
    "maximum": lambda xp, x: xp.sum(xp.maximum(x, 0.3 * x[0]) * x),
    "relu": lambda xp, x: xp.sum(xp.maximum(x, 0.1)),
    "minimum": lambda xp, x: xp.sum(xp.minimum(x, x[0] * x[1])),
    "max": lambda xp, x: xp.max(x) * xp.min(x),
    "clip": lambda xp, x: xp.sum(xp.clip(x, -0.5, 0.5) ** 2),
    "where": lambda xp, x: xp.sum(xp.where(x > 0, x * x, -x)),
    "mask": lambda xp, x: xp.sum(xp.astype(x >= 0.5, x.dtype) * x * x),
    "branch": lambda xp, x: x[0] * x[1] if x[0] > 0 else x[1],
    "sort": lambda xp, x: xp.sum(xp.sort(x) * xp.arange(5)),
    "logsumexp": lambda xp, x: xp.logsumexp(3 * x),
    "softmax": lambda xp, x: xp.sum(xp.softmax(x) * x),
    "log_softmax": lambda xp, x: xp.sum(xp.log_softmax(x) ** 2),
    "softplus": lambda xp, x: xp.sum(xp.softplus(9 * x)),
    "expit": lambda xp, x: xp.sum(xp.expit(9 * x)),
    "logaddexp": lambda xp, x: xp.sum(xp.logaddexp(x, 2 * x[0] * x)),
    "logaddexp of nothing": lambda xp, x: xp.sum(xp.logaddexp(x, xp.full((5,), -float("inf")))),
    "erf": lambda xp, x: xp.sum(xp.erf(x)),
    "erfc": lambda xp, x: xp.sum(xp.erfc(x)),
    "lgamma": lambda xp, x: xp.sum(xp.lgamma(xp.abs(x) + 0.1)),
    "lgamma of negatives": lambda xp, x: xp.sum(xp.lgamma(x - 2.11)),
    "digamma": lambda xp, x: xp.sum(xp.digamma(xp.abs(x) + 0.1)),
    "norm": lambda xp, x: xp.linalg.vector_norm(x),
    "norm of order 1": lambda xp, x: xp.linalg.vector_norm(x, ord=1) ** 2,
    "norm of order inf": lambda xp, x: xp.linalg.vector_norm(x, ord=float("inf")),
    "matrix norm": lambda xp, x: xp.linalg.matrix_norm(xp.linalg.outer(x, x) + xp.eye(5)),
    "hypot": lambda xp, x: xp.sum(xp.hypot(x, x[0] + x)),
    "var": lambda xp, x: xp.var(x) + xp.var(x[:, None] * x[None, :], axis=0, correction=1)[2],
    "std": lambda xp, x: xp.std(x, correction=1),
    "vecdot": lambda xp, x: xp.vecdot(x, xp.sin(x)) * xp.linalg.vecdot(x, x),
    "matmul": lambda xp, x: (x @ xp.sin(x)) + xp.sum(xp.matmul(x[:, None], x[None, :])),
    "einsum": lambda xp, x: xp.einsum("i,j->", x, xp.sin(x)),
    "powers": lambda xp, x: xp.sum(x**3) + xp.sum(xp.abs(x) ** 1.5) + xp.sum(xp.pow(2.0, x)),
    "logarithms": lambda xp, x: xp.sum(xp.log(x * x) + xp.log1p(x * x) + xp.log2(xp.abs(x))),
    "inverses": lambda xp, x: xp.sum(xp.asin(x / 5) + xp.atanh(x / 5) + xp.acosh(x * x + 1.1)),
    "scan": lambda xp, x: xp.scan(lambda c, a: (xp.sin(c) * a + a, c), x[0], x)[0],
    "matrices": lambda xp, x: xp.sum(xp.linalg.solve(xp.linalg.outer(x, x) + xp.eye(5), x)),
    "logdet": lambda xp, x: xp.linalg.slogdet(xp.linalg.outer(x, x) - 2 * xp.eye(5))[1],
}
STEPWISE = {
    "floor": lambda xp, x: xp.sum(xp.floor(3 * x) * x),
    "ceil": lambda xp, x: xp.sum(xp.ceil(3 * x) * x),
    "round": lambda xp, x: xp.sum(xp.round(3 * x) * x),
    "sign": lambda xp, x: xp.sum(xp.sign(x) * x),
    "remainder": lambda xp, x: xp.sum(x % 0.7),
    "floor_divide": lambda xp, x: xp.sum((x // 0.7) * x),
    "copysign": lambda xp, x: xp.sum(xp.copysign(x, x[0] * x)),
    "atan2": lambda xp, x: xp.sum(xp.atan2(x, x[0] * x)),
    "linalg.cholesky": lambda xp, x: xp.sum(xp.linalg.cholesky(xp.linalg.outer(x, x) + xp.eye(5))),
    "linalg.eigvalsh": lambda xp, x: xp.sum(xp.linalg.eigvalsh(xp.linalg.outer(x, x))),
    "real": lambda xp, x: xp.sum(xp.real(x) * x),
    "conj": lambda xp, x: xp.sum(xp.conj(x) * x),
    "astype to integers": lambda xp, x: xp.sum(xp.astype(9 * x, xp.int64) * x),
}


@pytest.mark.many(12)
@pytest.mark.parametrize(("dtype", "digits"), [("float64", 14.5), ("float32", 5.7)])
@pytest.mark.parametrize("name", ANALYTIC)
def test_the_complex_step_is_right_to_the_last_digits(name, dtype, digits):
    assert digits_of(ANALYTIC[name], "numpy.complex_step", dtype=dtype) > digits


def test_a_slightly_wrong_step_would_show_in_these_digits(monkeypatch):
    monkeypatch.setitem(complex_step.STEP, "float64", 2.0**-10)
    assert digits_of(ANALYTIC["logsumexp"], "numpy.complex_step") < 14


@pytest.mark.parametrize("name", STEPWISE)
def test_the_complex_step_refuses_what_is_not_analytic(name):
    row = judged(STEPWISE[name], "numpy.complex_step")
    assert row["status"] == "unsupported", row
    assert f"{name} is not analytic here" in row["message"]


@pytest.mark.parametrize("name", ["log", "sqrt", "acosh", "pow"])
def test_the_complex_step_leaves_the_domain_where_the_real_function_does(name):
    calls = {"pow": lambda xp, x: xp.sum(x**0.5)}
    function = calls.get(name, lambda xp, x: xp.sum(getattr(xp, name)(x)))
    assert judged(function, "numpy.complex_step")["status"] == "nonfinite"


def test_the_complex_step_of_a_value_that_overflows_is_not_zero():
    overflow = lambda xp, x: xp.sum(xp.log(1 + xp.exp(1e3 * x)))  # noqa: E731
    assert judged(overflow, "numpy.complex_step")["status"] == "nonfinite"


def test_the_complex_step_keeps_small_derivatives():
    x, function = np.array([1.0, 1.3, 1.45]), lambda xp, x: xp.exp(-300 * x * x)
    outcome = evaluate(
        method_of("numpy.complex_step"), OPERATORS["derivative"],
        setting_of(function, "derivative", x=x), "cpu",
    )  # fmt: skip
    assert np.allclose(outcome.flat, -600 * x * np.exp(-300 * x * x), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("operator", "dtype", "message"),
    [("hvp", "float64", "first derivatives only"), ("gradient", "float16", "no complex type")],
)
def test_the_complex_step_has_first_derivatives_and_complex_types(operator, dtype, message):
    row = judged(ANALYTIC["where"], "numpy.complex_step", operator, dtype=dtype)
    assert row["status"] == "unsupported"
    assert message in row["message"]


def test_float_of_an_array_is_an_error_not_a_zero():
    row = judged(lambda xp, x: float(x[0]) * x[1], "numpy.complex_step")
    assert row["status"] == "error"
    assert "cuts the derivative" in row["message"]
