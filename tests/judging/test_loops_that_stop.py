"""Functions that loop until a tolerance is met: rule and slope are approximations, both of them."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")  # before what needs it
# ruff: noqa: E402
import jax.numpy as jnp

import xgrad
from xgrad.table import records

X = np.array([0.3, 0.7, 1.1])
STOP = 1e-14


def series(x):
    """eˣ by its series, until the terms are small."""

    def add(carry):
        total, term, k = carry
        return total + term, term * x / k, k + 1

    return jax.lax.while_loop(lambda c: c[1] > STOP * c[0], add, (0 * x, 0 * x + 1, 1.0))[0]


def with_rule(function, mistake):
    """The function with a rule of its own, off by a share; the rule of eˣ is eˣ."""

    @jax.custom_jvp
    def made(x):
        return jax.vmap(function)(x)

    @made.defjvp
    def tangent(primals, tangents):
        y = made(*primals)
        return y, y * tangents[0] * (1 + mistake)

    return made


def row(function, mistake=0.0):
    """Of forward mode: JAX has no reverse mode of such loops."""
    with jax.enable_x64(True):
        rows = xgrad.check(
            with_rule(function, mistake), [jnp.asarray(X)], methods="jax.forward", operators="jvp"
        )
    (found,) = records(rows)
    return found


def test_a_right_rule_is_not_accused_of_what_the_slope_of_the_loop_leaves_out():
    found = row(series)
    assert found["verdict"] == "inconclusive"
    assert "a loop stops at a tolerance" in found["message"]


@pytest.mark.parametrize("mistake", [1e-3, 1e-9, 1e-12])
def test_a_rule_that_is_off_by_more_is_wrong(mistake):
    assert row(series, mistake)["verdict"] == "disagrees"


def test_without_such_a_loop_a_small_mistake_is_wrong_too():
    assert row(jnp.exp)["verdict"] == "agrees"
    assert row(jnp.exp, 1e-13)["verdict"] == "disagrees"


def test_a_loop_that_counts_is_no_such_loop():
    def powers(x):
        def body(c):
            return c[0] + 1, c[1] + c[2], c[2] * x / (c[0] + 1)

        return jax.lax.while_loop(lambda c: c[0] < 30, body, (0, 0 * x, 0 * x + 1))[1]

    assert row(powers)["verdict"] == "agrees"
    assert row(powers, 1e-13)["verdict"] == "disagrees"
