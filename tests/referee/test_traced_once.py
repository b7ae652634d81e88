"""How often a check of a JAX function traces its programs, and calls it in Python."""

from collections import Counter
from unittest import mock

import numpy as np
import pytest

import xgrad
from xgrad.table import records

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

X = np.array([0.3, -0.7, 1.2])


def counted(function):
    """The function, and the dtypes that it was called with."""
    calls = Counter()

    def f(x, y):
        calls[str(x.dtype)] += 1
        return function(x, y)

    return f, calls


@pytest.fixture
def traces():
    """How often each transform of a program in balls was traced."""
    found, real = Counter(), jax.make_jaxpr

    def make(function, *args, **options):
        found[getattr(getattr(function, "func", None), "__name__", "")] += 1
        return real(function, *args, **options)

    with mock.patch.object(jax, "make_jaxpr", make):
        yield found


def test_programs_in_balls_are_traced_once_whatever_is_asked(traces):
    f, calls = counted(lambda x, y: jnp.sum(jnp.tanh(x) * y))
    x = jnp.asarray(X, jnp.float32)
    operators = ("value", "gradient", "hvp", "hessian", "jvp")
    rows = records(xgrad.check(f, (x, x), operators=operators, dtypes=("float64", "float32")))
    assert {r["verdict"] for r in rows} == {"agrees"}
    assert {r["dtype"] for r in rows} == {"float32", "float64"}
    assert sum(calls.values()) < 100  # a method's own traces, of each operator and dtype
    once = ("_outputs", "_pulled", "_pushed", "_forward_over_reverse")
    assert {name: traces[name] for name in once} == dict.fromkeys(once, 1)


def test_points_nearby_need_no_trace(traces):
    """A cancelling sum whose noise is looked for at many other points."""
    f, calls = counted(lambda x, y: jnp.sum(jnp.exp(40 * x) - jnp.exp(40 * x) * (1 + 1e-12 * y)))
    records(xgrad.check(f, (X, X), dtypes="float64", operators="gradient"))
    plain, ordinary = counted(lambda x, y: jnp.sum(jnp.tanh(x) * y))
    records(xgrad.check(plain, (X, X), dtypes="float64", operators="gradient"))
    assert calls.total() <= 2 * ordinary.total()  # another method, and none of the many points
    assert traces["_outputs"] == traces["_pulled"] == 2  # of two functions


def test_other_arguments_are_another_function():
    """What is not differentiated is part of the program: shapes, numbers, and flags."""

    def f(x, scale, squared):
        return (scale * x**2 if squared else scale * x).sum()

    for scale in (2.0, 3.0):
        for squared in (True, False):
            rows = records(xgrad.check(f, (jnp.asarray(X, jnp.float32), scale, squared)))
            assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}
