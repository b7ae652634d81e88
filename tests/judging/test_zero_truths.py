"""A truth of zero has no size of its own: what is known too badly beside it is no agreement."""

import numpy as np
import pytest

import xgrad

torch = pytest.importorskip("torch")

ONES = torch.ones(2, 3, dtype=torch.float64)


def steps(a):
    """1, 2, 3, … where a is 1, and 0 beside it: no slope, and differences of any size."""
    return (a == 1.0) * np.arange(1.0, 1 + a.size).reshape(a.shape)


def threes(a):
    return np.full(a.shape, 3.0)


def judged(value, slope):
    """A function that leaves torch, so that differences in floats are all the evidence."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.from_numpy(value(x.detach().numpy()))

        @staticmethod
        def backward(ctx, g):
            return g * slope

    options = {"operators": "vjp", "methods": "torch.reverse", "dtypes": "float64"}
    return xgrad.check(Own.apply, ONES, **options).iloc[0]


@pytest.mark.parametrize("slope", [0.0, 1e-8, 1.0, 500.0])
def test_where_differences_jump_nothing_agrees(slope):
    row = judged(steps, slope)
    assert (row["verdict"], row["want"]) == ("inconclusive", 0.0)


def test_a_constant_function_has_no_slope():
    assert judged(threes, 0.0)["verdict"] == "agrees"


@pytest.mark.parametrize("slope", [1e-11, 1.0])
def test_a_slope_of_a_constant_function_does_not_agree(slope):
    assert judged(threes, slope)["verdict"] != "agrees"
