"""Whole numbers of a JAX program: loops that count, and conversions rounded as JAX rounds them."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp

from xgrad.numbers import Ball, midpoint, precision
from xgrad.programs.jax import JaxProgram

ODD = np.array([2**24 + 1, 2**53 + 1, 257, -3])  # more bits than floats have


@pytest.fixture(autouse=True)
def in_many_bits():
    with precision(256), jax.enable_x64(True):
        yield


def value(function, x):
    program = JaxProgram(function)
    (made,) = program.value([program.lift(x)])
    return midpoint(Ball(made))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_whole_number_is_rounded_to_the_float_that_it_becomes(dtype):
    def function(x):
        n = jnp.asarray(ODD) + (x[0] > 0)  # not known before the program runs
        return x[0] * n.astype(dtype).astype(jnp.float64)

    x = np.array([1.0])
    assert np.array_equal(value(function, x), np.asarray(function(x)))


def test_a_loop_that_vmap_batches_stops_each_element_where_it_stops():
    def halvings(x):
        step = lambda carry: (carry[0] / 2, carry[1] + 1)  # noqa: E731
        small, count = jax.lax.while_loop(lambda carry: carry[0] > 1, step, (x, 0))
        return small * count

    x = np.array([0.5, 3.0, 40.0])
    assert np.allclose(value(jax.vmap(halvings), x), jax.vmap(halvings)(x), rtol=1e-15)
