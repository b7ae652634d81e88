"""How often a check calls a JAX function in Python, and traces its programs."""

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


def test_once_for_each_dtype_whatever_is_asked(traces):
    """Once for each: the dtype decides promotion and casts, and may decide branches."""
    f, calls = counted(lambda x, y: jnp.sum(jnp.tanh(x) * y))
    x = jnp.asarray(X, jnp.float32)
    operators = ("value", "gradient", "hvp", "hessian", "jvp")
    rows = records(xgrad.check(f, (x, x), operators=operators, dtypes=("float64", "float32")))
    assert {r["verdict"] for r in rows} == {"agrees"}
    assert {r["dtype"] for r in rows} == {"float32", "float64"}
    assert calls == {"float32": 1, "float64": 1}
    once = ("_outputs", "_pulled", "_pushed", "_forward_over_reverse")
    assert {name: traces[name] for name in once} == dict.fromkeys(once, 1)


def test_points_nearby_need_no_more(traces):
    """A cancelling sum whose noise is looked for at many other points."""
    f, calls = counted(lambda x, y: jnp.sum(jnp.exp(40 * x) - jnp.exp(40 * x) * (1 + 1e-12 * y)))
    records(xgrad.check(f, (X, X), dtypes="float64", operators="gradient"))
    assert calls == {"float64": 1}
    assert traces["_outputs"] == traces["_pulled"] == 1


def test_other_arguments_are_another_function():
    """What is not differentiated is part of the program: shapes, numbers, and flags."""

    def f(x, scale, squared):
        return (scale * x**2 if squared else scale * x).sum()

    for scale in (2.0, 3.0):
        for squared in (True, False):
            rows = records(xgrad.check(f, (jnp.asarray(X, jnp.float32), scale, squared)))
            assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}


def test_a_function_that_cannot_be_traced_is_called_as_it_is():
    def f(x, n):
        return x[: int(n)].sum() ** 2  # a concrete number, which a trace has not

    with jax.enable_x64(True):
        from xgrad.frameworks import find_framework

        once = find_framework("jax").once(f)
        assert float(once(jnp.asarray(X), jnp.asarray(2))) == pytest.approx(0.16)
        assert float(once(jnp.asarray(X), jnp.asarray(3))) == pytest.approx(0.64)


def test_results_keep_their_structure():
    from xgrad.frameworks import find_framework

    once = find_framework("jax").once(lambda x, k: {"a": (x * k, None), "name": "b", "n": 3})
    for _ in range(2):
        made = once(jnp.ones(2), 3)
        assert (made["name"], made["n"], made["a"][1]) == ("b", 3, None)
        assert made["a"][0].tolist() == [3, 3]
    assert once(jnp.ones(2), 4)["a"][0].tolist() == [4, 4]
