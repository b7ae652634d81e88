"""Certificates of JAX derivatives: right rules get one, planted mistakes do not."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp
import jax_functions
from jax_functions import certify_jax

X = np.array([0.3, -0.7, 1.4])
MISTAKES = (1e-9, 1e-15)


def reverse_rule(mistake):
    """log Σ exp with a backward of its own."""

    @jax.custom_vjp
    def function(x):
        return jnp.log(jnp.sum(jnp.exp(x)))

    def backward(x, g):
        return (g * jax.nn.softmax(x) * (1 + mistake),)

    function.defvjp(lambda x: (function(x), x), backward)
    return lambda x: function(x * x)


def forward_rule(mistake):
    """softplus with a tangent of its own."""

    @jax.custom_jvp
    def function(x):
        return jnp.log1p(jnp.exp(x))

    @function.defjvp
    def tangent(primals, tangents):
        (x,), (v,) = primals, tangents
        return function(x), v * jax.nn.sigmoid(x) * (1 + mistake)

    return lambda x: jnp.sum(jnp.sin(function(x)))


def one_element(mistake):
    """A backward that is wrong for one element of 200."""

    @jax.custom_vjp
    def function(x):
        return jnp.sum(x**3)

    def backward(x, g):
        return ((g * 3 * x**2).at[17].multiply(1 + mistake),)

    function.defvjp(lambda x: (function(x), x), backward)
    return lambda x: function(jnp.tile(x, 70)[:200])


RULES = {"custom_vjp": reverse_rule, "custom_jvp": forward_rule}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_rule_is_seen_at_its_own_size(rule, mistake):
    found = certify_jax(RULES[rule](mistake), X)
    assert -np.log10(mistake) - 1 < found.best < -np.log10(mistake) + 1.5
    assert found.grade != "certified"


@pytest.mark.parametrize("rule", RULES)
def test_the_right_twin_is_certified(rule):
    found = certify_jax(RULES[rule](0.0), X)
    assert found.grade == "certified"
    assert found.right


def test_one_wrong_element_of_many_is_seen():
    assert 8 < certify_jax(one_element(1e-9), X).best < 14
    assert certify_jax(one_element(0.0), X).grade == "certified"


def test_a_sign_that_is_wrong_is_no_kink():
    @jax.custom_vjp
    def function(x):
        return jnp.stack([jnp.sin(x), jnp.cos(x)])

    function.defvjp(
        lambda x: (function(x), x), lambda x, g: (g[0] * jnp.cos(x) + g[1] * jnp.sin(x),)
    )
    found = certify_jax(function, X)
    assert found.grade == "rule and function disagree"
    assert not found.right


def test_a_clipped_gradient_disagrees_with_its_function():
    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda kept, g: (jnp.clip(g, -1, 1),))
    assert certify_jax(lambda x: jnp.sum(clipped(x) ** 2), X).best < 2


@pytest.mark.parametrize("function", [jnp.abs, jax.nn.relu, lambda x: jnp.maximum(x, -x)])
def test_a_kink_is_told_as_one(function):
    found = certify_jax(lambda x: function(x - X), X)
    assert found.grade == "kink"


def test_rounded_constants_are_recognised():
    found = certify_jax(jax.scipy.special.erf, X)
    assert 14 < found.digits < 25
    assert found.recognised > 40


def test_a_rule_that_holds_along_symmetric_directions_only_disagrees():
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    assert certify_jax(jax.scipy.linalg.cholesky, a).best < 14
    assert certify_jax(lambda a: jnp.linalg.cholesky(a), a).grade == "certified"


def test_an_approximation_to_a_tolerance_is_graded_as_one():
    found = certify_jax(jax.scipy.special.dawsn, X)
    assert found.grade == "float64 approximation inside"
    assert found.right


def test_a_truncated_series_is_ample():
    found = certify_jax(lambda x: jax.scipy.special.zeta(x, 1.5), np.array([2.5]))
    assert found.grade == "ample for float64"


def test_lower_precision_inside_shows_in_float64_only():
    heads = np.random.default_rng(0).normal(size=(3, 1, 3, 1, 2))
    found = certify_jax(jax.nn.dot_product_attention, *heads)
    assert found.grade == "certified"
    assert "in float64 differs" in found.reason


def test_a_gradient_that_is_nan_in_float64_is_told():
    found = certify_jax(jax.scipy.special.spence, np.array([1.7]))
    assert np.isnan(found.gradient_gap)
    assert not found.right


# --- JAX's own library ---------------------------------------------------------------------------

FEW = [
    "jax.nn.log_softmax", "jax.nn.logsumexp", "jax.numpy.linalg.pinv", "jax.numpy.median",
    "jax.scipy.special.i1", "jax.numpy.fft.irfft", "jax.lax.cumprod", "jax.scipy.stats.t.logpdf",
    "jax.numpy.interp",
]  # fmt: skip


@pytest.mark.parametrize("name", FEW)
def test_a_few_functions_of_the_library_are_certified(name):
    with jax.enable_x64(True):
        (row,) = [r for r in jax_functions.rows([name]) if f"{r.module}.{r.name}" == name]
    assert row.grade == "certified", row
    assert row.certificate.right


@pytest.mark.slow
def test_every_function_of_the_library_is_right():
    rows = [row for row in jax_functions.rows() if row.tried]
    wrong = [f"{r.module}.{r.name}: {r.grade} {r.reason}" for r in rows
             if (r.certificate is None or not r.certificate.right)
             and f"{r.module}.{r.name}" not in jax_functions.KNOWN]  # fmt: skip
    assert len(rows) - len(wrong) >= 555, wrong
