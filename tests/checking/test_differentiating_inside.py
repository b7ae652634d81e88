"""Torch functions that differentiate, or hook into the tape, themselves: as users call them."""

import pytest

torch = pytest.importorskip("torch")  # before what needs it
# ruff: noqa: E402
import xgrad
from xgrad.table import records

X = torch.linspace(0.3, 1.1, 4, dtype=torch.float64).requires_grad_()


def residual(x, keep=True):
    """Σ (u′ − u)² of u = sin x², as a network that solves an equation has it."""
    u = torch.sin(x * x)
    (slope,) = torch.autograd.grad(u.sum(), x, retain_graph=True, create_graph=keep)
    return ((slope - u) ** 2).sum()


def hooked(x, factor=1.0):
    y = x * x
    y.register_hook(lambda g: g * factor)
    return y.sin().sum()


def verdicts(function, **options):
    return {r["technique"]: r["verdict"] for r in records(xgrad.check(function, X, **options))}


@pytest.mark.parametrize("function", [residual, hooked])
def test_it_is_judged_as_any_other(function):
    found = verdicts(function)
    assert {"reverse", "forward"} <= set(found)
    assert set(found.values()) == {"agrees"}


def test_a_slope_that_is_cut_off_the_tape_is_wrong():
    found = verdicts(lambda x: residual(x, keep=False), methods="torch.reverse")
    assert found == {"reverse": "disagrees"}


def test_a_hook_that_changes_a_gradient_is_wrong_and_named():
    (row,) = records(xgrad.check(lambda x: hooked(x, 1 + 1e-9), X, methods="torch.reverse"))
    assert row["verdict"] == "disagrees"
    assert "hook on the result of aten.mul" in row["message"]


def test_a_transform_that_holds_the_tensors_is_not_cut_off():
    """A leaf in its place would make the derivative zero: it fails as torch fails, or is right."""
    found = verdicts(residual, methods="torch.reverse:func")
    assert set(found.values()) <= {"agrees", ""}


def test_an_error_of_another_kind_is_told_as_it_is():
    def fails(x):
        raise RuntimeError("the grid requires gradually finer cells")

    (row,) = records(xgrad.check(fails, X))
    assert "gradually finer cells" in row["message"]
