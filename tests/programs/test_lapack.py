"""Vectors of factorisations in balls have LAPACK's signs, and results may have its errors."""

import pytest
import torch

import xgrad
from xgrad.table import records


def rotation(e):
    """Of an essential matrix: it changes where a pair of singular vectors changes its sign."""
    u, _, vh = torch.linalg.svd(e)
    w = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=e.dtype)
    sign = torch.where(torch.det(u) < 0, -1.0, 1.0) * torch.tensor([0.0, 0.0, 1.0]) + 1.0
    return (u * sign) @ w @ vh


def eigenvectors(e):
    """Cubes, which keep the signs."""
    return torch.linalg.eigh(e + e.mT)[1] ** 3


class Nearly(torch.autograd.Function):
    """The same matrix, with a gradient that is a little off."""

    @staticmethod
    def forward(ctx, e):
        return e.clone()

    @staticmethod
    def backward(ctx, g):
        return g * (1 + 1e-9)


def judged(function, e):
    (row,) = records(xgrad.check(function, (e,), methods="torch.reverse"))
    return row


@pytest.mark.parametrize("function", [rotation, eigenvectors])
@pytest.mark.parametrize("seed", [0, 1, 39, 167])  # the last two had more than was allowed
def test_vectors_are_certified_whatever_their_signs(function, seed):
    e = torch.rand(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    row = judged(function, e)
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    assert judged(lambda e: function(Nearly.apply(e)), e)["verdict"] == "disagrees"


def test_a_null_vector_changes_its_sign_where_a_singular_value_is_zero():
    def point(shift):  # as triangulation has it, with a guard that tells the two signs apart
        rows = torch.tensor([[-1.0, 0.0, 0.97], [0.0, -1.0, 0.7], [-1.0, 0.0, 0.46],
                             [0.0, -1.0, 0.92]], dtype=torch.float64)  # fmt: skip
        v = torch.linalg.svd(torch.cat([rows, shift[:, None]], 1))[2][-1]
        return v[:3] / (v[3] + 1e-8)

    row = judged(point, torch.zeros(4, dtype=torch.float64))
    assert row["verdict"] == "convention", row["message"]
