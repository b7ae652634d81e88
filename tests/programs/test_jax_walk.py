"""The walk over a jaxpr: every step's midpoints are JAX's, and nothing is run that nobody needs."""

import numpy as np
import pytest
from flint import arb

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax_balls import balls, close, floats
from jax_examples import names, of_arrays

from xgrad.errors import BudgetExceeded
from xgrad.numbers import budget, precision
from xgrad.programs.failures import Escape, NoBallRule
from xgrad.programs.jax import JaxProgram, Tape
from xgrad.programs.jax.rules import rule_of
from xgrad.programs.jax.values import bind, is_balls, is_key, seen


@pytest.fixture(autouse=True)
def in_many_bits():
    with precision(256), jax.enable_x64(True):
        yield


# --- each step against JAX -----------------------------------------------------------------------


def shadow(step, operands, made):
    """A hook that compares what a step made with JAX's own of the same midpoints."""
    if step.kind == "control":
        return made
    given = [seen(v, a) for v, a in zip(operands, step.eqn.invars, strict=True)]
    with jax.default_matmul_precision("highest"):
        expected = bind(step.eqn, given)
    for mine, theirs, variable in zip(made, expected, step.eqn.outvars, strict=True):
        if is_key(theirs):
            continue
        got, want = np.asarray(seen(mine, variable)), np.asarray(theirs)
        assert got.shape == want.shape, step.name
        kinds = [a.aval.dtype for a in (variable, *step.eqn.invars)]
        coarse = [float(jnp.finfo(k).eps) for k in kinds if jnp.issubdtype(k, jnp.inexact)]
        eps = max(coarse, default=0.0)
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=0.0) if eps else 0.0
        scale = max([scale, *(_largest(g) for g in given)]) if eps else 0.0
        if step.name == "cholesky":  # what is above the diagonal is nobody's
            got, want = np.tril(got), np.tril(want)
        assert np.allclose(
            got.astype(want.dtype), want, rtol=1e4 * eps, atol=1e4 * eps * scale, equal_nan=True
        ), (step.name, got, want)
    return made


def _largest(value):
    """The size of a float operand, whose own rounding a difference may consist of."""
    if is_key(value) or not jnp.issubdtype(jnp.result_type(value), jnp.inexact):
        return 0.0
    data = np.abs(np.asarray(value).astype(complex))
    return float(np.max(data[np.isfinite(data)], initial=0.0))


@pytest.mark.many(12)
@pytest.mark.parametrize("name", names())
def test_every_step_is_what_jax_makes_of_the_midpoints(name):
    call, x = of_arrays(name)
    JaxProgram(call, hooks=(shadow,)).value(balls(*x))


COMPLEX = {
    "dot": lambda z: z @ jnp.conj(z),
    "solve": lambda z: jnp.linalg.solve(jnp.outer(z, z) + jnp.diag(z + 3), z),
    "functions": lambda z: jnp.exp(z) * jnp.sin(z) / jnp.sqrt(z) + jnp.log(z) ** 3 + z**-2,
    "parts": lambda z: jnp.real(z) * jnp.imag(z) + jnp.abs(z) + jnp.sign(z),
    "sums": lambda z: jnp.cumsum(z) * jnp.prod(z) + jnp.fft.fft(z) + jnp.fft.ifft(z**2),
    "cholesky": lambda z: jnp.linalg.cholesky(jnp.outer(z, jnp.conj(z)) + 3 * jnp.eye(3)),
}


@pytest.mark.many(2)
@pytest.mark.parametrize("name", COMPLEX)
def test_complex_steps_are_those_of_jax(name):
    x, y = np.array([0.3, -0.7, 1.1]), np.array([0.5, 0.2, -0.4])

    def function(a, b):
        made = COMPLEX[name](a + 1j * b)
        return [jnp.real(made), jnp.imag(made)]

    got = JaxProgram(function, hooks=(shadow,)).value(balls(x, y))
    assert close(floats(got), function(x, y))


def test_complex_arrays_go_in_and_out():
    z = np.array([0.3 + 0.5j, -0.7 + 0.2j])
    from xgrad.programs.constants import exact_array

    (made,) = JaxProgram(lambda z: jnp.exp(z) * z).value([exact_array(z)])
    assert np.allclose([complex(a) for a in made], np.exp(z) * z, rtol=1e-14)


ODDITIES = {
    "reduce": lambda x: lax.reduce(x, 1.0, lambda a, b: a * b + a, (0,)),
    "window of products": lambda x: lax.reduce_window(x, 1.0, lax.mul, (2, 2), (1, 1), "VALID"),
    "window of least": lambda x: lax.reduce_window(x, jnp.inf, lax.min, (2, 2), (1, 1), "SAME"),
    "dilated window": lambda x: lax.reduce_window(
        x, 0.0, lax.add, (2, 2), (1, 1), ((1, 1), (0, 0)), base_dilation=(2, 1)
    ),
    "negative padding": lambda x: lax.pad(x, x[0, 0] / 2, [(-1, 2, 1), (1, -1, 0)]),
    "filled gather": lambda x: (
        jnp.asarray(x[0]).at[jnp.array([0, 9])].get(mode="fill", fill_value=0.5)
    ),
    "clipped gather": lambda x: jnp.asarray(x[0]).at[jnp.array([0, 9])].get(mode="clip"),
    "dropped scatter": lambda x: jnp.asarray(x[0]).at[jnp.array([0, 9])].add(2.0, mode="drop"),
    "block": lambda x: lax.dynamic_update_slice(x, x[:2, :2] ** 2, (jnp.argmax(x[0]), 5)),
    "reverse scan": lambda x: lax.scan(lambda c, a: (c * a + jnp.sin(c), c), x[0], x, reverse=True),
    "empty scan": lambda x: lax.scan(lambda c, a: (c + a, c), x[0], x[:0]),
    "while": lambda x: lax.while_loop(lambda c: jnp.sum(c) < 9.0, lambda c: c * 2 + 1, x),
    "while in a batch": lambda x: jax.vmap(
        lambda r: lax.while_loop(lambda c: jnp.sum(c) < 9.0, lambda c: c * 2 + 1, r)
    )(x),
    "branch beyond": lambda x: lax.switch(7, [jnp.sin, jnp.cos], x),
    "sort by key": lambda x: lax.sort((x[0], x[1]), num_keys=1)[1],
    "argsort": lambda x: x[1][jnp.argsort(x[0])],
    "integers": lambda x: x * (jnp.round(x * 3).astype(int) // 2) + jnp.arange(4) % 3,
    "booleans": lambda x: jnp.where(x.astype(bool) & jnp.isfinite(x), x, 0.0),
    "remainder": lambda x: jnp.remainder(x * 7, 1.3) + lax.rem(x * 7, 1.3),
    "rounding": lambda x: jnp.floor(x) + jnp.ceil(x) + lax.round(x * 2 + 0.5) + jnp.round(x * 2),
    "powers": lambda x: jnp.cbrt(x) + jnp.exp2(x) + jnp.abs(x) ** 1.7 + x**3 + (x * 0) ** 0,
    "reflections": lambda x: lax.linalg.householder_product(x.T, x[0, :3]),
    "ragged products": lambda x: lax.ragged_dot(
        x, jnp.stack([x.T, 2 * x.T]), jnp.array([2, 1], dtype=jnp.int32)
    ),
    "lu": lambda x: jax.scipy.linalg.lu(x[:, :3])[1:],
    "permutation": lambda x: jax.random.permutation(jax.random.key(1), x),
    "barrier": lambda x: lax.optimization_barrier(lax.reduce_precision(x, 11, 52)),
    "named": lambda x: checkpoint_name(x, "x"),
}


@pytest.mark.slow
def test_a_sample_of_gamma_is_that_of_the_midpoint():
    x = np.array([0.7, 2.5])

    def function(x):
        return jax.random.gamma(jax.random.key(0), x)

    assert close(floats(JaxProgram(function).value(balls(x))), [function(x)])


@pytest.mark.many
@pytest.mark.parametrize("name", ODDITIES)
def test_a_program_computes_what_jax_computes(name):
    x = np.random.default_rng(2).normal(size=(3, 4))
    got = JaxProgram(ODDITIES[name]).value(balls(x))
    assert close(floats(got), jax.tree.leaves(ODDITIES[name](x)))


INFINITE = {
    "1/0": lambda x: 1 / x,
    "log 0": jnp.log,
    "atanh": lambda x: jnp.arctanh(x + 1),
    "masked": lambda x: jax.nn.softmax(jnp.where(jnp.arange(3) < 2, x, -jnp.inf)),
    "lowest": lambda x: jax.nn.softmax(jnp.where(jnp.arange(3) < 2, x, jnp.finfo(float).min)),
    "0 · inf": lambda x: x * jnp.inf,
    "power": lambda x: x**-2.0,
}


@pytest.mark.parametrize("name", INFINITE)
def test_infinities_are_those_of_jax(name):
    x = jnp.array([0.0, 0.0, -2.0 if name == "log 0" else 0.0])
    (got,) = floats(JaxProgram(INFINITE[name]).value(balls(x)))
    assert np.array_equal(got, INFINITE[name](x), equal_nan=True) or close(
        [got], [INFINITE[name](x)]
    )


# --- the walk ------------------------------------------------------------------------------------


def test_a_primitive_without_a_rule_is_named_where_it_is_reached():
    def function(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return lax.cond(x[0] > 0, jnp.sin, lambda x: jax.pure_callback(np.sin, shape, x), x)

    program = JaxProgram(function)
    assert close(floats(program.value(balls([0.5]))), [np.sin([0.5])])
    with pytest.raises(NoBallRule, match="primitive pure_callback"):
        program.value(balls([-0.5]))


def test_steps_that_nothing_needs_are_left_out():
    def function(x):
        jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
        carry, _ = lax.scan(lambda c, a: (c + a, jnp.exp(a)), 0.0, x)
        return carry

    tape = Tape()
    JaxProgram(function, hooks=(tape,)).value(balls([0.5, 0.25]))
    operations = {node.operation for node in tape.nodes}
    assert {"add", "scan"} <= operations
    assert not operations & {"exp", "pure_callback"}


def test_a_program_is_traced_once_for_each_shape():
    calls = []

    def function(x):
        calls.append(x.shape)
        return x * 2

    program = JaxProgram(function)
    for x in ([1.0], [2.0], [1.0, 2.0]):
        program.value(balls(x))
    assert calls == [(1,), (2,)]


def test_the_precision_is_that_of_the_context():
    program = JaxProgram(lambda x: jnp.exp(x) * jnp.pi)
    for bits in (128, 512):
        with precision(bits):
            (made,) = program.value(balls(1.0))
            assert made.item().rel_accuracy_bits() > bits - 10


def test_work_is_charged_to_the_budget():
    program = JaxProgram(lambda x: lax.fori_loop(0, 10_000, lambda i, y: jnp.sin(y), x))
    with pytest.raises(BudgetExceeded), budget(seconds=0.01, gigabytes=1.0):
        program.value(balls([0.5]))


def test_constants_are_read_as_what_they_were_rounded_from():
    from xgrad.programs.constants import recognised_constants

    program = JaxProgram(lambda x: x * np.sqrt(2 / np.pi) * (1 / 3))
    exact = (2 / arb.pi()).sqrt() / 3
    (plain,) = program.value(balls(1.0))
    with recognised_constants():
        (meant,) = program.value(balls(1.0))
    assert 1e-18 < abs(float(plain.item() - exact)) < 1e-15
    assert abs(float(meant.item() - exact)) < 1e-70


def test_a_rule_is_found_by_name_and_by_whether_floats_take_part():
    jaxpr = jax.make_jaxpr(lambda x, i: (x + 1.0, i + 1, x[None], jnp.sort(x)))(
        np.ones(1), np.ones(1, dtype=int)
    )
    kinds = [rule_of(eqn)[0] for eqn in jaxpr.jaxpr.eqns]
    assert kinds == ["arithmetic", "whole", "movement", "control"], jaxpr
    assert is_balls(balls(1.0)[0])


# --- derivatives ---------------------------------------------------------------------------------


def quartic(x, y):
    return jnp.sum(x**2 * jnp.sin(y)), jnp.tanh(x) * y


X, Y = np.array([0.3, -0.7]), np.array([1.1, 0.4])


def test_products_with_the_jacobian_are_those_of_jax():
    program, v, w = JaxProgram(quartic), (X + 1, Y - 2), (np.array(0.7), X)
    _, pull = jax.vjp(quartic, X, Y)
    pushed = jax.jvp(quartic, (X, Y), v)[1]
    pulled = pull(tuple(map(jnp.asarray, w)))
    assert close(floats(program.vjp(balls(X, Y), balls(*w))), pulled)
    assert close(floats(program.vjp(balls(X, Y), lambda y: balls(*w))), pulled)
    assert close(floats(program.jvp(balls(X, Y), balls(*v))), pushed)


ORDERS = [f"{a} over {b}" for a in ("forward", "reverse") for b in ("forward", "reverse")]


@pytest.mark.parametrize("order", ORDERS)
def test_all_orders_of_two_transforms_make_one_second_derivative(order):
    w, v = (np.array(0.7), X), (X + 1, Y - 2)

    def weighed(x, y):
        return sum(jnp.sum(a * b) for a, b in zip(w, quartic(x, y), strict=True))

    expected = jax.jvp(jax.grad(weighed, (0, 1)), (X, Y), v)[1]
    got = JaxProgram(quartic).hvp(balls(X, Y), balls(*w), balls(*v), order=order)
    assert close(floats(got), expected)


def test_an_unknown_order_is_told_with_those_that_there_are():
    with pytest.raises(ValueError, match="known: forward over forward, forward over reverse"):
        JaxProgram(quartic).hvp(balls(X, Y), balls(1.0, X), balls(X, Y), order="sideways")


def test_stopped_values_stay_those_of_the_point():
    program = JaxProgram(lambda x: x * lax.stop_gradient(jnp.sin(x)))
    frozen = program.frozen_at(balls([0.5]))
    assert close(floats(frozen.value(balls([2.0]))), [2 * np.sin([0.5])])
    assert close(floats(program.value(balls([2.0]))), [2 * np.sin([2.0])])


def test_a_program_that_stops_other_values_elsewhere_says_so():
    def function(x):
        def stopped(x):
            return lax.stop_gradient(x)

        return lax.cond(x > 1, stopped, lambda x: x * 2, x)

    with pytest.raises(Escape, match="stops other gradients"):
        JaxProgram(function).frozen_at(balls(0.5)).value(balls(1.5))
