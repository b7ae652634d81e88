"""Functions that compute in a shorter type than they are asked in: what they drop, and no more."""

import jax
import numpy as np
import pytest
import torch

import xgrad
from xgrad.table import records


def judged(function, x):
    """The row of torch's reverse mode in float64."""
    chosen = {"methods": "torch.reverse", "dtypes": ("float64",), "invariances": ()}
    (row,) = records(xgrad.check(function, (x,), **chosen))
    return row


def cast(factor):
    """Σ of x³ taken in float32, whose backward pass is off by a factor."""

    class Cubes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return factor * 3 * g * ctx.saved_tensors[0] ** 2

    return lambda x: Cubes.apply(x.to(torch.float32)).double().sum()


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "unstable"), (1 + 1e-4, "disagrees"), (-1.0, "disagrees")]
)
def test_a_function_that_casts_loses_what_its_type_lacks_and_no_more(factor, verdict):
    x = torch.tensor([0.3, -1.7, 2.1], dtype=torch.float64)
    row = judged(cast(factor), x)
    assert row["verdict"] == verdict
    if verdict == "unstable":
        assert row["rule"] == "digits that the function drops"
        assert "the function computes in float32 at " in row["message"]


def scaled(factor):
    """The identity, whose derivative is off by a factor."""

    @jax.custom_jvp
    def same(x):
        return x

    same.defjvp(lambda x, v: (x[0], factor * v[0]))
    return same


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "unstable"), (1 + 1e-4, "disagrees")])
def test_what_cancels_in_the_shorter_type_is_set_beside_the_largest_element(factor, verdict):
    """JAX takes the softmax of its attention in float32."""
    rng, same = np.random.default_rng(5), scaled(factor)
    arrays = [np.round(2 * rng.uniform(0.1, 2.9, (1, 6, 1, 4))) / 2 for _ in range(3)]
    with jax.enable_x64(True):
        frame = xgrad.check(
            lambda q, k, v: jax.nn.dot_product_attention(same(q), same(k), v),
            arrays, operators="vjp", dtypes=("float64",), invariances=(),
        )  # fmt: skip
    assert set(frame["verdict"]) == {verdict}, list(frame["message"])
