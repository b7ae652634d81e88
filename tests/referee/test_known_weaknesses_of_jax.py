"""What JAX's own library does that is not quite a derivative in float64, reported as what it is."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")


def row_of(function, *inputs, dtype="float64"):
    options = {"operators": "gradient", "methods": "jax.reverse", "dtypes": dtype}
    (row,) = records(xgrad.check(function, tuple(map(np.asarray, inputs)), **options))
    return row


def test_spence_has_no_gradient_between_1_and_2():
    row = row_of(lambda x: jax.scipy.special.spence(x).sum(), [1.7, 0.7])
    assert row["verdict"] == "disagrees"
    assert "1 of 2 elements are NaN or infinite: x[0] is nan" in row["message"]
    assert "jax's own derivative is not finite" in row["message"]
    right = row_of(lambda x: jax.scipy.special.spence(x).sum(), [0.3, 0.7])
    assert (right["verdict"], right["referee"]) == ("agrees", "certified")


def test_cholesky_is_differentiated_along_symmetric_directions_only():
    a = [[4.0, 1.0], [1.0, 3.0]]
    row = row_of(lambda a: jax.scipy.linalg.cholesky(a).sum(), a)
    assert (row["verdict"], row["referee"]) == ("disagrees", "definition")
    assert "`cholesky`, called at test_known_weaknesses_of_jax.py:" in row["message"]
    assert "the gradient of its first input" in row["message"]
    for right in (lambda a: jnp.linalg.cholesky(a), lambda a: jax.scipy.linalg.cholesky(a + a.T)):
        found = row_of(lambda a, f=right: f(a).sum(), a)
        assert (found["verdict"], found["referee"]) == ("agrees", "certified")


HEADS = np.random.default_rng(0).normal(size=(3, 1, 3, 1, 2))


def attention(q, k, v):
    return jax.nn.dot_product_attention(q, k, v).sum() ** 2


def test_attention_computes_in_float32_whatever_it_is_given():
    row = row_of(attention, *HEADS)
    assert (row["verdict"], row["referee"]) == ("unstable", "certified")
    assert "the function computes in float32 at " in row["message"]
    assert "test_known_weaknesses_of_jax.py:" in row["message"]
    assert "digits lost to rounding" in row["hint"]
    assert 6 < row["digits"] < 9
    short = row_of(attention, *HEADS.astype(np.float32), dtype="float32")
    assert (short["verdict"], short["referee"]) == ("agrees", "certified")
    assert "float32 at" not in short["message"]


def test_what_computes_in_float32_is_no_excuse_for_a_wrong_rule():
    @jax.custom_vjp
    def doubled(x):
        return 2 * x

    doubled.defvjp(lambda x: (doubled(x), None), lambda _, g: (2 * (1 + 1e-9) * g,))
    for function in (
        lambda q, k, v: attention(doubled(q), k, v),
        lambda q, k, v: attention(q, k, v) + doubled(v).sum(),
    ):
        row = row_of(function, *HEADS)
        assert row["verdict"] == "disagrees"
        assert "`doubled.custom_vjp`" in row["message"]


def test_a_constant_of_float32_in_a_rule_is_no_computation_in_float32():
    @jax.custom_vjp
    def sixth(x):
        return x / 6

    sixth.defvjp(lambda x: (sixth(x), None), lambda _, g: (g * float(np.float32(1 / 6)),))
    row = row_of(lambda x: jnp.sum(sixth(x)), [0.3, 0.7])
    assert row["verdict"] == "disagrees"
    assert "computes in" not in row["message"]


def test_zeta_has_a_truncated_rule_that_is_ample():
    row = row_of(lambda x: jax.scipy.special.zeta(x, 1.5).sum(), [2.5])
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")
    assert "a truncated rule, ample for float64: 33 digits" in row["message"]


def test_dawsn_is_a_float64_approximation():
    row = row_of(lambda x: jax.scipy.special.dawsn(x).sum(), [0.3, 0.7])
    assert (row["verdict"], row["referee"]) == ("agrees", "definition")
    assert "a float64 approximation or a loop's tolerance inside" in row["message"]


@jax.custom_jvp
def root(x):
    return jnp.sqrt(x)


@root.defjvp
def _of_root(primals, tangents):
    (x,), (t,) = primals, tangents
    y = root(x)
    return y, t / (2 * y) * (1 + 1e-3)


@pytest.mark.parametrize(
    ("function", "called"), [(root, ""), (lambda x: root(x) + 1, ", called at test_known_")]
)
def test_a_rule_that_is_checked_by_itself_is_called_by_no_line_of_the_user(function, called):
    x = jnp.asarray([0.5, 1.5], jnp.float32)
    rows = xgrad.check(function, x, operators="jvp", methods="jax.forward")
    assert all(m.startswith(f"`root.custom_jvp`{called}") for m in rows["message"])
    assert not rows["message"].str.contains("foreign.py").any()
