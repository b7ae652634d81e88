"""A wrong custom derivative of a JAX function is named, and a right one never."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xgrad
from xgrad.numbers import ball, precision
from xgrad.programs import JaxProgram
from xgrad.referee import find_custom_faults


def faults_of(function, *inputs):
    with precision(384):
        x = [ball(a).data for a in inputs]
    return find_custom_faults(JaxProgram(function), x, np.random.default_rng(0))


def gate_with(factor):
    @jax.custom_vjp
    def gate(x, y):
        return x * jnp.sin(y)

    def pull(kept, g):
        x, y = kept
        return g * jnp.sin(y), factor * g * x * jnp.cos(y)

    gate.defvjp(lambda x, y: (gate(x, y), (x, y)), pull)
    return gate


def bend_with(factor):
    @jax.custom_jvp
    def bend(x):
        return jnp.tanh(x)

    @bend.defjvp
    def push(x, t):
        y = bend(x[0])
        return y, factor * (1 - y * y) * t[0]

    return bend


X, Y = np.random.default_rng(2).normal(size=(2, 3))


def network(gate, bend):
    @jax.jit
    def f(x, y):
        a = gate(jax.nn.softmax(x), jax.nn.relu(y))
        a, _ = jax.lax.scan(lambda c, _: (bend(c) + y, None), a, length=3)
        return (a * jax.nn.silu(x)).sum()

    return f


@pytest.mark.parametrize("wrong", ["", "gate", "bend", "gate bend"])
def test_the_wrong_custom_derivative_is_named(wrong):
    gate, bend = (make(2.0 if n in wrong else 1.0) for n, make in
                  (("gate", gate_with), ("bend", bend_with)))  # fmt: skip
    faults = faults_of(network(gate, bend), X, np.abs(Y))
    names = {"gate": "gate.custom_vjp", "bend": "bend.custom_jvp"}
    assert {f.name for f in faults} == {names[n] for n in wrong.split()}
    for fault in faults:
        (slip,) = fault.slips
        assert slip.hint == "a factor of 2"
        assert slip.of == ("second input" if "gate" in fault.name else "first input")
        assert "test_blame_of_jax.py:" in fault.where


def test_a_wrong_one_whose_result_is_not_used_is_not_blamed():
    gate = gate_with(2.0)
    assert faults_of(lambda x, y: (x * y + 0 * gate(x, y)).sum(), X, Y) == []


def test_the_rule_of_a_right_one_stands_for_a_wrong_one_inside():
    bend = bend_with(2.0)

    @jax.custom_vjp
    def outer(x):
        return bend(x)

    outer.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (g / jnp.cosh(x) ** 2,))
    assert faults_of(lambda x: outer(x).sum(), X) == []


def test_operands_that_are_one_variable_or_constant_are_not_blamed():
    def root(a):
        def newton(f, x):
            return jax.lax.fori_loop(0, 9, lambda i, x: x - f(x) / (3 * x * x), x)

        return jax.lax.custom_root(lambda x: x**3 - a, 1.5, newton, lambda g, y: y / g(1.0))

    assert faults_of(lambda a: root(a) ** 2, np.array(1.7)) == []
    gate = gate_with(2.0)  # wrong in an argument that does not depend on x
    assert faults_of(lambda x: gate(x, jnp.asarray(Y)).sum(), X) == []


def test_the_message_names_it():
    with pytest.raises(AssertionError) as failure:
        xgrad.assert_agreement(
            lambda x, y: gate_with(1 + 1e-9)(x, y).sum(),
            (jnp.asarray(X), jnp.asarray(Y)),
            operators="gradient",
            methods="jax.reverse",
            dtypes="float64",
        )
    text = str(failure.value)
    assert "`gate.custom_vjp`, called at test_blame_of_jax.py:" in text
    assert "the gradient of its second input, 9 digits agree" in text
