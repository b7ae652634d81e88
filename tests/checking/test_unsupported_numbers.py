"""Complex and sparse: refused in words that name the way out, never cast in silence."""

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import records

torch = pytest.importorskip("torch")
jnp = pytest.importorskip("jax.numpy")
P = torch.tensor([0.3, 0.9], dtype=torch.float64)
REVERSE = {"methods": "torch.reverse"}


def phase(right):
    class Phase(torch.autograd.Function):
        @staticmethod
        def forward(ctx, p):
            ctx.save_for_backward(p)
            return torch.exp(1j * p)

        @staticmethod
        def backward(ctx, g):
            (p,) = ctx.saved_tensors
            slope = 1j * torch.exp(1j * p)
            return (g * (slope.conj() if right else slope)).real

    return Phase.apply


@pytest.mark.parametrize("right", [True, False])
def test_a_complex_value_is_refused_and_judged_as_pairs(right):
    (row,) = records(xgrad.check(phase(right), P, **REVERSE, invariances=()))
    assert (row["status"], row["verdict"]) == ("error", "")
    assert "Phase returns complex128" in row["message"]
    assert "torch.view_as_real" in row["message"]
    frame = xgrad.check(lambda p: torch.view_as_real(phase(right)(p)), P, **REVERSE)
    assert set(frame["verdict"]) == {"agrees" if right else "disagrees"}


def test_a_complex_part_of_several_values_is_not_dropped():
    (row,) = records(xgrad.check(lambda p: (p, phase(False)(p)), P, **REVERSE, invariances=()))
    assert "returns complex128" in row["message"]
    with pytest.raises(AssertionError, match="pairs of reals"):
        xgrad.assert_agreement(phase(False), P)


@pytest.mark.parametrize("wrt", [None, "z"])
def test_complex_inputs_are_refused_with_the_way_out(wrt):
    z = torch.tensor([3 + 4j, 1 - 2j])
    with pytest.raises(UsageError, match=r"z is complex64.*view_as_complex"):
        xgrad.check(lambda z: (z.abs() ** 2).sum(), z, wrt=wrt)
    with pytest.raises(UsageError, match=r"z is complex64.*jnp.stack"):
        xgrad.check(lambda z: jnp.sum(jnp.abs(z) ** 2), jnp.array([3 + 4j]), wrt=wrt)
    with pytest.raises(UsageError, match=r"x is complex .complex128.*two inputs"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": np.array([1j])})


def test_complex_numbers_that_are_not_differentiated_are_named():
    w = torch.tensor([1 + 2j, 0.5], dtype=torch.complex128)
    (row,) = records(
        xgrad.check(lambda x, w: (w * x).abs().sum(), (P, w), **REVERSE, invariances=())
    )
    assert row["verdict"] == "agrees"
    assert "not differentiated: w (complex128)" in row["message"]
    with pytest.raises(UsageError, match="w is complex128"):
        xgrad.check(lambda x, w: (w * x).abs().sum(), (P, w.requires_grad_()))


def test_sparse_arguments_and_values_are_refused_in_words():
    import scipy.sparse

    coo = torch.eye(2, dtype=torch.float64).to_sparse()
    for sparse in (coo, scipy.sparse.eye_array(2)):
        with pytest.raises(UsageError, match=r"s is sparse.*make it sparse inside"):
            xgrad.check(lambda s, x: x.sum(), (sparse, P))
    with pytest.raises(UsageError, match="x is sparse"):
        xgrad.check(lambda xp, x: xp.sum(x), {"x": scipy.sparse.eye_array(2)})
    (row,) = records(xgrad.check(lambda x: x.to_sparse(), P, **REVERSE, invariances=()))
    assert "to_dense" in row["message"]
