"""Certificates of JAX derivatives: right rules get one, planted mistakes do not."""

import numpy as np
import pytest
from reverse_mode import RIGHT, digits, found, row_in_jax

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp

X = np.array([0.3, -0.7, 1.4])
# Sizes, and the verdict on float64, which does not resolve the smaller one.
MISTAKES = {1e-9: "disagrees", 1e-15: "agrees"}


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
    row = row_in_jax(RULES[rule](mistake), X)
    assert -np.log10(mistake) - 1 < digits(row) < -np.log10(mistake) + 1.5
    assert found(row) == (MISTAKES[mistake], "definition")


@pytest.mark.parametrize("rule", RULES)
def test_the_right_twin_is_certified(rule):
    assert found(row_in_jax(RULES[rule](0.0), X)) == RIGHT


def test_one_wrong_element_of_many_is_seen():
    row = row_in_jax(one_element(1e-9), X)
    assert 8 < digits(row) < 14
    assert found(row) == ("disagrees", "definition")
    assert found(row_in_jax(one_element(0.0), X)) == RIGHT


def test_a_sign_that_is_wrong_is_no_kink():
    @jax.custom_vjp
    def function(x):
        return jnp.stack([jnp.sin(x), jnp.cos(x)])

    function.defvjp(
        lambda x: (function(x), x), lambda x, g: (g[0] * jnp.cos(x) + g[1] * jnp.sin(x),)
    )
    row = row_in_jax(function, X)
    assert found(row) == ("disagrees", "definition")
    assert digits(row) <= 1


def test_a_clipped_gradient_disagrees_with_its_function():
    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda kept, g: (jnp.clip(g, -1, 1),))
    row = row_in_jax(lambda x: jnp.sum(clipped(x) ** 2), X)
    assert found(row) == ("disagrees", "definition")
    assert digits(row) < 2


@pytest.mark.parametrize("function", [jnp.abs, jax.nn.relu, lambda x: jnp.maximum(x, -x)])
def test_a_kink_is_told_as_one(function):
    assert found(row_in_jax(lambda x: function(x - X), X)) == ("convention", "kink")


def test_rounded_constants_are_recognised():
    row = row_in_jax(jax.scipy.special.erf, X)
    assert found(row) == RIGHT
    assert digits(row) > 40
    assert "with constants recognised, 17 as floats" in row["message"]
