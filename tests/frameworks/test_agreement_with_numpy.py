"""The standard's functions: every framework computes the numbers of NumPy, and balls exactly so."""

import pytest
from expressions import lines, require_agreement

# What is computed with the data; each line is a test for each framework. JAX compiles every line,
# so it runs those where xgrad or a library has its own way: extras and creation, elsewhere.
CALLS = {
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
}


@pytest.mark.parametrize("expression", [line for text in CALLS.values() for line in lines(text)])
@pytest.mark.parametrize("name", ["torch", "ball"])
def test_frameworks_agree_with_numpy(name, expression):
    require_agreement(name, expression)
