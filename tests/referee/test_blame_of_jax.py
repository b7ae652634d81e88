"""The wrong rule of a JAX function is named, and a right one never."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xgrad
from xgrad.numbers import ball, precision
from xgrad.programs import JaxProgram
from xgrad.referee import find_equation_faults


def faults_of(function, *inputs):
    with precision(384):
        x = [ball(a).data for a in inputs]
    return find_equation_faults(JaxProgram(function), x, np.random.default_rng(0))


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


def cube_with(factor):
    """x³ with a right derivative, 3x², whose own derivative is off by a factor."""

    @jax.custom_jvp
    def square(x):
        return x * x

    square.defjvp(lambda x, t: (square(x[0]), factor * 2 * x[0] * t[0]))

    @jax.custom_jvp
    def cube(x):
        return x**3

    cube.defjvp(lambda x, t: (cube(x[0]), 3 * square(x[0]) * t[0]))
    return cube


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-9])
def test_of_complex_numbers_both_parts_are_seen_and_right_rules_are_not_named(factor):
    """JAX's gradients are those of Re Σ g z, not of pairs of reals."""

    @jax.custom_jvp
    def turned(z):
        return z * (2 + 1j)

    turned.defjvp(lambda z, t: (turned(z[0]), t[0].real * (2 + 1j) + t[0].imag * (2j - 1) * factor))

    def f(x, y):
        z = turned(jax.lax.complex(x, y))
        return jnp.imag(z) * jnp.real(jnp.exp(z)), jnp.abs(jnp.conj(z))

    names = {fault.name for fault in faults_of(f, X, Y)}
    assert names == (set() if factor == 1 else {"turned.custom_jvp"})


def test_the_derivative_of_a_derivative():
    with precision(384):
        x = [ball(X).data]
    for factor, wrong in ((1.0, []), (1 + 1e-9, ["square.custom_jvp"])):
        program = JaxProgram(lambda x, f=factor: jnp.sin(cube_with(f)(x)).sum())
        assert find_equation_faults(program, x, np.random.default_rng(0)) == []
        faults = find_equation_faults(program, x, np.random.default_rng(0), order=2)
        assert sorted({f.name for f in faults}) == wrong


def test_the_derivative_of_a_derivative_of_several_values():
    with precision(384):
        x = [ball(X).data]
    for factor, wrong in ((1.0, []), (1 + 1e-9, ["square.custom_jvp"])):
        program = JaxProgram(lambda x, f=factor: jnp.sin(cube_with(f)(x)))
        faults = find_equation_faults(program, x, np.random.default_rng(0), order=2)
        assert sorted({f.name for f in faults}) == wrong


def test_what_the_author_stops_is_named_where_it_matters_alone():
    def f(x):
        return (x * jax.lax.stop_gradient(jnp.exp(x))).sum()

    (fault,) = faults_of(f, X)
    assert str(fault).startswith("`stop_gradient`, called at test_blame_of_jax.py:")
    assert "no gradient goes back to its first input" in str(fault)
    assert faults_of(lambda x: jax.nn.logsumexp(x) + jax.nn.softmax(x)[0], X) == []
    a = np.random.default_rng(1).normal(size=(3, 3)) + 3 * np.eye(3)
    assert faults_of(lambda a: jnp.linalg.inv(a).sum(), a) == []  # its factors are stopped


def test_a_primitive_whose_rule_holds_along_some_directions_is_named():
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    (fault,) = faults_of(lambda a: jax.scipy.linalg.cholesky(a).sum(), a)
    assert fault.name == "cholesky"
    assert "test_blame_of_jax.py:" in fault.where
    assert faults_of(lambda a: jax.scipy.linalg.cholesky(a + a.T).sum(), a) == []


def test_the_names_around_it_are_told():
    bend = bend_with(2.0)

    def f(x):
        with jax.named_scope("encoder"):
            return jax.jit(lambda x: layer(x))(x).sum()

    @jax.named_scope("layer")
    def layer(x):
        return jax.vmap(lambda row: bend(row) * row)(x[None])

    (fault,) = faults_of(f, X)
    assert str(fault).startswith(
        "`bend.custom_jvp`, called by encoder/layer at test_blame_of_jax.py:"
    )


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
