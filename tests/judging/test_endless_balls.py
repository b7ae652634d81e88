"""A ball that reaches everywhere agrees with nothing, and is no sample of noise."""

import numpy as np
import pytest

import xgrad
from xgrad.numbers import ball, midpoint
from xgrad.table import records

torch = pytest.importorskip("torch")
flint = pytest.importorskip("flint")
ENDLESS = flint.arb("[+/- inf]")


def test_its_midpoint_is_no_number():
    made = midpoint(ball(np.array([ENDLESS, 1 + ENDLESS, flint.arb("inf"), flint.arb(2)])))
    assert np.array_equal(made, [np.nan, np.nan, np.inf, 2.0], equal_nan=True)
    parts = midpoint(ball(np.array([flint.acb(1, ENDLESS), flint.acb(1, 2)])))
    assert np.isnan(parts[0])
    assert parts[1] == 1 + 2j


X = torch.tensor([1000.0, -8.6, -6.1, -6.7, -8.0], dtype=torch.float64)


@pytest.mark.parametrize("largest", [1e3, 1e4])
def test_digits_lost_where_the_truth_has_none_are_no_mistake(largest):
    """logcumsumexp's second derivative is e⁻¹⁰⁰⁰, and torch adds and subtracts 1000."""
    x = torch.cat([torch.tensor([largest], dtype=torch.float64), X[1:]])
    asked = {"operators": "weighted_hvp", "methods": "torch.reverse"}
    (row,) = records(xgrad.check(lambda x: torch.logcumsumexp(x, 0), x, **asked))
    assert row["verdict"] == "inconclusive"


def test_rows_of_numbers_below_all_floats_are_told():
    x = torch.tensor([1231834.17, 1078753.86, 1466406.16], dtype=torch.float64)
    asked = {"operators": "weighted_hvp", "methods": "torch.reverse"}
    (row,) = records(xgrad.check(lambda x: torch.logsumexp(x, 0), x, **asked))
    assert (row["status"], row["verdict"]) == ("ok", "agrees")


@pytest.mark.parametrize(("slope", "verdict"), [(0.0, "agrees"), (1e-3, "disagrees")])
def test_a_slope_where_there_is_none_is_wrong(slope, verdict):
    class Flat(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.exp(-x.abs().exp())

        @staticmethod
        def backward(ctx, g):
            return slope * g

    x = torch.tensor([10.0, 9.0, -8.5], dtype=torch.float64)
    (row,) = records(xgrad.check(Flat.apply, x, operators="vjp", methods="torch.reverse"))
    assert row["verdict"] == verdict
