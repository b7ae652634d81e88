"""Sparse arguments of JAX: BCOO, BCSR and their like, by their stored values."""

from functools import partial

import numpy as np
import pytest

import xgrad
from xgrad.table import records

jax = pytest.importorskip("jax")
jnp = jax.numpy
sparse = pytest.importorskip("jax.experimental.sparse")
DENSE = np.array([[0.6, 0.0, 1.4], [0.0, 0.9, 0.0], [-0.8, 0.0, 0.0]], dtype=np.float32)
x = np.array([[0.3, -1.1], [0.7, 0.2], [1.9, 0.5]], dtype=np.float32)
REVERSE = {"methods": "jax.reverse", "dtypes": "float64"}


def bcoo():
    return sparse.BCOO.fromdense(jnp.asarray(DENSE))


def twice():
    """A place that is stored twice, and one that is out of bounds: padding."""
    places = jnp.asarray([[0, 0], [0, 0], [1, 2], [3, 3]])
    return sparse.BCOO((jnp.asarray([0.6, 1.4, 0.9, 5.0]), places), shape=(3, 3))


def judged(f, *inputs, **options):
    (row,) = records(xgrad.check(f, inputs, **{**REVERSE, **options}))
    return row


FUNCTIONS = {
    "A @ x": lambda A, x: A @ x,
    "x @ A": lambda A, x: x.T @ A,
    "transposed": lambda A, x: A.T @ x,
    "todense": lambda A, x: A.todense() ** 2,
    "sum": lambda A, x: A.sum(),
    "sparsify": sparse.sparsify(lambda A, x: (A * A) @ jnp.sin(x)),
    "dot_general": lambda A, x: sparse.bcoo_dot_general(
        A, x, dimension_numbers=(((0,), (0,)), ((), ()))
    ),
    "sampled": lambda A, x: sparse.bcoo_dot_general_sampled(
        x, x.T, A.indices, dimension_numbers=(((1,), (0,)), ((), ()))
    ),
    "without duplicates": lambda A, x: A.sum_duplicates(nse=4).todense() ** 3,
    "a sparse value": lambda A, x: A * 2.0,
}


@pytest.mark.many
@pytest.mark.parametrize("name", FUNCTIONS)
def test_programs_of_sparse_matrices_are_certified(name):
    row = judged(FUNCTIONS[name], bcoo(), jnp.asarray(x))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]
    assert "A is sparse: differentiated with respect to its 4 stored values" in row["message"]


@pytest.mark.many(2)
@pytest.mark.parametrize("kind", ["BCSR", "COO", "CSR"])
def test_other_formats_are_certified(kind):
    A = getattr(sparse, kind).fromdense(jnp.asarray(DENSE))
    row = judged(lambda A, x: A @ x, A, jnp.asarray(x))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_duplicates_share_a_gradient_and_padding_has_none():
    row = judged(lambda A: (A.todense() ** 2).sum(), twice())
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


def test_forward_mode_and_second_derivatives_are_judged_too():
    def loss(A, x):
        return jnp.sum(jnp.sin(A @ x))

    options = {"operators": "hvp", "methods": ("jax.reverse", "jax.forward"), "dtypes": "float64"}
    rows = records(xgrad.check(loss, (bcoo(), jnp.asarray(x)), **options))
    assert len(rows) == 2
    assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}


def test_wrt_names_the_matrix():
    row = judged(lambda A, x: A @ x, bcoo(), jnp.asarray(x), wrt="A")
    assert row["worst"].split("/")[1].startswith("A.data[")


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(mistake, values, places, x):
    return sparse.BCOO((values, places), shape=(3, 3)) @ x


def _forward(mistake, values, places, x):
    return _product(mistake, values, places, x), (values, places, x)


def _backward(mistake, kept, g):
    values, places, x = kept
    turned = sparse.BCOO((values, places), shape=(3, 3)).T
    return mistake(g @ x.T, places), None, turned @ g


_product.defvjp(_forward, _backward)


def product(mistake):
    return lambda A, x: _product(mistake, A.data, A.indices, x)


def right(dense, places):
    return dense[places[:, 0], places[:, 1]]


def transposed(dense, places):
    return dense[places[:, 1], places[:, 0]]


def out_of_order(dense, places):
    return right(dense, places)[::-1]


def without_the_last(dense, places):
    return right(dense, places).at[-1].set(0.0)


def test_the_right_custom_rule_agrees():
    row = judged(product(right), bcoo(), jnp.asarray(x))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified"), row["message"]


@pytest.mark.parametrize("mistake", [transposed, out_of_order, without_the_last])
def test_wrong_custom_rules_are_caught(mistake):
    row = judged(product(mistake), bcoo(), jnp.asarray(x))
    assert row["verdict"] == "disagrees"
