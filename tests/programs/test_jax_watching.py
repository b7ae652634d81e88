"""What watches the walk over a jaxpr: a tape, and rounding as a dtype would have it."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp
from jax import lax
from jax_balls import balls, close, floats
from jax_examples import of_arrays

from xgrad.numbers import Ball, midpoint, precision
from xgrad.programs.jax import JaxProgram, Rounding, Tape


@pytest.fixture(autouse=True)
def in_many_bits():
    with precision(256), jax.enable_x64(True):
        yield


def test_a_tape_tells_operation_values_and_the_line_of_the_source():
    def function(x):
        return lax.scan(lambda c, a: (c + jnp.sin(a), None), 0.0, x)[0]  # this line

    tape = Tape()
    JaxProgram(function, hooks=(tape,)).value(balls([0.5, 0.25]))
    sines = [node for node in tape.nodes if node.operation == "sin"]
    assert len(sines) == 2
    assert close(floats([a for n in sines for a in n.results]), [np.sin(0.5), np.sin(0.25)])
    assert "test_jax_watching.py" in sines[0].where
    adds = [node for node in tape.nodes if node.operation == "add"]
    assert adds[0].operands[1] is sines[0].results[0]


@pytest.mark.parametrize(("dtype", "unit"), [("float64", 2.0**-53), ("float32", 2.0**-24)])
def test_rounding_moves_results_by_units_of_the_dtype(dtype, unit):
    x = np.random.default_rng(0).normal(size=100)
    plain = JaxProgram(lambda x: jnp.sin(x) * 0.1)
    (exact,) = plain.value(balls(x))
    spread = []
    for seed in range(8):
        rounding = Rounding(dtype, seed)
        (made,) = JaxProgram(plain.function, rounding=rounding).value(balls(x))
        spread.append(midpoint(Ball(made - exact)) / midpoint(Ball(exact)) / unit)
    assert 0.5 < np.max(np.abs(spread)) < 3.0
    assert np.abs(np.mean(spread)) < 0.2


ROUNDED = [
    "attention",
    "average_pool",
    "eigenvectors",
    "lstm",
    "scattered",
    "power_spectrum",
    "solve",
]


@pytest.mark.parametrize("name", ROUNDED)
def test_a_gradient_rounded_at_random_is_off_by_rounding(name):
    call, x = of_arrays(name)
    program = JaxProgram(call)
    w = balls(*(np.ones(y.shape) for y in program.value(balls(*x))))
    exact = program.vjp(balls(*x), w)
    moved = JaxProgram(call, rounding=Rounding("float64", 1)).vjp(balls(*x), w)
    gaps = [np.max(np.abs(a - b)) for a, b in zip(floats(exact), floats(moved), strict=True)]
    assert 1e-18 < max(gaps) < 1e-12


def test_sums_that_cancel_are_rounded_in_the_scale_of_their_terms():
    x = np.array([1e8, 1.0, -1e8])
    (made,) = JaxProgram(jnp.sum, rounding=Rounding("float64", 1)).value(balls(x))
    assert 1e-10 < abs(float(made.item()) - 1.0) < 1e-6


def test_infinities_are_not_rounded():
    def function(x):
        return jnp.max(jnp.where(x > 0, x, -jnp.inf) * 2.0), jnp.exp(-1 / (x - x))

    rounding = Rounding("float64", 1)
    largest, none = floats(JaxProgram(function, rounding=rounding).value(balls([0.5, -0.5])))
    assert largest == pytest.approx(1.0)
    assert np.all((none == 0.0) | (none == np.inf))


def test_movement_and_order_are_not_rounded():
    x = np.array([0.3, -0.7, 0.5])
    (made,) = JaxProgram(
        lambda x: jnp.sort(-x)[::-1].reshape(3, 1), rounding=Rounding("float32", 1)
    ).value(balls(x))
    assert made[1, 0].is_exact()


def test_routines_of_linear_algebra_are_rounded_by_their_operands():
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    (made,) = JaxProgram(jnp.linalg.cholesky, rounding=Rounding("float32", 1)).value(balls(a))
    gap = np.max(np.abs(midpoint(Ball(made)) - np.linalg.cholesky(a)))
    assert 1e-9 < gap < 1e-5


def test_what_is_watched_costs_nothing_when_nobody_watches():
    program = JaxProgram(jnp.sin)
    assert program.hooks == ()
    assert program.rounding is None
