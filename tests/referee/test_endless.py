"""Where a gradient is NaN and should not be, the rule that first made it so is named."""

import jax
import jax.numpy as jnp
import pytest
import torch

import xgrad
from xgrad.table import records

AT = [1.0, -2.0, 0.5]


def backward(function, x):
    """The row of reverse mode, in float64."""
    kind = "jax" if isinstance(x, jax.Array) else "torch"
    (row,) = records(xgrad.check(function, x, methods=f"{kind}.reverse", dtypes="float64"))
    return row


def masked(x):
    return torch.where(x > 0, x.sqrt(), 0 * x).sum()


def made_safe(x):
    return torch.where(x > 0, torch.where(x > 0, x, 1.0).sqrt(), 0 * x).sum()


def at_no_distance(x):
    return torch.sqrt((x - x).square().sum()) + x.sum()


class Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g + 0 * g / (x - x)


def custom(x):
    return Inverse.apply(x.sin()).exp().sum()


def masked_in_jax(x):
    return jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0 * x))


def made_safe_in_jax(x):
    return jnp.sum(jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0 * x))


def at_no_distance_in_jax(x):
    return jnp.sqrt(jnp.sum((x - x) ** 2)) + jnp.sum(x)


FIRST = {
    masked: ("`aten.sqrt (SqrtBackward0)`", "first input (self) is NaN or infinite at 1 of 3"),
    custom: ("`Inverse.backward`", "first input (x) is NaN or infinite at 3 of 3 elements"),
    at_no_distance: ("`aten.sqrt (SqrtBackward0)`", "first input (self) is NaN or infinite"),
    at_no_distance_in_jax: ("`sqrt`", "first input is NaN or infinite"),
    masked_in_jax: ("`sqrt`", "first input is NaN or infinite at 1 of 3 elements"),
}


@pytest.mark.parametrize("function", FIRST)
def test_the_rule_is_named_with_its_line_and_its_input(function):
    with jax.enable_x64(True):
        row = backward(function, (jnp.array if "jax" in function.__name__ else tensor)(AT))
    name, said = FIRST[function]
    assert row["verdict"] == "disagrees"
    assert row["message"].startswith(f"{name}, called at {__file__.rpartition('/')[2]}:")
    assert said in row["message"]


def test_what_a_mask_leaves_out_is_told_with_the_remedy():
    assert "where its result is left out: 0 times infinity is NaN" in backward(
        masked, tensor(AT)
    )["message"]  # fmt: skip
    assert "left out" not in backward(custom, tensor(AT))["message"]


@pytest.mark.parametrize("function", [made_safe, made_safe_in_jax])
def test_its_right_twin_agrees_and_nothing_is_named(function):
    with jax.enable_x64(True):
        row = backward(function, (jnp.array if "jax" in function.__name__ else tensor)(AT))
    assert row["verdict"] == "agrees"
    assert "NaN" not in row["message"]


def test_what_stays_behind_a_mask_is_not_named():
    """A rule makes an infinity, `where` drops it, and another makes the NaN that arrives."""

    def function(x):
        dropped = Inverse.apply(x.detach().requires_grad_()).sum()  # not of x
        return masked(x) + 0 * dropped.detach()

    message = backward(function, tensor(AT))["message"]
    assert "aten.sqrt" in message
    assert "Inverse" not in message


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)
