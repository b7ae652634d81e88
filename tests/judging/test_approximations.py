"""A program that approximates has two right derivatives: its rule's, and that of what it runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xgrad

TERMS = np.array([1 / float(np.prod(np.arange(1.0, k + 1))) for k in range(18)])


def exponential(slope):
    """exp by a polynomial of degree 17, with exp times a factor as its rule."""

    @jax.custom_jvp
    def f(x):
        return jnp.polyval(jnp.asarray(TERMS[::-1]), x)

    f.defjvps(lambda g, ans, x: g * jnp.exp(x) * slope)
    return f


@pytest.mark.parametrize(
    ("slope", "verdicts"),
    [(1.0, {"agrees", "inconclusive"}), (1 + 1e-11, {"disagrees"}), (1 - 1e-9, {"disagrees"})],
)  # fmt: skip
def test_no_further_off_than_the_approximation_is_no_accusation_and_further_is(slope, verdicts):
    with jax.enable_x64(True):
        x = jnp.array([1.3, 0.7, 1.1])
        row = xgrad.check(exponential(slope), x, operators=["vjp"], methods="jax.reverse").iloc[0]
    assert row["verdict"] in verdicts, row["message"]


def test_what_the_approximation_leaves_is_told():
    with jax.enable_x64(True):
        x = jnp.array([1.3, 0.7, 1.1])
        row = xgrad.check(exponential(1.0), x, operators=["vjp"], methods="jax.reverse").iloc[0]
    assert row["verdict"] == "inconclusive"
    assert row["rule"] == "between two derivatives"
    assert "approximation to float64" in row["message"]
