"""New arrays: the numbers of NumPy, in the dtype and on the device of the case, and copies."""

import numpy as np
import pytest
from expressions import DATA, NAMES, evaluate, lines, require_agreement

from xgrad.frameworks import find_framework

CREATIONS = lines("""
    xp.zeros((2, 3))
    xp.zeros(3)
    xp.zeros(())
    xp.ones((2, 3))
    xp.ones(2, dtype=xp.int64)
    xp.eye(3)
    xp.eye(2, 3)
    xp.eye(3, k=1)
    xp.full((2, 2), 0.1)
    xp.full(3, 2)
    xp.full((2,), 2, dtype=xp.int64)
    xp.linspace(0, 1, 5)
    xp.linspace(-1.0, 2.0, num=4)
    xp.linspace(0.0, 1.0, 4, endpoint=False)
    xp.linspace(0.0, 1.0, 1)
    xp.linspace(0, 1, 3, dtype=xp.float64)
    xp.arange(5)
    xp.arange(2, 9, 3)
    xp.arange(5, 0, -2)
    xp.arange(3.0)
    xp.arange(0.0, 1.0, 0.3)
    xp.arange(4, dtype=xp.float64)
    xp.arange(2, 5, dtype=xp.float64)
    xp.asarray(0.1)
    xp.asarray([1.5, 2.0])
    xp.asarray([[1, 2], [3, 4]])
    xp.asarray([1, 2], dtype=xp.float64)
    xp.asarray([True, False])
    xp.asarray(x)
    xp.zeros_like(x)
    xp.zeros_like(k)
    xp.zeros_like(k, dtype=xp.float64)
    xp.ones_like(x)
    xp.ones_like(b)
    xp.full_like(x, 0.3)
    xp.full_like(k, 3)
    xp.empty_like(x).shape
    xp.empty((2, 3)).shape
    xp.astype(k, xp.float64)
    xp.astype(3 * x, xp.int64)
    xp.astype(r, xp.bool)
    xp.astype(b, xp.int64)
    xp.astype(b, x.dtype)
    xp.isdtype(x.dtype, 'real floating')
    xp.isdtype(x.dtype, 'integral')
    xp.isdtype(x.dtype, ('integral', 'real floating'))
    xp.isdtype(x.dtype, 'numeric')
    xp.isdtype(k.dtype, 'integral')
    xp.isdtype(b.dtype, 'bool')
    xp.isdtype(x.dtype, xp.float64)
    xp.astype(k, xp.result_type(x, k))
    xp.astype(x, xp.result_type(k, n))
    xp.broadcast_shapes((3, 1), (4,))
    xp.e ** x
    xp.pi * x
    xp.mean(xp.astype(k, xp.float64))
    xp.cos(k * z)
""")


# Of floats that integers become: torch would make them float32.
OF_INTEGERS = lines("""
    xp.einsum('ij,ij->i', x, k)
    xp.meshgrid(u, i, indexing='ij')
    xp.sin(xp.arange(4) / 4 * xp.pi)
    xp.exp(xp.arange(4) * 0.1)
    xp.exp(k)
    xp.sqrt(n)
    k / n * x
    x * xp.argsort(x) / 3
""")


@pytest.mark.many(40)
@pytest.mark.parametrize(
    ("name", "expression"),
    [(name, line) for name in ("torch", "jax", "ball") for line in CREATIONS]
    + [(name, line) for name in ("jax", "ball") for line in OF_INTEGERS],
)
def test_frameworks_agree_with_numpy(name, expression):
    require_agreement(name, expression)


FLOAT_CREATIONS = lines("""
    xp.zeros((2, 3))
    xp.ones(3)
    xp.empty((2,))
    xp.eye(3)
    xp.full((2, 2), 0.5)
    xp.full(2, 3)
    xp.linspace(0, 1, 5)
    xp.arange(0.0, 2.0)
    xp.asarray(0.5)
    xp.asarray([0.5, 1.5])
    xp.asarray((0.5, 1))
    xp.asarray(c)
    xp.asarray(c[0, 0])
    xp.zeros_like(xp.ones(3))
    xp.full_like(xp.ones(3), 2)
""")
INTEGER_CREATIONS = lines("""
    xp.arange(4)
    xp.asarray(3)
    xp.asarray([1, 2])
    xp.asarray(d)
    xp.ones(2, dtype=xp.int64)
    xp.full((2,), 3, dtype=xp.int64)
    xp.zeros_like(xp.asarray([1, 2]))
    xp.argsort(xp.asarray([0.5, 0.1]))
""")
PLACES = [("numpy", "cpu"), ("torch", "cpu"), ("torch", "meta"), ("jax", "cpu"), ("ball", "cpu")]


@pytest.mark.parametrize(("name", "device"), PLACES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_new_arrays_have_the_dtype_and_the_device_of_the_case(name, device, dtype):
    framework = find_framework(name)
    kinds = dict.fromkeys(FLOAT_CREATIONS, "ball" if name == "ball" else dtype)
    kinds |= dict.fromkeys(INTEGER_CREATIONS, "int64")
    with framework.scope():
        known = {"xp": framework.namespace(dtype, device), "c": DATA["c"], "d": DATA["k"]}
        for expression, kind in kinds.items():
            made = eval(expression, known)
            assert framework.describe(made)[1:] == (kind, device), expression


@pytest.mark.parametrize("name", NAMES)
def test_constants_do_not_share_memory_with_their_source(name):
    framework, source = find_framework(name), np.ones(3)
    with framework.scope():
        made = framework.namespace("float64").asarray(source)
        source[0] = 7
        assert framework.get(made)[0] == 1


@pytest.mark.parametrize("name", ["torch", "jax", "ball"])
def test_a_list_of_arrays_is_not_a_constant(name):
    with pytest.raises(TypeError, match=r"xp\.stack"):
        evaluate(name, "xp.asarray([x[0, 0], x[0, 1]])")


def test_constants_compile_into_one_graph_with_torch():
    torch = pytest.importorskip("torch")
    names = find_framework("torch").namespace("float32")

    def f(x):
        return x * names.asarray([0.5, 1.5]) + names.asarray(DATA["u"][:2]) + names.arange(2.0)

    compiled = torch.compile(f, fullgraph=True, backend="eager")
    x = torch.ones(2, dtype=torch.float32)
    assert torch.equal(compiled(x), f(x))
    assert compiled(x).dtype == torch.float32


def test_torch_converts_a_read_only_table_once_and_a_writable_one_anew():
    torch = pytest.importorskip("torch")
    names = find_framework("torch").namespace("float32")
    table = np.arange(3.0)
    fixed = np.broadcast_to(table, table.shape)
    assert names.asarray(fixed) is names.asarray(fixed)
    assert names.asarray(fixed, torch.float64) is not names.asarray(fixed)
    first = names.asarray(table)
    table[0] = 7
    assert first[0] == 0
    assert names.asarray(table)[0] == 7


def test_many_read_only_tables_neither_mix_nor_pile_up():
    pytest.importorskip("torch")
    names = find_framework("torch").namespace("float64")
    for k in range(300):
        assert names.asarray(np.broadcast_to(np.float64(k), (2,)))[1] == k


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_the_sign_of_nan_is_nan(name):
    framework = find_framework(name)
    with framework.scope():
        made = framework.namespace("float64").sign(
            framework.put(np.array([np.nan, -2.0]), "float64")
        )
        np.testing.assert_array_equal(framework.get(made), [np.nan, -1.0])
