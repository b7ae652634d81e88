"""The array namespaces: every framework computes the same numbers, and balls exactly so."""

import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings

from xgrad.errors import UsageError
from xgrad.frameworks import find_framework
from xgrad.numbers import EXTRAS, Ball, rounded

NAMES = ("numpy", "torch", "jax", "ball")
FLOATS = ("numpy", "torch", "jax")
few = settings(max_examples=5, derandomize=True, deadline=None, database=None)

_rng = np.random.default_rng(20240607)
_root = _rng.normal(size=(4, 4))
DATA = {
    "x": _rng.normal(size=(3, 4)),
    "y": _rng.normal(size=(3, 4)),
    "p": _rng.uniform(0.2, 2.0, size=(3, 4)),
    "q": _rng.uniform(-0.9, 0.9, size=(3, 4)),
    "r": _rng.integers(-2, 3, size=(3, 4)) / 2,  # ties and halves
    "t": _rng.normal(size=(2, 3, 4)),
    "u": _rng.normal(size=4),
    "v": _rng.normal(size=4),
    "w": _rng.normal(size=3),
    "c": _rng.normal(size=(5, 3)),
    "z": np.asarray(0.7),
    "s": _root @ _root.T + 4 * np.eye(4),
    "a": _root + 3 * np.eye(4),
    "m": _rng.normal(size=(2, 4, 4)) + 3 * np.eye(4),
    "o": np.zeros((0, 4)),
    "k": _rng.integers(-3, 4, size=(3, 4)),
    "n": _rng.integers(1, 5, size=(3, 4)),
    "i": np.array([2, 0, 0, 1, 2]),
    "j": np.argsort(_rng.normal(size=(3, 4)), axis=1),
    "b": _rng.normal(size=(3, 4)) > 0,
}

# What is computed with the arrays above; each line is a test for each framework.
CALLS = {
    "extras": """
        xp.logsumexp(x)
        xp.logsumexp(x, axis=1)
        xp.logsumexp(t, axis=(0, 2))
        xp.logsumexp(x, axis=-1, keepdims=True)
        xp.logsumexp(x, keepdims=True)
        xp.logsumexp(z)
        xp.softmax(x)
        xp.softmax(t, axis=1)
        xp.log_softmax(x)
        xp.log_softmax(t, axis=0)
        xp.softplus(3 * x)
        xp.expit(3 * x)
        xp.erf(x)
        xp.erfc(x)
        xp.lgamma(p)
        xp.digamma(p)
        xp.lgamma(q - 1)
        xp.digamma(q - 1)
        xp.polygamma(0, p)
        xp.polygamma(2, q - 1)
        xp.polygamma(3, p)
        xp.expm(a)
        xp.expm(m / 3)
        xp.expm(xp.linalg.diagonal(m)[:, :, None] * xp.eye(4))
        xp.segment_sum(c, i, 3)
        xp.segment_sum(w[i], i, num_segments=4)
        xp.segment_sum(k, xp.asarray([1, 1, 0]), 2)
        xp.segment_sum(t, i[:2], 5)
        xp.segment_sum(o, i[:0], 2)
        xp.scan(lambda total, row: (total + row, total * row), v, x)
        xp.scan(lambda total, row: (total + row[0], (row[1], total)), v, (x, y))
        xp.scan(lambda total, row: (total * row, None), v, x)[0]
        xp.scan(lambda total, _: (total / 2, total), v, None, length=3)
        xp.einsum('ij,kj->ik', x, y)
        xp.einsum('ij,j', x, v)
        xp.einsum('ij,ij->ij', x, y)
        xp.einsum('ij,ij->i', x, y)
        xp.einsum('ij,ij->', x, y)
        xp.einsum('i,j->ij', w, v)
        xp.einsum('i,j->ji', w, v)
        xp.einsum('bij,bjk->bik', m, m)
        xp.einsum('bij,j->bi', t, v)
        xp.einsum('bij,kj->kbi', t, x)
        xp.einsum('ii->i', a)
        xp.einsum('ii', a)
        xp.einsum('ii->', a)
        xp.einsum('bii->b', m)
        xp.einsum('ij->ji', x)
        xp.einsum('ji', x)
        xp.einsum('ij->j', x)
        xp.einsum('ij->', x)
        xp.einsum('ii,ij->j', a, s)
        xp.einsum('ij,jk,kl->il', x, a, s)
        xp.einsum('i,ij,j->', w, x, v)
        xp.einsum('i,i,i->i', u, v, u)
        xp.einsum('i,j,k->kji', w, u, w)
        xp.einsum('ij,kj,lj->ikl', x, x, y)
        xp.einsum('...ij,...j->...i', t, v)
        xp.einsum('...ij,jk->...ik', t, a)
        xp.einsum('...ii->...i', m)
        xp.einsum('...ij->...', t)
        xp.einsum('ij,jk->ik', o, a)
        xp.einsum('ij,ik->jk', o, o)
        xp.einsum('ij,ij->ij', x, w[:, None])
        xp.einsum('ij->', o)
        xp.scan(lambda total, i: (total + x[i, 0], total), z, xp.arange(3))
    """,
    "operators": """
        x + y
        x - 1
        2 - x
        x * 0.5
        x / 3
        1 / p
        x ** 2
        x ** 3
        p ** -2
        p ** 0.5
        2 ** x
        p ** x
        -x
        +x
        abs(x)
        x % 0.3
        x // 0.3
        1.5 % p
        1.5 // p
        x @ v
        x @ a
        x + k
        k - x
        x * b
        k * x / n
        x ** n
        x + z
        z * x
        z + 1
        x + w[:, None]
        x < y
        x <= 0
        r > 0.5
        0 >= r
        r == 0
        r != 0.5
        r == r
        x < k
        k < x
    """,
    "elementwise": """
        xp.add(x, 1)
        xp.subtract(1, x)
        xp.multiply(x, k)
        xp.divide(1, p)
        xp.pow(p, 1.5)
        xp.remainder(x, p)
        xp.floor_divide(x, p)
        xp.atan2(x, y)
        xp.hypot(x, y)
        xp.logaddexp(x, y)
        xp.copysign(x, y)
        xp.maximum(x, y)
        xp.minimum(x, 0.0)
        xp.maximum(x, z)
        xp.maximum(x, k)
        xp.maximum(k, n)
        xp.negative(x)
        xp.positive(x)
        xp.square(k)
        xp.abs(k)
        xp.sign(r)
        xp.signbit(x)
        xp.logical_and(x > 0, b)
        xp.logical_or(x > 0, b)
        xp.logical_xor(x > 0, b)
        xp.logical_not(b)
        xp.isfinite(x)
        xp.isnan(x)
        xp.isinf(xp.where(b, x, xp.inf))
        xp.isfinite(xp.where(b, x, -xp.inf))
        xp.isnan(xp.where(b, x, xp.nan))
        xp.real(x)
        xp.where(b, x, y)
        xp.where(x > 0, x, xp.zeros_like(x))
        xp.where(b, x, 0.0)
        xp.where(b, 0.0, x)
        xp.where(b[:, :1], x, y)
        xp.where(b, k, n)
        xp.where(b, z, x)
        xp.clip(x, -0.5, 0.5)
        xp.clip(x, -0.5)
        xp.clip(x, max=0.5)
        xp.clip(x, 0, z)
        xp.clip(k, -1, 1)
        xp.sum(k * x / n)
    """,
    "reductions": """
        xp.sum(x)
        xp.sum(x, axis=0)
        xp.sum(t, axis=(0, -1))
        xp.sum(t, axis=-1, keepdims=True)
        xp.sum(x, keepdims=True)
        xp.sum(k)
        xp.sum(k, axis=0)
        xp.sum(b, axis=1)
        xp.sum(x > 0)
        xp.sum(z)
        xp.sum(o)
        xp.sum(o, axis=0)
        xp.sum(o, axis=1)
        xp.prod(x)
        xp.prod(x, axis=1)
        xp.prod(o, axis=0)
        xp.prod(k, axis=0)
        xp.max(x)
        xp.max(x, axis=0)
        xp.max(t, axis=(0, 1), keepdims=True)
        xp.min(x, axis=-1)
        xp.min(t, axis=(0, 2))
        xp.max(k, axis=1)
        xp.mean(x)
        xp.mean(t, axis=(1, 2))
        xp.mean(x, axis=0, keepdims=True)
        xp.var(x)
        xp.var(x, axis=1, correction=1)
        xp.var(t, axis=(0, 2), keepdims=True)
        xp.std(x, axis=0)
        xp.std(x, correction=1)
        xp.any(b)
        xp.any(b, axis=0)
        xp.all(b, axis=1, keepdims=True)
        xp.all(x > -9)
        xp.any(r, axis=0)
        xp.all(r, axis=0)
        xp.count_nonzero(r)
        xp.count_nonzero(r, axis=0)
        xp.count_nonzero(b)
        xp.cumulative_sum(v)
        xp.cumulative_sum(x, axis=1)
        xp.cumulative_sum(x, axis=0)
        xp.cumulative_sum(x, axis=1, include_initial=True)
        xp.cumulative_sum(k, axis=0)
        xp.cumulative_prod(v)
        xp.cumulative_prod(x, axis=-1)
        xp.cumulative_prod(x, axis=0, include_initial=True)
        xp.diff(v)
        xp.diff(x, axis=0)
        xp.diff(x, n=2)
        xp.diff(k)
    """,
    "order": """
        xp.sort(x)
        xp.sort(x, axis=0)
        xp.sort(r, axis=1, descending=True)
        xp.sort(k)
        xp.argsort(x)
        xp.argsort(x, axis=0, descending=True)
        xp.argsort(r, stable=True)
        xp.argsort(r, descending=True, stable=True)
        xp.argmax(x)
        xp.argmax(r, axis=1)
        xp.argmin(x, axis=0)
        xp.argmin(x, axis=0, keepdims=True)
        xp.searchsorted(xp.sort(v), u)
        xp.nonzero(b)
        xp.nonzero(r)
        xp.take(x, i, axis=0)
        xp.take(x, i, axis=1)
        xp.take(v, i)
        xp.take(k, i, axis=1)
        xp.take_along_axis(x, j, axis=1)
        xp.take_along_axis(x, j)
    """,
    "shapes": """
        xp.reshape(x, (4, 3))
        xp.reshape(x, (-1,))
        xp.reshape(x, (2, -1))
        xp.reshape(z, (1, 1))
        xp.reshape(o, (4, 0))
        xp.concat([x, y])
        xp.concat([x, y], axis=1)
        xp.concat((x, y), axis=None)
        xp.concat([k, n])
        xp.concat([o, x])
        xp.stack([x, y])
        xp.stack((u, v), axis=-1)
        xp.stack([z, z])
        xp.stack([k, n], axis=1)
        xp.permute_dims(t, (2, 0, 1))
        xp.matrix_transpose(t)
        t.mT
        x.T
        xp.broadcast_to(v, (3, 4))
        xp.broadcast_to(z, (2, 3))
        xp.broadcast_arrays(x, v)
        xp.broadcast_arrays(k, v)
        xp.tril(x)
        xp.tril(a, k=-1)
        xp.triu(m, k=1)
        xp.triu(k)
        xp.flip(x)
        xp.flip(x, axis=1)
        xp.roll(x, 1)
        xp.roll(x, -1, axis=0)
        xp.roll(x, (1, 2), axis=(0, 1))
        xp.squeeze(x[None], axis=0)
        xp.squeeze(x[None, :, None], axis=(0, 2))
        xp.expand_dims(x, axis=1)
        xp.expand_dims(x, axis=-1)
        xp.moveaxis(t, 0, -1)
        xp.moveaxis(t, (0, 1), (1, 0))
        xp.unstack(x)
        xp.unstack(t, axis=1)
        xp.meshgrid(u, w)
        xp.meshgrid(u, w, indexing='ij')
        xp.tile(x, (2, 1))
        xp.repeat(v, 2)
        xp.repeat(x, 2, axis=1)
    """,
    "products": """
        xp.matmul(v, u)
        xp.matmul(x, v)
        xp.matmul(w, x)
        xp.matmul(x, a)
        xp.matmul(t, a)
        xp.matmul(t, v)
        xp.matmul(w, t)
        xp.matmul(m, m)
        xp.matmul(x, xp.matrix_transpose(t))
        xp.matmul(m[:, None], m)
        xp.matmul(o, a)
        xp.matmul(xp.matrix_transpose(o), o)
        xp.tensordot(t, x)
        xp.tensordot(x, a, axes=1)
        xp.tensordot(v, w, axes=0)
        xp.tensordot(t, x, axes=([1, 2], [0, 1]))
        xp.tensordot(t, x, axes=((-1,), (-1,)))
        xp.tensordot(o, a, axes=1)
        xp.tensordot(k, n)
        xp.vecdot(x, y)
        xp.vecdot(x, v)
        xp.vecdot(x, y, axis=0)
        xp.linalg.inv(a)
        xp.linalg.inv(m)
        xp.linalg.det(a)
        xp.linalg.det(m)
        xp.linalg.slogdet(a)
        xp.linalg.slogdet(-m[:, :3, :3])
        xp.linalg.slogdet(s).logabsdet
        xp.linalg.slogdet(s).sign
        xp.linalg.solve(a, s)
        xp.linalg.solve(a, v)
        xp.linalg.solve(m, m @ s)
        xp.linalg.solve(m, s)
        xp.linalg.cholesky(s)
        xp.linalg.cholesky(s, upper=True)
        xp.linalg.cholesky(xp.stack([s, 2 * s]))
        xp.linalg.trace(a)
        xp.linalg.trace(m)
        xp.linalg.trace(x, offset=1)
        xp.linalg.trace(k)
        xp.linalg.diagonal(a)
        xp.linalg.diagonal(m, offset=1)
        xp.linalg.diagonal(k, offset=-1)
        xp.linalg.outer(u, w)
        xp.linalg.outer(i, i)
        xp.linalg.cross(c, w)
        xp.linalg.cross(c, xp.flip(c))
        xp.linalg.cross(x, y, axis=0)
        xp.linalg.matmul(x, a)
        xp.linalg.matrix_transpose(x)
        xp.linalg.tensordot(x, a, axes=1)
        xp.linalg.vecdot(x, y)
        xp.linalg.matrix_power(a, 3)
        xp.linalg.matrix_power(a, -1)
        xp.linalg.matrix_power(m, 0)
        xp.linalg.vector_norm(x)
        xp.linalg.vector_norm(x, axis=1)
        xp.linalg.vector_norm(t, axis=(0, 2), keepdims=True)
        xp.linalg.vector_norm(x, axis=0, ord=1)
        xp.linalg.vector_norm(x, axis=0, ord=3)
        xp.linalg.vector_norm(x, ord=float('inf'))
        xp.linalg.vector_norm(x, axis=1, ord=-float('inf'))
        xp.linalg.vector_norm(r, axis=1, ord=0)
        xp.linalg.matrix_norm(x)
        xp.linalg.matrix_norm(t, keepdims=True)
        xp.linalg.matrix_norm(t, ord=1)
        xp.linalg.matrix_norm(t, ord=float('inf'))
        xp.tensordot(o, o, axes=((0,), (0,)))
    """,
    "indexing": """
        x[0]
        x[-1, 2]
        x[0, ...]
        x[..., 0]
        x[1:, ::2]
        x[:, None]
        x[None, ..., None]
        v[:, None] - u[None, :]
        x[i]
        x[:, i]
        x[i, i]
        v[j]
        x[b]
        x[x > 0]
        x[b[:, 0]]
        z[()]
        z[...]
        z[None]
        k[i]
        x[k[0, 0] * 0 + 1]
        [row for row in x]
        len(x)
        x.shape
        x.ndim
    """,
    "creation": """
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
    """,
    "integers": """
        xp.einsum('ij,ij->i', x, k)
        xp.meshgrid(u, i, indexing='ij')
        xp.sin(xp.arange(4) / 4 * xp.pi)
        xp.exp(xp.arange(4) * 0.1)
        xp.exp(k)
        xp.sqrt(n)
        k / n * x
        x * xp.argsort(x) / 3
    """,
}

# JAX compiles every line, so it runs those where xgrad or a library has its own way.
COMPARED = {
    "torch": [title for title in CALLS if title != "integers"],  # it would make them float32
    "jax": ["extras", "creation", "integers"],
    "ball": list(CALLS),
}


def lines(text):
    """The lines of a table, without blanks."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def leaves(value):
    """The arrays of nested tuples and lists, in order."""
    if isinstance(value, (tuple, list)):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def evaluate(name, expression, dtype="float64", **data):
    """The results of an expression in one framework, as its arrays."""
    framework = find_framework(name)
    with framework.scope():
        put = {k: framework.put(v, dtype) for k, v in (data or DATA).items()}
        return leaves(eval(expression, {"xp": framework.namespace(dtype), **put}))


def host(name, results):
    """Results on the host."""
    framework = find_framework(name)
    return [framework.get(r) if framework.is_array(r) else np.asarray(r) for r in results]


def require_agreement(name, expression, rtol=1e-13, **data):
    """The same shapes, kinds and values as with NumPy; floats of balls stay balls."""
    results = evaluate(name, expression, **data)
    wants = host("numpy", evaluate("numpy", expression, **data))
    for got, want, native in zip(host(name, results), wants, results, strict=True):
        assert (got.shape, got.dtype.kind) == (want.shape, want.dtype.kind)
        assert isinstance(native, Ball) == (name == "ball" and want.dtype.kind == "f")
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    ("name", "expression"),
    [(name, line) for name, titles in COMPARED.items() for t in titles for line in lines(CALLS[t])],
)
def test_frameworks_agree_with_numpy(name, expression):
    require_agreement(name, expression)


# --- the extras --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extra", EXTRAS)
def test_every_framework_has_every_extra_and_the_table_tries_it(name, extra):
    assert callable(getattr(find_framework(name).namespace("float64"), extra))
    assert f"xp.{extra}(" in CALLS["extras"]


REFERENCES = {
    "xp.logsumexp(x, axis=1)": scipy.special.logsumexp(DATA["x"], axis=1),
    "xp.softmax(x)": scipy.special.softmax(DATA["x"], axis=-1),
    "xp.log_softmax(x)": scipy.special.log_softmax(DATA["x"], axis=-1),
    "xp.softplus(x)": np.logaddexp(0, DATA["x"]),
    "xp.expit(x)": scipy.special.expit(DATA["x"]),
    "xp.scan(lambda c, r: (c + r, c + r), 0 * v, x)[1]": np.cumsum(DATA["x"], axis=0),
    "xp.softplus(800 * r)": np.maximum(0, 800 * DATA["r"]) + np.log(2) * (DATA["r"] == 0),
    "xp.expit(800 * r)": np.sign(DATA["r"]) / 2 + 0.5,
    "xp.logsumexp(1000 * r)": 1000 * DATA["r"].max() + np.log((DATA["r"] == DATA["r"].max()).sum()),
    "xp.logsumexp(xp.where(b, x, -xp.inf))": np.log(np.exp(DATA["x"])[DATA["b"]].sum()),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("expression", REFERENCES)
def test_extras_are_right_and_do_not_overflow(name, expression):
    (got,) = host(name, evaluate(name, expression))
    np.testing.assert_allclose(got, REFERENCES[expression], rtol=1e-14, atol=1e-14)


SPECIAL = {
    "einsum": "xp.einsum('ij,ij', p, p)",
    "expm": "xp.expm(s)",
    "polygamma": "xp.polygamma(2, p)",
    "scan": "xp.scan(lambda c, r: (c * r, c), p[0, :], p)",
    "segment_sum": "xp.segment_sum(c, i, 4)",
}
KEEP_DTYPE = [SPECIAL.get(f, f"xp.{f}(p)") for f in EXTRAS]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extras_keep_the_dtype(name, dtype):
    for expression in KEEP_DTYPE:
        if expression == SPECIAL["expm"] and dtype == "float16" and name != "torch":
            continue  # there is none
        for result in evaluate(name, expression, dtype):
            assert find_framework(name).describe(result)[1] == dtype, expression


# --- the standard's functions on arrays of any shape -------------------------------------------

UNARY = {
    "exp expm1 sin cos tan sinh cosh tanh atan asinh square abs negative sign": (-1.5, 1.5),
    "floor ceil trunc round": (-5, 5),
    "log log2 log10 log1p sqrt reciprocal": (0.1, 10),
    "asin acos atanh": (-0.9, 0.9),
    "acosh": (1.1, 10),
}
BINARY = [
    *("add", "subtract", "multiply", "divide", "remainder", "floor_divide", "atan2", "hypot"),
    *("logaddexp", "maximum", "minimum", "copysign"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
]
REDUCTIONS = ["sum", "prod", "max", "min", "mean", "var", "std", "logsumexp", "argmax"]


def floats(shape, low, high):
    """Arrays of floats, whole and half numbers often among them."""
    some = st.sampled_from([k / 2 for k in range(int(2 * low), int(2 * high) + 1) if k / 2 > low])
    return arrays_of.arrays(np.float64, shape, elements=some | st.floats(low, high))


@pytest.mark.parametrize(
    ("function", "low", "high"), [(f, *d) for names, d in UNARY.items() for f in names.split()]
)
def test_elementwise_functions_of_any_shape(function, low, high):
    @few
    @given(
        floats(arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), low, high)
    )
    def holds(x):
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x)", x=x)

    holds()


@pytest.mark.parametrize("function", BINARY)
def test_binary_functions_broadcast(function):
    @few
    @given(arrays_of.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.data())
    def holds(shapes, data):
        x, y = (data.draw(floats(shape, 0.25, 4)) for shape in shapes.input_shapes)
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x, y)", x=x, y=y)

    holds()


@pytest.mark.parametrize("function", REDUCTIONS)
def test_reductions_over_any_axes(function):
    @few
    @given(floats(arrays_of.array_shapes(max_dims=3, max_side=4), -2, 2), st.data())
    def holds(x, data):
        axes = st.integers(-x.ndim, x.ndim - 1) | st.none()
        if function != "argmax":
            axes |= arrays_of.valid_tuple_axes(x.ndim, min_size=1)
        axis, keepdims = data.draw(axes), data.draw(st.booleans())
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x, axis={axis}, keepdims={keepdims})", x=x)

    holds()


# --- creation ----------------------------------------------------------------------------------

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


# --- names that are missing --------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "near"), [("logsumexpp", "logsumexp"), ("concatenat", "concat"), ("einsun", "einsum")]
)
def test_a_missing_name_brings_the_nearest_ones(name, wrong, near):
    with pytest.raises(AttributeError, match=rf"xp has no '{wrong}'.*nearest: .*{near}"):
        getattr(find_framework(name).namespace("float64"), wrong)


def test_a_missing_ball_routine_brings_the_nearest_ones():
    with pytest.raises(AttributeError, match=r"no 'choleski'.*nearest: cholesky"):
        _ = find_framework("ball").namespace().linalg.choleski
    with pytest.raises(AttributeError):
        _ = find_framework("ball").namespace().np


def test_an_unknown_framework_brings_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'numpy'"):
        find_framework("nunpy")


# --- putting and getting -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [[1.0, 2.0], [1, 2], [True, True]])
def test_put_makes_a_copy(name, values):
    framework, source = find_framework(name), np.array(values)
    with framework.scope():
        put = framework.put(source, "float64")
        source[0] = 0
        assert framework.get(put)[0] == values[0]


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, d) for n in FLOATS for d in find_framework(n).dtypes]
)
def test_get_is_exact_in_float64(name, dtype):
    framework = find_framework(name)
    with framework.scope():
        put = framework.put(DATA["x"], dtype)
        assert framework.describe(put) == ((3, 4), dtype, "cpu")
        got = framework.get(put)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, rounded(DATA["x"], dtype))


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_booleans_are_put_as_they_are(name):
    framework = find_framework(name)
    with framework.scope():
        for key, kind in {"k": "int64", "b": "bool"}.items():
            put = framework.put(DATA[key], "float32")
            assert framework.describe(put) == ((3, 4), kind, "cpu")
            np.testing.assert_array_equal(framework.get(put), DATA[key])


def test_the_flags_of_torch_are_those_that_methods_run_under():
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        assert find_framework("torch").flags()["tf32 in convolutions"] == "False"
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before
