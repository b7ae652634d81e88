"""Whose errors say that there is no rule, and whose are a mistake of ours."""

import jax
import pytest
import torch

from xgrad.programs import NoBallRule, refuses


def closed_over(x):
    """A custom rule that knows nothing of a value from around it."""

    @jax.custom_vjp
    def scaled(y):
        return x * y

    scaled.defvjp(lambda y: (x * y, None), lambda kept, w: (w,))
    return scaled(2.0)


RAISING = {
    "a custom rule of JAX": lambda: jax.grad(closed_over)(1.0),
    "an operation of torch": lambda: torch.ones(2).add_(1, out=torch.ones(3)),
    "an error class of torch": lambda: torch.linalg.cholesky(-torch.eye(2)),
    "balls": lambda: (_ for _ in ()).throw(NoBallRule("sinh")),
}


def error_of(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", RAISING)
def test_frameworks_refuse(name):
    assert refuses(error_of(RAISING[name]))


@pytest.mark.parametrize("error", [KeyError("k"), AttributeError("a"), AssertionError()])
def test_mistakes_of_ours_go_on(error):
    assert not refuses(error)
