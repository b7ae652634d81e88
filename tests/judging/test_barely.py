"""A result barely beyond what samples of rounding allow is not accused, a little further it is."""

import numpy as np
import pytest
import torch

import xgrad
from xgrad.table import records


def squares(xp, x):
    """Σz² of z = (x + 1e6) − 1e6, which keeps nine digits of x."""
    z = (x + 1e6) - 1e6
    return xp.sum(z * z)


def row_of(off):
    """The row of an implementation in torch whose gradient is off by so much."""

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x * x).sum()

        @staticmethod
        def backward(ctx, g):
            return g * (2 * ctx.saved_tensors[0] + off)

    case = xgrad.case(squares, wrt="x", name="squares")
    case.inputs(lambda rng: {"x": np.array([0.7])})
    case.formula("gradient")(lambda xp, x: 2 * ((x + 1e6) - 1e6))
    case.implementation("torch", name="own")(Squares.apply)
    chosen = {"methods": "torch.reverse:own", "dtypes": "float64", "operators": "gradient"}
    (row,) = records(xgrad.run([case], **chosen))
    return row


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.5, "agrees"), (1.5, "inconclusive"), (3.0, "disagrees")]
)
def test_one_and_a_half_tolerances_of_sampled_noise_are_no_proof_and_three_are(share, verdict):
    tolerance = row_of(0.0)["tolerance"]
    assert tolerance > 1e-11
    row = row_of(share * tolerance)
    assert row["verdict"] == verdict, row["message"]
    if verdict == "inconclusive":
        assert row["rule"] == "barely beyond"
        assert (
            "x[0] is beyond what samples of rounding allow by a factor of 1.5 only"
            in row["message"]
        )
