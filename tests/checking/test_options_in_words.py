"""Calls from Python: options are checked, and a wrong one names the nearest and the remedy."""

import inspect

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError

X = {"x": np.array([3.0, 4.0])}


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x))


CASE = xgrad.case(norm, name="length")
CASE.point("here")(lambda: X)
WRONG = {
    "a misspelt option": (lambda: xgrad.check(norm, X, dtype="float32"), "'dtype'.*'dtypes'"),
    "of run": (lambda: xgrad.run(CASE, method="x"), "unknown option of run 'method'.*'methods'"),
    "of an assertion": (lambda: xgrad.assert_agreement(norm, X, operator="x"), "'operators'"),
    "an array for a dict": (lambda: xgrad.check(norm, X["x"]), r"by name, \{'x': ...\}; got ndar"),
    "seconds for a budget": (lambda: xgrad.check(norm, X, budget=5), r"xgrad.Budget\(seconds=5\)"),
    "the same in run": (lambda: xgrad.run(CASE, budget=5), r"budget=5: give xgrad.Budget"),
    "an integer dtype": (lambda: xgrad.check(norm, X, dtypes=[np.int32]), "did you mean 'float32'"),
    "a number for a dtype": (lambda: xgrad.check(norm, X, dtypes=64), "unknown dtype"),
    "a misspelt dtype": (lambda: xgrad.check(norm, X, dtypes="float23"), "'float32'"),
    "a number of methods": (lambda: xgrad.check(norm, X, methods=3), "methods=3: give a name"),
    "a number of wrt": (lambda: xgrad.check(norm, X, wrt=0), "wrt=0: give a name"),
    "a seed in words": (lambda: xgrad.check(norm, X, seed="a"), "seed='a': give a whole number"),
    "no inputs": (lambda: xgrad.check(norm), "missing a required argument: 'inputs'"),
    "no function": (lambda: xgrad.check(X, X), "dict is no function"),
    "a formula's value": (lambda: xgrad.check(norm, X, formula=X["x"]), "formula=.*give a funct"),
    "a case": (lambda: xgrad.check(CASE, X), r"length is a case: xgrad.run\(length\)"),
    "a function to run": (lambda: xgrad.run(norm), r"xgrad.check\(function, inputs\)"),
    "sizes of a function": (lambda: xgrad.assert_agreement(norm, X, sizes="s"), "with a case"),
    "wrt of a case": (lambda: xgrad.assert_agreement(CASE, wrt="x"), "wrt= goes with check"),
    "workers": (lambda: xgrad.run(CASE, workers="two"), "workers='two': give a number"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_option_is_told_in_words(what):
    action, message = WRONG[what]
    with pytest.raises(UsageError, match=message):
        action()


def names_of_float32():
    import jax.numpy as jnp
    import torch

    named = ("float32", ["float32"], np.float32, [np.dtype("float32")])
    return [*named, torch.float32, jnp.float32, (torch.float32,)]


@pytest.mark.parametrize("k", range(7))
def test_dtypes_may_be_those_of_the_libraries(k):
    dtypes = names_of_float32()[k]
    for frame in (
        xgrad.check(norm, X, dtypes=dtypes, methods="torch.reverse"),
        xgrad.run(CASE, dtypes=dtypes, methods="torch.reverse", devices="cpu"),
    ):
        assert list(frame["dtype"]) == ["float32"]


@pytest.mark.parametrize("function", [xgrad.check, xgrad.assert_agreement, xgrad.run])
def test_editors_see_every_option(function):
    kinds = {p.kind for p in inspect.signature(function).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert {"operators", "dtypes", "methods", "budget"} <= set(
        inspect.signature(function).parameters
    )
