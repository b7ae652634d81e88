"""The dtype that was given is judged, and float64 beside it where the function runs in it."""

import numpy as np
import pytest

import xgrad

torch = pytest.importorskip("torch")
jnp = pytest.importorskip("jax.numpy")
LONG = torch.linspace(0.1, 1, 4, dtype=torch.float64)


def test_float64_is_judged_alone_and_float32_beside_float64():
    assert list(xgrad.check(torch.exp, LONG, methods="torch.reverse")["dtype"]) == ["float64"]
    frame = xgrad.check(torch.exp, LONG.float(), methods="torch.reverse")
    assert list(frame["dtype"]) == ["float32", "float64"]


@pytest.mark.parametrize(("given", "judged"), [("float64", 1), ("float32", 2), ("float16", 2)])
def test_the_same_of_mathematics(given, judged):
    inputs = {"x": np.array([0.5, 1.0], dtype=given)}
    frame = xgrad.check(lambda xp, x: xp.sum(x * x), inputs, methods="torch.reverse")
    assert list(frame["dtype"]) == [given, "float64"][:judged]


def test_a_float32_module_that_is_closed_over_is_judged_in_float32_and_that_is_said():
    layer = torch.nn.Linear(4, 1)
    frame = xgrad.check(lambda x: layer(x).tanh(), LONG.float(), methods="torch.reverse")
    assert list(frame["dtype"]) == ["float32"]
    assert "judged in float32 alone, float64 cannot be run: RuntimeError" in frame["message"][0]
    assert "error" not in set(frame["status"])


def test_a_result_that_stays_short_is_no_witness():
    frame = xgrad.check(lambda x: x.float().exp(), LONG.float(), methods="torch.reverse")
    assert "its value is float32 there" in frame["message"][0]


def test_a_float64_matrix_that_is_closed_over_needs_no_float32():
    matrix = torch.randn(3, 4, dtype=torch.float64)
    xgrad.assert_agreement(lambda x: torch.tanh(matrix @ x), LONG)


def test_what_was_named_is_what_runs():
    layer = torch.nn.Linear(4, 1)
    options = {"dtypes": "float64", "methods": "torch.reverse"}
    frame = xgrad.check(lambda x: layer(x), LONG.float(), **options)
    assert set(frame["status"]) == {"error"}


def test_constants_of_jax_are_no_wider_for_our_64_bits():
    import jax

    def scaled(x):
        return jnp.sum(x**2) * jax.random.uniform(jax.random.key(0))

    frame = xgrad.check(scaled, jnp.ones(2), methods="jax.*", dtypes="float32")
    assert set(frame["verdict"]) == {"agrees"}


def test_a_value_of_more_digits_than_its_inputs_is_judged_in_them():
    x = torch.tensor([0.5, 1.5], dtype=torch.float32)
    rows = xgrad.check(lambda x: torch.float_power(x, 2.5), x, dtypes="float32")
    assert set(rows["verdict"]) == {"agrees"}
